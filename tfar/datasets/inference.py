"""The kind of each column of a DataFrame, and the facts of that kind, from the training rows. The rules are constants below."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from tfar.columns import Warp
from tfar.datasets.dates import date_format
from tfar.datasets.kinds import EXACT, Category, Column, Constant, Grid, Identifier, Modelled, Real, as_numbers, is_time, plain, quanta

FEW_CLASSES = 100  # the most frequent values that are always classes of their own
RARE_ROWS = 10  # beyond these a value with fewer rows joins the class of rare values
MOST_CLASSES = 5000  # and so do the rarest of more values than these

ATOM_ROWS, ATOM_SHARE, MOST_ATOMS = 5, 0.0002, 200  # a value is an atom with so many rows and that share of them; the most frequent ones
RECORDED_GAIN, MOST_RECORDED = 0.05, 2**16  # frequencies of recorded values are held if they gain so many nats a row; the highest ones
RECORDED_ROWS = 1000  # fewer do not tell how numbers repeat
WARP_SHARE = 0.02  # a value counts at most as this share of the rows when the warp is fitted, so that an atom does not take its range

MOST_DECIMALS, SURE_DECIMALS, REPEATED = 6, 4, 0.1  # numbers with 5 or 6 decimals are on a grid only if this share repeats others
STEP_ROWS = 1000  # with so many rows the step of the grid is the greatest common divisor, otherwise 1 unit
WIDEN = 0.1  # the grid extends the training range by this share of it at both ends

TWO_VALUES_ROWS = 20  # a number of two values is a category with so many rows, or if they are 0 and 1
IDENTIFIER_ROWS = 20  # fewer distinct values are no evidence of an identifier
COINCIDENCES = 10.0  # expected pairs of equal numbers, were they drawn evenly from their range, at which none tells of a key
KEY_DIGITS = 9  # whole numbers of equally many digits, as many or more, that spread over their range
KEY_NAME = re.compile(r"(.*[\W_])?(id|uuid|guid|key)|.*[a-z](Id|ID|Key)", re.DOTALL)

UNITS = ("D", "h", "m", "s", "ms", "us", "ns")

Asked = Literal["category", "number"] | None


def infer_column(name: str, cells: pd.Series, asked: Asked = None) -> Column:
    """The kind of one column, and its facts.

    - One value: constant; of a column with blanks a category.
    - Booleans, strings and pandas categoricals: category. Strings that are all distinct: identifier; that are dates: grid.
    - Numbers of two values (0 and 1, or any with 20 rows): category.
    - Whole numbers that are all distinct: identifier if they count, if equal ones were to be expected in their range, if they are keys of 9
      or more digits, or if the name ends in "id" or "key".
    - Other whole numbers, numbers with at most 4 decimals (6 if values repeat), dates and durations: grid. Other numbers: real.

    Args:
        name: of the column.
        cells: the column `[N]`.
        asked: "category" or "number" where the user says which.

    Raises:
        ValueError: a cell is not a finite number, the dtype is not one of a table, or times in nanoseconds span more than 104 days.
    """
    written = plain(cells)
    blank = bool(written.isna().any())
    present = written.dropna()
    dtype = _dtype(cells, name)
    distinct = present.nunique()
    if distinct == 0:
        return Constant(name=name, dtype=dtype, value=None)
    if distinct == 1 and not blank:
        return Constant(name=name, dtype=dtype, value=_scalar(present.iloc[0]))
    if asked == "category" or (distinct == 1 and asked is None and not is_time(present)):
        return _category(name, cells, dtype)
    of_classes = dtype == "category" and not is_time(present) and not distinct == len(present) >= IDENTIFIER_ROWS
    if asked is None and (of_classes or pd.api.types.is_bool_dtype(present)):
        return _category(name, cells, dtype)
    if is_time(present):
        return _times(name, cells, dtype, "")
    if pd.api.types.is_numeric_dtype(present) or asked == "number":
        return _number(name, cells, dtype, asked)
    if form := date_format(present):
        return _times(name, cells, dtype, form)
    if distinct == len(present) >= IDENTIFIER_ROWS:
        return Identifier(name=name, dtype=dtype, reason="strings, all distinct")
    return _category(name, cells, dtype)


def refitted(column: Modelled, cells: pd.Series) -> Modelled:
    """A column with the statistics of other rows: how frequent its values are, its atoms, its warp and the range of its grid.

    Its kind, its dtype, the step of its grid, and whether it has blanks stay. So do its classes, unless the rows have a class of rare
    values, which takes in what they lack. A column without a value in the rows is returned as it is.

    Args:
        column: of a schema.
        cells: the column in the other rows `[N]`.

    >>> both = infer_column("sex", pd.Series(["f", "m"]))
    >>> refitted(both, pd.Series(["f", "f"])).values
    ('f', 'm')
    """
    if not cells.notna().any():
        return column
    if isinstance(column, Category):
        found = _category(column.name, cells, column.dtype)
        values = found.values if found.rare else tuple(sorted({*found.values, *column.values, *column.rare}))
        return dataclasses.replace(column, values=values, rare=found.rare, rare_counts=found.rare_counts)
    if isinstance(column, Grid):
        points, blank, _ = quanta(cells, column.decimals, column.unit, column.form, column.name)
        return _grid(column.name, column.dtype, points[~blank], column.blank, column.decimals, column.unit, column.form, column.step)
    assert isinstance(column, Real)
    numbers, blank = as_numbers(cells, column.name)
    return dataclasses.replace(column, **_facts(*np.unique(numbers[~blank].astype(np.float64), return_counts=True)))


def _dtype(cells: pd.Series, name: str) -> str:
    dtype = cells.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if dtype == np.dtype(object) or isinstance(dtype, pd.IntervalDtype | pd.PeriodDtype):
        return "str"
    if pd.api.types.is_complex_dtype(dtype):
        raise ValueError(f"column {name!r}: must be numbers, strings, booleans or dates. Received: dtype {dtype}")
    return str(dtype)


def _scalar(value: Any) -> Any:
    """A cell as JSON holds it."""
    value = value.item() if isinstance(value, np.generic) and not isinstance(value, np.datetime64 | np.timedelta64) else value
    return value if isinstance(value, str | int | float | bool) else str(value)


def _category(name: str, cells: pd.Series, dtype: str) -> Category:
    counts = plain(cells).value_counts()  # the most frequent first
    own = np.arange(len(counts)) < FEW_CLASSES
    own |= (counts.to_numpy() >= RARE_ROWS) & (np.arange(len(counts)) < MOST_CLASSES)
    if (~own).sum() == 1:
        own[:] = True
    values, rare = sorted(map(_scalar, counts.index[own])), sorted(map(_scalar, counts.index[~own]))
    of = dict(zip(map(_scalar, counts.index), counts.tolist(), strict=True))
    levels = tuple(map(_scalar, cells.cat.categories)) if isinstance(cells.dtype, pd.CategoricalDtype) else None
    return Category(
        name=name,
        dtype=dtype,
        blank=bool(cells.isna().any()),
        values=tuple(values),
        rare=tuple(rare),
        rare_counts=tuple(of[value] for value in rare),
        levels=levels,
        ordered=levels is not None and bool(cells.cat.ordered),
    )


def _number(name: str, cells: pd.Series, dtype: str, asked: Asked) -> Column:
    numbers, blank = as_numbers(cells, name)
    numbers = numbers[~blank]
    decimals = _decimals(cells, name)
    points = quanta(cells, decimals or 0, "", "", name)[0][~blank]
    if decimals == 0 and asked is None and (identifier := _identifier(name, points, dtype)):
        return identifier
    distinct = np.unique(numbers)
    if asked is None and len(distinct) == 2 and (len(numbers) >= TWO_VALUES_ROWS or distinct.tolist() == [0, 1]):
        return _category(name, cells, dtype)
    if decimals is None or (decimals > SURE_DECIMALS and 1 - len(distinct) / len(numbers) < REPEATED):
        facts = _facts(*np.unique(numbers.astype(np.float64), return_counts=True))
        return Real(name=name, dtype="float64" if _is_words(dtype) else dtype, blank=bool(blank.any()), **facts)
    if int(points.max()) - int(points.min()) >= EXACT:
        return _category(name, cells, dtype)
    return _grid(name, "float64" if _is_words(dtype) else dtype, points, bool(blank.any()), decimals=decimals)


def _is_words(dtype: str) -> bool:
    return dtype in ("str", "category") or dtype.startswith("string")


def _decimals(cells: pd.Series, name: str) -> int | None:
    """The smallest number of decimals, at most 6, with which all numbers are written; None where there is none."""
    first = cells.iloc[:1000]
    for decimals in range(MOST_DECIMALS + 1):
        if all(not (wrong & ~blank).any() for _, blank, wrong in (quanta(part, decimals, "", "", name) for part in (first, cells))):
            return decimals
    return None


def _identifier(name: str, points: np.ndarray, dtype: str) -> Identifier | None:
    """An identifier if whole numbers are one: distinct keys."""
    count, low, high = len(points), int(points.min()), int(points.max())
    if count < IDENTIFIER_ROWS or len(np.unique(points)) < count:
        return None
    width = high - low + 1
    digits = {len(str(abs(bound))) for bound in (low, high)}
    if width == count:
        reason = f"counts from {low} to {high}"
    elif count * (count - 1) / 2 / width >= COINCIDENCES:
        reason = f"{count} distinct whole numbers in {low} to {high}, where some would be equal by chance"
    elif KEY_NAME.fullmatch(name) or KEY_NAME.fullmatch(name.lower()):
        reason = "distinct whole numbers, named as a key"
    elif low > 0 and len(digits) == 1 and digits.pop() >= KEY_DIGITS and width > high / 2:
        reason = f"distinct whole numbers of {len(str(high))} digits"
    else:
        return None
    return Identifier(name=name, dtype="float64" if _is_words(dtype) else dtype, reason=reason, start=high + 1)


def _times(name: str, cells: pd.Series, dtype: str, form: str) -> Grid:
    unit = next(unit for unit in UNITS if not quanta(cells, 0, unit, form, name)[2].any())
    points, blank, _ = quanta(cells, 0, unit, form, name)
    if int(points[~blank].max()) - int(points[~blank].min()) >= EXACT:
        raise ValueError(f"column {name!r}: times in {unit} must span less than 2^53 {unit}; round or drop them. Received: dtype {dtype}")
    return _grid(name, "str" if form and dtype != "string" else dtype, points[~blank], bool(blank.any()), unit=unit, form=form)


def _grid(
    name: str, dtype: str, points: np.ndarray, blank: bool, decimals: int = 0, unit: str = "", form: str = "", step: int | None = None
) -> Grid:
    low, high = int(points.min()), int(points.max())
    if step is None:
        step = int(np.gcd.reduce(points - low)) if len(points) >= STEP_ROWS else 1
    step = step or 1
    extra = max(1, math.ceil(WIDEN * (high - low) / step))
    least, most = _limits(low, high, dtype, unit, form)
    below, above = min(extra, (low - least) // step), min(extra, (most - high) // step)
    start = low - below * step
    values, counts = np.unique((points - start) // step, return_counts=True)
    size = (high - low) // step + below + above + 1
    return Grid(
        name=name,
        dtype=dtype,
        blank=blank,
        start=start,
        step=step,
        size=size,
        decimals=decimals,
        unit=unit,
        form=form,
        **_facts(values.astype(np.float64), counts, spacing=1.0),
    )


def _limits(low: int, high: int, dtype: str, unit: str, form: str) -> tuple[int, int]:
    """What no value of the column may pass: the range of its dtype or format, and 0 for numbers without both signs."""
    if unit:
        bounds = np.array(["1000-01-01", "9999-12-31T23:59:59"], "M8[us]") if form else np.array([-(2**62), 2**62], "M8[us]")
        if "[ns" in dtype:
            bounds = np.array([-(2**63) + 1, 2**63 - 1], "M8[ns]")
        least, most = bounds.astype(f"M8[{unit}]").astype(np.int64).tolist()
        return min(low, least + 1), max(high, most - 1)  # the conversion rounds down
    least, most = -EXACT, EXACT
    name = dtype.split("[")[0].lower()
    if name.lstrip("u") in ("int8", "int16", "int32", "int64"):
        least, most = int(np.iinfo(name).min), int(np.iinfo(name).max)
    return (max(least, 0) if low >= 0 else least), (min(most, 0) if high <= 0 else most)


def _facts(values: np.ndarray, counts: np.ndarray, spacing: float = 0.0) -> dict[str, Any]:
    """What `Numeric` holds of distinct values, the number of rows of each, and the distance of neighbours on a grid."""
    total = counts.sum()
    frequent = np.flatnonzero(counts >= max(ATOM_ROWS, ATOM_SHARE * total))
    frequent = np.sort(frequent[np.argsort(-counts[frequent], kind="stable")][:MOST_ATOMS])
    facts: dict[str, Any] = {"atoms": tuple(values[frequent].tolist())}
    if len(values) == 1:  # a number of one value and blanks
        return facts | {"x": (float(values[0] - 1), float(values[0] + 1)), "z": (-1.0, 1.0)}
    warp = Warp.fit(values, np.minimum(counts, max(ATOM_ROWS, WARP_SHARE * total)))
    facts |= {"x": warp.x, "z": warp.z}
    values, counts = np.delete(values, frequent), np.delete(counts, frequent)
    share = counts.sum() / total
    if total >= RECORDED_ROWS and share and _gain(values, counts, warp, spacing, share) * share > RECORDED_GAIN:
        kept = np.sort(np.argsort(-counts, kind="stable")[:MOST_RECORDED])
        facts |= {"recorded": tuple(values[kept].tolist()), "counts": tuple(counts[kept].tolist())}
    return facts


def _gain(values: np.ndarray, counts: np.ndarray, warp: Warp, spacing: float, share_of_rows: float) -> float:
    """What the frequencies of values, mixed in, add to the mean log-likelihood under the warp's density, in nats a row.

    The frequency of a row's value is that in the other rows: (n - 1) / (N - 1). A mass is infinitely more than a density.
    """
    rows, z = counts.sum(), warp(values)
    frequency = (counts - 1) / max(rows - 1, 1)
    if not spacing:
        return float("inf") if counts[counts > 1].sum() >= REPEATED * rows else 0.0
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * (warp(values + spacing / 2) - warp(values - spacing / 2))
    density /= share_of_rows  # what is left of it beside the atoms
    mixed = [(1 - share) + share * frequency / np.maximum(density, np.finfo(float).tiny) for share in (0.1, 0.3, 0.5, 0.7, 0.9)]
    return max(float(counts @ np.log(ratio)) / rows for ratio in mixed)


def check_names(frame: pd.DataFrame, **asked: Sequence[str] | None) -> None:
    """Refuse names that are no columns.

    Raises:
        ValueError: a name is not a column, or is given for two purposes.
    """
    for purpose, names in asked.items():
        if missing := [name for name in names or () if name not in frame.columns]:
            raise ValueError(f"{purpose} must name columns of {list(frame.columns)}. Received: {missing}")
    both = sorted({name for names in asked.values() for name in names or () if sum(name in (other or ()) for other in asked.values()) > 1})
    if both:
        raise ValueError(f"a column must be named once among {', '.join(asked)}. Received: {both} twice")
