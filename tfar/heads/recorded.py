"""Values that were recorded, with their frequencies, as one component of a mixture."""

import reprlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from tfar.heads.column_base import NEVER


class Recorded:
    """The distribution P(v_i) = n_i / N of R recorded values v_i, of which n_i rows are; N = sum_i n_i.

    A row that is among the N raises its own probability. `without_one` is the distribution of such a row given the others,
    (n_i - 1) / (N - 1), the leave-one-out estimate: likelihoods of training rows are to be computed with it.

    Args:
        values: v_i, finite and ascending.
        counts: n_i, positive integers.

    Raises:
        ValueError: they are not that, or not equally many.

    >>> recorded = Recorded((10.0, 30.0), (1, 3))
    >>> x = tf.constant([10.0, 20.0, 30.0], tf.float64)
    >>> [round(max(p, -99), 3) for p in recorded.log_prob(x).numpy().tolist()]
    [-1.386, -99, -0.288]
    >>> recorded.without_one().hits(x).numpy().tolist()
    [False, False, True]
    """

    def __init__(self, values: Iterable[float] = (), counts: Iterable[int] = (), left_out: int = 0):
        self.values = tuple(float(value) for value in values)
        self.counts = tuple(int(count) for count in counts)
        ascending = np.isfinite(self.values).all() and (np.diff(self.values) > 0).all()
        if len(self.values) != len(self.counts) or not ascending or min(self.counts, default=1) < 1:
            raise ValueError(
                "recorded must be finite numbers that ascend, and counts as many positive integers. "
                f"Received: recorded={reprlib.repr(self.values)}, counts={reprlib.repr(self.counts)}"
            )
        self._values = np.array(self.values, np.float64)
        rows = np.array(self.counts, np.float64)
        self._upto = np.concatenate([[0.0], np.cumsum(rows)])  # rows of the first i values
        with np.errstate(divide="ignore"):
            log_prob = np.log(rows - left_out) - np.log(max(rows.sum() - left_out, 1))
        self._log_prob = np.maximum(log_prob, NEVER)

    def __len__(self) -> int:
        return len(self.values)

    def without_one(self) -> "Recorded":
        """Return the probabilities of one of the N rows given the others: n_i - 1 for n_i, and N - 1 for N. Draws stay the same."""
        return Recorded(self.values, self.counts, left_out=1)

    def log_prob(self, x: Any) -> tf.Tensor:
        """Return log P(x) in nats, float64 `[...]`; -1e30 for a value that has none."""
        found, place = self._find(x)
        return tf.where(found, tf.gather(self._log_prob, place), tf.constant(NEVER, tf.float64))

    def hits(self, x: Any) -> tf.Tensor:
        """Return which values have a probability above 0, bool `[...]`."""
        found, place = self._find(x)
        return tf.logical_and(found, tf.gather(self._log_prob > NEVER / 2, place))

    def quantile(self, u: Any) -> tf.Tensor:
        """Return the value at the level u in (0, 1), float64 `[...]`."""
        return self._at(u * self._upto[-1])

    def rows_within(self, intervals: Any) -> Any:
        """Return for closed intervals `[M, 2]` how many rows are below each and how many are in it, float64 `[M]` and `[M]`."""
        low, high = tf.unstack(tf.convert_to_tensor(intervals, tf.float64), axis=-1)
        below = tf.gather(self._upto, tf.searchsorted(self._values, low, side="left"))
        return below, tf.gather(self._upto, tf.searchsorted(self._values, high, side="right")) - below

    def share_within(self, intervals: Any) -> Any:
        """Return the probability of closed intervals `[M, 2]` that do not overlap."""
        return tf.reduce_sum(self.rows_within(intervals)[1]) / self._upto[-1]

    def quantile_within(self, u: Any, intervals: Any) -> tf.Tensor:
        """Return the value at the level u, given that it is in one of some intervals `[M, 2]`; any value where their probability is 0."""
        below, inside = self.rows_within(intervals)
        upto = tf.cumsum(inside)
        rows = u * upto[-1]
        number = tf.minimum(self._search(upto, rows), tf.shape(upto)[0] - 1)
        return self._at(rows - tf.gather(upto - inside, number) + tf.gather(below, number))

    def _at(self, rows: Any) -> tf.Tensor:
        """The value of the row with so many before it."""
        return tf.gather(self._values, tf.minimum(self._search(self._upto[1:], rows), len(self) - 1))

    def _find(self, x: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Whether x `[...]` is a recorded value, and the number of one that is near."""
        place = tf.minimum(self._search(self._values, tf.cast(x, tf.float64), "left"), len(self) - 1)
        return tf.equal(tf.gather(self._values, place), x), place

    @staticmethod
    def _search(ascending: Any, x: Any, side: str = "right") -> Any:
        return tf.reshape(tf.searchsorted(ascending, tf.reshape(x, [-1]), side=side), tf.shape(x))
