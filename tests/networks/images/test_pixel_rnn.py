"""Row LSTM and Diagonal BiLSTM: against slow transcriptions, their receptive fields, and their samplers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support import image_models as im

import tfar
from tfar import heads
from tfar.networks import DiagonalBiLSTM, RowLSTM
from tfar.networks.images.diagonal_bilstm import skew, unskew

BOTH = pytest.mark.parametrize("family", [RowLSTM, DiagonalBiLSTM])


def small(family, event_shape=(3, 4, 3), params_size=2, **options):
    options = {"positions": False, "filters": 12, "num_layers": 2, "kernel_size": 5, "head_filters": [9], **options}
    return im.randomized(family(event_shape, params_size, **options), gain=1.6)


def cell(sums, c, colors):
    """Gates o, f, i, g of one pixel, colour by colour."""
    hs, cs = [], []
    for part, old in zip(np.split(sums, colors), np.split(c, colors), strict=True):
        o, f, i, g = np.split(part, 4)
        cs.append(im.sigmoid(f) * old + im.sigmoid(i) * np.tanh(g))
        hs.append(im.sigmoid(o) * np.tanh(cs[-1]))
    return np.concatenate(hs), np.concatenate(cs)


class Map:
    """A map of states; those outside the image are the learned initial ones."""

    def __init__(self, w, kernel, start):
        self.w, self.kernel, (self.h0, self.c0) = w, np.asarray(kernel, np.float64), np.asarray(start, np.float64)
        self.h, self.c = {}, {}

    def compute(self, i, j, inputs, looks, carries):
        taps = np.concatenate([self.h.get(place, self.h0) for place in looks])
        self.h[i, j], self.c[i, j] = cell(inputs + taps @ self.kernel, self.c.get(carries, self.c0), self.w.colors)


def row_lstm(w, layer, y, terms):
    states = Map(w, w.network.state_kernels[layer], w.network.starts[layer])
    for i in range(w.height):
        for j in range(w.width):
            inputs = w.conv(w.network.to_state[layer], y, i, j, "B") + terms[0]
            states.compute(i, j, inputs, [(i - 1, j - 1), (i - 1, j), (i - 1, j + 1)], (i - 1, j))
    return np.array([[states.h[i, j] for j in range(w.width)] for i in range(w.height)])


def diagonal_bilstm(w, layer, y, terms):
    maps = [Map(w, w.network.state_kernels[2 * layer + d], w.network.starts[2 * layer + d]) for d in range(2)]
    for states, direction, side in zip(maps, range(2), (-1, 1), strict=True):
        for i in range(w.height):
            for j in range(w.width) if side < 0 else reversed(range(w.width)):
                ahead = layer == 0 and direction == 1  # it reads the features of the pixel to the right
                inputs = w.conv(w.network.to_state[2 * layer + direction], y, i, j + ahead, "B") + terms[direction]
                states.compute(i, j, inputs, [(i - 1, j), (i, j + side)], (i, j + side))
    return np.array([[maps[0].h[i, j] + (maps[1].h[i - 1, j] if i else 0) for j in range(w.width)] for i in range(w.height)])


@pytest.mark.parametrize(
    "options", [{"num_classes": 5, "positions": True}, {"event_shape": [4, 3, 1], "context_size": 2, "kernel_size": 7}]
)
@pytest.mark.parametrize(("family", "layer_states"), [(RowLSTM, row_lstm), (DiagonalBiLSTM, diagonal_bilstm)])
def test_equals_a_slow_transcription(family, layer_states, options):
    network = small(family, **options)
    x, context = im.images(network, 2)
    w, expected, layers = im.Weights(network), [], (network.num_layers, network.directions)
    for n in range(2):
        y = w.conv_all(network.first, np.pad(w.scaled(x[n]), [(0, 0), (0, network.beyond), (0, 0)]), "A")
        y[:, : w.width] += w.position()
        for layer in range(network.num_layers):
            terms = np.zeros(network.directions) if context is None else w.conditioning(context[n], *layers)[layer]
            y = y[:, : w.width] + w.conv_all(network.widen[layer], layer_states(w, layer, y, terms))
        expected.append(w.head(y))
    np.testing.assert_allclose(im.outputs(network, x, context), expected, atol=2e-5)


@BOTH
def test_sees_every_earlier_pixel_of_a_small_image_and_no_other(family):
    network = small(family, [3, 4, 1], 1, filters=16, kernel_size=7, head_filters=[16])
    np.testing.assert_array_equal(im.seen(network), np.triu(np.ones([12, 12], bool), 1))


@pytest.mark.parametrize("num_layers", [1, 2])
def test_diagonals_see_all_of_a_larger_image(num_layers):
    network = small(DiagonalBiLSTM, [4, 7, 1], 1, filters=16, num_layers=num_layers, kernel_size=3, head_filters=[16])
    np.testing.assert_array_equal(im.seen(network), np.triu(np.ones([28, 28], bool), 1))


def test_rows_see_a_triangle():
    height, width = 4, 9
    network = small(RowLSTM, [height, width, 1], 1, filters=16, num_layers=1, kernel_size=3, head_filters=[16])
    states = np.eye(height * width, dtype=bool)
    for _ in range(height):
        states = im.chain(states, im.reach(height, width, [(0, 0), (-1, -1), (-1, 0), (-1, 1)]))
    inputs = im.chain(im.reach(height, width, im.before(1, own=False)), im.reach(height, width, [(0, -1), (0, 0)]))
    np.testing.assert_array_equal(im.seen(network), im.chain(inputs, states))


@BOTH
def test_colours_see_exactly_the_earlier_ones(family):
    network = small(family, [2, 2, 3], 1, filters=24, head_filters=[24])
    found = tfar.testing.dependencies(network, num_classes=3, trials=6)
    np.testing.assert_array_equal(found, np.triu(np.ones([12, 12], bool), 1))


@BOTH
def test_probabilities_sum_to_one(family):
    im.assert_sums_to_one(small(family, [2, 3, 1], 1, context_size=2), "bernoulli")
    im.assert_sums_to_one(small(family, [1, 2, 3], 3, num_classes=3), heads.Categorical(3))


@pytest.mark.slow  # the contract has the like
@BOTH
@pytest.mark.parametrize("colors", [1, 3])
def test_all_samplers_agree(family, colors):
    if colors == 1:
        im.assert_samplers_agree(small(family, [4, 5, 1], 1, context_size=2), heads.Bernoulli())
    else:
        im.assert_samplers_agree(small(family, [3, 3, 3], 4, num_classes=4, num_layers=1, positions=True), heads.Categorical(4))


@pytest.mark.slow  # the contract has the like
@BOTH
def test_gradients_reach_all_weights_alike_with_and_without_xla(family):
    network = small(family, [3, 4, 1], 1)
    x = tf.constant(im.images(network, 4)[0])

    def gradients():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(network.objective(x, None, heads.Bernoulli()))
        return tape.gradient(loss, [v.value for v in network.trainable_variables])

    graph, xla = (tf.function(gradients, jit_compile=jit, autograph=False)() for jit in (False, True))
    for variable, one, other in zip(network.trainable_variables, graph, xla, strict=True):
        assert np.abs(one).max() > 0, variable.path
        np.testing.assert_allclose(one, other, atol=1e-6, err_msg=variable.path)


@pytest.mark.parametrize(("rows", "chains"), [(32, 2), (64, 4)])
def test_images_in_a_chain_are_alone(rows, chains):
    network = small(DiagonalBiLSTM, num_classes=5)
    x = im.images(network, rows)[0]
    assert (network.chains(rows, tf.zeros([2, 1, 48])), network.chains(1, tf.zeros([2, 1, 48]))) == (chains, 1)

    @tf.function(autograph=False)
    def outputs_and_gradients(x):
        with tf.GradientTape() as tape:
            params = network(x)
            total = tf.reduce_sum(tf.sin(params))
        return params, tape.gradient(total, [v.value for v in network.trainable_variables])

    together, (parts, gradients) = outputs_and_gradients(x), zip(*(outputs_and_gradients(part) for part in x[:, None]), strict=True)
    np.testing.assert_allclose(together[0], tf.concat(parts, axis=0), atol=1e-5)
    for variable, one, alone in zip(network.trainable_variables, together[1], zip(*gradients, strict=True), strict=True):
        np.testing.assert_allclose(one, sum(alone), rtol=1e-4, atol=1e-3, err_msg=variable.path)


@pytest.mark.slow  # the contract has the like
@BOTH
def test_model_trains_and_survives_saving(family, tmp_path):
    constructor = getattr(tfar, family.__name__)
    model = constructor([4, 4, 1], filters=8, num_layers=1, head_filters=[6], dropout=0.1, positions=False)
    x = np.broadcast_to(np.arange(4)[:, None] % 2, [32, 4, 4])[..., None]
    model.compile(keras.optimizers.Adam(0.02), jit_compile=False)
    losses = model.fit(x, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < losses[0] - 1
    im.assert_survives_saving(model, tmp_path / "model.keras")
    completed = model.complete(x[:2], np.arange(4)[:, None, None] < 2, seed=1)
    np.testing.assert_array_equal(completed[:, :2], x[:2, :2])


def test_skew_and_back():
    x = tf.reshape(tf.range(24.0), [3, 4, 2])
    skewed = skew(x)
    for i in range(3):
        np.testing.assert_array_equal(skewed[i, i : i + 4], x[i])
    np.testing.assert_array_equal(unskew(skewed), x)


@BOTH
def test_bad_arguments_are_refused(family):
    for options, message in [
        ({"kernel_size": 6}, "kernel_size must be odd"),
        ({"num_layers": 0}, "num_layers must be an integer of at least 1. Received: num_layers=0"),
        ({"filters": 2.5}, "filters must be an integer of at least 1. Received: filters=2.5"),
        ({"event_shape": [4, 4]}, r"event_shape must be \[height, width, channels\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            family(**{"event_shape": [4, 4, 1], **options})
