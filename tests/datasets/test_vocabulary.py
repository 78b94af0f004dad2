"""Vocabularies: characters and bytes to classes and back."""

import dataclasses
import json

import numpy as np
import pytest
from support.data import VARIED, error_of

from tfar.datasets import Vocabulary


@pytest.mark.parametrize("vocabulary", [Vocabulary.of(VARIED), Vocabulary.of(VARIED, unknown=True), Vocabulary.bytes()])
def test_vocabulary_round_trips(vocabulary):
    codes = vocabulary.encode(VARIED)
    assert codes.dtype == np.int32 and codes.min() >= 0 and codes.max() < len(vocabulary)
    assert vocabulary.decode(codes) == VARIED and vocabulary.decode(codes.astype(vocabulary.dtype)) == VARIED
    assert vocabulary.encode("").shape == (0,) and vocabulary.decode([]) == ""
    again = Vocabulary.from_config(json.loads(json.dumps(vocabulary.to_config())))
    assert again == vocabulary and hash(again) == hash(vocabulary) and repr(again) == repr(vocabulary)
    with pytest.raises(dataclasses.FrozenInstanceError):
        vocabulary.symbols = "x"


def test_vocabulary_order_and_equality():
    assert Vocabulary.of("hello").symbols == "ehlo" and Vocabulary.of("hello").encode("hello").tolist() == [1, 0, 2, 2, 3]
    assert Vocabulary("ba").encode("ab").tolist() == [1, 0] and Vocabulary(["b", "a"]) == Vocabulary("ba")
    assert Vocabulary("ba") != Vocabulary("ab") != Vocabulary("ab", "b")
    assert Vocabulary.bytes() != Vocabulary(Vocabulary.bytes().symbols)
    assert len({Vocabulary("ab"), Vocabulary("ab"), Vocabulary.bytes(), Vocabulary.bytes()}) == 2
    assert repr(Vocabulary("ab\n", "b")) == "Vocabulary(3 characters: 'ab\\n', unknown='b')"
    assert len(repr(Vocabulary(map(chr, range(40, 5000))))) < 200


def test_vocabulary_dtype_is_the_smallest():
    sizes = {256: np.uint8, 257: np.uint16, 65536: np.uint16, 65537: np.int32}
    for size, dtype in sizes.items():
        vocabulary = Vocabulary(map(chr, range(size)))
        assert vocabulary.dtype == dtype and vocabulary.encode(chr(size - 1), vocabulary.dtype).tolist() == [size - 1]
    assert Vocabulary.bytes().dtype == np.uint8


def test_vocabulary_unknown_takes_every_other_character():
    vocabulary = Vocabulary.of("ab", unknown=True)
    assert len(vocabulary) == 3 and vocabulary.unknown == "\ufffd"
    codes = vocabulary.encode("a€b🎉\x00c")
    assert codes.tolist() == [0, 2, 1, 2, 2, 2] and vocabulary.decode(codes) == "a\ufffdb\ufffd\ufffd\ufffd"
    there = Vocabulary.of("b\ufffd🎉", unknown=True)
    assert len(there) == 3 and there.encode("🎉?").tolist() == [2, 1]
    assert Vocabulary("abc", "b").encode("cxa").tolist() == [2, 1, 0]


def test_vocabulary_of_bytes():
    vocabulary = Vocabulary.bytes()
    assert (len(vocabulary), vocabulary.kind, vocabulary.unknown) == (256, "bytes", None)
    assert vocabulary.encode("é日").tolist() == list("é日".encode()) == vocabulary.encode("é日".encode()).tolist()
    assert vocabulary.decode([0x41, 0xFF, 0xE6, 0x97]) == "A\ufffd\ufffd"
    everything = bytes(range(256))
    assert vocabulary.encode(everything).tolist() == list(range(256))
    assert vocabulary.encode(everything.decode("utf-8", "surrogateescape")).tolist() == list(range(256))


def test_vocabulary_errors():
    assert "at least one. Received: ''" in error_of(Vocabulary, "")
    assert "single characters, at least one. Received: 'bc'" in error_of(Vocabulary, ["a", "bc"])
    assert "Received: 'a', 'b' more than once" in error_of(Vocabulary, "abcab")
    assert "one of the symbols, or None. Received: 'c'" in error_of(Vocabulary, "ab", "c")
    assert "kind must be one of characters, bytes. Received: kind='words'" in error_of(Vocabulary, "ab", kind="words")
    assert "all 256 in their order" in error_of(Vocabulary, "ab", kind="bytes")
    message = error_of(Vocabulary("ab").encode, "abaxaéx")
    assert "vocabulary's 2" in message and "unknown=True" in message and "bytes" in message
    assert message.endswith("Received: 'x', 'é', first at position 3")
    assert "'j' and 2 more, first at position 0" in error_of(Vocabulary("ab").encode, "cdefghijkl")
    assert "encodes a string. Received: bytes" in error_of(Vocabulary("ab").encode, b"ab")
    for codes, received in (([0, 2], "2"), ([-1], "-1"), (np.array([3], np.uint8), "3")):
        assert error_of(Vocabulary("ab").decode, codes).endswith(f"must be in 0..1. Received: {received}")
    assert "0..255. Received: 256" in error_of(Vocabulary.bytes().decode, [256])
    assert "0..255. Received: 256" in error_of(Vocabulary.bytes().decoder().feed, [256])
    assert "integers [n]. Received: float64 [1]" in error_of(Vocabulary("ab").decode, [0.0])
    assert "integers [n]. Received: int64 [1, 1]" in error_of(Vocabulary("ab").decode, [[0]])


def test_first_missing_character_is_found_far_into_a_text():
    text = "ab" * 1_100_000
    assert "Received: 'é', first at position 2200000" in error_of(Vocabulary("ab").encode, text + "é" + text)


def test_thirty_megabytes_are_encoded():
    text = ("The quick brown fox; " * 1500 + "日") * 1000
    vocabulary = Vocabulary.of(text)
    codes = vocabulary.encode(text, vocabulary.dtype)
    assert len(codes) > 3e7 and vocabulary.decode(codes[-40:]) == text[-40:]


@pytest.mark.parametrize("vocabulary", [Vocabulary.of(VARIED), Vocabulary.bytes()])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_streaming_decoder_gives_what_decode_gives(vocabulary, size):
    codes, decoder = vocabulary.encode(VARIED), vocabulary.decoder()
    for _ in range(2):  # finish begins anew
        parts = [decoder.feed(codes[i : i + size]) for i in range(0, len(codes), size)]
        assert "".join(parts) == VARIED and "\ufffd" not in parts and decoder.finish() == ""


def test_streaming_decoder_holds_back_what_is_incomplete():
    decoder = Vocabulary.bytes().decoder()
    party = list("🎉".encode())
    assert [decoder.feed([byte]) for byte in party] == ["", "", "", "🎉"]
    assert decoder.feed(party[:2]) == "" and decoder.finish() == "\ufffd" and decoder.finish() == ""
    assert decoder.feed([*party[:2], 65]) == "\ufffdA" and decoder.finish() == ""
