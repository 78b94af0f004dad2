"""Data sets by name: what is embedded, and what TensorFlow Datasets has prepared or can prepare."""

import os
import re
from pathlib import Path

import numpy as np

from tfar.datasets import digits
from tfar.datasets.source import Source, Split

NAME = re.compile(r"\w+(/[\w.+-]+)?(:[\w.*]+)?")
SPLIT_NAMES = {"train": "train", "validation": "validation", "valid": "validation", "test": "test"}


def resolve_data_dir(data_dir=None):
    """The TFDS data_dir as an absolute path: the argument, else the environment's TFDS_DATA_DIR, else None.

    Raises:
      ValueError: if it is no folder.
    """
    chosen = data_dir or os.environ.get("TFDS_DATA_DIR")
    if not chosen:
        return None
    if not Path(chosen).expanduser().is_dir():
        origin = "data_dir" if data_dir else "TFDS_DATA_DIR"
        raise ValueError(f"{origin} must be an existing folder. Received: {chosen}")
    return str(Path(chosen).expanduser().resolve())


def available(data_dir=None):
    """Names that `load` finds without a network: the embedded data set, and those prepared in the data_dir.

    Args:
      data_dir: a TFDS data_dir; None for TFDS_DATA_DIR, and then for TFDS's own default.

    Returns:
      A list of names, such as `["digits", "mnist", "wine_quality/red"]`.

    >>> available()[0]
    'digits'
    """
    folder = Path(resolve_data_dir(data_dir) or Path.home() / "tensorflow_datasets")
    # a data set lies in NAME/VERSION or NAME/CONFIG/VERSION
    found = [*folder.glob("*/*/dataset_info.json"), *folder.glob("*/*/*/dataset_info.json")]
    return [digits.NAME, *sorted({info.parent.parent.relative_to(folder).as_posix() for info in found})]


def read_tfds(name, data_dir=None, context=None, download=None, manual_dir=None):
    """Read a TFDS data set of images (feature "image"), of vectors, or of tables of numbers.

    The input is the feature "image", or else the first of the supervised pair; columns of a table are in the order of
    their names. TFDS shuffles its records when it writes them, so the end of a split is a fair sample of it.

    Args:
      name: as for `tfds.load`: "mnist", "wine_quality/red", "mnist:3.0.1"; or one of the builders in `tfar.datasets.uci`.
      data_dir: where data sets are prepared; None for TFDS_DATA_DIR, and then for TFDS's own default.
      context: None; "label" for the second of the supervised pair; or the name of a feature.
      download: whether a data set that is not prepared is downloaded and prepared; None for yes only without a data_dir,
        or with a manual_dir.
      manual_dir: the folder of original files that TFDS cannot fetch; None for downloads/manual in the data_dir.

    Returns:
      A `Source`.

    Raises:
      ValueError: for a name, an original file or a context that is not there, and for features of another sort.
    """
    folder = resolve_data_dir(data_dir)
    if download is None:
        download = folder is None or manual_dir is not None
    builder = prepared_builder(name, folder, download, manual_dir)
    features, supervised = builder.info.features, builder.info.supervised_keys or (None, None)
    key = "image" if "image" in features else supervised[0]
    if key not in features:
        raise ValueError(f'{name} has no "image" and no supervised input to model. Received: features {sorted(features)}')
    label = None
    if context is not None:
        label = supervised[1] if context == "label" and "label" not in features else context
        if label not in features:
            raise ValueError(f"{name}: the context must be one of {sorted(set(features) - {key})}. Received: {context!r}")

    names = {SPLIT_NAMES[split]: split for split in builder.info.splits if split in SPLIT_NAMES}
    if "train" not in names:
        if len(builder.info.splits) != 1:
            raise ValueError(f'{name} has no split "train". Received: {sorted(builder.info.splits)}')
        names = {"all": next(iter(builder.info.splits))}
    splits, columns = {}, None
    for split_name, split in names.items():
        arrays = read_split(builder, split, name)
        x, columns = _values(arrays[key], name)
        splits[split_name] = Split(x, None if label is None else _labels(arrays[label], features[label], name))
    classes = getattr(features[label], "names", None) if label else None
    return Source(splits, columns=columns, label_names=tuple(classes) if classes else None, in_order=False)


def prepared_builder(name, folder, download, manual_dir=None):
    """The TFDS builder of a data set that is prepared in a folder, or is prepared there first; arguments as `read_tfds`."""
    choices = f"Found without a network: {', '.join(available(folder))}; or give the path of a .npz, .npy or .csv file"
    if not NAME.fullmatch(name):
        raise ValueError(f"There is no such data set or file. {choices}. Received: {name!r}")
    import tensorflow_datasets as tfds

    from tfar.datasets import uci

    try:
        builder = uci.BUILDERS[name](data_dir=folder) if name in uci.BUILDERS else tfds.builder(name, data_dir=folder, try_gcs=False)
    except (ValueError, ImportError, AssertionError):  # the last for a version that there is not
        raise ValueError(f"There is no such data set. {choices}. Received: {name!r}") from None
    if builder.is_prepared():
        return builder
    if not download:
        manual = builder.MANUAL_DOWNLOAD_INSTRUCTIONS
        hint = f" It is made of original files in a manual_dir: {' '.join(manual.split())}." if manual else ""
        raise ValueError(
            f"The data set is not prepared in {folder or 'the default folder'}, and nothing is downloaded into a given one unless asked "
            f"for (download=True).{hint} {choices}. Received: {name!r}"
        )
    try:
        builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=manual_dir))
    except Exception as error:  # the downloader and each data set's own code raise errors of every type
        reason = " ".join(str(error).split())
        raise ValueError(f"The data set could not be prepared ({type(error).__name__}: {reason}). {choices}. Received: {name!r}") from error
    return builder


def read_split(builder, split, name):
    """All records of a split as NumPy arrays, as the builder's features have them."""
    import tensorflow_datasets as tfds

    try:
        return tfds.as_numpy(builder.as_dataset(split=split, batch_size=-1))
    except Exception as error:  # TensorFlow's errors have no common base class that is public
        raise ValueError(f"{name}: the split {split!r} cannot be read as one array. Received: {error}") from error


def _values(x, name):
    """One feature of a whole split as an array `[N, *event]`, and the names of its columns where it is a dict."""
    if not isinstance(x, dict):
        return (x[:, None] if x.ndim == 1 else x), None
    columns = tuple(sorted(x))
    wrong = [c for c in columns if not (isinstance(x[c], np.ndarray) and x[c].ndim == 1 and x[c].dtype.kind in "biuf")]
    if wrong:
        raise ValueError(f"{name}: the columns of a table must be numbers. Received: {wrong}")
    return np.stack([x[column].astype(np.float64) for column in columns], axis=1), columns


def _labels(values, feature, name):
    names = getattr(feature, "names", None)
    if not names:
        return values
    if (values < 0).any():  # TFDS writes -1 where there is no label
        raise ValueError(f"{name}: each row needs a label to condition on. Received: {(values < 0).sum()} rows without one")
    return np.array(names)[values]
