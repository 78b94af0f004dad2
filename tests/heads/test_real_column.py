"""The head of real numbers: densities against their formula in NumPy and by quadrature, draws against densities."""

import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest
import tensorflow as tf

from tfar import heads
from tfar.columns import BLANK, Warp
from tfar.heads.real_column import log_normal_mass

CAUCHY = Warp.fit(np.random.default_rng(0).standard_cauchy(5000), num_knots=12)
WARPS = {"two knots": Warp((10.0, 20.0), (-1.0, 1.0)), "heavy tails": CAUCHY}


def column(warp, atoms=(), blank=False, components=3):
    return heads.RealColumn(warp.x, warp.z, atoms, blank, components)


def log_density(head, params, x):
    """log p of one value, from the formula."""
    fixed, k = len(head.atoms) + head.blank, head.num_components
    logits = params[: fixed + k] - np.logaddexp.reduce(params[: fixed + k])
    if head.blank and x == BLANK:
        return logits[0]
    if x in head.atoms:
        return logits[head.blank + head.atoms.index(x)]
    knots, images = np.asarray(head.warp.x), np.asarray(head.warp.z)
    i = np.clip(np.sum(x >= knots) - 1, 0, len(knots) - 2)
    slope = (images[i + 1] - images[i]) / (knots[i + 1] - knots[i])
    scale = np.logaddexp(0, params[fixed + 2 * k :]) + head.min_scale
    standard = (images[i] + (x - knots[i]) * slope - params[fixed + k : fixed + 2 * k]) / scale
    return np.logaddexp.reduce(logits[fixed:] - standard**2 / 2 - np.log(scale) - np.log(2 * np.pi) / 2) + np.log(slope)


@pytest.mark.parametrize("warp", WARPS.values(), ids=WARPS)
def test_log_prob_is_the_formula(warp):
    head = column(warp, atoms=(0.0, 12.5), blank=True)
    x = np.array([BLANK, 0.0, 12.5, np.nextafter(12.5, 13), -300.0, 1.0, 15.0, 4000.0, *warp.x])
    for params in np.random.default_rng(1).normal(size=[5, head.params_size]):
        expected = [log_density(head, params, value) for value in x]
        np.testing.assert_allclose(head(params).log_prob(x), expected, rtol=1e-10)
        np.testing.assert_allclose(head(params.astype(np.float32)).log_prob(x), expected, rtol=1e-5, atol=1e-5)


def integral(head, params, edges, count=4000):
    """The integral of the density between neighbouring edges, by the midpoint rule in the column's own units."""
    middle = (np.arange(count) + 0.5) / count
    x = edges[:-1, None] + middle * np.diff(edges)[:, None]
    density = head(tf.constant(params)).prob(x).numpy()
    return density.mean(axis=1) * np.diff(edges)


@pytest.mark.parametrize("warp", WARPS.values(), ids=WARPS)
def test_atoms_and_integral_sum_to_one(warp):
    head = column(warp, atoms=(0.1234567, 15.1234567), blank=True)
    edges = np.array([*warp.inverse([-30.0, -10.0]), *warp.x, *warp.inverse([10.0, 30.0])])
    for params in np.random.default_rng(2).normal(size=[3, head.params_size]):
        masses = head(params).prob([BLANK, *head.atoms]).numpy()
        assert (masses > 1e-3).all()
        np.testing.assert_allclose(masses.sum() + integral(head, params, edges).sum(), 1, atol=1e-6)


def test_the_density_is_of_the_columns_own_units():
    metres, params = WARPS["heavy tails"], np.random.default_rng(3).normal(size=9)
    feet = Warp(tuple(np.array(metres.x) * 3.28), metres.z)
    x = np.array([-50.0, 0.3, 7.0])
    expected = column(metres)(params).log_prob(x) - np.log(3.28)
    np.testing.assert_allclose(column(feet)(params).log_prob(x * 3.28), expected, rtol=1e-10)


@pytest.mark.parametrize("warp", WARPS.values(), ids=WARPS)
def test_draws_what_it_scores(warp):
    """Neighbouring quantiles enclose the probability of the noise between them."""
    head = column(warp, components=2)
    params = np.array([0.0, -40.0, 0.4, 5.0, 0.2, 0.0])
    u = np.linspace(0.002, 0.998, 499)
    coarse = np.floor(u * 2**23)
    noise = np.stack([np.full(len(u), 0.5), (coarse + 0.5) / 2**23, u * 2**23 - coarse], axis=1)
    drawn = head.draw(tf.constant(params)[None], tf.constant(noise)).numpy()
    assert drawn.dtype == np.float64 and (np.diff(drawn) > 0).all()
    scale = np.logaddexp(0, 0.2) + head.min_scale
    np.testing.assert_allclose(drawn, warp.inverse([0.4 + scale * NormalDist().inv_cdf(level) for level in u]), rtol=1e-9, atol=1e-9)
    edges = np.union1d(drawn, [knot for knot in warp.x if drawn[0] < knot < drawn[-1]])
    enclosed = np.concatenate([[0], np.cumsum(integral(head, params, edges, count=200))])
    np.testing.assert_allclose(np.diff(enclosed[np.searchsorted(edges, drawn)]), np.diff(u), rtol=1e-4)


def test_draws_atoms_and_blanks_by_their_shares():
    head, count = column(CAUCHY, atoms=(0.0, 2.5), blank=True), 2**16
    params = np.random.default_rng(4).normal(size=head.params_size).astype(np.float32)
    u = (np.arange(count) + 0.5) / count
    noise = np.stack([u, np.full(count, 0.4), np.full(count, 0.4)], axis=1).astype(np.float32)
    drawn = head.draw(tf.constant(params)[None], tf.constant(noise)).numpy()
    shares = np.exp(params[:6]) / np.exp(params[:6]).sum()
    np.testing.assert_allclose([(drawn == value).mean() for value in (BLANK, 0.0, 2.5)], shares[:3], atol=2 / count)


def test_values_far_beyond_the_column_are_scored_and_have_gradients():
    head = column(WARPS["two knots"])
    params = tf.constant(np.random.default_rng(5).normal(size=9), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(params)
        scores = head(params).log_prob(np.array([1e300, -1e300, -1e6]))
        total = tf.reduce_sum(scores)
    assert np.isfinite(scores).all() and (scores.numpy() < -1e9).all() and np.isfinite(tape.gradient(total, params)).all()
    assert np.isfinite(head.encode(tf.constant([1e300, -1e300], tf.float64), "float16")).all()


def test_features_are_the_warped_number_the_blank_and_the_atoms():
    head = column(WARPS["two knots"], atoms=(20.0, 0.25), blank=True)
    expected = [[0, 0, 0, 0], [1, 0, 1, 0], [-2.95, 0, 0, 1], [0, 1, 0, 0]]
    np.testing.assert_allclose(head.encode(tf.constant([15, 20, 0.25, BLANK], tf.float64)), expected, rtol=1e-6)
    assert head.stand_in in WARPS["two knots"].x


def test_training_starts_near_the_marginal_distribution():
    x = np.exp(np.random.default_rng(6).normal(size=5000))
    entropy = 0.5 * np.log(2 * np.pi * np.e)  # of a log-normal density; its mean over 5,000 values has a standard deviation of 0.017
    x[:1000], x[1000:1500] = BLANK, 0.0
    warp = Warp.fit(x[1500:])
    head = column(warp, atoms=(0.0,), blank=True, components=10)
    params = head.initial_params(x)
    assert params.dtype == np.float32 and params.shape == (head.params_size,)
    np.testing.assert_allclose(head(params).prob([BLANK, 0.0]), [0.2, 0.1], atol=1e-3)
    shares = np.array([0.2, 0.1, 0.7])
    entropy = -np.sum(shares * np.log(shares)) + 0.7 * entropy
    for one in (head, head.marginal()):
        assert abs(-np.mean(one(one.initial_params(x)).log_prob(x)) - entropy) < 0.09


def test_the_baseline_spreads_many_components():
    assert column(CAUCHY, (1.0,), True).marginal() == column(CAUCHY, (1.0,), True, components=64)


@pytest.mark.parametrize("warp", WARPS.values(), ids=WARPS)
def test_the_mass_of_intervals_is_the_integral_of_the_density(warp):
    head = column(warp, atoms=(0.1234567, 15.1234567), blank=True)
    a, b, c, d = warp.inverse([-2.0, -0.3, 0.4, 1.7])
    far = warp.inverse([-30.0, 30.0])
    for params in np.random.default_rng(2).normal(size=[3, head.params_size]):
        masses = head(params).prob([BLANK, *head.atoms]).numpy()
        for intervals, blank in (([[a, b]], False), ([[c, d], [a, b]], True), ([[-np.inf, b]], True), ([[c, np.inf]], False)):
            expected = blank * masses[0]
            for low, high in intervals:
                edges = np.array([low, *[x for x in warp.x if low < x < high], high]).clip(*far)
                expected += integral(head, params, edges, count=8000).sum()
                expected += sum(mass for mass, atom in zip(masses[1:], head.atoms, strict=True) if low <= atom <= high)
            allowed = head.allow(intervals, blank)
            for dtype, rtol in ((np.float32, 1e-5), (np.float64, 1e-6)):
                found = head.log_mass(tf.constant(params.astype(dtype)), allowed)
                assert found.dtype == dtype
                np.testing.assert_allclose(np.exp(found), expected, rtol=rtol)
        assert not head.log_mass(tf.constant(params), head.everything).numpy().any()


def test_an_atom_alone_has_its_mass_and_another_value_none():
    head = column(WARPS["two knots"], atoms=(12.5,), blank=True)
    params = tf.constant(np.random.default_rng(0).normal(size=[4, head.params_size]))
    np.testing.assert_allclose(head.log_mass(params, head.allow([[12.5, 12.5]])), head(params).log_prob(12.5), rtol=1e-12)
    assert (head.log_mass(params, head.allow([[13.0, 13.0]])).numpy() == -np.inf).all()
    assert head.draw_within(params, tf.fill([4, 3], 0.4), head.allow([[12.5, 12.5]])).numpy().tolist() == [12.5] * 4
    assert head.draw_within(params, tf.fill([4, 3], 0.4), head.allow([], blank=True)).numpy().tolist() == [BLANK] * 4


@pytest.mark.parametrize("width", [1e-12, 1e-6, 1e-4, 3e-3, 0.02, 0.5, 4.0, 60.0])
@pytest.mark.parametrize("start", [-50.0, -20.001, -7.0, -0.4, 0.0, 1.0, 6.5, 19.999, 45.0])
def test_normal_masses_are_precise_in_the_tails_and_of_narrow_intervals(start, width):
    """Against the integral of the density by 40 Gauss-Legendre points in each of 200 parts, in log space."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    nearest = float(np.clip(0, start, start + width))
    span = min(width, 40 / max(1.0, abs(nearest)))  # beyond which the density is e^-40 of its largest
    first = max(start, nearest - span)
    last = min(start + width, nearest + span)
    edges = np.linspace(first, last, 201)
    half = np.diff(edges)[:, None] / 2
    z = edges[:-1, None] + half * (1 + nodes)
    if width < 1e-3:  # so that z has the digits of the offset
        z, half = start + width * (1 + nodes[None]) / 2, np.array([[width / 2]])
    expected = np.logaddexp.reduce((-(z**2) / 2 - np.log(2 * np.pi) / 2 + np.log(weights * half)).ravel())
    found = log_normal_mass(*(tf.constant(number, tf.float64) for number in (start, start + width, width)))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("interval", [(-3.0, -1.0), (-0.5, 2.0), (5.0, 9.0), (-np.inf, 0.3), (1.0, np.inf), (-5.0, -4.5)])
def test_draws_within_are_quantiles_of_the_conditional_density(interval):
    warp = WARPS["heavy tails"]
    head, (low, high) = column(warp, components=1), warp.inverse(interval)
    params, scale = np.array([0.0, 0.4, 0.2]), np.logaddexp(0, 0.2) + 1e-3
    u = np.linspace(0.002, 0.998, 499)
    coarse = np.floor(u * 2**23)
    noise = np.stack([np.full(len(u), 0.5), (coarse + 0.5) / 2**23, u * 2**23 - coarse], axis=1)
    drawn = head.draw_within(tf.constant(params)[None], tf.constant(noise), head.allow([[low, high]])).numpy()
    assert drawn.dtype == np.float64 and (np.diff(drawn) > 0).all() and (low <= drawn).all() and (drawn <= high).all()

    def cdf(z):
        return np.array([math.erfc(-(value - 0.4) / scale / math.sqrt(2)) / 2 for value in z])

    def survival(z):
        return np.array([math.erfc((value - 0.4) / scale / math.sqrt(2)) / 2 for value in z])

    below = interval[0] < 0.4
    start, z, end = ((cdf if below else survival)(value) for value in (interval[:1], warp(drawn), interval[1:]))
    np.testing.assert_allclose((z - start) / (end - start), u, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_draws_within_stay_inside_for_all_parameters_and_noise(dtype):
    head, least = column(WARPS["two knots"], atoms=(13.0,), blank=True), 2.0**-24
    params = np.random.default_rng(0).normal(size=[40, head.params_size])
    params[10:20, -6:-3] *= 300
    params[20:30, -3:] -= 15
    params = tf.constant(params.astype(dtype))[:, None]
    noise = tf.constant(list(itertools.product((least, 0.5, 1 - least), repeat=3)), tf.float32)
    for intervals in ([[14.0, 14.0 + 1e-9]], [[12.0, 13.5], [500.0, 510.0]], [[1e9, np.inf]], [[-np.inf, 0.0]]):
        drawn = head.draw_within(params, noise, head.allow(intervals)).numpy()
        assert np.any([(low <= drawn) & (drawn <= high) for low, high in intervals], axis=0).all() and np.isfinite(drawn).all()
        assert not np.isnan(head.log_mass(params, head.allow(intervals))).any()
    assert np.isfinite(head.log_mass(params, head.allow([[500.0, 510.0]]))).all()
