"""From values as read to values as modelled: the kind of the data is inferred once, then any rows are treated alike."""

from dataclasses import dataclass

import numpy as np

from tfar.datasets.labels import as_words, class_names, one_hot
from tfar.datasets.source import Split
from tfar.datasets.standardization import Standardization
from tfar.validation import check_counts

MOST_LEVELS = 256


@dataclass(frozen=True, eq=False)
class Preparation:
    """All that must be known to treat new rows as the training rows were treated.

    Attributes:
      kind: "binary", "categorical" or "continuous".
      event_shape: shape of one row of x.
      levels: number of classes of discrete x, values 0..levels-1; None for continuous x.
      input_levels: number of levels of discrete x before quantisation: v becomes floor(v * levels / input_levels).
      standardization: a `Standardization` for continuous x, else None.
      columns: names of the columns of a table, or None.
      context_names: the classes of a one-hot context in order, or None.
      context_size: C of a context `[N, C]`, or None.
    """

    kind: str
    event_shape: tuple
    levels: int | None = None
    input_levels: int | None = None
    standardization: Standardization | None = None
    columns: tuple | None = None
    context_names: tuple | None = None
    context_size: int | None = None

    @classmethod
    def fit(cls, source, splits, levels=None):
        """Infer the kind from the values, and take the statistics from the rows of "train" alone.

        Values 0 and 1 only: binary. Whole numbers of an integer dtype: categorical, with 256 levels for uint8 images
        and as many as occur otherwise. Everything else: continuous. `levels` asks for that many classes: whole numbers
        below it are kept, and others are quantised into that many equal bins of their range (2 bins: binary, by a
        threshold at the middle).

        Args:
          source: the `Source`.
          splits: its three splits; of a fold, "train" may hold the validation rows too.
          levels: None or a whole number >= 2.

        Returns:
          A `Preparation`.

        Raises:
          ValueError: if the values allow no such treatment.

        >>> from tfar.datasets.source import Source
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

        if levels in (None, 2) and ((train.x == 0) | (train.x == 1)).all():
            values = {"kind": "binary", "levels": 2, "input_levels": 2}
        elif levels is not None or not np.issubdtype(train.x.dtype, np.floating):
            values = _discrete({name: split.x for name, split in splits.items()}, source.levels, levels)
        else:
            values = {"kind": "continuous", "standardization": Standardization.fit(train.x, source.columns)}

        names, size = None, None
        if train.context is not None and train.context.ndim == 1:
            names = source.label_names or class_names(train.context)
            for name, split in splits.items():
                if split.context is not None and (unseen := set(as_words(split.context)) - set(names)):
                    raise ValueError(
                        f"{name}: a class must be in a training row too, for which another seed may divide the rows, among {list(names)}. "
                        f"Received: {min(unseen)!r}"
                    )
            size = len(names)
        elif train.context is not None:
            size = train.context.shape[1]
        return cls(event_shape=event_shape, columns=source.columns, context_names=names, context_size=size, **values)

    def apply(self, split, name="x", columns=None, allow_blanks=False):
        """Prepare one split: discrete values become int32, continuous ones standardised float32.

        Args:
          split: a `Split` as read.
          name: what to call it in errors.
          columns: names of its columns, or None; columns in another order than at training are put in that order.
          allow_blanks: True lets NaN in x stand for a blank, keeps it, and returns every kind as float32.

        Returns:
          A `Split` with x `[N, *event]` and context float32 `[N, C]` or None.

        Raises:
          ValueError: for another event shape, other columns, or values outside the range of the training data's kind.
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

        blank = np.isnan(x) if allow_blanks else np.False_
        whole = np.where(blank, 0, x)
        wrong = whole[(whole < 0) | (whole >= self.input_levels) | (whole != np.floor(whole))]
        if wrong.size:
            raise ValueError(f"{name}: values must be whole numbers in 0..{self.input_levels - 1}. Received: {wrong[0]}")
        # int64, since value times levels may pass 2^31
        quantised = (whole.astype(np.int64) * self.levels // self.input_levels).astype(np.int32)
        return Split(np.where(blank, np.float32(np.nan), quantised.astype(np.float32)) if allow_blanks else quantised, context)

    def _context(self, context, name):
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

    def to_config(self):
        """A dict that JSON can hold, and from which `from_config` makes the same preparation."""
        s = self.standardization
        return {
            "kind": self.kind,
            "event_shape": list(self.event_shape),
            "levels": self.levels,
            "input_levels": self.input_levels,
            "standardization": None if s is None else {"mean": s.mean.tolist(), "scale": s.scale.tolist()},
            "columns": None if self.columns is None else list(self.columns),
            "context_names": None if self.context_names is None else list(self.context_names),
            "context_size": self.context_size,
        }

    @classmethod
    def from_config(cls, config):
        """The inverse of `to_config`; other entries of the dict are left alone."""
        values = {key: config[key] for key in ("kind", "levels", "input_levels", "context_size")}
        for key in ("event_shape", "columns", "context_names"):
            values[key] = None if config[key] is None else tuple(config[key])
        if config["standardization"] is not None:
            statistics = {key: np.array(value) for key, value in config["standardization"].items()}
            values["standardization"] = Standardization(**statistics)
        return cls(**values)


def _check_numbers(x, name, allow_nan=False):
    if not (np.issubdtype(x.dtype, np.number) or x.dtype == np.bool_) or np.issubdtype(x.dtype, np.complexfloating):
        raise ValueError(f"{name}: values must be real numbers. Received: dtype {x.dtype}")
    if np.issubdtype(x.dtype, np.floating):
        bad = ~np.isfinite(x) & ~(np.isnan(x) & allow_nan)
        if bad.any():
            row = int(np.argwhere(bad)[0][0])
            raise ValueError(f"{name}: values must be finite. Received: {x[bad][0]} in row {row}")


def _discrete(xs, native, levels):
    """Kind and levels of whole numbers: `native` is their number of levels where the source knows it."""
    for name, x in xs.items():
        wrong = x[(x < 0) | (x != np.floor(x))]
        if wrong.size:
            raise ValueError(
                f"{name}: discrete values must be whole numbers >= 0; for a continuous model store them as floats and "
                f"leave levels out. Received: {wrong[0]}"
            )
    most = 1 + max(int(x.max()) for x in xs.values())
    train = xs["train"]
    if native is None:
        native = 256 if train.dtype == np.uint8 and train.ndim > 2 else most
    if levels is None and native > MOST_LEVELS:
        raise ValueError(
            f"Whole numbers of more than {MOST_LEVELS} levels: give levels to quantise them, or store them as floats "
            f"for a continuous model. Received: values up to {most - 1}"
        )
    if levels is None or most <= levels:
        native = levels or native
    elif levels > native:
        raise ValueError(f"levels must be at most the {native} levels of the data. Received: {levels}")
    levels = levels or native
    return {"kind": "binary" if levels == 2 else "categorical", "levels": levels, "input_levels": native}
