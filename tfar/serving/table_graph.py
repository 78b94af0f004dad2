"""Columns of a `tfar.datasets.Schema` in TensorFlow operations: cells in their own values and units to encoded values, and back.

They do what `encode`, `decode` and `log_share` of a column do to pandas columns, with no hash table, which a SavedModel would have to
initialise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfar.columns import BLANK
from tfar.datasets.kinds import EXACT, ROUNDINGS, Category, Grid, Modelled, Real

SHOWN = 10  # values that a message lists
BUCKETS = 2**63 - 1  # of the hash of strings


class Cells:
    """One column.

    Attributes:
        column: of the schema.
        dtype: of its cells.
        none: what stands in a cell that is blank: NaN, "", 0 or False.
        example: a cell.
    """

    dtype: tf.DType = tf.float64
    none: Any = np.nan
    example: Any

    def __init__(self, column: Modelled):
        self.column = column

    def encode(self, cells: Any, observed: Any = None, blanks: bool = True) -> tf.Tensor:
        """Encode cells `[B]` as float64 `[B]`.

        Args:
            cells: of the column's dtype.
            observed: bool `[B]`, False for a blank, whatever the cell is; None for all True. `none` of strings and floats is blank too.
            blanks: False refuses blanks.

        Raises:
            InvalidArgumentError: a cell is not a value of the column, or is blank where that is refused; the column is named.
        """
        blank = self.is_blank(cells)
        blank = blank if observed is None else tf.logical_or(blank, tf.logical_not(observed))
        values, known = self._encode(cells)
        possible = tf.where(blank, blanks, known)
        wrong = tf.where(tf.logical_not(possible))[:1]
        shown = tf.where(tf.gather_nd(blank, wrong), "a blank", _as_string(tf.gather_nd(cells, wrong)))
        expected = f"column {self.column.name} must be {self.expected}{'' if blanks else ', and have no blanks'}. Received:"
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(possible), [expected, shown])]):
            return tf.where(blank, tf.constant(BLANK, tf.float64), values)

    def decode(self, values: Any, uniform: Any) -> tf.Tensor:
        """Cells `[B]` of encoded values `[B]`, `none` for blanks; numbers in (0, 1), `[B]`, draw members of a class of rare values."""
        blank = values == BLANK
        return tf.where(blank, tf.constant(self.none, self.dtype), self._decode(tf.where(blank, tf.zeros_like(values), values), uniform))

    def log_share(self, cells: Any, values: Any) -> Any:
        """Log-probability float64 `[B]` of cells given their encoded values: 0 where those say it all."""
        return tf.zeros_like(values)

    def is_blank(self, cells: Any) -> Any:
        """Which cells are `none`, where that is no value, bool `[B]`."""
        if self.dtype.is_floating:
            return tf.math.is_nan(cells)
        return tf.fill(tf.shape(cells), False)

    @property
    def expected(self) -> str:
        """What a cell must be, in words."""
        raise NotImplementedError

    def _encode(self, cells: Any) -> tuple[Any, Any]:
        """Encoded values, any where the cell is none of the column's, and whether it is one."""
        raise NotImplementedError

    def _decode(self, values: Any, uniform: Any) -> Any:
        """Cells of values that are not blank."""
        raise NotImplementedError


class CategoryCells(Cells):
    """A category: strings, bool, int64 or float64, as its values are.

    Strings are found by their hashes. What is found is compared with the string, so that equal hashes do not matter.

    >>> sex = CategoryCells(Category(name="sex", dtype="str", values=("f", "m"), blank=True))
    >>> sex.encode(tf.constant(["m", "", "f"])).numpy().tolist()
    [1.0, -9007199254740992.0, 0.0]
    >>> sex.decode(tf.constant([1.0, BLANK], tf.float64), None).numpy().tolist()
    [b'm', b'']
    """

    column: Category
    DTYPES = {bool: tf.bool, int: tf.int64, float: tf.float64, str: tf.string}
    NONE = {bool: False, int: 0, float: np.nan, str: ""}

    def __init__(self, column: Category):
        super().__init__(column)
        kind = type(column.values[0])
        self.dtype, self.none, self.example = self.DTYPES[kind], self.NONE[kind], column.values[0]
        self.known = tf.constant([*column.values, *column.rare], self.dtype)
        self.size, self.own = len(self.known), len(column.values)
        self._buckets = next(n for n in range(BUCKETS, 0, -1) if len(np.unique(self._keys(self.known, n))) == self.size)
        keys = self._keys(self.known, self._buckets).numpy()
        self._order = np.argsort(keys)
        self._sorted = keys[self._order]

    def is_blank(self, cells: Any) -> Any:
        if self.dtype == tf.string and "" not in self.column.values + self.column.rare:
            return cells == ""
        return super().is_blank(cells)

    def log_share(self, cells: Any, values: Any) -> Any:
        if not self.column.rare:
            return super().log_share(cells, values)
        counts = np.array([*self.column.rare_counts, 1])
        member = tf.maximum(self._find(cells) - self.own, 0)
        return tf.where(values == self.own, tf.gather(np.log(counts / counts.sum()), member), tf.zeros_like(values))

    @property
    def expected(self) -> str:
        known = self.column.values
        return "one of " + ", ".join(map(str, known[:SHOWN])) + (f" and {len(known) - SHOWN} others" if len(known) > SHOWN else "")

    def _encode(self, cells: Any) -> tuple[Any, Any]:
        found = self._find(cells)
        known = tf.fill(tf.shape(found), True) if self.column.rare else found < self.size
        return tf.cast(tf.minimum(found, self.column.num_classes - 1), tf.float64), known

    def _decode(self, values: Any, uniform: Any) -> Any:
        index = tf.cast(values, tf.int32)
        if self.column.rare:
            rows = np.cumsum(self.column.rare_counts).astype(np.float64)
            member = tf.searchsorted(rows, uniform * rows[-1], side="right")
            index += tf.where(index == self.own, member, tf.zeros_like(member))
        return tf.gather(self.known, index)

    def _find(self, cells: Any) -> Any:
        """The index of each cell among the values and the rare ones, int32 `[B]`; their number for a cell that is none of them."""
        place = tf.minimum(tf.searchsorted(self._sorted, self._keys(cells, self._buckets)), self.size - 1)
        index = tf.gather(self._order.astype(np.int32), place)
        return tf.where(tf.gather(self.known, index) == cells, index, tf.fill(tf.shape(index), self.size))

    def _keys(self, cells: Any, buckets: int) -> Any:
        """Numbers by which cells are sorted."""
        if self.dtype == tf.string:
            return tf.strings.to_hash_bucket_fast(cells, buckets)
        return tf.cast(cells, tf.int64) if self.dtype == tf.bool else cells


class GridCells(Cells):
    """Numbers on a grid: float64 where they have decimals; int64 of whole numbers, and of times in the column's unit since 1970-01-01.

    >>> price = GridCells(Grid(name="price", dtype="float64", x=(0, 99), z=(-2, 2), start=100, step=5, size=100, decimals=2))
    >>> price.encode(tf.constant([1.1, 9999.0], tf.float64)).numpy().tolist()
    [2.0, 99.0]
    >>> price.decode(tf.constant([2.0], tf.float64), None).numpy().tolist()
    [1.1]
    """

    column: Grid

    def __init__(self, column: Grid):
        super().__init__(column)
        self.dtype, self.none = (tf.float64, np.nan) if column.decimals else (tf.int64, 0)
        self.scale = 10.0**column.decimals
        self.example = column.start / self.scale if column.decimals else column.start

    @property
    def expected(self) -> str:
        unit = self.column.unit
        start = "" if self.column.is_duration else " since 1970-01-01"
        return f"on its grid, {self.column.details}" + (f", as a number of {unit}{start}" if unit else "")

    def _encode(self, cells: Any) -> tuple[Any, Any]:
        column, points, known = self.column, cells, True
        if column.decimals:
            rounded = tf.round(cells * self.scale)
            precision = np.finfo(np.float32 if "loat32" in column.dtype else np.float64).eps
            near = tf.abs(rounded / self.scale - cells) <= ROUNDINGS * precision * tf.abs(cells)
            known = tf.logical_and(tf.abs(rounded) < EXACT, near)
            points = tf.cast(tf.where(known, rounded, tf.zeros_like(rounded)), tf.int64)
        known = tf.logical_and(known, tf.math.floormod(points, column.step) == column.start % column.step)
        points = tf.clip_by_value(points, column.start, column.start + (column.size - 1) * column.step)
        return tf.cast((points - column.start) // column.step, tf.float64), known

    def _decode(self, values: Any, uniform: Any) -> Any:
        points = self.column.start + tf.cast(values, tf.int64) * self.column.step
        return tf.cast(points, tf.float64) / self.scale if self.column.decimals else points


class RealCells(Cells):
    """Numbers without a grid, float64.

    >>> weight = RealCells(Real(name="weight", dtype="float64", x=(0, 1), z=(-2, 2)))
    >>> weight.encode(tf.constant([0.5, np.nan], tf.float64)).numpy().tolist()
    [0.5, -9007199254740992.0]
    """

    example = 0.0

    @property
    def expected(self) -> str:
        return "a finite number"

    def _encode(self, cells: Any) -> tuple[Any, Any]:
        return cells, tf.math.is_finite(cells)

    def _decode(self, values: Any, uniform: Any) -> Any:
        return values


KINDS: dict[type[Modelled], type[Cells]] = {Category: CategoryCells, Grid: GridCells, Real: RealCells}


def _as_string(cells: Any) -> Any:
    """Cells in words; an assertion of strings alone costs no conditional."""
    return cells if cells.dtype == tf.string else tf.strings.as_string(cells, shortest=cells.dtype.is_floating)


def cells_of(column: Modelled) -> Cells:
    """The `Cells` of a column."""
    return KINDS[type(column)](column)
