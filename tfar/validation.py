"""Checks of arguments and values, with their messages: counts, orders, contexts, supports.

TensorFlow is imported inside the functions that need it, since the command line checks its options before it loads TensorFlow.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfar.orders import are_orders

if TYPE_CHECKING:
    import tensorflow as tf

    from tfar.heads.base import Head

CHECKED_NUMBERS = 2**22  # of an array that are checked at once


# Counts and shapes


def is_count(value: Any, least: int = 0) -> bool:
    """Whether a value is an integer of at least `least`; a bool is not.

    >>> is_count(3), is_count(np.int64(0), least=1), is_count(3.0), is_count(True)
    (True, False, False, False)
    """
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= least)


def check_counts(least: int = 1, **counts: Any) -> None:
    """Check that numbers, given by name, are integers of at least `least`.

    Raises:
        ValueError: one is not.

    >>> check_counts(filters=8, num_layers=0)
    Traceback (most recent call last):
    ...
    ValueError: num_layers must be an integer of at least 1. Received: num_layers=0
    """
    for name, value in counts.items():
        if not is_count(value, least):
            raise ValueError(f"{name} must be an integer of at least {least}. Received: {name}={value!r}")


def as_counts(**sizes: int | Iterable[int]) -> tuple[int, ...]:
    """Return one positive integer, or several, given by name, as a tuple.

    Raises:
        ValueError: one is not an integer of at least 1.

    >>> as_counts(hidden_units=500), as_counts(hidden_units=[500, 300])
    ((500,), (500, 300))
    """
    ((name, value),) = sizes.items()
    values = tuple(value) if isinstance(value, Iterable) else (value,)
    if not all(is_count(size, least=1) for size in values):
        raise ValueError(f"{name} must be integers of at least 1. Received: {name}={value!r}")
    return tuple(map(int, values))


def given_event_shape(network: Any, event_shape: Sequence[int] | None) -> Sequence[int]:
    """Return `event_shape`, which must be given for a network that does not know its own.

    Raises:
        ValueError: it is None.
    """
    if event_shape is None:
        raise ValueError(f"event_shape is needed for a network of your own. Received: network={network!r}, event_shape=None")
    return event_shape


# Orders


def as_orders(orders: Any, event_size: int) -> tf.Tensor:
    """Return orders `[..., D]`, D = `event_size`, as an int32 tensor.

    Raises:
        ValueError: they are not permutations of 0..D-1. Values that are not known before a graph runs are not checked.
    """
    import tensorflow as tf

    known = tf.get_static_value(orders)
    if known is not None and not are_orders(np.asarray(known), event_size):
        raise ValueError(f"orders must be permutations of the integers 0..{event_size - 1}. Received: order={np.asarray(known).tolist()}")
    return tf.cast(orders, tf.int32)


# Contexts


def checked_context(context: Any, size: int, finite: bool = True) -> tf.Tensor | None:
    """Return a context as a tensor `[*batch, C]`, C = `size`; None where `size` is 0.

    Raises:
        ValueError: the context is missing, superfluous, of another size, or, where `finite` asks for it, has a number that is not finite.
    """
    import tensorflow as tf

    if (context is None) != (size == 0):
        raise ValueError(f"the network takes a context of size {size}. Received: context={context!r}")
    if context is None:
        return None
    context = tf.convert_to_tensor(context, dtype_hint=tf.float32)
    if not context.shape[-1:].is_compatible_with([size]):
        raise ValueError(f"context must be [..., {size}]. Received: context.shape={context.shape}")
    return check_context(context) if finite else context


def context_of(context: tf.Tensor, shape: Any) -> tf.Tensor:
    """Broadcast a context `[*batch, C]` to the rows of a batch, `[*shape, C]`.

    Raises:
        ValueError: it does not broadcast.
    """
    import tensorflow as tf

    size: Any = [context.shape[-1]]
    try:
        return tf.broadcast_to(context, tf.concat([shape, size], axis=0))
    except (ValueError, tf.errors.InvalidArgumentError) as error:  # in a graph where the shapes are known; eagerly
        rows = tf.get_static_value(shape[0])
        raise ValueError(f"one context per row must be [{rows}, C]. Received: context.shape={context.shape}") from error


def check_context(context: Any, listed: bool = False) -> Any:
    """Return a context `[..., C]` or None.

    Args:
        context: the context.
        listed: as in `check_support`.

    Raises:
        ValueError: it has a number that is not finite. In a graph an assertion fails instead, under XLA nothing.
    """
    import tensorflow as tf

    if context is None:
        return None
    return _checked(context, tf.math.is_finite(tf.cast(context, tf.float64)), "context must be finite numbers.", listed)


# Values


def check_support(head: Head, x: Any, listed: bool = False) -> Any:
    """Return values `x`, all of which the head must support.

    Args:
        head: the head.
        x: a tensor.
        listed: whether the assertion of a graph lists some of the values that fail it, by operations that XLA does not compile.

    Raises:
        ValueError: a value is outside the support. In a graph an assertion fails instead, under XLA nothing.
    """
    return _checked(x, head.supports(x), f"values must be {head.support}.", listed)


def _checked(values: Any, condition: tf.Tensor, message: str, listed: bool) -> Any:
    """Return values, for all of which a condition of the same shape must hold."""
    import tensorflow as tf

    holds = tf.reduce_all(condition)
    if tf.executing_eagerly():
        if not holds:
            wrong = np.asarray(values)[~np.asarray(condition)][:5]
            raise ValueError(f"{message} Received: {', '.join(f'{value:g}' for value in wrong.tolist())}")
        return values
    data: list[Any] = [f"{message} Received: other values"]
    if listed:
        data = [f"{message} Received:", tf.boolean_mask(values, tf.logical_not(condition))[:5]]
    with tf.control_dependencies([tf.debugging.Assert(holds, data, summarize=5)]):
        return tf.identity(values)


def check_arrays(head: Head, x: Any, context: Any = None) -> None:
    """Check whole arrays of values and contexts on the host: a step that XLA compiles has no assertions.

    What is not an array or a tensor, such as a `tf.data.Dataset`, is not checked.

    Raises:
        ValueError: as `check_support` and `check_context`.
    """
    import tensorflow as tf

    for array, check in ((x, functools.partial(check_support, head)), (context, check_context)):
        if hasattr(array, "__array__") and len(array):  # of NumPy, TensorFlow, pandas or PyTorch
            size = max(1, CHECKED_NUMBERS // max(1, np.size(array[:1])))
            for start in range(0, len(array), size):
                rows = array[start : start + size]
                check(tf.convert_to_tensor(rows if tf.is_tensor(rows) else np.asarray(rows)))


def require(condition: tf.Tensor, expected: str, received: str) -> list[tf.Operation]:
    """Check a condition of each row, `[B]`.

    Args:
        condition: bool `[B]`.
        expected: a sentence that says what must hold.
        received: what a row has for which it does not hold.

    Returns:
        In a graph the assertions, on which the results must depend; eagerly nothing.

    Raises:
        ValueError: the condition does not hold for some rows, which the message names. In a graph an assertion fails instead.
    """
    import tensorflow as tf

    if not tf.executing_eagerly():
        return [tf.debugging.Assert(tf.reduce_all(condition), [f"{expected} Received: {received}"])]
    wrong = np.flatnonzero(~np.asarray(condition))
    if len(wrong):
        raise ValueError(f"{expected} Received: {received} in rows {wrong[:5].tolist()}")
    return []
