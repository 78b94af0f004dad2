"""Data for density models: the embedded digits, TFDS data sets by name, and your own .npz, .npy and .csv files.

`load` returns a `Dataset` of three splits, prepared for a model; `load_config` and `prepare` repeat the same treatment
later from what `Dataset.to_config` stored. Importing this package needs NumPy only.
"""

from tfar.datasets.catalogue import available
from tfar.datasets.dataset import Dataset, load, load_config, prepare
from tfar.datasets.labels import one_hot
from tfar.datasets.preparation import Preparation
from tfar.datasets.source import Source, Split
from tfar.datasets.standardization import Standardization
from tfar.datasets.tables import Table, read_table

__all__ = [
    "Dataset",
    "Preparation",
    "Source",
    "Split",
    "Standardization",
    "Table",
    "available",
    "load",
    "load_config",
    "one_hot",
    "prepare",
    "read_table",
]
