"""Batches of a stream, checked on the host as they pass: the compiled step that takes them may have no assertions."""

import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf

Check = Callable[[Any], Any]  # raises, or in a graph asserts, and returns the batch


def checked(data: Any, check: Check) -> Any:
    """Return a stream that checks each batch before it passes it on; anything but a stream as it is.

    A `tf.data.Dataset`, a generator and a `keras.utils.PyDataset` are streams. Not checked are a dataset that is distributed already, and
    a `PyDataset` whose batches other processes make, in which TensorFlow cannot run.

    Args:
        data: what `keras.Model.fit` takes.
        check: a function of a batch that returns it.
    """
    if isinstance(data, tf.data.Dataset):
        parts = isinstance(data.element_spec, tuple)  # which `map` gives as several arguments

        @tf.autograph.experimental.do_not_convert
        def checked_batch(*batch: Any) -> Any:
            return check(batch if parts else batch[0])

        return data.map(checked_batch)
    if isinstance(data, types.GeneratorType):
        return _checked_generator(data, check)
    if isinstance(data, keras.utils.PyDataset) and not data.use_multiprocessing:
        return CheckedPyDataset(data, check)
    return data


def is_stream(data: Any) -> bool:
    """Whether data are batches that come one by one, or of an unknown kind, rather than arrays, in a pair or a dictionary."""
    return not (data is None or hasattr(data, "__array__") or isinstance(data, list | tuple | Mapping))


def _checked_generator(batches: Iterator[Any], check: Check) -> Iterator[Any]:
    for batch in batches:
        yield check(batch)


class CheckedPyDataset(keras.utils.PyDataset):
    """A `keras.utils.PyDataset` whose batches are checked by the threads that make them.

    Args:
        dataset: the dataset; all else is as it is there.
        check: as in `checked`.
    """

    def __init__(self, dataset: keras.utils.PyDataset, check: Check):
        super().__init__(workers=dataset.workers, max_queue_size=dataset.max_queue_size)
        self._dataset, self._check = dataset, check

    def __getitem__(self, index: int) -> Any:
        return self._check(self._dataset[index])

    @property
    def num_batches(self) -> Any:
        """Number of batches, or None for an infinite dataset."""
        return self._dataset.num_batches

    def on_epoch_begin(self) -> None:
        """As the dataset does."""
        self._dataset.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """As the dataset does."""
        self._dataset.on_epoch_end()
