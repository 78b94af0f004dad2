"""Strings that are dates: the one format in which a column of them is written."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pandas as pd

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Codes of strptime, and of our own: %L is milliseconds, and a minus leaves out the zero in front. What a code writes, and its pattern.
_CODES: dict[str, tuple[Any, str]] = {
    "%Y": (lambda t: f"{t.year:04}", "[0-9]{4}"),
    "%m": (lambda t: f"{t.month:02}", "[0-9]{2}"),
    "%-m": (lambda t: f"{t.month}", "1?[0-9]"),
    "%b": (lambda t: _MONTHS[t.month - 1], "|".join(_MONTHS)),
    "%d": (lambda t: f"{t.day:02}", "[0-9]{2}"),
    "%-d": (lambda t: f"{t.day}", "[1-3]?[0-9]"),
    "%H": (lambda t: f"{t.hour:02}", "[0-9]{2}"),
    "%-H": (lambda t: f"{t.hour}", "[12]?[0-9]"),
    "%I": (lambda t: f"{(t.hour - 1) % 12 + 1:02}", "[0-9]{2}"),
    "%-I": (lambda t: f"{(t.hour - 1) % 12 + 1}", "1?[0-9]"),
    "%M": (lambda t: f"{t.minute:02}", "[0-9]{2}"),
    "%S": (lambda t: f"{t.second:02}", "[0-9]{2}"),
    "%f": (lambda t: f"{t.microsecond:06}", "[0-9]{6}"),
    "%L": (lambda t: f"{t.microsecond // 1000:03}", "[0-9]{3}"),
    "%p": (lambda t: "AM" if t.hour < 12 else "PM", "AM|PM"),
}
_OFFSET = re.compile("(Z|[+-][0-9]{2}:?[0-9]{2})$")  # from UTC, which all cells of a column share
_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %H:%M:%S.%L", "T%H:%M", "T%H:%M:%S", "T%H:%M:%S.%f", "T%H:%M:%S.%L")
_HALVES = (" %I:%M %p", " %I:%M:%S %p")  # of a day
_SHORT = ("%-d.%-m.%Y", "%-d/%-m/%Y", "%-m/%-d/%Y", "%-d %b %Y", "%b %-d, %Y")
_SHORT_TIMES = ("", " %-H:%M", " %-H:%M:%S", " %-I:%M %p", " %-I:%M:%S %p")
FORMATS = (  # a short one only where no other fits: "10.12.2024" is both
    tuple(map("".join, itertools.product(_DAYS, _TIMES + _HALVES))),
    tuple(map("".join, itertools.product(_SHORT, _TIMES + _HALVES + _SHORT_TIMES[1:])))
    + tuple(map("".join, itertools.product(_DAYS, _SHORT_TIMES[1:]))),
)
SAMPLE = 100


def date_format(cells: pd.Series) -> str | None:
    """The format in which all strings of a column are dates, if there is exactly one; `01/02/2024` alone is ambiguous.

    Args:
        cells: strings `[N]`, none blank.

    >>> date_format(pd.Series(["2024-01-31", "2023-12-01"])), date_format(pd.Series(["31/01/2024", "01/02/2024"]))
    ('%Y-%m-%d', '%d/%m/%Y')
    >>> date_format(pd.Series(["2024-01-31T09:00:00+01:00"])), date_format(pd.Series(["1/31/2024 9:05 PM"]))
    ('%Y-%m-%dT%H:%M:%S+01:00', '%-m/%-d/%Y %-I:%M %p')
    >>> date_format(pd.Series(["01/02/2024"])) is None, date_format(pd.Series(["2024-01-31", "soon"])) is None
    (True, True)
    """
    first, distinct = cells.iloc[:SAMPLE].tolist(), cells.drop_duplicates()
    offset = _OFFSET.search(first[0]) if ":" in first[0] else None  # "31-01-2024" ends in no offset
    ending = offset[0] if offset else ""
    for group in FORMATS:
        written = [form for form in (day + ending for day in group) if all(re.fullmatch(_pattern(form), cell) for cell in first)]
        possible = [form for form in written if parse_dates(distinct, form).notna().all()]
        if possible:
            return possible[0] if len(possible) == 1 else None
    return None


def parse_dates(cells: pd.Series, form: str) -> pd.Series:
    """The dates, datetime64[us], NaT where a cell is not written in the format; those with an offset from UTC in local time.

    >>> parse_dates(pd.Series(["31.1.2024", "31.01.2024"]), "%-d.%-m.%Y").dt.day.tolist()
    [31.0, nan]
    """
    alike = cells.str.fullmatch(_pattern(form)).fillna(False).astype(bool)
    local, ending = _parts(form)
    local_cells = cells.where(alike).str.removesuffix(ending) if ending else cells.where(alike)
    dates = pd.to_datetime(local_cells, format=local.replace("%-", "%").replace("%L", "%f"), errors="coerce")
    return dates.astype("datetime64[us]")


def write_dates(dates: pd.Series, form: str) -> pd.Series:
    """Dates, datetime64 without NaT, as strings of a format, which `parse_dates` reads.

    >>> write_dates(pd.Series(pd.to_datetime(["2024-01-31T20:05"])), "%b %-d, %Y %-I:%M %p").tolist()
    ['Jan 31, 2024 8:05 PM']
    """
    local, ending = _parts(form)
    if not re.search("%[-LbIp]", local):
        return dates.dt.strftime(local) + ending
    codes, distinct = pd.factorize(dates)
    written = ["".join(_CODES[code][0](time) if code in _CODES else code for code in _codes(local)) + ending for time in distinct]
    return pd.Series(written, dtype=object).take(codes).set_axis(dates.index)


def _codes(form: str) -> list[str]:
    return re.findall("%-?.|[^%]", form)


def _parts(form: str) -> tuple[str, str]:
    """A format without the offset from UTC at its end, and that."""
    offset = _OFFSET.search(form)
    return (form[: offset.start()], offset[0]) if offset else (form, "")


def local_time(time: pd.Timestamp, form: str) -> pd.Timestamp:
    """A time at the offset of a format, without its zone; one that has none is local.

    >>> local_time(pd.Timestamp("2024-01-31T12:00Z"), "%Y-%m-%d %H:%M-03:30")
    Timestamp('2024-01-31 08:30:00')
    """
    if time.tzinfo is None:
        return time
    _, ending = _parts(form)
    zone = "UTC" if ending in ("", "Z") else f"{ending[:3]}:{ending[-2:]}"
    return time.tz_convert(zone).tz_localize(None)


def _pattern(form: str) -> str:
    r"""The regular expression of what a format writes.

    >>> _pattern("%d.%m.%Y")
    '(?:[0-9]{2})\\.(?:[0-9]{2})\\.(?:[0-9]{4})'
    """
    return "".join(f"(?:{_CODES[code][1]})" if code in _CODES else re.escape(code) for code in _codes(form))
