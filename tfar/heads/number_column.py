"""What the heads of columns of numbers share: a mixture in z beside values that have a probability of their own."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfar.columns import BLANK, Warp
from tfar.heads.base import as_dtype, full_precision, pick, uniform
from tfar.heads.column_base import NEVER, PSEUDO_COUNT, Allowed, ColumnHead, is_blank, with_shares
from tfar.heads.continuous import checked_floor, positive, raw_of
from tfar.heads.encodings import Encoding
from tfar.heads.warp import TensorWarp
from tfar.validation import MOST_UNITS, check_counts

FARTHEST_FEATURE = 1e4  # half precision holds it
MARGINAL_COMPONENTS = 64
QUANTILES = 64  # of each initial component


@keras.saving.register_keras_serializable(package="tfar")
class NumberEncoding(Encoding):
    """A number x as [T(x), 1 if x is blank, 1 if x is a_1, ..., 1 if x is a_A]: E = 1 + A, or 2 + A with `blank`.

    T(x) is limited to [-1e4, 1e4], and 0 for a blank.

    Args:
        x, z: knots of the warp T, as in `tfar.columns.Warp`.
        atoms: the values a_i that have a feature of their own.
        blank: whether a value may be `tfar.columns.BLANK`.

    Raises:
        ValueError: the knots are no warp, or the atoms are not distinct finite numbers.

    >>> encoding = NumberEncoding((0.0, 10.0), (-1.0, 1.0), atoms=(10.0,), blank=True)
    >>> encoding(tf.constant([0.0, 10.0, BLANK], tf.float64), "float32").numpy().tolist()
    [[-1.0, 0.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """

    def __init__(self, x: Iterable[float], z: Iterable[float], atoms: Iterable[float] = (), blank: bool = False):
        self.warp = Warp(tuple(x), tuple(z))
        self.atoms, self.blank = checked_atoms(atoms), bool(blank)
        self._fixed = fixed_values(self.atoms, self.blank)
        self._transform = TensorWarp(self.warp)
        self.size = 1 + len(self._fixed)

    def __call__(self, x: tf.Tensor, dtype: Any) -> tf.Tensor:
        values: Any = tf.expand_dims(tf.cast(x, tf.float64), -1)
        return tf.concat([tf.cast(self._number(values), dtype), tf.cast(tf.equal(values, self._fixed), dtype)], axis=-1)

    def features_first(self, x: tf.Tensor, dtype: Any) -> tf.Tensor:
        values: Any = tf.expand_dims(tf.cast(x, tf.float64), 0)
        return tf.concat([tf.cast(self._number(values), dtype), tf.cast(tf.equal(values, self._fixed[:, np.newaxis]), dtype)], axis=0)

    def _number(self, values: Any) -> tf.Tensor:
        z = tf.clip_by_value(self._transform(values), -FARTHEST_FEATURE, FARTHEST_FEATURE)
        return tf.where(is_blank(values), tf.zeros_like(z), z) if self.blank else z

    def get_config(self) -> dict[str, Any]:
        return {"x": list(self.warp.x), "z": list(self.warp.z), "atoms": list(self.atoms), "blank": self.blank}


class NumberColumn(ColumnHead):
    """A column of numbers: a mixture of k location-scale components in z = T(x), and values with a probability of their own.

        params = [blank logit, A atom logits, k component logits, k locations, k raw scales],   P = blank + A + 3k
        pi = softmax of the logits,   s = softplus(raw scale) + min_scale

    A subclass implements `component_score`, `interval_score`, `quantile`, `quantile_between`, `edges` and `place`.

    Args:
        x, z: knots of the warp T, as in `tfar.columns.Warp`.
        atoms: values a_i that have a probability of their own.
        blank: whether a value may be `tfar.columns.BLANK`.
        num_components: k.
        min_scale: smallest scale of a component, in z.

    Raises:
        ValueError: the knots are no warp, the atoms are not distinct finite numbers, `num_components` is not a positive integer, or
            `min_scale` is not above 0.
    """

    noise_size = 3  # the choice of the component, and two words for its quantile
    unit_scale: float  # of a component whose standard deviation is 1
    spacing: float = 0.0  # of neighbouring values

    def __init__(self, x: Iterable[float], z: Iterable[float], atoms: Iterable[float], blank: bool, num_components: int, min_scale: float):
        check_counts(most=MOST_UNITS, num_components=num_components)
        self.warp = Warp(tuple(x), tuple(z))
        self.atoms, self.blank = checked_atoms(atoms), bool(blank)
        self.num_components, self.min_scale = int(num_components), checked_floor(min_scale)
        self._fixed = fixed_values(self.atoms, self.blank)
        self._transform = TensorWarp(self.warp)
        self.params_size = len(self._fixed) + 3 * self.num_components
        self.stand_in = np.float64(self.warp.x[len(self.warp.x) // 2])

    def component_score(self, x: Any, loc: Any, scale: Any) -> Any:
        """Return log-probabilities `[..., k]` of values `[...]` under each component `[..., k]`."""
        raise NotImplementedError

    def interval_score(self, low: Any, high: Any, loc: Any, scale: Any) -> Any:
        """Return log-probabilities `[..., k]` of closed intervals `[...]` under each component `[..., k]`."""
        raise NotImplementedError

    def without_component(self, hits: Any) -> Any:
        """Return which values no component reaches, bool `[...]`, given which fixed values they are, bool `[..., blank + A]`."""
        raise NotImplementedError

    def quantile(self, u: Any) -> Any:
        """Return the `u`-quantile of the component with location 0 and scale 1."""
        raise NotImplementedError

    def quantile_between(self, u: Any, a: Any, b: Any) -> Any:
        """Return the `u`-quantile of that component given that it is between a and b, which may be infinite."""
        raise NotImplementedError

    def edges(self, low: Any, high: Any) -> tuple[Any, Any]:
        """Return the ends in z, which may be infinite, of what belongs to a closed interval."""
        raise NotImplementedError

    def place(self, x: Any) -> Any:
        """Return the value of the column to which a real number belongs."""
        raise NotImplementedError

    def resolution(self, z: np.ndarray) -> np.ndarray:
        """Return the smallest standard deviation that a component at z starts with."""
        return np.zeros_like(z)

    def score(self, params: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        logits, loc, scale = self._split(params)
        fixed, mixed = logits[..., : len(self._fixed)], logits[..., len(self._fixed) :]
        number = tf.where(is_blank(x), as_dtype(self.stand_in, x.dtype), x) if self.blank else x
        scores = tf.reduce_logsumexp(mixed + self.component_score(number, loc, scale), axis=-1)
        if len(self._fixed):
            never = tf.constant(NEVER, logits.dtype)
            hits = tf.equal(tf.expand_dims(x, -1), self._fixed)
            own = tf.reduce_logsumexp(tf.where(hits, fixed, never), axis=-1)
            scores = tfp.math.log_add_exp(own, tf.where(self.without_component(hits), never, scores))
        return scores - tf.reduce_logsumexp(logits, axis=-1)

    def draw(self, params: tf.Tensor, noise: tf.Tensor, dimension: Any = None) -> tf.Tensor:
        logits, loc, scale = self._split(full_precision(params))
        choice = pick(logits, uniform(noise, 0, logits.dtype))
        loc, scale = self._of_component(choice - len(self._fixed), loc, scale)
        x = self.place(self._transform.inverse(loc + scale * self.quantile(fine_uniform(noise, 1))))
        return self._or_fixed(choice, x)

    def allow(self, intervals: Any, blank: bool = False) -> Allowed:
        """Return the set A of the values in some closed intervals.

        Args:
            intervals: `[M, 2]`, each from its lowest to its highest value; they may be infinite and overlap.
            blank: whether the blank is in A, where a value may be blank.
        """
        low, high = np.asarray(intervals, np.float64).reshape(-1, 2).T
        order = np.argsort(low, kind="stable")
        low, high = low[order], np.maximum.accumulate(high[order])
        apart = low[1:] > high[:-1] + self.spacing
        merged = np.stack([low[np.append(len(low) > 0, apart)[: len(low)]], high[np.append(apart, True)[: len(low)]]], axis=1)
        atoms = [bool(((merged[:, 0] <= atom) & (atom <= merged[:, 1])).any()) for atom in self.atoms]
        return Allowed(np.array([*([blank] if self.blank else []), *atoms], np.float64), merged)

    @property
    def everything(self) -> Allowed:
        return self.allow([[-np.inf, np.inf]], blank=True)

    def logits(self, params: Any) -> Any:
        return self._split(params)[0]

    def candidates(self, params: tf.Tensor, allowed: Allowed) -> Any:
        logits, loc, scale = self._split(params)
        fixed, mixed = logits[..., : len(self._fixed)], logits[..., len(self._fixed) :]
        low, high = tf.unstack(tf.convert_to_tensor(allowed.intervals), axis=-1)
        loc, scale, mixed = (tf.expand_dims(part, -2) for part in (loc, scale, mixed))
        inside = tf.maximum(mixed + self.interval_score(low, high, loc, scale), tf.constant(NEVER, logits.dtype))  # (..., M, k)
        shape = tf.concat([tf.shape(inside)[:-2], [tf.shape(low)[0] * self.num_components]], axis=0)
        return tf.concat([with_shares(fixed, allowed.shares), tf.reshape(inside, shape)], axis=-1)

    def draw_within(self, params: tf.Tensor, noise: tf.Tensor, allowed: Allowed) -> tf.Tensor:
        """See `ColumnHead`: a fixed value, or an interval and a component, and then the component's quantile inside the interval."""
        params = full_precision(params)
        _, loc, scale = self._split(params)
        weights = tf.cast(self.candidates(params, allowed), tf.float64)  # so that u < 1 reaches nothing that is impossible
        choice: Any = pick(weights, uniform(noise, 0, tf.float64))
        number: Any = tf.maximum(choice - len(self._fixed), 0)
        loc, scale = self._of_component(number % self.num_components, loc, scale)
        intervals = tf.pad(tf.convert_to_tensor(allowed.intervals), [[0, 1], [0, 0]])  # of which one exists where none is allowed
        low, high = tf.unstack(tf.gather(intervals, number // self.num_components), axis=-1)
        a, b = ((edge - loc) / scale for edge in self.edges(low, high))
        x = self._transform.inverse(loc + scale * self.quantile_between(fine_uniform(noise, 1), a, b))
        return self._or_fixed(choice, tf.clip_by_value(self.place(x), low, high))

    def _of_component(self, number: Any, loc: Any, scale: Any) -> Any:
        """The location and the scale, float64 `[...]`, of one component of each row."""
        chosen = tf.one_hot(number, self.num_components, dtype=loc.dtype)
        return (tf.cast(tf.reduce_sum(chosen * part, axis=-1), self.dtype) for part in (loc, scale))

    def _or_fixed(self, choice: Any, x: Any) -> Any:
        """The fixed value that a choice is of, or x."""
        if not len(self._fixed):
            return x
        return tf.where(choice < len(self._fixed), tf.gather(self._fixed, tf.minimum(choice, len(self._fixed) - 1)), x)

    @property
    def encoding(self) -> Encoding:
        return NumberEncoding(self.warp.x, self.warp.z, self.atoms, self.blank)

    @property
    def blank_logit(self) -> int | None:
        return 0 if self.blank else None

    def initial_params(self, x: np.ndarray) -> np.ndarray:
        """Return the marginal distribution of values `[N]`, approximately.

        The blank and the atoms have their frequencies, with 1/2 added to each count. The values that are neither are divided at their
        quantiles into k - 1 groups, each with a component of the group's mean, and of sqrt(3) times its standard deviation in z, at which
        the sum of neighbouring components is smooth. The last component is that of mean 0 and variance 1, to which the warp maps the
        column: it has about N^(-1/3) of their probability, so that few values are not over-fitted.
        """
        x, others = np.asarray(x, np.float64), self.num_components - 1
        inner = x[~np.isin(x, self._fixed)]
        counts = np.array([*(np.sum(x == value) for value in self._fixed), len(inner)]) + PSEUDO_COUNT
        logits = np.log(counts / counts.sum())
        broad = (len(inner) + 2) ** (-1 / 3)
        shares = np.array([*[(1 - broad) / max(others, 1)] * others, broad])
        levels = (np.arange(others * QUANTILES) + 0.5) / max(others * QUANTILES, 1)
        groups = np.quantile(self.warp(inner) if len(inner) else np.zeros(1), levels).reshape(others, QUANTILES)
        loc = np.append(groups.mean(axis=1), 0.0)
        spread = np.append(np.maximum(np.sqrt(3) * groups.std(axis=1), self.resolution(loc[:-1])), 1.0)
        raw = raw_of(spread * self.unit_scale, self.min_scale)
        return np.concatenate([logits[:-1], logits[-1] + np.log(shares / shares.sum()), loc, raw]).astype(np.float32)

    def get_config(self) -> dict[str, Any]:
        return {
            "x": list(self.warp.x),
            "z": list(self.warp.z),
            "atoms": list(self.atoms),
            "blank": self.blank,
            "num_components": self.num_components,
            "min_scale": self.min_scale,
        }

    def _split(self, params: Any) -> tuple[Any, Any, Any]:
        """The logits `[..., blank + A + k]`, the locations and the scales `[..., k]`."""
        count = self.num_components
        logits, loc, raw = tf.split(params, [len(self._fixed) + count, count, count], axis=-1)
        return logits, loc, positive(raw, self.min_scale)


def checked_atoms(atoms: Iterable[float]) -> tuple[float, ...]:
    """Return atoms as a tuple of floats, or raise a ValueError if they are not distinct finite numbers other than `BLANK`."""
    values = tuple(float(atom) for atom in atoms)
    if len(set(values)) < len(values) or not np.isfinite(values).all() or BLANK in values:
        raise ValueError(f"atoms must be distinct finite numbers. Received: atoms={values}")
    return values


def fixed_values(atoms: tuple[float, ...], blank: bool) -> np.ndarray:
    """Return the values with a probability of their own, float64 `[blank + A]`, in the order of their logits."""
    return np.array([*([BLANK] if blank else []), *atoms], np.float64)


def fine_uniform(noise: Any, index: int) -> Any:
    """Return float64 uniform numbers `[...]` in (0, 1) of 47 bits, made from two of 24 bits in noise `[..., noise_size]`."""
    steps: Any = tf.floor(uniform(noise, index, tf.float64) * 2.0**23)
    return (steps + uniform(noise, index + 1, tf.float64)) * 2.0**-23


def offset(z: Any, loc: Any) -> Any:
    """Return z - loc `[..., k]` of float64 z `[...]` in the dtype of the locations, rounded after the subtraction alone."""
    return tf.cast(tf.expand_dims(z, -1) - tf.cast(loc, tf.float64), loc.dtype)
