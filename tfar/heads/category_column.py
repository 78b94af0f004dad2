"""The head of a column of categories."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfar.columns import BLANK
from tfar.heads.base import full_precision, pick, uniform
from tfar.heads.column_base import PSEUDO_COUNT, Allowed, ColumnHead, is_below, is_blank, with_shares
from tfar.heads.encodings import Encoding
from tfar.validation import MOST_UNITS, check_counts

tfd = tfp.distributions


def class_of(x: tf.Tensor, num_classes: int) -> tf.Tensor:
    """Return the class of each value, int32: the value itself, or `num_classes` for a blank."""
    values = tf.cast(x, tf.float64)
    return tf.cast(tf.where(is_blank(values), tf.constant(num_classes, tf.float64), values), tf.int32)


@keras.saving.register_keras_serializable(package="tfar")
class CategoryEncoding(Encoding):
    """The one-hot code of a class 0..K-1, and of the blank as the last class: E = K, or K + 1 with `blank`.

    Args:
        num_classes: K.
        blank: whether a value may be `tfar.columns.BLANK`.

    Raises:
        ValueError: `num_classes` is not an integer of at least 1 and at most 2^24.

    >>> CategoryEncoding(2, blank=True)(tf.constant([1.0, BLANK], tf.float64), "float32").numpy().tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """

    def __init__(self, num_classes: int, blank: bool = False):
        check_counts(most=MOST_UNITS, num_classes=num_classes)
        self.blank, self.size = bool(blank), int(num_classes) + bool(blank)

    def __call__(self, x: tf.Tensor, dtype: Any) -> tf.Tensor:
        return tf.one_hot(class_of(x, self.size - self.blank), self.size, dtype=tf.as_dtype(dtype))

    def features_first(self, x: tf.Tensor, dtype: Any) -> tf.Tensor:
        return tf.one_hot(class_of(x, self.size - self.blank), self.size, axis=0, dtype=tf.as_dtype(dtype))

    def get_config(self) -> dict[str, Any]:
        return {"num_classes": self.size - self.blank, "blank": self.blank}


@keras.saving.register_keras_serializable(package="tfar")
class CategoryColumn(ColumnHead):
    """A column of classes 0..K-1, some of whose values may be blank: P = K, or K + 1 with `blank`, unnormalised log-probabilities.

        p(x = k) = softmax(params)_k,   p(x = BLANK) = softmax(params)_K

    Args:
        num_classes: K.
        blank: whether a value may be `tfar.columns.BLANK`.

    Raises:
        ValueError: `num_classes` is not an integer of at least 1 and at most 2^24.

    >>> CategoryColumn(3, blank=True)(tf.zeros([4])).prob([0.0, 2.0, BLANK, 3.0]).numpy().tolist()
    [0.25, 0.25, 0.25, 0.0]
    """

    def __init__(self, num_classes: int, blank: bool = False):
        check_counts(most=MOST_UNITS, num_classes=num_classes)
        self.num_classes = self._classes = int(num_classes)
        self.blank = bool(blank)
        self.params_size = self._classes + self.blank

    def score(self, params: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        return tfd.Categorical(logits=params).log_prob(class_of(x, self._classes))

    def draw(self, params: tf.Tensor, noise: tf.Tensor, dimension: Any = None) -> tf.Tensor:
        logits = full_precision(params)
        return self._value(pick(logits, uniform(noise, 0, logits.dtype)))

    def _value(self, choice: tf.Tensor) -> tf.Tensor:
        """The value of a logit's number."""
        drawn = tf.cast(choice, self.dtype)
        return tf.where(drawn < self._classes, drawn, tf.constant(BLANK, self.dtype))

    def allow(self, shares: Any, blank: bool = False) -> Allowed:
        """Return the set A that has some classes, or parts of classes.

        Args:
            shares: the part of each class that is in A, `[K]`, 0..1; or bool.
            blank: whether the blank is in A, where a value may be blank.

        >>> head = CategoryColumn(3)
        >>> head.log_mass(tf.math.log([0.2, 0.3, 0.5]), head.allow([True, False, True])).numpy().round(4)
        np.float32(-0.3567)
        """
        return Allowed(np.array([*shares, *([blank] if self.blank else [])], np.float64), np.zeros([0, 2]))

    @property
    def everything(self) -> Allowed:
        return self.allow(np.ones(self._classes), blank=True)

    def logits(self, params: Any) -> Any:
        return params

    def candidates(self, params: tf.Tensor, allowed: Allowed) -> Any:
        return with_shares(params, allowed.shares)

    def draw_within(self, params: tf.Tensor, noise: tf.Tensor, allowed: Allowed) -> tf.Tensor:
        logits = tf.cast(self.candidates(full_precision(params), allowed), tf.float64)  # so that u < 1 reaches no class of share 0
        return self._value(pick(logits, uniform(noise, 0, tf.float64)))

    @property
    def encoding(self) -> Encoding:
        return CategoryEncoding(self._classes, self.blank)

    def supports(self, x: tf.Tensor) -> tf.Tensor:
        x = tf.cast(x, self.dtype)
        return is_below(x, self._classes) | is_blank(x) if self.blank else is_below(x, self._classes)

    @property
    def support(self) -> str:
        return self._in_words(f"integers from 0 to {self._classes - 1}")

    @property
    def discrete(self) -> bool:
        return True

    @property
    def blank_logit(self) -> int | None:
        return self._classes if self.blank else None

    def initial_params(self, x: np.ndarray) -> np.ndarray:
        """Return the logarithms of the frequencies of values `[N]`, with 1/2 added to each count."""
        classes = np.where(np.asarray(x) == BLANK, self._classes, x).astype(np.int64)
        counts = np.bincount(classes, minlength=self.params_size) + PSEUDO_COUNT
        return np.log(counts / counts.sum()).astype(np.float32)

    def get_config(self) -> dict[str, Any]:
        return {"num_classes": self._classes, "blank": self.blank}
