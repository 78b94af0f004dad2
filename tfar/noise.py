"""Noise that depends on its seed alone: the Threefry-2x32 generator (Salmon et al. 2011) in plain TensorFlow operations.

TensorFlow's stateless generators give different numbers under XLA, and take one seed for a whole batch. Here every row has a seed of its
own, so a row's noise is the same in eager mode, in a graph, under XLA and behind a server, whichever rows share its batch.
"""

import contextvars
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
VALUES, ROWS, MEMBERS, STEPS, DRAWS, RARE = range(6)  # second word of the counter: separates the streams that one seed is used for


def threefry(key: Sequence[tf.Tensor], counter: Sequence[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    """Encrypt a counter with Threefry-2x32, 20 rounds.

    Args:
        key, counter: pairs of uint32 tensors, which broadcast.

    Returns:
        A pair of uint32 tensors.

    >>> zero = tf.constant(0, tf.uint32)
    >>> [hex(word) for word in threefry((zero, zero), (zero, zero))]
    ['0x6b200159', '0x99ba4efe']
    """
    shape = functools.reduce(tf.broadcast_static_shape, (word.shape for word in (*key, *counter)))
    first, second = _threefry(*key, *counter)
    return tf.ensure_shape(first, shape), tf.ensure_shape(second, shape)


# A function of its own, so that its 200 operations are traced once rather than with each sampler.
@tf.function(input_signature=[tf.TensorSpec(None, tf.uint32)] * 4, autograph=False)  # pyright: ignore[reportArgumentType]
def _threefry(key_0, key_1, counter_0, counter_1):
    return _rounds(key_0, key_1, counter_0, counter_1, tf.bitwise.left_shift, tf.bitwise.right_shift)


def _rounds(key_0: Any, key_1: Any, counter_0: Any, counter_1: Any, left: Callable[..., Any], right: Callable[..., Any]) -> tuple[Any, Any]:
    """Threefry-2x32 of tensors or of NumPy arrays, with the shifts of bits of either."""
    keys = (key_0, key_1, key_0 ^ key_1 ^ np.uint32(_PARITY))
    a, b = counter_0 + keys[0], counter_1 + keys[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            a = a + b
            b = left(b, np.uint32(rotation)) | right(b, np.uint32(32 - rotation))
            b = b ^ a
        a = a + keys[(group + 1) % 3]
        b = b + keys[(group + 2) % 3] + np.uint32(group + 1)
    return a, b


def as_seed(seed: Any) -> tf.Tensor:
    """Return a seed as an int32 tensor: `[2]`, or `[n, 2]` for one seed per row.

    Args:
        seed: an integer; an int32 pair; one int32 pair per row; or None for a fresh seed from TensorFlow's global generator.

    Raises:
        ValueError: `seed` is not one of these.

    >>> as_seed(7).numpy().tolist()
    [7, 0]
    """
    if seed is None:
        return tf.random.uniform([2], tf.int32.min, tf.int32.max, tf.int32)
    if isinstance(seed, int | np.integer) and not isinstance(seed, bool):
        words = np.array([int(seed) & 0xFFFFFFFF, (int(seed) >> 32) & 0xFFFFFFFF], np.uint32)
        return tf.constant(words.view(np.int32))
    expected = "seed must be an integer, an int32 pair [2], or an int32 pair per row [n, 2]."
    pairs: Any = seed
    if isinstance(seed, list | tuple | np.ndarray):
        array = np.asarray(seed)
        if array.dtype.kind not in "iu" or np.any(array != array.astype(np.int32)):
            raise ValueError(f"{expected} Received: seed={seed!r}")
        pairs = tf.constant(array, tf.int32)
    if not tf.is_tensor(pairs) or pairs.dtype != tf.int32 or pairs.shape.rank not in (1, 2) or pairs.shape[-1] != 2:
        raise ValueError(f"{expected} Received: seed={seed!r}")
    return pairs


def row_seeds(seed: tf.Tensor, rows: int | tf.Tensor, first: int | tf.Tensor = 0) -> tf.Tensor:
    """Derive one seed per row, int32 `[rows, 2]`, from a seed `[2]`; `first` is the number of the first row.

    The seeds of fewer rows are a prefix of those of more.
    """
    return numbered_seeds(seed, first + tf.range(rows))


def numbered_seeds(seed: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    """The seeds of the rows of some numbers, int32 `[B, 2]`: row n has that which `row_seeds` gives it.

    >>> numbered_seeds(as_seed(1), tf.constant([3, 2])).numpy().tolist() == row_seeds(as_seed(1), 4).numpy()[[3, 2]].tolist()
    True
    """
    if tf.executing_eagerly():  # on the host: a graph takes longer to make, and operations one by one longer to call
        key_0, key_1 = np.asarray(seed).view(np.uint32)[:, None]
        index = np.asarray(numbers).astype(np.uint32)
        words = _rounds(key_0, key_1, index, np.full_like(index, ROWS), np.left_shift, np.right_shift)
        return tf.constant(np.stack(words, axis=-1).view(np.int32))
    index = tf.cast(numbers, tf.uint32)
    words = threefry(tf.unstack(tf.bitcast(seed, tf.uint32)), (index, tf.fill(tf.shape(index), tf.constant(ROWS, tf.uint32))))
    return tf.ensure_shape(tf.bitcast(tf.stack(words, axis=-1), tf.int32), [*numbers.shape, 2])


def seeds_of(seed: Any, rows: int | tf.Tensor) -> tf.Tensor:
    """Return one seed per row, int32 `[rows, 2]`: `seed` itself where it has one per row, else `row_seeds` of it.

    Args:
        seed: as in `as_seed`.
        rows: number of rows, an integer or a scalar tensor.

    Raises:
        ValueError: `as_seed` refuses the seed, or the number of its rows is not `rows`.
    """
    seed = as_seed(seed)
    if seed.shape.rank == 1:
        return row_seeds(seed, rows)
    expected = tf.get_static_value(rows)
    if not seed.shape[:1].is_compatible_with([expected]):
        raise ValueError(f"one seed per row must be [{expected}, 2]. Received: seed.shape={seed.shape}")
    return seed


def uniform(seeds: tf.Tensor, count: int, stream: int = VALUES, dtype: tf.DType = tf.float32, start: int | tf.Tensor = 0) -> tf.Tensor:
    """Return `count` numbers per row, uniform on the open interval (0, 1), `[n, count]`.

    They are the odd multiples of 2^-24, which are exact in float32. Neither 0 nor 1 occurs, so logarithms and quantiles are finite. The
    numbers of a smaller `count` are a prefix of those of a larger one.

    Args:
        seeds: int32 `[n, 2]`, one per row.
        count: how many numbers a row gets.
        stream: numbers of different streams are independent.
        dtype: a floating-point type.
        start: how many numbers to skip, even.
    """
    key = tf.unstack(tf.bitcast(seeds, tf.uint32)[:, None, :], axis=-1)  # 2 x [n, 1]
    index = start // 2 + tf.range((count + 1) // 2, dtype=tf.int32)[None, :]
    counter = (tf.cast(index, tf.uint32), tf.fill([1, (count + 1) // 2], tf.constant(stream, tf.uint32)))
    words = tf.stack(threefry(key, counter), axis=-1)  # [n, count / 2, 2]
    words = tf.reshape(words, [tf.shape(seeds)[0], 2 * ((count + 1) // 2)])[:, :count]
    halves = tf.cast(tf.bitcast(tf.bitwise.right_shift(words, np.uint32(9)), tf.int32), dtype)
    return (halves + 0.5) * tf.constant(2.0**-23, dtype)


class StepNoise:
    """The randomness of one training step, as a context in which the step is traced.

    What dropout, order-agnostic networks and networks with several masks draw is then a function of the seed, of the number of the step and
    of the row of the global batch: n replicas, which hold a share of its rows each, draw what one would, and a training that is resumed
    draws what it would have. Without such a context, as in Keras' own `fit`, layers draw from generators that are variables of theirs.

    Args:
        seed: of the training, int32 `[2]`.
        number: of the step, an integer tensor.
        first_row: number of the first row here in the global batch, an int32 scalar.
        rows: number of rows of the global batch.
        replicas: number of shares that the global batch is cut into.
    """

    def __init__(self, seed: tf.Tensor, number: tf.Tensor, first_row: Any = 0, rows: int = 1, replicas: int = 1):
        self.number, self.first_row, self.rows, self.replicas = number, first_row, rows, replicas
        self._key = _derived(seed, tf.cast(number, tf.uint32), STEPS)
        self._draws = 0

    def __enter__(self) -> "StepNoise":
        self._token = _STEP.set(self)
        return self

    def __exit__(self, *error: Any) -> None:
        _STEP.reset(self._token)

    def next_seed(self) -> tf.Tensor:
        """A seed, int32 `[2]`, of one draw: each draw of a step has another one."""
        self._draws += 1
        return _derived(self._key, tf.constant(self._draws, tf.uint32), DRAWS)


_STEP: contextvars.ContextVar["StepNoise | None"] = contextvars.ContextVar("step", default=None)


def step() -> StepNoise | None:
    """The randomness of the training step that is being traced, or None."""
    return _STEP.get()


def _derived(seed: tf.Tensor, number: tf.Tensor, stream: int) -> tf.Tensor:
    """Another seed, int32 `[2]`, for each number."""
    words = threefry(tf.unstack(tf.bitcast(seed, tf.uint32)), (number, tf.constant(stream, tf.uint32)))
    return tf.bitcast(tf.stack(words), tf.int32)
