"""What must be known of rows of one kind before they are prepared, found in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfar.datasets.frames import Frame
from tfar.datasets.kinds import EXACT
from tfar.datasets.preparation import Preparation
from tfar.datasets.source import Source, Split
from tfar.datasets.standardization import Standardization, is_constant, refuse_constant
from tfar.datasets.streams.moments import Moments
from tfar.datasets.tables import array_source, kept_columns


class ArrayFacts:
    """Collects the facts from which `Preparation.fit` infers, of blocks of rows `[n, *event]`.

    Kind and levels are found from all rows. Mean and standard deviation are exact, of the training rows.

    Args:
        columns, drop: of a table, as for `tfar.datasets.load`.

    Attributes:
        names: of the columns, or None.
    """

    def __init__(self, columns: Any = None, drop: Any = ()) -> None:
        self.names: tuple[str, ...] | None = None
        self._kept, self._seen = (columns, drop), False
        self._low = self._high = self._unwhole = np.zeros(0)
        self._moments = Moments()

    def rows(self, block: Any) -> np.ndarray:
        """A block as an array `[n, *event]`.

        Raises:
            ValueError: it is a table, and a cell of it is no number.
        """
        if isinstance(block, np.ndarray):
            return block
        kept = kept_columns(Frame(block), *self._kept)
        if self._seen and all(isinstance(dtype, np.dtype) and dtype.kind in "biuf" for dtype in kept.frame.dtypes):
            x = kept.frame.to_numpy(np.float64)
            if (np.abs(x) < EXACT).all():  # neither blank nor too large
                return x
        found = array_source(kept, "the table")  # names what is wrong with a cell, and takes ten times as long
        self._seen, self.names = True, found.columns
        return found.splits["all"].x

    def add(self, rows: np.ndarray, train: np.ndarray) -> None:
        """Take in rows `[n, *event]`, of which those marked in `train` `[n]` train.

        Raises:
            ValueError: a value is not finite; its row in the block, from 0, is named.
        """
        low, high = rows.min(axis=0), rows.max(axis=0)
        if rows.dtype.kind == "f":
            if not (np.isfinite(low).all() and np.isfinite(high).all()):
                bad = np.argwhere(~np.isfinite(rows))[0]
                raise ValueError(f"values must be finite. Received: {rows[tuple(bad)]} in row {bad[0]} of the block")
            self._moments.add(rows[train])
            if not self._unwhole.size and (unwhole := rows != np.floor(rows)).any():
                self._unwhole = rows[unwhole.reshape(len(rows), -1).any(axis=1).argmax()][None]
        first = not self._low.size
        self._low, self._high = (low, high) if first else (np.minimum(self._low, low), np.maximum(self._high, high))

    def preparation(self, levels: int | None = None) -> Preparation:
        """The preparation of these rows; see `Preparation.fit` for the rules and errors."""
        columns = self.names
        # Rows that have all that the rules ask of the values: the least and the largest ones, and some that are not whole numbers.
        telling = np.stack([self._low, self._high, *self._unwhole]).astype(self._low.dtype)
        binary = bool(((telling == 0) | (telling == 1)).all())
        if levels is not None or binary or telling.dtype.kind != "f":
            return Preparation.fit(Source({}, columns=columns), {"train": Split(telling)}, levels)
        mean, deviation = self._moments.mean, self._moments.deviation
        low, high = mean - deviation, mean + deviation
        if mean.ndim == 1:
            refuse_constant(low, high, self._moments.count, columns)
        standardization = Standardization(mean, np.where(is_constant(low, high), 1.0, deviation))
        return Preparation("continuous", telling.shape[1:], standardization=standardization, columns=columns)
