"""Reading the user's own files: NumPy's .npz and .npy, and tables of text."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from tfar.datasets.source import Source, Split
from tfar.datasets.tables import read_table

TABLES = (".csv", ".tsv", ".txt", ".data")
ENDINGS = (".npz", ".npy", *TABLES)
KEYS = 'either "train" with "valid" or "validation" and "test", or one array of at least two axes'


def is_file_name(source):
    """Whether a data source names a file rather than a data set: it has the ending of one.

    >>> is_file_name("mine.csv"), is_file_name("mnist:3.0.1")
    (True, False)
    """
    return Path(source).suffix.lower() in ENDINGS


def read_file(path, context=None, allow_blanks=False):
    """Read a file by its ending.

    - `.npy`: one array `[N, *event]`.
    - `.npz`: arrays `train`, `valid` or `validation`, `test`, each `[N, *event]`, of which `train` is needed; or one
      array of at least two axes under any name. For conditional models also `train_labels` `[N]` and so on, or
      `train_context` float `[N, C]` and so on (`labels`, `context` beside a single array). uint8 arrays beside a scalar
      `n_features` are bits packed by `np.packbits(x, axis=1)`.
    - both: arrays `[N, H, W]` are images of one channel, `[N, H, W, 1]`, as TFDS has them.
    - `.csv` (and .tsv, .txt, .data): see `read_table`.

    Args:
      path: the file.
      context: None; "label" or "context" in a `.npz`; the name of a column in a table.
      allow_blanks: whether blank cells of a table are read as NaN.

    Returns:
      A `Source`.

    Raises:
      ValueError: for a file that is missing, cannot be read, or lacks what is named above.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"There is no such file. Received: {path}")
    if path.suffix.lower() in TABLES:
        table = read_table(path, allow_blanks=allow_blanks, label=context)
        return Source({"all": Split(table.values, table.labels)}, columns=table.columns)
    arrays = _read_numpy(path)
    if path.suffix.lower() == ".npy":
        if context is not None:
            raise ValueError(f"A .npy file has no context, a .npz file may. Received: context={context!r}, {path}")
        splits = {"all": Split(arrays["array"])}
    else:
        splits = _splits(arrays, context, path)
    return Source({name: split._replace(x=split.x[..., None]) if split.x.ndim == 3 else split for name, split in splits.items()})


def _read_numpy(path):
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"array": loaded}
        if path.suffix.lower() == ".npy":
            raise ValueError("an archive of arrays, which are .npz files")
        with loaded:
            return {key: loaded[key] for key in loaded.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"Not a NumPy file of plain arrays ({error}). Received: {path}") from error


def _splits(arrays, context, path):
    if context not in (None, "label", "context"):
        raise ValueError(f'The context of a .npz file is "label" or "context". Received: {context!r}')
    names = {"train": "train", "valid": "validation", "validation": "validation", "test": "test"}
    found = {names[key]: key for key in arrays if key in names}
    prefix = {name: f"{key}_" for name, key in found.items()}
    if "train" not in found:
        single = [key for key, array in arrays.items() if array.ndim >= 2 and key != "context"]
        if found or len(single) != 1:
            raise ValueError(f"{path}: a .npz file holds {KEYS}. Received: {sorted(arrays)}")
        found, prefix = {"all": single[0]}, {"all": ""}
    elif lost := [key for key in arrays if key not in found.values() and _is_split(key, arrays)]:
        raise ValueError(f"{path}: a .npz file holds {KEYS}. Received: {sorted(arrays)}, of which {', '.join(lost)} would be left out")

    splits = {}
    for name, key in found.items():
        x = arrays[key]
        if "n_features" in arrays and x.dtype == np.uint8 and x.ndim == 2:
            count = int(arrays["n_features"])
            if not 8 * (x.shape[1] - 1) < count <= 8 * x.shape[1]:
                raise ValueError(f"{path}: {x.shape[1]} bytes a row cannot hold n_features. Received: {count}")
            x = np.unpackbits(x, axis=1, count=count)
        splits[name] = Split(x, None if context is None else _context(arrays, prefix[name], context, path))
    return splits


def _is_split(key, arrays):
    """Whether an array of a divided file looks like rows of x."""
    return not key.endswith("_context") and arrays[key].ndim >= 2 and arrays[key].shape[1:] == arrays["train"].shape[1:]


def _context(arrays, prefix, context, path):
    key = prefix + {"label": "labels", "context": "context"}[context]
    if key not in arrays:
        raise ValueError(f"{path}: context={context!r} needs an array {key!r}. Received: {sorted(arrays)}")
    axes = 1 if context == "label" else 2
    if arrays[key].ndim != axes:
        raise ValueError(f"{path}: {key!r} must have {axes} axes. Received: shape {arrays[key].shape}")
    return arrays[key]
