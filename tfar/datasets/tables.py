"""Reading a table of numbers from a text file: header, delimiter and blanks are recognised, faults are located."""

import csv
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

csv.field_size_limit(2**31 - 1)  # a line in which another delimiter is tried is one field

BLANKS = frozenset({"", "?", "na", "nan", "null"})


class Table(NamedTuple):
    """A table as read: `values` float64 `[N, D]`, NaN where blank; `columns`, names or None; `labels` `[N]` or None."""

    values: np.ndarray
    columns: tuple | None
    labels: np.ndarray | None


def read_table(path, *, allow_blanks=False, label=None):
    """Read a text file of numbers separated by commas, semicolons, tabs or blanks.

    The first line is a header if one of its cells is no number although the cell below it is one, or if its cells are 0, 1, 2 and
    so on. Empty cells and the words NA, NaN, null and ? count as blank. Empty lines are skipped.

    Args:
      path: the file, UTF-8.
      allow_blanks: False refuses blank cells; True gives NaN for them.
      label: name of a column (its number, from 1, where there is no header) that is not one of the values; its cells
        are returned as strings.

    Returns:
      A `Table`.

    Raises:
      ValueError: for a missing or empty file, a line with another number of cells, a cell that is no finite number, a
        blank cell (unless allowed), two columns of one name, a first column without a name that counts the rows, a `label` that is
        no column.

    >>> import tempfile, os
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "a.csv")
    ...     _ = open(path, "w").write("height;kind\\n1.5;oak\\n2.5;elm\\n")
    ...     table = read_table(path, label="kind")
    >>> table.values.tolist(), table.columns, table.labels.tolist()
    ([[1.5], [2.5]], ('height',), ['oak', 'elm'])
    """
    lines = _read_lines(path)
    if not lines:
        raise ValueError(f"The table is empty. Received: {path}")
    width = len(lines[0][1])
    for number, cells in lines:
        if len(cells) != width:
            raise ValueError(f"{path}, line {number}: the lines before have {width} cells. Received: {len(cells)} cells, {cells}")

    header, first = _header(lines), lines[0][1]
    names = [f"column {i + 1}" for i in range(width)]
    if header:
        names = [name or names[i] for i, name in enumerate(first)]
        lines = lines[1:]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"{path}: column names must differ. Received: {repeated} more than once")
    if not lines:
        raise ValueError(f"The table has a header and no rows. Received: {path}")
    if header and not first[0] and len(lines) > 2 and [cells[0] for _, cells in lines] == [str(i) for i in range(len(lines))]:
        raise ValueError(f"{path}: a first column without a name that counts the rows is no value; leave it out. Received: 0, 1, 2, ...")

    labels, keep = None, list(range(width))
    if label is not None:
        position = _position(label, names, header, path)
        keep.remove(position)
        labels = np.array([cells[position] for _, cells in lines])
        blank = [number for number, cells in lines if cells[position].lower() in BLANKS]
        if blank:
            raise ValueError(f"{path}, line {blank[0]}, {names[position]!r}: a label is needed. Received: a blank cell")
    if not keep:
        raise ValueError(f"{path}: no column is left beside the label. Received: columns {names}")

    values = np.empty((len(lines), len(keep)))
    for row, (number, cells) in enumerate(lines):
        values[row] = _numbers([cells[i] for i in keep], [names[i] for i in keep], f"{path}, line {number}", allow_blanks)
    return Table(values, tuple(names[i] for i in keep) if header else None, labels)


def _read_lines(path):
    """The file's lines that are not empty, as (line number, stripped cells)."""
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"There is no such file. Received: {path}")
    try:
        text = path.read_text(encoding="utf-8-sig")
        if "\0" in text:
            raise ValueError
    except ValueError:
        raise ValueError(f"The table is not UTF-8 text. Received: {path}") from None
    delimiter = _delimiter([line for line in text.splitlines() if line.strip()][:2])
    if delimiter is None:
        rows = ((number, line.split()) for number, line in enumerate(text.splitlines(), 1))
    else:
        reader = csv.reader(text.splitlines(), delimiter=delimiter, skipinitialspace=True)
        rows = _each_on_its_line(reader, path)
    try:
        # a line of delimiters alone is a row of blanks, a line of white space is none
        return [(number, cells) for number, cells in rows if len(cells) > 1 or any(cells)]
    except csv.Error as error:
        raise ValueError(f"The table cannot be read: {error}. Received: {path}") from error


def _each_on_its_line(reader, path):
    """The rows of a reader as (line number, stripped cells); a quotation mark that is not closed would take in the lines after it."""
    for number, cells in enumerate(reader, 1):
        if reader.line_num > number:
            raise ValueError(f"A cell must end on its line, and a quotation mark is not closed there. Received: {path}, line {number}")
        yield number, [cell.strip() for cell in cells]


def _delimiter(first_two):
    """The delimiter that cuts the first two lines into equally many cells, and most; None for white space."""
    counts = {}
    for delimiter in (",", ";", "\t"):
        cells = [len(row) for row in csv.reader(first_two, delimiter=delimiter, skipinitialspace=True)]
        if cells:
            counts[delimiter] = (len(set(cells)) == 1, cells[0])
    best = max(counts, key=lambda d: (counts[d][1] > 1, *counts[d]), default=",")
    if counts and counts[best][1] == 1 and len({len(line.split()) for line in first_two}) == 1:
        return None
    return best


def _header(lines):
    """Whether the first line names the columns: a word stands above a number (or a blank), or they are numbered from 0."""
    first = lines[0][1]
    if len(first) > 2 and len(lines) > 1 and first == [str(i) for i in range(len(first))]:
        return True
    second = lines[1][1] if len(lines) > 1 else [""] * len(first)
    return any(not _is_number(a) and _is_number(b) for a, b in zip(first, second, strict=True))


def _is_number(cell):
    return cell.lower() in BLANKS or _to_float(cell) is not None


def _to_float(cell):
    try:
        return float(cell)
    except ValueError:
        return None


def _position(label, names, header, path):
    if str(label) in names:
        return names.index(str(label))
    if not header and str(label).isdecimal() and 1 <= int(label) <= len(names):
        return int(label) - 1
    raise ValueError(f"{path}: the context must be one of the columns {names}. Received: {label!r}")


def _numbers(cells, names, where, allow_blanks):
    """One row as float64. NumPy converts a faultless row; a faulty one is read cell by cell to name the fault."""
    try:
        row = np.array(cells, dtype=np.float64)
        if np.isfinite(row).all():
            return row
    except ValueError:
        pass
    row = [math.nan if cell.lower() in BLANKS else _to_float(cell) for cell in cells]
    for name, cell, value in zip(names, cells, row, strict=True):
        if value is None or math.isinf(value):
            raise ValueError(f"{where}, {name!r}: not a finite number. Received: {cell!r}")
        if math.isnan(value) and not allow_blanks:
            raise ValueError(f"{where}, {name!r}: a number is needed here. Received: a blank cell {cell!r}")
    return row
