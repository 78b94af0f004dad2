"""Encodings: how a value becomes the input features of a network."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfar.validation import MOST_UNITS, check_counts


class Encoding:
    """A map from one value to E numbers, the inputs of a network of vectors.

    A subclass sets `size` and implements `__call__`. Register it with `keras.saving.register_keras_serializable`: networks are saved with
    their encoding.

    Attributes:
        size: E, the number of features of one value.
        num_classes: K where the values are the integers 0..K-1, else None.
    """

    size: int = 1
    num_classes: int | None = None

    def __call__(self, x: tf.Tensor, dtype: Any) -> tf.Tensor:
        """Return features `[..., E]` of values `[...]`, in the given dtype."""
        raise NotImplementedError

    def features_first(self, x: tf.Tensor, dtype: Any) -> tf.Tensor:
        """Return features `[E, B]` of values `[B]`, the layout of the sampling loop."""
        return tf.transpose(self(x, dtype))

    def sizes(self, event_size: int) -> np.ndarray:
        """Return the number of features of each dimension of an event, int `[D]`."""
        return np.full(event_size, self.size)

    def of(self, dimension: int) -> "Encoding":
        """Return the encoding of one dimension."""
        return self

    def event(self, x: tf.Tensor, dtype: Any) -> tf.Tensor:
        """Return the features `[B, sum_d E_d]` of events `[B, D]`, one dimension after the other."""
        size: Any = x.shape[-1]
        return tf.reshape(self(x, dtype), [-1, size * self.size])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, for Keras' serialisation."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Encoding":
        """Return an encoding with these constructor arguments."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Encoding) and type(self) is type(other) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash((type(self), repr(self.get_config())))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"


@keras.saving.register_keras_serializable(package="tfar")
class Number(Encoding):
    """The value itself: E = 1.

    >>> Number()(tf.constant([2, 5]), "float32").numpy().tolist()
    [[2.0], [5.0]]
    """

    def __call__(self, x: tf.Tensor, dtype: Any) -> tf.Tensor:
        return tf.expand_dims(tf.cast(x, dtype), -1)

    def features_first(self, x: tf.Tensor, dtype: Any) -> tf.Tensor:
        return tf.cast(x, dtype)[None]


@keras.saving.register_keras_serializable(package="tfar")
class OneHot(Encoding):
    """The one-hot code of an integer 0..K-1: E = K.

    Args:
        num_classes: K, at least 2.

    Raises:
        ValueError: `num_classes` is not an integer of at least 2.

    >>> OneHot(3)(tf.constant([2, 0]), "float32").numpy().tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """

    def __init__(self, num_classes: int):
        check_counts(2, MOST_UNITS, num_classes=num_classes)
        self.num_classes = self.size = int(num_classes)

    def __call__(self, x: tf.Tensor, dtype: Any) -> tf.Tensor:
        return tf.one_hot(tf.cast(x, tf.int32), self.size, dtype=tf.as_dtype(dtype))

    def features_first(self, x: tf.Tensor, dtype: Any) -> tf.Tensor:
        return tf.one_hot(tf.cast(x, tf.int32), self.size, axis=0, dtype=tf.as_dtype(dtype))

    def get_config(self) -> dict[str, Any]:
        return {"num_classes": self.num_classes}


@keras.saving.register_keras_serializable(package="tfar")
class ColumnEncodings(Encoding):
    """An encoding for each dimension of a vector.

    Args:
        encodings: D encodings.

    >>> ColumnEncodings([Number(), OneHot(3)]).event(tf.constant([[0.5, 2.0]]), "float32").numpy().tolist()
    [[0.5, 0.0, 0.0, 1.0]]
    """

    def __init__(self, encodings: Iterable[Any]):
        given = (keras.saving.deserialize_keras_object(one) if isinstance(one, dict) else one for one in encodings)
        self.encodings: tuple[Encoding, ...] = tuple(given)
        self.size = sum(encoding.size for encoding in self.encodings)

    def sizes(self, event_size: int) -> np.ndarray:
        return np.array([encoding.size for encoding in self.encodings])

    def of(self, dimension: int) -> Encoding:
        return self.encodings[dimension]

    def event(self, x: tf.Tensor, dtype: Any) -> tf.Tensor:
        columns = zip(self.encodings, tf.unstack(x, len(self.encodings), axis=-1), strict=True)
        return tf.concat([encoding(column, dtype) for encoding, column in columns], axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {"encodings": [keras.saving.serialize_keras_object(encoding) for encoding in self.encodings]}

    def __repr__(self) -> str:
        return f"ColumnEncodings([{', '.join(map(repr, self.encodings))}])"


def of_classes(num_classes: int | None) -> Encoding:
    """Return the encoding of numbers, where `num_classes` is None, or that of integers 0..num_classes-1."""
    return Number() if num_classes is None else OneHot(num_classes)
