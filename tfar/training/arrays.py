"""Arrays as a training and an evaluation need them: batches, and log-probabilities row by row."""

import math
import reprlib
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfar import config
from tfar.datasets import Split
from tfar.models import AutoregressiveModel
from tfar.models.starting import start_at_marginals
from tfar.training.feed import Feed
from tfar.validation import as_array, check_counts, check_seeds

SCORED_ROWS = 100  # at a time
TOGETHER, TOGETHER_BYTES = 32, 1 << 20  # batches that are made in one go at most, since each go takes a tenth of a millisecond
LEAST_STEPS = 100  # in an epoch: after each pass over a small set, validation would be most of the work, and noise


def batches(split: Any, batch_size: int, seed: int = 0, start: int = 0) -> tf.data.Dataset:
    """An endless `tf.data` stream of full batches x, or (x, context); each pass over the rows has its own order.

    A batch is a function of the seed and its number alone, so that a stream can begin at any batch.

    Args:
        split: (x, context).
        batch_size: rows in a batch, at most those of the split.
        seed: an integer.
        start: number of the first batch.

    Raises:
        ValueError: a number is not one of these, or `split` is no (x, context).
    """
    split = as_split(split)
    check_counts(batch_size=batch_size)
    check_counts(0, start=start)
    check_seeds(seed=seed)
    x, context = tf.constant(split.x), None if split.context is None else tf.constant(split.context)
    rows, last = len(split.x), tf.constant(len(split.x) - 1, tf.int64)
    key = tf.constant(np.random.SeedSequence(seed).generate_state(1)[0], tf.int64)
    together = max(1, min(TOGETHER, TOGETHER_BYTES // (batch_size * max(1, split.x[:1].nbytes))))
    count = together * batch_size

    def take(number: tf.Tensor) -> Any:
        position = number * batch_size + tf.range(count, dtype=tf.int64)
        seeds = tf.stack([tf.fill([count], key), position // rows, tf.zeros_like(position)], axis=1)
        # tf.random.experimental.index_shuffle refuses seeds that differ within a batch.
        chosen = tf.reshape(
            tf.raw_ops.RandomIndexShuffle(index=position % rows, seed=seeds, max_index=tf.fill([count], last)), [together, batch_size]
        )
        values = tf.gather(x, chosen)
        return values if context is None else (values, tf.gather(context, chosen))

    return tf.data.Dataset.range(start, tf.int64.max, together).map(take).unbatch().prefetch(tf.data.AUTOTUNE)


def epoch_length(pass_steps: int, epoch_steps: int | None = None) -> int:
    """Steps in an epoch: `epoch_steps`, or one pass over the data, or 100 steps where that is more.

    Raises:
        ValueError: a number is not a count.
    """
    check_counts(0, pass_steps=pass_steps)
    if epoch_steps is not None:
        check_counts(epoch_steps=epoch_steps)
    return max(pass_steps, LEAST_STEPS) if epoch_steps is None else epoch_steps


def array_feed(model: AutoregressiveModel, train: Any, validation: Any, settings: config.Training, start: bool) -> Feed:
    """What the training loop is fed for arrays; see `tfar.training.fit`."""
    train, validation = as_split(train), as_split(validation)
    if not (len(train.x) and len(validation.x)):
        raise ValueError(f"there must be rows to train on and to validate with. Received: {len(train.x)} and {len(validation.x)}")
    model.check_arrays(*train)  # here, since steps that XLA compiles have no assertions
    model.check_arrays(*validation)
    if start:
        start_at_marginals(model, train.x)
    batch_size = min(settings.batch_size, len(train.x))
    return row_feed(train, batch_size, settings.seed, validation)


def row_feed(train: Split, batch_size: int, seed: int, validation: Split | None = None) -> Feed:
    """The feed of training rows in the order of `batches`, and of validation rows where there are some."""
    held = validation or Split(train.x[:0])
    parts: Any = named(*held)
    return Feed(
        batches=lambda first: batches(train, batch_size, seed, first).map(named),
        batch_size=batch_size,
        pass_steps=len(train.x) // batch_size,
        validation=lambda: tf.data.Dataset.from_tensor_slices(parts).batch(batch_size),
        validation_rows=len(held.x),
        identity={"batch_size": batch_size, "rows": len(train.x), "data": checksum(train), "validation": checksum(held)},
    )


def named(x: Any, context: Any = None) -> dict[str, Any]:
    """A batch by the names of its parts."""
    return {"x": x} if context is None else {"x": x, "context": context}


def as_split(data: Any) -> Split:
    """Rows as a `tfar.datasets.Split`: from one, from x, from (x,) or (x, context), or from a dict of both."""
    if isinstance(data, Split):
        return data
    if isinstance(data, Mapping):
        if "x" not in data or set(data) - {"x", "context"}:
            raise ValueError(f"a dict of rows must hold 'x', and may hold 'context'. Received: {reprlib.repr(list(data))}")
        data = data["x"], data.get("context")
    x, context = data if isinstance(data, list | tuple) and len(data) == 2 else (data, None)
    x = x[0] if isinstance(x, list | tuple) and len(x) == 1 else x
    rows = as_array("x", x)
    if rows.ndim == 0 or rows.dtype.kind not in "biuf":
        raise ValueError(f"x must be an array of rows of numbers. Received: x={reprlib.repr(x)}")
    if context is None:
        return Split(rows)
    given = as_array("context", context)
    if given.ndim != 2 or len(given) != len(rows):
        raise ValueError(
            f"context must be [{len(rows)}, C], numbers for each row of x; tfar.datasets.one_hot makes them of labels. "
            f"Received: shape {given.shape}"
        )
    return Split(rows, given)


def checksum(arrays: Iterable[Any]) -> str:
    """CRC-32 of arrays, None among them, in hexadecimal: tells whether data have changed."""
    found = 0
    for array in arrays:
        found = found if array is None else zlib.crc32(np.ascontiguousarray(array).data, found)
    return f"{found:08x}"


def log_probs(model: AutoregressiveModel, split: Any, batch_size: int = SCORED_ROWS, **options: Any) -> np.ndarray:
    """The log-probabilities `[N]` of rows, in nats, float64.

    Args:
        model: an `AutoregressiveModel`.
        split: (x, context), or x alone.
        batch_size: rows at a time.
        **options: of `AutoregressiveModel.distribution`, such as `num_orders`; without any, the model's own density.

    Raises:
        ValueError: there are no rows, `batch_size` is not a positive integer, or values or contexts are what the model refuses.
    """
    check_counts(batch_size=batch_size)
    split = as_split(split)
    if not len(split.x):
        raise ValueError("there must be at least one row to score. Received: no rows")
    model.check_arrays(*split)  # here, since the graphs that score may be compiled by XLA
    if not options:
        inputs = split.x if split.context is None else (split.x, split.context)
        rows = tf.data.Dataset.from_tensor_slices(inputs if split.context is None else (inputs,)).batch(batch_size)
        return np.asarray(model.predict(rows, verbose=0), np.float64)

    @tf.function(reduce_retracing=True, autograph=False)
    def score(x: tf.Tensor, context: tf.Tensor | None = None) -> tf.Tensor:
        return model.distribution(context, **options).log_prob(x)

    parts = [split.take(slice(start, start + batch_size)) for start in range(0, len(split.x), batch_size)]
    found = [score(*(tf.constant(part) for part in rows if part is not None)) for rows in parts]
    return np.concatenate(found).astype(np.float64)


def summary(log_prob: np.ndarray, event_size: int) -> dict[str, Any]:
    """Scores from log-probabilities `[N]` in nats: `nll`, its standard error `nll_error`, `bits_per_dim`, `rows`."""
    rows = len(log_prob)
    return summary_of_moments(log_prob.mean(), log_prob.std(ddof=1) if rows > 1 else math.nan, rows, event_size)


def summary_of_moments(mean: Any, deviation: Any, rows: int, event_size: int) -> dict[str, Any]:
    """`summary` from the mean and the sample's standard deviation of the log-probabilities, NaN of one row."""
    nll = -float(mean)
    error = float(deviation / math.sqrt(rows))
    return {"nll": nll, "nll_error": error, "bits_per_dim": nll / (event_size * math.log(2)), "rows": rows}
