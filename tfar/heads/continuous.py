"""The normal head, and the scales of continuous heads."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability.python.distributions import Distribution

from tfar import config
from tfar.heads.base import Head, full_precision, register, uniform
from tfar.validation import check_numbers

tfd = tfp.distributions


def positive(raw: tf.Tensor, floor: float) -> tf.Tensor:
    """Return the scale of a raw parameter, softplus(raw) + `floor`."""
    return tf.nn.softplus(raw) + tf.constant(floor, raw.dtype)


def raw_of(scale: np.ndarray, floor: float) -> np.ndarray:
    """Return the raw parameter whose scale `positive(raw, floor)` is `scale`; the inverse of `positive`."""
    return tfp.math.softplus_inverse(np.maximum(scale - floor, 1e-3)).numpy()


def checked_floor(min_scale: float) -> float:
    """Return `min_scale` as a float, or raise a ValueError if it is not above 0 and finite."""
    check_numbers("(0, inf)", min_scale=min_scale)
    return float(min_scale)


@register("normal")
@keras.saving.register_keras_serializable(package="tfar")
class Normal(Head):
    """Real values: P = 2, the mean and the raw scale.

        p(x) = N(x; mean, scale^2),   mean = params_0,   scale = softplus(params_1) + min_scale

    Args:
        min_scale: smallest standard deviation, in units of the data; it bounds the density where values repeat.

    Raises:
        ValueError: `min_scale` is not above 0.
    """

    kinds = ("continuous",)
    params_size = 2
    reparameterized = True

    def __init__(self, min_scale: float = config.HeadSettings.min_scale):
        self.min_scale = checked_floor(min_scale)

    def __call__(self, params: tf.Tensor) -> Distribution:
        loc, raw = tf.unstack(full_precision(params), axis=-1)
        return tfd.Normal(loc, positive(raw, self.min_scale))

    def draw(self, params: tf.Tensor, noise: tf.Tensor, dimension: Any = None) -> tf.Tensor:
        loc, raw = tf.unstack(full_precision(params), axis=-1)
        return tf.cast(loc + positive(raw, self.min_scale) * tf.math.ndtri(uniform(noise, 0, loc.dtype)), self.dtype)

    def initial_params(self, x: np.ndarray) -> np.ndarray:
        """Return the mean and the standard deviation of each position."""
        scale = np.maximum(np.std(x, axis=0, dtype=np.float64), 1e-2)
        return np.stack([np.mean(x, axis=0, dtype=np.float64), raw_of(scale, self.min_scale)], axis=-1).astype(np.float32)

    def marginal(self) -> Head:
        """Return the normal baseline, whose smallest scale is that of rounding."""
        return Normal(min_scale=1e-6)

    def get_config(self) -> dict[str, Any]:
        return {"min_scale": self.min_scale}
