"""Text for character models: encoded, and cut into three splits."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np

from tfar.config import VocabularyKind
from tfar.datasets.catalogue import resolve_data_dir
from tfar.datasets.source import SPLITS
from tfar.datasets.text_parts import TextParts, WholeText
from tfar.datasets.text_sources import is_local, read_text
from tfar.datasets.vocabulary import Vocabulary


@dataclass(frozen=True, repr=False, eq=False)
class TextData:
    """A text as codes, in three splits.

    Attributes:
        name: a short name of the source: "tiny_shakespeare", the file's name.
        vocabulary: the `Vocabulary` of the codes.
        train, validation, test: codes `[n]`, in the smallest of uint8, uint16 and int32 that holds those of the vocabulary.
        origin: where the text came from: a dict of `source`, `data_dir`, `splits`.
    """

    name: str
    vocabulary: Vocabulary
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    origin: dict[str, Any] = field(default_factory=dict)

    @property
    def splits(self) -> dict[str, np.ndarray]:
        """`{"train": ..., "validation": ..., "test": ...}`."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def to_config(self) -> dict[str, Any]:
        """A dict that JSON can hold: name, origin, vocabulary, and the size and a checksum of the codes of each split."""
        return {
            "name": self.name,
            **self.origin,
            "vocabulary": self.vocabulary.to_config(),
            "sizes": {name: len(codes) for name, codes in self.splits.items()},
            "checksums": {name: f"{zlib.crc32(np.ascontiguousarray(codes).data):08x}" for name, codes in self.splits.items()},
        }

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name}={len(codes):,}" for name, codes in self.splits.items())
        return f"TextData({self.name!r}, {self.vocabulary.kind} of {len(self.vocabulary)} classes, {sizes})"


def load_text(
    source: str | Path,
    data_dir: str | Path | None = None,
    vocabulary: VocabularyKind | Vocabulary = "characters",
    splits: Sequence[float] = (90, 5, 5),
    unknown: bool = False,
    sequence_length: int = 1,
    download: bool | None = None,
    stream: bool = False,
) -> TextData:
    """Load a text, encode it, and cut it into three splits one after the other.

    A vocabulary of characters is that of the whole text, as in char-rnn and nanoGPT: the model knows which characters there are, whatever
    the split. With `unknown=True` it is that of the training split alone.

    The splits end at the given percentages of the characters (bytes for a vocabulary of bytes), rounded down. So (90, 5, 5) are the
    splits of TFDS' tiny_shakespeare, and the test split of (85, 5, 10) is nanoGPT's last tenth.

    Args:
        source, data_dir, download: as for `read_text`.
        vocabulary: "characters"; "bytes", which encodes any file; or a `Vocabulary`, such as that of a trained model.
        splits: percentages of train, validation and test, all positive, that sum to 100.
        unknown: True gives characters that are not in the training split a class of their own; for "characters" only.
        sequence_length: the least number of characters that a split must have.
        stream: True for a text that need not fit in memory, in files: it is read twice, by parts, and its codes are in a temporary file,
            as memory maps. `windows` reads those of the training split as they are needed.

    Returns:
        A `TextData`.

    Raises:
        ValueError: the source cannot be read; a given vocabulary lacks a character; the percentages do not sum to 100; or a split is
            shorter than `sequence_length`.

    >>> import tempfile, os
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "a.txt")
    ...     _ = open(path, "w").write("abracadabra" * 10)
    ...     data = load_text(path)
    >>> data
    TextData('a.txt', characters of 5 classes, train=99, validation=5, test=6)
    >>> data.train.dtype.name, data.vocabulary.decode(data.test)
    ('uint8', 'adabra')
    """
    _check_vocabulary(vocabulary, unknown)
    splits = _percentages(splits)
    if vocabulary == "bytes":
        vocabulary = Vocabulary.bytes()
    binary = isinstance(vocabulary, Vocabulary) and vocabulary.kind == "bytes"
    text = TextParts(source, binary) if stream else WholeText(*read_text(source, data_dir, binary, download), binary)
    ends = _ends(text.size, splits, sequence_length, text.name)
    if not isinstance(vocabulary, Vocabulary):
        vocabulary = Vocabulary.of(text.symbols(ends[0] if unknown else text.size), unknown)
    train, validation, test = np.split(text.codes(vocabulary), ends)
    local = is_local(str(source))
    origin = {
        "source": str(Path(source).expanduser().absolute()) if local else str(source),
        "data_dir": None if local else resolve_data_dir(data_dir),
        "splits": list(splits),
        **({"stream": True} if stream else {}),
    }
    return TextData(text.name, vocabulary, train, validation, test, origin)


def _check_vocabulary(vocabulary: Any, unknown: bool) -> None:
    if not isinstance(vocabulary, Vocabulary) and vocabulary not in get_args(VocabularyKind):
        raise ValueError(f'vocabulary must be "characters", "bytes" or a Vocabulary. Received: {vocabulary!r}')
    if unknown and vocabulary != "characters":
        raise ValueError(f'unknown=True goes with vocabulary="characters" alone. Received: vocabulary={vocabulary!r}')


def _percentages(splits: Any) -> tuple[float, ...]:
    numbers = tuple(splits) if isinstance(splits, tuple | list) else ()
    if len(numbers) != 3 or not all(isinstance(p, int | float) and p > 0 for p in numbers) or not math.isclose(sum(numbers), 100):
        raise ValueError(f"splits must be three percentages, all positive, that sum to 100. Received: {splits!r}")
    return numbers


def _ends(size: int, splits: Sequence[float], sequence_length: int, name: str) -> list[int]:
    """Where the training and the validation split of a text end, which has `size` characters or bytes."""
    ends = [int(size * sum(splits[: i + 1]) // 100) for i in range(2)]
    for split, start, end in zip(SPLITS, [0, *ends], [*ends, size], strict=True):
        if end - start < sequence_length:
            raise ValueError(
                f"{name}: each split must have at least one sequence of {sequence_length} characters. "
                f"Received: {end - start} in {split}, of {size} in all"
            )
    return ends
