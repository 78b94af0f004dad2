"""`tf.train.Checkpoint` saves and restores every variable of a network; `tests/test_contract.py` tries it with each family."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfar
from tfar import networks
from tfar.networks import AutoregressiveNetwork
from tfar.testing import randomize

X = np.random.default_rng(0).integers(2, size=[64, 6])


def made(**options):
    return tfar.MADE([6], **{"hidden_units": [8, 7], "num_masks": 2, "order": "random", **options})


def other_than(model):
    """The model with other weights."""
    for weight in model.weights:
        weight.assign(np.ones(weight.shape))
    return model


def variables_in(path):
    """Shapes of the network's variables in a checkpoint, by key."""
    return {key: shape for key, shape in tf.train.list_variables(str(path)) if "/network/" in key}


def test_every_variable_is_saved_once(tmp_path):
    model = made()
    tf.train.Checkpoint(model=model).write(tmp_path / "made")
    saved = variables_in(tmp_path / "made")
    assert sorted(map(tuple, saved.values())) == sorted(tuple(variable.shape) for variable in model.network.variables)
    assert all(key.startswith("model/network/") for key in saved)


def test_a_key_is_the_place_of_a_variable(tmp_path):
    model = randomize(made(num_masks=1))
    tf.train.Checkpoint(network=model.network).write(tmp_path / "made")
    reader = tf.train.load_checkpoint(str(tmp_path / "made"))
    for number, variable in enumerate(model.network.variables):
        np.testing.assert_array_equal(reader.get_tensor(f"network/{number}/.ATTRIBUTES/VARIABLE_VALUE"), variable)


@pytest.mark.slow
def test_training_continues_from_a_checkpoint_manager(tmp_path):
    def compiled():
        model = randomize(made())
        model.compile(keras.optimizers.Adam(0.05))
        return model

    model = compiled()
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(model=model), tmp_path, max_to_keep=1)
    model.fit(X, epochs=2, shuffle=False, verbose=0)
    manager.save()
    model.fit(X, epochs=1, shuffle=False, verbose=0)

    copy = other_than(compiled())
    status = tf.train.Checkpoint(model=copy).restore(tf.train.latest_checkpoint(tmp_path))
    status.assert_existing_objects_matched()
    copy.fit(X, epochs=1, shuffle=False, verbose=0)  # creates the optimizer's variables, which are restored then
    status.assert_consumed()
    for mine, theirs in zip(copy.variables, model.variables, strict=True):
        np.testing.assert_array_equal(mine, theirs, err_msg=mine.path)
    for mine, theirs in zip(copy.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine, theirs, err_msg=mine.path)


@pytest.mark.parametrize("how", ["build", "call", "graph"])
def test_a_network_is_restored_before_it_is_built(how, tmp_path):
    network = randomize(networks.MADE([6], hidden_units=[8, 7]))
    tf.train.Checkpoint(network=network).write(tmp_path / "made")
    later = networks.MADE([6], hidden_units=[8, 7])
    status = tf.train.Checkpoint(network=later).read(tmp_path / "made")
    assert not later.variables
    if how == "build":
        later.ensure_built()
    else:
        (tf.function(later, autograph=False) if how == "graph" else later)(X)
    status.assert_existing_objects_matched().assert_consumed()
    np.testing.assert_array_equal(later(X), network(X))


class Listed(keras.Model):
    """An inner network whose layers are in lists of lists and in dictionaries; the output at a position depends on nothing."""

    def __init__(self):
        super().__init__()
        self.parts = {"deep": [[keras.layers.Dense(4)], [keras.layers.Dense(6)]]}

    def call(self, x):
        h = 0 * x
        for group in self.parts["deep"]:
            for layer in group:
                h = layer(h)
        return h[..., None]


def test_an_inner_network_may_hold_its_layers_in_lists(tmp_path):
    def model():
        return tfar.AutoregressiveModel(networks.WrappedNetwork(Listed(), [6]))

    first, second = randomize(model()), model()
    assert len(first.network.variables) == 4
    tf.train.Checkpoint(model=first).write(tmp_path / "listed")
    tf.train.Checkpoint(model=other_than(second)).read(tmp_path / "listed").assert_existing_objects_matched()
    np.testing.assert_array_equal(second.log_prob(X), first.log_prob(X))


def written_before(monkeypatch, model, path):
    """Write a checkpoint as version 0.1 did, with the attributes alone."""
    with monkeypatch.context() as patch:
        patch.delattr(AutoregressiveNetwork, "_trackable_children")
        tf.train.Checkpoint(model=model).write(path)


def test_a_checkpoint_of_version_0_1_is_restored_where_it_is_complete(monkeypatch, tmp_path):
    def nade():
        return tfar.NADE([6], hidden_units=4)

    model, copy = randomize(nade()), other_than(nade())
    written_before(monkeypatch, model, tmp_path / "nade")
    tf.train.Checkpoint(model=model).write(tmp_path / "new")
    assert variables_in(tmp_path / "nade") == variables_in(tmp_path / "new")  # no key changes
    tf.train.Checkpoint(model=copy).read(tmp_path / "nade").assert_existing_objects_matched().assert_consumed()
    np.testing.assert_array_equal(copy.log_prob(X), model.log_prob(X))


def test_a_checkpoint_of_version_0_1_is_refused_where_weights_are_missing(monkeypatch, tmp_path):
    written_before(monkeypatch, made(), tmp_path / "made")
    status = tf.train.Checkpoint(model=made()).read(tmp_path / "made")
    with pytest.raises(AssertionError, match="not bound to checkpointed values"):
        status.assert_existing_objects_matched()


def test_saved_models_hold_no_numbered_variables():
    network = made().network
    assert "0" in network._trackable_children()
    assert network._trackable_children("savedmodel").keys() == keras.layers.Layer._trackable_children(network, "savedmodel").keys()
