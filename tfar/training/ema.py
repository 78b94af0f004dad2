"""The exponential moving average of the weights, without the bias towards the first ones."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


class Average:
    """Averages of weights over the steps of a training, with momentum m and bias correction.

        a_t = (1 - m) / (1 - m^t) sum_{i <= t} m^(t - i) w_i,   t = 1, 2, ...

    The weights of the sum add up to one from the first step on, so that the average never holds the initial weights (Kingma & Ba 2015,
    section 3, have the same correction for Adam's moments). It is updated in place: a_t = a_{t-1} + (1 - m) / (1 - m^t) (w_t - a_{t-1}).

    Args:
        weights: the variables to average.
        momentum: m, at least 0 and below 1; 0 for the weights themselves.

    >>> weight = tf.Variable(0.0)
    >>> average = Average([weight], momentum=0.5)
    >>> for value in (1.0, 2.0):
    ...     _ = weight.assign(value)
    ...     average.update()
    >>> round(float(average.values[0]), 4)  # (0.5 * 1 + 2) / 1.5
    1.6667
    """

    def __init__(self, weights: Sequence[Any], momentum: float):
        self.momentum = float(momentum)
        self.weights = [weight.value if isinstance(weight, keras.Variable) else weight for weight in weights] if momentum else []
        options = {"trainable": False, "aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA}
        self.values = [tf.Variable(tf.zeros_like(weight), **options) for weight in self.weights]
        self.count = tf.Variable(tf.zeros([]), **options)

    @property
    def variables(self) -> list[tf.Variable]:
        """What a checkpoint must keep."""
        return [self.count, *self.values]

    def update(self) -> None:
        """Take in the weights of one more step."""
        self.count.assign_add(1.0)
        momentum = tf.constant(self.momentum, tf.float32)
        share = (1.0 - momentum) / (1.0 - tf.pow(momentum, tf.convert_to_tensor(self.count)))
        for value, weight in zip(self.values, self.weights, strict=True):
            weight = tf.convert_to_tensor(weight)
            value.assign_add(tf.cast(share, weight.dtype) * (weight - tf.convert_to_tensor(value)))

    def swap(self) -> None:
        """Exchange the averages and the weights; nothing happens before the first step."""
        if not self.values or self.count.numpy() == 0:
            return
        for value, weight in zip(self.values, self.weights, strict=True):
            kept = weight.numpy()
            weight.assign(value.numpy())
            value.assign(kept)
