"""The discretized mixture of logistics: against differences of its cumulative distribution, and what is drawn against what is scored."""

import numpy as np
import pytest
import tensorflow as tf

from tfar import heads
from tfar.training import baselines

LEVELS = [2, 5, 256]


def parameters(components, rows=60, seed=0):
    """Ordinary ones, some far outside the values, some with tiny and some with huge scales."""
    params = np.random.default_rng(seed).normal(size=[rows, 3, components])
    params[:10, 1] *= 30
    params[10:20, 2] -= 15
    params[20:30, 2] += 15
    return params.reshape(rows, -1).astype("float32")


def log_probabilities(params, levels, min_scale=1e-3):
    """log sum_i pi_i [F_i(x + 1/2) - F_i(x - 1/2)] of all values, in float64 and log space, open at both ends."""
    logits, loc, raw = np.split(params.astype(float)[:, None], 3, axis=-1)
    centre, scale = (loc + 1) * (levels - 1) / 2, (np.logaddexp(0, raw) + min_scale) * (levels - 1) / 2
    x = np.arange(levels)[None, :, None]
    upper, lower = (x + 0.5 - centre) / scale, (x - 0.5 - centre) / scale
    below, above = -np.logaddexp(0, -upper), -np.logaddexp(0, lower)  # log F(x + 1/2), log (1 - F(x - 1/2))
    bins = below + above + np.log(-np.expm1(lower - upper))  # of logistics, F(b) - F(a) = F(b) (1 - F(a)) (1 - e^(a - b))
    bins = np.where(x == 0, below, np.where(x == levels - 1, above, bins))
    weighted = bins + logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    return np.logaddexp.reduce(weighted, axis=-1)


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("jit", [False, True])
def test_equals_differences_of_the_cumulative_distribution(levels, jit):
    head, params, x = heads.DiscretizedLogisticMixture(3, levels), parameters(3), np.tile(np.arange(levels), [60, 1])
    score = tf.function(lambda params, x: head(params[:, None]).log_prob(tf.cast(x, tf.float32)), jit_compile=jit)
    found, expected = score(params, x).numpy(), log_probabilities(params, levels)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-3)  # float32; far tails are some thousand nats
    np.testing.assert_allclose(np.exp(found.astype(float)).sum(axis=1), 1, atol=1e-5)
    rows = head.log_prob(tf.constant(params)[:, None], tf.constant(x[:, :1], tf.int32), event_ndims=1)
    np.testing.assert_allclose(rows, found[:, 0], rtol=1e-5, atol=1e-6)


def test_gradients_are_finite_everywhere():
    head, params = heads.DiscretizedLogisticMixture(3), tf.constant(parameters(3))
    with tf.GradientTape() as tape:
        tape.watch(params)
        total = tf.reduce_sum(head(params[:, None]).log_prob(tf.range(256.0)))
    gradient = tape.gradient(total, params).numpy()
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0


@pytest.mark.parametrize("levels", LEVELS)
def test_draws_what_it_scores(levels):
    head, params = heads.DiscretizedLogisticMixture(2, levels), parameters(2, rows=40)[[0, 12, 22, 35]]
    grid = np.stack(np.meshgrid((np.arange(500) + 0.5) / 500, (np.arange(2000) + 0.5) / 2000, indexing="ij"), axis=-1)
    uniforms = tf.constant(grid.reshape(-1, 2), tf.float32)
    for row, expected in zip(params, np.exp(log_probabilities(params, levels)), strict=True):
        drawn = head.draw(tf.broadcast_to(row, [len(uniforms), 6]), uniforms).numpy()
        assert drawn.dtype == np.int32
        frequencies = np.bincount(drawn, minlength=levels) / len(drawn)
        np.testing.assert_allclose(frequencies, expected, atol=3e-3)  # the grid's own step in the choice of the component


def test_draws_the_same_under_xla():
    head, params = heads.DiscretizedLogisticMixture(3), parameters(3)
    uniforms = np.random.default_rng(1).uniform(0.001, 0.999, size=[60, 2]).astype("float32")
    np.testing.assert_array_equal(tf.function(head.draw, jit_compile=True)(params, uniforms), head.draw(params, uniforms))


def test_support_and_config():
    head = heads.DiscretizedLogisticMixture(2, levels=4, min_scale=0.01)
    assert head.supports(tf.constant([0.0, 3.0, 4.0, -1.0, 0.5, np.nan])).numpy().tolist() == [True, True, False, False, False, False]
    assert head.support == "integers from 0 to 3" and head.num_classes == 4 and head.params_size == 6 and head.noise_size == 2
    assert heads.get({"class_name": "tfar>DiscretizedLogisticMixture", "config": head.get_config()}) == head
    assert repr(head) == "DiscretizedLogisticMixture(num_components=2, levels=4, min_scale=0.01)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), "num_components must be an integer of at least 1. Received: num_components=0"),
        ((2, 1), "levels must be an integer of at least 2. Received: levels=1"),
        ((2, 2.5), "levels must be an integer of at least 2. Received: levels=2.5"),
        ((2, 4, 0.0), r"min_scale must be a number in \(0, inf\). Received: min_scale=0.0"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        heads.DiscretizedLogisticMixture(*arguments)


def test_training_starts_near_the_values_and_the_baseline_is_of_frequencies():
    x = np.random.default_rng(0).normal([40, 200], [10, 3], [500, 2]).round().astype(np.int32)
    head = heads.DiscretizedLogisticMixture(5, 256)
    drawn = head(tf.constant(head.initial_params(x))).sample(2000, seed=1).numpy()
    np.testing.assert_allclose(drawn.mean(axis=0), [40, 200], atol=2)
    np.testing.assert_array_equal(baselines.baseline(head, x, x), baselines.baseline(heads.Categorical(256), x, x))
