"""Text for character models: encoded, and cut into three splits."""

import math
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tfar.datasets.catalogue import resolve_data_dir
from tfar.datasets.source import SPLITS
from tfar.datasets.text_sources import is_local, read_text
from tfar.datasets.vocabulary import Vocabulary


@dataclass(frozen=True, repr=False, eq=False)
class TextData:
    """A text as codes, in three splits.

    Attributes:
      name: what it was loaded as, short: "tiny_shakespeare", the file's name.
      vocabulary: the `Vocabulary` of the codes.
      train, validation, test: codes `[n]`, in the smallest of uint8, uint16 and int32 that holds those of the vocabulary.
      origin: where the text came from: a dict of `source`, `data_dir`, `splits`.
    """

    name: str
    vocabulary: Vocabulary
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    origin: dict = field(default_factory=dict)

    @property
    def splits(self):
        """`{"train": ..., "validation": ..., "test": ...}`."""
        return {name: getattr(self, name) for name in SPLITS}

    def to_config(self):
        """A dict that JSON can hold: name, origin, vocabulary, and the size and a checksum of the codes of each split."""
        return {
            "name": self.name,
            **self.origin,
            "vocabulary": self.vocabulary.to_config(),
            "sizes": {name: len(codes) for name, codes in self.splits.items()},
            "checksums": {name: f"{zlib.crc32(np.ascontiguousarray(codes)):08x}" for name, codes in self.splits.items()},
        }

    def __repr__(self):
        sizes = ", ".join(f"{name}={len(codes):,}" for name, codes in self.splits.items())
        return f"TextData({self.name!r}, {self.vocabulary.kind} of {len(self.vocabulary)} classes, {sizes})"


def load_text(source, data_dir=None, vocabulary="characters", splits=(90, 5, 5), unknown=False, sequence_length=1, download=None):
    """Load a text, encode it, and cut it into three splits one after the other.

    A vocabulary of characters is that of the whole text, as char-rnn and nanoGPT define it: which characters there are is known
    to the model, whatever the split. With `unknown=True` it is that of the training split alone.

    The splits end at the given percentages of the characters (bytes for a vocabulary of bytes), rounded down. So (90, 5, 5) are the
    splits of TFDS' tiny_shakespeare, and the test split of (85, 5, 10) is nanoGPT's last tenth.

    Args:
      source, data_dir, download: as for `read_text`.
      vocabulary: "characters"; "bytes", which takes any file; or a `Vocabulary`, such as that of a trained model.
      splits: percentages of train, validation and test, all positive, that sum to 100.
      unknown: True gives characters that are not in the training split a class of their own; for "characters" only.
      sequence_length: what a split must have at least.

    Returns:
      A `TextData`.

    Raises:
      ValueError: for a source that cannot be read, characters that a given vocabulary lacks, percentages that do not sum to 100, and
        a split shorter than `sequence_length`.

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
    if not isinstance(vocabulary, Vocabulary) and vocabulary not in ("characters", "bytes"):
        raise ValueError(f'vocabulary must be "characters", "bytes" or a Vocabulary. Received: {vocabulary!r}')
    if unknown and vocabulary != "characters":
        raise ValueError(f'unknown=True goes with vocabulary="characters": others are complete. Received: vocabulary={vocabulary!r}')
    splits = _percentages(splits)
    if vocabulary == "bytes":
        vocabulary = Vocabulary.bytes()
    binary = vocabulary != "characters" and vocabulary.kind == "bytes"
    name, text = read_text(source, data_dir, binary, download)
    if not binary:
        text = text.decode("utf-8")

    ends = [int(len(text) * sum(splits[: i + 1]) // 100) for i in range(2)] + [len(text)]
    starts = [0, *ends[:2]]
    for split, start, end in zip(SPLITS, starts, ends, strict=True):
        if end - start < sequence_length:
            raise ValueError(
                f"{name}: each split must have at least one sequence of {sequence_length} characters. "
                f"Received: {end - start} in {split}, of {len(text)} in all"
            )
    if vocabulary == "characters":
        vocabulary = Vocabulary.of(text[: ends[0]] if unknown else text, unknown)
    codes = vocabulary.encode(text, vocabulary.dtype)
    local = is_local(str(source))
    origin = {
        "source": str(Path(source).expanduser().absolute()) if local else str(source),
        "data_dir": None if local else resolve_data_dir(data_dir),
        "splits": list(splits),
    }
    return TextData(name, vocabulary, *(codes[start:end] for start, end in zip(starts, ends, strict=True)), origin)


def _percentages(splits):
    numbers = tuple(splits) if isinstance(splits, tuple | list) else ()
    if len(numbers) != 3 or not all(isinstance(p, int | float) and p > 0 for p in numbers) or not math.isclose(sum(numbers), 100):
        raise ValueError(f"splits must be three percentages, all positive, that sum to 100. Received: {splits!r}")
    return numbers
