"""What the tests of the networks of images share."""

import itertools

import keras
import numpy as np
import tensorflow as tf

import tfar
from tfar import noise
from tfar.distributions import sampling
from tfar.testing import dependencies


def randomized(network, gain=1.3, seed=0):
    """Build a network and give it weights large enough for every dependency to show."""
    network.build()
    generator = np.random.default_rng(seed)
    for variable in network.trainable_variables:
        scale = gain * np.prod(variable.shape[:-1], initial=1.0) ** -0.5 if len(variable.shape) > 1 else 0.3
        variable.assign(generator.normal(size=variable.shape) * scale)
    return network


def images(network, rows, seed=1):
    """Random images of integers, and a context for each where the network takes one."""
    generator = np.random.default_rng(seed)
    x = generator.integers(network.num_classes or 2, size=[rows, *network.event_shape])
    return x, generator.normal(size=[rows, network.context_size]).astype("float32") if network.context_size else None


def outputs(network, x, context=None):
    return np.asarray(network(x) if context is None else network(x, context))


def assert_sums_to_one(network, head):
    values = range(network.num_classes or 2)
    x = np.array(list(itertools.product(values, repeat=network.event_size)), np.int32).reshape(-1, *network.event_shape)
    context = None if not network.context_size else np.ones([1, network.context_size], "float32")
    log_prob = tfar.AutoregressiveDistribution(network, head, context=context).log_prob(x[:, None] if context is not None else x)
    assert abs(np.exp(np.asarray(log_prob, np.float64)).sum() - 1) < 1e-5


def assert_samplers_agree(network, head, rows=5, exact=True):
    """Samples by stepping, as a graph that does not know the number of rows and under XLA, by the naive loop and by iteration."""
    seeds, context = noise.row_seeds(noise.as_seed(3), rows), images(network, rows)[1]
    rest = [] if context is None else [tf.constant(context)]
    unknown = [tf.TensorSpec([None, *a.shape[1:]], a.dtype) for a in [seeds, *rest]]

    def sampler(method, **options):
        def sample(seeds, context=None):
            return sampling.sample_rows(network, head, seeds, context, method=method)

        return tf.function(sample, autograph=False, **options)(seeds, *rest).numpy()

    naive = sampler("naive")
    assert len(np.unique(naive)) > 1
    tolerance = {"atol": 0, "rtol": 0} if exact else {"atol": 2e-5, "rtol": 1e-4}
    np.testing.assert_allclose(sampler("stepping", input_signature=unknown), naive, err_msg="stepping", **tolerance)
    np.testing.assert_allclose(sampler("stepping", jit_compile=True), naive, err_msg="stepping, XLA", **tolerance)
    np.testing.assert_allclose(sampler("fixed_point"), naive, err_msg="fixed point", **tolerance)


def seen(network, trials=6):
    """Which pixel's value changes which pixel's parameters, bool `[H * W, H * W]`."""
    context = images(network, 1)[1]
    found = dependencies(network, context=None if context is None else context[0], num_classes=network.num_classes or 2, trials=trials)
    pixels, colors = np.prod(network.event_shape[:2]), network.event_shape[2]
    return found.reshape(pixels, colors, pixels, colors).any(axis=(1, 3))


def reach(height, width, looks):
    """Boolean `[from, to]` over pixels for a layer in which the pixel at (i, j) looks at (i + di, j + dj) for all (di, dj) of `looks`."""
    matrix = np.zeros([height, width, height, width], bool)
    for i, j, (di, dj) in itertools.product(range(height), range(width), looks):
        if 0 <= i + di < height and 0 <= j + dj < width:
            matrix[i + di, j + dj, i, j] = True
    return matrix.reshape(height * width, height * width)


def before(side, own):
    """What a masked convolution looks at."""
    looks = [(di, dj) for di in range(-side, 1) for dj in range(-side, side + 1) if di < 0 or dj < 0]
    return [*looks, (0, 0)] if own else looks


def chain(*matrices):
    """What passes through several layers."""
    result = matrices[0].astype(int)
    for matrix in matrices[1:]:
        result = (result @ matrix.astype(int) > 0).astype(int)
    return result > 0


def assert_survives_saving(model, path):
    """A .keras file rebuilds the model: the same parameters, and the masks hold in it."""
    x, context = images(model.network, 3)
    model.save(path)
    loaded = keras.saving.load_model(path)
    np.testing.assert_array_equal(outputs(loaded.network, x, context), outputs(model.network, x, context))
    assert loaded.network.get_config() == model.network.get_config()
    tfar.check_autoregressive(loaded.network, context=None if context is None else context[0])


def relu(x):
    return np.maximum(x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


ACTIVATIONS = {"relu": relu, "silu": lambda x: x * sigmoid(x)}


class Weights:
    """A network's weights in NumPy, for slow transcriptions: `conv` is a masked convolution at one pixel, written as the paper says."""

    def __init__(self, network):
        self.network = network
        self.height, self.width, self.colors = network.event_shape
        self.activation = ACTIVATIONS[network.get_config()["activation"]]

    def conv(self, layer, y, i, j, mask_type):
        kernel, bias = np.asarray(layer.kernel, np.float64), 0.0 if layer.bias is None else np.asarray(layer.bias, np.float64)
        above, aside, (_, _, inputs, units) = kernel.shape[0] - 1, kernel.shape[1] // 2, kernel.shape
        total = np.zeros(units) + bias
        for di, dj in itertools.product(range(-above, 1), range(-aside, aside + 1)):
            if not (0 <= i + di < self.height and 0 <= j + dj < y.shape[1]) or (di == 0 and dj > 0):
                continue
            for unit in range(units):
                color, last = unit // (units // self.colors), inputs
                if (di, dj) == (0, 0):
                    last = (color if mask_type == "A" else color + 1) * (inputs // self.colors)
                total[unit] += y[i + di, j + dj, :last] @ kernel[di + above, dj + aside, :last, unit]
        return total

    def conv_all(self, layer, y, mask_type="B"):
        return np.array([[self.conv(layer, y, i, j, mask_type) for j in range(y.shape[1])] for i in range(self.height)])

    def position(self):
        """What each pixel has of its own, `[H, W, n]`."""
        return np.asarray(self.network.position, np.float64) if self.network.positions else np.zeros([self.height, self.width, 1])

    def conditioning(self, context, *parts):
        """What a row's context `[C]` adds in each of some parts, `[*parts, n]`."""
        return (context @ np.asarray(self.network.conditioning.kernel, np.float64)).reshape(*parts, -1)

    def scaled(self, x):
        classes = self.network.num_classes
        return x.astype(float) if classes is None else 2 * x / (classes - 1) - 1.0

    def head(self, y):
        for layer in self.network.head:
            y = self.conv_all(layer, self.activation(y))
        return y.reshape(self.height, self.width, self.colors, -1)


def assert_context_reaches_the_first_pixel(network):
    """The context, `[1, 2]`, changes the parameters of the first pixel of a 3 x 3 image."""
    context = tf.ones([1, 2])
    with tf.GradientTape() as tape:
        tape.watch(context)
        first = network(tf.zeros([1, 3, 3, 1]), context)[0, 0, 0, 0, 0]
    assert np.abs(tape.gradient(first, context)).min() > 1e-6
