"""A text before it is encoded: whole, in memory; or read by parts, its codes in a temporary file that is read by a memory map."""

from __future__ import annotations

import codecs
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfar.datasets.text_sources import short_name, text_files
from tfar.datasets.vocabulary import Vocabulary
from tfar.reading import reading

PART = 1 << 22  # bytes that are read at once
BYTE_ORDER_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}

Part = Any  # a string, or bytes


class WholeText:
    """A text in memory.

    Args:
        name: what it is called.
        content: UTF-8, or any bytes where `binary`.
        binary: True for bytes; False for characters.

    Attributes:
        name, size: as of `TextParts`.
    """

    def __init__(self, name: str, content: bytes, binary: bool):
        self.name = name
        self._text: Any = content if binary else content.decode("utf-8")
        self.size = len(self._text)

    def symbols(self, end: int) -> str:
        """The characters before a place."""
        return self._text[:end]

    def codes(self, vocabulary: Vocabulary) -> np.ndarray:
        """The codes `[size]` of the text, in the smallest dtype that holds them."""
        return vocabulary.encode(self._text, vocabulary.dtype)


class TextParts:
    """The parts of a text in files, as `read_text` joins them. What must be known of all of it is found by reading it once.

    Args:
        source: a file, which may be compressed, a folder, or a pattern of files.
        binary: True for bytes; False for characters, of UTF-8 without NUL bytes.

    Attributes:
        name: what it is called.
        size: the number of its characters, or bytes.
        first: where each character occurs first; of bytes it stays empty.

    Raises:
        ValueError: there are no files; one cannot be read, or is not text; or all are empty.
    """

    def __init__(self, source: str | Path, binary: bool = False):
        self.name, self._files, self._binary = short_name(source), text_files(source), binary
        self.size = 0
        self.first: dict[str, int] = {}
        for part in self:
            if not binary:
                for symbol in set(part).difference(self.first):
                    self.first[symbol] = self.size + part.index(symbol)
            self.size += len(part)
        if not self.size:
            raise ValueError(f"The text is empty. Received: {source}")

    def symbols(self, end: int) -> str:
        """The characters that occur before a place, each once."""
        return "".join(symbol for symbol, at in self.first.items() if at < end)

    def codes(self, vocabulary: Vocabulary) -> np.ndarray:
        """The codes `[size]` of the text, in the smallest dtype that holds them: a memory map of a file that goes with it.

        Raises:
            ValueError: the vocabulary lacks a character, or the files have changed.
        """
        with tempfile.TemporaryFile() as file:
            for part in self:
                file.write(vocabulary.encode(part, vocabulary.dtype).tobytes())
            file.flush()
            if file.tell() != self.size * vocabulary.dtype.itemsize:
                raise ValueError(f"the files have changed while they were read. Received: {[str(path) for path, _ in self._files]}")
            return np.memmap(file, vocabulary.dtype, "r", shape=(self.size,))

    def __iter__(self) -> Iterator[Part]:
        newline: Any = b"\n" if self._binary else "\n"
        last: Part = newline
        for path, opened in self._files:
            joined = last[-1:] != newline  # files are joined by a newline where one does not end in it
            for part in self._of_file(path, opened):
                if joined:
                    yield newline
                    joined = False
                last = part
                yield part

    def _of_file(self, path: Path, opened: Callable[[], Any]) -> Iterator[Part]:
        decoder = None
        with reading(path, "UTF-8 text without NUL bytes; a vocabulary of bytes (--vocabulary bytes) takes any file"), opened() as file:
            while data := file.read(PART):
                if self._binary:
                    yield data
                    continue
                decoder = decoder or codecs.getincrementaldecoder(BYTE_ORDER_MARKS.get(data[:2], "utf-8-sig"))()
                yield from _text(decoder.decode(data))
            if decoder is not None:
                yield from _text(decoder.decode(b"", final=True))


def _text(part: str) -> Iterator[str]:
    if "\0" in part:
        raise ValueError("it has NUL bytes")
    if part:
        yield part
