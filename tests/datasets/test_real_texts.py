"""Published texts, where they are installed."""

import hashlib
import tarfile
from pathlib import Path

import numpy as np
from support.data import DATA_DIR, RAW, error_of, needs_raw, needs_tfds

from tfar.datasets import load_text, read_text


@needs_raw
def test_tiny_shakespeare_is_the_published_file():
    path = Path(RAW, "tiny_shakespeare", "input.txt.gz")
    name, text = read_text(path)
    assert name == "input.txt.gz" and hashlib.sha256(text).hexdigest().startswith("86c4e6aa")
    data = load_text(path)
    # the alphabet of char-rnn and nanoGPT
    assert data.vocabulary.symbols == "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    assert [len(codes) for codes in data.splits.values()] == [1_003_854, 55_770, 55_770]
    assert data.vocabulary.decode(np.concatenate(list(data.splits.values()))).encode() == text
    test = load_text(path, splits=(85, 5, 10)).test
    assert data.vocabulary.decode(test).encode() == text[int(0.9 * len(text)) :]


@needs_tfds
def test_default_splits_of_tiny_shakespeare_are_those_of_tfds(monkeypatch):
    import tensorflow_datasets as tfds

    data = load_text("tiny_shakespeare", DATA_DIR)
    theirs = tfds.as_numpy(tfds.load("tiny_shakespeare", data_dir=DATA_DIR, download=False, batch_size=-1))
    for name, codes in data.splits.items():
        assert data.vocabulary.decode(codes).encode() == theirs[name]["text"][0]
    assert [len(codes) for codes in data.splits.values()] == [1_003_854, 55_770, 55_770]
    assert data.name == "tiny_shakespeare" and data.to_config()["data_dir"] == str(Path(DATA_DIR).resolve())
    monkeypatch.setenv("TFDS_DATA_DIR", DATA_DIR)
    assert np.array_equal(load_text("tiny_shakespeare:1.0.0").test, data.test)
    assert 'must have a feature "text"' in error_of(load_text, "mnist")


@needs_raw
def test_archives_of_the_char_rnn_articles():
    shakespeare = load_text(Path(RAW, "shakespeare_complete", "shakespeare.tar.xz"))
    assert len(shakespeare.vocabulary) == 80
    path = Path(RAW, "stacks_project", "stacks_project_tex.tar.xz")
    stacks = load_text(f"{path}/*.tex")
    assert len(stacks.vocabulary) == 97
    with tarfile.open(path) as archive:
        members = {m.name: archive.extractfile(m).read() for m in archive if m.name.endswith(".tex")}
    assert len(members) == 119 and sum(map(len, members.values())) == 27_680_851
    text = stacks.vocabulary.decode(np.concatenate(list(stacks.splits.values()))).encode()
    assert text == b"".join(members[name] for name in sorted(members))
    assert len(read_text(path)[1]) > len(text)  # with COPYING and CONTRIBUTORS
