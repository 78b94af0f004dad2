"""Checks of what a user gives, and their messages: counts, shapes, orders, supports and contexts.

TensorFlow is imported inside the functions that need it: the command line checks numbers before it loads TensorFlow.
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


def is_count(value: Any, least: int = 0) -> bool:
    """Whether a value is an integer of at least `least`; True and False are none.

    >>> is_count(3), is_count(np.int64(0), least=1), is_count(3.0), is_count(True)
    (True, False, False, False)
    """
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= least)


def check_counts(least: int = 1, **counts: Any) -> None:
    """Check numbers, each given by its name.

    Raises:
        ValueError: one is not an integer of at least `least`.

    >>> check_counts(filters=8, num_layers=0)
    Traceback (most recent call last):
    ...
    ValueError: num_layers must be an integer of at least 1. Received: num_layers=0
    """
    for name, value in counts.items():
        if not is_count(value, least):
            raise ValueError(f"{name} must be an integer of at least {least}. Received: {name}={value!r}")


def as_counts(**sizes: int | Iterable[int]) -> tuple[int, ...]:
    """One integer of at least 1, or several, given by their name, as a tuple.

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
    """Return the shape of an event, or raise a ValueError where it is None: a network that is not tfar's does not know its own."""
    if event_shape is None:
        raise ValueError(f"event_shape is needed for a network of your own. Received: network={network!r}, event_shape=None")
    return event_shape


def as_orders(orders: Any, event_size: int) -> tf.Tensor:
    """Orders `[..., D]` as an int32 tensor; where their values are known before the graph runs they must be permutations of 0..D-1."""
    import tensorflow as tf

    known = tf.get_static_value(orders)
    if known is not None:
        known = np.asarray(known)
        if not are_orders(known, event_size):
            raise ValueError(f"orders must be permutations of the integers 0..{event_size - 1}. Received: order={known.tolist()}")
    return tf.cast(orders, tf.int32)


def checked_context(context: Any, size: int) -> tf.Tensor | None:
    """A context as a tensor `[*batch, C]` that is checked, or None for a network whose `size` of a context is 0."""
    import tensorflow as tf

    if (context is None) != (size == 0):
        raise ValueError(f"the network takes a context of size {size}. Received: context={context!r}")
    if context is None:
        return None
    context = tf.convert_to_tensor(context, dtype_hint=tf.float32)
    if not context.shape[-1:].is_compatible_with([size]):
        raise ValueError(f"context must be [..., {size}]. Received: context.shape={context.shape}")
    return check_context(context)


def context_of(context: tf.Tensor, shape: Any) -> tf.Tensor:
    """A context `[*batch, C]` for each row of a batch of the given shape, `[*shape, C]`."""
    import tensorflow as tf

    try:
        return tf.broadcast_to(context, tf.concat([shape, [context.shape[-1]]], axis=0))
    except (ValueError, tf.errors.InvalidArgumentError) as error:  # in a graph, where the shapes are known, and eagerly
        rows = tf.get_static_value(shape[0])
        raise ValueError(f"one context per row must be [{rows}, C]. Received: context.shape={context.shape}") from error


def check_context(context: Any) -> Any:
    """Return a context `[..., C]` or None, or raise a ValueError (in a graph: fail an assertion) where it is not finite."""
    import tensorflow as tf

    if context is None:
        return None
    message, finite = "context must be finite numbers.", tf.math.is_finite(tf.cast(context, tf.float64))
    if tf.executing_eagerly():
        if not tf.reduce_all(finite):
            raise ValueError(f"{message} Received: {tf.boolean_mask(context, ~finite)[0].numpy():g}")
        return context
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(finite), [f"{message} Received: others"])]):
        return tf.identity(context)


def check_support(head: Head, x: Any) -> Any:
    """Return `x`, or raise a ValueError (in a graph: fail an assertion) where a value is outside the head's support."""
    import tensorflow as tf

    message = f"values must be {head.support}."
    supported = head.supports(x)
    if tf.executing_eagerly():
        if not tf.reduce_all(supported):
            bad = tf.boolean_mask(x, ~supported)[:5].numpy().tolist()
            raise ValueError(f"{message} Received: {', '.join(f'{v:g}' for v in bad)}")
        return x
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(supported), [f"{message} Received: other values"])]):
        return tf.identity(x)


def check_arrays(head: Head, x: Any, context: Any = None) -> None:
    """Refuse arrays with bad values or contexts before the first step: a step compiled by XLA has no assertions.

    Anything that is not an array, such as a `tf.data.Dataset`, is left alone.
    """
    import tensorflow as tf

    for array, check in ((x, functools.partial(check_support, head)), (context, check_context)):
        if isinstance(array, np.ndarray) or tf.is_tensor(array):
            for start in range(0, len(array), 4096):
                check(tf.convert_to_tensor(array[start : start + 4096]))


def require(condition: tf.Tensor, message: str) -> list[tf.Operation]:
    """Refuse where a row of `condition [B]` is False: a ValueError, or in a graph a failing assertion. Returns the assertions."""
    import tensorflow as tf

    if not tf.executing_eagerly():
        return [tf.debugging.Assert(tf.reduce_all(condition), [message])]
    if not tf.reduce_all(condition):
        rows = tf.reshape(tf.where(~condition), [-1])[:5].numpy().tolist()
        raise ValueError(f"{message} Received: another pattern in rows {rows}")
    return []
