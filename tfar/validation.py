"""Checks of arguments and values, with their messages: counts, orders, contexts, supports.

TensorFlow is imported inside the functions that need it, since the command line checks its options before it loads TensorFlow.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

    from tfar.heads.base import Head

CHECKED_NUMBERS = 2**22  # of an array that are checked at once

# The largest numbers that are taken. They are far above what any network has: numbers beyond them hang, or fill the memory.
MOST, MOST_SEED = 2**31 - 1, 2**32 - 1
MOST_UNITS, MOST_LAYERS, MOST_MEMBERS, MOST_KERNEL = 2**24, 2**10, 2**16, 2**8


# Numbers, flags and words


def is_count(value: Any, least: int = 0) -> bool:
    """Whether a value is an integer of at least `least`; a bool is not.

    >>> is_count(3), is_count(np.int64(0), least=1), is_count(3.0), is_count(True)
    (True, False, False, False)
    """
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= least)


def check_counts(least: int = 1, most: int = MOST, **counts: Any) -> None:
    """Check that numbers, given by name, are integers of at least `least` and at most `most`.

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
        if value > most:
            raise ValueError(f"{name} must be an integer of at most {most}. Received: {name}={value!r}")


def as_counts(least: int = 1, most: int = MOST_UNITS, **sizes: Any) -> tuple[int, ...]:
    """Return one integer, or several, given by name, as a tuple.

    Raises:
        ValueError: one is not an integer of at least `least` and at most `most`.

    >>> as_counts(hidden_units=500), as_counts(hidden_units=[500, 300])
    ((500,), (500, 300))
    """
    ((name, value),) = sizes.items()
    several = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping) and getattr(value, "ndim", 1) > 0
    values: tuple[Any, ...] = tuple(value) if several else (value,)
    if not all(is_count(size, least) for size in values):
        raise ValueError(f"{name} must be integers of at least {least}. Received: {name}={value!r}")
    if max(values, default=0) > most:
        raise ValueError(f"{name} must be integers of at most {most}. Received: {name}={value!r}")
    return tuple(map(int, values))


def as_integers(least: int = 0, most: int = MOST, **arrays: Any) -> np.ndarray:
    """Return integers `[N]`, given by name, as an int32 array.

    Raises:
        ValueError: they are not integers of at least `least` and at most `most`, on one axis.

    >>> as_integers(in_degrees=[1, 2, 3])
    array([1, 2, 3], dtype=int32)
    """
    ((name, value),) = arrays.items()
    array = as_array(name, value)
    if array.ndim != 1 or array.dtype.kind not in "iu" or not ((array >= least) & (array <= most)).all():
        raise ValueError(f"{name} must be integers of at least {least}, on one axis. Received: {name}={value!r}")
    return array.astype(np.int32)


def as_list(**named: Any) -> list[Any]:
    """Return a list of what an iterable gives, given by the name of its argument.

    Raises:
        ValueError: it gives nothing one by one.
    """
    ((name, value),) = named.items()
    try:
        return list(value)
    except TypeError as error:
        raise ValueError(f"{name} must be several values. Received: {name}={value!r}") from error


def as_array(name: str, value: Any) -> np.ndarray:
    """Return a value as an array.

    Raises:
        ValueError: it is of rows of different lengths, or cannot be an array.
    """
    try:
        return np.asarray(value)
    except Exception as error:  # of whatever the value's own class raises
        raise ValueError(f"{name} must be an array. Received: {name}={value!r}") from error


def as_reals(**arrays: Any) -> np.ndarray:
    """Return real numbers of any shape, given by name, as a float64 array.

    Raises:
        ValueError: they are not numbers, there are none, or they are complex.

    >>> as_reals(means_range=(-1, 2))
    array([-1.,  2.])
    """
    ((name, value),) = arrays.items()
    array = as_array(name, value)
    if array.dtype.kind not in "biuf" or not array.size:
        raise ValueError(f"{name} must be real numbers. Received: {name}={value!r}")
    return array.astype(np.float64)


def check_seeds(**seeds: Any) -> None:
    """Check that seeds, given by name, are integers from 0 to 2^32 - 1, which every generator takes.

    Raises:
        ValueError: one is not.

    >>> check_seeds(seed=-1)
    Traceback (most recent call last):
    ...
    ValueError: seed must be an integer of at least 0. Received: seed=-1
    """
    check_counts(0, MOST_SEED, **seeds)


def check_flags(**flags: Any) -> None:
    """Check that flags, given by name, are True or False: of what is not, Python's idea of its truth is rarely what was meant.

    Raises:
        ValueError: one is not.

    >>> check_flags(direct="False")
    Traceback (most recent call last):
    ...
    ValueError: direct must be True or False. Received: direct='False'
    """
    for name, value in flags.items():
        if not isinstance(value, bool | np.bool_):
            raise ValueError(f"{name} must be True or False. Received: {name}={value!r}")


def check_numbers(interval: str, **numbers: Any) -> None:
    """Check that numbers, given by name, lie in an interval, such as "[0, 1)" or "(0, inf)"; NaN lies in none.

    Raises:
        ValueError: one does not, or is not a number.

    >>> check_numbers("[0, 1)", dropout=1)
    Traceback (most recent call last):
    ...
    ValueError: dropout must be a number in [0, 1). Received: dropout=1
    """
    low, high = map(float, interval[1:-1].split(","))
    for name, value in numbers.items():
        number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
        if (
            not number
            or not (low < value or (interval[0] == "[" and low == value))
            or not (value < high or (interval[-1] == "]" and value == high))
        ):
            raise ValueError(f"{name} must be a number in {interval}. Received: {name}={value!r}")


def check_choices(choices: Iterable[str], **words: Any) -> None:
    """Check that words, given by name, are among the choices.

    Raises:
        ValueError: one is not.

    >>> check_choices(["A", "B"], mask_type="C")
    Traceback (most recent call last):
    ...
    ValueError: mask_type must be one of A, B. Received: mask_type='C'
    """
    known = list(choices)
    for name, value in words.items():
        if not isinstance(value, str) or value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}. Received: {name}={value!r}")


def from_keras(get: Callable[[Any], Any], **named: Any) -> Any:
    """Return what Keras makes of a name, a configuration or an object, given by the name of its argument.

    Args:
        get: a function of Keras, such as `keras.activations.get`; the value may be None.

    Raises:
        ValueError: Keras makes nothing of it.
    """
    ((name, value),) = named.items()
    try:
        if not (value is None or callable(value) or (isinstance(value, str | dict) and value)):
            raise TypeError("it is neither a name nor a configuration nor a function")
        return get(value)
    except Exception as error:  # a configuration is code of many classes
        reason = str(error).partition("\n")[0].rstrip(".:")
        raise ValueError(f"{name} must be one that Keras knows ({reason}). Received: {name}={value!r}") from error


def of_class(kind: Any, **named: Any) -> Any:
    """Return an object of a class, given by the name of its argument, or what a configuration of Keras makes.

    Raises:
        ValueError: it is neither, or the configuration makes another thing.
    """
    ((name, value),) = named.items()
    if isinstance(value, dict) and not isinstance(value, kind):
        import keras

        value = from_keras(keras.saving.deserialize_keras_object, **named)
    if not isinstance(value, kind):
        raise ValueError(f"{name} must be a {getattr(kind, '__name__', kind)}. Received: {name}={value!r}")
    return value


def given_event_shape(network: Any, event_shape: Sequence[int] | None) -> Sequence[int]:
    """Return `event_shape`, which must be given for a network that does not know its own.

    Raises:
        ValueError: it is None.
    """
    if event_shape is None:
        raise ValueError(f"event_shape is needed for a network of your own. Received: network={network!r}, event_shape=None")
    return event_shape


# Orders


def are_orders(array: np.ndarray, event_size: int) -> bool:
    """Whether the rows of an array `[..., D]` are permutations of 0..D-1, D = `event_size`.

    >>> are_orders(np.array([[0, 1], [1, 0]]), 2), are_orders(np.array([0, 0]), 2)
    (True, False)
    """
    fits = array.dtype.kind in "iu" and array.ndim > 0 and array.shape[-1] == event_size
    return fits and bool((np.sort(array, axis=-1) == np.arange(event_size)).all())


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
    context = as_tensor(tf.float32, context=context)
    if not context.shape[-1:].is_compatible_with([size]):
        raise ValueError(f"context must be [..., {size}]. Received: context.shape={context.shape}")
    return check_context(context) if finite else context


def as_tensor(dtype_hint: Any = None, **named: Any) -> Any:
    """Return a value, given by the name of its argument, as a tensor, of the hinted type where Python's numbers leave it open.

    A value that is checked afterwards has no hint: TensorFlow would make a 0 of the 0.5 of an array that is hinted to be of integers.

    Raises:
        ValueError: no tensor can be made of it.
    """
    import tensorflow as tf

    ((name, value),) = named.items()
    try:
        return tf.convert_to_tensor(value, dtype_hint=dtype_hint)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be an array of numbers. Received: {name}={value!r}") from error


def context_of(context: tf.Tensor, shape: Any) -> tf.Tensor:
    """Broadcast a context `[*batch, C]` to the rows of a batch, `[*shape, C]`.

    Raises:
        ValueError: it does not broadcast.
    """
    import tensorflow as tf

    size: Any = tf.shape(context)[-1:] if context.shape.rank is None else [context.shape[-1]]
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
