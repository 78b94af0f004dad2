"""What a reader of data returns, before any preparation, and how it is cut into train, validation and test."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tfar.validation import check_counts, is_count

SPLITS = ("train", "validation", "test")


class Split(NamedTuple):
    """The rows of one split.

    Attributes:
      x: array `[N, *event]`.
      context: what the model is conditioned on, or None. As a reader returns it: labels `[N]`, or numbers `[N, C]`.
        In a prepared `Dataset`: float32 `[N, C]`, one-hot where labels were given.
    """

    x: np.ndarray
    context: np.ndarray | None = None

    def take(self, rows):
        """The given rows (an index array or a slice) of x and context."""
        return Split(self.x[rows], None if self.context is None else self.context[rows])

    def joined(self, other):
        """These rows and those of another split after them."""
        return Split(*(None if mine is None else np.concatenate([mine, theirs]) for mine, theirs in zip(self, other, strict=True)))


@dataclass(frozen=True)
class Source:
    """Data as read, with what is known about it.

    Attributes:
      splits: `{name: Split}` with the names of `SPLITS`, or the one name "all".
      columns: names of the columns of a table, or None.
      label_names: names of the classes in the order of the one-hot context, or None to take the training labels.
      levels: the number of levels that whole numbers in x have (17 for digits), or None to infer it.
      default_levels: the number of levels to quantise to where the user does not say, or None to keep them.
      in_order: True where neighbouring rows may be alike, so that held-out rows must be drawn and not cut off the end.
    """

    splits: dict
    columns: tuple | None = None
    label_names: tuple | None = None
    levels: int | None = None
    default_levels: int | None = None
    in_order: bool = True

    def __post_init__(self):
        for name, (x, context) in self.splits.items():
            if x.ndim < 2 or 0 in x.shape:
                raise ValueError(f"{name}: x must have shape [N, *event] with no empty axis. Received: shape {x.shape}")
            if context is not None and len(context) != len(x):
                raise ValueError(f"{name}: each of the {len(x)} rows needs a context. Received: {len(context)} contexts")


def three_splits(source, seed=0):
    """The `{"train": ..., "validation": ..., "test": ...}` of a source; what it does not have is held out.

    One undivided set is shuffled by `seed` and cut 80 / 10 / 10. Where only the validation or only the test rows are
    missing, a sixth of the training rows takes their place (MNIST: 50,000 / 10,000 / 10,000): drawn by `seed`, or the
    last sixth where the records are shuffled already, as in TFDS. With a training split alone, both are held out as
    from an undivided set.

    Args:
      source: a `Source`.
      seed: whole number >= 0; the same seed always gives the same rows.

    Returns:
      Dict of three `Split`s.

    Raises:
      ValueError: if the seed is no whole number >= 0, or there are too few rows to divide.

    >>> import numpy as np
    >>> splits = three_splits(Source({"all": Split(np.arange(100)[:, None])}))
    >>> {name: len(split.x) for name, split in splits.items()}
    {'train': 80, 'validation': 10, 'test': 10}
    """
    check_counts(0, seed=seed)
    whole = undivided(source)
    if whole is not None:
        n = len(whole.x)
        if n < 4:
            raise ValueError(f"At least 4 rows are needed to make train, validation and test. Received: {n} rows")
        held = max(1, n // 10)
        order = np.random.RandomState(seed).permutation(n)
        parts = (order[2 * held :], order[held : 2 * held], order[:held])
        return {name: whole.take(rows) for name, rows in zip(SPLITS, parts, strict=True)}

    splits = dict(source.splits)
    missing = [name for name in SPLITS if name not in splits]
    if "train" not in splits:
        raise ValueError(f"There is no training split. Received: {sorted(splits)}")
    if missing:
        n = len(splits["train"].x)
        if n < 4:
            raise ValueError(f"At least 4 training rows are needed to hold out {missing[0]}. Received: {n} rows")
        held = max(1, n // 6)
        order = np.random.RandomState(seed).permutation(n) if source.in_order else np.arange(n)
        splits[missing[0]] = splits["train"].take(order[n - held :])
        splits["train"] = splits["train"].take(order[: n - held])
    return {name: splits[name] for name in SPLITS}


def fold_splits(source, fold, folds=10, seed=0):
    """The `{"train": ..., "validation": ..., "test": ...}` of one fold of a cross-validation.

    The rows are shuffled by `seed`, alike for all folds, and cut into chunks of N // folds rows, of which the last one
    takes the remainder. Chunk `fold` is for the test, the last of the others for validation, and the rest for training.

    Args:
      source: a `Source` that has not been divided: of one split, "all" or "train".
      fold: which one, 0..folds-1.
      folds: how many chunks, at least 3.
      seed: whole number >= 0; the same seed always gives the same chunks.

    Returns:
      Dict of three `Split`s.

    Raises:
      ValueError: for a source that has splits of its own or fewer rows than folds, and for numbers out of range.

    >>> import numpy as np
    >>> splits = fold_splits(Source({"all": Split(np.arange(105)[:, None])}), fold=9)
    >>> {name: len(split.x) for name, split in splits.items()}
    {'train': 80, 'validation': 10, 'test': 15}
    """
    check_counts(0, seed=seed)
    check_counts(3, folds=folds)
    if not is_count(fold) or fold >= folds:
        raise ValueError(f"fold must be an integer in 0..{folds - 1}. Received: fold={fold!r}")
    whole = undivided(source)
    if whole is None:
        raise ValueError(f"Folds are cut from undivided rows, and these data have splits of their own. Received: {sorted(source.splits)}")
    n = len(whole.x)
    if n < folds:
        raise ValueError(f"At least {folds} rows are needed to make {folds} folds. Received: {n} rows")
    chunks = np.split(np.random.RandomState(seed).permutation(n), n // folds * np.arange(1, folds))
    test = chunks.pop(fold)
    validation = chunks.pop()
    return {name: whole.take(rows) for name, rows in zip(SPLITS, (np.concatenate(chunks), validation, test), strict=True)}


def undivided(source):
    """The only split of a source, where it is "all" or "train"; else None."""
    names = list(source.splits)
    return source.splits[names[0]] if names in (["all"], ["train"]) else None
