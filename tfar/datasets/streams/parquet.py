"""Parquet shards: a part is a row group."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from tfar.datasets.frames import frame_of
from tfar.datasets.streams.shards import BLOCK_BYTES, OtherColumns

PAGE_BYTES = 1 << 16  # that are read ahead of each column: a row group may be larger than memory


class ParquetReader:
    """Reads Parquet shards, whose columns must have the same names, and be numbers in all of them or of the same type.

    Blocks are DataFrames with the columns in the order of the first shard.
    """

    expected = "a Parquet file"
    label_names = columns = None

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._types: dict[str, pa.DataType] = {}

    def parts(self, path: Path) -> list[int]:
        """See `tfar.datasets.streams.shards.Reader`."""
        with parquet.ParquetFile(path) as file:
            types = dict(zip(file.schema_arrow.names, file.schema_arrow.types, strict=True))
            if not self._types:
                self._types = types
            if types.keys() != self._types.keys():
                raise OtherColumns(f"shards must have the columns {list(self._types)}. Received: {list(types)} in {path}")
            for name, kind in types.items():
                if kind != self._types[name] and not (_is_number(kind) and _is_number(self._types[name])):
                    raise OtherColumns(f"column {name!r} must be {self._types[name]} in all shards. Received: {kind} in {path}")
            return [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]

    def blocks(self, path: Path, part: int) -> Iterator[pd.DataFrame]:
        """See `tfar.datasets.streams.shards.Reader`."""
        names = list(self._types)
        rows = max(1, BLOCK_BYTES // (8 * len(names)))
        with parquet.ParquetFile(path, buffer_size=PAGE_BYTES, page_checksum_verification=True) as file:
            # One thread decodes a row group for a third less processor time, and quicker than a training takes the rows.
            for batch in file.iter_batches(rows, row_groups=[part], columns=names, use_threads=False):
                if len(batch):
                    yield frame_of(pa.Table.from_batches([batch]).select(names), use_threads=False)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
