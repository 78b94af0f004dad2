"""Every family lowers to XLA programs for a GPU: its density, the gradient of its training loss, and its sampler. It needs no GPU."""

import keras
import pytest
import tensorflow as tf
from support.cases import CASES, context_of, some_values

from tfar import noise

FEW = ("made-deep", "nade", "deepnade", "gated-pixelcnn-colour")
NAMES = [pytest.param(name, marks=() if name in FEW else pytest.mark.slow) for name in CASES]


def lowered(model, function, *arguments):
    """The text of the program of a function, whose weights and other variables are arguments."""
    variables = model.variables

    def call(values, *arguments):
        with keras.StatelessScope(list(zip(variables, values, strict=True))):
            return function(*arguments)

    program = tf.function(call, jit_compile=True, autograph=False).experimental_get_compiler_ir(
        [tf.convert_to_tensor(variable.value) for variable in variables], *arguments
    )
    return program(stage="hlo", platform_name="GPU")


@pytest.fixture(params=NAMES)
def example(request):
    spec = CASES[request.param]
    model = spec.model()
    return model, spec, tf.constant(some_values(model, 3)), context_of(model, 3)


def test_the_density(example):
    model, spec, x, context = example
    assert "HloModule" in lowered(model, lambda x: model.distribution(context, **spec.options).log_prob(x), x)


def test_the_gradient_of_the_training_loss(example):
    model, _, x, context = example

    def gradient(x):
        weights = [variable.value for variable in model.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(weights)
            loss = tf.reduce_mean(model.nats(x, context, training=True)[0])
        return tape.gradient(loss, weights, unconnected_gradients="zero")

    assert "HloModule" in lowered(model, gradient, x)


def test_the_sampler(example):
    model, spec, x, context = example
    seeds = noise.row_seeds(noise.as_seed(1), len(x))
    assert "HloModule" in lowered(model, lambda seeds: model.distribution(context, **spec.options).sample_rows(seeds), seeds)
