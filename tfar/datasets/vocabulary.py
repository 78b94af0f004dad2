"""The classes of a character model: which characters (or bytes) there are, and which code each has."""

from __future__ import annotations

import builtins
import codecs
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tfar.config import VocabularyKind
from tfar.validation import as_list, check_choices, check_flags, of_class

REPLACEMENT = "\ufffd"
BYTES = "".join(map(chr, range(256)))
CHUNK = 1 << 20  # characters encoded at once, so that the UTF-32 of a whole text (four bytes a character) is never held
SHOWN = 8


@dataclass(frozen=True, repr=False, init=False)
class Vocabulary:
    """Characters in the order of their codes; or the 256 bytes, by which any text is written in UTF-8.

    Args:
        symbols: a string, or single characters, that all differ: symbol k has code k.
        unknown: the symbol that stands for every character that is not among the symbols; None refuses such characters.
        kind: "characters", or "bytes" for what `Vocabulary.bytes` makes.

    Attributes:
        symbols, unknown, kind: as above, symbols as a string. For bytes, symbol k is the character of Latin-1 with byte k.

    Raises:
        ValueError: there are no symbols; they are not single characters, or not all different; or `unknown` is not one of them.

    >>> vocabulary = Vocabulary.of("abracadabra")
    >>> vocabulary
    Vocabulary(5 characters: 'abcdr')
    >>> vocabulary.encode("bar"), vocabulary.decode([1, 0, 4])
    (array([1, 0, 4], dtype=int32), 'bar')
    """

    symbols: str
    unknown: str | None
    kind: VocabularyKind

    def __init__(self, symbols: Iterable[str], unknown: str | None = None, *, kind: VocabularyKind = "characters") -> None:
        characters = as_list(symbols=symbols)
        wrong = [s for s in characters if not isinstance(s, str) or len(s) != 1]
        if wrong or not characters:
            raise ValueError(f"symbols must be single characters, at least one. Received: {wrong[0] if wrong else symbols!r}")
        if len(set(characters)) < len(characters):
            repeated = sorted(s for s in set(characters) if characters.count(s) > 1)
            raise ValueError(f"symbols must all differ. Received: {_shown(repeated)} more than once")
        if of_class(str | None, unknown=unknown) is not None and unknown not in characters:
            raise ValueError(f"unknown must be one of the symbols, or None. Received: {unknown!r}")
        check_choices(("characters", "bytes"), kind=kind)
        joined = "".join(characters)
        if kind == "bytes" and (joined != BYTES or unknown is not None):
            raise ValueError(f"A vocabulary of bytes has all 256 in their order, and no unknown. Received: {len(joined)} symbols")
        for name, value in {"symbols": joined, "unknown": unknown, "kind": kind}.items():
            object.__setattr__(self, name, value)  # as a frozen dataclass sets its fields

    @classmethod
    def of(cls, text: str, unknown: bool = False) -> Vocabulary:
        """The vocabulary of a text: its distinct characters, sorted by code point.

        Args:
            text: a string of at least one character.
            unknown: True adds one class, the last, for all other characters: U+FFFD. Where the text itself has U+FFFD, that is the
                class, in its sorted place.

        >>> Vocabulary.of("no", unknown=True).encode("ono!")
        array([1, 0, 1, 2], dtype=int32)
        """
        check_flags(unknown=unknown)
        symbols = sorted(set(of_class(str, text=text)))
        if not unknown:
            return cls(symbols)
        return cls(symbols if REPLACEMENT in symbols else [*symbols, REPLACEMENT], REPLACEMENT)

    @classmethod
    def bytes(cls) -> Vocabulary:
        """The 256 bytes: encodes any text as UTF-8, and decodes bytes that are not UTF-8 as U+FFFD.

        >>> Vocabulary.bytes()
        Vocabulary(256 bytes)
        >>> Vocabulary.bytes().encode("é"), Vocabulary.bytes().decode([195])
        (array([195, 169], dtype=int32), '\ufffd')
        """
        return cls(BYTES, kind="bytes")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Vocabulary:
        """The vocabulary that `to_config` described."""
        return cls.bytes() if config["kind"] == "bytes" else cls(config["symbols"], config["unknown"])

    def to_config(self) -> dict[str, Any]:
        """A dict that JSON can hold.

        >>> Vocabulary("ab").to_config()
        {'kind': 'characters', 'symbols': 'ab', 'unknown': None}
        """
        if self.kind == "bytes":
            return {"kind": "bytes"}
        return {"kind": self.kind, "symbols": self.symbols, "unknown": self.unknown}

    @property
    def dtype(self) -> np.dtype:
        """The smallest of uint8, uint16 and int32 that holds every code."""
        return np.dtype(next(t for t in (np.uint8, np.uint16, np.int32) if len(self) - 1 <= np.iinfo(t).max))

    def encode(self, text: str | builtins.bytes, dtype: npt.DTypeLike = np.int32) -> np.ndarray:
        """Codes of a text.

        Args:
            text: a string; for bytes also a bytes object.
            dtype: of the result.

        Returns:
            Integers `[n]`, one for each character (or byte).

        Raises:
            ValueError: a character is not in the vocabulary, and there is no `unknown`.
        """
        if self.kind == "bytes":
            # a byte that is not UTF-8 reaches Python's command line as a lone surrogate
            data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
            return np.frombuffer(data, np.uint8).astype(dtype)
        if not isinstance(text, str):
            raise ValueError(f"A vocabulary of characters encodes a string. Received: {type(text).__name__}")
        codes = np.empty(len(text), dtype)
        for start in range(0, len(text), CHUNK):
            points = np.frombuffer(text[start : start + CHUNK].encode("utf-32-le", "surrogatepass"), "<u4")
            chunk = self._codes[np.minimum(points, len(self._codes) - 1)]
            if chunk.min() < 0:
                raise self._lacking(text)
            codes[start : start + CHUNK] = chunk
        return codes

    def decode(self, codes: npt.ArrayLike) -> str:
        """The text of codes, integers `[n]`, as a string.

        Raises:
            ValueError: the codes are not integers `[n]`, or not in 0..len - 1.
        """
        codes = np.asarray(codes)
        if codes.ndim != 1 or (codes.size and codes.dtype.kind not in "iu"):
            raise ValueError(f"codes must be integers [n]. Received: {codes.dtype} {list(codes.shape)}")
        wrong = codes[(codes < 0) | (codes >= len(self))]
        if wrong.size:
            raise ValueError(f"codes must be in 0..{len(self) - 1}. Received: {wrong[0]}")
        if self.kind == "bytes":
            return codes.astype(np.uint8).tobytes().decode("utf-8", "replace")
        return self._points[codes.astype(np.int64)].tobytes().decode("utf-32-le", "surrogatepass")

    def decoder(self) -> Decoder:
        """A `Decoder`, for codes that come a few at a time."""
        return Decoder(self)

    def __len__(self) -> int:
        return len(self.symbols)

    def __repr__(self) -> str:
        if self.kind == "bytes":
            return "Vocabulary(256 bytes)"
        shown = repr(self.symbols) if len(self) <= 100 else f"{self.symbols[:100]!r}..."
        unknown = "" if self.unknown is None else f", unknown={self.unknown!r}"
        return f"Vocabulary({len(self)} characters: {shown}{unknown})"

    @cached_property
    def _points(self) -> np.ndarray:
        """The code point of every code."""
        return np.array([ord(symbol) for symbol in self.symbols], "<u4")

    @cached_property
    def _codes(self) -> np.ndarray:
        """The code of every code point; the last entry is that of all larger ones."""
        other = -1 if self.unknown is None else self.symbols.index(self.unknown)
        codes = np.full(int(self._points.max()) + 2, other, np.int32)
        codes[self._points] = np.arange(len(self))
        return codes

    def _lacking(self, text: str) -> ValueError:
        missing = sorted(set(text) - set(self.symbols))
        return ValueError(
            f"Every character must be one of the vocabulary's {len(self)}. A vocabulary made with unknown=True (--unknown) encodes others "
            f"as U+FFFD, and one of bytes (--vocabulary bytes) encodes any text. Received: {_shown(missing)}, first at position "
            f"{min(map(text.index, missing))}"
        )


class Decoder:
    """Decodes codes that come a few at a time: a character of several bytes is held back until it is complete.

    >>> decoder = Vocabulary.bytes().decoder()
    >>> [decoder.feed([195]), decoder.feed([169, 33]), decoder.finish()]
    ['', 'é!', '']
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace") if vocabulary.kind == "bytes" else None

    def feed(self, codes: npt.ArrayLike) -> str:
        """The text that codes, integers `[n]`, complete.

        Raises:
            ValueError: as `Vocabulary.decode`.
        """
        if self._utf8 is None:
            return self._vocabulary.decode(codes)
        self._vocabulary.decode(codes)
        return self._utf8.decode(np.asarray(codes).astype(np.uint8).tobytes())

    def finish(self) -> str:
        """The end of the text: U+FFFD for an incomplete character, else nothing. The decoder then begins a new text."""
        return "" if self._utf8 is None else self._utf8.decode(b"", final=True)


def _shown(characters: Sequence[str]) -> str:
    more = len(characters) - SHOWN
    return ", ".join(map(repr, characters[:SHOWN])) + (f" and {more} more" if more > 0 else "")
