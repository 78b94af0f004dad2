"""Streams of rows as a training and an evaluation need them: a feed, and scores in constant memory."""

import math
import warnings
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfar import config
from tfar.datasets import Split
from tfar.datasets.streams.moments import Moments
from tfar.models import AutoregressiveModel
from tfar.models.starting import start_at_marginals
from tfar.training import arrays
from tfar.training.arrays import SCORED_ROWS, named
from tfar.training.feed import Feed
from tfar.training.rows import DatasetRows, Rows, is_stream, plain_errors, rows_of
from tfar.validation import check_counts

PART_BYTES = 1 << 23  # of rows that are scored in one call


def stream_feed(
    model: AutoregressiveModel, rows: Rows, held: Rows, settings: config.Training, start: bool, resumable: bool = False
) -> Feed:
    """What the training loop is fed where rows are read as they are needed; see `tfar.training.fit`.

    Warns:
        UserWarning: the training is to be `resumable`, and `rows` are a dataset whose order differs from pass to pass.
    """
    if not (len(rows) and len(held)):
        raise ValueError(f"there must be rows to train on and to validate with. Received: {len(rows)} and {len(held)}")
    if resumable and isinstance(rows, DatasetRows) and not rows.repeatable:
        warnings.warn(
            "the dataset gives its rows in another order each time, so a resumed training differs from one without a break", stacklevel=3
        )
    if start:
        start_at_marginals(model, rows.sample.x)
    batch_size = min(settings.batch_size, len(rows))
    identity = {"batch_size": batch_size, "rows": len(rows), "data": rows.identity, "validation": held.identity}
    return Feed(
        batches=lambda first: rows.batches(batch_size, settings.seed, first).map(named),
        batch_size=batch_size,
        pass_steps=len(rows) // batch_size,
        validation=lambda: held.once(batch_size).map(named),
        validation_rows=len(held),
        identity=identity,
    )


def log_probs(model: AutoregressiveModel, data: Any, batch_size: int = SCORED_ROWS, **options: Any) -> np.ndarray:
    """The log-probabilities `[N]` of rows, in nats, float64.

    Args:
        model: an `AutoregressiveModel`.
        data: (x, context), or x alone; or a `tfar.datasets.RowStream`, or a finite `tf.data.Dataset` of rows or batches.
        batch_size: rows at a time.
        **options: of `AutoregressiveModel.distribution`, such as `num_orders`; without any, the model's own density.

    Raises:
        ValueError: there are no rows, `batch_size` is not a positive integer, or values or contexts are what the model refuses.
    """
    if not is_stream(data):
        return arrays.log_probs(model, data, batch_size, **options)
    return np.concatenate(list(_in_parts(model, data, batch_size, options)))


def summary(model: AutoregressiveModel, data: Any, batch_size: int, **options: Any) -> dict[str, Any]:
    """The scores of a stream, as `tfar.training.summary` has them of arrays; no row's score is kept."""
    found = Moments()
    for part in _in_parts(model, data, batch_size, options):
        found.add(part)
    deviation = math.sqrt(found.variance(1)) if found.count > 1 else math.nan
    return arrays.summary_of_moments(found.mean, deviation, found.count, model.network.event_size)


def _in_parts(model: AutoregressiveModel, data: Any, batch_size: int, options: dict[str, Any]) -> Iterator[np.ndarray]:
    """The log-probabilities of a stream, a part of the rows at a time."""
    check_counts(batch_size=batch_size)
    rows = rows_of(model, data)
    strategy: Any = model.distribute_strategy
    with plain_errors(data):
        if options or strategy.num_replicas_in_sync > 1:
            yield from _by_arrays(model, rows, batch_size, options)
            return
        # Not `model.predict`, which keeps all that it gives, nor `model.predict_on_batch`, which checks rows that `rows_of` has checked.
        for batch in rows.once(batch_size).prefetch(tf.data.AUTOTUNE):
            yield np.asarray(keras.Model.predict_on_batch(model, batch), np.float64)


def _by_arrays(model: AutoregressiveModel, rows: Rows, batch_size: int, options: dict[str, Any]) -> Iterator[np.ndarray]:
    """`_in_parts` by way of arrays of many rows."""
    part = batch_size * max(1, PART_BYTES // (rows.sample.x[0].nbytes * batch_size))
    for batch in rows.once(part).prefetch(1).as_numpy_iterator():
        yield arrays.log_probs(model, Split(*batch) if isinstance(batch, tuple) else batch, batch_size, **options)
