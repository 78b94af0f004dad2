"""The training rows of a stream: read in constant memory, in an order that is a function of a seed and the pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tfar.datasets.source import Split, checksum
from tfar.datasets.streams.division import TRAIN, Division
from tfar.datasets.streams.exit import until_exit
from tfar.datasets.streams.shards import Shards
from tfar.validation import check_counts, check_seeds

if TYPE_CHECKING:
    import tensorflow as tf

BUFFER_BYTES = 1 << 25  # of rows that are shuffled together


class RowStream:
    """Training rows that stay in their files.

    A pass reads the parts of the shards (row groups of Parquet, runs of rows of `.npy`, whole files of others) in an order of its own, and
    cuts what it reads into windows of `buffer` rows, each of which is shuffled. Both are functions of the seed, the number of the pass
    and that of the window; so a pass can begin at any row: parts before it are not read. Rows are well mixed where a part has few rows
    beside the buffer; a single sorted file of text is not, but for its neighbours.

    A stream whose buffer holds all rows gives them in the order in which `tfar.training.batches` does.

    Args:
        shards: where the rows are; it converts blocks to x as modelled.
        division: which of them train.
        sample: some training rows x.
        buffer: rows that are shuffled together; None for 32 MiB of them.
        shuffle: False gives the rows in the order of the shards.

    Attributes:
        sample: training rows that are kept in memory, `Split`; for a model's start and for baselines.
        buffer, shuffle: as given.
        error: what was wrong with the files where a `tf.data` stream of them has failed, which TensorFlow tells in words of its own.

    >>> import tempfile, tfar
    >>> path = tempfile.mkdtemp() + "/rows.npy"
    >>> np.save(path, (np.arange(2000)[:, None] >> np.arange(4)) % 2)
    >>> data = tfar.datasets.stream(path, buffer=100)
    >>> next(data.train.windows(seed=1)).shape, len(data.train) + len(data.validation.x) + len(data.test.x)
    ((100, 4), 2000)
    """

    def __init__(
        self,
        shards: Shards,
        division: Division,
        sample: np.ndarray,
        buffer: int | None = None,
        shuffle: bool = True,
    ):
        self.sample, self.shuffle = Split(sample), shuffle
        self.buffer = max(1, BUFFER_BYTES // sample[0].nbytes) if buffer is None else buffer
        check_counts(buffer=self.buffer)
        self._shards, self._division = shards, division
        self.error: ValueError | OSError | None = None
        self._counts = np.array([self._train_rows(number) for number in range(len(shards.chunks))])

    def __len__(self) -> int:
        """The number of training rows."""
        return int(self._counts.sum())

    @property
    def identity(self) -> dict[str, Any]:
        """What must be the same for the rows to come in the same order."""
        return {
            "counts": checksum(Split(self._counts[None])),
            "sample": checksum(self.sample),
            "buffer": self.buffer,
            "shuffle": self.shuffle,
        }

    def windows(self, seed: int = 0, first: int = 0) -> Iterator[np.ndarray]:
        """The rows of one pass after another, without end, in arrays x `[n, *event]` of `buffer` rows at most.

        Args:
            seed: an integer >= 0.
            first: number of the first row, counted over all passes.
        """
        check_seeds(seed=seed)
        check_counts(0, first=first)
        number, skipped = divmod(first, len(self))
        while True:
            yield from self._pass(seed, number, skipped)
            number, skipped = number + 1, 0

    def batches(self, batch_size: int, seed: int = 0, start: int = 0) -> tf.data.Dataset:
        """An endless `tf.data` stream of full batches x `[batch_size, *event]` from the batch number `start` on.

        A batch is a function of the seed and its number alone.
        """
        check_counts(batch_size=batch_size)
        return self._dataset(lambda: self.windows(seed, start * batch_size)).rebatch(batch_size, drop_remainder=True)

    def once(self, batch_size: int) -> tf.data.Dataset:
        """A `tf.data` stream of one pass in the order of the shards, for `model.evaluate`; the last batch may be small."""
        import tensorflow as tf

        check_counts(batch_size=batch_size)
        batches = self._dataset(lambda: self._read(np.arange(len(self._counts)), 0)).rebatch(batch_size)
        return batches.apply(tf.data.experimental.assert_cardinality(-(-len(self) // batch_size)))

    def _dataset(self, arrays: Callable[[], Iterator[np.ndarray]]) -> tf.data.Dataset:
        """The arrays of an iterator, which is made anew in each iteration of the dataset."""
        import tensorflow as tf

        # Not `from_generator`, which copies each array three times.
        x, running, numbers = self.sample.x, {}, itertools.count()

        def begin() -> np.int64:
            number = next(numbers)
            running[number] = until_exit(arrays())
            return np.int64(number)

        def following(number: np.int64) -> np.ndarray:
            try:
                found = next(running[int(number)], None)
            except (ValueError, OSError) as error:
                self.error = error
                raise
            if found is None:
                del running[int(number)]
            return x[:0] if found is None else found

        def blocks(number: tf.Tensor) -> tf.data.Dataset:
            def block(_: tf.Tensor) -> tf.Tensor:
                return tf.ensure_shape(tf.numpy_function(following, [number], x.dtype), [None, *x.shape[1:]])

            return tf.data.Dataset.range(tf.int64.max).map(block).take_while(lambda rows: tf.shape(rows)[0] > 0)

        first = tf.data.Dataset.from_tensors(0).map(lambda _: tf.numpy_function(begin, [], tf.int64))
        return first.flat_map(blocks).prefetch(1)

    def _train_rows(self, number: int) -> int:
        """How many rows of a chunk train."""
        return int((self._division.codes(self._shards.chunks[number].first, self._shards.readable(number)) == TRAIN).sum())

    def _pass(self, seed: int, number: int, skipped: int) -> Iterator[np.ndarray]:
        """The windows of a pass from a row on."""
        order = np.arange(len(self._counts))
        if not self.shuffle:
            yield from self._read(order, skipped)
            return
        if self.buffer < len(self):
            order = np.random.RandomState(np.random.SeedSequence([seed, number]).generate_state(4)).permutation(order)
        window, skipped = divmod(skipped, self.buffer)
        for x in _in_windows(self._read(order, window * self.buffer), self.buffer):
            yield x[_shuffled(len(x), seed, number, window)[skipped:]]
            window, skipped = window + 1, 0

    def _read(self, order: np.ndarray, start: int) -> Iterator[np.ndarray]:
        """The training rows of chunks in an order, from the row number `start` of that order on."""
        for chunk in order:
            if start >= self._counts[chunk]:
                start -= int(self._counts[chunk])
                continue
            for first, x in self._shards.blocks(chunk):
                rows = np.flatnonzero(self._division.codes(first, len(x)) == TRAIN)
                rows, start = rows[start:], max(0, start - len(rows))
                if len(rows):
                    yield x[rows]


def _in_windows(arrays: Iterator[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Rows in arrays of `size`, but for the last one."""
    window, filled = None, 0
    for x in arrays:
        while len(x):
            if window is None:
                window = np.empty([size, *x.shape[1:]], x.dtype)
            part, x = x[: size - filled], x[size - filled :]
            window[filled : filled + len(part)] = part
            filled += len(part)
            if filled == size:
                yield window
                window, filled = None, 0
    if window is not None:
        yield window[:filled]


def _shuffled(rows: int, seed: int, number: int, window: int) -> np.ndarray:
    """The order of the rows of a window; of the first one that of `tfar.training.batches` in this pass."""
    import tensorflow as tf

    key = int(np.random.SeedSequence(seed).generate_state(1)[0])
    with tf.device("CPU"):
        seed3 = tf.constant([[key, number, window]], tf.int64)
        last = tf.fill([rows], tf.constant(rows - 1, tf.int64))
        index = tf.range(rows, dtype=tf.int64)
        return tf.raw_ops.RandomIndexShuffle(index=index, seed=tf.tile(seed3, [rows, 1]), max_index=last).numpy()
