"""Mixtures of location-scale components: normal, Laplace, and discretised logistic."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability.python.distributions import Distribution

from tfar import config
from tfar.heads.base import Head, full_precision, pick, register, uniform
from tfar.heads.continuous import Normal, checked_floor, positive, raw_of
from tfar.heads.discrete import Categorical
from tfar.validation import MOST_UNITS, check_counts

tfd = tfp.distributions


class Mixture(Head):
    """Mixture of k location-scale components: P = 3k, the logits, locations and raw scales of the components.

        p(x) = sum_i pi_i f((x - m_i) / s_i) / s_i,   pi = softmax(params[:k]), m = params[k:2k], s = softplus(params[2k:]) + min_scale

    A subclass implements `component`, the `tfd.Distribution` of one component, and `standard`, its quantile function.

    Args:
        num_components: k.
        min_scale: smallest scale of a component, in units of the data.

    Raises:
        ValueError: `num_components` is not a positive integer, or `min_scale` is not above 0.
    """

    noise_size = 2

    def __init__(self, num_components: int = config.HeadSettings.num_components, min_scale: float = config.HeadSettings.min_scale):
        check_counts(most=MOST_UNITS, num_components=num_components)
        self.num_components = int(num_components)
        self.params_size = 3 * self.num_components
        self.min_scale = checked_floor(min_scale)

    def component(self, loc: tf.Tensor, scale: tf.Tensor) -> Distribution:
        """Return the distribution of a component with this location and scale."""
        raise NotImplementedError

    def standard(self, u: tf.Tensor) -> tf.Tensor:
        """Return the `u`-quantile of the component with location 0 and scale 1."""
        raise NotImplementedError

    def __call__(self, params: tf.Tensor) -> Distribution:
        logits, loc, raw = tf.split(full_precision(params), 3, axis=-1)
        return tfd.MixtureSameFamily(tfd.Categorical(logits=logits), self.component(loc, positive(raw, self.min_scale)))

    def _chosen(self, params: tf.Tensor, noise: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return location and scale `[...]` of the component that the first uniform number picks."""
        logits, loc, raw = tf.split(full_precision(params), 3, axis=-1)
        choice = tf.one_hot(pick(logits, uniform(noise, 0, logits.dtype)), self.num_components, dtype=logits.dtype)
        return tf.reduce_sum(choice * loc, axis=-1), positive(tf.reduce_sum(choice * raw, axis=-1), self.min_scale)

    def draw(self, params: tf.Tensor, noise: tf.Tensor, dimension: Any = None) -> tf.Tensor:
        loc, scale = self._chosen(params, noise)
        return tf.cast(loc + scale * self.standard(uniform(noise, 1, loc.dtype)), self.dtype)

    def initial_params(self, x: np.ndarray) -> np.ndarray:
        """Return a start, not a fit: equal weights, quantiles of the values as locations, half their standard deviation as scale."""
        x = np.asarray(x)
        scale = np.maximum(x.std(axis=0, dtype=np.float64), 1e-2)
        return self._spread(x, scale)

    def _spread(self, x: np.ndarray, scale: np.ndarray) -> np.ndarray:
        count = self.num_components
        loc = np.moveaxis(np.quantile(x, (np.arange(count) + 0.5) / count, axis=0), 0, -1)  # (*event, k)
        raw = np.repeat(raw_of(scale / 2, self.min_scale)[..., None], count, axis=-1)
        return np.concatenate([np.zeros_like(loc), loc, raw], axis=-1).astype(np.float32)

    def marginal(self) -> Head:
        """Return the normal baseline: the `initial_params` of a mixture are a start, not a fit."""
        return Normal().marginal()

    def get_config(self) -> dict[str, Any]:
        return {"num_components": self.num_components, "min_scale": self.min_scale}


@register("normal_mixture")
@keras.saving.register_keras_serializable(package="tfar")
class NormalMixture(Mixture):
    """Mixture of k normal components, the MoG of RNADE (Uria et al. 2013, eq. 6). P = 3k.

    Args:
        num_components: k.
        min_scale: smallest standard deviation of a component, in units of the data.

    Raises:
        ValueError: as `Mixture`.
    """

    kinds = ("continuous",)

    def component(self, loc: tf.Tensor, scale: tf.Tensor) -> Distribution:
        return tfd.Normal(loc, scale)

    def standard(self, u: tf.Tensor) -> tf.Tensor:
        return tf.math.ndtri(u)


@register("laplace_mixture")
@keras.saving.register_keras_serializable(package="tfar")
class LaplaceMixture(Mixture):
    """Mixture of k Laplace components, the MoL of RNADE (Uria et al. 2013). P = 3k.

    Args:
        num_components: k.
        min_scale: smallest scale of a component, in units of the data.

    Raises:
        ValueError: as `Mixture`.
    """

    kinds = ("continuous",)

    def component(self, loc: tf.Tensor, scale: tf.Tensor) -> Distribution:
        return tfd.Laplace(loc, scale)

    def standard(self, u: tf.Tensor) -> tf.Tensor:
        return -tf.sign(u - 0.5) * tf.math.log1p(-2.0 * tf.abs(u - 0.5))


@register("discretized_logistic_mixture")
@keras.saving.register_keras_serializable(package="tfar")
class DiscretizedLogisticMixture(Mixture):
    """Mixture of k logistic densities over integers 0..L-1, each with the mass of its own bin (Salimans et al. 2017, eq. 2). P = 3k.

        p(x) = sum_i pi_i [F_i(x + 1/2) - F_i(x - 1/2)],   F_i(x) = sigmoid((x - m_i) / s_i)

    where the bin of 0 extends to minus infinity and that of L-1 to infinity. Locations and scales are in units of values scaled to
    [-1, 1], the inputs of image networks: m = (loc + 1) (L - 1) / 2, s = scale (L - 1) / 2.

    Args:
        num_components: k.
        levels: L, the number of values, at least 2.
        min_scale: smallest scale of a component, in units of the scaled values, in which neighbouring levels are 2 / (L - 1) apart.

    Raises:
        ValueError: as `Mixture`, or `levels` is not an integer of at least 2.

    >>> DiscretizedLogisticMixture(2, levels=4)(tf.zeros([6])).prob([0.0, 1.0, 2.0, 3.0]).numpy().round(3)
    array([0.277, 0.223, 0.223, 0.277], dtype=float32)
    """

    kinds = ("categorical",)
    dtype = tf.int32

    def __init__(
        self,
        num_components: int = config.HeadSettings.num_components,
        levels: int = 256,
        min_scale: float = config.HeadSettings.min_scale,
    ):
        super().__init__(num_components, min_scale)
        check_counts(2, MOST_UNITS, levels=levels)
        self.levels = self.num_classes = int(levels)

    def component(self, loc: tf.Tensor, scale: tf.Tensor) -> Distribution:
        half = (self.levels - 1) / 2
        centred = tfd.Logistic((loc + 1.0) * half - 0.5, scale * half)  # TFP quantises by rounding up
        return tfd.QuantizedDistribution(centred, low=0.0, high=self.levels - 1.0)

    def standard(self, u: tf.Tensor) -> tf.Tensor:
        return tf.math.log(u) - tf.math.log1p(-u)

    def draw(self, params: tf.Tensor, noise: tf.Tensor, dimension: Any = None) -> tf.Tensor:
        loc, scale = self._chosen(params, noise)
        x = (loc + scale * self.standard(uniform(noise, 1, loc.dtype)) + 1.0) * ((self.levels - 1) / 2)
        return tf.cast(tf.clip_by_value(tf.math.ceil(x - 0.5), 0.0, self.levels - 1.0), self.dtype)

    def supports(self, x: tf.Tensor) -> tf.Tensor:
        return self.marginal().supports(x)

    @property
    def support(self) -> str:
        return self.marginal().support

    def initial_params(self, x: np.ndarray) -> np.ndarray:
        unit = 2 / (self.levels - 1)  # locations and scales are those of values scaled to [-1, 1]
        scale = np.maximum(np.asarray(x).std(axis=0, dtype=np.float64), 1e-2)
        return self._spread(np.asarray(x) * unit - 1, np.maximum(scale * unit, 1e-2))

    def marginal(self) -> Head:
        """Return the baseline of the levels' frequencies."""
        return Categorical(self.levels)

    def get_config(self) -> dict[str, Any]:
        return {"num_components": self.num_components, "levels": self.levels, "min_scale": self.min_scale}
