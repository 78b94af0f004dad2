"""From values as read to values as modelled: the kind of the data is inferred once, then any rows are treated alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tfar.datasets.labels import as_words, class_names, one_hot
from tfar.datasets.source import Source, Split
from tfar.datasets.standardization import Standardization
from tfar.validation import as_counts, check_counts

Kind = Literal["binary", "categorical", "continuous"]

MOST_LEVELS = 256
UNIT_LEVELS = 256  # of numbers in [0, 1] that are quantised: images divided by 255


@dataclass(frozen=True, eq=False)
class Preparation:
    """What must be known to treat new rows as the training rows were treated.

    Attributes:
        kind: "binary", "categorical" or "continuous".
        event_shape: shape of one row of x.
        levels: number of classes of discrete x, values 0..levels-1; None for continuous x.
        input_levels: number of levels of discrete x before quantisation: v becomes floor(v * levels / input_levels).
        standardization: a `Standardization` for continuous x, else None.
        columns: names of the columns of a table, or None.
        context_names: the classes of a one-hot context in order, or None.
        context_size: C of a context `[N, C]`, or None.
        unit_interval: whether discrete x were numbers in [0, 1], which are first rounded to the `input_levels` 0, 1/255, ..., 1.
    """

    kind: Kind
    event_shape: tuple[int, ...]
    levels: int | None = None
    input_levels: int | None = None
    standardization: Standardization | None = None
    columns: tuple[str, ...] | None = None
    context_names: tuple[str, ...] | None = None
    context_size: int | None = None
    unit_interval: bool = False

    @classmethod
    def fit(cls, source: Source, splits: Mapping[str, Split], levels: int | None = None) -> Preparation:
        """Infer the kind of the data from the values, and take the statistics from the rows of "train" alone.

        - Values 0 and 1 only, of any dtype, are binary.
        - Integer arrays are categorical: 256 classes for uint8 images, else as many as the largest value needs.
        - All others are continuous. Tables are read as floats, so their columns are continuous unless all values are 0 or 1.
        - `levels=K` quantises to K classes. Integers below K are kept; others are cut into K equal bins of their range. With K = 2 that
          is a threshold in the middle, and the data are binary. Floats in [0, 1], such as images divided by 255, are taken for integers
          0..255 first, or 0..K-1 where K is more.
        - A value of an image may be the same in all rows: its scale is then 1.

        Args:
            source: the `Source`.
            splits: its three splits; for a fold, "train" may include the validation rows.
            levels: number K of classes, at least 2; or None.

        Returns:
            A `Preparation`.

        Raises:
            ValueError: the splits differ in shape; values are not finite, or cannot be quantised; a column of a table is constant; or a
                class of the context does not occur in "train".

        >>> rows = Split(np.array([[0, 200], [255, 100]], np.uint8))
        >>> two = Preparation.fit(Source({}), {"train": rows}, levels=2)
        >>> two.kind, two.apply(rows).x.tolist()
        ('binary', [[0, 1], [1, 0]])
        """
        if levels is not None:
            check_counts(2, levels=levels)
            levels = int(levels)  # a NumPy integer could not be written as JSON
        train = splits["train"]
        event_shape = train.x.shape[1:]
        for name, split in splits.items():
            if split.x.shape[1:] != event_shape:
                raise ValueError(f"{name}: the event shape must be {event_shape}, as in train. Received: {split.x.shape[1:]}")
            _check_numbers(split.x, name)
        names, size = context_classes(source, splits)
        context: dict[str, Any] = {"context_names": names, "context_size": size}
        if levels in (None, 2) and ((train.x == 0) | (train.x == 1)).all():
            return cls("binary", event_shape, 2, 2, columns=source.columns, **context)
        if levels is None and np.issubdtype(train.x.dtype, np.floating):
            standardization = Standardization.fit(train.x, source.columns)
            return cls("continuous", event_shape, standardization=standardization, columns=source.columns, **context)
        xs = {name: split.x for name, split in splits.items()}
        unit = levels is not None and (train.x != np.floor(train.x)).any() and all(x.min() >= 0 and x.max() <= 1 for x in xs.values())
        classes, input_levels = _levels({"train": np.array([UNIT_LEVELS - 1])} if unit else xs, source.levels, levels)
        context |= {"columns": source.columns, "unit_interval": bool(unit)}
        return cls("binary" if classes == 2 else "categorical", event_shape, classes, input_levels, **context)

    def apply(self, split: Split, name: str = "x", columns: Sequence[str] | None = None, allow_blanks: bool = False) -> Split:
        """Prepare one split: discrete values become int32, continuous values standardised float32.

        Args:
            split: a `Split` as read.
            name: what to call it in errors.
            columns: names of its columns, or None. Columns in another order than at training are put in that order.
            allow_blanks: True keeps NaN in x, which stands for a blank, and returns discrete values as float32.

        Returns:
            A `Split` with x `[N, *event]` and context float32 `[N, C]` or None.

        Raises:
            ValueError: the event shape or the columns are others, or values are outside the range of the training data's kind.
        """
        x = np.asarray(split.x)
        if columns is not None and self.columns is not None:
            if sorted(columns) != sorted(self.columns):
                raise ValueError(f"{name}: the columns must be {list(self.columns)}. Received: {list(columns)}")
            x = x[:, [list(columns).index(column) for column in self.columns]]
        if x.shape[1:] != self.event_shape:
            raise ValueError(f"{name}: the event shape must be {self.event_shape}. Received: {x.shape[1:]}")
        _check_numbers(x, name, allow_blanks)
        context = self._context(split.context, name)
        if self.standardization is not None:
            return Split(self.standardization.apply(x), context)
        if not allow_blanks:
            return Split(self._quantised(x, name), context)
        blank = np.isnan(x)
        return Split(np.where(blank, np.float32(np.nan), self._quantised(np.where(blank, 0, x), name).astype(np.float32)), context)

    def _quantised(self, x: np.ndarray, name: str) -> np.ndarray:
        """Discrete values as classes, int32."""
        assert self.levels is not None and self.input_levels is not None  # as `fit` sets them for discrete data
        if self.unit_interval:
            if (wrong := x[(x < 0) | (x > 1)]).size:
                raise ValueError(f"{name}: values must be in [0, 1]. Received: {wrong[0]}")
            x = np.rint(np.asarray(x, np.float64) * (self.input_levels - 1))
        whole = x.dtype.kind in "biu" or bool((x == np.floor(x)).all())
        if x.size and not (whole and x.min() >= 0 and x.max() < self.input_levels):
            wrong = x[(x < 0) | (x >= self.input_levels) | (x != np.floor(x))]
            raise ValueError(f"{name}: values must be whole numbers in 0..{self.input_levels - 1}. Received: {wrong[0]}")
        if self.levels == self.input_levels:
            return x.astype(np.int32, order="C")
        # int64, since value times levels may pass 2^31
        return (x.astype(np.int64) * self.levels // self.input_levels).astype(np.int32, order="C")

    def notes(self, x: np.ndarray) -> tuple[str, ...]:
        """A line for each thing that a user should know of how rows `x [N, *event]` of images are modelled."""
        if self.standardization is None or x.ndim < 3:
            return ()
        found = []
        if x.min() >= 0 and x.max() <= 1:
            found.append("the values, in [0, 1], are modelled as real numbers; levels=256 (--levels 256) models them as 256 levels")
        constant = int((x == x[0]).all(axis=0).sum())
        if constant:
            found.append(f"{constant} of the {x[0].size} values of an image are the same in all training rows")
        return tuple(found)

    def _context(self, context: np.ndarray | None, name: str) -> np.ndarray | None:
        if self.context_size is None:
            return None
        if context is None:
            raise ValueError(f"{name}: a context is needed, as at training. Received: context=None")
        if self.context_names is not None:
            return one_hot(context, self.context_names)
        if context.ndim != 2 or context.shape[1] != self.context_size:
            raise ValueError(f"{name}: the context must be [N, {self.context_size}]. Received: shape {context.shape}")
        _check_numbers(context, f"{name} context")
        return context.astype(np.float32)

    def to_config(self) -> dict[str, Any]:
        """A dict that JSON can hold, and from which `from_config` makes the same preparation."""
        s = self.standardization
        return {
            "kind": self.kind,
            "event_shape": list(self.event_shape),
            "levels": self.levels,
            "input_levels": self.input_levels,
            "standardization": None if s is None else s.to_config(),
            "columns": None if self.columns is None else list(self.columns),
            "context_names": None if self.context_names is None else list(self.context_names),
            "context_size": self.context_size,
            "unit_interval": self.unit_interval,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Preparation:
        """The inverse of `to_config`; other entries of the dict are ignored. No data are read.

        Raises:
            ValueError: the entries are not those that `to_config` writes.
        """
        values: dict[str, Any] = {key: config[key] for key in ("kind", "levels", "input_levels", "context_size")}
        values["unit_interval"] = config.get("unit_interval", False)  # which descriptions of earlier versions lack
        for key in ("event_shape", "columns", "context_names"):
            values[key] = None if config[key] is None else tuple(config[key])
        if config["standardization"] is not None:
            values["standardization"] = Standardization.from_config(config["standardization"])
        preparation = cls(**values)
        preparation._check()
        return preparation

    def _check(self) -> None:
        """Check what a description says that a file held."""
        as_counts(event_shape=self.event_shape)
        if self.context_size is not None:
            check_counts(context_size=self.context_size)
        for name in ("columns", "context_names"):
            names = getattr(self, name)
            if not all(isinstance(word, str) for word in names or ()):
                raise ValueError(f"{name} must be strings. Received: {names!r}")
        if self.kind == "continuous":
            s = self.standardization
            if s is None or not (s.mean.shape == s.scale.shape == self.event_shape and np.isfinite(s.mean).all() and (s.scale > 0).all()):
                raise ValueError(f"standardization must be means and positive scales of shape {self.event_shape}. Received: {s!r}")
        elif self.kind in ("binary", "categorical"):
            check_counts(2, levels=self.levels, input_levels=self.input_levels)
        else:
            raise ValueError(f"kind must be binary, categorical or continuous. Received: {self.kind!r}")


def _check_numbers(x: np.ndarray, name: str, allow_nan: bool = False) -> None:
    if not (np.issubdtype(x.dtype, np.number) or x.dtype == np.bool_) or np.issubdtype(x.dtype, np.complexfloating):
        raise ValueError(f"{name}: values must be real numbers. Received: dtype {x.dtype}")
    if np.issubdtype(x.dtype, np.floating) and not np.isfinite(x).all():
        bad = ~(np.isfinite(x) | (np.isnan(x) & allow_nan))
        if bad.any():
            row = int(np.argwhere(bad)[0][0])
            raise ValueError(f"{name}: values must be finite. Received: {x[bad][0]} in row {row}")


def context_classes(source: Source, splits: Mapping[str, Split]) -> tuple[tuple[str, ...] | None, int | None]:
    """The class names of a context of labels, or None, and the size C of the prepared context, or None.

    Raises:
        ValueError: there is one class alone, or a split has a class that "train" lacks.
    """
    context = splits["train"].context
    if context is None:
        return None, None
    if context.ndim != 1:
        return None, context.shape[1]
    names = source.label_names or class_names(context)
    if len(names) < 2:
        raise ValueError(
            f"labels must be of two classes at least; the label of an image file is the name of its folder. Received: {', '.join(names)}"
        )
    for name, split in splits.items():
        if split.context is not None and (unseen := set(as_words(split.context)) - set(names)):
            raise ValueError(
                f"{name}: every class must occur in the training split; try another seed (--data-seed). The training split has "
                f"{list(names)}. Received: {min(unseen)!r}"
            )
    return names, len(names)


def _levels(xs: Mapping[str, np.ndarray], native: int | None, levels: int | None) -> tuple[int, int]:
    """The number of classes of discrete data, and the number of levels that they are quantised from.

    Args:
        xs: x of each split.
        native: number of levels where the source knows it, or None.
        levels: number of classes that the user asks for, or None.
    """
    for name, x in xs.items():
        wrong = x[(x < 0) | (x != np.floor(x))]
        if wrong.size:
            raise ValueError(
                f"{name}: values to quantise must be whole numbers >= 0, or numbers in [0, 1] (images divided by 255); leave levels out "
                f"(--levels) for a continuous model. Received: {wrong[0]}"
            )
    most = 1 + max(int(x.max()) for x in xs.values())
    train = xs["train"]
    if native is None:
        native = 256 if train.dtype == np.uint8 and train.ndim > 2 else most
    if levels is None:
        if native > MOST_LEVELS:
            raise ValueError(
                f"Whole numbers must have at most {MOST_LEVELS} levels: levels=K (--levels K) quantises them to K, and floats are modelled "
                f"as real numbers. Received: values up to {most - 1}"
            )
        return native, native
    if most <= levels:
        return levels, levels
    if levels > native:
        raise ValueError(f"levels must be at most the {native} levels of the data. Received: {levels}")
    return levels, native
