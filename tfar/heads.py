"""What the raw parameters of a network mean: heads turn them into TFP distributions of one position's value."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfar.counts import check_counts

tfd = tfp.distributions


class Head:
    """What the P numbers at a position mean, and how to draw a value from them and given noise.

    `head(params)` is a `tfd.Distribution` with batch shape `params.shape[:-1]`: likelihoods are TFP's. `head.draw(params, noise)` is a
    pure function of the parameters `[..., P]` and of uniform noise `[..., noise_size]` in (0, 1), so that every sampler draws the same.
    Computes in float32 at least, whatever the network's precision.

    Attributes:
        params_size: P.
        noise_size: uniform numbers that one draw uses.
        dtype: dtype of the values: int32 for discrete ones, as TFP has it.
        num_classes: number of values, or None where a network should use the values as numbers.
    """

    params_size = 1
    noise_size = 1
    dtype = tf.float32
    num_classes = None

    def __call__(self, params):
        raise NotImplementedError

    def draw(self, params, noise):
        """Values `[...]` from parameters `[..., P]` and noise `[..., noise_size]`."""
        raise NotImplementedError

    def supports(self, x):
        """Which values the head can score, bool like `x`."""
        return tf.math.is_finite(tf.cast(x, tf.float64))

    @property
    def support(self):
        """The support in words, for messages."""
        return "finite numbers"

    def log_prob(self, params, x, event_ndims):
        """Log-probability in nats `[B]`, summed over the last `event_ndims` axes of `x`."""
        distribution = self(params)
        return tfd.Independent(distribution, event_ndims).log_prob(tf.cast(x, distribution.dtype))

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __eq__(self, other):
        return type(self) is type(other) and self.get_config() == other.get_config()

    def __hash__(self):
        return hash((type(self), tuple(self.get_config().items())))

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"


def _full_precision(params):
    return tf.cast(params, tf.float32) if params.dtype in (tf.float16, tf.bfloat16) else params


def _pick(logits, u):
    """The category in which `u` falls: inverse of the cumulative distribution of `logits [..., K]`, int32."""
    u = tf.cast(u, logits.dtype)
    weights = tf.exp(logits - tf.reduce_max(logits, axis=-1, keepdims=True))
    cumulative = tf.cumsum(weights, axis=-1)
    passed = cumulative[..., :-1] <= (u * cumulative[..., -1])[..., None]
    return tf.reduce_sum(tf.cast(passed, tf.int32), axis=-1)


@keras.saving.register_keras_serializable(package="tfar")
class Bernoulli(Head):
    """Binary values: P = 1, the log-odds of a one.

    >>> Bernoulli()(tf.zeros([3, 1])).prob(1).numpy().tolist()
    [0.5, 0.5, 0.5]
    """

    dtype = tf.int32

    def __call__(self, params):
        return tfd.Bernoulli(logits=_full_precision(params)[..., 0])

    def draw(self, params, noise):
        probs = tf.sigmoid(_full_precision(params)[..., 0])
        return tf.cast(tf.cast(noise[..., 0], probs.dtype) < probs, self.dtype)

    def supports(self, x):
        return tf.ones_like(x) if x.dtype == tf.bool else (x == 0) | (x == 1)

    @property
    def support(self):
        return "0 or 1"


@keras.saving.register_keras_serializable(package="tfar")
class Categorical(Head):
    """Integers 0..K-1: P = K, unnormalised log-probabilities.

    Args:
        num_classes: K, at least 2.
    """

    dtype = tf.int32

    def __init__(self, num_classes):
        check_counts(2, num_classes=num_classes)
        self.num_classes = self.params_size = int(num_classes)

    def __call__(self, params):
        return tfd.Categorical(logits=_full_precision(params))

    def draw(self, params, noise):
        return _pick(_full_precision(params), noise[..., 0])

    def supports(self, x):
        x = tf.cast(x, tf.float64)
        return (x >= 0) & (x < self.num_classes) & (tf.floor(x) == x)

    @property
    def support(self):
        return f"integers from 0 to {self.num_classes - 1}"

    def get_config(self):
        return {"num_classes": self.num_classes}


def _scale(raw, floor):
    return tf.nn.softplus(raw) + tf.cast(floor, raw.dtype)


def _check_scale(min_scale):
    if not min_scale > 0:
        raise ValueError(f"min_scale must be above 0. Received: min_scale={min_scale!r}")
    return float(min_scale)


@keras.saving.register_keras_serializable(package="tfar")
class Normal(Head):
    """Real values: P = 2, mean and raw scale; the standard deviation is softplus(raw) + `min_scale`.

    Args:
        min_scale: smallest standard deviation, in units of the data; keeps the density bounded where values repeat.

    Raises:
        ValueError: `min_scale` is not above 0.
    """

    params_size = 2

    def __init__(self, min_scale=1e-3):
        self.min_scale = _check_scale(min_scale)

    def __call__(self, params):
        loc, raw = tf.unstack(_full_precision(params), axis=-1)
        return tfd.Normal(loc, _scale(raw, self.min_scale))

    def draw(self, params, noise):
        loc, raw = tf.unstack(_full_precision(params), axis=-1)
        return tf.cast(loc + _scale(raw, self.min_scale) * tf.math.ndtri(tf.cast(noise[..., 0], loc.dtype)), self.dtype)

    def get_config(self):
        return {"min_scale": self.min_scale}


class _Mixture(Head):
    """Mixture of location-scale components: P = 3k, the logits, locations and raw scales of k components."""

    noise_size = 2
    component = None

    def __init__(self, num_components, min_scale=1e-3):
        check_counts(num_components=num_components)
        self.num_components = int(num_components)
        self.params_size = 3 * self.num_components
        self.min_scale = _check_scale(min_scale)

    def __call__(self, params):
        logits, loc, raw = tf.split(_full_precision(params), 3, axis=-1)
        return tfd.MixtureSameFamily(tfd.Categorical(logits=logits), self.component(loc, _scale(raw, self.min_scale)))

    def _chosen(self, params, noise):
        """Location and scale of the component that the first number of the noise picks."""
        logits, loc, raw = tf.split(_full_precision(params), 3, axis=-1)
        choice = tf.one_hot(_pick(logits, noise[..., 0]), self.num_components, dtype=logits.dtype)
        return tf.reduce_sum(choice * loc, axis=-1), _scale(tf.reduce_sum(choice * raw, axis=-1), self.min_scale)

    def draw(self, params, noise):
        loc, scale = self._chosen(params, noise)
        return tf.cast(loc + scale * self.standard(tf.cast(noise[..., 1], loc.dtype)), self.dtype)

    def standard(self, u):
        """Quantile function of the component with location 0 and scale 1."""
        raise NotImplementedError

    def get_config(self):
        return {"num_components": self.num_components, "min_scale": self.min_scale}


@keras.saving.register_keras_serializable(package="tfar")
class NormalMixture(_Mixture):
    """Mixture of k normal components, the MoG of RNADE (Uria et al. 2013, eq. 6). P = 3k.

    Args:
        num_components: k.
        min_scale: smallest standard deviation of a component, in units of the data.

    Raises:
        ValueError: `num_components` is no positive integer, or `min_scale` not above 0.
    """

    component = tfd.Normal

    def standard(self, u):
        return tf.math.ndtri(u)


@keras.saving.register_keras_serializable(package="tfar")
class LaplaceMixture(_Mixture):
    """Mixture of k Laplace components, the MoL of RNADE (Uria et al. 2013). P = 3k.

    Args:
        num_components: k.
        min_scale: smallest scale of a component, in units of the data.

    Raises:
        ValueError: as `NormalMixture`.
    """

    component = tfd.Laplace

    def standard(self, u):
        return -tf.sign(u - 0.5) * tf.math.log1p(-2.0 * tf.abs(u - 0.5))


def get(head):
    """Return a head from a head, from "bernoulli" or "normal", or from its serialised form.

    Raises:
        ValueError: another name, or what is no head.

    >>> get("bernoulli")
    Bernoulli()
    """
    if isinstance(head, Head):
        return head
    if isinstance(head, str) and head in ("bernoulli", "normal"):
        return Bernoulli() if head == "bernoulli" else Normal()
    if isinstance(head, dict):
        return keras.saving.deserialize_keras_object(head)
    raise ValueError(f"head must be a tfar.heads.Head, 'bernoulli' or 'normal'. Received: head={head!r}")


@keras.saving.register_keras_serializable(package="tfar")
class DiscretizedLogisticMixture(_Mixture):
    """Mixture of k logistic densities over integers 0..L-1, each with the density of its own bin (Salimans et al. 2017, eq. 2). P = 3k.

        p(x) = sum_i pi_i [F_i(x + 1/2) - F_i(x - 1/2)],   F_i(x) = sigmoid((x - m_i) / s_i)

    where the bin of 0 reaches down to minus infinity, and that of L-1 up to infinity. Locations and scales are in units of values that
    are scaled to [-1, 1], as networks of images are fed them: m = (loc + 1) (L - 1) / 2, s = scale (L - 1) / 2.

    Args:
        num_components: k.
        levels: L, number of values, at least 2.
        min_scale: smallest scale of a component, in units of the scaled values; a level is 2 / (L - 1) of them.

    Raises:
        ValueError: as `NormalMixture`, or fewer than two levels.

    >>> DiscretizedLogisticMixture(2, levels=4)(tf.zeros([6])).prob([0.0, 1.0, 2.0, 3.0]).numpy().round(3)
    array([0.277, 0.223, 0.223, 0.277], dtype=float32)
    """

    dtype = tf.int32

    def __init__(self, num_components, levels=256, min_scale=1e-3):
        super().__init__(num_components, min_scale)
        check_counts(2, levels=levels)
        self.levels = self.num_classes = int(levels)

    def component(self, loc, scale):
        half = (self.levels - 1) / 2
        centred = tfd.Logistic((loc + 1.0) * half - 0.5, scale * half)  # TFP rounds up
        return tfd.QuantizedDistribution(centred, low=0.0, high=self.levels - 1.0)

    def standard(self, u):
        return tf.math.log(u) - tf.math.log1p(-u)

    def draw(self, params, noise):
        loc, scale = self._chosen(params, noise)
        x = (loc + scale * self.standard(tf.cast(noise[..., 1], loc.dtype)) + 1.0) * ((self.levels - 1) / 2)
        return tf.cast(tf.clip_by_value(tf.math.ceil(x - 0.5), 0.0, self.levels - 1.0), self.dtype)

    def supports(self, x):
        return Categorical(self.levels).supports(x)

    @property
    def support(self):
        return Categorical(self.levels).support

    def get_config(self):
        return {"num_components": self.num_components, "levels": self.levels, "min_scale": self.min_scale}
