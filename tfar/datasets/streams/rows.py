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
PART_BYTES = 1 << 22  # of rows that are handed on together
AHEAD = 4  # parts that wait to be taken, while the buffer is filled anew


class RowStream:
    """Training rows that stay in their files.

    A pass reads the parts of the shards (row groups of Parquet, runs of rows of `.npy`, whole files of others) in an order of its own, and
    cuts what it reads into windows of `buffer` rows, each of which is shuffled. Both are functions of the seed, the number of the pass
    and that of the window; so a pass can begin at any row: parts before it are not read. Rows are well mixed where a part has few rows
    beside the buffer; a single sorted file of text is not, but for its neighbours.

    A stream whose buffer holds all rows gives them in the order in which `tfar.training.batches` does.

    Args:
        shards: where the rows are; it converts blocks to `Split`s of x, and of contexts, as modelled.
        division: which of them train.
        sample: some training rows.
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
    >>> next(data.train.windows(seed=1)).x.shape, len(data.train) + len(data.validation.x) + len(data.test.x)
    ((100, 4), 2000)
    """

    def __init__(
        self,
        shards: Shards,
        division: Division,
        sample: Split,
        buffer: int | None = None,
        shuffle: bool = True,
    ):
        self.sample, self.shuffle = sample, shuffle
        self.buffer = max(1, BUFFER_BYTES // sample.x[:1].nbytes) if buffer is None else buffer
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

    def windows(self, seed: int = 0, first: int = 0) -> Iterator[Split]:
        """The rows of one pass after another, without end, in `Split`s of `buffer` rows at most.

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
        """An endless `tf.data` stream of full batches x `[batch_size, *event]`, or (x, context), from the batch number `start` on.

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

    def _dataset(self, parts: Callable[[], Iterator[Split]]) -> tf.data.Dataset:
        """The arrays x, or (x, context), of an iterator, which is made anew in each iteration of the dataset."""
        import tensorflow as tf

        # Not `from_generator`, which copies each array three times.
        none, running, numbers = [part[:0] for part in self.sample if part is not None], {}, itertools.count()

        def begin() -> np.int64:
            number = next(numbers)
            running[number] = until_exit(parts())
            return np.int64(number)

        def following(number: np.int64) -> list[np.ndarray]:
            try:
                found = next(running[int(number)], None)
            except (ValueError, OSError) as error:
                self.error = error
                raise
            if found is None:
                del running[int(number)]
                return none
            return [part for part in found if part is not None]

        def blocks(number: tf.Tensor) -> tf.data.Dataset:
            def block(_: tf.Tensor) -> Any:
                found = tf.numpy_function(following, [number], [part.dtype for part in none])
                shaped = [tf.ensure_shape(one, [None, *part.shape[1:]]) for one, part in zip(found, none, strict=True)]
                return tuple(shaped) if len(shaped) > 1 else shaped[0]

            return tf.data.Dataset.range(tf.int64.max).map(block).take_while(lambda x, *_: tf.shape(x)[0] > 0)

        first = tf.data.Dataset.from_tensors(0).map(lambda _: tf.numpy_function(begin, [], tf.int64))
        return first.flat_map(blocks).prefetch(AHEAD)

    def _train_rows(self, number: int) -> int:
        """How many rows of a chunk train."""
        chunk = self._shards.chunks[number]
        return int((self._division.codes(chunk.first, self._shards.readable(number), chunk.split) == TRAIN).sum())

    def _pass(self, seed: int, number: int, skipped: int) -> Iterator[Split]:
        """The windows of a pass from a row on."""
        order = np.arange(len(self._counts))
        if not self.shuffle:
            yield from self._read(order, skipped)
            return
        if self.buffer < len(self):
            order = np.random.RandomState(np.random.SeedSequence([seed, number]).generate_state(4)).permutation(order)
        window, skipped = divmod(skipped, self.buffer)
        size = max(1, PART_BYTES // self.sample.x[:1].nbytes)
        for rows in _in_windows(self._read(order, window * self.buffer), self.buffer):
            shuffled = _shuffled(len(rows.x), seed, number, window)
            for start in range(skipped, len(shuffled), size):
                yield rows.take(shuffled[start : start + size])
            window, skipped = window + 1, 0

    def _read(self, order: np.ndarray, start: int) -> Iterator[Split]:
        """The training rows of chunks in an order, from the row number `start` of that order on."""
        for chunk in order:
            if start >= self._counts[chunk]:
                start -= int(self._counts[chunk])
                continue
            for first, block in self._shards.blocks(chunk):
                codes = self._division.codes(first, len(block.x), self._shards.chunks[chunk].split)
                rows = np.flatnonzero(codes == TRAIN)
                rows, start = rows[start:], max(0, start - len(rows))
                if len(rows):
                    yield block.take(rows)


def _in_windows(parts: Iterator[Split], size: int) -> Iterator[Split]:
    """Rows in parts of `size`, but for the last one, in the same arrays each time: new ones of this size leave holes in memory."""
    window, filled = None, 0
    for rows in parts:
        while len(rows.x):
            window = window or Split(*(_room(values, size) for values in rows if values is not None))
            lacking = size - filled
            part, rows = rows.take(slice(lacking)), rows.take(slice(lacking, None))
            for room, values in zip(window, part, strict=True):
                if room is not None:
                    room[filled : filled + len(part.x)] = values
            filled += len(part.x)
            if filled == size:
                yield window
                filled = 0
    if window is not None and filled:
        yield window.take(slice(filled))


def _room(values: np.ndarray, size: int) -> np.ndarray:
    """An array for so many rows like these."""
    return np.empty([size, *values.shape[1:]], values.dtype)


def _shuffled(rows: int, seed: int, number: int, window: int) -> np.ndarray:
    """The order of the rows of a window; of the first one that of `tfar.training.batches` in this pass."""
    import tensorflow as tf

    key = int(np.random.SeedSequence(seed).generate_state(1)[0])
    with tf.device("CPU"):
        seed3 = tf.constant([[key, number, window]], tf.int64)
        last = tf.fill([rows], tf.constant(rows - 1, tf.int64))
        index = tf.range(rows, dtype=tf.int64)
        return tf.raw_ops.RandomIndexShuffle(index=index, seed=tf.tile(seed3, [rows, 1]), max_index=last).numpy()
