"""Heads: likelihoods against formulas written out here, and draws against the distributions that they claim."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.chi_square import assert_frequencies

from tfar import heads

HEADS = [
    heads.Bernoulli(),
    heads.Categorical(4),
    heads.Normal(),
    heads.NormalMixture(3),
    heads.LaplaceMixture(3),
]


def softplus(x):
    return np.log1p(np.exp(x))


def log_density(head, params, x):
    """The log-probability of one value, from the textbook formula."""
    if isinstance(head, heads.Bernoulli):
        return -softplus(-params[0] if x else params[0])
    if isinstance(head, heads.Categorical):
        return params[x] - np.log(np.exp(params).sum())
    k = getattr(head, "num_components", 1)
    logits, loc, raw = params.reshape(3, k) if k > 1 else (np.zeros(1), params[:1], params[1:])
    scale = softplus(raw) + head.min_scale
    z = (x - loc) / scale
    laplace = isinstance(head, heads.LaplaceMixture)
    density = np.exp(-np.abs(z)) / (2 * scale) if laplace else np.exp(-(z**2) / 2) / (scale * np.sqrt(2 * np.pi))
    return np.log((np.exp(logits) / np.exp(logits).sum() * density).sum())


@pytest.mark.parametrize("head", HEADS, ids=str)
def test_log_prob_is_the_formula(head):
    generator = np.random.default_rng(2)
    for _ in range(5):
        params = generator.normal(size=head.params_size)
        x = int(generator.integers(head.num_classes or 2)) if head.dtype.is_integer else generator.normal()
        found = head(tf.constant(params)).log_prob(tf.cast(x, head.dtype if head.dtype.is_integer else tf.float64))
        np.testing.assert_allclose(found, log_density(head, params, x), rtol=1e-6)


@pytest.mark.parametrize("head", HEADS, ids=str)
def test_draws_follow_the_distribution(head):
    """Discrete: chi-square of the frequencies. Real: Kolmogorov-Smirnov against the distribution function. False alarm 1e-4."""
    params = np.random.default_rng(3).normal(size=head.params_size).astype(np.float32)
    count = 20_000
    u = (np.random.default_rng(4).uniform(size=[count, head.noise_size])).astype(np.float32)
    x = head.draw(tf.tile(tf.constant(params)[None], [count, 1]), tf.constant(u))
    assert x.dtype == head.dtype
    if head.dtype.is_integer:
        classes = head.num_classes or 2
        expected = np.exp([log_density(head, params, k) for k in range(classes)]) * count
        assert_frequencies(np.bincount(x, minlength=classes), expected)
    else:
        cdf = np.sort(head(tf.constant(params)).cdf(x))
        assert np.abs(cdf - (np.arange(count) + 0.5) / count).max() < 2.23 / count**0.5  # 2 exp(-2 * 2.23^2) = 1e-4


@pytest.mark.parametrize("head", HEADS, ids=str)
def test_heads_compute_in_float32_at_least(head):
    generator = np.random.default_rng(6)
    params, noise = generator.normal(size=[9, head.params_size]), tf.constant(generator.uniform(size=[9, head.noise_size]), tf.float32)
    x = head.draw(tf.constant(params, tf.float32), noise)
    for dtype, computed, rtol in ((tf.float16, tf.float32, 0.05), (tf.float32, tf.float32, 1e-4), (tf.float64, tf.float64, 1e-4)):
        log_prob = head.log_prob(tf.constant(params, dtype), x, event_ndims=0)
        assert log_prob.dtype == computed
        np.testing.assert_allclose(log_prob, [log_density(head, *row) for row in zip(params, x.numpy(), strict=True)], rtol=rtol)
    np.testing.assert_allclose(head.draw(tf.constant(params), noise), x, rtol=1e-4)


@pytest.mark.parametrize("head", HEADS, ids=str)
def test_round_trip(head):
    copy = heads.get(keras.saving.serialize_keras_object(head))
    assert copy == head and hash(copy) == hash(head) and repr(copy) == repr(head)


@pytest.mark.parametrize(
    "head, bad",
    [
        (heads.Bernoulli(), [0.5, 2, -1, np.nan]),
        (heads.Categorical(5), [7, 5, -1, 1.5, np.nan]),
        (heads.Normal(), [np.nan, np.inf]),
        (heads.NormalMixture(2), [np.nan, -np.inf]),
    ],
)
def test_values_outside_the_support(head, bad):
    assert not head.supports(tf.constant(bad)).numpy().any()
    assert head.supports(tf.constant([0.0, 1.0])).numpy().all()


def test_probabilities_are_not_clipped():
    assert heads.Bernoulli()(tf.constant([[200.0]])).log_prob(0).numpy() == -200.0


@pytest.mark.parametrize(
    "make",
    [
        lambda: heads.Categorical(1),
        lambda: heads.Categorical(2.5),
        lambda: heads.NormalMixture(0),
        lambda: heads.Normal(min_scale=0),
        lambda: heads.get("poisson"),
        lambda: heads.get("categorical"),
    ],
)
def test_bad_arguments_are_refused(make):
    with pytest.raises(ValueError, match="Received: "):
        make()


@pytest.mark.parametrize("jit", [False, True])
def test_binary_scores_and_their_gradients_are_those_of_tfp(jit):
    params, x = tf.random.normal([4, 3, 1], stddev=20, seed=1), tf.constant(np.indices([2, 2, 2]).reshape(3, -1).T[:4])

    def scores(log_prob):
        with tf.GradientTape() as tape:
            tape.watch(params)
            found = log_prob()
        return found, tape.gradient(found, params)

    head = heads.Bernoulli()
    one = tf.function(lambda: scores(lambda: head.log_prob(params, x, event_ndims=1)), jit_compile=jit, autograph=False)()
    other = tf.function(lambda: scores(lambda: tf.reduce_sum(head(params).log_prob(x), axis=-1)), jit_compile=jit, autograph=False)()
    for found, expected in zip(one, other, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
