"""Shards of delimited text, plain or gzip: a part is a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from tfar.datasets.delimited import BLANKS, WHITE_SPACE, Layout, layout_of, series_of, trimmed, typed_cells
from tfar.datasets.streams.shards import BLOCK_BYTES, OtherColumns

HEAD_BYTES = 1 << 20  # in which delimiter and header are found
WIDTH = {pa.int64(): 0, pa.float64(): 1, pa.string(): 2}  # a column has the widest type of its blocks


class DelimitedReader:
    """Reads shards of delimited text, all with the same columns, as `tfar.datasets.read_frame` reads one.

    The rows are counted by reading all of them as words. A column is of numbers if every cell of every shard is one.

    Args:
        delimiter, decimal, header, na_values: as for `read_frame`; the decimal mark is a point unless it is given.
        skip_damaged: whether rows with another number of cells are left out.

    Attributes:
        notes: a line for each shard of which rows are left out.
    """

    expected = "a table in UTF-8 text"
    label_names = columns = None

    def __init__(
        self,
        delimiter: str | None = None,
        decimal: str | None = None,
        header: bool | None = None,
        na_values: Sequence[str] = (),
        skip_damaged: bool = False,
    ):
        self.delimiter, self.decimal, self.header, self.skip_damaged = delimiter, decimal or ".", header, skip_damaged
        self.notes: list[str] = []
        self._blanks = tuple(dict.fromkeys((*BLANKS, *na_values)))
        self._types: dict[str, pa.DataType] = {}
        self._layouts: dict[Path, Layout] = {}

    def parts(self, path: Path) -> list[int]:
        """See `tfar.datasets.streams.shards.Reader`."""
        layout = self._layouts[path] = self._layout(path)
        names = [name or f"column {i + 1}" for i, name in enumerate(layout.names)]
        if self._types and sorted(names) != sorted(self._types):
            raise OtherColumns(f"shards must have the columns {list(self._types)}. Received: {names} in {path}")
        types, rows, skipped = dict.fromkeys(names, pa.int64()), 0, []
        for batch in self._batches(path, names, dict.fromkeys(names, pa.string()), skipped):
            rows += len(batch)
            for name, cells in zip(names, batch.columns, strict=True):
                found = typed_cells(cells, (self.decimal == ",",), self._blanks).type
                types[name] = max(types[name], found, key=WIDTH.__getitem__)
        self._types = {name: max(kind, self._types.get(name, kind), key=WIDTH.__getitem__) for name, kind in types.items()}
        if skipped:
            self.notes.append(
                f"{len(skipped):,} rows of shard {path} skipped: they have another number of cells, the first is {skipped[0]!r}"
            )
        return [rows]

    def blocks(self, path: Path, part: int) -> Iterator[pd.DataFrame]:
        """See `tfar.datasets.streams.shards.Reader`."""
        names = [name or f"column {i + 1}" for i, name in enumerate(self._layouts[path].names)]
        for batch in self._batches(path, names, self._types, []):
            cells = dict(zip(names, batch.columns, strict=True))
            yield pd.DataFrame(
                {
                    name: series_of(trimmed(cells[name], self._blanks) if pa.types.is_string(kind) else cells[name])
                    for name, kind in self._types.items()
                }
            )

    def _batches(self, path: Path, names: list[str], types: dict[str, Any], skipped: list[str]) -> Iterator[pa.RecordBatch]:
        """The rows of a file; the text of those that are left out is added to a list."""
        layout = self._layouts[path]

        def handle(row: Any) -> str:
            skipped.append(row.text[:100])
            return "skip" if self.skip_damaged else "error"

        with (
            pa.input_stream(str(path)) as text,
            csv.open_csv(
                text,
                csv.ReadOptions(use_threads=False, column_names=names, skip_rows=layout.skipped, block_size=BLOCK_BYTES),
                csv.ParseOptions(delimiter=layout.delimiter, newlines_in_values=b'"' in layout.data, invalid_row_handler=handle),
                csv.ConvertOptions(column_types=types, strings_can_be_null=True, null_values=self._blanks, decimal_point=self.decimal),
            ) as reader,
        ):
            yield from (batch for batch in reader if len(batch))

    def _layout(self, path: Path) -> Layout:
        with pa.input_stream(str(path)) as text:
            head = text.read(HEAD_BYTES)
        head = head[: head.rfind(b"\n") + 1] or head
        head = head.removeprefix(b"\xef\xbb\xbf")
        if not head.strip():
            raise ValueError(f"The shard is empty. Received: {path}")
        layout = layout_of(head, self.delimiter, self.header, path)
        if layout.data != head or self.delimiter == WHITE_SPACE:
            raise ValueError(f"cells of a stream must be divided by one character, without blanks beside it. Received: {path}")
        return layout
