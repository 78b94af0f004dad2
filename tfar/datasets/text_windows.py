"""Batches of consecutive characters, for truncated backpropagation through time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tfar.validation import check_counts, check_flags

if TYPE_CHECKING:
    import tensorflow as tf

MOST_STEPS = 2**63 - 1  # an int64 holds them


def steps_per_pass(num_codes: int, length: int, batch_size: int) -> int:
    """The number of batches of `windows` in one pass over a text of `num_codes` characters.

    Raises:
        ValueError: the text is shorter than one batch, or a number is not an integer of at least 1.

    >>> steps_per_pass(1_003_854, length=50, batch_size=50)
    401
    """
    check_counts(length=length, batch_size=batch_size)
    check_counts(0, num_codes=num_codes)
    if num_codes < batch_size * length:
        raise ValueError(f"A batch of {batch_size} x {length} needs {batch_size * length} characters. Received: {num_codes}")
    # less than a window is left over, so that a pass may begin anywhere in the first window
    return max(1, (num_codes - length + 1) // (batch_size * length))


def windows(codes: Any, length: int, batch_size: int, seed: int = 0, carry: bool = False, start_step: int = 0) -> tf.data.Dataset:
    """An endless dataset of batches of consecutive characters. Step s is a function of the arguments and of s alone.

    - carry=False: each pass cuts the text into windows from a random phase on, and shuffles them. Every character is in at most one
      window. Less than a window at either end is left out, and so are windows that do not fill a batch.
    - carry=True: the text is cut into B equal parts, and row b goes through the b-th part, so that a row continues that of the batch
      before. Every pass begins at the start of the parts; `seed` has no effect. The end of each part, at most a window, is left out, and
      so are the few codes that the division into parts leaves over.

    Args:
        codes: integers `[n]`; of a memory map, only what a batch needs is read.
        length: number of characters in a window.
        batch_size: B.
        seed: integer >= 0.
        carry: see above.
        start_step: the step to begin with; the steps before it cost nothing. With carry it may be inside a pass: the caller then
            restores the state.

    Returns:
        A `tf.data.Dataset` of int32 `[B, length]`. With carry, of `(x, reset)`, where `reset`, a bool scalar, is True in the first step
        of every pass. `steps_per_pass` is the number of steps in a pass.

    Raises:
        ValueError: the codes are not integers `[n]`, or are fewer than a batch has; or a number is not an integer in its range.

    >>> for x, reset in windows(np.arange(12), length=2, batch_size=2, carry=True).take(3):
    ...     print(x.numpy().tolist(), bool(reset))
    [[0, 1], [6, 7]] True
    [[2, 3], [8, 9]] False
    [[0, 1], [6, 7]] True
    """
    import tensorflow as tf

    codes = codes if isinstance(codes, np.memmap) else np.asarray(codes)
    if codes.ndim != 1 or codes.dtype.kind not in "iu":
        raise ValueError(f"codes must be integers [n]. Received: {codes.dtype} {list(codes.shape)}")
    check_counts(0, MOST_STEPS, seed=seed, start_step=start_step)
    check_flags(carry=carry)
    steps_per_pass(len(codes), length, batch_size)
    batch = _carried(codes, length, batch_size) if carry else _shuffled(codes, length, batch_size, seed)
    return tf.data.Dataset.counter(start_step).map(batch, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _carried(codes: np.ndarray, length: int, batch_size: int) -> Any:
    """The function from a step to its batch and `reset`, for carry=True."""
    import tensorflow as tf

    rows = tf.range(batch_size, dtype=tf.int64)
    steps, cut = steps_per_pass(len(codes), length, batch_size), _cutter(codes, length, batch_size)

    def batch(step: Any) -> tuple[tf.Tensor, tf.Tensor]:
        at = step % steps
        return cut(rows * (len(codes) // batch_size) + at * length), tf.equal(at, 0)

    return batch


def _shuffled(codes: np.ndarray, length: int, batch_size: int, seed: int) -> Any:
    """The function from a step to its batch, for carry=False."""
    import tensorflow as tf

    random: Any = tf.random
    rows = tf.range(batch_size, dtype=tf.int64)
    steps, cut = steps_per_pass(len(codes), length, batch_size), _cutter(codes, length, batch_size)
    phases = min(length, len(codes) - steps * batch_size * length + 1)

    def batch(step: Any) -> tf.Tensor:
        key = random.experimental.stateless_fold_in(tf.constant([seed, 0], tf.int64), step // steps)
        # "philox" by name: the choice of "auto_select" depends on the device
        phase = random.stateless_uniform([], key, 0, phases, tf.int64, alg="philox")
        last = (len(codes) - phase) // length - 1
        index = random.experimental.index_shuffle(step % steps * batch_size + rows, key, last)
        return cut(phase + index * length)

    return batch


def _cutter(codes: np.ndarray, length: int, batch_size: int) -> Any:
    """The function from where windows start `[B]` to the windows `[B, length]` of a text, int32."""
    import tensorflow as tf

    if not isinstance(codes, np.memmap):
        text, places = tf.constant(codes), tf.range(length, dtype=tf.int64)
        return lambda starts: tf.cast(tf.gather(text, starts[:, None] + places), tf.int32)

    def read(starts: np.ndarray) -> np.ndarray:
        return np.stack([codes[start : start + length] for start in starts]).astype(np.int32)

    return lambda starts: tf.ensure_shape(tf.numpy_function(read, [starts], tf.int32), [batch_size, length])
