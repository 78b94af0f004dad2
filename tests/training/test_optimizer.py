"""The optimizer: what decays, how the rate moves, what is clipped."""

import numpy as np
import pytest
import tensorflow as tf

import tfar
from tfar import automatic, config
from tfar.training.optimizer import optimizer


def training(**settings):
    """Settings of which none is left to choose."""
    return config.Training(**{**automatic.FALLBACK, **settings})


def test_kernels_decay_and_biases_do_not():
    """Without gradients a step leaves (1 - rate W) of a kernel, and a bias, of whatever shape, as it was."""
    model = tfar.NeuralAutoregressive([6], tfar.heads.Categorical(3), hidden_units=4, direct=True, context_size=2)
    for variable in model.trainable_variables:
        variable.assign(tf.ones(variable.shape))
    adam = optimizer(model.trainable_variables, training(learning_rate=0.5, schedule="constant", weight_decay=0.2, ema=0), 1)
    adam.apply([tf.zeros(variable.shape) for variable in model.trainable_variables], model.trainable_variables)
    biases = {variable.path for variable in model.trainable_variables if "bias" in variable.name}
    assert any(variable.path in biases and len(variable.shape) == 2 for variable in model.trainable_variables)
    for variable in model.trainable_variables:
        expected = 1.0 if variable.path in biases or len(variable.shape) == 1 else 0.9
        np.testing.assert_allclose(variable, np.full(variable.shape, expected), rtol=1e-6, err_msg=variable.path)


def test_the_rate_rises_and_falls_along_a_cosine():
    adam = optimizer([], training(learning_rate=0.1, schedule="cosine"), 1000)
    for step, expected in {0: 0.0, 10: 0.05, 20: 0.1, 20 + 490: 0.05, 1000: 0.0}.items():
        adam.iterations.assign(step)
        assert float(adam.learning_rate) == pytest.approx(expected, abs=1e-7)


def test_the_first_of_few_steps_has_the_peak_rate():
    for steps in (1, 49):
        adam = optimizer([], training(learning_rate=0.1, schedule="cosine"), steps)
        assert float(adam.learning_rate) == pytest.approx(0.1)


def test_gradients_are_clipped_together():
    assert optimizer([], training(clip=10.0), 1).global_clipnorm == 10.0
