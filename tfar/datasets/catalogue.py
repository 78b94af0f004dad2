"""Data sets by name: those that are embedded, and those that TensorFlow Datasets (TFDS) has prepared or can prepare."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfar.datasets.source import SPLIT_WORDS, Source, Split

NAME = re.compile(r"\w+(/[\w.+-]+)?(:[\w.*]+)?")  # NAME, NAME/CONFIG, NAME:VERSION or NAME/CONFIG:VERSION


def resolve_data_dir(data_dir: str | Path | None = None) -> str | None:
    """The TFDS data_dir as an absolute path: the argument, else the environment's TFDS_DATA_DIR, else None.

    Raises:
        ValueError: it is not an existing folder.
    """
    chosen = data_dir or os.environ.get("TFDS_DATA_DIR")
    if not chosen:
        return None
    if not Path(chosen).expanduser().is_dir():
        origin = "data_dir" if data_dir else "TFDS_DATA_DIR"
        raise ValueError(f"{origin} must be an existing folder. Received: {chosen}")
    return str(Path(chosen).expanduser().resolve())


class Unavailable(ValueError):
    """A name that TFDS has no data for.

    Attributes:
        reason: why, a sentence.
        name: the name.
    """

    def __init__(self, reason: str, name: str):
        super().__init__(f"{reason}. Received: {name!r}")
        self.reason, self.name = reason, name


def unknown_name(name: str) -> Unavailable:
    """The error for a name that is neither a file nor of the form of a TFDS name."""
    return Unavailable("There is no such data set or file", name)


def prepared(data_dir: str | Path | None = None) -> list[str]:
    """Names of the data sets that are prepared in a data_dir; None for TFDS_DATA_DIR, and then for TFDS's own default."""
    folder = Path(resolve_data_dir(data_dir) or Path.home() / "tensorflow_datasets")
    # a data set is in NAME/VERSION or NAME/CONFIG/VERSION
    found = [*folder.glob("*/*/dataset_info.json"), *folder.glob("*/*/*/dataset_info.json")]
    return sorted({info.parent.parent.relative_to(folder).as_posix() for info in found})


def is_prepared(name: str, folder: str) -> bool:
    """Whether a data_dir has data under a TFDS name, in any configuration and version."""
    return any(Path(folder, name.partition("/")[0].partition(":")[0]).glob("**/dataset_info.json"))


def listed() -> list[str]:
    """The names that TFDS knows; none as long as nothing has imported it, which takes seconds."""
    tfds = sys.modules.get("tensorflow_datasets")
    return [] if tfds is None else tfds.list_builders(with_community_datasets=False)


def read_tfds(
    name: str,
    data_dir: str | Path | None = None,
    context: str | None = None,
    download: bool | None = None,
    manual_dir: str | Path | None = None,
) -> Source:
    """Read a TFDS data set of images (feature "image"), of vectors, or of tables of numbers.

    The input is the feature "image", or else the first of the supervised pair. Columns of a table are in the order of their names.
    TFDS shuffles its records when it writes them, so the end of a split is a fair sample of it.

    Args:
        name: as for `tfds.load`: "mnist", "wine_quality/red", "mnist:3.0.1"; or one of the builders in `tfar.datasets.uci`.
        data_dir: folder of prepared data sets; None for TFDS_DATA_DIR, and then for TFDS's own default.
        context: None; "label" for the second of the supervised pair; or the name of a feature.
        download: whether to download and prepare a data set that is not prepared; None: only without a data_dir, or with a manual_dir.
        manual_dir: folder of original files that TFDS cannot download; None for downloads/manual in the data_dir.

    Returns:
        A `Source`.

    Raises:
        ValueError: the name, an original file or the context does not exist, or the features cannot be modelled.
    """
    folder = resolve_data_dir(data_dir)
    if download is None:
        download = folder is None or manual_dir is not None
    builder = prepared_builder(name, folder, download, manual_dir)
    key, label = keys_of(builder.info, context, name)
    splits, columns = {}, None
    for split_name, split in split_names(builder.info.splits, name).items():
        arrays = read_split(builder, split, name)
        x, columns = values_of(arrays[key], name)
        splits[split_name] = Split(x, None if label is None else labels_of(arrays, label, builder.info, name))
    return Source(splits, columns=columns, label_names=label_names_of(builder.info, label), in_order=False)


def prepared_builder(name: str, folder: str | None, download: bool, manual_dir: str | Path | None = None) -> Any:
    """The TFDS builder of a data set that is prepared in a folder, or that is prepared there now.

    Args:
        name, manual_dir: as for `read_tfds`.
        folder: the data_dir, or None for TFDS's own default.
        download: whether to download and prepare a data set that is not prepared.

    Raises:
        ValueError: there is no such data set, or it is not prepared and cannot be.
    """
    if not NAME.fullmatch(name):
        raise unknown_name(name)
    import tensorflow_datasets as tfds

    from tfar.datasets import uci

    try:
        builder = uci.BUILDERS[name](data_dir=folder) if name in uci.BUILDERS else tfds.builder(name, data_dir=folder, try_gcs=False)
    except (ValueError, ImportError, AssertionError):  # the last for a version that does not exist
        raise unknown_name(name) from None
    if builder.is_prepared():
        return builder
    if not download:
        manual = builder.MANUAL_DOWNLOAD_INSTRUCTIONS
        hint = f". It is prepared from original files in a manual_dir: {' '.join(manual.split())}" if manual else ""
        raise Unavailable(
            f"The data set is not prepared in {folder or 'the default folder'}; nothing is downloaded into a given data_dir unless "
            f"download=True{hint}",
            name,
        )
    try:
        builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=manual_dir))
    except Exception as error:  # the downloader and each data set's own code raise errors of every type
        reason = " ".join(str(error).split())
        raise Unavailable(f"The data set could not be prepared ({type(error).__name__}: {reason})", name) from error
    return builder


def read_split(builder: Any, split: str, name: str) -> Any:
    """All records of a split as NumPy arrays, in the structure of the builder's features.

    Raises:
        ValueError: the records cannot be stacked into arrays, or cannot be read.
    """
    import tensorflow_datasets as tfds

    try:
        return tfds.as_numpy(builder.as_dataset(split=split, batch_size=-1))
    except Exception as error:  # TensorFlow's errors have no common base class that is public
        raise ValueError(f"{name}: the split {split!r} cannot be read as one array. Received: {error}") from error


def keys_of(info: Any, context: str | None, name: str) -> tuple[str, str | None]:
    """The features that are the input and the context."""
    features: Any = info.features
    supervised: Any = info.supervised_keys or (None, None)
    key: Any = "image" if "image" in features else supervised[0]
    if key not in features:
        raise ValueError(f'{name} has no "image" and no supervised input to model. Received: features {sorted(features)}')
    if context is None:
        return key, None
    label = supervised[1] if context == "label" and "label" not in features else context
    if label not in features:
        raise ValueError(f"{name}: the context must be one of {sorted(set(features) - {key})}. Received: {context!r}")
    return key, label


def split_names(splits: Any, name: str) -> dict[str, str]:
    """The names that TFDS gives the splits, by ours."""
    names = {SPLIT_WORDS[split]: split for split in splits if split in SPLIT_WORDS}
    if "train" in names:
        return names
    if len(splits) != 1:
        raise ValueError(f'{name} has no split "train". Received: {sorted(splits)}')
    return {"all": next(iter(splits))}


def values_of(x: np.ndarray | Mapping[str, Any], name: str) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """One feature of a whole split as an array `[N, *event]`, and the names of its columns where it is a dict."""
    if isinstance(x, np.ndarray):
        return (x[:, None] if x.ndim == 1 else x), None
    columns = tuple(sorted(x))
    wrong = [c for c in columns if not (isinstance(x[c], np.ndarray) and x[c].ndim == 1 and x[c].dtype.kind in "biuf")]
    if wrong:
        raise ValueError(f"{name}: the columns of a table must be numbers. Received: {wrong}")
    return np.stack([x[column].astype(np.float64) for column in columns], axis=1), columns


def label_names_of(info: Any, label: str | None) -> tuple[str, ...] | None:
    """The names of the classes of a feature, where TFDS knows them."""
    names = None if label is None else getattr(info.features[label], "names", None)
    return tuple(names) if names else None


def labels_of(arrays: Mapping[str, Any], label: str, info: Any, name: str) -> np.ndarray:
    """The labels of rows `[N]`: the names of their classes where the feature knows them."""
    values, names = arrays[label], label_names_of(info, label)
    if not names:
        return values
    if (values < 0).any():  # TFDS writes -1 where there is no label
        raise ValueError(f"{name}: each row needs a label to condition on. Received: {(values < 0).sum()} rows without one")
    return np.array(names)[values]
