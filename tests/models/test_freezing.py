"""Layers that are frozen stay frozen: in training, and in every copy of a model."""

import copy

import keras
import numpy as np
import pytest

import tfar
from tfar.models.freezing import freeze, frozen_layers, layers_of

X = np.eye(4, dtype=np.int32)


@pytest.fixture
def model():
    model = tfar.MADE([4], hidden_units=[6, 6])
    freeze(model.network, ["hidden_*"])
    return model


def moved(model):
    """Names of the weights that a training moves."""
    before = {weight.path: weight.numpy() for weight in model.network.weights}
    tfar.training.fit(model, X, X, tfar.config.Training(epochs=1, epoch_steps=2, jit=False, ema=0.0), start=False)
    return {weight.path.split("/")[1] for weight in model.network.weights if not np.array_equal(weight, before[weight.path])}


def test_training_leaves_frozen_layers(model):
    assert frozen_layers(model.network) == ["hidden_0", "hidden_1"]
    assert moved(model) == {"output", "direct"}


def test_frozen_layers_are_frozen_after_saving_and_loading(model, tmp_path):
    model.compile(keras.optimizers.Adam(0.125))
    model.fit(X, epochs=2, verbose=0)
    model.save(tmp_path / "a.keras")
    loaded = tfar.load_model(tmp_path / "a.keras", compile=True)
    assert frozen_layers(loaded.network) == ["hidden_0", "hidden_1"]
    assert loaded.optimizer.iterations == 2
    for variable, own in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(variable, own)
    model.fit(X, epochs=1, verbose=0, shuffle=False)
    loaded.fit(X, epochs=1, verbose=0, shuffle=False)
    for weight, own in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_array_equal(weight, own)
    assert moved(loaded) == {"output", "direct"}


def test_copies_have_the_same_frozen_layers(model):
    for other in (keras.models.clone_model(model), copy.deepcopy(model), type(model).from_config(model.get_config())):
        assert frozen_layers(other.network) == ["hidden_0", "hidden_1"]


def test_a_model_without_frozen_layers_has_the_configuration_of_before():
    assert tfar.MADE([4], hidden_units=[6]).get_config().keys() == {"name", "network", "head"}


def test_layers_within_layers_have_names(tmp_path):
    model = tfar.CharRNN("ab", units=4, num_layers=2)
    assert {"lstm_0", "lstm_0/lstm_cell", "outputs"} <= {name for name, _ in layers_of(model.network)}
    model.network.trainable = False
    assert not type(model).from_config(model.get_config()).trainable_variables


def test_unknown_layers_are_refused(model):
    with pytest.raises(ValueError, match="which are direct, hidden_0, hidden_1, output. Received: 'hidden'"):
        freeze(model.network, ["hidden"])
    with pytest.raises(ValueError, match="no layers of its own.*Received: 'a'"):
        freeze(tfar.NADE([4], hidden_units=4).network, ["a"])
