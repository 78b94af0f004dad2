"""Reading the user's own arrays: NumPy's .npy and .npz files."""

from pathlib import Path

import numpy as np

from tfar.datasets.source import Source, Split, readable_file
from tfar.reading import read_arrays

Arrays = dict[str, np.ndarray]

KEYS = 'either "train" with "valid" or "validation" and "test", or one array of at least two axes'
SPLIT_KEYS = {"train": "train", "valid": "validation", "validation": "validation", "test": "test"}


def read_npy(path: str | Path, context: str | None = None) -> Source:
    """Read a .npy file: one undivided array `[N, *event]`.

    An array `[N, H, W]` holds images of one channel, and is read as `[N, H, W, 1]`, the shape that TFDS gives images.

    Args:
        path: the file.
        context: None; a .npy file has no context.

    Returns:
        A `Source`.

    Raises:
        ValueError: the file is missing or is not an array of numbers, or `context` is not None.
    """
    path = readable_file(path)
    if context is not None:
        raise ValueError(f"A .npy file has no context; a .npz file may have one. Received: context={context!r}, {path}")
    return Source({"all": _as_images(Split(_load(path)["array"]))})


def read_npz(path: str | Path, context: str | None = None) -> Source:
    """Read a .npz file of arrays by name.

    - `train`, `valid` or `validation`, `test`: each `[N, *event]`; `train` is needed. Or one array of at least two axes under any name.
    - `train_labels` `[N]` or `train_context` float `[N, C]`, and likewise for the other splits: contexts. Beside a single array they
      are named `labels` and `context`.
    - `n_features`: a scalar beside uint8 arrays of bits packed by `np.packbits(x, axis=1)`.

    Arrays `[N, H, W]` hold images of one channel, and are read as `[N, H, W, 1]`, the shape that TFDS gives images.

    Args:
        path: the file.
        context: None, "label" or "context".

    Returns:
        A `Source`.

    Raises:
        ValueError: the file is missing or is not a NumPy archive, or the arrays are not those above.
    """
    path = readable_file(path)
    splits = _splits(_load(path), context, path)
    return Source({name: _as_images(split) for name, split in splits.items()})


def _as_images(split: Split) -> Split:
    return split._replace(x=split.x[..., None]) if split.x.ndim == 3 else split


def _load(path: Path) -> Arrays:
    """The arrays of a .npz file by name, or {"array": ...} of a .npy file."""
    arrays = read_arrays(path)
    if path.suffix.lower() == ".npy" and set(arrays) != {"array"}:
        raise ValueError(f"An archive of arrays must be named .npz. Received: {path}")
    return arrays


def _splits(arrays: Arrays, context: str | None, path: Path) -> dict[str, Split]:
    if context not in (None, "label", "context"):
        raise ValueError(f'The context of a .npz file is "label" or "context". Received: {context!r}')
    splits = {}
    for name, key in _keys(arrays, path).items():
        prefix = "" if name == "all" else f"{key}_"
        x = _unpacked(arrays[key], arrays, path)
        splits[name] = Split(x, None if context is None else _context(arrays, prefix, context, path))
    return splits


def _keys(arrays: Arrays, path: Path) -> dict[str, str]:
    """The names of the arrays of rows, by split."""
    keys = {SPLIT_KEYS[key]: key for key in arrays if key in SPLIT_KEYS}
    if "train" not in keys:
        single = [key for key, array in arrays.items() if array.ndim >= 2 and key != "context"]
        if keys or len(single) != 1:
            raise ValueError(f"{path}: a .npz file holds {KEYS}. Received: {sorted(arrays)}")
        return {"all": single[0]}
    if lost := [key for key in arrays if key not in keys.values() and _is_split(key, arrays)]:
        raise ValueError(f"{path}: a .npz file holds {KEYS}. Received: {sorted(arrays)}, of which {', '.join(lost)} would be left out")
    return keys


def _is_split(key: str, arrays: Arrays) -> bool:
    """Whether an array beside "train" looks like the rows of another split."""
    return not key.endswith("_context") and arrays[key].ndim >= 2 and arrays[key].shape[1:] == arrays["train"].shape[1:]


def _unpacked(x: np.ndarray, arrays: Arrays, path: Path) -> np.ndarray:
    """The bits of rows that `np.packbits` packed, where "n_features" says that they are packed; others as they are."""
    if "n_features" not in arrays or x.dtype != np.uint8 or x.ndim != 2:
        return x
    count = int(arrays["n_features"])
    if not 8 * (x.shape[1] - 1) < count <= 8 * x.shape[1]:
        raise ValueError(f"{path}: {x.shape[1]} bytes a row cannot hold n_features. Received: {count}")
    return np.unpackbits(x, axis=1, count=count)


def _context(arrays: Arrays, prefix: str, context: str, path: Path) -> np.ndarray:
    key = prefix + {"label": "labels", "context": "context"}[context]
    if key not in arrays:
        raise ValueError(f"{path}: context={context!r} needs an array {key!r}. Received: {sorted(arrays)}")
    axes = 1 if context == "label" else 2
    if arrays[key].ndim != axes:
        raise ValueError(f"{path}: {key!r} must have {axes} axes. Received: shape {arrays[key].shape}")
    return arrays[key]
