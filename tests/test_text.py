"""tfar.datasets, text: vocabularies, what is read from where, how it is divided, and the windows that a model trains on."""

import bz2
import dataclasses
import gzip
import hashlib
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from tfar import datasets
from tfar.datasets import Vocabulary, load_text, read_text, steps_per_pass, windows

DATA_DIR = os.environ.get("TFDS_DATA_DIR")
RAW = os.environ.get("TFAR_RAW_DATA")
needs_tfds = pytest.mark.skipif(not DATA_DIR, reason="TFDS_DATA_DIR is not set: no prepared TFDS data sets to read")
needs_raw = pytest.mark.skipif(not RAW, reason="TFAR_RAW_DATA is not set: no original data files to read")

# one to four bytes of UTF-8 each
VARIED = "naïve 日本語 🎉 e\u0301\r\n\ttab"


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def tar(path, members, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def error_of(call, *args, **kwargs):
    """The one-line message of the ValueError that the call must raise."""
    with pytest.raises(ValueError) as info:
        call(*args, **kwargs)
    message = str(info.value)
    assert "\n" not in message and "Received: " in message, message
    return message


def batches(count, *args, **kwargs):
    return list(windows(*args, **kwargs).take(count).as_numpy_iterator())


def test_import_and_reading_need_no_tensorflow(tmp_path):
    path = write(tmp_path / "a.txt", "abracadabra" * 10)
    code = (
        f"import sys, tfar.datasets as d; d.load_text({str(path)!r});"
        "print([m for m in ('tensorflow', 'tensorflow_datasets', 'keras') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


# --- vocabularies


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
    assert '"characters" or "bytes". Received: \'words\'' in error_of(Vocabulary, "ab", kind="words")
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


# --- reading


def test_text_is_read_as_it_is(tmp_path):
    path = write(tmp_path / "a.txt", VARIED)
    assert read_text(path) == ("a.txt", VARIED.encode())
    bom = b"\xef\xbb\xbf" + VARIED.encode() + b"\r\n"
    assert read_text(str(write(tmp_path / "b", bom))) == ("b", bom)


@pytest.mark.parametrize(("ending", "module"), [(".gz", gzip), (".xz", lzma), (".bz2", bz2)])
def test_compressed_files(tmp_path, ending, module):
    path = write(tmp_path / f"a.txt{ending}", module.compress(VARIED.encode()))
    assert read_text(path) == (path.name, VARIED.encode())
    write(path, module.compress(VARIED.encode() * 500)[:-20])
    assert "readable and whole" in error_of(read_text, path)
    write(path, b"plain")
    assert "readable and whole" in error_of(read_text, path)


MEMBERS = [("t/b.tex", b"two\n"), ("t/a/z.tex", b"one"), ("t/c.txt", b""), ("t/d.txt", b"three"), ("t/.h/x", b"\0"), ("t/.x", b"no")]


def test_folder_is_read_in_order_and_joined_by_newlines(tmp_path):
    for name, content in MEMBERS:
        write(tmp_path / name, content)
    write(tmp_path / "t" / "e.gz", gzip.compress(b"four"))
    assert read_text(tmp_path / "t") == ("t", b"one\ntwo\nthree\nfour")
    assert read_text(f"{tmp_path}/t/") == ("t", b"one\ntwo\nthree\nfour")
    for pattern, text in {"t/*.tex": b"two\n", "t/**/*.tex": b"one\ntwo\n", "t/[bd].t?*": b"two\nthree"}.items():
        assert read_text(f"{tmp_path}/{pattern}") == (f"{tmp_path}/{pattern}", text)
    write(tmp_path / "t" / "picture", b"ab\0c")
    assert "byte 0x00 at offset 2" in error_of(read_text, tmp_path / "t")


def test_linked_folders_are_read_once(tmp_path):
    for name in ("data", "elsewhere"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.txt").write_text(name)
    (tmp_path / "data" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "data")  # which leads into itself
    (tmp_path / "linked").symlink_to(tmp_path / "data")
    assert read_text(tmp_path / "data") == ("data", b"data\nelsewhere")
    assert read_text(tmp_path / "linked") == ("linked", b"data\nelsewhere")


@pytest.mark.parametrize(("ending", "mode"), [("tar", "w"), ("tar.gz", "w:gz"), ("tgz", "w:gz"), ("tar.xz", "w:xz"), ("tar.bz2", "w:bz2")])
def test_archive_is_read_as_the_folder_it_was_made_of(tmp_path, ending, mode):
    path = tar(tmp_path / f"x.{ending}", MEMBERS, mode)
    assert read_text(path) == (path.name, b"one\ntwo\nthree")
    assert read_text(f"{path}/*.tex")[1] == b"one\ntwo\n" == read_text(f"{path}/t/*.tex")[1]
    assert read_text(f"{path}/t/a")[1] == b"one" == read_text(f"{path}/t/a/z.tex")[1]
    assert "no files" in error_of(read_text, f"{path}/*.md")
    assert read_text(tmp_path)[1] == read_text(path)[1]  # in a folder it is one of the files


def test_archive_links_and_repeated_members(tmp_path):
    path = tar(tmp_path / "x.tar", [("a", b"old"), ("b", b"b"), ("./a", b"new")])
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo("c")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert read_text(path)[1] == b"new\nb"


def test_reading_errors(tmp_path, monkeypatch):
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    assert "text is empty" in error_of(read_text, write(tmp_path / "e" / "empty.txt", b""))
    assert "text is empty" in error_of(read_text, tmp_path / "e")
    (tmp_path / "none").mkdir()
    for nothing in ("none", "none/*.txt"):
        message = error_of(read_text, tmp_path / nothing)
        assert "no files" in message and message.endswith(f"Received: {tmp_path / nothing}")
    for missing in (tmp_path / "missing.txt", tmp_path / "missing.tar.gz"):
        message = error_of(read_text, missing, tmp_path)
        assert "a file, a folder, a pattern of files" in message and message.endswith(f"Received: {str(missing)!r}")
    assert "no such data set" in error_of(read_text, "nosuchtext", tmp_path)
    assert "not prepared in" in error_of(read_text, "tiny_shakespeare", tmp_path)
    assert "data_dir must be an existing folder" in error_of(read_text, "tiny_shakespeare", tmp_path / "missing")
    write(tmp_path / "bad.tar", b"x" * 2000)
    assert "readable and whole" in error_of(read_text, tmp_path / "bad.tar")


@pytest.mark.parametrize(("content", "where"), [(b"ab\0", "0x00 at offset 2"), ("né".encode("latin-1"), "0xe9 at offset 1")])
def test_binary_files_are_for_bytes(tmp_path, content, where):
    path = write(tmp_path / "x.bin", content * 20)
    for call in (read_text, load_text):
        message = error_of(call, path)
        assert "--vocabulary bytes" in message and str(path) in message and where in message
    assert read_text(path, binary=True)[1] == content * 20
    data = load_text(path, vocabulary="bytes")
    assert data.vocabulary == Vocabulary.bytes() and bytes(np.concatenate(list(data.splits.values()))) == content * 20


def test_tfds_records_are_joined(tmp_path):
    """Two data sets that TFDS has no code for: one text cut in three, and one of several records."""
    import tensorflow_datasets as tfds

    def store(name, splits):
        tfds.dataset_builders.store_as_tfds_dataset(
            name=name,
            version="1.0.0",
            features=tfds.features.FeaturesDict({"text": tfds.features.Text()}),
            split_datasets={split: [(i, {"text": text}) for i, text in enumerate(texts)] for split, texts in splits.items()},
            data_dir=str(tmp_path),
            disable_shuffling=True,
        )

    store("own_cut", {"test": ["f"], "train": ["ab"], "validation": ["cdé"]})
    assert read_text("own_cut", tmp_path) == ("own_cut", "abcdéf".encode())
    store("own_records", {"train": ["a", "b\n"], "test": ["c"]})
    assert read_text("own_records", tmp_path) == ("own_records", b"a\nb\nc")


# --- text data


def test_load_text_divides_by_position(tmp_path):
    text = "".join(chr(97 + i % 26) for i in range(1003))
    data = load_text(write(tmp_path / "a.txt", text))
    assert [len(codes) for codes in data.splits.values()] == [902, 50, 51]
    assert "".join(data.vocabulary.decode(codes) for codes in data.splits.values()) == text
    assert all(codes.dtype == np.uint8 for codes in data.splits.values()) and len(data.vocabulary) == 26
    assert str(data) == "TextData('a.txt', characters of 26 classes, train=902, validation=50, test=51)"
    last_tenth = load_text(tmp_path / "a.txt", splits=[85, 5, 10])
    assert last_tenth.vocabulary.decode(last_tenth.test) == text[int(0.9 * 1003) :]
    assert [len(c) for c in load_text(tmp_path / "a.txt", splits=(99.8, 0.1, 0.1)).splits.values()] == [1000, 1, 2]


def test_text_data_config_describes_the_data(tmp_path, monkeypatch):
    path = write(tmp_path / "a.txt", VARIED * 10)
    data = load_text(path)
    config = json.loads(json.dumps(data.to_config()))
    assert (config["name"], config["source"], config["data_dir"], config["splits"]) == ("a.txt", str(path), None, [90, 5, 5])
    assert Vocabulary.from_config(config["vocabulary"]) == data.vocabulary
    assert config["sizes"] == {name: len(codes) for name, codes in data.splits.items()}
    monkeypatch.chdir(tmp_path)
    assert load_text("a.txt").to_config() == config
    write(path, (VARIED * 10).replace("naïve", "nïave", 1))
    changed = load_text(path).to_config()["checksums"]
    assert [name for name in changed if changed[name] != config["checksums"][name]] == ["train"]


def test_vocabulary_is_that_of_the_whole_text_or_of_the_training_split(tmp_path):
    path = write(tmp_path / "a.txt", "ab" * 90 + "c" * 10 + "d" * 10)
    assert load_text(path).vocabulary.symbols == "abcd"
    data = load_text(path, unknown=True)
    assert data.vocabulary.symbols == "ab\ufffd" and set(data.validation) == {2} == set(data.test)
    assert load_text(path, vocabulary=Vocabulary("dcba")).test.tolist() == [0] * 10
    assert "Received: 'c', 'd', first at position 180" in error_of(load_text, path, vocabulary=Vocabulary("ab"))
    wide = load_text(write(path, "".join(map(chr, range(0x4E00, 0x4E00 + 300)))))
    assert wide.train.dtype == np.uint16 and wide.vocabulary.decode(wide.test[-1:]) == chr(0x4E00 + 299)


def test_load_text_errors(tmp_path):
    path = write(tmp_path / "a.txt", "ab" * 100)
    assert 'must be "characters", "bytes" or a Vocabulary. Received: \'words\'' in error_of(load_text, path, vocabulary="words")
    for vocabulary in ("bytes", Vocabulary("ab")):
        assert 'goes with vocabulary="characters"' in error_of(load_text, path, vocabulary=vocabulary, unknown=True)
    for splits in ((90, 10), (100, 0, 0), (110, -5, -5), (80, 5, 5), "abc", (0.9, 0.05, 0.05)):
        message = error_of(load_text, path, splits=splits)
        assert "three percentages, all positive, that sum to 100" in message and message.endswith(f"Received: {splits!r}")
    assert len(load_text(path, sequence_length=10).test) == 10
    message = error_of(load_text, path, sequence_length=11)
    assert "one sequence of 11 characters. Received: 10 in validation, of 200 in all" in message
    assert "Received: 0 in validation, of 3 in all" in error_of(load_text, write(path, "abc"))


# --- windows


@pytest.mark.parametrize(("n", "length", "size"), [(1000, 7, 5), (700, 7, 5), (35, 7, 5), (36, 7, 5), (500, 1, 3), (300, 10, 1)])
def test_each_pass_covers_every_character_at_most_once_and_nearly_all(n, length, size):
    codes, steps = np.arange(n), steps_per_pass(n, length, size)
    found = batches(3 * steps, codes, length, size, seed=4)
    orders = []
    for number in range(3):
        x = np.stack(found[number * steps : (number + 1) * steps])
        assert x.shape == (steps, size, length) and x.dtype == np.int32
        rows = x.reshape(-1, length)
        assert np.array_equal(rows, rows[:, :1] + np.arange(length))
        assert len(np.unique(rows)) == rows.size > n - (size + 2) * length
        orders.append(rows[:, 0].tolist())
    assert n < 40 or (orders[0] != orders[1] != orders[2] and orders[0] != sorted(orders[0]))


def test_passes_begin_at_all_phases_and_leave_nothing_out_for_good():
    n, length, size = 200, 5, 2
    steps = steps_per_pass(n, length, size)
    starts = np.stack(batches(60 * steps, np.arange(n), length, size)).reshape(60, -1, length)
    assert {int(s) for s in starts[:, :, 0].min(axis=1) % length} == set(range(length))
    assert all(len({int(v) % length for v in rows[:, 0]}) == 1 for rows in starts)
    counts = np.bincount(starts.ravel(), minlength=n)
    assert counts.min() >= 5 and counts[length:-length].min() > 40 and counts.max() <= 60


def test_shuffling_depends_on_seed_and_pass_only():
    codes = np.arange(1000, dtype=np.uint16)
    first = np.stack(batches(60, codes, 7, 5, seed=1))
    assert np.array_equal(first, batches(60, codes, 7, 5, seed=1))
    for seed in (0, 2, 1 + 2**32, 2**62):
        assert not np.array_equal(first[:5], batches(5, codes, 7, 5, seed=seed))
    for start in (1, 27, 28, 29, 57):
        assert np.array_equal(first[start:], batches(60 - start, codes, 7, 5, seed=1, start_step=start))


def test_a_late_start_costs_nothing():
    import tensorflow as tf

    x = next(iter(windows(np.arange(1000), 7, 5, start_step=10**12)))
    assert x.shape == (5, 7) and x.dtype == tf.int32
    assert windows(np.arange(1000), 7, 5).cardinality() == tf.data.INFINITE_CARDINALITY
    assert windows(np.arange(1000), 7, 5).element_spec == tf.TensorSpec([5, 7], tf.int32)


@pytest.mark.parametrize(("n", "length", "size"), [(1000, 7, 5), (1003, 7, 4), (35, 7, 5), (64, 4, 1)])
def test_carried_rows_are_contiguous(n, length, size):
    codes, steps = np.arange(n).astype(np.uint16), steps_per_pass(n, length, size)
    found = batches(2 * steps + 1, codes, length, size, carry=True)
    assert [bool(reset) for _, reset in found] == [s % steps == 0 for s in range(2 * steps + 1)]
    for b in range(size):
        row = np.concatenate([x[b] for x, _ in found[:steps]])
        assert np.array_equal(row, b * (n // size) + np.arange(steps * length))
        assert n // size - len(row) < 2 * length
    for s in range(steps + 1):
        assert np.array_equal(found[s][0], found[s + steps][0]) and found[s][0].dtype == np.int32
    (x, reset), *_ = batches(1, codes, length, size, carry=True, start_step=steps - 1)
    assert np.array_equal(x, found[steps - 1][0]) and bool(reset) == (steps == 1)


def test_windows_errors():
    codes = np.arange(34)
    message = error_of(windows, codes, 7, 5)
    assert message == "A batch of 5 x 7 needs 35 characters. Received: 34" == error_of(steps_per_pass, 34, 7, 5)
    assert error_of(windows, codes, 7, 5, carry=True) == message
    assert "length must be an integer of at least 1. Received: length=0" in error_of(windows, codes, 0, 5)
    assert "batch_size must be an integer of at least 1. Received: batch_size=2.0" in error_of(windows, codes, 7, 2.0)
    assert "seed must be an integer of at least 0. Received: seed=-1" in error_of(windows, codes, 7, 2, seed=-1)
    assert "start_step must be an integer of at least 0. Received: start_step=-1" in error_of(windows, codes, 7, 2, start_step=-1)
    assert "integers [n]. Received: float64 [4]" in error_of(windows, np.ones(4), 2, 2)
    assert "integers [n]. Received: int64 [2, 17]" in error_of(windows, codes.reshape(2, 17), 2, 2)


# --- real data


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


def test_exports():
    assert {"TextData", "Vocabulary", "load_text", "read_text", "steps_per_pass", "windows"} <= set(datasets.__all__)
