"""Rows of any kind as a feed takes them: arrays, `tfar.datasets.RowStream`, and `tf.data.Dataset`."""

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tfar.datasets import Split
from tfar.datasets.streams.rows import RowStream
from tfar.models import AutoregressiveModel
from tfar.training.arrays import as_split, batches, checksum

SAMPLE_ROWS = 10_000  # of a dataset, its first ones: a model starts at their marginals
READ_ROWS = 1000  # at a time, where a dataset is counted; and of a stream those that are checked


class Rows(Protocol):
    """Rows that can be read in passes. A `tfar.datasets.RowStream` is one.

    Elements of its datasets are x `[B, *event]`, or (x, context) with context `[B, C]`.
    """

    @property
    def sample(self) -> Split:
        """Some of the rows, in memory."""
        ...

    @property
    def identity(self) -> dict[str, Any]:
        """What must be the same for the rows to come in the same order."""
        ...

    def __len__(self) -> int:
        """The number of rows."""
        ...

    def batches(self, batch_size: int, seed: int = 0, start: int = 0) -> tf.data.Dataset:
        """Full batches without end, from the number `start` on."""
        ...

    def once(self, batch_size: int) -> tf.data.Dataset:
        """The batches of one pass, the last of which may be small."""
        ...


def is_stream(data: Any) -> bool:
    """Whether data are rows that are read as they are needed."""
    return isinstance(data, RowStream | tf.data.Dataset)


def rows_of(model: AutoregressiveModel, data: Any) -> Rows:
    """Rows as `tfar.training.fit` takes them: arrays, or a stream. All are checked, those of a dataset by reading it once.

    Raises:
        ValueError: there are no rows, or values or contexts that the model refuses; or see `DatasetRows`.
    """
    if isinstance(data, RowStream):
        model.check_arrays(*data.sample.take(slice(READ_ROWS)))  # all are prepared alike
        return data
    return DatasetRows(model, data) if isinstance(data, tf.data.Dataset) else ArrayRows(model, data)


@contextlib.contextmanager
def plain_errors(*data: Any) -> Iterator[None]:
    """A context in which a file that cannot be read is a ValueError, where TensorFlow would tell it among its own frames."""
    try:
        yield
    except tf.errors.OpError:
        for stream in data:
            if isinstance(stream, RowStream) and stream.error is not None:
                raise stream.error from None
        raise


class ArrayRows:
    """Arrays as `Rows`.

    Args:
        model: the model, which checks them.
        data: x, or (x, context).
    """

    def __init__(self, model: AutoregressiveModel, data: Any):
        self.sample = as_split(data)
        model.check_arrays(*self.sample)

    def __len__(self) -> int:
        return len(self.sample.x)

    @property
    def identity(self) -> dict[str, Any]:
        """See `Rows`."""
        return {"checksum": checksum(self.sample)}

    def batches(self, batch_size: int, seed: int = 0, start: int = 0) -> tf.data.Dataset:
        """See `Rows`."""
        return batches(self.sample, batch_size, seed, start)

    def once(self, batch_size: int) -> tf.data.Dataset:
        """See `Rows`."""
        given: Any = self.sample.x if self.sample.context is None else tuple(self.sample)
        return tf.data.Dataset.from_tensor_slices(given).batch(batch_size)


class DatasetRows:
    """A finite `tf.data.Dataset` as `Rows`, in the dataset's own order.

    It is read once, to count its rows and to check them. From then on passes follow each other, and batches may have rows of two of them.

    Args:
        model: the model, which tells a row from a batch by its number of axes.
        dataset: of rows or of batches: x, (x, context), or a dict of `x` and `context`.

    Attributes:
        repeatable: whether the first rows were the same in two passes. Others cannot be resumed exactly, and neither can a dataset that
            gives other rows later on.

    Raises:
        ValueError: it is infinite, its elements are not of these kinds, or the model refuses rows.
    """

    def __init__(self, model: AutoregressiveModel, dataset: tf.data.Dataset):
        if int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY:
            raise ValueError("a dataset must be finite: passes over it are counted, take(n) ends it. Received: an infinite one")
        self._batches = _in_batches(dataset, len(model.event_shape))
        self._count, kept, lacking = 0, [], SAMPLE_ROWS
        for part in _arrays(self._batches.rebatch(READ_ROWS)):
            model.check_arrays(*part)
            self._count += len(part.x)
            if lacking > 0:
                kept.append(part)
                lacking -= len(part.x)
        if not kept:
            raise ValueError("there must be rows. Received: a dataset without any")
        context = None if kept[0].context is None else np.concatenate([part.context for part in kept])
        self.sample = Split(np.concatenate([part.x for part in kept]), context)
        again = next(_arrays(self._batches.rebatch(READ_ROWS)))
        self.repeatable = checksum(again) == checksum(self.sample.take(slice(len(again.x))))

    def __len__(self) -> int:
        return self._count

    @property
    def identity(self) -> dict[str, Any]:
        """See `Rows`."""
        return {"first": checksum(self.sample) if self.repeatable else None}

    def batches(self, batch_size: int, seed: int = 0, start: int = 0) -> tf.data.Dataset:
        """See `Rows`. Batches before `start` are read, and left out."""
        return self._batches.repeat().rebatch(batch_size, drop_remainder=True).skip(start)

    def once(self, batch_size: int) -> tf.data.Dataset:
        """See `Rows`."""
        return self._batches.rebatch(batch_size)


def _in_batches(dataset: tf.data.Dataset, axes: int) -> tf.data.Dataset:
    """A dataset of batches x, or (x, context), of a dataset of rows with so many axes, or of batches."""
    element: Any = dataset.element_spec
    if isinstance(element, dict) and "x" in element and set(element) <= {"x", "context"}:
        names = [name for name in ("x", "context") if name in element]
        dataset = dataset.map(lambda row: tuple(row[name] for name in names) if len(names) > 1 else row["x"])
    elif isinstance(element, tuple) and len(element) == 1:
        dataset = dataset.map(lambda x: x)
    element = dataset.element_spec
    parts = element if isinstance(element, tuple) else (element,)
    ranks = [part.shape.rank if isinstance(part, tf.TensorSpec) else None for part in parts]
    if len(parts) <= 2 and ranks == [axes, 1][: len(parts)]:
        return dataset.batch(READ_ROWS)
    if len(parts) <= 2 and ranks == [axes + 1, 2][: len(parts)]:
        return dataset
    raise ValueError(
        f"elements of a dataset must be x, (x, context) or a dict of both, of rows x with {axes} axes or of batches. Received: {element}"
    )


def _arrays(dataset: tf.data.Dataset) -> Iterator[Split]:
    """The batches of a dataset as arrays."""
    for batch in dataset.as_numpy_iterator():
        yield Split(*batch) if isinstance(batch, tuple) else Split(np.asarray(batch))
