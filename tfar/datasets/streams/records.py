"""TFRecord shards of `tf.train.Example`: a part is a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfar.datasets.source import Split
from tfar.datasets.streams.shards import BLOCK_BYTES, OtherColumns, rows_of


class RecordReader:
    """Reads TFRecord shards whose examples all have the same features of fixed sizes.

    Features of one value each are the columns of a table. One feature alone that has more is an array `[N, *shape]`; the context may be
    another one.

    Args:
        features: name -> `tf.io.FixedLenFeature`; None finds names, types and sizes in the first example.
        skip_damaged: whether examples that lack a feature are left out, and the rest of a shard from its first damaged record on, behind
            which TensorFlow does not look.
        context: the feature that rows are conditioned on, or None.

    Attributes:
        notes: a line for each shard of which records are left out.
    """

    expected = "a TFRecord file of tf.train.Example"
    label_names = columns = None

    def __init__(self, features: Mapping[str, Any] | None = None, skip_damaged: bool = False, context: str | None = None):
        self.features, self.skip_damaged, self.context = dict(features or {}), skip_damaged, context
        self.notes: list[str] = []
        self._whole: dict[Path, int] = {}

    def parts(self, path: Path) -> list[int]:
        """See `tfar.datasets.streams.shards.Reader`."""
        if not self.features:
            self.features = _features(path)
        if self.context is not None and self.context not in self.features:
            raise OtherColumns(f"the context must be one of the features {list(self.features)}. Received: {self.context!r}, and {path}")
        values = {name: feature for name, feature in self.features.items() if name != self.context}
        several = [name for name, feature in values.items() if np.prod(feature.shape) != 1]
        if several and len(values) > 1:
            raise OtherColumns(
                f"examples must have features of one value each, or a single one. Received: {list(self.features)} in {path}, of which "
                f"{', '.join(several)} have several values"
            )
        whole, damaged = _readable(path)
        self._whole[path] = whole
        if damaged and not self.skip_damaged:
            raise ValueError(f"record {whole + 1} of shard {path} is damaged. Received: {damaged}")
        rows = sum(map(rows_of, self.blocks(path, 0)))
        if damaged or rows < whole:
            rest = f", and the rest from record {whole + 1} on, which is damaged" if damaged else ""
            self.notes.append(f"{whole - rows} records of shard {path} skipped{rest}")
        return [rows]

    def blocks(self, path: Path, part: int) -> Iterator[Any]:
        """See `tfar.datasets.streams.shards.Reader`."""
        import tensorflow as tf

        row = sum(int(np.prod(feature.shape)) * 8 for feature in self.features.values())
        records = tf.data.TFRecordDataset([str(path)])
        if self.skip_damaged:
            records = records.take(self._whole[path])
        read = 0
        for batch in records.batch(max(1, BLOCK_BYTES // row)):
            parsed = self._parsed(batch, read)
            read += len(batch)
            if len(next(iter(parsed.values()))):
                yield _block(parsed, self.context)

    def _parsed(self, batch: Any, read: int) -> dict[str, np.ndarray]:
        """The features of serialised examples; those that do not parse are refused, or left out."""
        import tensorflow as tf

        try:
            found = tf.io.parse_example(batch, self.features)
        except tf.errors.InvalidArgumentError:
            whole = [self._parses(example) for example in batch]
            if not self.skip_damaged:
                raise ValueError(f"record {read + whole.index(False) + 1} is no example with {list(self.features)}") from None
            found = tf.io.parse_example(tf.boolean_mask(batch, whole), self.features)
        return {name: values.numpy() for name, values in found.items()}

    def _parses(self, example: Any) -> bool:
        import tensorflow as tf

        try:
            tf.io.parse_single_example(example, self.features)
        except tf.errors.InvalidArgumentError:
            return False
        return True


def _features(path: Path) -> dict[str, Any]:
    """The features of the first example of a file."""
    import tensorflow as tf

    first = next(iter(tf.data.TFRecordDataset([str(path)]).take(1)), None)
    if first is None:
        raise ValueError("no records")
    types = {"bytes_list": tf.string, "float_list": tf.float32, "int64_list": tf.int64}
    found = {}
    for name, feature in sorted(tf.train.Example.FromString(first.numpy()).features.feature.items()):
        kind = feature.WhichOneof("kind")
        size = 0 if kind is None else len(getattr(feature, kind).value)
        if kind is None or not size:
            raise ValueError(f"the feature {name!r} has no value in the first example; give features")
        found[name] = tf.io.FixedLenFeature([] if size == 1 else [size], types[kind])
    return found


def _readable(path: Path) -> tuple[int, str]:
    """The number of records before the first damaged one, and what is wrong with that one, "" where there is none."""
    import tensorflow as tf

    records = tf.data.TFRecordDataset([str(path)])
    try:
        return int(records.reduce(np.int64(0), lambda count, _: count + 1)), ""
    except tf.errors.DataLossError as error:
        damaged = str(error.message)
    count, left = 0, iter(records)
    while True:
        try:
            next(left)
        except tf.errors.DataLossError:
            return count, damaged
        count += 1


def _block(parsed: dict[str, np.ndarray], context: str | None) -> Any:
    values = next(one for name, one in parsed.items() if name != context)
    if values.size > len(values):
        x = values[..., None] if values.ndim == 3 else values
        return x if context is None else Split(x, parsed[context])
    cells = {name: values.reshape(len(values)) for name, values in parsed.items()}
    words = {name: values for name, values in cells.items() if values.dtype.kind == "O"}
    return pd.DataFrame(cells | {name: pd.Series([word.decode() for word in values], dtype="str") for name, values in words.items()})
