"""Global batches as replicas take them."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfar.training.feed import Batch


def distributed(strategy: tf.distribute.Strategy, batches: Callable[[], tf.data.Dataset], size: int) -> Any:
    """A stream of global batches as a dataset of shares, one for each replica.

    A share has `ceil(size / n)` rows for n replicas, whatever the number of rows of its batch. What a batch lacks is filled with copies of
    its first row, whose `weight` is 0. `first_row` is the number of a share's first row in the global batch.

    Args:
        strategy: the distribution strategy.
        batches: makes the stream, which every worker makes anew.
        size: rows of the largest global batch.
    """
    replicas = strategy.num_replicas_in_sync
    rows = -(-size // replicas)

    def shares(batch: Batch, first: int, count: int) -> Any:
        """The shares of `count` replicas from the `first` on, stacked."""
        given = tf.shape(batch["x"])[0]
        place = first * rows + tf.range(count * rows)
        chosen = tf.where(place < given, place, 0)
        found = {name: tf.gather(values, chosen) for name, values in batch.items()}
        found["weight"] = tf.cast(place < given, tf.float32)
        return {
            **{name: tf.reshape(values, tf.concat([[count, rows], tf.shape(values)[1:]], axis=0)) for name, values in found.items()},
            "first_row": tf.range(first, first + count) * rows,
        }

    def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        count = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * count
        stream = batches().flat_map(lambda batch: tf.data.Dataset.from_tensor_slices(shares(batch, first, count)))
        return stream.prefetch(tf.data.AUTOTUNE)

    return strategy.distribute_datasets_from_function(of_worker)


def padded(batch: Batch, size: int) -> Batch:
    """A batch with rows of weight 0 at its end, copies of its first one, so that it has `size` rows."""
    given = tf.shape(batch["x"])[0]
    place = tf.range(size)
    chosen = tf.where(place < given, place, 0)
    return {**{name: tf.gather(values, chosen) for name, values in batch.items()}, "weight": tf.cast(place < given, tf.float32)}
