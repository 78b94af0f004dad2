"""The optimizer: what decays, how the rate moves, what is clipped."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.training import Kill, Killed, binary, logistic

import tfar
from tfar import automatic, config
from tfar.training import fit, loop
from tfar.training.checkpoints import Checkpoint
from tfar.training.optimizer import optimizer

each_optimizer = pytest.mark.parametrize("name", config.OPTIMIZERS)


def training(**settings):
    """Settings of which none is left to choose."""
    return config.Training(**{**automatic.FALLBACK, **settings})


@each_optimizer
def test_kernels_decay_and_biases_do_not(name):
    """Without gradients a step leaves (1 - rate W) of a kernel, and a bias, of whatever shape, as it was."""
    model = tfar.NeuralAutoregressive([6], tfar.heads.Categorical(3), hidden_units=4, direct=True, context_size=2)
    for variable in model.trainable_variables:
        variable.assign(tf.ones(variable.shape))
    settings = training(optimizer=name, learning_rate=0.5, schedule="constant", weight_decay=0.2, ema=0)
    found = optimizer(model.trainable_variables, settings, 1)
    found.apply([tf.zeros(variable.shape) for variable in model.trainable_variables], model.trainable_variables)
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


@each_optimizer
def test_a_name_is_that_of_keras_and_without_decay_nothing_decays(name):
    found, weight = optimizer([], training(optimizer=name, learning_rate=0.25), 1), keras.Variable([[2.0]])
    assert type(found) is type(keras.optimizers.get(name)) and float(found.learning_rate) == 0.25
    found.apply([tf.zeros([1, 1])], [weight])
    assert float(weight[0, 0]) == 2.0


@each_optimizer
def test_gradients_are_clipped_together(name):
    assert optimizer([], training(optimizer=name, clip=10.0), 1, replicas=2).global_clipnorm == 5.0


def test_a_step_is_no_longer_than_its_clip():
    """Without momentum a step is the rate times a gradient (30, 40) of norm 50, which is cut to 5."""
    weights = [keras.Variable([0.0]), keras.Variable([0.0])]
    optimizer(weights, training(optimizer="sgd", learning_rate=0.1, clip=5.0), 1).apply([tf.constant([30.0]), tf.constant([40.0])], weights)
    np.testing.assert_allclose(weights, [[-0.3], [-0.4]], rtol=1e-6)


def test_an_unknown_optimizer_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="optimizer must be one of adam, adamw, .*, sgd. Received: optimizer='ftrl'"):
        config.Training(optimizer="ftrl")


def test_an_optimizer_whose_rate_is_not_automatic_needs_one():
    with pytest.raises(ValueError, match=r"a learning rate \(--learning-rate\) must be given .* adam and adamw.* optimizer='sgd'"):
        config.Training(optimizer="sgd")
    assert config.Training(optimizer="adamw").learning_rate is None and config.Training(optimizer="sgd", learning_rate=0.1)


@pytest.mark.parametrize("name", ["lion", *(pytest.param(name, marks=pytest.mark.slow) for name in config.OPTIMIZERS if name != "lion")])
def test_a_training_learns_and_goes_on_exactly_with_each(name, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "Checkpoint", lambda *args: Checkpoint(*args, every=0.0))

    def train(path, **options):
        keras.utils.set_random_seed(3)
        model = logistic()
        rate = 1.0 if name in ("adadelta", "sgd") else 0.05
        options = {"epochs": 3, "epoch_steps": 10, "schedule": "plateau", "optimizer": name, "learning_rate": rate, **options}
        return fit(model, binary(), binary(seed=1), checkpoint=tmp_path / path, weight_decay=0.01, **options), model.get_weights()

    whole, expected = train("whole.npz")
    assert whole.history["val_nll"][-1] < whole.history["val_nll"][0]
    with pytest.raises(Killed):
        train("killed.npz", callbacks=[Kill(25)])
    with pytest.raises(ValueError, match=f"optimizer was '{name}', is 'adamax'" if name != "adamax" else "optimizer was 'adamax'"):
        train("killed.npz", optimizer="adamax" if name != "adamax" else "adam")
    resumed, weights = train("killed.npz")
    assert resumed.history == whole.history
    for one, other in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(one, other)
