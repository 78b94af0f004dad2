"""What the heads of columns of numbers share: a mixture in z beside values that have a probability of their own."""

import copy
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfar.columns import BLANK, Warp
from tfar.heads.base import Head, as_dtype, full_precision, pick, uniform
from tfar.heads.column_base import NEVER, PSEUDO_COUNT, Allowed, ColumnHead, is_blank, with_shares
from tfar.heads.continuous import checked_floor, positive, raw_of
from tfar.heads.encodings import Encoding
from tfar.heads.recorded import Recorded
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

        params = [blank logit, A atom logits, 1 logit of recorded values if R > 0, k component logits, k locations, k raw scales]
        P = blank + A + (R > 0) + 3k,   pi = softmax of the logits,   s = softplus(raw scale) + min_scale

    Recorded values share one logit, and have the frequencies of a table: numbers that repeat in ways that no curve follows, such as
    weights of a survey. Training leaves the row that it scores out of them, see `Recorded`.

    A subclass implements `component_score`, `interval_score`, `quantile`, `quantile_between`, `edges` and `place`.

    Args:
        x, z: knots of the warp T, as in `tfar.columns.Warp`.
        atoms: values a_i that have a probability of their own.
        blank: whether a value may be `tfar.columns.BLANK`.
        num_components: k.
        min_scale: smallest scale of a component, in z.
        recorded: R values that share a logit, ascending.
        counts: the number of rows of each.

    Raises:
        ValueError: the knots are no warp, the atoms are not distinct finite numbers, `num_components` is not a positive integer,
            `min_scale` is not above 0, or recorded values or their counts are not as `Recorded` takes them.
    """

    noise_size = 3  # the choice of the component, and two words for its quantile
    unit_scale: float  # of a component whose standard deviation is 1
    spacing: float = 0.0  # of neighbouring values

    def __init__(
        self,
        x: Iterable[float],
        z: Iterable[float],
        atoms: Iterable[float],
        blank: bool,
        num_components: int,
        min_scale: float,
        recorded: Iterable[float],
        counts: Iterable[int],
    ):
        check_counts(most=MOST_UNITS, num_components=num_components)
        self.warp = Warp(tuple(x), tuple(z))
        self.atoms, self.blank = checked_atoms(atoms), bool(blank)
        self.num_components, self.min_scale = int(num_components), checked_floor(min_scale)
        self._fixed = fixed_values(self.atoms, self.blank)
        self._transform = TensorWarp(self.warp)
        self._recorded = Recorded(recorded, counts)
        self._own = len(self._fixed) + (len(self._recorded) > 0)  # logits that are of values, not of components
        self.params_size = self._own + 3 * self.num_components
        self.stand_in = np.float64(self.warp.x[len(self.warp.x) // 2])

    def component_score(self, x: Any, loc: Any, scale: Any) -> Any:
        """Return log-probabilities `[..., k]` of values `[...]` under each component `[..., k]`."""
        raise NotImplementedError

    def interval_score(self, low: Any, high: Any, loc: Any, scale: Any) -> Any:
        """Return log-probabilities `[..., k]` of closed intervals `[...]` under each component `[..., k]`."""
        raise NotImplementedError

    def without_component(self, hits: Any) -> Any:
        """Return which values no component reaches, bool `[...]`, given which values with logits they are, bool `[..., F]`."""
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

    def leaving_one_out(self) -> Head:
        if not len(self._recorded):
            return self
        other = copy.copy(self)
        other._recorded = self._recorded.without_one()
        return other

    def score(self, params: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        logits, loc, scale = self._split(params)
        own, mixed = logits[..., : self._own], logits[..., self._own :]
        number = tf.where(is_blank(x), as_dtype(self.stand_in, x.dtype), x) if self.blank else x
        scores = tf.reduce_logsumexp(mixed + self.component_score(number, loc, scale), axis=-1)
        if self._own:
            never = tf.constant(NEVER, logits.dtype)
            hits, masses = self._own_masses(x, logits.dtype)
            scores = tf.where(self.without_component(hits), never, scores)
            scores = tfp.math.log_add_exp(tf.reduce_logsumexp(tf.where(hits, own + masses, never), axis=-1), scores)
        return scores - tf.reduce_logsumexp(logits, axis=-1)

    def _own_masses(self, x: Any, dtype: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Which logits of values are of x `[...]`, and the log-probability of x given each, `[..., F]`."""
        hits = tf.equal(tf.expand_dims(x, -1), self._fixed)
        masses = tf.zeros(tf.shape(hits), dtype)
        if len(self._recorded):
            hits = tf.concat([hits, tf.expand_dims(self._recorded.hits(x), -1)], axis=-1)
            masses = tf.concat([masses, tf.expand_dims(tf.cast(self._recorded.log_prob(x), dtype), -1)], axis=-1)
        return hits, masses

    def draw(self, params: tf.Tensor, noise: tf.Tensor, dimension: Any = None) -> tf.Tensor:
        logits, loc, scale = self._split(full_precision(params))
        choice = pick(logits, uniform(noise, 0, logits.dtype))
        loc, scale = self._of_component(choice - self._own, loc, scale)
        u = fine_uniform(noise, 1)
        x = self.place(self._transform.inverse(loc + scale * self.quantile(u)))
        return self._or_own(choice, x, self._recorded.quantile(u) if len(self._recorded) else x)

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
        recorded = [self._recorded.share_within(merged)] if len(self._recorded) else []
        return Allowed(np.array([*([blank] if self.blank else []), *atoms, *recorded], np.float64), merged)

    @property
    def everything(self) -> Allowed:
        return self.allow([[-np.inf, np.inf]], blank=True)

    def logits(self, params: Any) -> Any:
        return self._split(params)[0]

    def candidates(self, params: tf.Tensor, allowed: Allowed) -> Any:
        logits, loc, scale = self._split(params)
        own, mixed = logits[..., : self._own], logits[..., self._own :]
        low, high = tf.unstack(tf.convert_to_tensor(allowed.intervals), axis=-1)
        loc, scale, mixed = (tf.expand_dims(part, -2) for part in (loc, scale, mixed))
        inside = tf.maximum(mixed + self.interval_score(low, high, loc, scale), tf.constant(NEVER, logits.dtype))  # (..., M, k)
        shape = tf.concat([tf.shape(inside)[:-2], [tf.shape(low)[0] * self.num_components]], axis=0)
        return tf.concat([with_shares(own, allowed.shares), tf.reshape(inside, shape)], axis=-1)

    def draw_within(self, params: tf.Tensor, noise: tf.Tensor, allowed: Allowed) -> tf.Tensor:
        """See `ColumnHead`: a value with a logit, or an interval and a component, and then the quantile inside the interval."""
        params = full_precision(params)
        _, loc, scale = self._split(params)
        weights = tf.cast(self.candidates(params, allowed), tf.float64)  # so that u < 1 reaches nothing that is impossible
        choice: Any = pick(weights, uniform(noise, 0, tf.float64))
        number: Any = tf.maximum(choice - self._own, 0)
        loc, scale = self._of_component(number % self.num_components, loc, scale)
        intervals = tf.pad(tf.convert_to_tensor(allowed.intervals), [[0, 1], [0, 0]])  # of which one exists where none is allowed
        low, high = tf.unstack(tf.gather(intervals, number // self.num_components), axis=-1)
        a, b = ((edge - loc) / scale for edge in self.edges(low, high))
        u = fine_uniform(noise, 1)
        x = self.place(self._transform.inverse(loc + scale * self.quantile_between(u, a, b)))
        recorded = self._recorded.quantile_within(u, allowed.intervals) if len(self._recorded) else x
        return self._or_own(choice, tf.clip_by_value(x, low, high), recorded)

    def _of_component(self, number: Any, loc: Any, scale: Any) -> Any:
        """The location and the scale, float64 `[...]`, of one component of each row."""
        chosen = tf.one_hot(number, self.num_components, dtype=loc.dtype)
        return (tf.cast(tf.reduce_sum(chosen * part, axis=-1), self.dtype) for part in (loc, scale))

    def _or_own(self, choice: Any, x: Any, recorded: Any) -> Any:
        """The value that a choice is of: a fixed one, a recorded one, or x."""
        if len(self._recorded):
            x = tf.where(choice < self._own, recorded, x)
        if len(self._fixed):
            x = tf.where(choice < len(self._fixed), tf.gather(self._fixed, tf.minimum(choice, len(self._fixed) - 1)), x)
        return x

    @property
    def encoding(self) -> Encoding:
        return NumberEncoding(self.warp.x, self.warp.z, self.atoms, self.blank)

    @property
    def blank_logit(self) -> int | None:
        return 0 if self.blank else None

    def initial_params(self, x: np.ndarray) -> np.ndarray:
        """Return the marginal distribution of values `[N]`, approximately.

        The blank, the atoms and the recorded values that occur twice have their frequencies, with 1/2 added to each count. The values that
        are neither blank nor atoms are divided at their quantiles into k - 1 groups, each with a component of the group's mean, and of
        sqrt(3) times its standard deviation in z, at which the sum of neighbouring components is smooth. The last component is that of mean
        0 and variance 1, to which the warp maps the column: it has about N^(-1/3) of their probability, so that few values are not
        over-fitted.
        """
        x, others = np.asarray(x, np.float64), self.num_components - 1
        inner = x[~np.isin(x, self._fixed)]
        counts = [*(np.sum(x == value) for value in self._fixed), len(inner)]
        if len(self._recorded):
            again = int(np.sum(self._recorded.without_one().hits(inner)))
            counts[-1:] = [again, len(inner) - again]
        counts = np.array(counts) + PSEUDO_COUNT
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
        config: dict[str, Any] = {
            "x": list(self.warp.x),
            "z": list(self.warp.z),
            "atoms": list(self.atoms),
            "blank": self.blank,
            "num_components": self.num_components,
            "min_scale": self.min_scale,
        }
        if len(self._recorded):
            config |= {"recorded": list(self._recorded.values), "counts": list(self._recorded.counts)}
        return config

    def _split(self, params: Any) -> tuple[Any, Any, Any]:
        """The logits `[..., F + k]`, the locations and the scales `[..., k]`."""
        count = self.num_components
        logits, loc, raw = tf.split(params, [self._own + count, count, count], axis=-1)
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
