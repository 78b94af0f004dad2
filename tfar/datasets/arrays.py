"""Reading the user's own arrays: NumPy's .npy and .npz files, and objects in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfar.datasets.source import SPLIT_WORDS, SPLITS, Source, Split, readable_file
from tfar.reading import read_arrays

Arrays = Mapping[str, np.ndarray]

FORMS = ("{}", "x_{}", "X_{}", "{}_images")  # of the name of an array of rows, with the name of its split: our own, Keras', MedMNIST's
LABELS = {"label": ("{}_labels", "y_{}"), "context": ("{}_context",)}  # of what they are conditioned on
WHOLE = {"label": ("labels", "y"), "context": ("context",)}  # beside the rows of an undivided file
KEYS = "train, valid and test, x_train and x_test, train_images, val_images and test_images, or one array of at least two axes"


def read_npy(path: str | Path, context: str | None = None, channels_first: bool | None = None) -> Source:
    """Read a .npy file: one undivided array `[N, *event]`.

    An array `[N, H, W]` holds images of one channel, and is read as `[N, H, W, 1]`, the shape that TFDS gives images.

    Args:
        path: the file.
        context: None; a .npy file has no context.
        channels_first: see `channels_last`.

    Returns:
        A `Source`.

    Raises:
        ValueError: the file is missing or is not an array of numbers, or `context` is not None.
    """
    path = readable_file(path)
    if context is not None:
        raise ValueError(f"A .npy file has no context; a .npz file may have one. Received: context={context!r}, {path}")
    return _source({"all": Split(_load(path)["array"])}, channels_first)


def read_npz(path: str | Path, context: str | None = None, channels_first: bool | None = None) -> Source:
    """Read a .npz file of arrays by name.

    - Rows `[N, *event]` of splits: `train`, `valid`, `val` or `validation`, `test`, as they are or as in `x_train` and `X_train` (Keras)
      or `train_images` (MedMNIST); those of "train" are needed. Or one array of at least two axes under any name.
    - `train_labels` or `y_train`, `[N]` or `[N, 1]`, or `train_context` float `[N, C]`, and likewise for the other splits: contexts.
      Beside a single array they are named `labels` or `y`, and `context`.
    - `n_features`: a scalar beside uint8 arrays of bits packed by `np.packbits(x, axis=1)`.

    Arrays `[N, H, W]` hold images of one channel, and are read as `[N, H, W, 1]`, the shape that TFDS gives images.

    Args:
        path: the file.
        context: None, "label" or "context".
        channels_first: see `channels_last`.

    Returns:
        A `Source`.

    Raises:
        ValueError: the file is missing or is not a NumPy archive, or the arrays are not those above.
    """
    path = readable_file(path)
    return _source(_splits(_load(path), context, str(path)), channels_first)


def is_arrays(source: Any) -> bool:
    """Whether an object holds arrays, and not one table: see `read_object`.

    >>> is_arrays(np.zeros([9, 8, 8])), is_arrays(np.zeros([9, 8])), is_arrays((np.zeros([9, 8]), np.zeros(9))), is_arrays({"a": [1, 2]})
    (True, False, True, False)
    """
    if isinstance(source, Mapping):
        return any(np.ndim(value) >= 2 for value in source.values())
    if isinstance(source, tuple | list):
        return True
    return hasattr(source, "__array__") and np.ndim(source) != 2


def read_object(source: Any, context: str | None = None, channels_first: bool | None = None) -> Source:
    """Read arrays in memory.

    Args:
        source: one of

            - an array `[N, *event]`, of NumPy or with `__array__`, or nested lists of numbers;
            - a pair (x, context) of an array or DataFrame and its labels `[N]` or `[N, 1]`, or numbers `[N, C]` of floats;
            - two or three such pairs, as `keras.datasets.mnist.load_data()` returns them: training, validation and test rows;
            - a dict of arrays with the names that `read_npz` knows.
        context: for a dict None, "label" or "context"; others have the context that they come with.
        channels_first: see `channels_last`.

    Raises:
        ValueError: it is none of these.

    >>> source = read_object((np.zeros([3, 8, 8]), np.array([[1], [0], [1]])))
    >>> source.splits["all"].x.shape, source.splits["all"].context.tolist()
    ((3, 8, 8, 1), [1, 0, 1])
    """
    if isinstance(source, Mapping):
        return _source(_splits({key: np.asarray(value) for key, value in source.items()}, context, "the dict"), channels_first)
    if not isinstance(source, tuple):
        return _source({"all": Split(np.asarray(source))}, channels_first)
    pairs = source if all(isinstance(part, tuple | list) and len(part) == 2 for part in source) else (source,)
    names = {1: ("all",), 2: ("train", "test"), 3: SPLITS}.get(len(pairs))
    if names is None or not all(len(pair) == 2 for pair in pairs):
        raise ValueError(
            f"a tuple must be (x, context), or two or three such pairs: training, validation and test rows. Received: {len(source)} parts"
        )
    columns = getattr(pairs[0][0], "columns", None)
    splits = {name: _pair(*pair) for name, pair in zip(names, pairs, strict=True)}
    return _source(splits, channels_first, None if columns is None else tuple(map(str, columns)))


def channels_last(x: np.ndarray, channels_first: bool | None = None) -> np.ndarray:
    """Images `[N, H, W, C]`; arrays of other shapes as they are.

    Args:
        x: an array `[N, *event]`.
        channels_first: True for images `[N, C, H, W]`, which are transposed. None refuses what looks like them, and False takes it.

    Raises:
        ValueError: the images have one or three channels, and these come first, and `channels_first` is None.

    >>> channels_last(np.zeros([9, 3, 32, 32]), channels_first=True).shape
    (9, 32, 32, 3)
    """
    if x.ndim != 4 or channels_first is False:
        return x
    if channels_first:
        return np.moveaxis(x, 1, -1)
    if x.shape[1] in (1, 3) and min(x.shape[2:]) > 4:
        raise ValueError(
            "Images must be [N, H, W, C], with the channels last; channels_first=True (--channels-first) transposes [N, C, H, W]. "
            f"Received: shape {x.shape}"
        )
    return x


def _source(splits: Mapping[str, Split], channels_first: bool | None, columns: tuple[str, ...] | None = None) -> Source:
    """Splits as a source, images of one channel with an axis for it."""
    flat = all(split.x.ndim == 3 for split in splits.values())
    last = {name: split._replace(x=channels_last(split.x, channels_first)) for name, split in splits.items()}
    return Source(
        {name: split._replace(x=split.x[..., None]) if split.x.ndim == 3 else split for name, split in last.items()},
        columns=columns,
        channels=not flat,
    )


def _pair(x: Any, context: Any) -> Split:
    """Rows and what they are conditioned on; a DataFrame of numbers has float64, as a table that is read from a file."""
    rows = np.asarray(x, np.float64) if hasattr(x, "columns") and _is_numeric(x) else np.asarray(x)
    given = None if context is None else np.asarray(context)
    return Split(rows, given if given is None or given.dtype.kind == "f" else _flat(given))


def _is_numeric(frame: Any) -> bool:
    return all(np.asarray(frame[name]).dtype.kind in "biuf" for name in frame.columns)


def _flat(labels: np.ndarray) -> np.ndarray:
    """Labels `[N]`, of `[N]` or `[N, 1]`."""
    return labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels


def _load(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a .npz file by name, or {"array": ...} of a .npy file."""
    arrays = read_arrays(path)
    if path.suffix.lower() == ".npy" and set(arrays) != {"array"}:
        raise ValueError(f"An archive of arrays must be named .npz. Received: {path}")
    return arrays


def _splits(arrays: Arrays, context: str | None, where: str) -> dict[str, Split]:
    if context not in (None, *LABELS):
        raise ValueError(f'The context of a .npz file is "label" or "context". Received: {context!r}')
    splits = {}
    for name, (key, word) in _keys(arrays, where).items():
        x = _unpacked(arrays[key], arrays, where)
        splits[name] = Split(x, None if context is None else _context(arrays, word, context, where))
    return splits


def _keys(arrays: Arrays, where: str) -> dict[str, tuple[str, str | None]]:
    """The names of the arrays of rows, each with the word in it that names its split, by split."""
    forms = {form.format(word): word for word in SPLIT_WORDS for form in FORMS}
    keys: dict[str, tuple[str, str | None]] = {SPLIT_WORDS[forms[key]]: (key, forms[key]) for key in arrays if key in forms}
    beside = {form.format(word) for kind in LABELS.values() for form in kind for word in SPLIT_WORDS} | {
        name for kind in WHOLE.values() for name in kind
    }
    if "train" not in keys:
        single = [key for key, array in arrays.items() if array.ndim >= 2 and key not in beside]
        if keys or len(single) != 1:
            raise ValueError(f"{where}: the arrays must be named {KEYS}. Received: {sorted(arrays)}")
        return {"all": (single[0], None)}
    known = {key for key, _ in keys.values()} | beside
    event = arrays[keys["train"][0]].shape[1:]
    if lost := [key for key, array in arrays.items() if key not in known and array.ndim >= 2 and array.shape[1:] == event]:
        raise ValueError(
            f"{where}: the arrays must be named {KEYS}. Received: {sorted(arrays)}, of which {', '.join(lost)} would be left out"
        )
    return keys


def _unpacked(x: np.ndarray, arrays: Arrays, where: str) -> np.ndarray:
    """The bits of rows that `np.packbits` packed, where "n_features" says that they are packed; others as they are."""
    if "n_features" not in arrays or x.dtype != np.uint8 or x.ndim != 2:
        return x
    count = int(arrays["n_features"])
    if not 8 * (x.shape[1] - 1) < count <= 8 * x.shape[1]:
        raise ValueError(f"{where}: {x.shape[1]} bytes a row cannot hold n_features. Received: {count}")
    return np.unpackbits(x, axis=1, count=count)


def _context(arrays: Arrays, word: str | None, context: str, where: str) -> np.ndarray:
    keys = WHOLE[context] if word is None else [form.format(word) for form in LABELS[context]]
    key = next((key for key in keys if key in arrays), None)
    if key is None:
        raise ValueError(f"{where}: context={context!r} needs an array {' or '.join(map(repr, keys))}. Received: {sorted(arrays)}")
    found = _flat(arrays[key]) if context == "label" else arrays[key]
    axes = 1 if context == "label" else 2
    if found.ndim != axes:
        raise ValueError(f"{where}: {key!r} must have {axes} axes. Received: shape {found.shape}")
    return found
