"""Tables as pandas DataFrames: from text, Parquet, Feather, DataFrames of any library, dicts of columns and arrays, and back to files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import feather, parquet

from tfar.datasets.delimited import read_delimited
from tfar.datasets.source import READABLE, WRITABLE, readable_file
from tfar.files import atomic

NUMBERED = "tfar.numbered"  # the attribute of a DataFrame that names columns whose labels were whole numbers


class Frame(NamedTuple):
    """A table as read.

    Attributes:
        frame: a DataFrame whose column names are distinct strings; its attribute `NUMBERED` lists those that were whole numbers.
        notes: one line for each thing that a user should know: comments and row names that are left out, words among numbers.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()


def grouped(table: Frame, groups: str | None, required: bool = True) -> tuple[Frame, np.ndarray | None]:
    """The table without the column whose values say which rows belong together, and codes of these values `[N]`.

    Args:
        table: as `read_frame` returns it.
        groups: name of the column; None returns the table as it is, and None.
        required: False for rows that are not divided, which may lack the column.

    Raises:
        ValueError: it is not a column, a cell of it is blank, or it is the only column.

    >>> table, codes = grouped(read_frame({"patient": ["a", "b", "a"], "age": [1, 2, 3]}), "patient")
    >>> table.frame.columns.tolist(), codes.tolist()
    (['age'], [0, 1, 0])
    """
    names = list(table.frame.columns)
    if groups is None or (groups not in names and not required):
        return table, None
    if groups not in names:
        raise ValueError(f"groups must be one of the columns {names}. Received: groups={groups!r}")
    if len(names) == 1:
        raise ValueError(f"a column must be left beside the groups. Received: columns {names}, groups={groups!r}")
    rest = table.frame.drop(columns=groups)
    if not required:
        return Frame(rest, table.notes), None
    codes = pd.factorize(table.frame[groups])[0]
    if (codes < 0).any():
        raise ValueError(
            f"each row must belong to a group. Received: a blank cell in column {groups!r}, row {int((codes < 0).argmax()) + 1}"
        )
    return Frame(rest, (*table.notes, f"column {groups!r} is left out: rows in which it has the same value are in one split")), codes


def is_frame(source: Any) -> bool:
    """Whether `read_frame` reads it: the path of a table, or an object that holds one.

    >>> is_frame("people.csv.gz"), is_frame({"age": [1, 2]}), is_frame("mnist")
    (True, True, False)
    """
    if isinstance(source, str | Path):
        return ending(source, READABLE) is not None
    return isinstance(source, Mapping) or any(hasattr(source, name) for name in ("__arrow_c_stream__", "__dataframe__", "__array__"))


def ending(path: str | Path, endings: Sequence[str]) -> str | None:
    """The ending of a path, in lower case, if it is one of those given; else None.

    >>> ending("a/People.CSV.gz", READABLE), ending("people.xlsx", READABLE)
    ('.csv.gz', None)
    """
    name = Path(path).name.lower()
    return max((known for known in endings if name.endswith(known)), key=len, default=None)


def read_frame(
    source: Any,
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    header: bool | Literal["infer"] | None = "infer",
    na_values: Sequence[str] = (),
    keep: Sequence[str] = (),
) -> Frame:
    """Read a table.

    Text is UTF-8, with or without a byte order mark, plain or gzip. Cells are stripped. A column is of numbers if every cell is one that
    loses nothing (`00501` and `10_000` are words), and of strings otherwise. Blank are empty cells, `?`, `NA`, `N/A`, `None`, `NaN`, `null`
    and what else pandas takes for one. Comments (`# ...`) above the table and a line of units below its header are skipped. A first column
    without a name that numbers or names the rows is left out. Each of these is told in `notes`.

    Args:
        source: path of a `.csv`, `.tsv`, `.txt` or `.data` file, or of one of these with `.gz`; of a `.parquet` or `.feather` file; a
            pandas DataFrame; an object with `__arrow_c_stream__` (polars, pyarrow) or `__dataframe__`; a dict of columns; an array
            `[N, D]`, whose columns are named "column 1", "column 2", ...
        delimiter: of text; None finds it among comma, semicolon, tab, `|` and white space (`" "`).
        decimal: decimal mark of text, "." or ","; None accepts the comma too where it does not delimit.
        header: of text: whether the first row names the columns; "infer" and None decide by `headers.has_header`.
        na_values: more cells of text that are blank.
        keep: names of columns that are never taken for row names, such as those that a schema has.

    Returns:
        A `Frame`.

    Raises:
        ValueError: the file is missing, not of these kinds, empty, or has no rows; a row has another number of cells; the text is not
            UTF-8; two columns have one name.
        TypeError: the object holds no table.

    >>> read_frame(np.eye(2)).frame.columns.tolist()
    ['column 1', 'column 2']
    """
    if decimal not in (None, ".", ","):
        raise ValueError(f"decimal must be '.' or ','. Received: decimal={decimal!r}")
    if header not in (None, True, False, "infer"):
        raise ValueError(f"header must be True, False or 'infer'. Received: header={header!r}")
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n.'):
        raise ValueError(f"delimiter must be one character. Received: delimiter={delimiter!r}")
    if not isinstance(source, str | Path):
        return Frame(_checked(_object(source), type(source).__name__))
    kind = ending(source, READABLE)
    if kind is None:
        raise ValueError(f"a table must end in {', '.join(READABLE)}. Received: {source}")
    if kind in (".parquet", ".feather"):
        return _without_row_names(_checked(_arrow_file(source, kind), str(source)), (), keep)
    named = None if header == "infer" else header
    frame, notes = read_delimited(source, delimiter=delimiter, decimal=decimal, header=named, na_values=na_values)
    return _without_row_names(_checked(frame, str(source)), notes, keep)


def write_frame(frame: pd.DataFrame, path: str | Path, overwrite: bool = False) -> None:
    """Write a DataFrame, without its index, by `tfar.files.atomic`; the ending of the path decides the format.

    Raises:
        ValueError: the ending is not `.csv`, `.tsv`, one of these with `.gz`, `.parquet` or `.feather`.
        FileExistsError: the path exists, and `overwrite` is False.
    """
    path = Path(path).expanduser()
    kind = ending(path, WRITABLE)
    if kind is None:
        raise ValueError(f"a table is written to {', '.join(WRITABLE)}. Received: {path}")
    with atomic(path, overwrite) as temporary:
        if kind == ".parquet":
            frame.to_parquet(temporary, index=False)
        elif kind == ".feather":
            frame.reset_index(drop=True).to_feather(temporary)
        else:
            frame.to_csv(
                temporary, index=False, sep="\t" if kind.startswith(".tsv") else ",", compression="gzip" if kind.endswith(".gz") else None
            )


def _arrow_file(path: str | Path, kind: str) -> pd.DataFrame:
    path = readable_file(Path(path).expanduser())
    try:
        return frame_of((parquet if kind == ".parquet" else feather).read_table(path))
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"The file is not {kind[1:].capitalize()}: {str(error).splitlines()[0]} Received: {path}") from None


def _object(source: Any) -> pd.DataFrame:
    """The DataFrame of an object that holds a table."""
    if isinstance(source, pd.DataFrame):
        return source.reset_index(drop=True)
    if isinstance(source, np.ndarray):
        if source.ndim != 2:
            raise ValueError(f"an array must have shape [N, D]. Received: shape {source.shape}")
        return pd.DataFrame(source, columns=[f"column {i + 1}" for i in range(source.shape[1])])
    if isinstance(source, Mapping):
        columns = {name: pd.Series(values).reset_index(drop=True) for name, values in source.items()}
        if len(lengths := {str(name): len(column) for name, column in columns.items()}) and len(set(lengths.values())) > 1:
            raise ValueError(f"columns must have the same number of rows. Received: {lengths}")
        return pd.DataFrame(columns)
    if hasattr(source, "__arrow_c_stream__") and not isinstance(source, pd.Series):
        return frame_of(pa.table(source))
    if hasattr(source, "__dataframe__"):
        from pyarrow import interchange

        return frame_of(interchange.from_dataframe(source))
    if hasattr(source, "__array__") and not isinstance(source, pd.Series):
        return _object(np.asarray(source))
    raise TypeError(f"a table must be a path, a DataFrame, a dict of columns or an array [N, D]. Received: {type(source).__name__}")


def frame_of(table: pa.Table, use_threads: bool = True) -> pd.DataFrame:
    """A table of pyarrow as pandas', with dates as datetime64, decimals as float64, and whole numbers and booleans exact beside blanks."""
    frame = table.to_pandas(date_as_object=False, use_threads=use_threads).reset_index(drop=True)
    nullable: dict[Any, Any] = {
        getattr(pa, name.lower())(): getattr(pd, f"{name}Dtype")() for name in ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16")
    } | {pa.uint32(): pd.UInt32Dtype(), pa.uint64(): pd.UInt64Dtype(), pa.bool_(): pd.BooleanDtype()}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if column.null_count and column.type in nullable and name in frame:
            frame[name] = column.to_pandas(types_mapper=nullable.get)
        elif pa.types.is_decimal(column.type):
            frame[name] = frame[name].astype(np.float64)
    return frame


def _checked(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """The frame with names that are strings and columns of one type each, if it is a table."""
    frame = frame.copy(deep=False)
    whole = [str(name) for name in frame.columns if isinstance(name, int | np.integer) and not isinstance(name, bool)]
    frame.attrs = {**frame.attrs, NUMBERED: frame.attrs.get(NUMBERED, []) + whole}
    frame.columns = pd.Index([str(name) for name in frame.columns])
    if repeated := sorted(set(frame.columns[frame.columns.duplicated()])):
        raise ValueError(f"{source}: column names must differ. Received: {repeated} more than once")
    if frame.shape[1] == 0 or len(frame) == 0:
        raise ValueError(f"The table must have rows and columns. Received: {source}, {len(frame)} rows and {frame.shape[1]} columns")
    for name, column in frame.items():
        if isinstance(column.dtype, pd.ArrowDtype) and not _has_name(column.dtype):
            frame[name] = frame_of(pa.table({"cells": pa.array(column)}))["cells"].set_axis(frame.index)
        elif pd.api.types.is_object_dtype(column):
            frame[name] = _of_one_type(column, f"{source}, column {name!r}")
    return frame


def _has_name(dtype: pd.ArrowDtype) -> bool:
    """Whether the string of a dtype makes it again, as that of decimals and dictionaries does not."""
    try:
        pd.api.types.pandas_dtype(str(dtype))
    except (TypeError, NotImplementedError):
        return False
    return True


def _of_one_type(column: pd.Series, where: str) -> pd.Series:
    """A column of Python objects in the dtype of what they are."""
    kind = pd.api.types.infer_dtype(column, skipna=True)
    blanks = column.isna().any()
    if kind in ("string", "empty"):
        return column if kind == "string" else column.astype(np.float64)
    if kind == "boolean":
        return column.astype("boolean" if blanks else bool)
    if kind == "integer" and column.dropna().map(lambda value: -(2**63) <= value < 2**63).all():
        return column.astype("Int64" if blanks else np.int64)
    if kind in ("floating", "mixed-integer-float", "decimal"):
        return column.astype(np.float64)
    if kind in ("date", "datetime", "datetime64"):
        return pd.to_datetime(column)
    kinds = sorted({type(value).__name__ for value in column.dropna()})
    raise ValueError(f"{where}: cells must be numbers, strings, booleans or dates, all of one kind. Received: {', '.join(kinds)}")


def _without_row_names(frame: pd.DataFrame, notes: Sequence[str], keep: Sequence[str]) -> Frame:
    """The frame without a first column that has no name of its own and tells the rows apart.

    It has none if the file left it empty (R, pandas), or if pandas called it `Unnamed: 0` and wrote it back.
    """
    name = frame.columns[0]
    cells = frame[name]
    unnamed = re.fullmatch(r"column 1|Unnamed: 0(\.\d+)?|__index_level_0__", name) and not all(
        re.fullmatch(r"column \d+", other) for other in frame.columns
    )
    whole = pd.api.types.is_integer_dtype(cells) or pd.api.types.is_string_dtype(cells)
    if not unnamed or name in keep or frame.shape[1] < 2 or len(frame) < 2 or not whole or not cells.is_unique or cells.isna().any():
        return Frame(frame, tuple(notes))
    shown = ", ".join(str(cell) for cell in cells[:3])
    return Frame(frame.drop(columns=name), (*notes, f"the first column, without a name, is left out: it names the rows ({shown}, ...)"))
