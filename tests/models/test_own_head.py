"""A head of one's own, with an encoding of two features, goes wherever tfar's heads go."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfar
from tfar import heads, models, noise, training
from tfar.config import HEADS
from tfar.distributions import sampling
from tfar.training import baselines

tfd = tfp.distributions
FAMILIES = {"made": {"hidden_units": [16]}, "nade": {"hidden_units": 8}, "deepnade": {"hidden_units": [16]}, "neural": {"hidden_units": 4}}
each_family = pytest.mark.parametrize("family", FAMILIES)


@keras.saving.register_keras_serializable(package="own")
class SignAndSize(heads.Encoding):
    """A value as its sign and the logarithm of its size."""

    size = 2

    def __call__(self, x, dtype):
        x = tf.cast(x, dtype)
        return tf.stack([tf.sign(x), tf.math.log1p(tf.abs(x))], axis=-1)


@heads.register("own_laplace")
@keras.saving.register_keras_serializable(package="own")
class OwnLaplace(heads.Head):
    """Real values with heavy tails: a median and the logarithm of a scale."""

    kinds = ("continuous",)
    params_size = 2

    def __init__(self, least=0.01):
        self.least = least

    @property
    def encoding(self):
        return SignAndSize()

    def scale(self, params):
        return tf.exp(params[..., 1]) + self.least

    def __call__(self, params):
        return tfd.Laplace(params[..., 0], self.scale(params))

    def draw(self, params, noise, dimension=None):
        u = noise[..., 0] - 0.5
        return params[..., 0] - self.scale(params) * tf.sign(u) * tf.math.log1p(-2.0 * tf.abs(u))

    def initial_params(self, x):
        median = np.median(x, axis=0)
        return np.stack([median, np.log(np.abs(x - median).mean(axis=0) - self.least)], axis=-1).astype(np.float32)

    def get_config(self):
        return {"least": self.least}


def rows(count=300, seed=0):
    """The second value follows the sign of the first, the third the size of the second."""
    generator = np.random.default_rng(seed)
    first = generator.laplace(size=count)
    second = 5 * np.sign(first) + generator.laplace(size=count)
    return np.stack([first, second, np.abs(second) + 0.2 * generator.laplace(size=count)], axis=-1).astype(np.float32)


def built(family, **options):
    keras.utils.set_random_seed(1)
    return models.build(family, [3], "own_laplace", **FAMILIES[family], **options)


def test_it_has_a_name():
    assert "own_laplace" in heads.names() and "own_laplace" not in HEADS
    assert heads.get("own_laplace") == OwnLaplace() and OwnLaplace(0.1) != OwnLaplace()
    assert OwnLaplace().features == 2
    with pytest.raises(ValueError, match="Received: 'own_laplace'"):
        heads.register("own_laplace")(type("Other", (OwnLaplace,), {}))


@each_family
def test_a_network_takes_all_features_of_a_value(family):
    network = built(family).network
    assert network.features == 2 and network.encoding == SignAndSize()
    for sign in (1.0, -1.0):  # a value and its negative differ in one feature, values of one sign in the other
        shown = network(tf.constant([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [7.0, 0.0, 0.0]]) * sign).numpy()[:, 1]
        assert len(np.unique(shown, axis=0)) == 3
    tfar.check_autoregressive(tfar.testing.randomize(network))


@each_family
def test_training_starts_at_its_marginals_and_learns(family):
    model, train, validation = built(family), rows(), rows(seed=1)
    independent = -np.mean(baselines.baseline(model.head, train, validation))
    median = np.median(train, axis=0)
    expected = tfd.Laplace(median, np.abs(train - median).mean(axis=0)).log_prob(validation).numpy().sum(axis=-1)
    assert independent == pytest.approx(-expected.mean(), rel=1e-4)
    settings = {"epochs": 5, "epoch_steps": 100, "batch_size": 100, "learning_rate": 0.02, "weight_decay": 0.0, "jit": False}
    found = training.fit(model, train, validation, **settings)
    nll = training.evaluate(model, validation)["nll"]
    assert nll < independent - 0.5
    assert model.network.order_agnostic or nll == pytest.approx(min(found.history["val_nll"]), rel=1e-5)  # else validation has other orders


@each_family
def test_samples_are_the_same_from_every_sampler_and_every_file(family, tmp_path):
    model = built(family)
    tfar.testing.randomize(model.network, scale=0.3)
    seeds = noise.row_seeds(noise.as_seed(4), 6)
    x = model.sample(6, seeds).numpy()
    log_prob = model.log_prob(x).numpy()
    assert np.isfinite(x).all() and np.isfinite(log_prob).all() and len(np.unique(x[:, 0])) == 6
    for method in sampling.METHODS:
        np.testing.assert_allclose(sampling.sample_rows(model.network, model.head, seeds, method=method), x, rtol=1e-3, atol=1e-4)

    model.save(tmp_path / "model.keras")
    copy = tfar.load_model(tmp_path / "model.keras")
    assert copy.head == model.head and copy.network.encoding == SignAndSize()
    np.testing.assert_array_equal(copy.log_prob(x), log_prob)
    np.testing.assert_array_equal(copy.sample(6, seeds), x)

    model.export(tmp_path / "1")
    signatures = tf.saved_model.load(tmp_path / "1").signatures
    np.testing.assert_allclose(signatures["sample"](seed=seeds)["x"], x, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(signatures["log_prob"](x=tf.constant(x))["log_prob"], log_prob, rtol=1e-4)
    observed = np.array([True, False, False])
    completed = model.complete(x, observed, seeds).numpy()
    np.testing.assert_array_equal(completed[:, 0], x[:, 0])
