"""Conditions on one column of a table, in its own values, as encoded ones: a range, some values, or one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from tfar.datasets.dates import local_time, parse_dates, write_dates
from tfar.datasets.kinds import Category, Grid, Modelled


def encoded(column: Modelled, condition: Any) -> tuple[np.ndarray, bool]:
    """Encode the values of a column that meet a condition.

    A number beyond the grid of its column is encoded as the end that is nearer, as `Grid.encode` does; a rare category has its share of the
    class of rare values, as in `Category.log_share`.

    Args:
        column: of a schema.
        condition: a tuple (low, high) for the closed range, None for an open end; a list, set, array or column of values; or one value.
            None or NaN among values is a blank.

    Returns:
        Of a category, the part of each class that meets the condition, float64 `[K]`; of numbers, closed intervals of encoded values,
        float64 `[M, 2]`. And whether blanks meet it.

    Raises:
        ValueError: the range is of a category, or has no value between its ends; a value is not one of the column; no value is given.

    >>> sex = Category(name="sex", dtype="str", values=("f", "m"))
    >>> encoded(sex, "m")
    (array([0., 1.]), False)
    >>> age = Grid(name="age", dtype="int64", start=18, step=1, size=50, x=(0.0, 49.0), z=(-2.0, 2.0))
    >>> encoded(age, (30, 40.5))[0].tolist(), encoded(age, [20, 25])[0].tolist()
    ([[12.0, 22.0]], [[2.0, 2.0], [7.0, 7.0]])
    """
    if isinstance(condition, tuple):
        return _range(column, condition), False
    cells: Any = pd.Series(_values(column, condition)).drop_duplicates()
    blank = cells.isna().to_numpy()
    if blank.any() and not column.blank:
        raise ValueError(f"column {column.name!r} must have a value, since it had no blanks. Received: {condition!r}")
    cells = cells[~blank]
    found = column.encode(cells) if len(cells) else np.zeros(0)
    if not isinstance(column, Category):
        return np.stack([found, found], axis=1), bool(blank.any())
    shares = np.zeros(column.num_classes)
    if len(cells):
        np.add.at(shares, found.astype(np.int64), np.exp(column.log_share(cells)))
    return np.minimum(shares, 1), bool(blank.any())


def _values(column: Modelled, condition: Any) -> list[Any]:
    """The values of a condition; dates as strings where the column has strings."""
    values: list[Any] = [condition] if _is_one(condition) else list(condition)
    if not values:
        raise ValueError(f"column {column.name!r} must have at least one value. Received: {condition!r}")
    if not all(_is_one(value) for value in values) or isinstance(condition, Mapping):
        raise ValueError(f"column {column.name!r} must have a value, a list of values, or a tuple (low, high). Received: {condition!r}")
    if isinstance(column, Grid) and column.form:
        return [value if isinstance(value, str) or pd.isna(value) else _written(value, column.form) for value in values]
    return values


def _written(value: Any, form: str) -> str:
    """A time as a string of a format."""
    time: Any = pd.Timestamp(value)
    return write_dates(pd.Series([local_time(time, form)]), form).iloc[0]


def _is_one(value: Any) -> bool:
    return isinstance(value, str | Mapping) or not isinstance(value, Iterable)


def _range(column: Modelled, ends: tuple[Any, ...]) -> np.ndarray:
    """The encoded interval of a closed range, float64 `[1, 2]`, or `[0, 2]` where it lies between two points of a grid."""
    if isinstance(column, Category):
        raise ValueError(f"column {column.name!r} has categories, which have no range: give a list of values. Received: {ends!r}")
    if len(ends) != 2:
        raise ValueError(f"column {column.name!r} must have a range (low, high), with None for an open end. Received: {ends!r}")
    try:
        low, high = (
            None if end is None or end == none else _position(column, end) for end, none in zip(ends, (-np.inf, np.inf), strict=True)
        )
    except (ValueError, TypeError, ArithmeticError):
        kind = "dates" if isinstance(column, Grid) and column.unit else "numbers"
        raise ValueError(f"the range of column {column.name!r} must be of {kind}. Received: {ends!r}") from None
    if low is not None and high is not None and low > high:
        raise ValueError(f"the range of column {column.name!r} must have low <= high. Received: {ends!r}")
    interval = np.array([[-np.inf if low is None else float(low), np.inf if high is None else float(high)]])
    if not isinstance(column, Grid):
        return interval
    first, last = 0 if low is None else low, column.size - 1 if high is None else high
    nearest = [min(max(number, 0), column.size - 1) for number in (-(-first // 1), last // 1)]  # exact: float64 would round an end
    return np.array([nearest], np.float64) if nearest[0] <= nearest[1] else np.zeros([0, 2])


def _position(column: Modelled, value: Any) -> Fraction:
    """An end of a range as an encoded number, exactly; between two points of a grid it need not be an integer.

    Raises:
        ValueError, TypeError, ArithmeticError: it is no finite number, or no date.
    """
    if not isinstance(column, Grid):
        return Fraction(float(value))
    if column.unit and isinstance(value, float | np.number | int):
        raise TypeError("a number is no date")
    if not column.unit:
        return (Fraction(str(value)) * 10**column.decimals - column.start) / column.step
    if column.is_duration:
        since = pd.Timedelta(value)
    else:
        time: Any = parse_dates(pd.Series([value]), column.form).iloc[0] if column.form and isinstance(value, str) else pd.Timestamp(value)
        since = local_time(time, column.form) - pd.Timestamp("1970-01-01")
    tick = pd.Timedelta(1, column.unit)
    whole = int(since // tick)
    return (whole + (0 if whole * tick == since else Fraction(1, 2)) - Fraction(column.start)) / column.step
