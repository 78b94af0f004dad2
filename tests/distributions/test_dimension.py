"""A head that differs between dimensions is told by every sampler which dimension it draws."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfar
from tfar import noise
from tfar.distributions import sampling, writing
from tfar.testing import randomize

tfd = tfp.distributions
D, ROWS = 6, 40
ORDER = [4, 0, 5, 2, 1, 3]
SHIFTS = np.array([-7, -3, -1, 2, 5, 9], np.float32)  # of the dimensions


class Shifted(tfar.heads.Head):
    """A logistic density whose location is the parameter plus a number of the dimension."""

    kinds = ("continuous",)

    def __init__(self, event_shape=(D,)):
        self.event_shape = tuple(event_shape)

    def __call__(self, params):
        return tfd.Logistic(params[..., 0] + SHIFTS.reshape(self.event_shape), 1.0)

    def draw(self, params, noise, dimension=None):
        u = noise[..., 0]
        return params[..., 0] + tf.gather(SHIFTS, dimension) + tf.math.log(u) - tf.math.log1p(-u)

    def get_config(self):
        return {"event_shape": self.event_shape}


class Position(tfar.heads.Categorical):
    """Draws the dimension itself, modulo the number of classes."""

    def draw(self, params, noise, dimension=None):
        return tf.broadcast_to(dimension % self.num_classes, tf.shape(params)[:-1])


MODELS = {
    "natural": lambda: tfar.MADE([D], Shifted(), hidden_units=[12], activation="tanh"),
    "permuted": lambda: tfar.MADE([D], Shifted(), hidden_units=[12], activation="tanh", order=ORDER),
    "nade": lambda: tfar.NADE([D], Shifted(), hidden_units=5, order=ORDER),
    "any-order": lambda: tfar.DeepNADE([D], Shifted(), hidden_units=[7], order=ORDER),
    "image": lambda: tfar.PixelCNN([3, 2, 1], Shifted([3, 2, 1]), num_blocks=1, filters=4, kernel_size=3),
}


def made(name):
    keras.utils.set_random_seed(0)
    model = MODELS[name]()
    randomize(model.network, scale=0.5)
    return model


def quantiles(model, x, **member):
    """Of each value in the distribution that `log_prob` has for it: the noise from which it was drawn."""
    return model.head(model.network(x, **member)).cdf(x).numpy().reshape(len(x), D)


@pytest.fixture
def seeds():
    return noise.row_seeds(noise.as_seed(3), ROWS)


@pytest.mark.parametrize("mode", ["eager", pytest.param("graph", marks=pytest.mark.slow), "xla"])  # eager calls run as graphs
@pytest.mark.parametrize("method", sampling.METHODS)
@pytest.mark.parametrize("name", MODELS)
def test_each_value_is_drawn_from_the_density_of_its_dimension(name, method, mode, seeds):
    model = made(name)
    draw = model.distribution(method=method).sample_rows
    x = draw(seeds) if mode == "eager" else tf.function(draw, jit_compile=mode == "xla", autograph=False)(seeds)
    np.testing.assert_allclose(quantiles(model, x), noise.uniform(seeds, D), atol=1e-4)


@pytest.mark.parametrize("method", sampling.METHODS)
def test_each_row_may_have_its_own_order(method, seeds):
    model = made("any-order")
    known = np.random.default_rng(0).normal(size=[ROWS, D]).astype(np.float32) + SHIFTS
    observed = np.random.default_rng(1).random([ROWS, D]) < 0.4
    x = model.distribution(method=method).complete(known, observed, seeds).numpy()
    np.testing.assert_array_equal(x[observed], known[observed])
    order = sampling.observed_first(tf.constant(ORDER), tf.constant(observed))
    found = quantiles(model, x, order=order)
    np.testing.assert_allclose(found[~observed], noise.uniform(seeds, D).numpy()[~observed], atol=1e-4)


def test_members_have_orders_of_their_own(seeds):
    model = tfar.MADE([D], Shifted(), hidden_units=[12], num_masks=3, order="random")
    randomize(model.network, scale=0.5)
    x = model.sample(ROWS, seeds).numpy()
    errors = [np.abs(quantiles(model, x, member=k) - noise.uniform(seeds, D)).max(axis=1) for k in range(3)]
    assert np.min(errors, axis=0).max() < 1e-4 and len(set(np.argmin(errors, axis=0))) == 3


def test_the_dimension_of_a_text_is_the_place_in_it():
    network, head = randomize(tfar.networks.CharRNN([10], 7, num_classes=7, units=4, num_layers=1)), Position(7)
    seeds = noise.row_seeds(noise.as_seed(1), 2)
    parts = writing.pieces(network, head, seeds, 150, prompt=np.zeros([2, 5], np.int32))
    np.testing.assert_array_equal(np.concatenate(list(parts), axis=1), [np.arange(5, 155) % 7] * 2)
