"""A network of a user's own is checked once, before it is trained or exported."""

import time

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfar
from tfar.networks import AutoregressiveNetwork, WrappedNetwork
from tfar.testing import randomize, spot_check

X = np.random.default_rng(0).integers(0, 2, [32, 4])
REFUSED = r"a network must be autoregressive: .* in the order \[0, 1, 2, 3\]. Received: parameters of the dimensions 0, 1, 2, 3"


def leaking():
    """As a user would write it: a dense layer, which sees what it scores."""
    inner = keras.Sequential([keras.Input([4]), keras.layers.Dense(4), keras.layers.Reshape((4, 1))])
    return inner


def wrapped(network, **options):
    model = tfar.AutoregressiveModel(WrappedNetwork(network, [4], **options))
    model.compile("adam")
    return model


class Own(AutoregressiveNetwork):
    """A subclass of a user's own, in which each position sees a number of positions before it; 0 is itself."""

    def __init__(self, event_shape, shift=1, **kwargs):
        super().__init__(event_shape, **kwargs)
        self.shift, self.calls = shift, 0

    def call(self, x, context=None, training=False):
        self.calls += 1
        flat = tf.cast(tf.reshape(self.as_values(x), [-1, self.event_size]), self.compute_dtype)
        return tf.reshape(tf.pad(flat, [[0, 0], [self.shift, 0]])[:, : self.event_size], [-1, *self.event_shape, 1])


DOORS = {
    "fit": lambda model, path: model.fit(X, verbose=0),
    "tfar.training.fit": lambda model, path: tfar.training.fit(model, (X,), (X,), epochs=1, epoch_steps=1, jit=False),
    "export": lambda model, path: model.export(path),
    "tfar.serving": lambda model, path: tfar.serving.export_saved_model(model, path),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_network_that_leaks_is_refused(door, tmp_path):
    model = wrapped(leaking())
    before = model.get_weights()
    with pytest.raises(ValueError, match=REFUSED):
        DOORS[door](model, tmp_path / "1")
    assert not (tmp_path / "1").exists()
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_check_can_be_left_out(tmp_path):
    model = wrapped(leaking(), check_dependencies=False)
    model.fit(X, verbose=0)
    model.save(tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras").network.check_dependencies is False
    with pytest.raises(ValueError, match="check_dependencies must be True or False"):
        WrappedNetwork(leaking(), [4], check_dependencies="no")


def test_it_is_done_once_and_for_networks_of_ones_own_alone(monkeypatch):
    checked = []
    monkeypatch.setattr("tfar.models.autoregressive.spot_check", lambda network, *args: checked.append(network))
    models = [wrapped(tfar.networks.MADE([4], hidden_units=[4])), tfar.AutoregressiveModel(Own([4])), tfar.MADE([4], hidden_units=[4])]
    for model in models:
        for _ in range(2):
            model.check_network()
    assert checked == [model.network for model in models[:2]]


@pytest.mark.parametrize("event_shape", [[4], [28, 28, 1]])
def test_a_subclass_of_ones_own_is_checked_too(event_shape):
    model = tfar.AutoregressiveModel(Own(event_shape))
    begun = time.process_time()
    model.check_network()
    assert time.process_time() - begun < 5 and model.network.calls <= 4
    with pytest.raises(ValueError, match="a network must be autoregressive"):
        tfar.AutoregressiveModel(Own(event_shape, shift=0)).check_network()
    off = Own(event_shape, shift=0)
    off.check_dependencies = False
    tfar.AutoregressiveModel(off).check_network()


@pytest.mark.parametrize(("source", "target"), [(i, j) for i in range(4) for j in range(4)])
def test_every_single_dependency_is_found(source, target):
    order = [2, 0, 3, 1]
    weights = np.zeros([4, 4], np.float32)
    weights[source, target] = 1.0
    network = WrappedNetwork(lambda x: tf.matmul(x, weights)[..., None], [4], order=order)
    if order.index(source) < order.index(target):
        return spot_check(network)
    for classes in (0, 2, 5, None):
        with pytest.raises(ValueError, match=rf"in the order \[2, 0, 3, 1\]. Received: parameters of the dimensions {target} that"):
            spot_check(network, classes)


def test_a_dependency_on_a_parity_is_found():
    """It does not change where all later bits are flipped at once."""

    def parity(x):
        before = tf.reduce_sum(x, axis=1, keepdims=True) % 2
        return tf.stack([tf.tile(before, [1, 5])], axis=-1) * tf.reshape(tf.constant([1.0, 0, 0, 0, 0]), [1, 5, 1])

    with pytest.raises(ValueError, match="dimensions 0 that"):
        spot_check(WrappedNetwork(parity, [5]), 2)


def test_a_long_range_in_an_image_is_found():
    def last_on_first(x):
        flat = tf.reshape(x, [-1, 784])
        return tf.reshape(tf.concat([flat[:, -1:], tf.zeros_like(flat[:, 1:])], axis=1), [-1, 28, 28, 1, 1])

    with pytest.raises(ValueError, match=r"the order \[0, 1, .*\.\.\.. Received: parameters of the dimensions 0 that"):
        spot_check(WrappedNetwork(last_on_first, [28, 28, 1]))


@pytest.mark.parametrize(
    "network",
    [
        lambda: tfar.networks.MADE([5], hidden_units=[16], context_size=2, order="reversed"),
        lambda: tfar.networks.DeepNADE([5], hidden_units=[16]),
        lambda: tfar.networks.MADE([3], [3, 6, 1], hidden_units=[16], encoding=COLUMNS.encoding),
        lambda: tfar.networks.PixelCNN([3, 3, 3], 4, num_blocks=1, filters=6),
        lambda: tfar.networks.MADE([4], 3, num_classes=3, hidden_units=[16], num_masks=2, order="random"),
    ],
)
def test_networks_that_are_autoregressive_pass(network):
    network = network()
    network.ensure_built()
    randomize(network)
    spot_check(network)


COLUMNS = tfar.heads.Columns([tfar.heads.Categorical(3), tfar.heads.NormalMixture(2), "bernoulli"])


def test_values_are_those_of_the_head():
    """A network that looks up a table fails at numbers that are no classes."""
    seen = []

    def lookup(x):
        seen.append(np.unique(x))
        return tf.pad(tf.gather([[0.0], [1.0], [2.0]], tf.cast(x, tf.int32))[:, :-1], [[0, 0], [1, 0], [0, 0]]) * tf.ones([1, 1, 3])

    tfar.AutoregressiveModel(WrappedNetwork(lookup, [4], 3), tfar.heads.Categorical(3)).check_network()
    assert len(seen) == 3 and set(np.concatenate(seen[1:])) == {0, 1, 2}
