"""The loop of the scans, which stacks the results of its steps."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import tensorflow as tf


def stacking_loop(
    body: Callable[[tf.Tensor, list[Any]], tuple[Sequence[Any], Sequence[Any]]],
    count: int | tf.Tensor,
    carried: Iterable[tf.Tensor],
    results: Iterable[Any],
    reverse: bool = False,
) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Run `carried, values = body(t, carried)` for t = 0, ..., T-1, or backwards, and stack the values of all steps by t.

    Args:
        body: maps t, an int32 scalar, and a list of tensors to the next list, of the same shapes, and to the values of the step.
        count: T, an integer or an int32 scalar.
        carried: the list before the first step.
        results: one tensor or `tf.TensorSpec` for each value of a step, with its dtype and static shape.
        reverse: whether to run from t = T-1 down to 0.

    Returns:
        The list after the last step, and the stacked values, tensors `[T, ...]`.

    >>> [last], [sums] = stacking_loop(lambda t, s: ([s[0] + t], [s[0]]), 4, [tf.constant(0)], [tf.TensorSpec([], tf.int32)])
    >>> int(last), sums.numpy().tolist()
    (6, [0, 0, 1, 3])
    """
    first, direction = (count - 1, -1) if reverse else (0, 1)

    def step(t: tf.Tensor, carried: list[Any], arrays: list[Any]) -> tuple[Any, list[Any], list[Any]]:
        new, values = body(t, carried)
        new = [tf.ensure_shape(tensor, old.shape) for tensor, old in zip(new, carried, strict=True)]
        return t + direction, new, [array.write(t, value) for array, value in zip(arrays, values, strict=True)]

    arrays = [tf.TensorArray(like.dtype, count, element_shape=like.shape) for like in results]
    options = {"maximum_iterations": count, "parallel_iterations": 1}
    start = (tf.convert_to_tensor(first), list(carried), arrays)
    _, last, arrays = tf.while_loop(lambda t, *_: (t >= 0) & (t < count), step, start, **options)
    return last, [array.stack() for array in arrays]
