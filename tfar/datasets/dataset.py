"""A data set that is ready for a model: three splits, prepared alike, and all that is needed to do it again."""

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfar.datasets import digits
from tfar.datasets.arrays import ENDINGS, is_file_name, read_file
from tfar.datasets.catalogue import read_tfds, resolve_data_dir
from tfar.datasets.preparation import Preparation
from tfar.datasets.source import SPLITS, Split, fold_splits, three_splits, undivided

DIVISION = ("seed", "fold", "folds")  # what says which rows are in which split


@dataclass(frozen=True, repr=False, eq=False)
class Dataset:
    """Three prepared splits.

    Attributes:
      name: what it was loaded as, short: "digits", "wine_quality/red", the file's name.
      train, validation, test: `Split(x, context)`. x is int32 `[N, *event]` in 0..levels-1 for discrete data, and
        standardised float32 for continuous data; context is float32 `[N, C]` or None.
      preparation: the `Preparation` that made them; its fields `kind` ("binary", "categorical" or "continuous"),
        `levels`, `event_shape`, `standardization`, `columns`, `context_names`, `context_size` are properties here too.
      origin: where the data came from: a dict of `source`, `data_dir`, `context`, `seed`, and for a fold of a
        cross-validation `fold` and `folds`.

    >>> load("digits")
    Dataset('digits', binary, event_shape=(8, 8, 1), train=1297, validation=250, test=250)
    """

    name: str
    train: Split
    validation: Split
    test: Split
    preparation: Preparation
    origin: dict

    kind = property(lambda self: self.preparation.kind)
    levels = property(lambda self: self.preparation.levels)
    event_shape = property(lambda self: self.preparation.event_shape)
    standardization = property(lambda self: self.preparation.standardization)
    columns = property(lambda self: self.preparation.columns)
    context_names = property(lambda self: self.preparation.context_names)
    context_size = property(lambda self: self.preparation.context_size)

    @property
    def splits(self):
        """`{"train": ..., "validation": ..., "test": ...}`."""
        return {name: getattr(self, name) for name in SPLITS}

    @property
    def log_jacobian(self):
        """Nats to add to a log density of x to have it in the data's own units; 0.0 for discrete data."""
        return 0.0 if self.standardization is None else self.standardization.log_jacobian

    def standardize(self, x):
        """From the data's own units to x as modelled; discrete values are returned as they are."""
        return x if self.standardization is None else self.standardization.apply(x)

    def unstandardize(self, x):
        """From x as modelled to the data's own units; discrete values are returned as they are."""
        return x if self.standardization is None else self.standardization.invert(x)

    def to_config(self):
        """A dict that JSON can hold: origin, preparation, sizes and a checksum. See `load_config` and `prepare`."""
        return {
            "name": self.name,
            **self.origin,
            **self.preparation.to_config(),
            "sizes": {name: len(split.x) for name, split in self.splits.items()},
            "checksums": {name: _checksum(split) for name, split in self.splits.items()},
        }

    def __repr__(self):
        kind = f"{self.kind} of {self.levels} levels" if self.kind == "categorical" else self.kind
        parts = [repr(self.name), kind, f"event_shape={self.event_shape}"]
        if self.context_size is not None:
            parts.append(f"context_size={self.context_size}")
        return f"Dataset({', '.join(parts)}, {', '.join(f'{name}={len(split.x)}' for name, split in self.splits.items())})"


def load(source, data_dir=None, *, levels=None, context=None, seed=0, fold=None, folds=None, download=None, manual_dir=None):
    """Load and prepare a data set.

    Discrete data stay discrete; continuous data are standardised by the mean and the standard deviation of the training
    rows. What is discrete, and how `levels` quantises it, says `Preparation.fit`; which rows are held out where a split
    is missing, `three_splits`. The digits are binary unless `levels` says otherwise (17 keeps their grey levels).

    With a `fold`, `fold_splits` divides the rows, and the statistics are those of every chunk but the test's, of training
    and validation rows together: RNADE's protocol, where validation rows train too once they have chosen the settings.

    Args:
      source: "digits"; the path of a .npz, .npy or .csv file; or a name known to TFDS.
      data_dir: TFDS's folder of prepared data sets; None for the environment's TFDS_DATA_DIR, then for TFDS's default.
      levels: number of classes to quantise to, or None.
      context: what to condition on: "label"; "context" (a .npz file's own vectors); the name of a table's column or of
        a TFDS feature; or None.
      seed: of the division into splits, where the source has none of its own.
      fold: which fold of a cross-validation, 0..folds-1, where the source has no splits of its own; or None.
      folds: how many folds there are; None for 10 where there is a fold.
      download: whether TFDS may download and prepare what is not prepared; None for yes only without a data_dir, or with
        a manual_dir.
      manual_dir: the folder of original files, for the data sets that TFDS cannot fetch itself, such as those of
        `tfar.datasets.uci`; None for downloads/manual in the data_dir.

    Returns:
      A `Dataset`.

    Raises:
      ValueError: for a source that is not there or is not understood, and for data that cannot be modelled.

    >>> dataset = load("digits", levels=17, context="label")
    >>> dataset.kind, dataset.train.x.dtype.name, dataset.train.context.shape
    ('categorical', 'int32', (1297, 10))
    """
    source = str(source)
    read = _read(source, data_dir, context, download, manual_dir)
    if fold is None and folds is not None:
        raise ValueError(f"folds are for a cross-validation, and fold must say which one is meant. Received: fold=None, folds={folds!r}")
    division = {"seed": seed} if fold is None else {"seed": seed, "fold": fold, "folds": 10 if folds is None else folds}
    splits = _divided(read, division)
    known = splits if fold is None else {**splits, "train": splits["train"].joined(splits["validation"])}
    preparation = Preparation.fit(read, known, read.default_levels if levels is None else levels)
    prepared = {name: preparation.apply(split, name) for name, split in splits.items()}
    origin = {
        "source": str(Path(source).absolute()) if is_file_name(source) else source,
        "data_dir": None if is_file_name(source) or source == digits.NAME else resolve_data_dir(data_dir),
        "context": context,
        **{key: int(number) for key, number in division.items()},
    }
    name = Path(source).name if is_file_name(source) else source
    return Dataset(name=name, preparation=preparation, origin=origin, **prepared)


def load_config(config, source=None, data_dir=None, download=None):
    """Load again the data set that `Dataset.to_config` describes, with its statistics, and check that it is the same.

    Args:
      config: the dict.
      source, data_dir: where the data lie now, if not where they lay.
      download: as for `load`.

    Returns:
      A `Dataset`, equal to the one that was described up to the order of rows.

    Raises:
      ValueError: if the data are gone or have changed.

    >>> dataset = load("digits")
    >>> load_config(dataset.to_config())
    Dataset('digits', binary, event_shape=(8, 8, 1), train=1297, validation=250, test=250)
    """
    origin = {key: config[key] for key in ("source", "data_dir", "context", *DIVISION) if key in config}
    if source is not None:
        origin["source"] = str(Path(source).absolute()) if is_file_name(source) else str(source)
    origin["data_dir"] = data_dir or stored_dir(config)
    read = _read(origin["source"], origin["data_dir"], origin["context"], download)
    preparation = Preparation.from_config(config)
    splits = _divided(read, {key: origin[key] for key in DIVISION if key in origin})
    prepared = {name: preparation.apply(split, name, read.columns) for name, split in splits.items()}
    changed = [name for name, split in prepared.items() if _checksum(split) != config["checksums"][name]]
    if changed:
        raise ValueError(
            "The data have changed since this description was made, so its division into splits no longer holds. "
            f"Received: {origin['source']} with other rows in {', '.join(changed)}"
        )
    return Dataset(name=config["name"], preparation=preparation, origin=origin, **prepared)


def stored_dir(config):
    """The folder of prepared data that a description names, or None where it is gone: then the usual one is asked."""
    return config["data_dir"] if config["data_dir"] and Path(config["data_dir"]).is_dir() else None


def prepare(source, config, *, allow_blanks=False, data_dir=None):
    """Prepare other data exactly as those of a description were: for evaluation or completion by a trained model.

    Args:
      source: as for `load`. All rows of undivided data are taken, and the test rows of divided ones.
      config: a dict from `Dataset.to_config`.
      allow_blanks: True keeps blank cells (and NaN) as NaN in x, which is then float32 for discrete data too.
      data_dir: as for `load`.

    Returns:
      A `Split(x, context)`.

    Raises:
      ValueError: for data that do not fit the description: another event shape or other columns, values out of range.

    >>> prepare("digits", load("digits").to_config()).x.shape
    (250, 8, 8, 1)
    """
    source = str(source)
    read = _read(source, data_dir, config["context"], allow_blanks=allow_blanks)
    whole = undivided(read)
    if whole is None and "test" not in read.splits:
        raise ValueError(f'{source}: data with several splits must have one named "test". Received: {sorted(read.splits)}')
    return Preparation.from_config(config).apply(read.splits["test"] if whole is None else whole, source, read.columns, allow_blanks)


def _read(source, data_dir, context, download=None, manual_dir=None, allow_blanks=False):
    if source == digits.NAME:
        return digits.read_digits(context)
    if is_file_name(source):
        return read_file(source, context, allow_blanks)
    if Path(source).is_file():
        raise ValueError(f"The ending of a data file must be one of {', '.join(ENDINGS)}. Received: {source}")
    return read_tfds(source, data_dir, context, download, manual_dir)


def _divided(source, division):
    return fold_splits(source, **division) if "fold" in division else three_splits(source, **division)


def _checksum(split):
    """A checksum of the rows in any order: TFDS may write the same records in another order on another machine."""
    rows = [split.x.reshape(len(split.x), -1)]
    if split.context is not None:
        rows.append(split.context)
    joined = np.concatenate([np.ascontiguousarray(array).view(np.uint8).reshape(len(array), -1) for array in rows], axis=1)
    return f"{sum(map(zlib.crc32, joined)) % 2**32:08x}"
