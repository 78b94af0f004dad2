"""The loop of the scans: what each step gives, stacked."""

import tensorflow as tf


def stacking_loop(body, count, carried, results, reverse=False):
    """Run `carried, values = body(t, carried)` for t = 0, ..., T-1, or backwards, and stack the values of all t in the order of t.

    Args:
        body: maps an int32 scalar and a list of tensors to the next list, of the same shapes, and the values of the step.
        count: T, an integer or an int32 scalar.
        carried: the list before the first step.
        results: tensors or `tf.TensorSpec`s of the dtypes and static shapes of a step's values.
        reverse: whether the first step is that of T-1.

    Returns:
        What is carried after the last step, and a list of tensors `[T, ...]`.

    >>> [last], [sums] = stacking_loop(lambda t, s: ([s[0] + t], [s[0]]), 4, [tf.constant(0)], [tf.TensorSpec([], tf.int32)])
    >>> int(last), sums.numpy().tolist()
    (6, [0, 0, 1, 3])
    """
    first, direction = (count - 1, -1) if reverse else (0, 1)

    def step(t, carried, arrays):
        new, values = body(t, carried)
        new = [tf.ensure_shape(tensor, old.shape) for tensor, old in zip(new, carried, strict=True)]
        return t + direction, new, [array.write(t, value) for array, value in zip(arrays, values, strict=True)]

    arrays = [tf.TensorArray(like.dtype, count, element_shape=like.shape) for like in results]
    options = {"maximum_iterations": count, "parallel_iterations": 1}
    start = (tf.convert_to_tensor(first), list(carried), arrays)
    _, carried, arrays = tf.while_loop(lambda t, *_: (t >= 0) & (t < count), step, start, **options)
    return carried, [array.stack() for array in arrays]
