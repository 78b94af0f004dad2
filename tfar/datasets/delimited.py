"""Reading delimited text as a DataFrame: pyarrow cuts the cells, and what a file does not say of itself is found from its first rows.

Cells are read as text first. A column becomes a column of numbers only where every cell that is not blank is a number that loses nothing:
`00501`, `10_000` and whole numbers of more than 18 digits stay words.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import re
import reprlib
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute
from pyarrow import csv as arrow_csv

from tfar.datasets.headers import BLANK_WORDS, has_header, has_units, is_number
from tfar.datasets.source import readable_file

pc: Any = compute  # its functions are made when it is imported: type checkers do not see them
csv.field_size_limit(2**31 - 1)  # a line in which another delimiter is tried is one field

BLANKS = ("", *BLANK_WORDS)
DELIMITERS = ("\t", ";", "|", ",")  # of those that cut all rows alike the first: decimal commas stand between semicolons
WHITE_SPACE = " "  # runs of blanks and tabs
HEAD_ROWS, HEAD_BYTES = 200, 1 << 17
GUESS_BYTES, BLOCK_BYTES, LONGEST_ROW, FIRST_CELLS = 1 << 20, 1 << 22, 1 << 30, 100
MOSTLY = 0.9  # of the cells are numbers: the others are likely to be meant as blanks


class Row(NamedTuple):
    """A row of the head: the number of its first line, from 1, its cells, and the number of lines up to its end."""

    line: int
    cells: list[str]
    end: int


class Layout(NamedTuple):
    """What is known of a text before its cells are read.

    Attributes:
        data: the text, UTF-8, without a byte order mark.
        delimiter: one character.
        names: names of the columns, "" where the file has none for a column.
        skipped: lines above the first row of values.
        notes: what a user should know.
    """

    data: bytes
    delimiter: str
    names: list[str]
    skipped: int
    notes: list[str]


def read_delimited(
    path: str | Path, *, delimiter: str | None = None, decimal: str | None = None, header: bool | None = None, na_values: Sequence[str] = ()
) -> tuple[pd.DataFrame, list[str]]:
    """Read a delimited text file, plain or gzip.

    See `tfar.datasets.frames.read_frame`, which also leaves out row names, for the arguments and errors.

    Returns:
        A DataFrame of int64, Int64, float64 and string columns, and notes on what was found and skipped.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "a.csv")
    >>> _ = path.write_text("plz;height\\n00501;1,5\\n10115;?\\n")
    >>> read_delimited(path)[0].to_dict("list")
    {'plz': ['00501', '10115'], 'height': [1.5, nan]}
    """
    path = readable_file(Path(path).expanduser())
    layout = layout_of(_bytes(path), delimiter, header, path)
    width = len(layout.names)
    names = [name or f"column {i + 1}" for i, name in enumerate(layout.names)]
    notes, columns = list(layout.notes), {}
    blanks = tuple(dict.fromkeys((*BLANKS, *na_values)))
    for number, (name, cells) in enumerate(zip(names, _cells(layout, width, decimal, blanks, path), strict=True)):
        if pa.types.is_string(cells.type):
            notes += _stray_words(cells, name, layout.skipped)
        columns[number] = series_of(cells)
    frame = pd.DataFrame(columns, copy=False)
    frame.columns = pd.Index(names)
    return frame, notes


def _bytes(path: Path) -> bytes:
    """The content of a text file, without a byte order mark."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"The file is not gzip ({error}). Received: {path}") from None
    data = data.removeprefix(b"\xef\xbb\xbf")
    if b"\0" in data:
        raise ValueError(f"The table is not UTF-8 text. Received: {path}")
    if not re.search(rb"\S", data):
        raise ValueError(f"The table is empty. Received: {path}")
    return data


def layout_of(data: bytes, delimiter: str | None, header: bool | None, path: Path) -> Layout:
    """Find the delimiter, the header, a line of units, and comments at the top."""
    lines = _head_lines(data)
    top = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    if top == len(lines):
        raise ValueError(f"The table has comments and no rows. Received: {path}")
    delimiter = delimiter or _delimiter(lines[top:])
    if delimiter == WHITE_SPACE:
        data, delimiter = _with_tabs(data), "\t"
        lines = _head_lines(data)
    elif f'{delimiter} "'.encode() in data:
        data = re.sub(rb'("(?:[^"]|"")*")|(%b) +(?=")' % re.escape(delimiter.encode()), lambda cut: cut[1] or cut[2], data)
        lines = _head_lines(data)

    rows = _rows(lines, delimiter, top)
    cells = [row.cells for row in rows]
    commented, notes = _commented_header(lines[:top], delimiter, cells), []
    if comments := sum(line.startswith("#") for line in lines[:top]) - (commented is not None):
        notes.append(f"{comments} comment line{'s' * (comments > 1)} at the top skipped")
    named = header if header is not None else commented is not None or has_header(cells, delimiter != ",")
    if not named:
        return Layout(data, delimiter, [""] * len(cells[0]), top, notes)
    titles = commented if commented is not None else cells[0]
    first = 0 if commented is not None else 1
    if len(rows) == first:
        raise ValueError(f"The table has a header and no rows. Received: {path}, columns {reprlib.repr(titles)}")
    if len(cells[first]) == len(titles) + 1:
        titles = ["", *titles]  # as R writes the names of rows
    repeated = sorted(name for name, count in Counter(filter(None, titles)).items() if count > 1)
    if repeated:
        raise ValueError(f"{path}: column names must differ. Received: {repeated} more than once")
    if header is None and has_units(cells[first:], delimiter != ","):
        notes.append(f"line {rows[first].line} under the header skipped: it holds units, not numbers: {cells[first]}")
        first += 1
    return Layout(data, delimiter, list(titles), rows[first - 1].end if first else top, notes)


def _head_lines(data: bytes) -> list[str]:
    """The first lines, with their ends, cut at line feeds and carriage returns alone; three at least, where there are as many."""
    size = HEAD_BYTES
    while True:
        lines = list(io.StringIO(data[:size].decode("utf-8", errors="replace"), newline=""))
        if size >= len(data):
            return lines
        if len(lines) > 3:
            return lines[:-1]  # the last is cut short
        size *= 8


def _rows(lines: Sequence[str], delimiter: str, start: int = 0) -> list[Row]:
    """The first rows of the lines from `start` on; empty lines are none."""
    rows = []
    for row in _all_rows(lines[start:], delimiter):
        if len(rows) == HEAD_ROWS:
            break
        rows.append(Row(row.line + start, row.cells, row.end + start))
    return rows


def _all_rows(lines: Sequence[str], delimiter: str) -> Iterator[Row]:
    reader, line = csv.reader(lines, delimiter=delimiter, skipinitialspace=True), 1
    for cells in reader:
        if len(cells) > 1 or any(cell.strip() for cell in cells):
            yield Row(line, [cell.strip() for cell in cells], reader.line_num)
        line = reader.line_num + 1


def _delimiter(lines: Sequence[str]) -> str:
    """The first delimiter that cuts all rows of the head alike and into several cells, or failing that the one that does so for most."""
    shares: dict[str, float] = {}
    for delimiter in DELIMITERS:
        first, *others = [len(row.cells) for row in _rows(lines, delimiter)]
        width, count = Counter(others or [first]).most_common(1)[0]
        if width > 1:
            shares[delimiter] = count / max(len(others), 1) - 0.5 * (first not in (width, width - 1))
    if 1.0 not in shares.values():
        tabbed = _rows(_head_lines(_with_tabs("".join(lines[: 2 * HEAD_ROWS]).encode())), "\t")
        numbers = [[is_number(cell) for cell in row.cells] for row in tabbed[1:] or tabbed]
        width = len(numbers[0])
        alike = all(len(row) == width for row in numbers) and len(tabbed[0].cells) in (width, width - 1)
        if width > 1 and alike and any(map(all, zip(*numbers, strict=True))):
            return WHITE_SPACE
    return max(shares, key=lambda delimiter: shares[delimiter], default=",")


def _with_tabs(data: bytes) -> bytes:
    """A text whose cells white space divides, with one tab between them."""
    data = re.sub(rb"^[ \t]+|[ \t]+$|[ \t]+(?=\r)", b"", data, flags=re.MULTILINE)
    return re.sub(rb'("(?:[^"]|"")*")|[ \t]+', lambda cut: cut[1] or b"\t", data)


def _commented_header(comments: Sequence[str], delimiter: str, cells: list[list[str]]) -> list[str] | None:
    """The cells of the last comment where they name the columns, as `numpy.savetxt` writes them; else None."""
    if not comments or not comments[-1].startswith("#") or has_header(cells, delimiter != ","):
        return None
    titles = [cell.strip() for cell in next(csv.reader([comments[-1].lstrip("# ").rstrip()], delimiter=delimiter, skipinitialspace=True))]
    return titles if len(titles) == len(cells[0]) > 1 else None


def _cells(layout: Layout, width: int, decimal: str | None, blanks: Sequence[str], path: Path) -> list[Any]:
    """The columns below the header: int64, float64 or strings, null where they are blank.

    Columns that are numbers in the first block are read as such, which is three times as fast as by way of strings. Where that fails or
    may lose something, all are read as strings.

    Raises:
        ValueError: a row has another number of cells, or the text is not UTF-8; the line is named.
    """
    start = len("".join(_head_lines(layout.data)[: layout.skipped]).encode())
    text = memoryview(layout.data)[start:]
    commas = (False, True) if decimal is None and layout.delimiter != "," else (decimal == ",",)
    names = [str(number) for number in range(width)]

    def read(part: memoryview, types: dict[str, Any], block_bytes: int = BLOCK_BYTES) -> pa.Table:
        return arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(part)),
            arrow_csv.ReadOptions(column_names=names, block_size=block_bytes),
            arrow_csv.ParseOptions(delimiter=layout.delimiter, newlines_in_values=b'"' in layout.data),
            arrow_csv.ConvertOptions(column_types=types, strings_can_be_null=True, null_values=blanks, decimal_point=decimal or "."),
        )

    def typed(table: pa.Table) -> list[Any]:
        return [column if not pa.types.is_string(column.type) else typed_cells(column, commas, blanks) for column in table.columns]

    strings = dict.fromkeys(names, pa.string())
    try:
        end = layout.data.rfind(b"\n", start, start + GUESS_BYTES) + 1
        if end > start and text[:1] != b"0" and not _has_leading_zeros(layout.data, start, layout.delimiter):
            guessed = typed(read(text[: end - start], strings))
            return typed(read(text, {name: column.type for name, column in zip(names, guessed, strict=True)}))
    except pa.ArrowInvalid:
        pass
    try:
        return typed(read(text, strings, LONGEST_ROW))
    except pa.ArrowInvalid as error:
        _locate(layout, width, path)
        raise ValueError(f"The table cannot be read: {error}. Received: {path}") from None


def _has_leading_zeros(text: bytes, start: int, delimiter: str) -> bool:
    """Whether a cell from the byte `start` on may begin with a zero that another digit follows."""
    data = np.frombuffer(text, np.uint8, offset=start)
    marks = [ord(mark) for mark in (delimiter, "\n", *(mark for mark in '\r" ' if mark.encode() in text))]
    for first in range(0, len(data), 1 << 18):  # a part that the processor's cache holds
        part = data[first : first + (1 << 18) + 2]
        zeros = part[:-2] == marks[0]
        for mark in marks[1:]:
            zeros |= part[:-2] == mark
        zeros &= part[1:-1] == ord("0")
        zeros &= part[2:] - ord("0") < 10
        if zeros.any():
            return True
    return False


def _locate(layout: Layout, width: int, path: Path) -> None:
    """Raise a `ValueError` that names the line of the first fault of a text that pyarrow has refused."""
    try:
        text = layout.data.decode()
    except UnicodeDecodeError as error:
        line = layout.data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"The table is not UTF-8 text: line {line} has the byte {layout.data[error.start]:#x}. Received: {path}") from None
    lines = list(io.StringIO(text, newline=""))[layout.skipped :]
    for line, cells, end in _all_rows(lines, layout.delimiter):
        if len(cells) != width:
            lines_of = f"line {line + layout.skipped}" + (f" to {end + layout.skipped}" if end > line else "")
            shown = str(cells[:8])[:200]
            raise ValueError(f"{path}, {lines_of}: rows must have {width} cells. Received: {len(cells)} cells, {shown}") from None


def typed_cells(cells: Any, commas: Sequence[bool], blanks: Sequence[str]) -> Any:
    """A column of strings as int64, float64, or words without white space around them."""
    numbers = _numbers(cells, commas)
    if numbers is not None:
        return numbers
    words = trimmed(cells, blanks)
    numbers = None if words is cells else _numbers(words, commas)
    return words if numbers is None else numbers


def trimmed(cells: Any, blanks: Sequence[str]) -> Any:
    """A column of strings without white space around them, null where they are blank."""
    words = pc.utf8_trim_whitespace(cells)
    if words.equals(cells):
        return cells
    return pc.if_else(pc.is_in(words, value_set=pa.array(blanks, pa.string())), pa.scalar(None, pa.string()), words)


def _numbers(cells: Any, commas: Sequence[bool]) -> Any:
    """A column of strings as int64 or float64 where all are numbers that lose nothing by it; else None.

    The first cells are tried before the others, since a cast spends most on what it cannot convert.
    """
    first = _numbers(cells.slice(0, FIRST_CELLS), commas) if len(cells) > FIRST_CELLS else None
    if len(cells) > FIRST_CELLS and first is None:
        return None
    for comma in commas:
        written = cells
        if comma:
            if pc.any(pc.match_substring(cells, ".")).as_py():
                return None
            written = pc.replace_substring(cells, ",", ".")
        whole = None
        if first is None or pa.types.is_int64(first.type):
            with contextlib.suppress(pa.ArrowInvalid):
                whole = pc.cast(written, pa.int64())
        if whole is not None:
            zeros = written.filter(pc.starts_with(written, "0"))
            return None if pc.any(pc.match_substring_regex(zeros, "^0[0-9xX]")).as_py() else whole
        try:
            numbers = pc.cast(written, pa.float64())
        except pa.ArrowInvalid:
            continue
        longest = pc.max(pc.binary_length(written)).as_py() or 0
        return None if longest > 15 and pc.any(pc.match_substring_regex(written, "^[-+]?[0-9]{16,}$")).as_py() else numbers
    return None


def _stray_words(cells: Any, name: str, skipped: int) -> list[str]:
    """A note where nearly all cells of a column of words are numbers."""
    pattern = r"^[-+]?([0-9]+[.,]?[0-9]*|[.,][0-9]+)([eE][-+]?[0-9]+)?$"
    if not pc.mean(pc.match_substring_regex(cells.slice(0, 10_000), pattern)).as_py():
        return []
    numbers = pc.match_substring_regex(cells, pattern)
    share = pc.mean(numbers).as_py()
    if not MOSTLY <= share < 1:
        return []
    row = pc.index(numbers, False).as_py()
    count = pc.sum(pc.invert(numbers)).as_py()
    return [
        f"column {name!r}: {count} of {len(cells)} cells are not numbers (row {row + 1}: {cells[row].as_py()!r}), so all are read as words;"
        " if they are blanks, give them as na_values"
    ]


def series_of(cells: Any) -> pd.Series:
    """A column of pyarrow as pandas', whole numbers exact where some cells are blank."""
    if pa.types.is_int64(cells.type) and cells.null_count:
        return cells.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return cells.to_pandas()
