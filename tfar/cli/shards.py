"""A folder of Parquet shards that several processes may write, and that is completed by the command that began it."""

import contextlib
import itertools
import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from tfar.files import atomic, locked, refuse_existing, remove_temporaries, write_json
from tfar.reading import read_json

MANIFEST = "_manifest.json"  # readers of Parquet folders leave out names that begin with an underscore or a dot
GROUP_BYTES = 1 << 24  # of a row group, about: what is held in memory
SHOWN_EVERY = 0.5  # seconds between two changes of the line on a terminal


class ShardFolder:
    """Numbered rows in the files `part-00000-of-00010.parquet`, `part-00001-of-00010.parquet`, ... of one folder.

    Each file has `shard_rows` rows, the last one the rest, and appears when it is whole. A manifest says what the rows are. A folder with
    another manifest is refused, so that no folder mixes two results.

    Args:
        path: the folder, which is made if it is not there.
        identity: what the rows depend on; values that JSON holds.
        rows: number of all rows.
        shard_rows: number of rows of a file.

    Raises:
        FileExistsError: the folder has files and no manifest.
        ValueError: its manifest is another one.

    >>> import tempfile
    >>> folder = ShardFolder(tempfile.mkdtemp(), {"seed": 1}, rows=5, shard_rows=2)
    >>> folder.missing(1, 2), folder.bounds(2)
    ([0, 2], (4, 5))
    >>> folder.write(((number, pa.table({"x": range(*folder.bounds(number))})) for number in (0, 2)), expected=3)
    part-00000-of-00003.parquet: 2 of 3 rows, ...
    part-00002-of-00003.parquet: 3 of 3 rows, ...
    >>> folder.missing(), sorted(file.name for file in folder.path.glob("part*"))
    ([1], ['part-00000-of-00003.parquet', 'part-00002-of-00003.parquet'])
    """

    def __init__(self, path: str | Path, identity: dict[str, Any], rows: int, shard_rows: int):
        self.path, self.rows, self.shard_rows = Path(path), rows, shard_rows
        self.count = -(-rows // shard_rows)
        self._claim(json.loads(json.dumps({**identity, "rows": rows, "shard_rows": shard_rows})))

    def file(self, number: int) -> Path:
        """The file of a shard."""
        return self.path / f"part-{number:05d}-of-{self.count:05d}.parquet"

    def bounds(self, number: int) -> tuple[int, int]:
        """The numbers of a shard's first row, and of the first one after it."""
        return number * self.shard_rows, min((number + 1) * self.shard_rows, self.rows)

    def missing(self, part: int = 1, parts: int = 1) -> list[int]:
        """The numbers of the shards that are not there, of all or of every `parts`-th one from the `part`-th on."""
        return [number for number in range(part - 1, self.count, parts) if not self.file(number).exists()]

    def write(self, tables: Iterator[tuple[int, pa.Table]], expected: int) -> None:
        """Write shards; what is done is printed.

        Args:
            tables: the numbers of shards, each with rows of it, in order; they are taken as they are written, and none before the shard
                of those before it is whole.
            expected: how many rows there will be.
        """
        meter = Meter(expected)
        for number, first in tables:
            begin, end = self.bounds(number)
            self._write(self.file(number), meter.counted(itertools.chain([first], _taken(tables, end - begin - len(first)))))
            meter.line(self.file(number).name)

    def _write(self, path: Path, tables: Iterator[pa.Table]) -> None:
        with locked(path.with_name(f"_{path.name}")):
            remove_temporaries(self.path, path.name)
            with atomic(path, overwrite=True) as temporary:  # another process may have written the same rows
                first = next(groups := _groups(tables))
                with parquet.ParquetWriter(temporary, first.schema) as writer:
                    for group in itertools.chain([first], groups):
                        writer.write_table(group)

    def _claim(self, manifest: dict[str, Any]) -> None:
        """Make the folder with its manifest, or check the one that is there."""
        own = self.path / MANIFEST
        if not own.exists():
            if self.path.is_dir() and any(not file.name.startswith((".", "_")) for file in self.path.iterdir()):
                raise FileExistsError(f"the output must be a new folder, or one that this command began. Received: {self.path}, with files")
            refuse_existing(self.path, overwrite=self.path.is_dir())
            self.path.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):  # another process was first
                write_json(own, manifest)
                return
        kept = read_json(own)
        if wrong := [f"{key} {kept.get(key)} for {value}" for key, value in manifest.items() if kept.get(key) != value]:
            raise ValueError(f"the folder must be of the same model, data and options. Received: {self.path}, with {'; '.join(wrong)}")


class Meter:
    """Prints how far the rows are: on a terminal a line that changes, and a line for each shard.

    Args:
        expected: number of rows.
    """

    def __init__(self, expected: int):
        self.expected, self.rows = expected, 0
        self._began = self._shown = time.monotonic()

    def counted(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """The tables, whose rows are counted as they are taken."""
        for table in tables:
            self.rows += len(table)
            if sys.stdout.isatty() and time.monotonic() - self._shown > SHOWN_EVERY:
                self._shown = time.monotonic()
                print(f"\r\033[K{self}", end="", flush=True)
            yield table

    def line(self, name: str) -> None:
        """Print a line for a shard that is written."""
        clear = "\r\033[K" if sys.stdout.isatty() else ""
        print(f"{clear}{name}: {self}", flush=True)

    def __str__(self) -> str:
        rate = self.rows / max(time.monotonic() - self._began, 1e-9)
        return f"{self.rows:,} of {self.expected:,} rows, {rate:,.0f} a second"


def _taken(tables: Iterator[tuple[int, pa.Table]], rows: int) -> Iterator[pa.Table]:
    """The tables that have the next rows."""
    while rows > 0:
        _, table = next(tables)
        rows -= len(table)
        yield table


def _groups(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The rows of small tables in larger ones."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(one.nbytes for one in held) >= GROUP_BYTES:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)
