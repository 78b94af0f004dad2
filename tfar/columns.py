"""Facts about encoded columns of a mixed table that the schema, the heads and the endpoints share: the blank, and the warp of numbers.

An encoded table is a float64 array `[N, D]`. A category is its class number, a number on a grid is the index of its grid point, a real is
the value itself, and a blank in any column is `BLANK`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

BLANK = -(2.0**53)  # a float32 and a float64 hold it exactly, and no index or class number comes near it

MOST_KNOTS = 64
TAIL_ROWS = 8  # training rows beyond the last inner knot: fewer would make the slope of a tail the gap of two values


@dataclass(frozen=True)
class Warp:
    """A strictly increasing, piecewise-linear map z = T(x), linear beyond its first and last knot.

    A density f of z gives x the density f(T(x)) T'(x). `fit` makes z about standard normal on the training column, so that heavy tails and
    skew are left to the warp.

    Attributes:
        x: the knots, 2 to 64 increasing numbers.
        z: their images, as many increasing numbers.

    Raises:
        ValueError: the knots are too few, too many or not finite, do not increase, or a slope is not positive and finite.

    >>> warp = Warp((0.0, 1.0, 3.0), (0.0, 2.0, 3.0))
    >>> warp(np.array([-1.0, 0.5, 5.0])).tolist(), warp.inverse(np.array([-2.0, 1.0, 4.0])).tolist()
    ([-2.0, 1.0, 4.0], [-1.0, 0.5, 5.0])
    >>> warp.slope(np.array([-1.0, 0.5, 5.0])).tolist()
    [2.0, 2.0, 0.5]
    """

    x: tuple[float, ...]
    z: tuple[float, ...]
    slopes: np.ndarray = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("x", "z"):
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
        if not 2 <= len(self.x) == len(self.z) <= MOST_KNOTS:
            raise ValueError(f"a warp must have 2 to {MOST_KNOTS} knots. Received: {len(self.x)} x and {len(self.z)} z")
        with np.errstate(all="ignore"):
            rise, run = np.diff(self.z), np.diff(self.x)
            slopes = rise / run
        if not (np.isfinite([*self.x, *self.z]).all() and (run > 0).all() and (rise > 0).all() and _all_positive(slopes)):
            raise ValueError(f"the knots of a warp must be finite and increase. Received: x={self.x}, z={self.z}")
        object.__setattr__(self, "slopes", slopes)

    @classmethod
    def fit(cls, values: Any, weights: Any = None, num_knots: int = 32) -> Warp:
        """Fit a warp that makes a training column about standard normal.

        The knots are values of the column: its extremes, and between them those whose normal scores Phi^-1(P(X < x) + P(X = x) / 2) are
        about equally spaced. One more knot beyond each end, where it is needed, limits the slope outside to 1 / (distance from the median
        to the end): a value beyond the training range keeps a density that does not depend on the gap between two extreme values.

        Args:
            values: numbers `[N]`, finite, of which two differ.
            weights: positive numbers `[N]`, how often each value occurs, or None for once each.
            num_knots: the number of knots is at most this, from 4 to 64.

        Raises:
            ValueError: the column is constant or not finite, or the shapes differ.

        >>> warp = Warp.fit(np.exp(np.random.RandomState(0).normal(size=100_000)))
        >>> warp(np.exp([-2.0, 1.0, 2.0])).round(1).tolist()
        [-2.0, 1.0, 2.0]
        """
        values = np.asarray(values, np.float64).ravel()
        weights = np.ones(len(values)) if weights is None else np.asarray(weights, np.float64).ravel()
        if weights.shape != values.shape or not _all_positive(weights):
            raise ValueError(f"weights must be positive numbers, one for each value. Received: {len(weights)} for {len(values)} values")
        if not np.isfinite(values).all():
            raise ValueError(f"values must be finite. Received: {values[~np.isfinite(values)][0]}")
        if not 4 <= num_knots <= MOST_KNOTS:
            raise ValueError(f"num_knots must be an integer in 4..{MOST_KNOTS}. Received: num_knots={num_knots!r}")
        points, group = np.unique(values, return_inverse=True)
        if len(points) < 2:
            raise ValueError(f"values must not all be equal. Received: {len(values)} times {points.tolist()}")
        mass = np.bincount(group, weights) / weights.sum()
        below = np.cumsum(mass) - mass / 2
        chosen = _knots(below, min(0.25, TAIL_ROWS / weights.sum()), num_knots - 2)
        scores = [NormalDist().inv_cdf(min(max(below[i], 1e-300), 1 - 2**-53)) for i in chosen]
        median = points[min(np.searchsorted(below, 0.5), len(points) - 1)]
        x, z = _with_ends(points[chosen], np.array(scores), float(median))
        return cls(tuple(x.tolist()), tuple(z.tolist()))

    def __call__(self, x: Any) -> np.ndarray:
        """z = T(x), float64, elementwise."""
        x = np.asarray(x, np.float64)
        segment = self._segment(x, self.x)
        return np.asarray(self.z)[segment] + (x - np.asarray(self.x)[segment]) * self.slopes[segment]

    def inverse(self, z: Any) -> np.ndarray:
        """x = T^-1(z), float64, elementwise."""
        z = np.asarray(z, np.float64)
        segment = self._segment(z, self.z)
        return np.asarray(self.x)[segment] + (z - np.asarray(self.z)[segment]) / self.slopes[segment]

    def slope(self, x: Any) -> np.ndarray:
        """T'(x), float64, elementwise; at a knot the slope to its right."""
        return self.slopes[self._segment(np.asarray(x, np.float64), self.x)]

    @staticmethod
    def _segment(value: np.ndarray, knots: tuple[float, ...]) -> np.ndarray:
        return np.searchsorted(knots[1:-1], value, side="right")


def _all_positive(numbers: np.ndarray) -> bool:
    return bool(((numbers > 0) & (numbers < np.inf)).all())


def _knots(below: np.ndarray, tail: float, count: int) -> np.ndarray:
    """Indices, increasing, of at most `count` points: the first, the last, and between them about equally spaced in normal score."""
    normal = NormalDist()
    low, high = normal.inv_cdf(tail), normal.inv_cdf(1 - tail)
    targets = [normal.cdf(score) for score in np.linspace(low, high, count - 2)]
    inner = np.searchsorted(below, targets).clip(0, len(below) - 1)
    return np.unique([0, *inner, len(below) - 1])


def _with_ends(x: np.ndarray, z: np.ndarray, median: float) -> tuple[np.ndarray, np.ndarray]:
    """The knots, and one beyond each end at which the slope of the end segment is more than 1 / (distance from the median)."""
    width = x[-1] - x[0]
    slope = np.diff(z) / np.diff(x)
    left, right = (median - x[0]) or width, (x[-1] - median) or width
    if slope[-1] * right > 1:
        x, z = np.append(x, x[-1] + right), np.append(z, z[-1] + 1)
    if slope[0] * left > 1:
        x, z = np.insert(x, 0, x[0] - left), np.insert(z, 0, z[0] - 1)
    return x, z
