"""The affine map between continuous data in their own units and data of mean 0 and standard deviation 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tfar.validation import as_reals

SMALLEST_SPREAD = 1e-12  # of a value's largest magnitude: what varies less varies by rounding


@dataclass(frozen=True, eq=False)
class Standardization:
    """z = (x - mean) / scale, elementwise over the event.

    Attributes:
        mean: float64 `[*event]`, the mean of the rows that it was fitted to.
        scale: float64 `[*event]`, their (population) standard deviation.

    >>> s = Standardization(np.array([1.0, 0.0]), np.array([2.0, 1.0]))
    >>> s.apply([[3.0, 1.0]]).tolist(), s.invert([[1.0, 2.0]]).tolist(), round(s.log_jacobian, 3)
    ([[1.0, 1.0]], [[3.0, 2.0]], -0.693)
    """

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, x: npt.ArrayLike, columns: Sequence[str] | None = None) -> Standardization:
        """The statistics of the rows of x `[N, *event]`.

        Args:
            x: numbers `[N, *event]`.
            columns: names of the columns, for error messages, or None.

        Raises:
            ValueError: x is not such numbers, or a value of vectors is the same in all rows, but for rounding, so its standard deviation
                is zero. A value of images, such as a pixel of the margin, may be: its scale is then 1.

        >>> s = Standardization.fit([[1e200, 1e-200], [3e200, 3e-200]])
        >>> s.apply([[3e200, 1e-200]]).tolist()
        [[1.0, -1.0]]
        """
        x = as_reals(x=x)
        if not x.ndim or not len(x):
            raise ValueError(f"x must be rows. Received: x={x!r}")
        low, high = x.min(axis=0), x.max(axis=0)
        if x.ndim < 3:
            refuse_constant(low, high, len(x), columns)
        # The largest magnitude of each value is its unit: squares of numbers near 1e200 overflow, and near 1e-200 they vanish.
        unit = magnitude(low, high)
        z = x / unit
        return cls(z.mean(axis=0) * unit, np.where(is_constant(low, high), 1.0, z.std(axis=0) * unit))

    def apply(self, x: npt.ArrayLike) -> np.ndarray:
        """z = (x - mean) / scale, float32 `[N, *event]`; NaN stays NaN."""
        return (np.subtract(x, self.mean, dtype=np.float64) / self.scale).astype(np.float32, order="C")

    def invert(self, z: npt.ArrayLike) -> np.ndarray:
        """x = mean + scale z in the original units, float64 `[N, *event]`."""
        return self.mean + self.scale * np.asarray(z, np.float64)

    def to_config(self) -> dict[str, Any]:
        """A dict that JSON can hold, and from which `from_config` makes the same standardization."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Standardization:
        """The inverse of `to_config`."""
        return cls(*(np.array(config[key]) for key in ("mean", "scale")))

    @property
    def log_jacobian(self) -> float:
        """log |dz / dx| = -sum log scale, nats: log p(x) in the original units = log p(z) + log_jacobian."""
        return -float(np.log(self.scale).sum())


def magnitude(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The largest magnitude of values from `low` to `high`; 1 where all are zero."""
    unit = np.maximum(np.abs(low), np.abs(high))
    return np.where(unit > 0, unit, 1.0)


def is_constant(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Which values are the same in all rows, but for rounding: bool `[*event]`, of their least and largest values."""
    unit = magnitude(low, high)
    return high / unit - low / unit <= SMALLEST_SPREAD


def refuse_constant(low: np.ndarray, high: np.ndarray, rows: int, columns: Sequence[str] | None = None) -> None:
    """Refuse values that are the same in all rows, but for rounding.

    Args:
        low, high: the least and the largest value at each position `[*event]`.
        rows: number of rows, for the error.
        columns: names of the columns, for the error, or None.

    Raises:
        ValueError: there is such a position.
    """
    constant = np.argwhere(is_constant(low, high))
    if not len(constant):
        return
    position = tuple(int(i) for i in constant[0])
    if columns:
        where = f"Column {columns[position[0]]!r}"
    elif len(position) == 1:
        where = f"Column {position[0] + 1}"
    else:
        where = f"Position {position}"
    raise ValueError(
        f"{where} is constant in the {rows} rows to fit: its standard deviation is zero. "
        f"{'Leave the column out (--drop). ' if columns else ''}Received: {low[position]:g} in every row"
    )
