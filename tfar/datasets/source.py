"""What a reader returns before preparation, and how it is divided into train, validation and test."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfar.validation import check_counts, check_seeds, is_count

SPLITS = ("train", "validation", "test")
SPLIT_WORDS = {"train": "train", "valid": "validation", "val": "validation", "validation": "validation", "test": "test"}
DIVISION = ("seed", "fold", "folds")  # these settings decide which rows are in which split
TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".data")
READABLE = (*TEXT_ENDINGS, *(f"{ending}.gz" for ending in TEXT_ENDINGS), ".parquet", ".feather")  # endings of tables
WRITABLE = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".feather")


class Split(NamedTuple):
    """The rows of one split.

    Attributes:
        x: array `[N, *event]`.
        context: what the model is conditioned on, or None. A reader returns labels `[N]` or numbers `[N, C]`. A prepared `Dataset`
            holds float32 `[N, C]`, one-hot where the reader returned labels.
    """

    x: np.ndarray
    context: np.ndarray | None = None

    def take(self, rows: Any) -> Split:
        """The given rows, an index array or a slice, of x and context."""
        return Split(self.x[rows], None if self.context is None else self.context[rows])

    def joined(self, other: Split) -> Split:
        """These rows followed by those of another split.

        Raises:
            ValueError: only one of the two has a context.
        """
        return concatenated([self, other])


def concatenated(splits: Sequence[Split]) -> Split:
    """The rows of several splits, one after the other.

    Raises:
        ValueError: only some of them have a context.
    """
    x, contexts = np.concatenate([split.x for split in splits]), [split.context for split in splits if split.context is not None]
    if not contexts:
        return Split(x)
    if len(contexts) < len(splits):
        raise ValueError("Both splits must have a context, or neither. Received: one context")
    return Split(x, np.concatenate(contexts))


@dataclass(frozen=True)
class Source:
    """Data as read, and what is known about them.

    Attributes:
        splits: `{name: Split}` with the names in `SPLITS`, or with the one name "all".
        columns: names of the columns of a table, or None.
        label_names: class names in the order of the one-hot context, or None to take them from the training labels.
        levels: number of levels of the integers in x (17 for digits), or None to infer it.
        default_levels: number of levels to quantise to unless the user gives another, or None to keep the values.
        in_order: True where neighbouring rows may be alike, so that held-out rows must be drawn and not cut off the end.
        notes: one line for each thing that a user should know of how the data were read.
        channels: False for grey images that were given as `[N, H, W]`, to which an axis of one channel was added.
        groups: what each row of "all" or "train" belongs to, `[N]`; rows of one group stay in one split. None: each row is alone.

    Raises:
        ValueError: x is not `[N, *event]` or has an empty axis, or the number of contexts is not the number of rows.
    """

    splits: dict[str, Split]
    columns: tuple[str, ...] | None = None
    label_names: tuple[str, ...] | None = None
    levels: int | None = None
    default_levels: int | None = None
    in_order: bool = True
    notes: tuple[str, ...] = ()
    channels: bool = True
    groups: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name, (x, context) in self.splits.items():
            if x.ndim < 2 or 0 in x.shape:
                raise ValueError(f"{name}: x must have shape [N, *event] with no empty axis. Received: shape {x.shape}")
            if context is not None and len(context) != len(x):
                raise ValueError(f"{name}: each of the {len(x)} rows needs a context. Received: {len(context)} contexts")


def place_of(source: Any) -> str:
    """Where a file is, in a form that holds in another working directory; of an object its type."""
    return str(Path(source).expanduser().absolute()) if isinstance(source, str | Path) else type(source).__name__


def readable_file(path: str | Path) -> Path:
    """Return the path of a file that exists and can be opened; its content is not read.

    Raises:
        ValueError: there is no such file, or it cannot be opened.
    """
    path = Path(path).expanduser()
    try:
        if path.is_file():
            with path.open("rb"):
                return path
    except OSError as error:
        raise ValueError(f"The file cannot be read ({error.strerror}). Received: {path}") from error
    raise ValueError(f"There is no such file. Received: {path}")


def three_splits(source: Source, seed: int = 0) -> dict[str, Split]:
    """Divide a source into `{"train": ..., "validation": ..., "test": ...}`; the splits that it lacks are held out.

    - An undivided source is shuffled by `seed` and cut 80 / 10 / 10. So is a source with a training split alone. Every class of the labels
      has a training row, in exchange for another one where need be.
    - Where only the validation or only the test split is missing, a sixth of the training rows takes its place (MNIST: 50,000 /
      10,000 / 10,000). The sixth is drawn by `seed`, or is the last one where the records are shuffled already, as in TFDS. Classes keep a
      training row, too.
    - Groups are shuffled and dealt out whole, so that the splits have about these sizes; see `group_chunks`.

    Args:
        source: a `Source`.
        seed: integer >= 0; the same seed always gives the same rows.

    Returns:
        A dict of three `Split`s.

    Raises:
        ValueError: the seed is not an integer >= 0, there is no training split, or there are too few rows to divide.

    >>> import numpy as np
    >>> splits = three_splits(Source({"all": Split(np.arange(100)[:, None])}))
    >>> {name: len(split.x) for name, split in splits.items()}
    {'train': 80, 'validation': 10, 'test': 10}
    """
    check_seeds(seed=seed)
    whole = undivided(source)
    if whole is not None:
        n = len(whole.x)
        if n < 4:
            raise ValueError(f"At least 4 rows are needed to make train, validation and test. Received: {n} rows")
        if source.groups is not None:
            test, validation, *others = group_chunks(source.groups, 10, seed, least=3)
            return _of_groups(whole, np.concatenate(others), validation, test)
        held = max(1, n // 10)
        order = np.random.RandomState(seed).permutation(n)
        return dict(zip(SPLITS, _taken(whole, order[2 * held :], order[held : 2 * held], order[:held]), strict=True))

    splits = dict(source.splits)
    missing = [name for name in SPLITS if name not in splits]
    if "train" not in splits:
        raise ValueError(f"There is no training split. Received: {sorted(splits)}")
    if missing:
        n = len(splits["train"].x)
        if n < 4:
            raise ValueError(f"At least 4 training rows are needed to hold out {missing[0]}. Received: {n} rows")
        if source.groups is not None:
            lost, *others = group_chunks(source.groups, 6, seed, least=2)
            splits[missing[0]], splits["train"] = splits["train"].take(lost), splits["train"].take(np.concatenate(others))
            return {name: splits[name] for name in SPLITS}
        held = max(1, n // 6)
        order = np.random.RandomState(seed).permutation(n) if source.in_order else np.arange(n)
        splits["train"], splits[missing[0]] = _taken(splits["train"], order[: n - held], order[n - held :])
    return {name: splits[name] for name in SPLITS}


def fold_splits(source: Source, fold: int, folds: int = 10, seed: int = 0) -> dict[str, Split]:
    """Divide a source into the `{"train": ..., "validation": ..., "test": ...}` of one fold of a cross-validation.

    The rows are shuffled by `seed`, alike for all folds, and cut into chunks of N // folds rows; the last chunk takes the remainder.
    Chunk `fold` is the test split, the last of the other chunks is the validation split, and the rest are the training split. Groups stay
    whole; see `group_chunks`.

    Args:
        source: an undivided `Source`: its one split is "all" or "train".
        fold: number of the fold, 0..folds-1.
        folds: number of chunks, at least 3.
        seed: integer >= 0; the same seed always gives the same chunks.

    Returns:
        A dict of three `Split`s.

    Raises:
        ValueError: the source has splits of its own or fewer rows than folds, or a number is out of range.

    >>> import numpy as np
    >>> splits = fold_splits(Source({"all": Split(np.arange(105)[:, None])}), fold=9)
    >>> {name: len(split.x) for name, split in splits.items()}
    {'train': 80, 'validation': 10, 'test': 15}
    """
    check_seeds(seed=seed)
    check_counts(3, folds=folds)
    if not is_count(fold) or fold >= folds:
        raise ValueError(f"fold must be an integer in 0..{folds - 1}. Received: fold={fold!r}")
    whole = undivided(source)
    if whole is None:
        raise ValueError(f"Folds are cut from undivided rows; these data have splits of their own. Received: {sorted(source.splits)}")
    n = len(whole.x)
    if n < folds:
        raise ValueError(f"At least {folds} rows are needed to make {folds} folds. Received: {n} rows")
    if source.groups is not None:
        chunks = group_chunks(source.groups, folds, seed, least=folds)
        test, validation = chunks.pop(fold), chunks.pop()
        return _of_groups(whole, np.concatenate(chunks), validation, test)
    chunks = np.split(np.random.RandomState(seed).permutation(n), n // folds * np.arange(1, folds))
    test = chunks.pop(fold)
    validation = chunks.pop()
    return dict(zip(SPLITS, _taken(whole, np.concatenate(chunks), validation, test), strict=True))


def group_chunks(groups: np.ndarray, count: int, seed: int, least: int) -> list[np.ndarray]:
    """Deal rows out to chunks of about equal size, so that the rows of a group are in one chunk.

    The groups are shuffled by `seed`, and each goes to the chunk that has the fewest rows so far.

    Args:
        groups: what each row belongs to, `[N]`.
        count: number of chunks; where there are fewer groups, a group is a chunk.
        seed: integer >= 0; the same seed always gives the same chunks.
        least: the number of groups that is needed.

    Returns:
        The numbers of the rows of each chunk, in their order; at least `least` chunks.

    Raises:
        ValueError: there are too few groups.

    >>> sorted(rows.tolist() for rows in group_chunks(np.array(["a", "b", "a", "c", "b", "c"]), 3, seed=0, least=3))
    [[0, 2], [1, 4], [3, 5]]
    """
    names, numbers, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < least:
        raise ValueError(f"At least {least} groups are needed, since the rows of one stay together. Received: {len(names)} groups")
    chunk, filled = np.zeros(len(names), np.int64), np.zeros(min(count, len(names)), np.int64)
    for group in np.random.RandomState(seed).permutation(len(names)):
        chunk[group] = np.argmin(filled)
        filled[chunk[group]] += sizes[group]
    return [np.flatnonzero(chunk[numbers] == number) for number in range(len(filled))]


def _of_groups(whole: Split, *rows: np.ndarray) -> dict[str, Split]:
    """The three splits of the numbers of their rows."""
    return {name: whole.take(numbers) for name, numbers in zip(SPLITS, rows, strict=True)}


def with_test(source: Source, test: Split) -> Source:
    """Add the test rows of another source: the rows of this one are then training and validation rows.

    Args:
        source: undivided, or with training rows, and validation rows where it has any.
        test: the test rows.

    Raises:
        ValueError: the source has test rows of its own.

    >>> import numpy as np
    >>> rows, test = Split(np.arange(60)[:, None]), Split(np.arange(9)[:, None])
    >>> {name: len(split.x) for name, split in three_splits(with_test(Source({"all": rows}), test)).items()}
    {'train': 50, 'validation': 10, 'test': 9}
    """
    whole = undivided(source)
    splits = source.splits if whole is None else {"train": whole}
    if "test" in splits:
        raise ValueError(f"data with a test split take no test rows of another file. Received: splits {', '.join(splits)}")
    return replace(source, splits={**splits, "test": test})


def evaluated_rows(source: Source, name: str) -> Split:
    """The rows of a source that are evaluated: all rows of an undivided one, else its test split.

    Raises:
        ValueError: it has several splits, and none named "test"; the source is called `name`.
    """
    split = undivided(source) or source.splits.get("test")
    if split is None:
        raise ValueError(f'{name}: data with several splits must have one named "test". Received: {sorted(source.splits)}')
    return split


def _taken(whole: Split, train: np.ndarray, *held: np.ndarray) -> list[Split]:
    """The splits of some row numbers.

    A class of the labels that has no training row gets its first one there, in exchange for a row of another class that has several.
    """
    parts = [train.copy(), *(rows.copy() for rows in held)]
    if whole.context is not None and whole.context.ndim == 1:
        classes = np.unique(whole.context, return_inverse=True)[1]
        for lost in np.setdiff1d(classes, classes[train]):
            others, place = next((rows, np.flatnonzero(classes[rows] == lost)[0]) for rows in parts[1:] if (classes[rows] == lost).any())
            several = np.flatnonzero(np.bincount(classes[parts[0]])[classes[parts[0]]] > 1)
            if len(several):
                parts[0][several[0]], others[place] = others[place], parts[0][several[0]]
    return [whole.take(rows) for rows in parts]


def division_of(seed: int = 0, fold: int | None = None, folds: int | None = None) -> dict[str, int]:
    """The arguments of `three_splits`, or where there is a fold those of `fold_splits`, whose default is 10 folds.

    Raises:
        ValueError: a number of folds is given without a fold.
    """
    if fold is None and folds is not None:
        raise ValueError(f"folds are for a cross-validation, and fold must say which one is meant. Received: fold=None, folds={folds!r}")
    return {"seed": seed} if fold is None else {"seed": seed, "fold": fold, "folds": 10 if folds is None else folds}


def divided(source: Source, division: Mapping[str, Any]) -> dict[str, Split]:
    """The splits of a division that `division_of` described."""
    return fold_splits(source, **division) if "fold" in division else three_splits(source, **division)


def checksum(split: Split) -> str:
    """A checksum of the rows in any order: TFDS may write the same records in another order on another machine."""
    rows = [split.x.reshape(len(split.x), -1)]
    if split.context is not None:
        rows.append(split.context)
    joined = np.concatenate([np.ascontiguousarray(array).view(np.uint8).reshape(len(array), -1) for array in rows], axis=1)
    return f"{sum(map(zlib.crc32, joined)) % 2**32:08x}"


def refuse_changes(splits: Mapping[str, Split], config: Mapping[str, Any], *places: str | None) -> None:
    """Refuse splits whose rows are not those of a description.

    Args:
        splits: as they are prepared now.
        config: the description, with its `checksums`.
        *places: where the data are from; None is left out.

    Raises:
        ValueError: rows have changed; the splits are named.
    """
    changed = [name for name, split in splits.items() if checksum(split) != config["checksums"][name]]
    if changed:
        raise ValueError(
            "The data have changed since this description was made, so its division into splits no longer holds. "
            f"Received: {' and '.join(filter(None, places))} with other rows in {', '.join(changed)}"
        )


def undivided(source: Source) -> Split | None:
    """The only split of a source where it is "all" or "train"; else None."""
    names = list(source.splits)
    return source.splits[names[0]] if names in (["all"], ["train"]) else None
