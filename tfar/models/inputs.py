"""What Keras feeds a model: values and contexts, in the forms in which its methods take them."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

NAMES = ("x", "context")
BITS = "_bits"  # ends the name of an array that is given as the bits of its numbers


def parts(inputs: Any) -> tuple[Any, Any]:
    """Return values and contexts, or None, of x, (x, context), {"x": x, "context": context}, or a list of one of them.

    Raises:
        ValueError: the inputs have another form.

    >>> parts(5), parts([5]), parts((5, 6)), parts({"x": 5, "context": 6}), parts(({"x": 5, "context": 6},))
    ((5, None), (5, None), (5, 6), (5, 6), (5, 6))
    """
    if isinstance(inputs, Mapping):
        given = {name.removesuffix(BITS): _numbers(value) if name.endswith(BITS) else value for name, value in inputs.items()}
        if "x" not in given or set(given) - set(NAMES):
            received = ", ".join(map(str, inputs))
            raise ValueError(f'inputs by name must be "x" and, where the model takes one, "context". Received: {received}')
        return given["x"], given.get("context")
    if isinstance(inputs, list | tuple):
        if len(inputs) not in (1, 2):
            raise ValueError(f"inputs must be x or a pair (x, context). Received: {len(inputs)} parts")
        return (inputs[0], inputs[1]) if len(inputs) == 2 else parts(inputs[0])
    return inputs, None


def is_inputs(x: Any) -> bool:
    """Whether a dictionary holds arrays of values and contexts, rather than the columns of a table.

    >>> is_inputs({"x": np.zeros([2, 3])}), is_inputs({"x": [1, 2]}), is_inputs(5)
    (True, False, False)
    """
    if not isinstance(x, Mapping) or {str(name).removesuffix(BITS) for name in x} - set(NAMES):
        return False
    return all(len(getattr(value, "shape", ())) > 1 for value in x.values())


def exact(x: Any, context: Any) -> Any:
    """Return arrays as inputs that Keras does not round to `keras.config.floatx()`: float64 numbers as their bits; `parts` undoes it.

    >>> given = exact(np.array([0.1]), None)
    >>> given["x_bits"].dtype, float(parts(given)[0][0])
    (dtype('int64'), 0.1)
    """
    inputs = {}
    for name, value in zip(NAMES, (x, context), strict=True):
        array: Any = value if value is None or tf.is_tensor(value) else np.asarray(value)
        if array is not None:
            wide = array.dtype in (np.float64, tf.float64)
            inputs[name + BITS if wide else name] = _bits(array) if wide else array
    return inputs


def _bits(array: Any) -> Any:
    return tf.bitcast(array, tf.int64) if tf.is_tensor(array) else array.view(np.int64)


def _numbers(bits: Any) -> Any:
    return tf.bitcast(bits, tf.float64) if tf.is_tensor(bits) else bits.view(np.float64)


def batches(inputs: Any, batch_size: int) -> tf.data.Dataset:
    """Return batches of a nest of arrays, in their order, as Keras makes them of arrays: real numbers have `keras.config.floatx()`.

    Keras' own pipeline is traced anew in each call, which takes as long as the scores of 10,000 rows of a table.

    >>> [batch.numpy().tolist() for batch in batches(np.array([0.5, 1.5, 2.5]), 2)]
    [[0.5, 1.5], [2.5]]
    """

    def arrays(values: Any) -> Any:
        if isinstance(values, Mapping):
            return {name: arrays(part) for name, part in values.items()}
        if isinstance(values, list | tuple):
            return tuple(map(arrays, values))
        values = values if tf.is_tensor(values) else np.asarray(values)
        return tf.cast(values, keras.config.floatx()) if tf.as_dtype(values.dtype).is_floating else values

    return tf.data.Dataset.from_tensor_slices(arrays(inputs)).batch(batch_size)


def are_arrays(*values: Any) -> bool:
    """Whether all values are arrays or tensors, of any library, or None."""
    return all(value is None or hasattr(value, "__array__") for value in values)


def is_empty(y: Any) -> bool:
    """Whether y is None, or an array of no columns, which stands for it: Keras drops weights without a y."""
    return y is None or (hasattr(y, "shape") and y.shape[-1:] == (0,))


def placeholder(y: Any, weight: Any) -> Any:
    """Return y, or an array of no columns where there are sample weights alone."""
    return np.zeros([len(weight), 0], np.float32) if y is None and weight is not None else y


def by_name(method: Callable[..., Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return the arguments of a call of a method of `keras.Model`, by name, without those that it leaves to their defaults.

    Raises:
        ValueError: `class_weight` is given.

    >>> import keras
    >>> by_name(keras.Model.fit, 5, None, 32)
    {'x': 5, 'y': None, 'batch_size': 32}
    """
    found = inspect.signature(method).bind_partial(None, *args, **kwargs).arguments
    found |= found.pop("kwargs", {})
    if found.pop("class_weight", None) is not None:
        raise ValueError(
            "class_weight weighs labels, and a density has none: y is the context. Give sample_weight, one number for each row. "
            f"Received: class_weight={kwargs.get('class_weight')!r}"
        )
    del found["self"]
    return found
