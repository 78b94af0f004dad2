"""Whether the first row of a table names its columns, and whether the second gives their units; needs no pandas."""

from __future__ import annotations

import re
from collections.abc import Sequence

BLANK_WORDS = (
    *(
        "?",
        "NA",
        "N/A",
        "n/a",
        "na",
        "#N/A",
        "#N/A N/A",
        "#NA",
        "<NA>",
        "NaN",
        "nan",
        "NAN",
        "-NaN",
        "-nan",
        "None",
        "NULL",
        "null",
        "Null",
    ),
    *("-1.#IND", "1.#QNAN", "1.#IND", "-1.#QNAN"),
)

_BLANKS = frozenset(("", *BLANK_WORDS))
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?")


def is_number(cell: str, decimal_comma: bool = False) -> bool:
    """Whether a cell is a number; `decimal_comma` admits `1,5` as well.

    >>> is_number("-1.5e3"), is_number("10_000"), is_number("1,5"), is_number("1,5", decimal_comma=True)
    (True, False, False, True)
    """
    return _NUMBER.fullmatch(cell.replace(",", ".", 1) if decimal_comma else cell) is not None


def has_header(rows: Sequence[Sequence[str]], decimal_comma: bool = False) -> bool:
    """Whether the first row names the columns.

    - A row with a blank (`N/A`) or a number that is not whole is no header.
    - It is a header if one of its words stands above numbers or dates, or if all its cells are words and none of them comes again below.
    - Whole numbers alone are a header if they are 0, 1, 2, ..., or if they do not look like the rows: in equal steps (`2019,2020,2021`) and
      each outside the range of its column, or above columns of decimals and one of the two.

    Args:
        rows: cells of the first rows, stripped.
        decimal_comma: whether `1,5` is a number.

    >>> has_header([["height", "kind"], ["1.5", "oak"]]), has_header([["N/A", "2.5"], ["1.5", "3"]])
    (True, False)
    >>> has_header([["2019", "2020"], ["3", "5"], ["4", "1"]]), has_header([["2", "3"], ["3", "5"], ["1", "1"]])
    (True, False)
    >>> has_header([["sex", "city"], ["f", "Rome"]]), has_header([["f", "Rome"], ["m", "Rome"]])
    (True, False)
    """
    first, rest = rows[0], rows[1:]
    if any(cell in BLANK_WORDS for cell in first):
        return False
    numbers = [i for i, cell in enumerate(first) if is_number(cell, decimal_comma)]
    dates = any(_DATE.fullmatch(cell) for cell in first)
    if dates or any(not _is_whole(first[i]) for i in numbers):
        return False
    words = [i for i, cell in enumerate(first) if cell and i not in numbers]
    if not rest:
        return not numbers and bool(words)
    if len(rest[0]) == len(first) + 1:
        return bool(words)  # as R writes it: no name above the names of the rows
    columns = list(zip(*(row for row in rest if len(row) == len(first)), strict=True))
    if not columns or any(first[i] in columns[i] for i in words):
        return False
    if any(_all_numbers(columns[i], decimal_comma) for i in words):
        return not any(first[i] in columns[i] for i in numbers)
    if words and not numbers:
        return True
    return _numbers_are_names([first[i] for i in numbers], [columns[i] for i in numbers], decimal_comma, alone=not words)


def has_units(rows: Sequence[Sequence[str]], decimal_comma: bool = False) -> bool:
    """Whether the first row below a header gives units: none of its cells is a number, and a word stands above numbers.

    >>> has_units([["cm", ""], ["170", "oak"], ["165", "elm"]])
    True
    """
    first, rest = rows[0], rows[1:]
    columns = list(zip(*(row for row in rest if len(row) == len(first)), strict=True))
    values = any(is_number(cell, decimal_comma) or _DATE.fullmatch(cell) or cell in BLANK_WORDS for cell in first)
    return bool(columns) and not values and any(cell and _all_numbers(columns[i], decimal_comma) for i, cell in enumerate(first))


def _is_whole(cell: str) -> bool:
    return re.fullmatch(r"[-+]?\d+", cell) is not None


def _all_numbers(column: Sequence[str], decimal_comma: bool) -> bool:
    """Whether all cells are numbers, dates or blank, and one is not blank."""
    cells = [cell for cell in column if cell not in _BLANKS]
    return bool(cells) and all(is_number(cell, decimal_comma) or _DATE.fullmatch(cell) for cell in cells)


def _numbers_are_names(cells: Sequence[str], columns: Sequence[Sequence[str]], decimal_comma: bool, alone: bool) -> bool:
    values, count = [int(cell) for cell in cells], len(cells)
    if len(set(values)) < count or not all(_all_numbers(column, decimal_comma) for column in columns):
        return False
    if count > 2 and values == list(range(count)):
        return True
    below = [[cell.replace(",", ".", 1) for cell in column if is_number(cell, decimal_comma)] for column in columns]
    if not all(below) or (alone and count < 2) or (count < 3 and len(columns[0]) < 2):
        return False
    steps = {after - before for before, after in zip(values, values[1:], strict=False)}
    even = len(steps) == 1 and (count > 2 or steps == {1})
    outside = all(not min(map(float, column)) <= value <= max(map(float, column)) for value, column in zip(values, below, strict=True))
    decimals = all("." in cell for column in below for cell in column)
    return decimals and (even or outside) or outside and (even or not alone)
