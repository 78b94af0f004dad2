"""What the heads of table columns have in common: blanks, support, modes of execution, gradients, precision, shapes, configurations."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.chi_square import assert_frequencies

from tfar import heads
from tfar.columns import BLANK

KNOTS = {"x": (0.0, 2.0, 2.2, 9.0), "z": (-2.0, -0.5, 0.3, 1.5)}
PLAIN = [heads.CategoryColumn(5), heads.GridColumn(10, **KNOTS, num_components=2), heads.RealColumn(**KNOTS, num_components=2)]
BLANKS = [
    heads.CategoryColumn(5, blank=True),
    heads.GridColumn(10, **KNOTS, atoms=(0, 4), blank=True, num_components=2),
    heads.RealColumn(**KNOTS, atoms=(0.0, 4.0), blank=True, num_components=2),
]
HEADS = [*PLAIN, *BLANKS]


def name(head):
    return f"{type(head).__name__}{'-blank' if head.blank else ''}"


VALUES = np.array([0.0, 1.0, 2.0, 4.0, 3.0])


def parameters(head, rows=40, seed=0, dtype=np.float32):
    """Ordinary ones, some of huge locations or logits, some of tiny and some of huge scales."""
    params = np.random.default_rng(seed).normal(size=[rows, head.params_size])
    params[10:15] *= 30
    params[15:20] -= 15
    params[20:25] += 15
    return params.astype(dtype)


def values(head, rows=40):
    found = np.resize(VALUES, rows)
    if head.blank:
        found[::4] = BLANK
    return found


def bad_values(head):
    """Values that the head does not support."""
    blank = [] if head.blank else [BLANK]
    fractions = [] if isinstance(head, heads.RealColumn) else [0.5, -1.0, 10.0, 2.0**60]
    return [np.inf, -np.inf, np.nan, *blank, *fractions]


@pytest.mark.parametrize("head", HEADS, ids=name)
def test_support(head):
    good = [*VALUES, BLANK] if head.blank else VALUES
    assert head.supports(tf.constant(good, tf.float64)).numpy().all()
    assert head.supports(tf.constant(good, tf.float32)).numpy().all()
    assert head.supports(tf.constant(np.array(good, np.int64))).numpy().all()
    assert not head.supports(tf.constant(bad_values(head), tf.float64)).numpy().any()
    assert head.supports(tf.constant(head.stand_in, tf.float64))
    assert head.dtype == tf.float64 and head.support.endswith("or blank") == head.blank


@pytest.mark.parametrize("head", HEADS, ids=name)
def test_unsupported_values_score_minus_infinity_and_leave_gradients_finite(head):
    x = np.array([*bad_values(head), 1.0])
    params = tf.constant(parameters(head)[: len(x)])
    with tf.GradientTape() as tape:
        tape.watch(params)
        scores = head(params).log_prob(x)
        total = tf.reduce_sum(tf.where(tf.math.is_finite(scores), scores, 0))
    expected = np.where(np.isnan(x), np.nan, -np.inf)
    np.testing.assert_array_equal(scores[:-1], expected[:-1])
    gradient = tape.gradient(total, params).numpy()
    assert np.isfinite(scores[-1]) and np.isfinite(gradient).all() and np.abs(gradient[-1]).max() > 0
    assert not gradient[:-1].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("head", HEADS, ids=name)
def test_gradients_are_finite_everywhere(head, dtype):
    params = tf.constant(parameters(head, dtype=dtype))
    x = np.array([*VALUES, 9.0, *([BLANK] if head.blank else [])])
    x = x[head.supports(tf.constant(x)).numpy()][:, None]
    with tf.GradientTape() as tape:
        tape.watch(params)
        scores = head(params).log_prob(x)
        total = tf.reduce_sum(scores)
    assert scores.dtype == dtype and scores.shape == [len(x), 40] and np.isfinite(scores).all()
    gradient = tape.gradient(total, params).numpy()
    assert np.isfinite(gradient).all() and (np.abs(gradient).max(axis=0) > 0).all()


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("head", HEADS, ids=name)
def test_graphs_and_xla_equal_eager_mode(head, jit):
    params, x = tf.constant(parameters(head)), tf.constant(values(head))
    noise = tf.constant(np.random.default_rng(1).uniform(0.001, 0.999, size=[40, head.noise_size]), tf.float32)

    def everything(params, x, noise):
        return head.log_prob(params, x, event_ndims=0), head.draw(params, noise), head.encode(x)

    for found, expected in zip(tf.function(everything, jit_compile=jit)(params, x, noise), everything(params, x, noise), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def some(head):
    """A part of the values of a column."""
    return head.allow([1, 0, 0.5, 0, 1], head.blank) if isinstance(head, heads.CategoryColumn) else head.allow([[1, 3], [4, 4]], head.blank)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("head", HEADS, ids=name)
def test_draws_within_a_set_are_the_same_in_graphs_and_under_xla(head, jit):
    params = tf.constant(parameters(head))
    noise = tf.constant(np.random.default_rng(1).uniform(0.001, 0.999, size=[40, head.noise_size]), tf.float32)

    def both(params, noise, allowed):
        return head.log_mass(params, allowed), head.draw_within(params, noise, allowed)

    compiled = tf.function(both, jit_compile=jit)(params, noise, some(head))
    for found, expected in zip(compiled, both(params, noise, some(head)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert head.supports(compiled[1]).numpy().all()


@pytest.mark.parametrize("head", HEADS, ids=name)
def test_draws_within_a_set_have_the_masses_of_its_parts(head):
    """Chi-square, false alarm 1e-4."""
    params, count = tf.constant(parameters(head, rows=1, seed=5)), 20_000
    noise = tf.constant(np.random.default_rng(2).uniform(size=[count, head.noise_size]), tf.float32)
    drawn = head.draw_within(params, noise, some(head)).numpy()
    if isinstance(head, heads.CategoryColumn):
        parts = [(head.allow(share * np.eye(5)[value]), (value, value)) for value, share in ((0, 1), (2, 0.5), (4, 1))]
    else:
        parts = [(head.allow([ends]), ends) for ends in ((1.0, 1.7), (1.7, 2.4), (2.4, 3.0), (4.0, 4.0))]
    parts += [(head.allow([0] * 5 if isinstance(head, heads.CategoryColumn) else [], blank=True), (BLANK, BLANK))]
    masses = np.exp([head.log_mass(params, part).numpy()[0] for part, _ in parts])
    np.testing.assert_allclose(masses.sum(), np.exp(head.log_mass(params, some(head)))[0], rtol=1e-5)
    counts = [np.sum((low <= drawn) & (drawn <= high)) for _, (low, high) in parts]
    assert sum(counts) == count
    assert_frequencies(counts, count * masses.astype(float) / masses.sum())


@pytest.mark.parametrize("head", HEADS, ids=name)
def test_half_precision_is_computed_in_single(head):
    params, x = tf.constant(parameters(head, dtype=np.float16)[:10]), values(head)[:10]
    np.testing.assert_array_equal(head.log_prob(params, x, 0), head.log_prob(tf.cast(params, tf.float32), x, 0))
    double = head.log_prob(tf.cast(params, tf.float64), x, 0)
    np.testing.assert_allclose(head.log_prob(params, x, 0), double, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("head", HEADS, ids=name)
def test_shapes_broadcast(head):
    params, x = parameters(head)[:6].reshape(2, 3, -1), values(head)[:3]
    flat = head(params.reshape(6, -1)).log_prob(np.tile(x, 2)).numpy().reshape(2, 3)
    np.testing.assert_allclose(head(params).log_prob(x), flat, rtol=1e-6)
    np.testing.assert_allclose(head.log_prob(tf.constant(params), x, event_ndims=1), flat.sum(axis=1), rtol=1e-6)
    np.testing.assert_allclose(head(params[0, 0]).log_prob(x), [head(params[0, 0]).log_prob(value) for value in x], rtol=1e-6)
    assert head(params).batch_shape == [2, 3] and head(params).event_shape == []


@pytest.mark.parametrize("head", HEADS, ids=name)
def test_encoding_has_two_layouts(head):
    x = tf.constant(values(head, 7))
    encoding = head.encoding
    assert encoding(x, "float32").shape == [7, head.features] and encoding(x, "float16").dtype == tf.float16
    np.testing.assert_array_equal(encoding.features_first(x, "float32"), tf.transpose(encoding(x, "float32")))
    assert encoding(tf.reshape(x, [7, 1, 1]), "float32").shape == [7, 1, 1, head.features]


@pytest.mark.parametrize("head", HEADS, ids=name)
def test_round_trip(head):
    for one in (head, head.encoding):
        copy = keras.saving.deserialize_keras_object(json.loads(json.dumps(keras.saving.serialize_keras_object(one))))
        assert copy == one and hash(copy) == hash(one) and repr(copy) == repr(one)


@pytest.mark.parametrize("dtype", [tf.float16, tf.float32, tf.float64])
@pytest.mark.parametrize("head", BLANKS, ids=name)
def test_without_blank_is_the_density_given_that_the_value_is_not_blank(head, dtype):
    params = tf.constant(parameters(head)[:5], dtype)
    given = head.without_blank(params)
    blank = head(params).prob(BLANK).numpy()
    assert given.dtype == dtype and np.isfinite(head(given).log_prob(BLANK)).all() and not head(given).prob(BLANK).numpy().any()
    x = VALUES[:, None]
    np.testing.assert_allclose(head(given).prob(x), head(params).prob(x) / (1 - blank), rtol=1e-4)
    drawn = head(given).sample(200, seed=1).numpy()
    assert np.isfinite(drawn).all() and not (drawn == BLANK).any() and blank.max() > 0.1


@pytest.mark.parametrize("head", PLAIN, ids=name)
def test_a_column_without_blanks_has_no_blank_logit(head):
    params = tf.constant(parameters(head))
    assert head.blank_logit is None and head.without_blank(params) is params


@pytest.mark.parametrize("head", BLANKS, ids=name)
def test_samples_have_the_probabilities_of_blanks_and_atoms(head):
    """Chi-square, false alarm 1e-4."""
    params = parameters(head, rows=2, seed=5)
    drawn = head(params).sample(10_000, seed=3).numpy()
    assert drawn.shape == (10_000, 2) and drawn.dtype == np.float64
    cells = np.array([BLANK, 0.0, 4.0])
    for column, row in zip(drawn.T, params, strict=True):
        counts = [np.sum(column == cell) for cell in cells]
        expected = 10_000 * head(row).prob(cells).numpy().astype(float)
        assert_frequencies([*counts, 10_000 - sum(counts)], [*expected, 10_000 - expected.sum()])


def test_masses_and_densities_are_told_apart():
    assert [head.discrete for head in HEADS] == [True, True, False] * 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: heads.CategoryColumn(0), "num_classes must be an integer of at least 1. Received: num_classes=0"),
        (lambda: heads.GridColumn(0, **KNOTS), "size must be an integer of at least 1. Received: size=0"),
        (lambda: heads.GridColumn(2**52 + 1, **KNOTS), "size must be an integer of at most 4503599627370496. Received: "),
        (lambda: heads.GridColumn(4, **KNOTS, atoms=(4,)), "atoms must be integers from 0 to 3. Received: atoms=.4.0,."),
        (lambda: heads.GridColumn(4, **KNOTS, atoms=(0.5,)), "atoms must be integers from 0 to 3. Received: atoms=.0.5,."),
        (lambda: heads.RealColumn(**KNOTS, atoms=(1, 1)), "atoms must be distinct finite numbers. Received: atoms=.1.0, 1.0."),
        (lambda: heads.RealColumn(**KNOTS, atoms=(np.nan,)), "atoms must be distinct finite numbers. Received: atoms=.nan,."),
        (lambda: heads.RealColumn(**KNOTS, atoms=(BLANK,)), "atoms must be distinct finite numbers. Received: "),
        (lambda: heads.RealColumn((0, 1, 1), (0, 1, 2)), "Received: "),
        (lambda: heads.RealColumn(**KNOTS, num_components=0), "num_components must be an integer of at least 1. Received: "),
        (lambda: heads.RealColumn(**KNOTS, min_scale=0), r"min_scale must be a number in \(0, inf\). Received: min_scale=0"),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
