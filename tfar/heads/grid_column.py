"""The head of a column of numbers on a grid: whole numbers, decimals, dates and times."""

import math
import reprlib
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfar.heads.base import Head
from tfar.heads.category_column import CategoryColumn
from tfar.heads.column_base import Allowed, is_below, is_blank
from tfar.heads.number_column import MARGINAL_COMPONENTS, NumberColumn, offset
from tfar.validation import check_counts

LARGEST = 2**52  # floats hold the edges between points, n + 1/2, up to here
MOST_FREQUENCIES = 256  # points of which the baseline counts each


@keras.saving.register_keras_serializable(package="tfar")
class GridColumn(NumberColumn):
    """A column of numbers on a grid, each given by its index 0..L-1: a probability mass for every point. P = blank + A + (R > 0) + 3k.

        p(n) = sum_i [a_i = n] pi_i + pi_R P_R(n) + sum_j pi_j [F_j(T(n + 1/2)) - F_j(T(n - 1/2))],   F_j(z) = sigmoid((z - m_j) / s_j)

    where the bin of 0 extends to minus infinity and that of L-1 to infinity, so that the masses sum to 1 (Salimans et al. 2017, eq. 2, with
    the warp T and atoms). The width T(n + 1/2) - T(n - 1/2) is computed from the slopes of T in float64: bins of 1e-12 standard deviations
    have exact masses. An atom's mass adds to that of its bin. A draw reaches each of up to 1e12 points.

    Args:
        size: L.
        x, z: knots of the warp T of indices, as in `tfar.columns.Warp`.
        atoms: indices a_i with a mass of their own.
        blank: whether a value may be `tfar.columns.BLANK`.
        num_components: k.
        recorded: indices that share a logit, ascending; they add to their bins, as atoms do.
        counts: the number of rows of each.
        min_scale: smallest scale of a component, in z. Masses do not exceed 1, so it limits gradients alone.

    Raises:
        ValueError: as `NumberColumn`; `size` is not an integer in 1..2^52, or an atom is not an index.

    >>> head = GridColumn(4, x=(0.0, 3.0), z=(-1.0, 1.0), atoms=(0,), num_components=1)
    >>> head(tf.constant([0.0, 0.0, 0.0, 0.0])).prob([0.0, 1.0, 2.0, 3.0]).numpy().round(3)
    array([0.638, 0.112, 0.112, 0.138], dtype=float32)
    """

    unit_scale = math.sqrt(3) / math.pi
    spacing = 1.0

    def __init__(
        self,
        size: int,
        x: Iterable[float],
        z: Iterable[float],
        atoms: Iterable[float] = (),
        blank: bool = False,
        num_components: int = 10,
        min_scale: float = 1e-4,
        recorded: Iterable[float] = (),
        counts: Iterable[int] = (),
    ):
        check_counts(most=LARGEST, size=size)
        self.size = int(size)
        super().__init__(x, z, atoms, blank, num_components, min_scale, recorded, counts)
        self.stand_in = np.clip(np.round(self.stand_in), 0, self.size - 1)
        for name, values in (("atoms", self.atoms), ("recorded", self._recorded.values)):
            if not all(0 <= value < self.size and value.is_integer() for value in values):
                raise ValueError(f"{name} must be integers from 0 to {self.size - 1}. Received: {name}={reprlib.repr(values)}")

    def component_score(self, x: Any, loc: Any, scale: Any) -> Any:
        return self.interval_score(x, x, loc, scale)

    def interval_score(self, low: Any, high: Any, loc: Any, scale: Any) -> Any:
        lower = offset(self._transform(low - 0.5), loc) / scale
        width = tf.cast(tf.expand_dims(self._transform.rise(low - 0.5, high + 0.5), -1), scale.dtype) / scale
        below = tf.math.log_sigmoid(lower + width)
        above = tf.math.log_sigmoid(-lower)
        # F(b) - F(a) = F(b) (1 - F(a)) (1 - e^(a - b)); a factor is 1 where the bin is open
        first, last = tf.expand_dims(tf.equal(low, 0), -1), tf.expand_dims(tf.equal(high, self.size - 1), -1)
        zero = tf.zeros([], scale.dtype)
        inside = tf.where(first | last, zero, tf.math.log(-tf.math.expm1(-width)))
        return tf.where(last, zero, below) + tf.where(first, zero, above) + inside

    def without_component(self, hits: Any) -> Any:
        return hits[..., 0] if self.blank else tf.zeros(tf.shape(hits)[:-1], tf.bool)

    def quantile(self, u: Any) -> Any:
        return tf.math.log(u) - tf.math.log1p(-u)

    def quantile_between(self, u: Any, a: Any, b: Any) -> Any:
        def mean(first: Any, second: Any) -> Any:  # log((1 - u) e^first + u e^second)
            return tfp.math.log_add_exp(tf.math.log1p(-u) + first, tf.math.log(u) + second)

        sigmoid = tf.math.log_sigmoid
        return mean(sigmoid(a), sigmoid(b)) - mean(sigmoid(-a), sigmoid(-b))  # log F - log(1 - F)

    def edges(self, low: Any, high: Any) -> tuple[Any, Any]:
        infinite = tf.constant(math.inf, tf.float64)
        lower = tf.where(tf.equal(low, 0), -infinite, self._transform(low - 0.5))
        return lower, tf.where(tf.equal(high, self.size - 1), infinite, self._transform(high + 0.5))

    def allow(self, intervals: Any, blank: bool = False) -> Allowed:
        """See `NumberColumn`; an interval stands for the points in it.

        >>> head = GridColumn(4, x=(0.0, 3.0), z=(-1.0, 1.0), num_components=1)
        >>> head.allow([[0.5, np.inf]]).intervals.tolist()
        [[1.0, 3.0]]
        """
        low, high = np.asarray(intervals, np.float64).reshape(-1, 2).T
        low, high = np.maximum(np.ceil(low), 0), np.minimum(np.floor(high), self.size - 1)
        return super().allow(np.stack([low, high], axis=1)[low <= high], blank)

    def place(self, x: Any) -> Any:
        return tf.clip_by_value(tf.math.ceil(x - 0.5), 0, self.size - 1)

    def resolution(self, z: np.ndarray) -> np.ndarray:
        """Return half the width of the bin at z."""
        points = np.clip(np.round(self.warp.inverse(z)), 0, self.size - 1)
        return (self.warp(points + 0.5) - self.warp(points - 0.5)) / 2

    def supports(self, x: tf.Tensor) -> tf.Tensor:
        x = tf.cast(x, self.dtype)
        return is_below(x, self.size) | is_blank(x) if self.blank else is_below(x, self.size)

    @property
    def support(self) -> str:
        return self._in_words(f"integers from 0 to {self.size - 1}")

    @property
    def discrete(self) -> bool:
        return True

    def marginal(self) -> Head:
        """Return the baseline: the frequencies of up to 256 points; for more, this head with 64 components at the column's quantiles."""
        if self.size <= MOST_FREQUENCIES:
            return CategoryColumn(self.size, self.blank)
        return GridColumn(**{**self.get_config(), "num_components": MARGINAL_COMPONENTS})

    def get_config(self) -> dict[str, Any]:
        return {"size": self.size, **super().get_config()}
