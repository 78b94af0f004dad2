"""Files of rows as one numbered sequence that is read a block at a time."""

from __future__ import annotations

import contextlib
import glob
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tfar.datasets.source import TEXT_ENDINGS, Split
from tfar.reading import reading, reason

BLOCK_BYTES = 1 << 23  # of values in a block, about
Block = Any  # a DataFrame, an array [n, *event], or a Split of one with labels or contexts


class Reader(Protocol):
    """How shards of one format are read.

    Attributes:
        expected: what a shard must be, in words, for errors.
        label_names: the classes of a context in order, where the format knows them; else None.
        columns: the names of the columns of arrays, where the format knows them; else None.
        notes: a line for each shard of which rows are left out.
    """

    expected: str
    label_names: tuple[str, ...] | None
    columns: tuple[str, ...] | None
    notes: list[str]

    def parts(self, path: Path) -> list[int]:
        """The number of rows of each part of a shard that can be read by itself.

        Raises:
            ValueError: the shard has other columns than those before it.
            Exception: it is damaged.
        """
        ...

    def blocks(self, path: Path, part: int) -> Iterator[Block]:
        """The rows of a part, in blocks. Raises an exception of any kind where it is damaged."""
        ...


class OtherColumns(ValueError):
    """A shard that is not damaged, and does not belong to the others."""


def rows_of(block: Block) -> int:
    """The number of rows of a block."""
    return len(block.x if isinstance(block, Split) else block)


class Chunk(NamedTuple):
    """A part of a shard: its path and number, the number of its first row among all rows, its number of rows, and to which split they
    belong, None where a division says so."""

    path: Path
    part: int
    first: int
    rows: int
    split: str | None = None


FORMATS = {
    "parquet": re.compile(r"\.parquet$"),
    "csv": re.compile(rf"({'|'.join(map(re.escape, TEXT_ENDINGS))})(\.gz)?$"),
    "npy": re.compile(r"\.npy$"),
    "tfrecord": re.compile(r"\.tfrecords?(-\d+-of-\d+)?$"),
}
ENDINGS = ".parquet, .csv, .tsv, .txt or .data, one of these with .gz, .npy or .tfrecord"


def find_shards(source: str | Path) -> tuple[str, list[Path]]:
    """The format of the files that a source names, and their paths in order.

    Args:
        source: a file, a folder, all of whose files of a known ending are meant, or a pattern such as `"big/*.parquet"`. Names that begin
            with a dot or an underscore are left out.

    Raises:
        ValueError: there is no such file, or there are files of several formats.
    """
    place = Path(source).expanduser()
    found = place.rglob("*") if place.is_dir() else map(Path, glob.glob(str(place), recursive=True))
    paths = sorted(path for path in found if path.is_file() and not path.name.startswith((".", "_")))
    formats = {path: kind for path in paths for kind, ending in FORMATS.items() if ending.search(path.name.lower())}
    if not formats:
        raise ValueError(f"A stream must be files that end in {ENDINGS}, a folder or a pattern of them. Received: {source}")
    if len(set(formats.values())) > 1:
        shown = ", ".join(next(path.name for path, kind in formats.items() if kind == one) for one in sorted(set(formats.values())))
        raise ValueError(f"All shards must be of one format. Received: {source}, with {shown}")
    return next(iter(formats.values())), list(formats)


class Shards:
    """The rows of several files.

    Args:
        paths: the files in order.
        reader: of their format.
        splits: to which split the rows of each file belong, None where a division says so.
        skip_damaged: True leaves out shards that are damaged, and what follows the damage in a part of one; False refuses them, and tells
            of this option; None refuses them.

    Attributes:
        chunks: the parts in order.
        notes: a line for all that is left out of a shard.
        convert: what is made of each block as it is read, a function.

    Raises:
        ValueError: a shard is damaged, or has other columns; it is named.
    """

    def __init__(
        self, paths: Sequence[Path], reader: Reader, skip_damaged: bool | None = False, splits: Sequence[str | None] | None = None
    ):
        self.reader, self.skip_damaged = reader, skip_damaged
        self.chunks: list[Chunk] = []
        self.notes: list[str] = []
        self.convert: Callable[[Block], Block] = lambda block: block
        self._readable: dict[int, int] = {}  # rows before the damage, by the number of a damaged chunk
        for path, split in zip(paths, splits or [None] * len(paths), strict=True):
            try:
                with reading(path, reader.expected):
                    parts = reader.parts(path)
            except OtherColumns:
                raise
            except ValueError as error:
                self._refuse(error, f"shard {path} skipped")
                continue
            for part, rows in enumerate(parts):
                self.chunks.append(Chunk(path, part, self.rows, rows, split))
        self.notes += reader.notes

    @property
    def rows(self) -> int:
        """Number of all rows, those that turn out to be damaged included."""
        return self.chunks[-1].first + self.chunks[-1].rows if self.chunks else 0

    def readable(self, number: int) -> int:
        """The number of rows of a chunk that can be read."""
        return self._readable.get(number, self.chunks[number].rows)

    def blocks(self, number: int) -> Iterator[tuple[int, Block]]:
        """The blocks of a chunk, each with the number of its first row among all rows.

        Raises:
            ValueError: the chunk is damaged, or has changed since its rows were counted, or a block cannot be converted.
        """
        chunk, found = self.chunks[number], 0
        blocks = self.reader.blocks(chunk.path, chunk.part)
        while found < self.readable(number):
            try:
                with reading(chunk.path, self.reader.expected):
                    block = next(blocks, None)
            except ValueError as error:
                self._refuse(error, f"{chunk.rows - found:,} rows of part {chunk.part + 1} of shard {chunk.path} skipped")
                self._readable[number] = found
                return
            if block is None:
                raise ValueError(f"{chunk.path} has changed: part {chunk.part + 1} had {chunk.rows} rows. Received: {found}")
            with self.located(number, found):
                converted = self.convert(block)
            yield chunk.first + found, converted
            found += rows_of(block)

    @contextlib.contextmanager
    def located(self, number: int, found: int) -> Iterator[None]:
        """A context whose ValueErrors say of which chunk they are, and after how many rows of it."""
        try:
            yield
        except ValueError as error:
            chunk = self.chunks[number]
            raise ValueError(f"{chunk.path}, part {chunk.part + 1}, in the block after {found} rows: {error}") from error

    def _refuse(self, error: ValueError, note: str) -> None:
        """Raise an error, or note it where damage is skipped."""
        if not self.skip_damaged:
            option = " (skip_damaged=True or --skip-damaged leaves out what is damaged)" if self.skip_damaged is False else ""
            raise ValueError(f"{error}{option}") from error
        self.notes.append(f"{note}: {reason(error)}")
