"""The head of numbers on a grid: masses against their formula in NumPy, and draws against masses by sweeping the noise."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfar import heads
from tfar.columns import BLANK, Warp

SIZES = [1, 2, 7, 300]


def column(size, atoms=True, blank=True, components=3):
    """A column whose warp has knots closer than the points of the grid, and one beyond its end."""
    x = np.unique([0.0, 0.4, 0.6, size / 3, size / 3 + 0.1, size + 2.0])
    z = np.linspace(-2, 2, len(x)) ** 3
    return heads.GridColumn(size, x, z, sorted({0, size // 2}) if atoms else (), blank, components)


def parameters(head, rows=40, seed=0):
    """Ordinary ones, some with locations far outside, some with tiny and some with huge scales."""
    params = np.random.default_rng(seed).normal(size=[rows, head.params_size])
    k = head.num_components
    params[10:15, -2 * k : -k] *= 30
    params[15:20, -k:] -= 15
    params[20:25, -k:] += 15
    return params


def log_masses(head, params, n):
    """log p(n) `[rows, n]`, in float64 and log space, the blank last where there is one."""
    fixed, k = len(head.atoms) + head.blank, head.num_components
    logits = params[:, : fixed + k] - np.logaddexp.reduce(params[:, : fixed + k], axis=1, keepdims=True)
    loc, raw = params[:, None, fixed + k : fixed + 2 * k], params[:, None, fixed + 2 * k :]
    scale = np.logaddexp(0, raw) + head.min_scale
    knots = np.asarray(head.warp.x), np.asarray(head.warp.z)
    ends = (knots[1][1] - knots[1][0]) / (knots[0][1] - knots[0][0]), (knots[1][-1] - knots[1][-2]) / (knots[0][-1] - knots[0][-2])

    def warp(x):
        return np.interp(x, *knots) + ends[0] * np.minimum(x - knots[0][0], 0) + ends[1] * np.maximum(x - knots[0][-1], 0)

    upper, lower = (warp(n + 0.5)[:, None] - loc) / scale, (warp(n - 0.5)[:, None] - loc) / scale
    upper, lower = np.where(n[:, None] == head.size - 1, np.inf, upper), np.where(n[:, None] == 0, -np.inf, lower)
    bins = -np.logaddexp(0, -upper) - np.logaddexp(0, lower) + np.log(-np.expm1(lower - upper))
    masses = np.logaddexp.reduce(bins + logits[:, None, fixed:], axis=-1)
    for i, atom in enumerate(head.atoms):
        masses[:, n == atom] = np.logaddexp(masses[:, n == atom], logits[:, i + head.blank, None])
    return np.concatenate([masses, logits[:, :1]], axis=1) if head.blank else masses


def points(head):
    return np.array([*range(head.size), *([BLANK] if head.blank else [])], float)


@pytest.mark.parametrize("blank", [False, True])
@pytest.mark.parametrize("atoms", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_masses_are_the_formula_and_sum_to_one(size, atoms, blank):
    head = column(size, atoms, blank)
    params, x = parameters(head), points(head)
    expected = log_masses(head, params, np.arange(size))
    for dtype, rtol, total in ((np.float32, 1e-4, 3e-6), (np.float64, 1e-9, 1e-12)):
        found = head(params.astype(dtype)[:, None]).log_prob(np.tile(x, [40, 1])).numpy()
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)  # some are thousands of nats
        np.testing.assert_allclose(np.exp(found.astype(float)).sum(axis=1), 1, atol=total)


def split_words(u):
    """Noise of one fine uniform number: two words."""
    coarse = np.floor(u * 2**23)
    return (coarse + 0.5) / 2**23, u * 2**23 - coarse


def sweep(head, params, choice, count=400_000):
    """Relative frequencies of points 0..L-1 over a fine grid of the quantile's noise, where `choice` picks the component."""
    words = split_words((np.arange(count) + 0.5) / count)
    noise = np.stack([np.full(count, choice), *words], axis=1).astype(np.float32)
    drawn = head.draw(tf.constant(params, tf.float32)[None], tf.constant(noise)).numpy()
    assert drawn.dtype == np.float64
    return np.bincount(drawn.astype(int), minlength=head.size) / count


@pytest.mark.parametrize("size", SIZES)
def test_draws_what_it_scores(size):
    """A mass is drawn to 1.5 steps of the grid of noise: each component by itself."""
    head, alone = column(size, atoms=False, blank=False, components=2), column(size, False, False, components=1)
    for params in parameters(head, rows=25)[[0, 12]].astype(np.float32):
        share = 1 / (1 + np.exp(params[1] - params[0]))
        for j, choice in enumerate((share / 2, (1 + share) / 2)):
            masses = np.exp(log_masses(alone, params[[[0, 2 + j, 4 + j]]].astype(float), np.arange(size)))[0]
            np.testing.assert_allclose(sweep(head, params, choice), masses, atol=4e-6)


def test_draws_atoms_blanks_and_components_by_their_shares():
    head, count = column(7), 2**16
    params = np.random.default_rng(2).normal(size=head.params_size).astype(np.float32)
    params[-6:-3] = 100.0  # components are in the last point alone
    u = (np.arange(count) + 0.5) / count
    noise = np.stack([u, np.full(count, 0.4), np.full(count, 0.4)], axis=1).astype(np.float32)
    drawn = head.draw(tf.constant(params)[None], tf.constant(noise)).numpy()
    shares = np.exp(params[:6]) / np.exp(params[:6]).sum()
    found = [(drawn == value).mean() for value in (BLANK, 0, 3, 6)]
    np.testing.assert_allclose(found, [*shares[:3], shares[3:].sum()], atol=2 / count)


def test_a_grid_of_1e12_points_has_exact_masses_and_reaches_them():
    size = 10**12
    head = heads.GridColumn(size, (0.0, 3e11, size - 1.0), (-3.0, 0.0, 3.0), num_components=1)
    params = np.array([0.0, 0.3, -1.0])
    scale, x = np.logaddexp(0, -1.0) + head.min_scale, np.array([123.0, 1e11, 3e11, 7.5e11 + 1, size - 2.0])
    slopes = np.where(x < 3e11, 1e-11, 3 / (size - 1 - 3e11))
    slopes[2] = (1e-11 + slopes[3]) / 2
    logistic = -np.logaddexp(0, (head.warp(x) - 0.3) / scale) - np.logaddexp(0, -(head.warp(x) - 0.3) / scale) - np.log(scale)
    for dtype, rtol in ((np.float32, 1e-6), (np.float64, 1e-11)):
        found = head(params.astype(dtype)).log_prob(x)
        np.testing.assert_allclose(found, logistic + np.log(slopes), rtol=rtol)

    u = np.random.default_rng(0).uniform(size=1000)
    u = (np.floor(u * 2**46) + 0.5) / 2**46  # 47 bits
    coarse, fine = split_words(u)
    noise = np.stack([np.full(1000, 0.5), coarse, fine], axis=1)
    drawn = head.draw(tf.constant(params)[None], tf.constant(noise)).numpy()
    edges = [1 / (1 + np.exp(-(head.warp(drawn + half) - 0.3) / scale)) for half in (-0.5, 0.5)]
    assert (edges[0] <= u + 1e-15).all() and (u <= edges[1] + 1e-15).all()
    noise[:, 1] = 0.4
    assert len(np.unique(head.draw(tf.constant(params)[None], tf.constant(noise)))) > 900


def test_extreme_noise_stays_on_the_grid():
    head, least = column(300, components=1), 2.0**-24
    params = np.zeros([1, head.params_size], np.float32)
    params[:, :3] = -50.0
    noise = tf.constant([[0.5, least, least], [0.5, 1 - least, 1 - least]], tf.float32)
    assert head.draw(tf.constant(params), noise).numpy().tolist() == [0, 299]


def test_features_are_the_warped_number_the_blank_and_the_atoms():
    head = heads.GridColumn(10, (0.0, 10.0), (-1.0, 1.0), atoms=(5, 0), blank=True)
    expected = [[-1, 0, 0, 1], [-0.8, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0]]
    np.testing.assert_allclose(head.encode(tf.constant([0, 1, 5, BLANK], tf.float64)), expected, rtol=1e-6)


def test_training_starts_near_the_marginal_distribution():
    generator = np.random.default_rng(0)
    x = generator.normal(60, 10, size=5000).round().clip(0, 119)
    x[:1000], x[1000:1500] = BLANK, 40
    warp = Warp.fit(x[1000:])
    head = heads.GridColumn(120, warp.x, warp.z, atoms=(40,), blank=True)
    params = head.initial_params(x)
    assert params.dtype == np.float32 and params.shape == (head.params_size,)
    np.testing.assert_allclose(head(params).prob(BLANK), 0.2, atol=1e-3)
    values, counts = np.unique(x, return_counts=True)
    entropy = -np.sum(counts / 5000 * np.log(counts / 5000))
    for one, gap in ((head, 0.06), (head.marginal(), 0.02)):  # nats; 3.4 of entropy
        nll = -np.mean(one(one.initial_params(x)).log_prob(x))
        assert 0 <= nll - entropy < gap


@pytest.mark.parametrize("components", [1, 2, 10])
@pytest.mark.parametrize("x", [[BLANK], [0.0, 0.0], [3.0], [BLANK, 0.0, 3.0, 3.0]], ids=str)
def test_training_starts_at_finite_parameters_on_few_values(x, components):
    head = column(7, components=components)
    params = head.initial_params(np.array(x))
    assert np.isfinite(params).all() and np.isfinite(head(params).log_prob(points(head))).all()


def test_the_baseline_counts_few_points_and_spreads_components_over_many():
    assert column(7).marginal() == heads.CategoryColumn(7, blank=True)
    assert column(300).marginal() == column(300, components=64)


def sets(head):
    """Intervals, and whether the blank is among them."""
    return [([[0, 2]], False), ([[3, np.inf], [1, 1], [2.5, 90]], True), ([[-np.inf, 0], [6, 6], [90, 200]], False), ([], True)]


@pytest.mark.parametrize("blank", [False, True])
@pytest.mark.parametrize("atoms", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_the_mass_of_intervals_is_the_sum_of_those_of_their_points(size, atoms, blank):
    head = column(size, atoms, blank)
    params, n = parameters(head), np.arange(size)
    masses = log_masses(head, params, n)
    for intervals, also_blank in sets(head):
        inside = [bool(any(low <= point <= high for low, high in intervals)) for point in n] + [also_blank] * blank
        expected = np.logaddexp.reduce(np.where(inside, masses, -np.inf), axis=1)
        allowed = head.allow(intervals, also_blank)
        assert allowed.empty == (not any(inside))
        for dtype, rtol in ((np.float32, 1e-4), (np.float64, 1e-9)):
            found = head.log_mass(tf.constant(params.astype(dtype)), allowed).numpy()
            assert found.dtype == dtype
            np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)
    assert not head.log_mass(tf.constant(params), head.everything).numpy().any()


def sweep_within(head, params, allowed, choice, count=200_000):
    words = split_words((np.arange(count) + 0.5) / count)
    noise = np.stack([np.full(count, choice), *words], axis=1).astype(np.float32)
    drawn = head.draw_within(tf.constant(params, tf.float32)[None], tf.constant(noise), allowed).numpy()
    assert drawn.dtype == np.float64
    return np.bincount(drawn.astype(int), minlength=head.size) / count


@pytest.mark.parametrize("interval", [(0, 3), (2, 2), (3, 6), (5, 6), (0, 6), (1, 5)])
@pytest.mark.parametrize("location", [-60.0, 0.3, 60.0])
def test_draws_within_an_interval_have_the_conditional_masses(interval, location):
    """One component, also one that is 60 away: each mass is drawn to 1.5 steps of the noise."""
    head, (low, high) = column(7, atoms=False, blank=False, components=1), interval
    params = np.array([[0.0, location, 0.0]])
    masses = log_masses(head, params, np.arange(7))[0, low : high + 1]
    expected = np.zeros(7)
    expected[low : high + 1] = np.exp(masses - np.logaddexp.reduce(masses))
    np.testing.assert_allclose(sweep_within(head, params[0], head.allow([interval]), 0.5), expected, atol=8e-6)


def test_draws_within_choose_among_atoms_blanks_and_components_by_their_masses():
    head, count = column(7, components=2), 2**16
    params = np.random.default_rng(2).normal(size=head.params_size).astype(np.float32)
    allowed = head.allow([[0, 1], [3, 3]], blank=True)
    u = (np.arange(count) + 0.5) / count
    random = np.random.default_rng(0).permutation(count)  # any pairing of the two
    words = split_words(u[random])
    drawn = head.draw_within(tf.constant(params)[None], tf.constant(np.stack([u, *words], axis=1), tf.float32), allowed).numpy()
    masses = np.exp(log_masses(head, params[None].astype(float), np.arange(7)))[0]
    expected = masses * [1, 1, 0, 1, 0, 0, 0, 1]
    found = [(drawn == value).mean() for value in points(head)]
    np.testing.assert_allclose(found, expected / expected.sum(), atol=0.01)  # 5 standard deviations of a binomial; of blanks alone 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_draws_within_stay_inside_for_all_parameters_and_noise(dtype):
    head, least = column(300), 2.0**-24
    params = tf.constant(parameters(head).astype(dtype))[:, None]
    noise = tf.constant(list(itertools.product((least, 0.5, 1 - least), repeat=3)), tf.float32)
    for intervals in ([[7, 7]], [[20, 30], [250, 270]], [[298, np.inf]], [[-np.inf, 1]]):
        drawn = head.draw_within(params, noise, head.allow(intervals)).numpy()
        assert drawn.shape == (40, 27) and np.isfinite(head.log_mass(params, head.allow(intervals))).all()
        assert np.any([(low <= drawn) & (drawn <= high) for low, high in intervals], axis=0).all() and (drawn == np.round(drawn)).all()


def test_intervals_are_rounded_inwards_sorted_and_joined():
    head = column(300, atoms=True)  # at 0 and 150
    allowed = head.allow([[20.5, 30], [10, 20], [5, 40.2], [31, 32], [60.1, 60.9], [-5, -1], [150, 149]])
    assert allowed.intervals.tolist() == [[5, 40]] and allowed.shares.tolist() == [0, 0, 0]
    assert head.allow([[3, 4], [5, 6], [8, 500]], blank=True).intervals.tolist() == [[3, 6], [8, 299]]
    assert head.allow([[3, 4], [8, 500]], blank=True).shares.tolist() == [1, 0, 1]
