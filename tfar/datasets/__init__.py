"""Data for density models: the embedded digits, TFDS data sets by name, your own arrays, and tables of files and DataFrames.

`load` returns a `Dataset` of three splits, prepared for a model, or of a table with columns of any kinds a `TableSet`, whose `Schema`
encodes and decodes rows. `load_config` and `prepare` repeat the preparation later from what `to_config` stored. `load_text` returns a
`TextData` for character models, and `windows` its batches. `check_source` and `check_text_source` refuse a source that does not exist, at
once. Importing this package needs NumPy alone; tables import pandas.
"""

import importlib
from typing import TYPE_CHECKING, Any

from tfar.datasets.dataset import Dataset, load, prepare, read_like, stored_dir
from tfar.datasets.labels import one_hot
from tfar.datasets.preparation import Preparation
from tfar.datasets.readers import available, check_source, read_source
from tfar.datasets.reloading import load_config
from tfar.datasets.source import Source, Split
from tfar.datasets.standardization import Standardization
from tfar.datasets.text import TextData, load_text
from tfar.datasets.text_sources import check_text_source, read_text
from tfar.datasets.text_windows import steps_per_pass, windows
from tfar.datasets.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tfar.datasets.frames import read_frame, write_frame
    from tfar.datasets.schema import Schema
    from tfar.datasets.streams.loading import StreamedDataset, StreamedTable, stream
    from tfar.datasets.streams.rows import RowStream
    from tfar.datasets.table_set import TableSet, load_table

WITH_PANDAS = {
    **dict.fromkeys(("read_frame", "write_frame"), "frames"),
    "Schema": "schema",
    **dict.fromkeys(("TableSet", "load_table"), "table_set"),
    **dict.fromkeys(("StreamedDataset", "StreamedTable", "stream"), "streams.loading"),
    "RowStream": "streams.rows",
}

__all__ = [
    "Dataset",
    "Preparation",
    "RowStream",
    "Schema",
    "Source",
    "Split",
    "Standardization",
    "StreamedDataset",
    "StreamedTable",
    "TableSet",
    "TextData",
    "Vocabulary",
    "available",
    "check_source",
    "check_text_source",
    "load",
    "load_config",
    "load_table",
    "load_text",
    "one_hot",
    "prepare",
    "read_frame",
    "read_like",
    "read_source",
    "read_text",
    "steps_per_pass",
    "stream",
    "stored_dir",
    "windows",
    "write_frame",
]


def __getattr__(name: str) -> Any:
    if name in WITH_PANDAS:
        return getattr(importlib.import_module(f"tfar.datasets.{WITH_PANDAS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
