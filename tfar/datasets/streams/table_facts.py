"""What must be known of a table before its rows are encoded, found in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from tfar.datasets.inference import MOST_DECIMALS, Asked, check_names, infer_column
from tfar.datasets.kinds import Category, Column, Dropped, is_time, plain, quanta
from tfar.datasets.schema import Schema
from tfar.datasets.streams.array_facts import ArrayFacts

MOST_DISTINCT = 100_000  # values of a column that are all remembered


class ColumnFacts:
    """What a column holds, beside what a sample of its rows shows.

    Up to `MOST_DISTINCT` values are remembered, each once. Of more numbers or times, the least and the largest one are, and a number for
    each decimal that is written.
    """

    def __init__(self) -> None:
        self.values: pd.Series | None = None  # distinct ones, or some that tell
        self.blank: pd.Series | None = None  # a blank cell
        self.full = False
        self._decimals, self._finest = 0, []

    def add(self, cells: pd.Series) -> None:
        """Take in cells `[n]`."""
        cells = plain(cells)
        present = cells.dropna()
        if self.blank is None and len(present) < len(cells):
            self.blank = cells.loc[cells.isna()].head(1)
        distinct = present.drop_duplicates()
        if self.values is not None and not (self.full and not _ordered(distinct)):
            distinct = pd.concat([self.values, distinct], ignore_index=True).drop_duplicates()
        self.full |= len(distinct) > MOST_DISTINCT
        self.values = self._telling(distinct) if self.full else distinct

    def cells(self, sample: pd.Series) -> pd.Series:
        """The cells of a sample of rows, and one for each remembered value that they lack."""
        known = plain(sample)
        lacking = [] if self.values is None else [self.values.loc[~self.values.isin(known.dropna())]]
        if self.blank is not None and not known.isna().any():
            lacking.append(self.blank)
        lacking = [part for part in lacking if len(part)]
        return pd.concat([known, *lacking], ignore_index=True) if lacking else sample

    def _telling(self, distinct: pd.Series) -> pd.Series:
        """Of more values than are remembered, those that tell the range and the decimals."""
        if not _ordered(distinct):
            return distinct.iloc[:0]
        if pd.api.types.is_float_dtype(distinct):
            while self._decimals < MOST_DECIMALS and (wrong := quanta(distinct, self._decimals, "", "", "")[2]).any():
                self._finest.append(distinct.iloc[int(wrong.argmax())])
                self._decimals += 1
        return pd.Series([distinct.min(), distinct.max(), *self._finest], dtype=distinct.dtype)


class TableFacts:
    """Collects the facts from which a `Schema` is inferred, of blocks that are DataFrames.

    Which values a column can hold is exact, as far as `ColumnFacts` remembers them. How frequent they are, atoms and warps are those of a
    sample of rows.

    Args:
        categorical, numeric, drop, columns: see `Schema.infer`.
    """

    def __init__(
        self, categorical: Sequence[str] = (), numeric: Sequence[str] = (), drop: Sequence[str] = (), columns: Sequence[str] | None = None
    ):
        self.asked = {"categorical": categorical, "numeric": numeric, "drop": drop}
        self.kept = columns
        self._facts: dict[str, ColumnFacts] = {}

    def rows(self, block: pd.DataFrame) -> pd.DataFrame:
        """The block, whose columns are those that the user named.

        Raises:
            ValueError: there is no such column.
        """
        check_names(block, **self.asked)
        check_names(block, columns=self.kept)
        return block

    def add(self, frame: pd.DataFrame, train: np.ndarray) -> None:
        """Take in a block `[n]`; `train` is for other facts."""
        for name in self._modelled(frame):
            self._facts.setdefault(name, ColumnFacts()).add(frame[name])

    @property
    def binary(self) -> bool:
        """Whether all cells are 0 or 1."""
        return all(
            not facts.full and facts.blank is None and facts.values is not None and _is_binary(facts.values)
            for facts in self._facts.values()
        )

    def as_arrays(self, frames: Iterable[pd.DataFrame]) -> ArrayFacts:
        """The facts of these frames as arrays: of a table whose cells are all 0 or 1."""
        found = ArrayFacts(self.kept, self.asked["drop"])
        for frame in frames:
            found.add(found.rows(frame), np.ones(len(frame), bool))
        return found

    def schema(self, sample: pd.DataFrame, train: pd.DataFrame) -> Schema:
        """The schema of the table.

        Args:
            sample: rows of all splits.
            train: those of them that train, for the statistics.

        Raises:
            ValueError: a column of categories has more than `MOST_DISTINCT`; or as `Schema.infer`.
        """
        modelled = self._modelled(sample)

        def column(name: str) -> Column:
            if name not in modelled:
                return Dropped(name=name, dtype=str(sample[name].dtype))
            asked: Asked = "category" if name in self.asked["categorical"] else "number" if name in self.asked["numeric"] else None
            found = infer_column(name, self._facts[name].cells(sample[name]), asked)
            if isinstance(found, Category) and self._facts[name].full:
                raise ValueError(
                    f"a column of categories must have at most {MOST_DISTINCT:,} values in a stream; leave it out (--drop). "
                    f"Received: column {name!r} with more"
                )
            return found

        return Schema(tuple(column(name) for name in sample.columns)).refit(train)

    def _modelled(self, frame: pd.DataFrame) -> list[str]:
        """The columns that are kept."""
        return [name for name in frame.columns if name not in self.asked["drop"] and (self.kept is None or name in self.kept)]


def _ordered(cells: pd.Series) -> bool:
    return (pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells)) or is_time(cells)


def _is_binary(values: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(values) and np.isin(values.to_numpy(), [0, 1]).all())
