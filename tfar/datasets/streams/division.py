"""Which rows of a stream train, validate and test: a hash of the row's number says so, for each row by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

HELD_SHARE = 0.1  # of the rows validate at most, and as many test, as in `tfar.datasets.source.three_splits`
TRAIN, VALIDATION, TEST, LEFT = range(4)
CODES = {"train": TRAIN, "validation": VALIDATION, "test": TEST}


@dataclass(frozen=True)
class Division:
    """The division of numbered rows by a hash.

        u(i) = splitmix64(key + i) / 2^64,   key of the seed
        test: u < s,   validation: s <= u < 2 s,   train: the others,   s = min(1/10, held / rows)

    A row's number is its place among the rows of all shards, in the order of their names. So the division does not depend on how rows are
    cut into shards, and no row has to be read for it. It is not a hash of the content: that would give all rows of one value to one split,
    and splits of discrete rows would be of different distributions.

    Where the source has a split of its own, no other rows belong to it. Of those, `held` are used at most: they are kept in memory.

    Attributes:
        rows: number of rows.
        held: rows that validate, and rows that test, at most, on average: they are kept in memory.
        sample: training rows that are kept in memory too, at most, on average.
        seed: an integer >= 0.
        own: the rows of each split that the source has itself; `rows` and the shares are then of its training rows.

    >>> (np.bincount(Division(10**6, held=10_500, sample=1000).codes(0, 10**6)) // 1000).tolist()
    [978, 10, 10]
    """

    rows: int
    held: int
    sample: int
    seed: int = 0
    own: Mapping[str, int] = field(default_factory=dict)

    def codes(self, first: int, count: int, split: str | None = None) -> np.ndarray:
        """`TRAIN`, `VALIDATION`, `TEST` or `LEFT` (in no split) of the rows from the number `first` on, uint8 `[count]`.

        Args:
            first, count: which rows.
            split: that of the source to which they belong, or None.
        """
        u = self._uniform(first, count, 0)
        if split not in (None, "train"):
            return np.where(u * self.own[split] < self.held, CODES[split], LEFT).astype(np.uint8)
        share = min(HELD_SHARE, self.held / max(self.rows, 1))
        test, validation = (TRAIN if name in self.own else CODES[name] for name in ("test", "validation"))
        return np.where(u < share, test, np.where(u < 2 * share, validation, TRAIN)).astype(np.uint8)

    def sampled(self, first: int, count: int) -> np.ndarray:
        """Which of the rows from the number `first` on belong to the sample if they train, bool `[count]`."""
        return self._uniform(first, count, 1) * max(self.rows, 1) < self.sample

    def _uniform(self, first: int, count: int, purpose: int) -> np.ndarray:
        """Uniform numbers in [0, 1), float64 `[count]` (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators")."""
        key = np.random.SeedSequence([self.seed, purpose]).generate_state(1, np.uint64)
        z = (np.arange(first, first + count, dtype=np.uint64) + key) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53
