"""Rows that have no score: the network sees supported values in their place, and the result says so, in every mode of execution."""

import math
from typing import Any

import tensorflow as tf

from tfar.heads.base import Head, as_dtype


class Guard:
    """A batch without unsupported values, and what becomes of the rows that had some.

    An assertion stops eager mode and graphs, but not a program that XLA compiles. So no result depends on one: an unsupported value is
    replaced by the head's `stand_in` before a network sees it, a context that is not finite by zeros, and the result of the row is
    marked. The gradients of a marked row are zero, and those of other rows are what they are without it.

    Args:
        head: a `tfar.heads.Head`.
        x: values `[B, *event]`, or None for none.
        context: `[B, C]`, or None.
        possible: rows that can have a result, bool `[B]`, or None for all.

    Attributes:
        x, context: as given, of supported values and finite numbers alone.

    >>> from tfar.heads import Bernoulli
    >>> guard = Guard(Bernoulli(), tf.constant([[0.0, 1.0], [0.5, 1.0], [0.5, math.nan]]))
    >>> guard.x.numpy().tolist()
    [[0.0, 1.0], [0.0, 1.0], [0.0, 0.0]]
    >>> guard.scores(tf.constant([-1.0, -1.0, -1.0])).numpy().tolist()
    [-1.0, -inf, nan]
    """

    def __init__(self, head: Head, x: tf.Tensor | None, context: tf.Tensor | None = None, possible: tf.Tensor | None = None):
        self.x: Any = x
        self.context = context
        # Conditions `[B]`: where all of the first hold, a row keeps its result; elsewhere -inf stands where all of the second hold.
        self._kept: list[Any] = [] if possible is None else [possible]
        if context is not None and context.dtype.is_floating:
            finite: Any = tf.reduce_all(tf.math.is_finite(context), axis=-1)
            self.context = tf.where(finite[..., tf.newaxis], context, tf.zeros_like(context))
            self._kept.append(finite)
        self._defined = list(self._kept)
        if x is not None:
            supported = head.supports(x)
            self.x = tf.where(supported, x, as_dtype(head.stand_in, x.dtype))
            self._kept.append(_none(tf.logical_not(supported)))
            if x.dtype.is_floating:
                self._defined.append(_none(tf.math.is_nan(x)))

    def scores(self, log_prob: tf.Tensor) -> tf.Tensor:
        """Return log-probabilities `[B, ...]`, marked.

        A row with an unsupported value has -inf. A row with a NaN, or whose context is not finite, or that is not possible, has NaN.
        """
        marks = tf.constant(-math.inf, log_prob.dtype)
        if self._defined:
            marks = tf.where(_every(self._defined), marks, tf.constant(math.nan, log_prob.dtype))
        return self._marked(log_prob, marks)

    def values(self, x: tf.Tensor) -> tf.Tensor:
        """Return drawn values `[B, *event]`. The rows that `scores` marks are NaN, or the smallest integer where values are integers."""
        return self._marked(x, tf.constant(math.nan if x.dtype.is_floating else x.dtype.min, x.dtype))

    def _marked(self, results: tf.Tensor, marks: tf.Tensor) -> tf.Tensor:
        """Results `[B, ...]` of the rows that keep them; the `marks`, `[B]` or a scalar, of the others."""
        if not self._kept:
            return results
        ones = [1] * (results.shape.rank - 1)
        if marks.shape.rank:
            marks = tf.reshape(marks, [-1, *ones])
        return tf.where(tf.reshape(_every(self._kept), [-1, *ones]), results, marks)


def _none(condition: tf.Tensor) -> tf.Tensor:
    """Whether a condition `[B, *event]` holds nowhere in a row, `[B]`. On a CPU this sum takes a small part of the time of `reduce_any`."""
    axes: Any = tf.range(1, tf.rank(condition)) if condition.shape.rank is None else list(range(1, condition.shape.rank))
    return tf.reduce_sum(tf.cast(condition, tf.int32), axis=axes) == 0


def _every(conditions: list[Any]) -> Any:
    """Where all of some conditions hold."""
    result = conditions[0]
    for condition in conditions[1:]:
        result = tf.logical_and(result, condition)
    return result
