"""What the heads of single table columns share: float64 values, of which one may be `BLANK`, and a TFP distribution over them."""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfar import noise
from tfar.columns import BLANK
from tfar.heads.base import Head, as_dtype, full_precision

tfd = tfp.distributions

PSEUDO_COUNT = 0.5  # added to each count of a frequency (Krichevsky & Trofimov 1981)
NEVER = -1e30  # stands for log 0 inside sums: exp gives 0, and gradients stay finite


class Allowed(NamedTuple):
    """A set A of values of one column, as the `allow` of its head gives it: float64 arrays, or tensors.

    Attributes:
        shares: for each value that has a logit of its own, in the order of the logits, the part of it that is in A, 0..1, `[F]`.
        intervals: the other values in A, as closed intervals that ascend and do not overlap, `[M, 2]`.
    """

    shares: Any
    intervals: Any

    @property
    def empty(self) -> bool:
        """Whether no value is in A."""
        return not len(self.intervals) and not np.any(self.shares)


class ColumnHead(Head):
    """The meaning of one table column's parameters. Values are float64: class numbers, grid indices or reals, and `BLANK` where allowed.

    A subclass implements `score` and `draw`, `allow` and `candidates`, `draw_within`, and the facts of its values.

    Attributes:
        blank: whether a value may be `tfar.columns.BLANK`.
    """

    dtype = tf.float64
    params_size: int
    blank: bool

    def __call__(self, params: tf.Tensor) -> "ColumnDistribution":
        return ColumnDistribution(self, params)

    def score(self, params: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        """Return log-probabilities in nats of supported values.

        Args:
            params: `[..., P]`, of float32 or float64.
            x: float64 values that broadcast to `params.shape[:-1]`.

        Returns:
            `[...]`, of the dtype of `params`.
        """
        raise NotImplementedError

    @property
    def everything(self) -> Allowed:
        """The set of all values, of probability 1."""
        raise NotImplementedError

    def candidates(self, params: tf.Tensor, allowed: Allowed) -> Any:
        """Return logits `[..., F + n]` of the disjoint events that make up A, -1e30 or less for impossible ones.

        The first F are those of the values with logits of their own.
        """
        raise NotImplementedError

    def log_mass(self, params: tf.Tensor, allowed: Allowed) -> tf.Tensor:
        """Return log P(x in A) in nats, `[...]`, of the dtype of `params`; -inf where it is 0.

        Args:
            params: `[..., P]`, of float32 or float64.
            allowed: A, the same for all rows.
        """
        params = full_precision(params)
        total = tf.reduce_logsumexp(self.logits(params), axis=-1)
        mass: Any = tf.reduce_logsumexp(self.candidates(params, allowed), axis=-1) - total
        return tf.where(mass > NEVER / 2, tf.minimum(mass, 0), tf.constant(-np.inf, params.dtype))

    def draw_within(self, params: tf.Tensor, noise: tf.Tensor, allowed: Allowed) -> tf.Tensor:
        """Draw values given that they are in A: float64 `[...]`; any value where P(x in A) is 0.

        Args:
            params: `[..., P]`.
            noise: uniform numbers in (0, 1), `[..., noise_size]`.
            allowed: A, the same for all rows; not empty.
        """
        raise NotImplementedError

    def logits(self, params: Any) -> Any:
        """Return the logits among parameters `[..., P]`, those of values first."""
        raise NotImplementedError

    @property
    def blank_logit(self) -> int | None:
        """The index of the blank's logit in the parameters; None where no value may be blank."""
        raise NotImplementedError

    def without_blank(self, params: tf.Tensor) -> tf.Tensor:
        """Return parameters `[..., P]` given which x is never blank: those with a blank logit of half the lowest finite number."""
        if self.blank_logit is None:
            return params
        lowest = tf.constant(params.dtype.min / 2, params.dtype)  # finite, so that gradients are
        return tf.where(np.arange(self.params_size) == self.blank_logit, lowest, params)

    def _in_words(self, values: str) -> str:
        return f"{values} or blank" if self.blank else values


class ColumnDistribution(tfd.Distribution):
    """The distribution of values of a column, given raw parameters. A value that the head does not support has -inf; NaN has NaN.

    Args:
        head: a `ColumnHead`.
        params: `[..., P]`. The batch shape is `params.shape[:-1]`.
        validate_args, allow_nan_stats, name: as in `tfd.Distribution`.
    """

    def __init__(
        self, head: ColumnHead, params: Any, validate_args: bool = False, allow_nan_stats: bool = True, name: str = "ColumnDistribution"
    ):
        parameters = dict(locals())
        self._head, self._params = head, full_precision(tf.convert_to_tensor(params))
        super().__init__(
            dtype=head.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=allow_nan_stats,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {"params": tfp.util.ParameterProperties(event_ndims=1)}

    @property
    def params(self) -> tf.Tensor:
        """The raw parameters `[..., P]`, in float32 at least."""
        return self._params

    def _event_shape(self) -> tf.TensorShape:
        return tf.TensorShape([])

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.constant([], tf.int32)

    def _log_prob(self, value: Any) -> tf.Tensor:
        x: Any = tf.cast(value, self.dtype)
        supported = self._head.supports(x)
        scores = self._head.score(self._params, tf.where(supported, x, as_dtype(self._head.stand_in, x.dtype)))
        outside = tf.where(tf.math.is_nan(x), x, tf.constant(-np.inf, x.dtype))
        return tf.where(supported, scores, tf.cast(outside, scores.dtype))

    def _sample_n(self, n: Any, seed: Any = None) -> tf.Tensor:
        shape = tf.concat([[n], tf.shape(self._params)[:-1]], axis=0)
        uniform = noise.uniform(noise.seeds_of(seed, tf.reduce_prod(shape)), self._head.noise_size)
        return self._head.draw(self._params, tf.reshape(uniform, tf.concat([shape, [self._head.noise_size]], axis=0)))


def is_blank(x: tf.Tensor) -> tf.Tensor:
    """Return which float64 values are `BLANK`."""
    return tf.equal(x, tf.constant(BLANK, tf.float64))


def with_shares(logits: Any, shares: Any) -> Any:
    """Return logits `[..., F]` plus the logarithms of shares `[F]`; `NEVER` for a share of 0."""
    shares = tf.convert_to_tensor(shares)
    return tf.where(shares > 0, logits + tf.cast(tf.math.log(shares), logits.dtype), tf.constant(NEVER, logits.dtype))


def is_below(x: Any, size: int) -> tf.Tensor:
    """Return which float64 values are whole numbers 0..size-1; NaN is not."""
    return tf.equal(x, tf.clip_by_value(tf.floor(x), 0, size - 1))
