"""The blank and the warp."""

import numpy as np
import pytest

from tfar.columns import BLANK, MOST_KNOTS, Warp


def samples(name, count=20_000):
    random = np.random.RandomState(0)
    return {
        "normal": lambda: random.normal(5.0, 0.1, count),
        "uniform": lambda: random.uniform(size=count),
        "lognormal": lambda: np.exp(3 * random.normal(size=count)),
        "cauchy": lambda: random.standard_cauchy(count),
        "counts": lambda: random.poisson(3.0, count).astype(float),
        "mostly zero": lambda: np.where(random.uniform(size=count) < 0.95, 0.0, random.exponential(1000.0, count).round()),
        "two values": lambda: np.repeat([0.0, 1.0], [count - 1, 1]),
    }[name]()


ALL = ("normal", "uniform", "lognormal", "cauchy", "counts", "mostly zero", "two values")


def test_the_blank_is_exact_in_single_precision_and_is_no_value():
    assert float(np.float32(BLANK)) == BLANK == -9007199254740992.0


@pytest.mark.parametrize("name", ALL)
def test_a_fitted_warp_increases_and_has_an_inverse(name):
    values = samples(name)
    warp = Warp.fit(values)
    assert 2 <= len(warp.x) <= MOST_KNOTS
    assert np.isfinite(warp.slopes).all() and (warp.slopes > 0).all()
    width = values.max() - values.min()
    points = np.concatenate([values[:2000], [values.min() - 3 * width, values.max() + 3 * width]])
    np.testing.assert_allclose(warp.inverse(warp(points)), points, rtol=1e-9, atol=1e-12 * width)
    assert (np.diff(warp(np.unique(points))) > 0).all()


@pytest.mark.parametrize("name", ["normal", "uniform", "lognormal", "cauchy"])
def test_a_continuous_column_becomes_about_standard_normal(name):
    z = np.sort(Warp.fit(samples(name))(samples(name)))
    # the normal quantiles of published tables; the column is the sample that the warp was fitted to, so no sampling error enters
    for share, quantile in [(0.01, -2.326), (0.1, -1.2816), (0.5, 0.0), (0.9, 1.2816), (0.99, 2.326)]:
        assert abs(z[int(share * len(z))] - quantile) < 0.03
    assert np.abs(z).max() < 5


def test_the_slope_is_the_derivative():
    warp = Warp.fit(samples("lognormal"))
    middle = (np.array(warp.x[1:]) + np.array(warp.x[:-1])) / 2
    points = np.concatenate([[warp.x[0] - 1], middle, [warp.x[-1] + 1]])
    step = 1e-6 * np.maximum(np.abs(points), 1e-6)
    np.testing.assert_allclose(warp.slope(points), (warp(points + step) - warp(points - step)) / (2 * step), rtol=1e-4)


def test_beyond_the_training_range_the_density_does_not_depend_on_the_gap_of_two_extremes():
    values = np.append(samples("uniform"), [1.0, 1.0 - 1e-15])
    warp = Warp.fit(values)
    assert warp(1.1) - warp(1.0) < 0.3 and warp(-0.1) - warp(0.0) > -0.3


def test_weights_count_as_repeated_values():
    values, counts = np.arange(50.0) ** 2, np.arange(1, 51)
    weighted, repeated = Warp.fit(values, counts), Warp.fit(np.repeat(values, counts))
    points = np.linspace(-100, 3000, 50)
    np.testing.assert_allclose(weighted(points), repeated(points), rtol=1e-12)


def test_two_knots_are_a_line():
    line = Warp((0.0, 2.0), (0.0, 1.0))
    assert line([-4.0, 1.0, 10.0]).tolist() == [-2.0, 0.5, 5.0] and line == Warp([0, 2], [0, 1])
    assert hash(line) == hash(Warp([0, 2], [0, 1]))


@pytest.mark.parametrize(
    "x, z",
    [((0.0,), (0.0,)), ((0.0, 0.0), (0.0, 1.0)), ((0.0, 1.0), (1.0, 1.0)), ((0.0, 1.0), (0.0, 1.0, 2.0)), ((0.0, np.inf), (0.0, 1.0))]
    + [(range(65), range(65)), ((0.0, np.nan), (0.0, 1.0)), ((0.0, 5e-324), (0.0, 1.0)), ((-1e308, 1e308), (0.0, 1.0))],
)
def test_knots_that_are_no_warp_are_refused(x, z):
    with pytest.raises(ValueError, match="knots.*Received: "):
        Warp(x, z)


@pytest.mark.parametrize(
    "values, weights", [([3.0, 3.0], None), ([], None), ([1.0, np.nan], None), ([1.0, np.inf], None), ([1.0, 2.0], [1.0]), ([1, 2], [1, 0])]
)
def test_columns_without_a_warp_are_refused(values, weights):
    with pytest.raises(ValueError, match="must .*Received: "):
        Warp.fit(values, weights)
