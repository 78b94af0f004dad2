"""The warp of a column of numbers as TensorFlow operations."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfar.columns import Warp


class TensorWarp:
    """The map z = T(x) of a `tfar.columns.Warp` on float64 tensors of any shape, in eager mode, in graphs and under XLA.

    >>> warp = TensorWarp(Warp((0.0, 1.0, 3.0), (0.0, 2.0, 3.0)))
    >>> warp(tf.constant([-1.0, 5.0], tf.float64)).numpy().tolist(), warp.inverse(tf.constant([-2.0, 4.0], tf.float64)).numpy().tolist()
    ([-2.0, 4.0], [-1.0, 5.0])
    >>> float(warp.rise(tf.constant(0.5, tf.float64), tf.constant(2.0, tf.float64)))
    1.5
    """

    def __init__(self, warp: Warp):
        self._x, self._z, self._slopes = np.array(warp.x), np.array(warp.z), warp.slopes

    def __call__(self, x: Any) -> Any:
        """Return z = T(x)."""
        i = self._segment(x, self._x)
        return tf.gather(self._z, i) + (x - tf.gather(self._x, i)) * tf.gather(self._slopes, i)

    def inverse(self, z: Any) -> Any:
        """Return x = T^-1(z)."""
        i = self._segment(z, self._z)
        return tf.gather(self._x, i) + (z - tf.gather(self._z, i)) / tf.gather(self._slopes, i)

    def log_slope(self, x: Any) -> Any:
        """Return log T'(x); at a knot that of the slope to its right."""
        return tf.gather(np.log(self._slopes), self._segment(x, self._x))

    def rise(self, lower: Any, upper: Any) -> Any:
        """Return T(upper) - T(lower), lower < upper, to full relative precision however close they are: without cancellation."""
        i, j = self._segment(lower, self._x), self._segment(upper, self._x)
        first, last = tf.gather(self._slopes, i), tf.gather(self._slopes, j)
        before = first * (tf.gather(self._x[1:], i) - lower)
        between = tf.gather(self._z, j) - tf.gather(self._z[1:], i)
        after = last * (upper - tf.gather(self._x, j))
        return tf.where(tf.equal(i, j), first * (upper - lower), before + between + after)

    @staticmethod
    def _segment(value: Any, knots: np.ndarray) -> Any:
        """Return the number of the segment of each value, int32; values beyond the ends are in the end segments."""
        passed = tf.searchsorted(knots, tf.reshape(value, [-1]), side="right")
        return tf.clip_by_value(tf.reshape(passed, tf.shape(value)) - 1, 0, len(knots) - 2)
