"""The warp of TensorFlow against that of NumPy, and its increments against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
import tensorflow as tf

from tfar.columns import Warp
from tfar.heads.warp import TensorWarp

WARPS = [
    Warp((0.0, 1.0), (-3.0, 5.0)),
    Warp.fit(np.random.default_rng(0).standard_cauchy(5000)),
    Warp((0.0, 1e200, 2e200), (-1.0, 0.0, 3.0)),
]


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("warp", WARPS, ids=range(3))
def test_equals_that_of_numpy(warp, jit):
    x = np.concatenate([warp.inverse(np.linspace(-9, 9, 500)), warp.x]).reshape(-1, 2) if len(warp.x) % 2 == 0 else np.array([warp.x])
    transform = TensorWarp(warp)
    compiled = [tf.function(method, jit_compile=jit) for method in (transform, transform.log_slope, transform.inverse)]
    z = compiled[0](x).numpy()
    assert z.dtype == np.float64 and z.shape == x.shape
    np.testing.assert_allclose(z, warp(x), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(compiled[1](x), np.log(warp.slope(x)), rtol=1e-13)
    np.testing.assert_allclose(compiled[2](z), warp.inverse(z), rtol=1e-12, atol=1e-12)


def exact(warp, x):
    """T(x) in fractions."""
    knots, images = ([Fraction(value) for value in values] for values in (warp.x, warp.z))
    i = min(max(sum(knot <= x for knot in knots) - 1, 0), len(knots) - 2)
    return images[i] + (Fraction(x) - knots[i]) * (images[i + 1] - images[i]) / (knots[i + 1] - knots[i])


def test_increments_have_full_relative_precision():
    warp = Warp((3.0, 500.25, 500.5, 501.0, 4e11, 1e12), (-4.0, -1.0, -0.75, 0.5, 1.0, 4.0))
    points = np.array([0, 3, 499, 500, 501, 502, 12345, 4e11 - 1, 4e11, 4e11 + 1, 1e12 - 1])
    expected = [float(exact(warp, Fraction(n) + Fraction(1, 2)) - exact(warp, Fraction(n) - Fraction(1, 2))) for n in points]
    found = TensorWarp(warp).rise(points - 0.5, points + 0.5)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert min(expected) < 2e-12
