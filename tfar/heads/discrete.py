"""Heads for binary and categorical values."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability.python.distributions import Distribution

from tfar.heads.base import Head, full_precision, is_zero, pick, register, uniform
from tfar.validation import MOST_UNITS, check_counts

tfd = tfp.distributions

COUNTED = 1 << 20  # rows at once


@register("bernoulli")
@keras.saving.register_keras_serializable(package="tfar")
class Bernoulli(Head):
    """Binary values 0 and 1: P = 1, the log-odds of a one.

        p(x = 1) = sigmoid(params)

    >>> Bernoulli()(tf.zeros([3, 1])).prob(1).numpy().tolist()
    [0.5, 0.5, 0.5]
    """

    kinds = ("binary",)
    dtype = tf.int32

    def __call__(self, params: tf.Tensor) -> Distribution:
        return tfd.Bernoulli(logits=full_precision(params)[..., 0])

    def log_prob(self, params: tf.Tensor, x: tf.Tensor, event_ndims: int) -> tf.Tensor:
        """Return log-probabilities in nats of values 0 and 1, as `Head.log_prob`: bit for bit those of TFP, which takes two softplus."""
        logits: Any = full_precision(params)[..., 0]
        scores: Any = tf.nn.softplus((1 - 2 * tf.cast(x, logits.dtype)) * logits)
        return -tf.reduce_sum(scores, axis=list(range(-event_ndims, 0)))

    def draw(self, params: tf.Tensor, noise: tf.Tensor, dimension: Any = None) -> tf.Tensor:
        probs = tf.sigmoid(full_precision(params)[..., 0])
        return tf.cast(uniform(noise, 0, probs.dtype) < probs, self.dtype)

    def supports(self, x: tf.Tensor) -> tf.Tensor:
        return tf.ones_like(x) if x.dtype == tf.bool else is_zero(x * (x - 1))  # integers that wrap around do so to other numbers

    @property
    def support(self) -> str:
        return "0 or 1"

    def initial_params(self, x: np.ndarray) -> np.ndarray:
        """Return the log-odds of each position's frequency of ones, with one added to both counts."""
        ones = np.asarray(x).sum(axis=0)
        return np.log((ones + 1.0) / (len(x) - ones + 1.0))[..., None].astype(np.float32)


@register("categorical")
@keras.saving.register_keras_serializable(package="tfar")
class Categorical(Head):
    """Integers 0..K-1: P = K, unnormalised log-probabilities.

        p(x = k) = softmax(params)_k

    Args:
        num_classes: K, at least 2.

    Raises:
        ValueError: `num_classes` is not an integer of at least 2.
    """

    kinds = ("categorical", "binary")
    dtype = tf.int32

    def __init__(self, num_classes: int):
        check_counts(2, MOST_UNITS, num_classes=num_classes)
        self.num_classes = self.params_size = int(num_classes)

    def __call__(self, params: tf.Tensor) -> Distribution:
        return tfd.Categorical(logits=full_precision(params))

    def draw(self, params: tf.Tensor, noise: tf.Tensor, dimension: Any = None) -> tf.Tensor:
        logits = full_precision(params)
        return pick(logits, uniform(noise, 0, logits.dtype))

    def supports(self, x: tf.Tensor) -> tf.Tensor:
        x = full_precision(x) if x.dtype.is_floating else tf.cast(x, tf.int64)
        whole = tf.floor(x) if x.dtype.is_floating else x
        return is_zero(x - tf.clip_by_value(whole, 0, self.params_size - 1))

    @property
    def support(self) -> str:
        return f"integers from 0 to {self.params_size - 1}"

    def initial_params(self, x: np.ndarray) -> np.ndarray:
        """Return the logarithms of each position's frequencies, with one added to each count."""
        x, size = np.asarray(x), self.params_size
        counts = np.zeros(x[0].size * size, np.int64)
        for start in range(0, len(x), COUNTED):  # a text may be larger than memory
            part = x[start : start + COUNTED]
            flat = part.reshape(len(part), -1).astype(np.int64) + size * np.arange(x[0].size)
            counts += np.bincount(flat.ravel(), minlength=len(counts))
        return np.log((counts.reshape(*x.shape[1:], size) + 1.0) / (len(x) + size)).astype(np.float32)

    def get_config(self) -> dict[str, Any]:
        return {"num_classes": self.num_classes}
