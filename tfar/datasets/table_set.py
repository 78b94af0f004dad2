"""A mixed table that is ready for a model: encoded rows in three splits, and the schema that encodes and decodes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tfar.datasets.frames import Frame, is_frame, read_frame
from tfar.datasets.schema import Schema
from tfar.datasets.source import DIVISION, Source, Split, checksum, divided, division_of, refuse_changes

ASKED = ("categorical", "numeric", "drop", "columns")  # options of `Schema.infer`; others say how a table is read


@dataclass(frozen=True, repr=False, eq=False)
class TableSet:
    """A table in three splits.

    Attributes:
        name: the file's name, or the type of the object.
        train, validation, test: `Split(x)` of encoded rows, float64 `[N, D]`.
        schema: the `Schema`.
        origin: where the rows came from: a dict of `source`, `data_dir`, `seed` or `fold` and `folds`, and `reading`.
        log_shares: by split, nats `[N]` to add to a row's log-probability of encoded values for that of the row itself; see
            `Schema.log_share`.
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
    log_shares: dict[str, np.ndarray]
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
        **reading: `delimiter`, `decimal`, `header` and `na_values`; see `read_frame`.

    Raises:
        ValueError: the table cannot be read, has fewer than 4 rows, or has no column to model; a cell does not fit the schema; or a schema
            and names of columns are both given.

    >>> trees = load_table({"kind": ["oak", "elm", "ash", "yew", "oak", "elm", "ash", "yew"], "age": [3, 1, 4, 1, 5, 9, 2, 6]})
    >>> trees.schema["kind"].values, trees.train.x.shape
    (('ash', 'elm', 'oak', 'yew'), (6, 2))
    """
    asked = {"categorical": categorical, "numeric": numeric, "drop": drop, "columns": columns}
    keep = [*categorical, *numeric, *(columns or ()), *(() if schema is None else schema.names)]
    read = read_frame(source, keep=keep, **reading)
    return divided_table(read, source, division_of(seed, fold, folds), schema, **asked, **reading)


def divided_table(read: Frame, source: Any, division: Mapping[str, int], schema: Schema | None = None, **options: Any) -> TableSet:
    """`load_table` of a table that has been read.

    Args:
        read: the table, as `read_frame` returns it.
        source: where it is from.
        division: as `division_of` returns it.
        schema: as for `load_table`.
        **options: those of `Schema.infer`, and those with which the table was read.
    """
    frame, given = read.frame, {name: value for name, value in options.items() if value not in (None, (), [])}
    asked = {name: given[name] for name in ASKED if name in given}
    if schema is not None and asked:
        raise ValueError(f"the kinds of columns are those of the schema. Received: a schema, and {asked}")
    parts = divided(Source({"all": Split(np.arange(len(frame))[:, None])}), division)
    rows = {name: split.x[:, 0] for name, split in parts.items()}
    if schema is None:
        fitted = np.concatenate([rows["train"], rows["validation"]]) if "fold" in division else rows["train"]
        schema = Schema.infer(frame, **asked).refit(frame.iloc[np.sort(fitted)])
    encoded, shares = schema.encode(frame, blanks=False), schema.log_share(frame).sum(axis=1)
    reading = {key: list(value) if isinstance(value, list | tuple) else value for key, value in given.items() if key not in ASKED}
    of_file = isinstance(source, str | Path)
    place = str(Path(source).expanduser().absolute()) if of_file else type(source).__name__
    return TableSet(
        name=Path(source).name if of_file else place,
        schema=schema,
        origin={"source": place, "data_dir": None, **{key: int(number) for key, number in division.items()}, "reading": reading},
        log_shares={name: shares[numbers] for name, numbers in rows.items()},
        notes=read.notes,
        **{name: Split(encoded[numbers]) for name, numbers in rows.items()},
    )


def read_like(source: Any, config: Mapping[str, Any], schema: Schema) -> Frame:
    """Read a table in the format of the one that `TableSet.to_config` described.

    Raises:
        ValueError: it cannot be read.
    """
    reading = {name: value for name, value in config["reading"].items() if name not in ASKED}
    return read_frame(source, keep=schema.names, **reading)


def prepare_table(source: Any, config: Mapping[str, Any], blanks: bool = False) -> Split:
    """Encode another table by the schema of a description; see `tfar.datasets.prepare`."""
    schema = Schema.from_json(config["schema"])
    return Split(schema.encode(read_like(source, config, schema).frame, blanks))


def load_table_config(config: Mapping[str, Any], source: Any = None) -> TableSet:
    """Load the table that `TableSet.to_config` describes again, and check that it is the same.

    Args:
        config: the dict.
        source: where the table is now, if it has moved, or the object.

    Raises:
        ValueError: the table was not a file and is not given, is gone, or has changed.
    """
    source = config["source"] if source is None else source
    if isinstance(source, str) and not is_frame(source):
        raise ValueError(f"a table that was given in Python must be given again. Received: {source}")
    division = {key: config[key] for key in DIVISION if key in config}
    found = load_table(source, schema=Schema.from_json(config["schema"]), **division, **config["reading"])
    refuse_changes(found.splits, config, source)
    return found
