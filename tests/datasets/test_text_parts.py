"""Texts that are read by parts: what `load_text` finds of the whole text, it finds of its parts."""

import gzip

import numpy as np
import pytest

from tfar import datasets
from tfar.datasets import load_text, windows

TEXT = "größer als ein Speicher: 語\n" * 40


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr("tfar.datasets.text_parts.PART", 7)  # which cuts characters of several bytes


@pytest.fixture
def folder(tmp_path):
    """Files of which one ends without a newline, one is compressed, one empty, and two have a byte order mark."""
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"\xef\xbb\xbf" + TEXT.rstrip().encode())
    (folder / "b.txt").write_bytes(b"")
    (folder / "c.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    (folder / "d.txt").write_bytes("zuletzt".encode("utf-16"))
    return folder


OPTIONS = [
    {},
    {"unknown": True, "splits": (40, 20, 40)},
    {"vocabulary": "bytes"},
    {"vocabulary": datasets.Vocabulary.of(TEXT + "zutl")},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_the_codes_are_those_of_the_whole_text(folder, options):
    found, expected = load_text(folder, stream=True, **options), load_text(folder, **options)
    assert found.vocabulary == expected.vocabulary and found.to_config() == {**expected.to_config(), "stream": True}
    for name, codes in found.splits.items():
        assert isinstance(codes, np.memmap) and codes.dtype == expected.splits[name].dtype
        np.testing.assert_array_equal(codes, expected.splits[name])


@pytest.mark.parametrize("carry", [False, True])
def test_windows_are_those_of_the_whole_text(folder, carry):
    found, expected = (
        windows(load_text(folder, stream=stream).train, 9, 4, seed=2, carry=carry, start_step=3).take(60) for stream in (True, False)
    )
    assert found.element_spec == expected.element_spec
    for one, other in zip(found.as_numpy_iterator(), expected.as_numpy_iterator(), strict=True):
        for part, whole in zip(one, other, strict=True) if carry else [(one, other)]:
            np.testing.assert_array_equal(part, whole)


def test_bad_sources_are_refused(tmp_path, folder):
    (folder / "e.txt").write_bytes(b"a\xffb")
    with pytest.raises(ValueError, match="must be UTF-8 text without NUL bytes.*e.txt"):
        load_text(folder, stream=True)
    (folder / "e.txt").write_bytes(b"a\0b")
    with pytest.raises(ValueError, match="NUL bytes.*e.txt"):
        load_text(folder, stream=True)
    with pytest.raises(ValueError, match="by parts must be a file, a folder or a pattern.*Received: tiny_shakespeare"):
        load_text("tiny_shakespeare", stream=True)
    (tmp_path / "empty.txt").touch()
    with pytest.raises(ValueError, match="The text is empty"):
        load_text(tmp_path / "empty.txt", stream=True)
    with pytest.raises(ValueError, match="must be one of the vocabulary's"):
        load_text(folder / "a.txt", stream=True, vocabulary=datasets.Vocabulary("abc"))
