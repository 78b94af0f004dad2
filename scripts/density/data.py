"""The data sets of the suites, read from local files."""

import functools
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfar import datasets

DEBD = ("nltcs", "plants", "jester", "accidents", "baudio", "bnetflix")
UCI = {  # our name: that of `tfar.datasets.load`
    "red_wine": "wine_quality/red",
    "white_wine": "wine_quality/white",
    "parkinsons": "parkinsons_telemonitoring",
    "ionosphere": "ionosphere",
    "boston": "boston_housing",
}
SOURCES = {
    "validation": "binarized_mnist/binarized_mnist.npz: bits of train, valid and test",
    "debd": "the .npz files of the DEBD sets (github.com/arranger1044/DEBD): bits of train, valid and test, and n_features",
    "uci": "prepared by TFDS, or original files of archive.ics.uci.edu for its manual_dir",
}
FOLDS = 10


class Rows(NamedTuple):
    """A data set in three parts, `[N, D]` each."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    kind: str


def check_names(what, asked, known):
    """Raise a ValueError where names that are asked for are not among the known ones."""
    if wrong := sorted(set(asked or ()) - set(known)):
        raise ValueError(f"{what} must be among {', '.join(known)}. Received: {', '.join(wrong)}")


def raw(folder, suite):
    """A folder of TFAR_RAW_DATA.

    Raises:
        FileNotFoundError: it is absent; the message says where its files come from.
    """
    place = Path(os.environ.get("TFAR_RAW_DATA", "data/raw")) / folder
    if not place.is_dir():
        raise FileNotFoundError(f"the suite {suite} needs {SOURCES[suite]}, in TFAR_RAW_DATA. Received: no folder {place}")
    return place


@functools.lru_cache(2)
def debd(name):
    """A binary set by its name, with its own division.

    Raises:
        FileNotFoundError: its file is absent.
    """
    path = raw("debd_binary", "debd") / f"{name}.npz"
    if not path.is_file():
        raise FileNotFoundError(f"the suite debd needs {SOURCES['debd']}, in TFAR_RAW_DATA. Received: no file {path}")
    with np.load(path) as file:
        bits = [np.unpackbits(file[part], axis=1)[:, : int(file["n_features"])].astype(np.int32) for part in ("train", "valid", "test")]
    return Rows(*bits, "binary")


@functools.lru_cache(FOLDS)
def fold(name, number):
    """A fold of a UCI set in RNADE's protocol: standardised by training and validation rows.

    Raises:
        FileNotFoundError: neither a prepared data set nor its original files are there.
    """
    original = Path(os.environ.get("TFAR_RAW_DATA", "data/raw")) / UCI[name].partition("/")[0]
    options = {"manual_dir": original} if original.is_dir() and name not in ("red_wine", "white_wine") else {}
    try:
        data = datasets.load(UCI[name], fold=number, folds=FOLDS, by_column=False, **options)
    except ValueError as error:
        raise FileNotFoundError(f"the suite uci needs {name}, {SOURCES['uci']}. {error}") from error
    return Rows(data.train.x, data.validation.x, data.test.x, "continuous")
