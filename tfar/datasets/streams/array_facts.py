"""What must be known of rows of one kind before they are prepared, found in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tfar.datasets.frames import Frame
from tfar.datasets.kinds import EXACT
from tfar.datasets.labels import as_words
from tfar.datasets.preparation import Preparation, context_classes
from tfar.datasets.source import Source, Split
from tfar.datasets.standardization import Standardization, is_constant, refuse_constant
from tfar.datasets.streams.moments import Moments
from tfar.datasets.tables import OF_WORDS, array_source, kept_columns


class ArrayFacts:
    """Collects the facts from which `Preparation.fit` infers, of blocks of rows `[n, *event]`.

    Kind and levels are found from all rows, and so are the classes of a context. Mean and standard deviation are exact, of the training
    rows.

    Args:
        columns, drop, context: of a table, as for `tfar.datasets.load`.
        label_names: the classes in order, where the source knows them.
        names: of the columns, where the source knows them; those of a table are found.

    Attributes:
        names: of the columns, or None.
    """

    def __init__(self, columns: Any = None, drop: Any = (), context: str | None = None, label_names: Any = None, names: Any = None):
        self.names: tuple[str, ...] | None = names
        self._kept, self._context, self._of_table = (columns, drop), context, False
        self._label_names, self._labels = label_names, {True: set(), False: set()}  # of training rows, and of others
        self._contexts: np.ndarray | None = None  # numbers: one row, which tells how many
        self._low = self._high = self._unwhole = np.zeros(0)
        self._moments = Moments()

    def rows(self, block: Any) -> Split:
        """A block as rows x `[n, *event]`, and their labels `[n]` or contexts `[n, C]`.

        Raises:
            ValueError: it is a table, and a cell of it is no number, or a label is blank.
        """
        if not isinstance(block, pd.DataFrame):
            return block if isinstance(block, Split) else Split(block)
        kept = kept_columns(Frame(block), *self._kept)
        dtypes = set(kept.frame.dtypes)
        if self._of_table and self._context is None and all(isinstance(dtype, np.dtype) and dtype.kind in "biuf" for dtype in dtypes):
            x = kept.frame.to_numpy(np.result_type(*dtypes))  # not float64: bytes take an eighth of the time
            if x.size and x.min() > -EXACT and x.max() < EXACT:  # neither blank nor too large
                return Split(x)
        # names what is wrong with a cell, and takes ten times as long
        found = array_source(kept, "the table", self._context, advice=OF_WORDS)
        self._of_table, self.names = True, found.columns
        return found.splits["all"]

    def add(self, block: Split, train: np.ndarray) -> None:
        """Take in rows, of which those marked in `train` `[n]` train.

        Raises:
            ValueError: a value is not finite; its row in the block, from 0, is named.
        """
        rows, context = block
        rows = rows.astype(np.float64, copy=False) if self._of_table else rows  # cells of a table are real numbers, whatever holds them
        if context is not None and context.ndim == 1:
            for of_train, words in self._labels.items():
                words.update(as_words(np.unique(context[train == of_train])))
        elif context is not None:
            self._contexts = context[:1]
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
        source = Source({}, columns=columns, label_names=self._label_names)
        contexts = {name: self._contexts for name in ("train", "held")}
        if self._labels[True]:
            contexts = {"train": np.array(sorted(self._labels[True])), "held": np.array(sorted(self._labels[False]), np.str_)}
        # Rows that have all that the rules ask of the values: the least and the largest ones, and some that are not whole numbers.
        telling = np.stack([self._low, self._high, *self._unwhole]).astype(self._low.dtype)
        binary = bool(((telling == 0) | (telling == 1)).all())
        splits = {name: Split(telling, context) for name, context in contexts.items()}
        if levels is not None or binary or telling.dtype.kind != "f":
            return Preparation.fit(source, splits, levels)
        mean, deviation = self._moments.mean, self._moments.deviation
        low, high = mean - deviation, mean + deviation
        if mean.ndim == 1:
            refuse_constant(low, high, self._moments.count, columns)
        standardization = Standardization(mean, np.where(is_constant(low, high), 1.0, deviation))
        names, size = context_classes(source, splits)
        described: Any = {"columns": columns, "context_names": names, "context_size": size}
        return Preparation("continuous", telling.shape[1:], standardization=standardization, **described)
