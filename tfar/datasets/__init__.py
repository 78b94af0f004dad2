"""Data for density models: the embedded digits, TFDS data sets by name, and your own .npz, .npy and .csv files.

`load` returns a `Dataset` of three splits, prepared for a model; `load_config` and `prepare` repeat the same treatment
later from what `Dataset.to_config` stored. `load_text` returns a `TextData` for character models, and `windows` its batches.
Importing this package needs NumPy only.
"""

from tfar.datasets.catalogue import available
from tfar.datasets.dataset import Dataset, load, load_config, prepare, stored_dir
from tfar.datasets.labels import one_hot
from tfar.datasets.preparation import Preparation
from tfar.datasets.source import Source, Split
from tfar.datasets.standardization import Standardization
from tfar.datasets.tables import Table, read_table
from tfar.datasets.text import TextData, load_text
from tfar.datasets.text_sources import read_text
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
    "load",
    "load_config",
    "load_text",
    "one_hot",
    "prepare",
    "read_table",
    "read_text",
    "steps_per_pass",
    "stored_dir",
    "windows",
]
