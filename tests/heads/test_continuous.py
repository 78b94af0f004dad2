"""Scales in float64: settings keep their digits."""

import numpy as np
import pytest
import tensorflow as tf

from tfar import heads
from tfar.distributions.support import Guard
from tfar.heads.base import as_dtype
from tfar.heads.continuous import positive

KNOTS = {"x": (0.0, 1.0), "z": (-1.0, 1.0)}


def test_the_smallest_scale_is_the_setting_in_double_precision():
    raw = tf.constant([-1000.0, 0.0], tf.float64)
    assert positive(raw, 0.1).numpy().tolist() == [0.1, np.log(2) + 0.1]
    assert positive(tf.constant(-1000.0, tf.float32), 0.1).numpy() == np.float32(0.1)


@pytest.mark.parametrize("value", [0.1, np.float64(0.1), [0.1, 2.0]], ids=str)
def test_numbers_are_rounded_once(value):
    for dtype in (tf.float64, tf.float32, tf.int32):
        found = as_dtype(value, dtype)
        assert found.dtype == dtype and np.array_equal(found, np.asarray(value).astype(dtype.as_numpy_dtype))


def smallest_scale(head):
    params = np.full(head.params_size, -1e4)
    params[: head.params_size // 3 * 2] = 0
    return {
        heads.Normal: lambda: head(params).scale,
        heads.NormalMixture: lambda: head(params).components_distribution.scale[0],
        heads.LaplaceMixture: lambda: head(params).components_distribution.scale[0],
        heads.RealColumn: lambda: head._split(tf.constant(params))[2][0],
        heads.GridColumn: lambda: head._split(tf.constant(params))[2][0],
    }[type(head)]()


@pytest.mark.parametrize(
    "head",
    [
        heads.Normal(min_scale=0.1),
        heads.NormalMixture(num_components=2, min_scale=0.1),
        heads.LaplaceMixture(num_components=2, min_scale=0.1),
        heads.RealColumn(**KNOTS, num_components=2, min_scale=0.1),
        heads.GridColumn(3, **KNOTS, num_components=2, min_scale=0.1),
    ],
    ids=lambda head: type(head).__name__,
)
def test_heads_keep_the_digits_of_their_smallest_scale(head):
    assert float(smallest_scale(head)) == 0.1


class Above(heads.Head):
    """Numbers from 0.3 on."""

    dtype = tf.float64
    stand_in = 0.3

    def supports(self, x):
        return x >= 0.3


def test_the_stand_in_keeps_its_digits():
    guard = Guard(Above(), tf.constant([[0.0, 0.5]], tf.float64))
    assert guard.x.numpy().tolist() == [[0.3, 0.5]]
