"""Data for density models: the embedded digits, TFDS data sets by name, and your own .npz, .npy and .csv files.

`load` returns a `Dataset` of three splits, prepared for a model; `load_config` and `prepare` repeat the preparation later from what
`Dataset.to_config` stored. `load_text` returns a `TextData` for character models, and `windows` its batches. `check_source` and
`check_text_source` refuse a source that does not exist, at once. Importing this package needs NumPy alone.
"""

from tfar.datasets.dataset import Dataset, load, load_config, prepare, stored_dir
from tfar.datasets.labels import one_hot
from tfar.datasets.preparation import Preparation
from tfar.datasets.readers import available, check_source, read_source
from tfar.datasets.source import Source, Split
from tfar.datasets.standardization import Standardization
from tfar.datasets.tables import Table, read_table
from tfar.datasets.text import TextData, load_text
from tfar.datasets.text_sources import check_text_source, read_text
from tfar.datasets.text_windows import steps_per_pass, windows
from tfar.datasets.vocabulary import Vocabulary

__all__ = [
    "Dataset",
    "Preparation",
    "Source",
    "Split",
    "Standardization",
    "Table",
    "TextData",
    "Vocabulary",
    "available",
    "check_source",
    "check_text_source",
    "load",
    "load_config",
    "load_text",
    "one_hot",
    "prepare",
    "read_source",
    "read_table",
    "read_text",
    "steps_per_pass",
    "stored_dir",
    "windows",
]
