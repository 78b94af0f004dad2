"""A data set that is ready for a model: three splits, prepared alike, and the description that repeats it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from glob import has_magic
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from tfar.datasets.arrays import is_arrays, read_object
from tfar.datasets.catalogue import resolve_data_dir
from tfar.datasets.preparation import Kind, Preparation
from tfar.datasets.readers import check_options as check_reader_options
from tfar.datasets.readers import check_test, is_local, read_source, reader_of
from tfar.datasets.source import (
    DIVISION,
    Source,
    Split,
    checksum,
    divided,
    division_of,
    evaluated_rows,
    place_of,
    refuse_changes,
    with_test,
)
from tfar.datasets.standardization import Standardization
from tfar.validation import check_flags, of_class

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from tfar.datasets.schema import Schema


class TableOptions(TypedDict, total=False):
    """Options of tables."""

    by_column: bool | None
    categorical: Sequence[str]
    numeric: Sequence[str]
    drop: Sequence[str]
    columns: Sequence[str] | None
    delimiter: str | None
    decimal: str | None
    header: bool | None
    na_values: Sequence[str]


class ImageOptions(TypedDict, total=False):
    """Options of images."""

    size: int | None
    gray: bool | None
    channels_first: bool | None


class LoadOptions(TableOptions, ImageOptions, total=False):
    """Options of `load` that some sources have."""

    manual_dir: str | Path | None
    test: Any
    groups: str | None


def check_options(known: Any, options: Mapping[str, Any]) -> None:
    """Refuse options that are not among those of a `TypedDict`.

    Raises:
        ValueError: there are some; the message names the known ones.
    """
    if unknown := sorted(set(options) - set(known.__annotations__)):
        raise ValueError(f"options must be among {', '.join(known.__annotations__)}. Received: {', '.join(unknown)}")


@dataclass(frozen=True, repr=False, eq=False)
class Dataset:
    """Three prepared splits.

    Attributes:
        name: a short name of the source: "digits", "wine_quality/red", the file's name.
        train, validation, test: `Split(x, context)`. x is int32 `[N, *event]` in 0..levels-1 for discrete data, and standardised
            float32 for continuous data; context is float32 `[N, C]` or None.
        preparation: the `Preparation` that made them. Its fields are properties here, too.
        origin: where the data came from: a dict of `source`, `data_dir`, `context`, `seed`, and for a fold of a cross-validation
            `fold` and `folds`, for a table `reading`, and where the test rows are of another file `test`.
        notes: one line for each thing that a user should know of how the data were read.

    >>> load("digits")
    Dataset('digits', binary, event_shape=(8, 8, 1), train=1297, validation=250, test=250)
    """

    name: str
    train: Split
    validation: Split
    test: Split
    preparation: Preparation
    origin: dict[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """The kind of x: "binary", "categorical" or "continuous"."""
        return self.preparation.kind

    @property
    def levels(self) -> int | None:
        """Number of classes of discrete x; None for continuous x."""
        return self.preparation.levels

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one row of x."""
        return self.preparation.event_shape

    @property
    def standardization(self) -> Standardization | None:
        """The `Standardization` of continuous x; None for discrete x."""
        return self.preparation.standardization

    @property
    def columns(self) -> tuple[str, ...] | None:
        """Names of the columns of a table, or None."""
        return self.preparation.columns

    @property
    def context_names(self) -> tuple[str, ...] | None:
        """The classes of a one-hot context in order, or None."""
        return self.preparation.context_names

    @property
    def context_size(self) -> int | None:
        """C of a context `[N, C]`, or None."""
        return self.preparation.context_size

    @property
    def splits(self) -> dict[str, Split]:
        """`{"train": ..., "validation": ..., "test": ...}`."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def log_jacobian(self) -> float:
        """Nats to add to a log density of x to have it in the data's own units; 0.0 for discrete data."""
        return 0.0 if self.standardization is None else self.standardization.log_jacobian

    def standardize(self, x: Any) -> Any:
        """From the data's own units to x as modelled; discrete values are returned as they are."""
        return x if self.standardization is None else self.standardization.apply(x)

    def unstandardize(self, x: Any) -> Any:
        """From x as modelled to the data's own units; discrete values are returned as they are."""
        return x if self.standardization is None else self.standardization.invert(x)

    def to_config(self) -> dict[str, Any]:
        """A dict that JSON can hold: origin, preparation, sizes and checksums. See `load_config` and `prepare`."""
        return {
            "name": self.name,
            **self.origin,
            **self.preparation.to_config(),
            "sizes": {name: len(split.x) for name, split in self.splits.items()},
            "checksums": {name: checksum(split) for name, split in self.splits.items()},
        }

    def __repr__(self) -> str:
        kind = f"{self.kind} of {self.levels} levels" if self.kind == "categorical" else self.kind
        parts = [repr(self.name), kind, f"event_shape={self.event_shape}"]
        if self.context_size is not None:
            parts.append(f"context_size={self.context_size}")
        return f"Dataset({', '.join(parts)}, {', '.join(f'{name}={len(split.x)}' for name, split in self.splits.items())})"


def load(
    source: Any,
    data_dir: str | Path | None = None,
    *,
    levels: int | None = None,
    context: str | None = None,
    seed: int = 0,
    fold: int | None = None,
    folds: int | None = None,
    download: bool | None = None,
    preparation: Preparation | Schema | None = None,
    **options: Unpack[LoadOptions],
) -> Any:
    """Load and prepare a data set.

    A table has a schema, which says of each column what it is: a `TableSet`. All others are arrays of values of one kind: a `Dataset`. So
    are tables whose values are all 0 or 1, and those with `levels`, a `context` or `by_column=False`, whose columns must be numbers.

    Integer arrays are categorical. Floats, and the columns of a table, are continuous unless all values are 0 or 1. `levels=K` quantises to
    K classes. See `Preparation.fit`. Continuous data are standardised by the mean and standard deviation of the training rows. The digits
    are binary by default (`levels=17` keeps their grey levels). Splits that the source lacks are held out; see `three_splits`.

    A `fold` divides the rows by `fold_splits`. Its statistics are those of training and validation rows together, as in RNADE's
    protocol, where validation rows are trained on as well once they have chosen the settings.

    Args:
        source: "digits"; the path of a .npz or .npy file; the path of a table (.csv, .parquet, ...) or an object that holds one, see
            `tfar.datasets.frames.read_frame`; a folder or pattern of PNG and JPEG files, "faces/*.png", see
            `tfar.datasets.images.read_images`; an array of images, (x, context), or a dict of arrays, see
            `tfar.datasets.arrays.read_object`; or a name known to TFDS.
        data_dir: TFDS's folder of prepared data sets; None for the environment's TFDS_DATA_DIR, then for TFDS's default.
        levels: number of classes to quantise to, or None.
        context: what to condition on: None; "label"; "context" (vectors in a .npz file); the name of a table's column or TFDS feature.
            Objects (x, context) have it with them.
        seed: of the division into splits, where the source has none of its own.
        fold: the fold of a cross-validation, 0..folds-1, where the source has no splits of its own; or None.
        folds: number of folds; None for 10 where there is a fold.
        download: whether TFDS may download a data set that is not prepared; None: only without a data_dir, or with a manual_dir.
        preparation: how the rows are prepared, as those of a trained model were: its levels, columns and statistics, or its schema; None
            infers it.
        **options: of files `test`, another file or object, which holds the test rows; those of `source` are then training and validation
            rows, and nothing is inferred from the test rows. Of TFDS `manual_dir`, the folder of original files of data sets that it cannot
            download, such as those of `tfar.datasets.uci` (default: downloads/manual in the data_dir). Of a table `by_column`, whether it
            has a schema (None for the rule above); `categorical`, `numeric`, `drop` and `columns`, see `Schema.infer`; `groups`, the name
            of a column, such as that of the patient: rows in which it has the same value stay in one split, and it is not modelled;
            `delimiter`, `decimal`, `header` and `na_values`, see `read_frame`. Of image files `size` and `gray`, see `read_images`. Of
            arrays `channels_first`, see `tfar.datasets.arrays.channels_last`.

    Returns:
        A `Dataset`, or a `TableSet`.

    Raises:
        ValueError: the source does not exist or cannot be read, or its data cannot be modelled.

    >>> dataset = load("digits", levels=17, context="label")
    >>> dataset.kind, dataset.train.x.dtype.name, dataset.train.context.shape
    ('categorical', 'int32', (1297, 10))
    """
    of_class(str | None, context=context)
    check_options(LoadOptions, options)
    division, chosen = division_of(seed, fold, folds), given_options(options)
    manual_dir, by_column, test = (chosen.pop(name, None) for name in ("manual_dir", "by_column", "test"))
    if test is not None:
        check_test(source, test)
        if fold is not None:
            raise ValueError(f"a fold has test rows of its own. Received: fold={fold}, and test rows {place_of(test)}")
    of_images = image_options(chosen)
    if _is_table(source, data_dir, download):
        from tfar.datasets import table_set, tables  # import pandas

        if of_images:
            raise ValueError(f"{', '.join(of_images)} are for images. Received: {_shown(source)}")
        alike = levels is not None or context is not None or isinstance(preparation, Preparation)
        schema = None if isinstance(preparation, Preparation) else preparation
        asked = {**chosen, "by_column": by_column if schema is None else True}
        read = tables.read_table(source, asked, alike, context, advice=tables.OF_WORDS)
        if not isinstance(read, Source):
            return table_set.divided_table(read, source, division, schema, test, **chosen)
    elif by_column or set(chosen) - set(of_images):
        raise ValueError(f"{', '.join(chosen) or 'by_column'} are for tables. Received: {_shown(source)}")
    elif isinstance(source, str | Path):
        check_reader_options(source, of_images)
        read = read_source(source, data_dir, context=context, download=download, manual_dir=manual_dir, **of_images)
    else:
        read = read_object(source, context, chosen.get("channels_first"))
        context = context or _context_of(read)
    other = None if test is None else read_like(test, {"context": context, "reading": chosen})
    splits = _divided(read, division, test, other)
    if preparation is None:
        fitted = splits if fold is None else {**splits, "train": splits["train"].joined(splits["validation"])}
        fitted = {name: split for name, split in fitted.items() if other is None or name != "test"}
        preparation = Preparation.fit(read, fitted, read.default_levels if levels is None else levels)
    elif not isinstance(preparation, Preparation):
        raise ValueError(f"a schema is for tables. Received: {source}, and preparation={preparation!r}")
    elif levels is not None:
        raise ValueError(f"levels are those of the preparation. Received: levels={levels}, and preparation={preparation}")
    prepared = _prepared(preparation, splits, read, test, other)
    origin = {**_place(source, data_dir), "context": context, **{key: int(number) for key, number in division.items()}}
    origin |= {"reading": chosen} if chosen else {}
    origin |= {} if test is None else {"test": place_of(test)}
    notes = (*read.notes, *preparation.notes(splits["train"].x))
    return Dataset(name=_name(source), preparation=preparation, origin=origin, notes=notes, **prepared)


def load_config(
    config: Mapping[str, Any], source: Any = None, data_dir: str | Path | None = None, download: bool | None = None, test: Any = None
) -> Any:
    """Load the data that `Dataset.to_config` or `TableSet.to_config` describes again, with its statistics, and check that it is the same.

    The source is read once, for all three splits.

    Args:
        config: the dict.
        source, data_dir: where the data are now, if they have moved.
        download: as for `load`.
        test: where test rows of another file are now, if they have moved.

    Returns:
        A `Dataset` or `TableSet`, equal to the one that was described up to the order of rows.

    Raises:
        ValueError: the data do not exist any more, or have changed.

    >>> dataset = load("digits")
    >>> load_config(dataset.to_config())
    Dataset('digits', binary, event_shape=(8, 8, 1), train=1297, validation=250, test=250)
    """
    if isinstance(config, Mapping) and config.get("kind") == "table":
        from tfar.datasets.table_set import load_table_config

        return load_table_config(config, source, test)
    config = _described(config)
    origin = {key: config[key] for key in ("source", "data_dir", "context", *DIVISION, "reading", "test") if key in config}
    test = origin.get("test") if test is None else test
    origin |= {} if test is None else {"test": place_of(test)}
    if source is not None:
        origin["source"] = _place(source, None)["source"]
    origin["data_dir"] = data_dir or stored_dir(config)
    read = read_like(origin["source"] if source is None else source, config, origin["data_dir"], download=download, divided=True)
    preparation = Preparation.from_config(config)
    other = None if test is None else read_like(test, config)
    splits = _divided(read, {key: origin[key] for key in DIVISION if key in origin}, test, other)
    prepared = _prepared(preparation, splits, read, test, other)
    refuse_changes(prepared, config, origin["source"], origin.get("test"))
    return Dataset(name=config["name"], preparation=preparation, origin=origin, notes=read.notes, **prepared)


def stored_dir(config: Mapping[str, Any]) -> str | None:
    """The data_dir that a description names; None where it does not exist, and `load` falls back to the usual one."""
    return config["data_dir"] if config["data_dir"] and Path(config["data_dir"]).is_dir() else None


def prepare(
    source: Any,
    config: Mapping[str, Any],
    *,
    allow_blanks: bool = False,
    data_dir: str | Path | None = None,
    name: str = "x",
) -> Split:
    """Prepare other data as those of a description were: for evaluation or completion by a trained model.

    All rows of undivided data are taken, and the test rows of divided data.

    Args:
        source: as for `load`; or a `Source` that `read_like` read with these `allow_blanks`.
        config: a dict from `to_config`.
        allow_blanks: True keeps blank cells (and NaN) as NaN in x, which is then float32 for discrete data as well; of a table with a
            schema as `tfar.columns.BLANK` in columns that had none.
        data_dir: as for `load`.
        name: what errors call a `Source`.

    Returns:
        A `Split(x, context)`.

    Raises:
        ValueError: the data do not fit the description: another event shape, other columns, or values out of range.

    >>> prepare("digits", load("digits").to_config()).x.shape
    (250, 8, 8, 1)
    """
    check_flags(allow_blanks=allow_blanks)
    if isinstance(config, Mapping) and config.get("kind") == "table":
        from tfar.datasets.table_set import prepare_table

        return prepare_table(source, config, allow_blanks)
    config = _described(config)
    if isinstance(source, Source):
        read = source
    else:
        read, name = read_like(source, config, data_dir, allow_blanks=allow_blanks), _name(source)
    return Preparation.from_config(config).apply(evaluated_rows(read, name), name, read.columns, allow_blanks)


def read_like(
    source: Any,
    config: Mapping[str, Any],
    data_dir: str | Path | None = None,
    *,
    allow_blanks: bool = False,
    download: bool | None = None,
    divided: bool = False,
) -> Source:
    """Read a data source as that of a description was: with its context, and of a table in its format.

    Args:
        source, data_dir, download: as for `load`.
        config: a dict from `Dataset.to_config`.
        allow_blanks: whether blank cells of a table are read as NaN.
        divided: whether the rows are to be divided, so that a table needs its column of groups.

    Raises:
        ValueError: the source cannot be read.
    """
    if not _is_table(source, data_dir, download):
        asked = image_options(config.get("reading", {}))
        if not isinstance(source, str | Path):
            return read_object(source, config["context"], asked.get("channels_first"))
        return read_source(source, data_dir, context=config["context"], allow_blanks=allow_blanks, download=download, **asked)
    from tfar.datasets import tables

    reading = {**config.get("reading", {}), "by_column": False}
    found = tables.read_table(source, reading, context=config["context"], allow_blanks=allow_blanks, divided=divided)
    assert isinstance(found, Source)  # as by_column says
    return found


def _divided(read: Source, division: Mapping[str, Any], test: Any, other: Source | None) -> dict[str, Split]:
    """The splits of a source, and where there is another one, of `test`, the test rows of that."""
    return divided(read if other is None else with_test(read, evaluated_rows(other, _name(test))), division)


def _prepared(preparation: Preparation, splits: Mapping[str, Split], read: Source, test: Any, other: Source | None) -> dict[str, Split]:
    """The splits of `_divided` as they are modelled."""
    own = {name: (name, read.columns) for name in splits}
    where = own if other is None else {**own, "test": (_name(test), other.columns)}
    return {name: preparation.apply(split, *where[name]) for name, split in splits.items()}


def _described(config: Any) -> Mapping[str, Any]:
    """A description that `Dataset.to_config` made, or a ValueError."""
    expected = {"name", "source", "data_dir", "context", "kind", "event_shape", "checksums"}
    if lost := sorted(expected - set(of_class(Mapping, config=config))):
        raise ValueError(f"config must be that of Dataset.to_config. Received: config={config!r}, without {', '.join(lost)}")
    return config


def _check_place(source: Any, data_dir: Any, download: Any) -> None:
    of_class(str | PathLike, source=source)
    of_class(str | PathLike | None, data_dir=data_dir)
    if download is not None:
        check_flags(download=download)


def _place(source: Any, data_dir: str | Path | None) -> dict[str, Any]:
    """Where a data source is, in a form that holds in another working directory; of an object its type."""
    if not isinstance(source, str | Path) or is_local(source):
        return {"source": place_of(source), "data_dir": None}
    return {"source": str(source), "data_dir": resolve_data_dir(data_dir) if reader_of(source).in_data_dir else None}


def _shown(source: Any) -> str:
    """A data source in errors: a path as it was given, of an object its type."""
    return str(source) if isinstance(source, str | Path) else type(source).__name__


def _name(source: Any) -> str:
    """What a data source is called."""
    if not isinstance(source, str | Path):
        return type(source).__name__
    return str(source) if not is_local(source) or has_magic(str(source)) else Path(place_of(source)).name


def _is_table(source: Any, data_dir: Any, download: Any) -> bool:
    """Whether a source is a table, by its name, or an object that holds one.

    Raises:
        ValueError: no reader knows it.
    """
    if isinstance(source, str | Path):
        _check_place(source, data_dir, download)
        return reader_of(source, data_dir).of_tables
    if is_arrays(source):
        return False
    from tfar.datasets.frames import is_frame

    if not is_frame(source):
        raise ValueError(
            f"source must be a name, a path, an array, (x, context), or an object that holds a table. Received: source={source!r}"
        )
    return True


def _context_of(read: Source) -> str | None:
    """How the context is called that came with arrays: "label" for labels `[N]`, "context" for numbers `[N, C]`."""
    context = next(iter(read.splits.values())).context
    return None if context is None else "label" if context.ndim == 1 else "context"


def image_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of some options that are for images."""
    return {name: options[name] for name in ImageOptions.__annotations__ if name in options}


def given_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options that are not left at their default, as JSON holds them."""
    given = {name: value for name, value in options.items() if value is not None and not (isinstance(value, list | tuple) and not value)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
