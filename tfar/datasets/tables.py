"""Reading a table of numbers from a text file: header, delimiter and blanks are recognised, faults are located."""

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfar.datasets.source import Source, Split, readable_file

csv.field_size_limit(2**31 - 1)  # a line in which another delimiter is tried is one field

ENDINGS = (".csv", ".tsv", ".txt", ".data")
BLANKS = frozenset({"", "?", "na", "nan", "null"})

Line = tuple[int, list[str]]  # its number in the file, from 1, and its cells


class Table(NamedTuple):
    """A table as read.

    Attributes:
        values: float64 `[N, D]`, NaN where a cell is blank.
        columns: names of the columns, or None.
        labels: strings `[N]`, or None.
    """

    values: np.ndarray
    columns: tuple[str, ...] | None
    labels: np.ndarray | None


def read_table_file(path: str | Path, context: str | None = None, allow_blanks: bool = False) -> Source:
    """Read a table as one undivided `Source`; `context` is the name of the column of labels. See `read_table`."""
    table = read_table(path, allow_blanks=allow_blanks, label=context)
    return Source({"all": Split(table.values, table.labels)}, columns=table.columns)


def read_table(path: str | Path, *, allow_blanks: bool = False, label: str | int | None = None) -> Table:
    """Read a text file of numbers separated by commas, semicolons, tabs or white space.

    The first line is a header if one of its cells is not a number although the cell below it is one, or if its cells are 0, 1, 2 and
    so on. Empty cells and the words NA, NaN, null and ? are blank. Empty lines are skipped.

    Args:
        path: the file, UTF-8.
        allow_blanks: False refuses blank cells; True reads them as NaN.
        label: name of a column (its number, from 1, where there is no header) that holds labels, not values. Its cells are returned as
            strings.

    Returns:
        A `Table`.

    Raises:
        ValueError: the file is missing or empty; a line has another number of cells; a cell is not a finite number, or is blank; two
            columns have one name; a first column without a name counts the rows; `label` is not a column.

    >>> import tempfile, os
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "a.csv")
    ...     _ = open(path, "w").write("height;kind\\n1.5;oak\\n2.5;elm\\n")
    ...     table = read_table(path, label="kind")
    >>> table.values.tolist(), table.columns, table.labels.tolist()
    ([[1.5], [2.5]], ('height',), ['oak', 'elm'])
    """
    lines = _read_lines(readable_file(path))
    names, header = _names(lines, path)
    lines = lines[header:]
    labels, keep = None, list(range(len(names)))
    if label is not None:
        position = _position(label, names, header, path)
        keep.remove(position)
        labels = _labels(lines, position, names[position], path)
    if not keep:
        raise ValueError(f"{path}: no column is left beside the label. Received: columns {names}")

    values = np.empty((len(lines), len(keep)))
    for row, (number, cells) in enumerate(lines):
        values[row] = _numbers([cells[i] for i in keep], [names[i] for i in keep], f"{path}, line {number}", allow_blanks)
    return Table(values, tuple(names[i] for i in keep) if header else None, labels)


def _read_lines(path: Path) -> list[Line]:
    """The lines of a file that are not empty; all have the same number of cells."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if "\0" in text:
            raise ValueError
    except ValueError:
        raise ValueError(f"The table is not UTF-8 text. Received: {path}") from None
    written = text.splitlines()
    delimiter = _delimiter([line for line in written if line.strip()][:2])
    if delimiter is None:
        rows = ((number, line.split()) for number, line in enumerate(written, 1))
    else:
        rows = _each_on_its_line(csv.reader(written, delimiter=delimiter, skipinitialspace=True), path)
    try:
        # a line of delimiters alone is a row of blanks; a line of white space is not a row
        lines = [(number, cells) for number, cells in rows if len(cells) > 1 or any(cells)]
    except csv.Error as error:
        raise ValueError(f"The table cannot be read: {error}. Received: {path}") from error
    if not lines:
        raise ValueError(f"The table is empty. Received: {path}")
    width = len(lines[0][1])
    for number, cells in lines:
        if len(cells) != width:
            raise ValueError(f"{path}, line {number}: the lines before have {width} cells. Received: {len(cells)} cells, {cells}")
    return lines


def _each_on_its_line(reader: Any, path: Path) -> Iterator[Line]:
    """The rows of a csv reader as lines.

    Raises:
        ValueError: a quotation mark is not closed on its line: the cell would run on into the lines after it.
    """
    for number, cells in enumerate(reader, 1):
        if reader.line_num > number:
            raise ValueError(f"A cell must end on its line; a quotation mark is not closed there. Received: {path}, line {number}")
        yield number, [cell.strip() for cell in cells]


def _delimiter(first_two: Sequence[str]) -> str | None:
    """The delimiter that cuts the first two lines into equally many cells, and into most; None for white space."""
    counts: dict[str, tuple[bool, int]] = {}
    for delimiter in (",", ";", "\t"):
        cells = [len(row) for row in csv.reader(first_two, delimiter=delimiter, skipinitialspace=True)]
        if cells:
            counts[delimiter] = (len(set(cells)) == 1, cells[0])
    best = max(counts, key=lambda d: (counts[d][1] > 1, *counts[d]), default=",")
    if counts and counts[best][1] == 1 and len({len(line.split()) for line in first_two}) == 1:
        return None
    return best


def _names(lines: Sequence[Line], path: str | Path) -> tuple[list[str], bool]:
    """The names of the columns, and whether the first line is a header that gives them."""
    header, first = _has_header(lines), lines[0][1]
    names = [f"column {i + 1}" for i in range(len(first))]
    if not header:
        return names, False
    names = [name or names[i] for i, name in enumerate(first)]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{path}: column names must differ. Received: {repeated} more than once")
    rows = lines[1:]
    if not rows:
        raise ValueError(f"The table has a header and no rows. Received: {path}")
    if not first[0] and len(rows) > 2 and [cells[0] for _, cells in rows] == [str(i) for i in range(len(rows))]:
        raise ValueError(f"{path}: a first column without a name that counts the rows is an index; leave it out. Received: 0, 1, 2, ...")
    return names, True


def _has_header(lines: Sequence[Line]) -> bool:
    """Whether the first line names the columns: a word stands above a number (or a blank), or they are numbered from 0."""
    first = lines[0][1]
    if len(first) > 2 and len(lines) > 1 and first == [str(i) for i in range(len(first))]:
        return True
    second = lines[1][1] if len(lines) > 1 else [""] * len(first)
    return any(not _is_number(a) and _is_number(b) for a, b in zip(first, second, strict=True))


def _is_number(cell: str) -> bool:
    return cell.lower() in BLANKS or _to_float(cell) is not None


def _to_float(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _position(label: str | int, names: Sequence[str], header: bool, path: str | Path) -> int:
    if str(label) in names:
        return names.index(str(label))
    if not header and str(label).isdecimal() and 1 <= int(label) <= len(names):
        return int(label) - 1
    raise ValueError(f"{path}: the context must be one of the columns {names}. Received: {label!r}")


def _labels(lines: Sequence[Line], position: int, name: str, path: str | Path) -> np.ndarray:
    """The cells of a column as strings `[N]`."""
    for number, cells in lines:
        if cells[position].lower() in BLANKS:
            raise ValueError(f"{path}, line {number}, {name!r}: a label is needed. Received: a blank cell")
    return np.array([cells[position] for _, cells in lines])


def _numbers(cells: Sequence[str], names: Sequence[str], where: str, allow_blanks: bool) -> np.ndarray:
    """One row as float64. NumPy converts a faultless row; a faulty one is read cell by cell to name the fault."""
    try:
        row = np.array(cells, dtype=np.float64)
        if np.isfinite(row).all():
            return row
    except ValueError:
        pass
    values = []
    for name, cell in zip(names, cells, strict=True):
        value = math.nan if cell.lower() in BLANKS else _to_float(cell)
        if value is None or math.isinf(value):
            raise ValueError(f"{where}, {name!r}: not a finite number. Received: {cell!r}")
        if math.isnan(value) and not allow_blanks:
            raise ValueError(f"{where}, {name!r}: a number is needed here. Received: a blank cell {cell!r}")
        values.append(value)
    return np.array(values)
