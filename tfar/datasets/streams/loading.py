"""Data that are larger than memory: training rows that stay in their files, beside validation and test rows in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from tfar.datasets.catalogue import resolve_data_dir
from tfar.datasets.dataset import Dataset, TableOptions, check_options, given_options
from tfar.datasets.preparation import Preparation
from tfar.datasets.schema import Schema
from tfar.datasets.source import SPLITS, Split, concatenated, place_of, refuse_changes
from tfar.datasets.streams.array_facts import ArrayFacts
from tfar.datasets.streams.arrays import ArrayReader
from tfar.datasets.streams.catalogue import CatalogueReader, is_tfds
from tfar.datasets.streams.delimited import DelimitedReader
from tfar.datasets.streams.division import TEST, TRAIN, VALIDATION, Division
from tfar.datasets.streams.parquet import ParquetReader
from tfar.datasets.streams.records import RecordReader
from tfar.datasets.streams.rows import RowStream
from tfar.datasets.streams.shards import Reader, Shards, find_shards, rows_of
from tfar.datasets.streams.table_facts import TableFacts
from tfar.datasets.table_set import TableSet, log_shares
from tfar.validation import check_counts, check_flags, check_seeds

if TYPE_CHECKING:
    from typing_extensions import Unpack

READING = ("delimiter", "decimal", "header", "na_values")  # options of delimited text
KINDS = ("categorical", "numeric")
KEPT = ("columns", "drop")


class StreamOptions(TableOptions, total=False):
    """Options of `stream` that some files have."""

    context: str | None
    features: Mapping[str, Any] | None
    test: str | Path | None
    data_dir: str | Path | None
    download: bool | None


class Streamed:
    """What a `Dataset` and a `TableSet` of a stream have in common: `splits` are of rows in memory, of the training rows a sample."""

    train: Any
    validation: Split
    test: Split
    name: str
    settings: dict[str, Any]

    @property
    def splits(self) -> dict[str, Split]:
        """`{"train": a sample of the training rows, "validation": ..., "test": ...}`."""
        return {"train": self.train.sample, "validation": self.validation, "test": self.test}

    def to_config(self) -> dict[str, Any]:
        """A dict that JSON can hold; sizes and checksums are those of `splits`. See `tfar.datasets.load_config`."""
        return {**super().to_config(), "stream": {**self.settings, "rows": len(self.train)}}  # pyright: ignore[reportAttributeAccessIssue]

    def __repr__(self) -> str:
        return super().__repr__().replace("train=", f"train={len(self.train)} streamed, sample=")


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class StreamedDataset(Streamed, Dataset):
    """A `Dataset` whose training rows are a `RowStream`.

    Attributes:
        settings: how it is read: arguments of `stream`.
    """

    train: RowStream  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]
    settings: dict[str, Any]


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class StreamedTable(Streamed, TableSet):
    """A `TableSet` whose training rows are a `RowStream`.

    Attributes:
        settings: how it is read: arguments of `stream`.
    """

    train: RowStream  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]
    settings: dict[str, Any]


def stream(
    source: str | Path,
    *,
    held: int = 10_000,
    sample: int = 50_000,
    seed: int = 0,
    levels: int | None = None,
    preparation: Preparation | Schema | None = None,
    buffer: int | None = None,
    shuffle: bool = True,
    skip_damaged: bool = False,
    **options: Unpack[StreamOptions],
) -> Any:
    """Prepare rows that need not fit in memory, as `tfar.datasets.load` prepares those that do.

    The rows are read once, a block at a time, for what must be known of all of them: the range of the values, means and standard
    deviations, the kinds of columns; text and TFRecord are read once more before, to count their rows. How frequent the values of a table
    are comes from a sample, see `TableFacts`. Validation and test rows are kept in memory, and so is the sample of the training rows.
    All other rows train, and are read again in each pass; see `RowStream`. A hash of a row's number says to which split it belongs, see
    `Division`; so the division does not depend on how the rows are cut into shards.

    Args:
        source: a file, a folder of files, or a pattern such as `"big/*.parquet"`, all of one format: Parquet, delimited text, `.npy`
            (which is read by memory maps) or TFRecord; or a name known to TFDS, whose splits are kept.
        held: rows that validate, and rows that test, on average; a tenth of the rows each where that is less.
        sample: training rows that are kept in memory, on average.
        seed: of the division.
        levels, preparation: as for `load`.
        buffer, shuffle: see `RowStream`.
        skip_damaged: True leaves out damaged shards, row groups, rows and records, and counts them in `notes`; False refuses them.
        **options: of a table `by_column`, `categorical`, `numeric`, `drop` and `columns`, as for `load`; of text `delimiter`, `decimal`,
            `header` and `na_values`; of TFRecord `features`, name -> `tf.io.FixedLenFeature` (None finds them in the first example); of
            files `test`, other files of the format, whose rows test; of TFDS `data_dir` and `download`, as for `load`; and `context`, what
            to condition on: the name of a column of a table, or of a feature of TFRecord or TFDS ("label" for that of its supervised pair).

    Returns:
        A `StreamedDataset` or `StreamedTable`: `train` is a `RowStream`, `validation` and `test` are of `Split`.

    Raises:
        ValueError: there are no such files; a shard is damaged or has other columns; there are too few rows; or as `load`.
    """
    check_counts(held=held, sample=sample)
    check_seeds(seed=seed)
    check_flags(shuffle=shuffle, skip_damaged=skip_damaged)
    check_options(StreamOptions, options)
    given = given_options(options)
    context = given.pop("context", None)
    if preparation is not None or levels is not None or context is not None:
        if given.get("by_column"):
            raise ValueError(f"levels and a context are for tables with one head for all columns. Received: by_column={given['by_column']}")
        given["by_column"] = isinstance(preparation, Schema)
    shards = opened(source, skip_damaged, given, context)
    division = _division(shards, held, sample, seed)
    facts, kept = _read_once(shards, division, {**given, "context": context}, preparation is None)
    if not all(map(rows_of, kept.values())):
        counts = {SPLITS[code]: rows_of(rows) for code, rows in kept.items()}
        raise ValueError(f"{shards.rows} rows are too few to train, validate and test. Received: {source}, which gives {counts}")
    of_table = isinstance(facts, TableFacts) and not (given.get("by_column") is None and facts.binary)
    written = (*READING, *(() if of_table else KEPT))  # a schema says itself which columns it has
    chosen = {name: list(given[name]) if isinstance(given[name], tuple) else given[name] for name in written if name in given}
    common = {
        "name": Path(source).name,
        "notes": tuple(shards.notes),
        "origin": {**_place(source, given), "seed": int(seed), "reading": chosen},
        "settings": {"held": held, "sample": sample, "buffer": buffer, "shuffle": shuffle, "skip_damaged": skip_damaged},
    }
    if of_table:
        schema: Any = preparation or facts.schema(pd.concat(list(kept.values()), ignore_index=True), kept[TRAIN])
        shards.convert = lambda block: Split(schema.encode(block, blanks=False))
        shares = {SPLITS[code]: log_shares(schema, rows) for code, rows in kept.items()}
        return StreamedTable(**_rows(shards, division, kept, buffer, shuffle), **common, schema=schema, log_shares=shares)
    if isinstance(facts, TableFacts):
        facts = facts.as_arrays(kept.values())
    prepared: Any = preparation or facts.preparation(levels)
    shards.convert = lambda block: prepared.apply(facts.rows(block), "x")
    common["origin"]["context"] = context
    return StreamedDataset(**_rows(shards, division, kept, buffer, shuffle), **common, preparation=prepared)


def _read_once(shards: Shards, division: Division, given: Mapping[str, Any], infer: bool) -> tuple[Any, dict[int, Any]]:
    """Read all rows once: the facts of them, where they are to be found, and those rows that are kept in memory, by split."""
    facts: Any = None
    kept: dict[int, list[Any]] = {TRAIN: [], VALIDATION: [], TEST: []}
    for number, chunk in enumerate(shards.chunks):
        for first, block in shards.blocks(number):
            facts = _facts(block, given, chunk.path, shards.reader) if facts is None else facts
            codes = division.codes(first, rows_of(block), chunk.split)
            with shards.located(number, first - chunk.first):
                rows = facts.rows(block)
                if infer:
                    facts.add(rows, codes == TRAIN)
            for code, found in kept.items():
                chosen = codes == code
                chosen &= division.sampled(first, rows_of(block)) if code == TRAIN else True
                found.append(rows.take(chosen) if isinstance(rows, Split) else rows[chosen])
    if facts is None:
        raise ValueError("There must be rows. Received: shards without any")
    joined = (lambda rows: pd.concat(rows, ignore_index=True)) if isinstance(facts, TableFacts) else concatenated
    return facts, {code: joined(rows) for code, rows in kept.items()}


def _division(shards: Shards, held: int, sample: int, seed: int) -> Division:
    """The division of all rows, or of the training rows of a source that has splits of its own."""
    own: dict[str, int] = {}
    for chunk in shards.chunks:
        if chunk.split is not None:
            own[chunk.split] = own.get(chunk.split, 0) + chunk.rows
    return Division(own.get("train", shards.rows), held, sample, seed, own)


def _place(source: str | Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """Where the rows are, in a form that holds in another working directory."""
    if is_tfds(source):
        return {"source": str(source), "data_dir": resolve_data_dir(given.get("data_dir"))}
    place = {"source": place_of(source), "data_dir": None}
    return place if given.get("test") is None else {**place, "test": place_of(given["test"])}


def _facts(block: Any, given: Mapping[str, Any], path: Path, reader: Reader) -> ArrayFacts | TableFacts:
    """What collects the facts of such blocks."""
    of_table = isinstance(block, pd.DataFrame)
    by_column = of_table and given.get("by_column") is not False
    asked = {name: given[name] for name in (*KINDS, *KEPT) if name in given}
    refused = [name for name in asked if not (of_table if name in KEPT else by_column)]
    if refused or (given.get("by_column") and not of_table):
        raise ValueError(f"{', '.join(refused) or 'by_column'} are for tables with a head for each column. Received: {path}")
    if by_column:
        return TableFacts(**asked)
    return ArrayFacts(**asked, context=given["context"], label_names=reader.label_names, names=reader.columns)


def _rows(shards: Shards, division: Division, kept: Mapping[int, Any], buffer: int | None, shuffle: bool) -> dict[str, Any]:
    """The splits, as they are modelled."""
    splits = {code: shards.convert(rows) for code, rows in kept.items()}
    train = RowStream(shards, division, splits[TRAIN], buffer, shuffle)
    return {"train": train, "validation": splits[VALIDATION], "test": splits[TEST]}


def load_stream_config(config: Mapping[str, Any], source: str | Path | None = None) -> Any:
    """Load the rows that `to_config` of a stream described again, and check that those in memory are the same.

    Args:
        config: the dict.
        source: where the files are now, if they have moved.

    Raises:
        ValueError: the files are gone, or rows have changed.
    """
    of_table = config["kind"] == "table"
    preparation: Any = Schema.from_json(config["schema"]) if of_table else Preparation.from_config(config)
    settings = {name: value for name, value in config["stream"].items() if name != "rows"}
    place = config["source"] if source is None else source
    settings |= {name: config[name] for name in ("context", "test", "data_dir") if config.get(name) is not None}
    found = stream(place, seed=config["seed"], preparation=preparation, **settings, **config["reading"])
    refuse_changes(found.splits, config, str(place))
    if len(found.train) != config["stream"]["rows"]:
        raise ValueError(f"there must be {config['stream']['rows']} training rows. Received: {len(found.train)} in {place}")
    return found


def opened(source: str | Path, skip_damaged: bool | None, given: Mapping[str, Any], context: str | None = None) -> Shards:
    """The shards of a source, whose rows are counted.

    Args:
        source, context: as for `stream`.
        skip_damaged: see `Shards`.
        given: options of text `delimiter`, `decimal`, `header` and `na_values`, of TFRecord `features`, of TFDS `data_dir` and
            `download`, and `test`; others are ignored.

    Raises:
        ValueError: there are no such files; a shard is damaged or has other columns; an option is for another format.
    """
    if is_tfds(source):
        return _of_tfds(str(source), skip_damaged, given, context)
    kind, paths = find_shards(source)
    splits: Sequence[str | None] = [None] * len(paths)
    if given.get("test") is not None:
        other, tests = find_shards(given["test"])
        if other != kind or set(tests) & set(paths):
            raise ValueError(f"test must be other files of the same format. Received: {given['test']}, beside {source}")
        paths, splits = [*paths, *tests], [*["train"] * len(paths), *["test"] * len(tests)]
    reading = {name: given[name] for name in READING if name in given}
    if reading and kind != "csv":
        raise ValueError(f"{', '.join(reading)} are for delimited text. Received: {source}")
    if "features" in given and kind != "tfrecord":
        raise ValueError(f"features are for TFRecord files. Received: {source}")
    if context is not None and kind == "npy":
        raise ValueError(f"a context is of tables, TFRecord and TFDS. Received: context={context!r} and {source}")
    readers: dict[str, Callable[[], Any]] = {
        "csv": lambda: DelimitedReader(**reading, skip_damaged=bool(skip_damaged)),
        "tfrecord": lambda: RecordReader(given.get("features"), bool(skip_damaged), context),
        "parquet": ParquetReader,
        "npy": ArrayReader,
    }
    return Shards(paths, readers[kind](), skip_damaged, splits)


def _of_tfds(name: str, skip_damaged: bool | None, given: Mapping[str, Any], context: str | None) -> Shards:
    """The shards of a data set of TFDS, which keep its splits."""
    if wrong := [option for option in (*READING, "features", "test") if given.get(option) not in (None, (), [])]:
        raise ValueError(f"{', '.join(wrong)} are for files. Received: {name}, a data set of TFDS")
    reader = CatalogueReader(name, given.get("data_dir"), context, given.get("download"))
    return Shards(reader.paths, reader, skip_damaged, reader.splits)
