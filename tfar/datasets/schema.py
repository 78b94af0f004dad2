"""The schema of a mixed table: the kind of each column, and the way from a DataFrame to float64 `[N, D]` and back."""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfar.datasets.frames import NUMBERED, read_frame
from tfar.datasets.inference import Asked, check_names, infer_column, refitted
from tfar.datasets.kinds import Category, Column, Constant, Dropped, Grid, Identifier, Modelled, Real, from_json, is_blank
from tfar.files import write_json
from tfar.reading import read_json

__all__ = ["Category", "Column", "Constant", "Dropped", "Grid", "Identifier", "Real", "Schema"]

VERSION = 1  # of schema.json

Label = str | int  # of a column in a DataFrame


def names_of(labels: Iterable[Label]) -> list[str]:
    """The names of columns, which are strings, of their labels.

    >>> names_of([0, "age"])
    ['0', 'age']
    """
    return [str(label) for label in ([labels] if isinstance(labels, str | int) else labels)]


@dataclass(frozen=True)
class Schema:
    """The columns of a mixed table, in order.

    Attributes:
        columns: one for each column of the DataFrame.
        numbered: names of columns whose labels in the DataFrame are the whole numbers that the names spell.

    Raises:
        ValueError: two columns have one name, or none is modelled.

    >>> people = pd.DataFrame({"sex": ["f", "m", "f", None], "age": [30, 41, 30, 50], "country": "CH"})
    >>> schema = Schema.infer(people)
    >>> print(schema)
    column   kind      blanks  details
    sex      category  yes     2 classes: f, m
    age      grid      no      28 to 52 in steps of 1
    country  constant  no      always 'CH'
    >>> schema.encode(people)[:, 0].tolist()
    [0.0, 1.0, 0.0, -9007199254740992.0]
    >>> schema.decode(schema.encode(people)).equals(people)
    True
    """

    columns: tuple[Column, ...]
    numbered: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if len(set(names)) < len(names):
            raise ValueError(f"column names must differ. Received: {names}")
        if not self.modelled:
            kinds = "; ".join(f"{column.name}: {column.kind}, {column.details}" for column in self.columns)
            raise ValueError(f"a table must have a column to model. Received: {kinds}")

    @classmethod
    def infer(
        cls,
        frame: Any,
        *,
        categorical: Sequence[Label] = (),
        numeric: Sequence[Label] = (),
        drop: Sequence[Label] = (),
        columns: Sequence[Label] | None = None,
    ) -> Schema:
        """Infer the kinds of columns and their facts; see `tfar.datasets.inference`.

        Args:
            frame: a DataFrame, or what `read_frame` takes for one.
            categorical: columns whose values are categories.
            numeric: columns whose values are numbers; they are no identifiers.
            drop: columns to leave out.
            columns: the columns to keep; None keeps all.

        Raises:
            ValueError: a name is not a column or is given twice; a cell is not a finite number; no column is left to model.
        """
        frame = read_frame(frame).frame
        categorical, numeric, drop = names_of(categorical), names_of(numeric), names_of(drop)
        columns = None if columns is None else names_of(columns)
        check_names(frame, categorical=categorical, numeric=numeric, drop=drop)
        check_names(frame, columns=columns)
        kept = set(frame.columns if columns is None else columns) - set(drop)

        def kind(name: str) -> Column:
            if name not in kept:
                return Dropped(name=name, dtype=str(frame[name].dtype))
            asked: Asked = "category" if name in categorical else "number" if name in numeric else None
            return infer_column(name, frame[name], asked)

        return cls(tuple(kind(name) for name in frame.columns), tuple(name for name in frame.attrs[NUMBERED] if name in frame))

    def refit(self, frame: Any) -> Schema:
        """This schema with the statistics of other rows; see `tfar.datasets.inference.refitted`.

        A schema inferred from all rows and refitted to the training rows has a probability for every value of the others, and no statistic
        of theirs.

        Raises:
            ValueError: a column is missing, or a cell is of another type.
        """
        frame = self._checked(frame)
        columns = tuple(refitted(column, frame[column.name]) if isinstance(column, Modelled) else column for column in self.columns)
        return dataclasses.replace(self, columns=columns)

    @property
    def modelled(self) -> tuple[Modelled, ...]:
        """The D columns of the encoded array, in order."""
        return tuple(column for column in self.columns if isinstance(column, Modelled))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the D modelled columns."""
        return tuple(column.name for column in self.modelled)

    def label(self, name: str) -> Label:
        """The label in a DataFrame of the column of a name.

        >>> schema = Schema.infer(pd.DataFrame(np.arange(6).reshape(3, 2)))
        >>> schema.names, [schema.label(name) for name in schema.names]
        (('0', '1'), [0, 1])
        """
        return int(name) if name in self.numbered else name

    def __getitem__(self, name: Label) -> Column:
        """The column of a name.

        Raises:
            KeyError: there is none.
        """
        for column in self.columns:
            if column.name == str(name):
                return column
        raise KeyError(f"the columns are {[column.name for column in self.columns]}. Received: {name!r}")

    def replace(self, *columns: Column) -> Schema:
        """This schema with some columns replaced, each in the place of the one of its name.

        `dataclasses.replace(schema["age"], atoms=())` edits a column.

        Raises:
            KeyError: there is no column of that name.
        """
        new = {self[column.name].name: column for column in columns}
        return dataclasses.replace(self, columns=tuple(new.get(column.name, column) for column in self.columns))

    def encode(self, frame: Any, blanks: bool = True) -> np.ndarray:
        """Encode a table as float64 `[N, D]`; columns that the schema lacks are ignored.

        Args:
            frame: a DataFrame, or what `read_frame` takes for one.
            blanks: False refuses a blank in a column that had none when the schema was inferred. True encodes it, for completion.

        Raises:
            ValueError: a column is missing; a cell is of another type, unseen or not on the grid; the column and the row are named.
        """
        frame = self._checked(frame)
        for column in self.columns:
            if isinstance(column, Constant) and column.name in frame:
                column.check(frame[column.name])
        encoded = np.stack([column.encode(frame[column.name]) for column in self.modelled], axis=1)
        if not blanks:
            for column, values in zip(self.modelled, encoded.T, strict=True):
                if not column.blank and (wrong := is_blank(values)).any():
                    raise ValueError(f"column {column.name!r}, row {int(wrong.argmax()) + 1}: must have a value. Received: a blank cell")
        return encoded

    def decode(self, encoded: Any, uniform: Any = None) -> pd.DataFrame:
        """Decode an array `[N, D]` as a DataFrame with the columns' labels, order and dtypes; dropped columns are absent.

        Blanks need a dtype that has them: a column of int64 or bool becomes Int64 or boolean if one of its cells is blank.

        Args:
            encoded: as `encode` returns it; NaN is blank too.
            uniform: numbers in (0, 1), `[N, D]`, one for each cell, that draw members of classes of rare values. None for those of a
                generator of a fixed seed.

        Raises:
            ValueError: a shape is not `[N, D]`.
        """
        encoded = np.asarray(encoded, np.float64)
        if encoded.ndim != 2 or encoded.shape[1] != len(self.modelled):
            raise ValueError(f"an encoded table must have shape [N, {len(self.modelled)}]. Received: shape {encoded.shape}")
        uniform = np.random.default_rng(0).uniform(size=encoded.shape) if uniform is None else np.asarray(uniform)
        if uniform.shape != encoded.shape:
            raise ValueError(f"uniform must have the shape of the encoded table, {encoded.shape}. Received: shape {uniform.shape}")
        position = {name: number for number, name in enumerate(self.names)}
        decoded = {}
        for column in self.columns:
            if isinstance(column, Modelled):
                place = position[column.name]
                decoded[self.label(column.name)] = column.decode(encoded[:, place], uniform[:, place])
            elif isinstance(column, Constant | Identifier):
                decoded[self.label(column.name)] = column.regenerate(len(encoded))
        return pd.DataFrame(decoded)

    def log_share(self, frame: Any) -> np.ndarray:
        """Log-probability `[N, D]`, in nats, of each cell given its encoded value: that of a rare category within its class, else 0.

        The log-probability of a cell is that of its encoded value plus this.
        """
        frame = self._checked(frame)
        return np.stack([column.log_share(frame[column.name]) for column in self.modelled], axis=1)

    def _checked(self, frame: Any) -> pd.DataFrame:
        frame = read_frame(frame, keep=self.names).frame
        if missing := [name for name in self.names if name not in frame.columns]:
            expected = reprlib.repr(list(self.names))
            raise ValueError(f"a table must have the columns {expected}. Received: a table without {reprlib.repr(missing)}")
        return frame

    def to_json(self) -> dict[str, Any]:
        """The schema as a value that JSON holds."""
        numbered = {"numbered": list(self.numbered)} if self.numbered else {}
        return {"version": VERSION, "columns": [column.to_json() for column in self.columns], **numbered}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Schema:
        """The schema that `to_json` gave.

        Raises:
            ValueError: it is no such value, or of a later version.
        """
        if not isinstance(value, dict) or value.get("version") != VERSION or not isinstance(value.get("columns"), list):
            raise ValueError(f"a schema must be a dict of version {VERSION} with columns. Received: {str(value)[:100]}")
        return cls(tuple(from_json(column) for column in value["columns"]), tuple(value.get("numbered", ())))

    def save(self, path: str | Path, overwrite: bool = False) -> None:
        """Write the schema as JSON; see `tfar.files.atomic`."""
        write_json(path, self.to_json(), overwrite)

    @classmethod
    def load(cls, path: str | Path) -> Schema:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is not a schema, as `from_json`.
        """
        return cls.from_json(read_json(path))

    def __str__(self) -> str:
        """A table: name, kind, whether blanks are learned, details."""
        rows = [("column", "kind", "blanks", "details")]
        rows += [(c.name, c.kind, "yes" if isinstance(c, Modelled) and c.blank else "no", c.details) for c in self.columns]
        first, second = (max(len(row[i]) for row in rows) for i in (0, 1))
        return "\n".join(f"{name:{first}}  {kind:{second}}  {blanks:6}  {details}" for name, kind, blanks, details in rows)
