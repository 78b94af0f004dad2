"""Data sets of TFDS, read from their prepared files: a part is a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfar.datasets import catalogue
from tfar.datasets.source import Split
from tfar.datasets.streams.shards import BLOCK_BYTES

EXAMPLES = 64  # that are decoded first, to find how large a row is


def is_tfds(source: str | Path) -> bool:
    """Whether a source is a name of TFDS: one that no file has.

    >>> is_tfds("mnist"), is_tfds("big/*.parquet"), is_tfds("rows.npy")
    (True, False, False)
    """
    return bool(catalogue.NAME.fullmatch(str(source))) and not Path(source).expanduser().exists()


class CatalogueReader:
    """Reads a prepared data set of TFDS, an image, vector or table of numbers an example; see `tfar.datasets.catalogue.read_tfds`.

    Args:
        name, data_dir, context, download: as for `read_tfds`.

    Attributes:
        paths: its files.
        splits: the split of each file, "train", "validation" or "test"; None where it has one split alone.

    Raises:
        ValueError: the name or the context does not exist, or the features cannot be modelled.
    """

    expected = "a file that TFDS prepared"

    def __init__(self, name: str, data_dir: str | Path | None = None, context: str | None = None, download: bool | None = None):
        folder = catalogue.resolve_data_dir(data_dir)
        self._name, self._builder = name, catalogue.prepared_builder(name, folder, folder is None if download is None else download)
        self._key, self._label = catalogue.keys_of(self._builder.info, context, name)
        self.label_names = catalogue.label_names_of(self._builder.info, self._label)
        values = self._builder.info.features[self._key]
        self.columns = tuple(sorted(values)) if isinstance(values, Mapping) else None
        self.notes: list[str] = []
        self.paths: list[Path] = []
        self.splits: list[str | None] = []
        self._ranges: dict[Path, tuple[str, int, int]] = {}
        for split, own in catalogue.split_names(self._builder.info.splits, name).items():
            info, first = self._builder.info.splits[own], 0
            for path, rows in zip(map(Path, info.filepaths), info.shard_lengths, strict=True):
                self.paths.append(path)
                self.splits.append(None if split == "all" else split)
                self._ranges[path] = (own, first, first + rows)
                first += rows

    def parts(self, path: Path) -> list[int]:
        """See `tfar.datasets.streams.shards.Reader`."""
        _, first, end = self._ranges[path]
        return [end - first]

    def blocks(self, path: Path, part: int) -> Iterator[Split]:
        """See `tfar.datasets.streams.shards.Reader`."""
        split, first, end = self._ranges[path]
        start, size = first, EXAMPLES
        while start < end:
            stop = min(start + size, end)
            block = self._rows(split, start, stop)
            size = max(1, BLOCK_BYTES // (8 * block.x[0].size))
            start = stop
            yield block

    def _rows(self, split: str, start: int, stop: int) -> Split:
        arrays: Any = catalogue.read_split(self._builder, f"{split}[{start}:{stop}]", self._name)
        x, _ = catalogue.values_of(arrays[self._key], self._name)
        return Split(x, None if self._label is None else catalogue.labels_of(arrays, self._label, self._builder.info, self._name))
