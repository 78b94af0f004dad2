"""The head of a column of real numbers."""

from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfar.heads.base import Head
from tfar.heads.column_base import is_blank
from tfar.heads.number_column import MARGINAL_COMPONENTS, NumberColumn, offset

tfd = tfp.distributions

FARTHEST = 1e12  # |z| of a value whose density is 0 in all precisions
RAREST = 1e-15  # XLA's quantile has no digits below it; a draw from a component that is farther away is the nearer end of its interval
NARROW = 1e-2  # a width in standard deviations, relative to the distance from the location, up to which a series is more precise


@keras.saving.register_keras_serializable(package="tfar")
class RealColumn(NumberColumn):
    """A column of real numbers, in its own units: a density, and masses of atoms and recorded values. P = blank + A + (R > 0) + 3k.

        p(x = a_i) = pi_i,   p(x = v_i) = pi_R P_R(v_i)
        p(x) = sum_j pi_j N(T(x); m_j, s_j^2) T'(x)   elsewhere

    The masses and the integral of the density sum to 1. The warp T is piecewise linear, and its slope makes the density one of the
    column's own units: 1 / the unit of x.

    Args:
        x, z: knots of the warp T of values, as in `tfar.columns.Warp`.
        atoms: values a_i that repeat, and so have a mass.
        blank: whether a value may be `tfar.columns.BLANK`.
        num_components: k.
        min_scale: smallest standard deviation of a component, in z; it bounds the density where values repeat.
        recorded: values v_i that share a logit, ascending.
        counts: the number of rows of each.

    Raises:
        ValueError: as `NumberColumn`.

    >>> head = RealColumn(x=(0.0, 10.0), z=(-1.0, 1.0), atoms=(0.0,), num_components=1)
    >>> head(tf.constant([0.0, 0.0, 0.0, 0.541])).prob([0.0, 5.0]).numpy().round(4)
    array([0.5   , 0.0399], dtype=float32)
    """

    unit_scale = 1.0

    def __init__(
        self,
        x: Iterable[float],
        z: Iterable[float],
        atoms: Iterable[float] = (),
        blank: bool = False,
        num_components: int = 10,
        min_scale: float = 1e-3,
        recorded: Iterable[float] = (),
        counts: Iterable[int] = (),
    ):
        super().__init__(x, z, atoms, blank, num_components, min_scale, recorded, counts)

    def component_score(self, x: Any, loc: Any, scale: Any) -> Any:
        z = tf.clip_by_value(self._transform(x), -FARTHEST, FARTHEST)
        slope = tf.cast(tf.expand_dims(self._transform.log_slope(x), -1), scale.dtype)
        return tfd.Normal(tf.zeros([], scale.dtype), scale).log_prob(offset(z, loc)) + slope

    def interval_score(self, low: Any, high: Any, loc: Any, scale: Any) -> Any:
        start, end = self.edges(low, high)
        width = tf.where(end - start > 1, end - start, tf.minimum(self._transform.rise(low, high), 1))  # without cancellation
        loc, spread = tf.cast(loc, tf.float64), tf.cast(scale, tf.float64)
        start, end, width = (tf.expand_dims(part, -1) for part in (start, end, width))
        return tf.cast(log_normal_mass((start - loc) / spread, (end - loc) / spread, width / spread), scale.dtype)

    def without_component(self, hits: Any) -> Any:
        return tf.reduce_any(hits, axis=-1)

    def quantile(self, u: Any) -> Any:
        return tf.math.ndtri(u)

    def quantile_between(self, u: Any, a: Any, b: Any) -> Any:
        low, high = lower_tail(a, b)
        mirrored = tf.not_equal(low, a)
        cdf = tfd.Normal(tf.zeros([], a.dtype), 1).cdf
        probability: Any = cdf(low) + tf.where(mirrored, 1 - u, u) * (cdf(high) - cdf(low))
        z = tf.clip_by_value(tf.math.ndtri(tf.maximum(probability, RAREST)), low, high)
        return tf.where(mirrored, -z, z)

    def edges(self, low: Any, high: Any) -> tuple[Any, Any]:
        lower, upper = (tf.clip_by_value(self._transform(x), -FARTHEST, FARTHEST) for x in (low, high))
        return lower, upper

    def place(self, x: Any) -> Any:
        return x

    def supports(self, x: tf.Tensor) -> tf.Tensor:
        x = tf.cast(x, self.dtype)
        return tf.math.is_finite(x) if self.blank else tf.math.is_finite(x) & tf.logical_not(is_blank(x))

    @property
    def support(self) -> str:
        return self._in_words("finite numbers")

    def marginal(self) -> Head:
        """Return the baseline: this head with 64 components at the column's quantiles."""
        return RealColumn(**{**self.get_config(), "num_components": MARGINAL_COMPONENTS})


def log_normal_mass(start: Any, end: Any, width: Any) -> Any:
    """Return log(Phi(end) - Phi(start)) of float64 numbers, to about 1e-6, in the tails and of narrow intervals too.

    A narrow interval around m has phi(m) h (1 + (m^2 - 1) h^2 / 24 + ...); another one is a difference in the lower tail.

    Args:
        start, end: the interval.
        width: end - start, which may have more digits than the difference of the two.

    >>> starts, widths = tf.constant([0.0, 30.0, 0.0], tf.float64), tf.constant([1.0, 1.0, 1e-9], tf.float64)
    >>> log_normal_mass(starts, starts + widths, widths).numpy().round(6).tolist()
    [-1.074862, -454.321244, -21.642204]
    """
    normal = tfd.Normal(tf.zeros([], start.dtype), 1)
    middle = tf.abs(start + width / 2)
    narrow = normal.log_prob(middle) + tf.math.log(width) + tf.math.log1p((middle**2 - 1) * width**2 / 24)
    low, high = lower_tail(start, end)
    wide = tfp.math.log_sub_exp(normal.log_cdf(high), normal.log_cdf(low))
    return tf.where(width * (1 + middle) < NARROW, narrow, wide)


def lower_tail(a: Any, b: Any) -> tuple[Any, Any]:
    """Return an interval, or its mirror image where that is nearer to minus infinity: there differences of Phi have their digits."""
    above = a + b > 0
    return tf.where(above, -b, a), tf.where(above, -a, b)
