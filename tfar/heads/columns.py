"""A head for each column of a table."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfar.heads.base import Head, full_precision, get
from tfar.heads.column_base import ColumnHead
from tfar.heads.encodings import ColumnEncodings, Encoding


@keras.saving.register_keras_serializable(package="tfar")
class Columns(Head):
    """D heads, one for each dimension of a vector, of any kinds: classes beside real numbers beside counts.

        p(x) = prod_d p_d(x_d; params_d),   params_d of P_d numbers

    Parameters are flat, `[..., sum_d P_d]`, in the order of the columns; `split` divides them. Values are float64, which holds class
    numbers, grid indices up to 2^53 and real numbers exactly. Log-probabilities add masses of discrete columns and densities of
    continuous ones: compare them between models of the same columns.

    Args:
        heads: D heads, or the names of some.
        filled: whether values are given not to be blank: each conditional is renormalised without its blank. Completion draws so.

    Raises:
        ValueError: there is none, or one is itself a head of columns.

    >>> from tfar.heads import Bernoulli, Categorical, Normal
    >>> head = Columns([Bernoulli(), Categorical(3), Normal()])
    >>> head.params_size
    (1, 3, 2)
    >>> head.log_prob(tf.zeros([1, 6]), tf.constant([[1.0, 2.0, 0.0]]), event_ndims=0).numpy().astype(float).round(2).tolist()
    [[-0.69, -1.1, -0.55]]
    """

    dtype = tf.float64

    def __init__(self, heads: Iterable[Any], filled: bool = False):
        self.heads: tuple[Head, ...] = tuple(get(head) for head in heads)
        if not self.heads or any(isinstance(head, Columns) for head in self.heads):
            raise ValueError(f"heads must be heads of single columns, at least one. Received: heads={self.heads!r}")
        self.params_size: tuple[int, ...] = tuple(int(head.params_size) for head in self.heads)
        self.noise_size = max(head.noise_size for head in self.heads)
        self.filled = bool(filled)
        self.stand_in = np.array([head.stand_in for head in self.heads], np.float64)

    def split(self, params: tf.Tensor) -> list[tf.Tensor]:
        """Divide parameters `[..., sum_d P_d]` into those of each column, `[..., P_d]`."""
        return tf.split(params, self.params_size, axis=-1)

    def without_blanks(self) -> "Columns":
        """Return this head with `filled`."""
        return Columns(self.heads, filled=True)

    def _given(self, dimension: int, params: tf.Tensor) -> tf.Tensor:
        """Parameters of a column, given that it is not blank where `filled`."""
        head = self.heads[dimension]
        return head.without_blank(params) if self.filled and isinstance(head, ColumnHead) else params

    def draw(self, params: tf.Tensor, noise: tf.Tensor, dimension: Any = None) -> tf.Tensor:
        """Draw values of one column, or of a column for each row.

        Args:
            params: `[..., P_d]` of the column where `dimension` is a number; else `[B, sum_d P_d]`.
            noise: uniform numbers in (0, 1), `[..., noise_size]`.
            dimension: the column, a number; or one for each row, an int32 tensor `[B]` or `[1]`: all columns are drawn, and one is kept.

        Returns:
            float64 `[...]`.
        """
        if isinstance(dimension, int):
            head = self.heads[dimension]
            uniforms: Any = noise
            return tf.cast(head.draw(self._given(dimension, params), uniforms[..., : head.noise_size]), self.dtype)
        drawn = self.draw_event(params, tf.expand_dims(noise, -2))  # (B, D)
        return tf.gather(drawn, tf.broadcast_to(dimension, tf.shape(drawn)[:1]), axis=1, batch_dims=1)

    def draw_event(self, params: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """Draw a value of every column.

        Args:
            params: `[..., sum_d P_d]`.
            noise: uniform numbers in (0, 1), `[..., D, noise_size]`; or `[..., 1, noise_size]`, the same for all columns.

        Returns:
            float64 `[..., D]`.
        """
        sizes: Any = [len(self.heads), self.noise_size]
        noise = tf.broadcast_to(noise, tf.concat([tf.shape(noise)[:-2], sizes], axis=0))
        parts = zip(self.split(params), tf.unstack(noise, len(self.heads), axis=-2), strict=True)
        return tf.stack([self.draw(part, uniforms, d) for d, (part, uniforms) in enumerate(parts)], axis=-1)

    def supports(self, x: tf.Tensor) -> tf.Tensor:
        columns = zip(self.heads, tf.unstack(x, len(self.heads), axis=-1), strict=True)
        return tf.stack([tf.cast(head.supports(column), tf.bool) for head, column in columns], axis=-1)

    @property
    def support(self) -> str:
        wanted: dict[str, list[int]] = {}
        for number, head in enumerate(self.heads):
            wanted.setdefault(head.support, []).append(number)
        return "; ".join(f"{support} in {_listed(numbers)}" for support, numbers in wanted.items())

    @property
    def encoding(self) -> Encoding:
        return ColumnEncodings([head.encoding for head in self.heads])

    @property
    def discrete(self) -> bool:
        return all(head.discrete for head in self.heads)

    def initial_params(self, x: np.ndarray) -> np.ndarray | None:
        """Return the estimates of all columns, float32 `[sum_d P_d]`; zeros for a head that has none."""
        found = [head.initial_params(x[:, d]) for d, head in enumerate(self.heads)]
        return np.concatenate(
            [np.zeros(head.params_size) if f is None else f for head, f in zip(self.heads, found, strict=True)], dtype="f4"
        )

    def leaving_one_out(self) -> Head:
        return Columns([head.leaving_one_out() for head in self.heads], self.filled)

    def marginal(self) -> Head:
        return Columns([head.marginal() for head in self.heads])

    def log_prob(self, params: tf.Tensor, x: tf.Tensor, event_ndims: int) -> tf.Tensor:
        """Return log-probabilities in nats: `[..., D]` of each column where `event_ndims` is 0, their sums `[...]` where it is 1.

        Args:
            params: `[..., sum_d P_d]`.
            x: values `[..., D]`.
            event_ndims: 0 or 1.
        """
        dtype, columns = full_precision(params).dtype, tf.unstack(x, len(self.heads), axis=-1)
        given = [self._given(d, part) for d, part in enumerate(self.split(params))]
        parts = zip(self.heads, given, columns, strict=True)
        scores = tf.stack([tf.cast(head.log_prob(part, column, 0), dtype) for head, part, column in parts], axis=-1)
        return tf.reduce_sum(scores, axis=-1) if event_ndims else scores

    def get_config(self) -> dict[str, Any]:
        return {"heads": [keras.saving.serialize_keras_object(head) for head in self.heads], "filled": self.filled}

    def __hash__(self) -> int:  # of what equal heads share; that of the configuration takes as long as a small sample
        return hash((self.params_size, self.filled))

    def __repr__(self) -> str:
        return f"Columns([{', '.join(map(repr, self.heads))}]{', filled=True' if self.filled else ''})"


def _listed(numbers: list[int]) -> str:
    """Some columns, named as messages do."""
    shown = ", ".join(map(str, numbers[:5]))
    return f"column{'s' if len(numbers) > 1 else ''} {shown}{', ...' if len(numbers) > 5 else ''}"
