"""Tables as arrays: columns that are all numbers, read by `tfar.datasets.frames`, and a column of labels beside them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfar.datasets.frames import Frame, grouped, read_frame
from tfar.datasets.inference import check_names
from tfar.datasets.kinds import EXACT, as_numbers
from tfar.datasets.source import Source, Split

KINDS = ("categorical", "numeric")  # options of `Schema.infer` that say what a column is; `columns` and `drop` say which are kept
READING = ("delimiter", "decimal", "header", "na_values")  # options of `read_frame`
# what a user who trains may do
OF_WORDS = "A column of words is left out (--drop), or has a head of its own (no --head, --levels, --context). "


def read_table_file(path: str | Path, context: str | None = None, allow_blanks: bool = False) -> Source:
    """Read a table of numbers as one undivided `Source`; see `array_source`."""
    return array_source(read_frame(path), str(path), context, allow_blanks)


def read_table(
    source: Any,
    options: Mapping[str, Any],
    alike: bool = False,
    context: str | None = None,
    allow_blanks: bool = False,
    divided: bool = True,
    advice: str = "",
) -> Frame | Source:
    """Read a table: as it is, to be modelled column by column, or as an array of values of one kind.

    Args:
        source: see `read_frame`.
        options: `by_column`, True for a table and False for an array, None for the rule: a table, unless all values are 0 or 1;
            `categorical`, `numeric`, `columns` and `drop`, see `Schema.infer`; `groups`, the column of `grouped`; and those of
            `read_frame`.
        alike: whether the user asks for something that only arrays have, such as levels.
        context: name of the column of labels of an array, or None.
        allow_blanks: see `array_source`.
        divided: False for rows that are not divided into splits, which may lack the column of groups.
        advice: see `array_source`.

    Returns:
        A table, with its column of groups; or an array, without.

    Raises:
        ValueError: the table cannot be read, or an option is for tables, and the user asks for an array.
    """
    kinds = {name: list(options[name]) for name in KINDS if options.get(name)}
    kept = {name: options[name] for name in ("columns", "drop") if options.get(name)}
    reading = {name: options[name] for name in READING if options.get(name) not in (None, (), [])}
    by_column = options.get("by_column")
    if by_column is not True and (alike or by_column is False) and kinds:
        raise ValueError(f"{' and '.join(kinds)} are for tables with a head for each column. Received: {kinds}, and one head for all")
    if by_column and alike:
        raise ValueError(f"levels and a context are for tables with one head for all columns. Received: by_column={by_column}")
    named = [name for names in (*kinds.values(), kept.get("columns", ())) for name in names]
    read = read_frame(source, keep=named, **reading)
    table, groups = grouped(read, options.get("groups"), required=divided)
    if by_column or (by_column is None and not alike and (kinds or not is_binary(kept_columns(table, **kept).frame))):
        return read
    where = str(source) if isinstance(source, str | Path) else type(source).__name__
    return dataclasses.replace(array_source(kept_columns(table, **kept), where, context, allow_blanks, advice), groups=groups)


def array_source(table: Frame, where: str, context: str | None = None, allow_blanks: bool = False, advice: str = "") -> Source:
    """Convert a table whose columns are all numbers.

    Args:
        table: as `read_frame` returns it.
        where: what errors call the table.
        context: name of the column of labels, or None.
        allow_blanks: False refuses blank cells; True reads them as NaN.
        advice: what to do about a column of words, a sentence and a space; "" where nothing can be done.

    Returns:
        An undivided `Source` of x float64 `[N, D]`, and of labels. A table without names of its own has `columns=None`.

    Raises:
        ValueError: a cell is not a finite number that float64 holds, or is blank; or `context` is not a column. The column and the row,
            from 1, are named.

    >>> source = array_source(read_frame({"height": [1.5, 2.5], "kind": ["oak", "elm"]}), "trees", context="kind")
    >>> source.splits["all"].x.tolist(), source.columns, source.splits["all"].context.tolist()
    ([[1.5], [2.5]], ('height',), ['oak', 'elm'])
    """
    frame, labels = table.frame, None
    names = list(frame.columns)
    if context is not None:
        if context not in names:
            raise ValueError(f"{where}: the context must be one of the columns {names}. Received: {context!r}")
        names.remove(context)
        labels = _labels(frame[context], context, where)
    if not names:
        raise ValueError(f"{where}: a column must be left beside the label. Received: columns {list(frame.columns)}")
    values = np.stack([_values(frame[name], name, where, allow_blanks, advice) for name in names], axis=1)
    named = not all(re.fullmatch(r"column \d+", name) for name in names)
    return Source({"all": Split(values, labels)}, columns=tuple(names) if named else None, notes=table.notes)


def kept_columns(table: Frame, columns: Any = None, drop: Any = ()) -> Frame:
    """The table with some columns alone, and without others.

    Raises:
        ValueError: a name is not a column, or no column is left.
    """
    check_names(table.frame, columns=columns)
    check_names(table.frame, drop=drop)
    names = [name for name in table.frame.columns if (columns is None or name in columns) and name not in drop]
    if not names:
        raise ValueError(f"a column must be left of {list(table.frame.columns)}. Received: columns={columns!r} and drop={drop!r}")
    return Frame(table.frame.loc[:, names], table.notes)


def is_binary(frame: pd.DataFrame) -> bool:
    """Whether all cells are 0 or 1.

    >>> is_binary(pd.DataFrame({"a": [0, 1], "b": [1.0, 0.0]})), is_binary(pd.DataFrame({"a": [0, 2]}))
    (True, False)
    """
    return all(pd.api.types.is_numeric_dtype(frame[name]) and frame[name].isin([0, 1]).all() for name in frame)


def _values(cells: pd.Series, name: str, where: str, allow_blanks: bool, advice: str) -> np.ndarray:
    """A column of numbers as float64 `[N]`, NaN where it is blank."""
    try:
        numbers, blank = as_numbers(cells, name)
    except ValueError as error:
        expected, _, received = str(error).rpartition(" Received: ")
        raise ValueError(f"{where}, {expected} {advice}Received: {received}") from None
    if blank.any() and not allow_blanks:
        raise ValueError(f"{where}, column {name!r}, row {int(blank.argmax()) + 1}: must have a value. Received: a blank cell")
    if numbers.dtype == np.int64 and (large := abs(numbers) > EXACT).any():
        row = int(large.argmax())
        raise ValueError(f"{where}, column {name!r}, row {row + 1}: whole numbers must be at most 2^53. Received: {numbers[row]}")
    return np.where(blank, np.nan, numbers.astype(np.float64))


def _labels(cells: pd.Series, name: str, where: str) -> np.ndarray:
    """A column of labels `[N]`: numbers, or strings."""
    if (blank := cells.isna()).any():
        raise ValueError(f"{where}, column {name!r}, row {int(blank.to_numpy().argmax()) + 1}: must have a label. Received: a blank cell")
    numeric = pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells)
    return cells.to_numpy() if numeric else cells.astype(str).to_numpy(dtype=np.str_)
