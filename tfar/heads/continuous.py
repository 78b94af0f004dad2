"""The normal head, and what all heads with a scale share."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfar import config
from tfar.heads.base import Head, full_precision, register

tfd = tfp.distributions


def positive(raw: tf.Tensor, floor: float) -> tf.Tensor:
    """The scale of a raw parameter: softplus(raw) + `floor`."""
    return tf.nn.softplus(raw) + tf.cast(floor, raw.dtype)


def raw_of(scale: np.ndarray, floor: float) -> np.ndarray:
    """The raw parameter of which `positive(raw, floor)` is `scale`."""
    return tfp.math.softplus_inverse(np.maximum(scale - floor, 1e-3)).numpy()


def checked_floor(min_scale: float) -> float:
    """Return `min_scale`, or raise a ValueError where it is not above 0."""
    if not min_scale > 0:
        raise ValueError(f"min_scale must be above 0. Received: min_scale={min_scale!r}")
    return float(min_scale)


@register("normal")
@keras.saving.register_keras_serializable(package="tfar")
class Normal(Head):
    """Real values: P = 2, mean and raw scale; the standard deviation is softplus(raw) + `min_scale`.

        p(x) = N(x; params_0, softplus(params_1) + min_scale)

    Args:
        min_scale: smallest standard deviation, in units of the data; keeps the density bounded where values repeat.

    Raises:
        ValueError: `min_scale` is not above 0.
    """

    kinds = ("continuous",)
    params_size = 2

    def __init__(self, min_scale: float = config.HeadSettings.min_scale):
        self.min_scale = checked_floor(min_scale)

    def __call__(self, params: tf.Tensor) -> tfd.Distribution:
        loc, raw = tf.unstack(full_precision(params), axis=-1)
        return tfd.Normal(loc, positive(raw, self.min_scale))

    def draw(self, params: tf.Tensor, noise: tf.Tensor, dimension: Any = None) -> tf.Tensor:
        loc, raw = tf.unstack(full_precision(params), axis=-1)
        return tf.cast(loc + positive(raw, self.min_scale) * tf.math.ndtri(tf.cast(noise[..., 0], loc.dtype)), self.dtype)

    def initial_params(self, x: np.ndarray) -> np.ndarray:
        """The mean and the standard deviation of each position."""
        scale = np.maximum(np.std(x, axis=0, dtype=np.float64), 1e-2)
        return np.stack([np.mean(x, axis=0, dtype=np.float64), raw_of(scale, self.min_scale)], axis=-1).astype(np.float32)

    def marginal(self) -> Head:
        """The normal baseline, whose scale is bounded by rounding alone."""
        return Normal(min_scale=1e-6)

    def get_config(self) -> dict[str, Any]:
        return {"min_scale": self.min_scale}
