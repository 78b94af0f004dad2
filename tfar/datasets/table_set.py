"""A mixed table that is ready for a model: encoded rows in three splits, and the schema that encodes and decodes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from tfar.datasets.frames import Frame, grouped, is_frame, read_frame
from tfar.datasets.schema import Category, Schema
from tfar.datasets.source import DIVISION, Source, Split, checksum, divided, division_of, place_of, refuse_changes, with_test

ASKED = ("categorical", "numeric", "drop", "columns")  # options of `Schema.infer`; others say how a table is read


@dataclass(frozen=True, repr=False, eq=False)
class TableSet:
    """A table in three splits.

    Attributes:
        name: the file's name, or the type of the object.
        train, validation, test: `Split(x)` of encoded rows, float64 `[N, D]`.
        schema: the `Schema`.
        origin: where the rows came from: a dict of `source`, `data_dir`, `seed` or `fold` and `folds`, `reading`, and where the test rows
            are of another file `test`.
        log_shares: by split, what `log_shares` returns of the rows.
        notes: one line for each thing that a user should know of how the table was read.

    >>> import pandas as pd
    >>> people = pd.DataFrame({"sex": ["f", "m"] * 20, "age": range(20, 60)})
    >>> load_table(people, numeric=["age"])
    TableSet('DataFrame', 2 columns, train=32, validation=4, test=4)
    """

    kind: ClassVar[str] = "table"
    name: str
    train: Split
    validation: Split
    test: Split
    schema: Schema
    origin: dict[str, Any]
    log_shares: dict[str, pd.DataFrame]
    notes: tuple[str, ...] = ()

    @property
    def splits(self) -> dict[str, Split]:
        """`{"train": ..., "validation": ..., "test": ...}`."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the D columns of the encoded rows."""
        return self.schema.names

    @property
    def event_shape(self) -> tuple[int]:
        """Shape of one encoded row."""
        return (len(self.schema.names),)

    def to_config(self) -> dict[str, Any]:
        """A dict that JSON can hold: origin, schema, sizes and checksums. See `tfar.datasets.load_config`."""
        return {
            "name": self.name,
            "kind": self.kind,
            **self.origin,
            "schema": self.schema.to_json(),
            "sizes": {name: len(split.x) for name, split in self.splits.items()},
            "checksums": {name: checksum(split) for name, split in self.splits.items()},
        }

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name}={len(split.x)}" for name, split in self.splits.items())
        return f"TableSet({self.name!r}, {len(self.schema.names)} columns, {sizes})"


def log_shares(schema: Schema, frame: pd.DataFrame) -> pd.DataFrame:
    """Log-probabilities in nats of cells given their encoded values, to add to those of the encoded values; see `Schema.log_share`.

    Returns:
        A DataFrame `[N, R]` of the columns that have a class of rare values. Those of other columns are 0.

    >>> words = pd.DataFrame({"word": ["often"] * 300 + [f"w{i}" for i in range(300)], "x": np.arange(600) % 5})
    >>> schema = Schema.infer(words)
    >>> log_shares(schema, words).columns.tolist()
    ['word']
    """
    rare = [column for column in schema.modelled if isinstance(column, Category) and column.rare]
    return pd.DataFrame({column.name: column.log_share(frame[column.name]) for column in rare}, index=pd.RangeIndex(len(frame)))


def load_table(
    source: Any,
    *,
    seed: int = 0,
    fold: int | None = None,
    folds: int | None = None,
    schema: Schema | None = None,
    categorical: Sequence[str] = (),
    numeric: Sequence[str] = (),
    drop: Sequence[str] = (),
    columns: Sequence[str] | None = None,
    **reading: Any,
) -> TableSet:
    """Read a mixed table, infer its schema and divide it; see `three_splits` and `fold_splits`.

    What a column can hold is found from all rows: its kind, resolution and classes, and whether it has blanks. So no division fails, and
    every value has a probability. How frequent its values are, its range, atoms and warp come from the training rows alone, of a fold from
    training and validation rows together. A category without a training row is a class of its own, or belongs to the class of rare values
    where there is one.

    Args:
        source: the path of a table, an object that holds one ; see `read_frame`.
        seed: of the division into splits.
        fold, folds: as for `tfar.datasets.load`.
        schema: of a trained model, or an edited one; None infers it.
        categorical, numeric, drop, columns: see `Schema.infer`.
        **reading: `delimiter`, `decimal`, `header` and `na_values`, see `read_frame`; and `groups`, the name of a column, such as that of
            the patient: rows in which it has the same value stay in one split, and it is not modelled.

    Raises:
        ValueError: the table cannot be read, has fewer than 4 rows, or has no column to model; a cell does not fit the schema; or a schema
            and names of columns are both given.

    >>> trees = load_table({"kind": ["oak", "elm", "ash", "yew", "oak", "elm", "ash", "yew"], "age": [3, 1, 4, 1, 5, 9, 2, 6]})
    >>> trees.schema["kind"].values, trees.train.x.shape
    (('ash', 'elm', 'oak', 'yew'), (6, 2))
    """
    asked = {"categorical": categorical, "numeric": numeric, "drop": drop, "columns": columns}
    keep = [*categorical, *numeric, *(columns or ()), *(() if schema is None else schema.names)]
    read = _read(source, keep, reading)
    return divided_table(read, source, division_of(seed, fold, folds), schema, **asked, **reading)


def divided_table(
    read: Frame, source: Any, division: Mapping[str, int], schema: Schema | None = None, test: Any = None, **options: Any
) -> TableSet:
    """`load_table` of a table that has been read.

    Args:
        read: the table, as `read_frame` returns it.
        source: where it is from.
        division: as `division_of` returns it.
        schema: as for `load_table`.
        test: another table of the test rows, which is read as this one was; None to divide this one. No statistic is of its rows, and a
            value that this table lacks is refused, unless its column has a class of rare values.
        **options: those of `Schema.infer`, and those with which the table was read.
    """
    given = {name: value for name, value in options.items() if value not in (None, (), [])}
    asked = {name: given[name] for name in ASKED if name in given}
    if schema is not None and asked:
        raise ValueError(f"the kinds of columns are those of the schema. Received: a schema, and {asked}")
    reading: dict[str, Any] = {
        key: list(value) if isinstance(value, list | tuple) else value for key, value in given.items() if key not in ASKED
    }
    read, groups = grouped(read, reading.get("groups"))
    frame, whole = read.frame, Source({"all": _numbers(read.frame)}, groups=groups)
    other = None if test is None else _without_groups(_read(test, list(frame.columns), reading), reading)
    if other is not None:
        whole = with_test(whole, _numbers(other.frame))
    rows = {name: split.x[:, 0] for name, split in divided(whole, division).items()}
    if schema is None:
        fitted = np.concatenate([rows["train"], rows["validation"]]) if "fold" in division else rows["train"]
        schema = Schema.infer(frame, **asked).refit(frame.iloc[np.sort(fitted)])
    origin = {"source": place_of(source), "data_dir": None, **{key: int(number) for key, number in division.items()}, "reading": reading}
    notes, encoded = read.notes, dict.fromkeys(rows, _encoded(schema, frame))
    if other is not None:
        origin["test"], name = place_of(test), _name(test)
        notes += tuple(f"{name}: {note}" for note in other.notes)
        encoded["test"] = _encoded(schema, other.frame, name)
    return TableSet(
        name=_name(source),
        schema=schema,
        origin=origin,
        log_shares={name: encoded[name][1].iloc[numbers].reset_index(drop=True) for name, numbers in rows.items()},
        notes=notes,
        **{name: Split(encoded[name][0][numbers]) for name, numbers in rows.items()},
    )


def _numbers(frame: pd.DataFrame) -> Split:
    """The numbers of the rows of a table, to be divided in their place."""
    return Split(np.arange(len(frame))[:, None])


def _name(source: Any) -> str:
    """What a table is called: the name of its file, or its type."""
    return Path(place_of(source)).name


def _encoded(schema: Schema, frame: pd.DataFrame, name: str | None = None) -> tuple[np.ndarray, pd.DataFrame]:
    """Encoded rows `[N, D]` and their `log_shares`; errors begin with the name of the table where there is one."""
    try:
        return schema.encode(frame, blanks=False), log_shares(schema, frame)
    except ValueError as error:
        raise error if name is None else ValueError(f"{name}: {error}") from None


def read_like(source: Any, config: Mapping[str, Any], schema: Schema) -> Frame:
    """Read a table in the format of the one that `TableSet.to_config` described.

    Raises:
        ValueError: it cannot be read.
    """
    return _without_groups(_read(source, schema.names, config["reading"]), config["reading"])


def _read(source: Any, keep: Sequence[str], reading: Mapping[str, Any]) -> Frame:
    """Read a table, with its column of groups."""
    return read_frame(source, keep=keep, **{name: value for name, value in reading.items() if name not in (*ASKED, "groups")})


def _without_groups(read: Frame, reading: Mapping[str, Any]) -> Frame:
    """A table that is not divided, without its column of groups where it has one."""
    return grouped(read, reading.get("groups"), required=False)[0]


def prepare_table(source: Any, config: Mapping[str, Any], blanks: bool = False) -> Split:
    """Encode another table by the schema of a description; see `tfar.datasets.prepare`."""
    schema = Schema.from_json(config["schema"])
    return Split(schema.encode(read_like(source, config, schema).frame, blanks))


def load_table_config(config: Mapping[str, Any], source: Any = None, test: Any = None) -> TableSet:
    """Load the table that `TableSet.to_config` describes again, and check that it is the same.

    Args:
        config: the dict.
        source, test: where the table, and another one of its test rows, are now, if they have moved, or the objects.

    Raises:
        ValueError: a table was not a file and is not given, is gone, or has changed.
    """
    source = config["source"] if source is None else source
    test = config.get("test") if test is None else test
    for one in (source, test):
        if isinstance(one, str) and not is_frame(one):
            raise ValueError(f"a table that was given in Python must be given again. Received: {one}")
    schema, division = Schema.from_json(config["schema"]), {key: config[key] for key in DIVISION if key in config}
    read = _read(source, schema.names, config["reading"])
    found = divided_table(read, source, division, schema, test, **config["reading"])
    refuse_changes(found.splits, config, place_of(source), found.origin.get("test"))
    return found
