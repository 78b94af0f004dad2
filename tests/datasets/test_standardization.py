"""Standardisation of columns of any size."""

import numpy as np
import pytest

from tfar.datasets import Standardization


@pytest.mark.parametrize("unit", [1e-200, 1e-30, 1.0, 1e200])
def test_columns_of_any_size_have_mean_0_and_deviation_1(unit):
    x = np.random.default_rng(0).normal(3, 2, [50, 2]) * [unit, 1.0]
    s = Standardization.fit(x)
    z = s.apply(x)
    assert np.isfinite(s.scale).all() and (s.scale > 0).all() and np.isfinite(s.log_jacobian)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-6)
    np.testing.assert_allclose(s.invert(z), x, rtol=1e-5)


@pytest.mark.parametrize("other", [5.0, 5 + 1e-12])
def test_a_column_that_varies_by_rounding_is_constant(other):
    x = np.full([20, 2], 5.0)
    x[:, 0] = np.arange(20)
    x[3, 1] = other
    with pytest.raises(ValueError, match="Column 2 is constant"):
        Standardization.fit(x)


def test_a_small_spread_of_large_numbers_is_none():
    seconds = 1.7e9 + np.arange(100.0)[:, None]  # a Unix time
    np.testing.assert_allclose(Standardization.fit(seconds).scale, np.arange(100).std())
