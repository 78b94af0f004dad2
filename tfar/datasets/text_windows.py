"""Batches of consecutive characters, for backpropagation through time that is cut at their ends."""

import numpy as np

from tfar.validation import check_counts


def steps_per_pass(num_codes, length, batch_size):
    """How many batches of `windows` make one pass over a text of `num_codes` characters.

    Raises:
      ValueError: if the text is shorter than one batch, or a number is no whole number >= 1.

    >>> steps_per_pass(1_003_854, length=50, batch_size=50)
    401
    """
    check_counts(length=length, batch_size=batch_size)
    if num_codes < batch_size * length:
        raise ValueError(f"A batch of {batch_size} x {length} needs {batch_size * length} characters. Received: {num_codes}")
    # less than a window is left over, so that a pass may begin anywhere in the first window
    return max(1, (num_codes - length + 1) // (batch_size * length))


def windows(codes, length, batch_size, seed=0, carry=False, start_step=0):
    """An endless dataset of batches of consecutive characters. Step s is a function of the arguments and of s alone.

    - carry=False: each pass cuts the text into windows from a random phase on and shuffles them; every character is in one window at
      most, and left out are only less than a window at either end, and windows that do not fill a batch.
    - carry=True: the text is cut into B equal parts and row b goes through the b-th, so that a row continues that of the batch before.
      Every pass begins at the start of the parts; `seed` has no effect. In no batch are the end of a part, at most a window,
      and the few codes that the division into parts leaves over.

    Args:
      codes: integers `[n]`.
      length: of a window.
      batch_size: B.
      seed: whole number >= 0.
      carry: see above.
      start_step: the step to begin with, at no cost of those before. With carry it may lie inside a pass: the state there is the
        caller's to restore.

    Returns:
      A `tf.data.Dataset` of int32 `[B, length]`; with carry of `(x, reset)`, where `reset`, a bool scalar, is True in the first step
      of every pass. `steps_per_pass` tells how many steps that has.

    Raises:
      ValueError: for codes that are no integers `[n]`, or shorter than one batch, and numbers that are no whole numbers.

    >>> for x, reset in windows(np.arange(12), length=2, batch_size=2, carry=True).take(3):
    ...     print(x.numpy().tolist(), bool(reset))
    [[0, 1], [6, 7]] True
    [[2, 3], [8, 9]] False
    [[0, 1], [6, 7]] True
    """
    import tensorflow as tf

    codes = np.asarray(codes)
    if codes.ndim != 1 or codes.dtype.kind not in "iu":
        raise ValueError(f"codes must be integers [n]. Received: {codes.dtype} {list(codes.shape)}")
    check_counts(0, seed=seed, start_step=start_step)
    steps = steps_per_pass(len(codes), length, batch_size)
    rows = tf.range(batch_size, dtype=tf.int64)
    text = tf.constant(codes)

    def gather(starts):
        return tf.cast(tf.gather(text, starts[:, None] + tf.range(length, dtype=tf.int64)), tf.int32)

    def stream(step):
        at = step % steps
        return gather(rows * (len(codes) // batch_size) + at * length), tf.equal(at, 0)

    phases = min(length, len(codes) - steps * batch_size * length + 1)

    def shuffled(step):
        key = tf.random.experimental.stateless_fold_in(tf.constant([seed, 0], tf.int64), step // steps)
        # "philox" by name: the choice of "auto_select" depends on the device
        phase = tf.random.stateless_uniform([], key, 0, phases, tf.int64, alg="philox")
        last = (len(codes) - phase) // length - 1
        index = tf.random.experimental.index_shuffle(step % steps * batch_size + rows, key, last)
        return gather(phase + index * length)

    steps_from = tf.data.Dataset.counter(start_step)
    return steps_from.map(stream if carry else shuffled, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
