"""Means and variances of more rows than memory holds."""

from __future__ import annotations

import numpy as np


class Moments:
    """The count, mean and variance of rows that come in blocks.

        n = n_a + n_b,   mean = mean_a + d n_b / n,   M2 = M2_a + M2_b + d^2 n_a n_b / n,   d = mean_b - mean_a

    (Chan, Golub and LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances"). The largest magnitude in
    the first block is the unit of each position: squares of numbers near 1e200 overflow.

    >>> moments = Moments()
    >>> for block in ([[1.0], [2.0]], [[6.0]]):
    ...     moments.add(np.array(block))
    >>> moments.count, float(moments.mean[0]), float(moments.variance()[0])
    (3, 3.0, 4.666666666666667)
    """

    def __init__(self) -> None:
        self.count = 0
        self._unit = self._mean = self._squares = np.zeros(())

    def add(self, rows: np.ndarray) -> None:
        """Take in rows `[n, *event]`."""
        rows = np.asarray(rows, np.float64)
        if not len(rows):
            return
        if not self.count:
            unit = np.abs(rows).max(axis=0)
            self._unit = np.where(unit > 0, unit, 1.0)
        z = rows / self._unit
        mean, total = z.mean(axis=0), self.count + len(rows)
        apart = mean - self._mean
        self._squares = self._squares + ((z - mean) ** 2).sum(axis=0) + apart**2 * (self.count * len(rows) / total)
        self._mean = self._mean + apart * (len(rows) / total)
        self.count = total

    @property
    def mean(self) -> np.ndarray:
        """The mean `[*event]`."""
        return self._mean * self._unit

    def variance(self, ddof: int = 0) -> np.ndarray:
        """The sum of squared deviations divided by `count - ddof`, `[*event]`."""
        return self._squares / (self.count - ddof) * self._unit**2

    @property
    def deviation(self) -> np.ndarray:
        """The population's standard deviation `[*event]`, also where its square overflows."""
        return np.sqrt(self._squares / self.count) * self._unit
