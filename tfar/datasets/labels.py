"""Class labels as one-hot contexts."""

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tfar.validation import as_list


def one_hot(labels: npt.ArrayLike, names: Sequence[str]) -> np.ndarray:
    """One-hot rows of class labels.

    Args:
        labels: class names `[N]`, or whole numbers where the names are numbers.
        names: the class names in the order of the columns.

    Returns:
        float32 `[N, len(names)]`.

    Raises:
        ValueError: a label is not among the names, or the labels are not `[N]`.

    >>> one_hot(["elm", "oak"], ("oak", "elm")).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    >>> one_hot([1], ("0", "1", "2")).tolist()
    [[0.0, 1.0, 0.0]]
    """
    if isinstance(names, str | bytes) or not all(isinstance(name, str) for name in as_list(names=names)):
        raise ValueError(f"names must be strings. Received: names={names!r}")
    index = {name: i for i, name in enumerate(names)}
    words = as_words(labels)
    unknown = sorted(set(words) - set(index))
    if unknown:
        raise ValueError(f"Labels must be among {list(names)}. Received: {unknown[0]!r}")
    return np.eye(len(names), dtype=np.float32)[[index[word] for word in words]]


def class_names(labels: npt.ArrayLike) -> tuple[str, ...]:
    """The distinct labels as strings: in numeric order where all are numbers, else in alphabetic order.

    Raises:
        ValueError: a number has a fraction (it is a measurement, not a class), or one number is written in two ways.

    >>> class_names(["10", "9"]), class_names(["b", "a"])
    (('9', '10'), ('a', 'b'))
    """
    words = sorted(set(as_words(labels)))
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return tuple(words)
    fractions = [word for word, number in zip(words, numbers, strict=True) if not number.is_integer()]
    if fractions:
        raise ValueError(
            "Labels must be words or whole numbers; to condition on real numbers, store train_context arrays in a .npz file. "
            f"Received: {fractions[0]!r}"
        )
    pairs = sorted(zip(numbers, words, strict=True))
    for (number, word), (following, other) in itertools.pairwise(pairs):
        if number == following:
            raise ValueError(f"A class must be written in one way. Received: {word!r} and {other!r}")
    return tuple(word for _, word in pairs)


def as_words(labels: npt.ArrayLike) -> list[str]:
    """Labels of any dtype as a list of strings; floats without a fraction as whole numbers.

    >>> as_words(np.array([3.0, 4.0])), as_words([b"oak"])
    (['3', '4'], ['oak'])
    """
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise ValueError(f"Labels must have shape [N]. Received: shape {labels.shape}")
    if np.issubdtype(labels.dtype, np.floating) and np.array_equal(labels, np.floor(labels)):
        labels = labels.astype(np.int64)
    return [label.decode() if isinstance(label, bytes) else str(label) for label in labels.tolist()]
