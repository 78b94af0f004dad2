"""Strings that are dates: the one format in which a column of them is written."""

from __future__ import annotations

import re

import pandas as pd

# a format of strptime, and the cells that it writes
_PART = {"%Y": "[0-9]{4}", "%f": "[0-9]{6}"} | dict.fromkeys(("%m", "%d", "%H", "%M", "%S"), "[0-9]{2}")
_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M", "T%H:%M:%S", "T%H:%M:%S.%f", "T%H:%M:%SZ")
FORMATS = tuple(day + time for day in _DAYS for time in _TIMES)
SAMPLE = 100


def date_format(cells: pd.Series) -> str | None:
    """The format in which all strings of a column are dates, if there is exactly one; `01/02/2024` alone is ambiguous.

    Args:
        cells: strings `[N]`, none blank.

    >>> date_format(pd.Series(["2024-01-31", "2023-12-01"])), date_format(pd.Series(["31/01/2024", "01/02/2024"]))
    ('%Y-%m-%d', '%d/%m/%Y')
    >>> date_format(pd.Series(["01/02/2024"])) is None, date_format(pd.Series(["2024-01-31", "soon"])) is None
    (True, True)
    """
    first, distinct = cells.iloc[:SAMPLE].tolist(), cells.drop_duplicates()
    written = [form for form in FORMATS if all(re.fullmatch(_pattern(form), cell) for cell in first)]
    possible = [form for form in written if parse_dates(distinct, form).notna().all()]
    return possible[0] if len(possible) == 1 else None


def parse_dates(cells: pd.Series, form: str) -> pd.Series:
    """The dates, datetime64[us], NaT where a cell is not written in the format."""
    alike = cells.str.fullmatch(_pattern(form)).fillna(False).astype(bool)
    return pd.to_datetime(cells.where(alike), format=form, errors="coerce").dt.tz_localize(None).astype("datetime64[us]")


def _pattern(form: str) -> str:
    r"""The regular expression of what a format writes.

    >>> _pattern("%d.%m.%Y")
    '[0-9]{2}\\.[0-9]{2}\\.[0-9]{4}'
    """
    return "".join(_PART.get(part) or re.escape(part) for part in re.findall(r"%.|[^%]", form))
