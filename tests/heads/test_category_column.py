"""The head of categories: probabilities, draws, codes and frequencies, of classes and of the blank."""

import numpy as np
import pytest
import tensorflow as tf

from tfar import heads
from tfar.columns import BLANK


@pytest.mark.parametrize("blank", [False, True])
@pytest.mark.parametrize("classes", [1, 2, 5000])
def test_probabilities_are_the_softmax(classes, blank):
    head = heads.CategoryColumn(classes, blank)
    params = np.random.default_rng(0).normal(size=[3, classes + blank])
    x = np.array([*range(classes), *([BLANK] if blank else [])])
    some = np.unique(np.linspace(0, len(x) - 1, 50).astype(int))
    expected = np.exp(params) / np.exp(params).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(head(params[:, None]).prob(np.tile(x[some], [3, 1])), expected[:, some], rtol=1e-9)
    assert head.params_size == head.features == classes + blank and head.noise_size == 1


def test_draws_sweep_the_cumulative_distribution():
    head, count = heads.CategoryColumn(3, blank=True), 2**16
    params = tf.math.log(tf.constant([0.1, 0.6, 0.05, 0.25]))
    u = (np.arange(count, dtype=np.float32)[:, None] + 0.5) / count
    drawn = head.draw(params[None], tf.constant(u)).numpy()
    assert drawn.dtype == np.float64
    np.testing.assert_allclose([(drawn == value).mean() for value in (0, 1, 2, BLANK)], [0.1, 0.6, 0.05, 0.25], atol=2 / count)


@pytest.mark.parametrize("dtype", [tf.int64, tf.float32, tf.float64])
def test_one_hot_codes_end_with_the_blank(dtype):
    x = tf.cast(tf.constant([2, 0, int(BLANK)], tf.int64), dtype)
    assert heads.CategoryColumn(3, blank=True).encode(x).numpy().tolist() == [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]
    assert heads.CategoryColumn(3).encode(x[:2]).numpy().tolist() == [[0, 0, 1], [1, 0, 0]]


def test_training_starts_at_frequencies_with_half_a_count_added():
    x = np.array([0.0, 2.0, 2.0, BLANK])
    head = heads.CategoryColumn(3, blank=True)
    np.testing.assert_allclose(np.exp(head.initial_params(x)), np.array([1.5, 0.5, 2.5, 1.5]) / 6, rtol=1e-6)
    assert head.initial_params(x).dtype == np.float32 and head.marginal() == head


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_the_mass_of_a_set_is_a_sum_of_probabilities(dtype, rtol):
    head, random = heads.CategoryColumn(7, blank=True), np.random.default_rng(0)
    params = random.normal(0, 3, size=[40, 8])
    params[10:20] *= 30  # some masses are e^-200
    log_prob = params - np.logaddexp.reduce(params, axis=1, keepdims=True)
    for shares, blank in (([1, 0, 0, 1, 0, 1, 0], False), ([0, 0.25, 0, 0, 0, 1, 0], True), ([0] * 7, True)):
        with np.errstate(divide="ignore"):
            expected = np.logaddexp.reduce(log_prob + np.log([*shares, blank]), axis=1)
        found = head.log_mass(tf.constant(params.astype(dtype)), head.allow(shares, blank))
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)


def test_nothing_has_no_mass_and_everything_all():
    for head in (heads.CategoryColumn(3), heads.CategoryColumn(3, blank=True)):
        params = tf.constant(np.random.default_rng(0).normal(size=[5, head.params_size]), tf.float32)
        assert head.allow([0, 0, 0]).empty and not head.everything.empty
        assert (head.log_mass(params, head.allow([0, 0, 0])).numpy() == -np.inf).all()
        assert not head.log_mass(params, head.everything).numpy().any()


def test_draws_within_a_set_have_its_conditional_probabilities():
    head, count = heads.CategoryColumn(4, blank=True), 2**16
    params = tf.math.log(tf.constant([0.1, 0.5, 0.05, 0.15, 0.2]))
    u = tf.constant((np.arange(count, dtype=np.float32)[:, None] + 0.5) / count)
    drawn = head.draw_within(params[None], u, head.allow([1, 0.5, 0, 0], blank=True)).numpy()
    expected = np.array([0.1, 0.25, 0.0, 0.0, 0.2]) / 0.55
    np.testing.assert_allclose([(drawn == value).mean() for value in (0, 1, 2, 3, BLANK)], expected, atol=2 / count)


def test_no_noise_draws_outside_a_set():
    head = heads.CategoryColumn(6)
    allowed = head.allow([0, 1, 1, 1, 0, 0])
    params = tf.constant(np.random.default_rng(0).normal(0, 5, size=[5000, 6]), tf.float32)
    for u in (2.0**-24, 1 - 2.0**-24):
        assert set(head.draw_within(params, tf.fill([5000, 1], u), allowed).numpy()) <= {1, 2, 3}
