"""Kinds of table columns: what `Schema` knows of one column, how its cells are encoded as float64 and decoded to its own dtype.

Rows in messages count from 1.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa

from tfar.columns import BLANK, Warp
from tfar.datasets.dates import parse_dates, write_dates

Scalar = str | int | float | bool

EXACT = 2**53  # whole numbers that float64 holds
ROUNDINGS = 4  # numbers that differ by so many units of rounding are one: 3 * 0.1 is on the grid of 0.1


@dataclass(frozen=True, kw_only=True)
class Column:
    """What is common to all kinds.

    Attributes:
        name: of the column.
        dtype: pandas dtype that decoding restores; "str" for strings of any storage.
    """

    kind: ClassVar[str] = ""
    name: str
    dtype: str

    @property
    def details(self) -> str:
        """A few words for a table of columns."""
        return ""

    def to_json(self) -> dict[str, Any]:
        """The kind and all attributes, of types that JSON has."""
        return {"kind": self.kind} | dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class Modelled(Column):
    """A column that the model learns; `blank` says whether blanks are among its values."""

    blank: bool = False

    def encode(self, cells: pd.Series) -> np.ndarray:
        """Cells `[N]` as float64 `[N]`, `BLANK` where they are blank."""
        raise NotImplementedError

    def foreign(self, cells: pd.Series) -> np.ndarray:
        """Which cells `[N]` are encoded as another value: those beyond a grid, and categories that were never seen."""
        return np.zeros(len(cells), bool)

    def decode(self, values: np.ndarray, uniform: np.ndarray) -> pd.Series:
        """Cells of encoded values `[N]`, in the column's dtype. Numbers in (0, 1), `[N]`, draw members of a class of rare values."""
        raise NotImplementedError

    def served(self, cells: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        """Cells `[N]` as a SavedModel takes them, `tfar.serving.table_endpoints`, and which are blank, bool `[N]`."""
        raise NotImplementedError

    def log_share(self, cells: pd.Series) -> np.ndarray:
        """Log-probability `[N]`, in nats, of each cell given its encoded value: 0 where the value says it all."""
        return np.zeros(len(cells))


@dataclass(frozen=True, kw_only=True)
class Category(Modelled):
    """One of K classes; encoded as 0..K-1.

    Attributes:
        values: the values that are a class of their own, in the order of the classes.
        rare: values that share class K-1 after them; () where no value does.
        rare_counts: rows of each rare value, by which `decode` draws one.
        levels: all categories of a pandas categorical, or None.
        ordered: whether that is ordered.
    """

    kind: ClassVar[str] = "category"
    values: tuple[Scalar, ...]
    rare: tuple[Scalar, ...] = ()
    rare_counts: tuple[int, ...] = ()
    levels: tuple[Scalar, ...] | None = None
    ordered: bool = False

    @property
    def num_classes(self) -> int:
        """K, without the blank."""
        return len(self.values) + bool(self.rare)

    @property
    def details(self) -> str:
        shown = ", ".join(map(str, self.values[:4])) + (", ..." if len(self.values) > 4 else "")
        return f"{self.num_classes} classes: {shown}" + (f"; the last for {len(self.rare)} rare values" if self.rare else "")

    def encode(self, cells: pd.Series) -> np.ndarray:
        """See `Modelled`. An unseen value is encoded as the class of rare values.

        Raises:
            ValueError: the value is unseen, and no class is for rare values.
        """
        blank, found = self._find(cells)
        if not self.rare and (unseen := (found < 0) & ~blank).any():
            row = int(unseen.argmax())
            known = ", ".join(map(repr, self.values[:10])) + (", ..." if len(self.values) > 10 else "")
            raise ValueError(f"column {self.name!r}, row {row + 1}: must be one of {known}. Received: {_shown(plain(cells), row)}")
        codes = np.where(found < 0, len(self.values), np.minimum(found, len(self.values)))
        return np.where(blank, BLANK, codes.astype(np.float64))

    def foreign(self, cells: pd.Series) -> np.ndarray:
        blank, found = self._find(cells)
        return (found < 0) & ~blank

    def decode(self, values: np.ndarray, uniform: np.ndarray) -> pd.Series:
        """See `Modelled`. The member m of the rare class is drawn that is the first with uniform * rows of the class < rows of 0..m."""
        everything = np.array([*self.values, *self.rare, None], dtype=object)
        blank = is_blank(values)
        codes = np.rint(np.where(blank, 0, values)).astype(np.int64).clip(0, self.num_classes - 1)
        if self.rare:
            rows = np.cumsum(self.rare_counts)
            codes += np.where(codes == len(self.values), np.searchsorted(rows, uniform * rows[-1], side="right"), 0)
        objects = everything[np.where(blank, len(everything) - 1, codes)]
        if self.levels is not None:
            return pd.Series(pd.Categorical(objects, categories=list(self.levels), ordered=self.ordered))
        return restored(objects, self.dtype)

    def served(self, cells: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        """See `Modelled`: bytes in an array of objects, bool, int64 or float64, as the values are."""
        blank = cells.isna().to_numpy()
        typed = _as_types_of(plain(cells), (*self.values, *self.rare)).astype(object).to_numpy()
        if isinstance(self.values[0], str):
            return np.array([b"" if none else word.encode() for word, none in zip(typed, blank, strict=True)], object), blank
        kind = type(self.values[0])
        return np.where(blank, np.nan if kind is float else kind(), typed).astype(np.int64 if kind is int else kind), blank

    def log_share(self, cells: pd.Series) -> np.ndarray:
        """See `Modelled`: log(rows of the member / (rows of the class + 1)); an unseen value has the remaining 1 / (rows + 1)."""
        if not self.rare:
            return np.zeros(len(cells))
        blank, found = self._find(cells)
        shares = np.array([*self.rare_counts, 1]) / (sum(self.rare_counts) + 1)
        of_class = ((found < 0) | (found >= len(self.values))) & ~blank
        member = np.where(found < 0, len(self.rare), found - len(self.values))
        return np.where(of_class, np.log(shares[np.where(of_class, member, 0)]), 0.0)

    def _find(self, cells: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        """Which cells are blank, and the index of each in `values + rare`, -1 where it is in neither."""
        cells = plain(cells)
        known = (*self.values, *self.rare)
        return cells.isna().to_numpy(), pd.Index(known).get_indexer(pd.Index(_as_types_of(cells, known)))


@dataclass(frozen=True, kw_only=True)
class Numeric(Modelled):
    """A column of numbers: what grids and reals share.

    Attributes:
        x: knots of the `Warp` of the encoded value.
        z: their images.
        atoms: encoded values with a probability mass of their own.
        recorded: encoded values that share a probability by their frequencies, see `tfar.heads.GridColumn`; () leaves them out.
        counts: the number of training rows of each.
    """

    x: tuple[float, ...]
    z: tuple[float, ...]
    atoms: tuple[float, ...] = ()
    recorded: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()

    @property
    def warp(self) -> Warp:
        """The map from encoded values to about standard normal ones."""
        return Warp(self.x, self.z)

    @property
    def _masses(self) -> str:
        named = ("atoms", self.atoms), ("recorded values", self.recorded)
        return "".join(f", {len(values)} {name}" for name, values in named if values)


@dataclass(frozen=True, kw_only=True)
class Grid(Numeric):
    """Numbers with `decimals` decimals, or times that are multiples of `unit`; encoded as the index 0..size-1 of the grid point.

    The point of index i is (start + i * step) / 10^decimals, or as many units since 1970-01-01. A value beyond the grid is encoded as the
    end that is nearer: the probability of an end is that of everything beyond it.

    Attributes:
        start: the first point.
        step: distance of neighbours.
        size: number of points.
        decimals: 0 for whole numbers and times.
        unit: "D", "h", "m", "s", "ms", "us" or "ns" of dates and durations; "" for numbers.
        form: format of dates that are written as strings, see `tfar.datasets.dates`; "" for others.
    """

    kind: ClassVar[str] = "grid"
    start: int
    step: int
    size: int
    decimals: int = 0
    unit: str = ""
    form: str = ""

    @property
    def is_duration(self) -> bool:
        """Whether the points are lengths of time, rather than numbers or dates."""
        return self.dtype.startswith(("timedelta", "duration"))

    @property
    def details(self) -> str:
        if self.unit:
            kind = "m8" if self.is_duration else "M8"
            first, last = np.array([self.start, self.start + (self.size - 1) * self.step]).astype(f"{kind}[{self.unit}]")
            what = f"{first} to {last} in steps of {self.step} {self.unit}"
        else:
            first, last, step = (n / 10**self.decimals for n in (self.start, self.start + (self.size - 1) * self.step, self.step))
            what = f"{first:.15g} to {last:.15g} in steps of {step:.15g}"
        return what + self._masses

    def encode(self, cells: pd.Series) -> np.ndarray:
        """See `Modelled`.

        Raises:
            ValueError: a cell is not a number, or not a date in the column's format, or lies between points of the grid.
        """
        points, blank, wrong = quanta(cells, self.decimals, self.unit, self.form, self.name)
        wrong |= ((points - self.start) % self.step != 0) & ~blank
        if wrong.any():
            row = int(wrong.argmax())
            form = f", written as {self.form}" if self.form else ""
            raise ValueError(
                f"column {self.name!r}, row {row + 1}: must be on its grid, {self.details}{form}. Received: {_shown(cells, row)}"
            )
        return np.where(blank, BLANK, ((points.clip(*self._ends) - self.start) // self.step).astype(np.float64))

    @property
    def _ends(self) -> tuple[int, int]:
        return self.start, self.start + (self.size - 1) * self.step

    def foreign(self, cells: pd.Series) -> np.ndarray:
        points, blank, _ = quanta(cells, self.decimals, self.unit, self.form, self.name)
        return (points != points.clip(*self._ends)) & ~blank

    def decode(self, values: np.ndarray, uniform: np.ndarray) -> pd.Series:
        blank = is_blank(values)
        indices = np.rint(np.where(blank, 0, values)).astype(np.int64).clip(0, self.size - 1)
        points = self.start + indices * self.step
        if not self.unit:
            return _numbers(points / 10**self.decimals if self.decimals else points, blank, self.dtype)
        if self.is_duration:
            return pd.Series(points.astype(f"timedelta64[{self.unit}]")).mask(blank).astype(self.dtype)
        dates = pd.Series(points.astype(f"datetime64[{self.unit}]").astype("datetime64[us]" if self.unit != "ns" else "datetime64[ns]"))
        if self.form:
            return restored(write_dates(dates, self.form).astype(object).where(~blank, None).to_numpy(), self.dtype)
        zoned = dates.mask(blank)
        return (zoned.dt.tz_localize("UTC") if "," in self.dtype else zoned).astype(self.dtype)

    def served(self, cells: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        """See `Modelled`: float64 of decimals; int64 of whole numbers and of times, in their unit since 1970-01-01."""
        points, blank, _ = quanta(cells, self.decimals, self.unit, self.form, self.name)
        return (np.where(blank, np.nan, points / 10**self.decimals) if self.decimals else points), blank


@dataclass(frozen=True, kw_only=True)
class Real(Numeric):
    """Numbers without a grid; encoded as themselves."""

    kind: ClassVar[str] = "real"

    @property
    def details(self) -> str:
        middle = self.warp.inverse(np.array([-1.0, 0.0, 1.0]))
        return "mostly {:.4g} to {:.4g}, median {:.4g}".format(*middle[[0, 2, 1]]) + self._masses

    def encode(self, cells: pd.Series) -> np.ndarray:
        """See `Modelled`.

        Raises:
            ValueError: a cell is not a finite number.
        """
        numbers, blank = as_numbers(cells, self.name)
        return np.where(blank, BLANK, numbers.astype(np.float64))

    def served(self, cells: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        """See `Modelled`: float64."""
        numbers, blank = as_numbers(cells, self.name)
        return np.where(blank, np.nan, numbers), blank

    def decode(self, values: np.ndarray, uniform: np.ndarray) -> pd.Series:
        return _numbers(values, is_blank(values), self.dtype)


@dataclass(frozen=True, kw_only=True)
class Constant(Column):
    """A column of one value, or of blanks alone (None); it is checked and carried through. Dates are ISO strings."""

    kind: ClassVar[str] = "constant"
    value: Scalar | None

    @property
    def details(self) -> str:
        return f"always {self.value!r}" if self.value is not None else "always blank"

    def check(self, cells: pd.Series) -> None:
        """Refuse another value.

        Raises:
            ValueError: a cell that is not blank has another value; the row is named.
        """
        cells = plain(cells)
        other = cells.notna() & (_as_types_of(cells, (self.value,)) != self.value if self.value is not None else True)
        if other.any():
            row = int(other.to_numpy().argmax())
            raise ValueError(f"column {self.name!r}, row {row + 1}: must be {self.value!r}, its only value. Received: {_shown(cells, row)}")

    def regenerate(self, count: int) -> pd.Series:
        """The column of `count` decoded rows."""
        return restored(np.array([self.value] * count, dtype=object), self.dtype)


@dataclass(frozen=True, kw_only=True)
class Identifier(Column):
    """A column that tells rows apart; it is not learned.

    Attributes:
        reason: why it was taken for one.
        start: whole numbers of decoded rows count on from here; None leaves the column blank.
    """

    kind: ClassVar[str] = "identifier"
    reason: str
    start: int | None = None

    @property
    def details(self) -> str:
        return f"{self.reason}; decoded rows {'are blank' if self.start is None else f'count on from {self.start}'}"

    def regenerate(self, count: int) -> pd.Series:
        """The column of `count` decoded rows."""
        if self.start is None:
            return restored(np.full(count, None), self.dtype)
        return _numbers(np.arange(self.start, self.start + count), np.zeros(count, bool), self.dtype)


@dataclass(frozen=True, kw_only=True)
class Dropped(Column):
    """A column that the user leaves out; decoded rows lack it."""

    kind: ClassVar[str] = "dropped"
    reason: str = "left out as asked"

    @property
    def details(self) -> str:
        return self.reason


KINDS: dict[str, type[Column]] = {kind.kind: kind for kind in (Category, Grid, Real, Constant, Identifier, Dropped)}


def from_json(value: dict[str, Any]) -> Column:
    """The column that `Column.to_json` gave.

    Raises:
        ValueError: the kind is unknown, or an attribute is missing or unknown.
    """
    attributes: dict[str, Any] = {key: tuple(item) if isinstance(item, list) else item for key, item in value.items() if key != "kind"}
    try:
        return KINDS[value["kind"]](**attributes)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"a column must have one of the kinds {', '.join(KINDS)} and its attributes ({error}). Received: {value}"
        ) from None


def is_blank(values: np.ndarray) -> np.ndarray:
    """Whether encoded values are blank; NaN is blank too."""
    return (values == BLANK) | np.isnan(values)


def plain(cells: pd.Series) -> pd.Series:
    """Cells of a pandas categorical in the dtype of its categories; intervals and periods as strings; times of Arrow as NumPy's; others as
    they are."""
    if isinstance(cells.dtype, pd.ArrowDtype) and cells.dtype.kind in "mM":
        return pa.array(cells).to_pandas(date_as_object=False).set_axis(cells.index)
    if isinstance(cells.dtype, pd.CategoricalDtype):
        cells = cells.astype(cells.cat.categories.dtype if cells.notna().any() else object)
    if isinstance(cells.dtype, pd.IntervalDtype | pd.PeriodDtype):
        return cells.astype(object).map(str, na_action="ignore")
    return cells


def is_time(cells: pd.Series) -> bool:
    """Whether cells are dates or durations, by their dtype."""
    return pd.api.types.is_datetime64_any_dtype(cells) or pd.api.types.is_timedelta64_dtype(cells)


def as_numbers(cells: pd.Series, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Cells as int64 or float64 `[N]`, 0 where they are blank, and which are blank `[N]`.

    Raises:
        ValueError: a cell is not a finite number; the row is named.
    """
    cells = plain(cells)
    blank = cells.isna().to_numpy()
    numbers = cells
    if not pd.api.types.is_numeric_dtype(cells):
        numbers = pd.Series(np.nan, cells.index) if is_time(cells) else pd.Series(pd.to_numeric(cells, errors="coerce"))
    kind: Any = np.int64 if pd.api.types.is_integer_dtype(numbers) or pd.api.types.is_bool_dtype(numbers) else np.float64
    absent = numbers.isna().to_numpy()
    array = numbers.to_numpy(dtype=kind, na_value=0) if absent.any() else numbers.to_numpy(dtype=kind)
    wrong = (absent & ~blank) | ~np.isfinite(array)
    if kind is np.int64 and pd.api.types.is_unsigned_integer_dtype(numbers):
        wrong |= array < 0  # above 2^63
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"column {name!r}, row {row + 1}: must be a finite number. Received: {_shown(cells, row)}")
    return array, blank


def quanta(cells: pd.Series, decimals: int, unit: str, form: str, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells in units of 10^-decimals, or in units of time since 1970.

    Returns:
        int64 `[N]`, 0 where there is none; which cells are blank; which are no multiples of the unit or not written in the format.
    """
    cells = plain(cells)
    if unit:
        blank = cells.isna().to_numpy()
        if form:
            cells = parse_dates(cells.astype(object).map(str, na_action="ignore").astype("str"), form)
        elif not is_time(cells):
            cells = pd.to_datetime(cells, errors="coerce", format="ISO8601")
        times = np.asarray(cells.dt.tz_convert("UTC").dt.tz_localize(None) if isinstance(cells.dtype, pd.DatetimeTZDtype) else cells)
        whole = times.astype(f"{'m8' if times.dtype.kind == 'm' else 'M8'}[{unit}]")
        wrong = (whole.astype(times.dtype) != times) & ~blank
        return np.where(np.isnat(times), 0, whole.astype(np.int64)), blank, wrong
    numbers, blank = as_numbers(cells, name)
    if numbers.dtype == np.int64:
        return numbers * 10**decimals, blank, np.zeros(len(numbers), bool)
    with np.errstate(over="ignore"):
        points = np.rint(numbers * 10.0**decimals)
    exact = np.abs(points) < 2.0**53
    points = np.where(exact, points, 0)
    precision = np.finfo(np.float32 if "loat32" in str(cells.dtype) else np.float64).eps
    same = np.abs(points / 10.0**decimals - numbers) <= ROUNDINGS * precision * np.abs(numbers)
    return points.astype(np.int64), blank, ~(exact & same)


def restored(objects: np.ndarray, dtype: str) -> pd.Series:
    """A column of Python objects, None where blank, in a dtype."""
    if dtype == "str":
        return pd.Series(objects, dtype=pd.Series(["a"]).dtype)
    column = pd.Series(objects, dtype=object)
    return column.astype(_with_blanks(dtype) if column.isna().any() else dtype)


def _numbers(values: np.ndarray, blank: np.ndarray, dtype: str) -> pd.Series:
    """Numbers in a dtype, blank where said."""
    if not blank.any():
        return pd.Series(values).astype(dtype)
    column = pd.Series(np.where(blank, 0, values)).astype(_with_blanks(dtype))
    return column.mask(blank)


def _shown(cells: pd.Series, row: int) -> str:
    """A cell as Python shows it, without the name of its type in NumPy."""
    cell = cells.iloc[row]
    return repr(cell.item() if isinstance(cell, np.generic) else cell)


def _with_blanks(dtype: str) -> str:
    """The dtype, or for those of NumPy without blanks pandas' own."""
    if dtype == "bool":
        return "boolean"
    return dtype.replace("int", "Int").replace("uI", "UI") if dtype.startswith(("int", "uint")) and "[" not in dtype else dtype


def _as_types_of(cells: pd.Series, values: tuple[Any, ...]) -> pd.Series:
    """Cells in the type of the values, so that 1, 1.0 and "1" are one value, whichever way a file was read."""
    if isinstance(values[0], bool):
        words = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
        return cells.astype(object).map(lambda cell: words.get(str(cell).lower()), na_action="ignore").astype(object)
    if isinstance(values[0], str):
        if pd.api.types.is_string_dtype(cells):
            return cells
        whole = pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells) and (cells.dropna() % 1 == 0).all()
        return (cells.astype("Int64") if whole else cells).astype(object).map(str, na_action="ignore")
    return cells if pd.api.types.is_numeric_dtype(cells) else pd.Series(pd.to_numeric(cells, errors="coerce"))
