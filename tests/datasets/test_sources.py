"""The registry of readers, the early checks of sources, and that a source is read once."""

import dataclasses
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from support.data import csv_text, error_of, savez, table, write

from tfar import datasets
from tfar.datasets import readers


def refused(source, data_dir=None):
    """The message of `check_source`, which must be that of `load`."""
    message = error_of(datasets.check_source, source, data_dir)
    assert message == error_of(datasets.load, source, data_dir)
    return message


def refused_text(source, data_dir=None):
    """The message of `check_text_source`, which must be that of `load_text`."""
    message = error_of(datasets.check_text_source, source, data_dir)
    assert message == error_of(datasets.load_text, source, data_dir)
    return message


# --- the registry


def test_each_source_has_one_reader():
    files = [f"a{ending}" for ending in readers.ENDINGS]
    for reader in readers.READERS:
        for source in (*reader.names, *(f"a{ending}" for ending in reader.endings)):
            assert readers.reader_of(source) is reader
    for source in ("mnist", "wine_quality/red:1.0.0"):
        assert [reader for reader in readers.READERS if reader.recognises(source)] == [readers.reader_of(source)]
    assert len(set(files)) == len(files) and len(set(readers.NAMES)) == len(readers.NAMES)
    assert all(reader.help and reader.help in readers.HELP for reader in readers.READERS)
    assert all(map(readers.is_file_name, files)) and not any(map(readers.is_file_name, ("digits", "mnist", "mnist:3.0.1")))
    assert readers.is_file_name("A.NPZ") and readers.is_file_name(Path("folder", "a.csv"))


def test_a_reader_is_a_line_in_the_registry(tmp_path, monkeypatch):
    def read_words(path, options):
        words = Path(path).read_text().split()
        return datasets.Source({"all": datasets.Split(np.array([[len(word)] for word in words], float))})

    mine = readers.Reader(help="a .words file", read=read_words, endings=(".words",))
    monkeypatch.setattr(readers, "READERS", (*readers.READERS, mine))
    monkeypatch.setattr(readers, "ENDINGS", (*readers.ENDINGS, ".words"))
    path = write(tmp_path / "a.words", "a bb ccc dddd eeeee ffffff")
    assert sum(len(split.x) for split in datasets.load(path).splits.values()) == 6
    assert ".words. Received" in error_of(datasets.load, write(tmp_path / "a.other", ""))


def test_a_file_named_as_a_data_set_is_not_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "mnist", "1,2\n")
    assert refused("mnist").startswith("The ending of a data file must be one of .npz, .npy, .csv")


# --- sources that are refused at once


def test_check_source_takes_what_can_be_read(tmp_path):
    np.save(tmp_path / "x.npy", table())
    for source in ("digits", tmp_path / "x.npy", savez(tmp_path / "x.npz", x=table()), write(tmp_path / "x.csv", "1,2\n")):
        assert datasets.check_source(source) is None
        assert datasets.check_source(str(source), tmp_path / "none") is None  # a data_dir is for TFDS alone
    assert datasets.check_source("mnist", tmp_path) is None  # TFDS is not asked
    assert datasets.check_source("wine_quality/red:1.*.*", tmp_path) is None


def test_check_source_refuses_as_load_does(tmp_path, monkeypatch):
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    for missing in ("none.csv", "none.npz", "none.npy", "none/x.data"):
        assert refused(tmp_path / missing) == f"There is no such file. Received: {tmp_path / missing}"
    (tmp_path / "folder.csv").mkdir()
    assert "A folder or a pattern must hold images" in refused(tmp_path / "folder.csv")
    for ending in (".xlsx", ".words.gz", ""):
        message = refused(write(tmp_path / f"x{ending}", "1,2\n"))
        assert message == f"The ending of a data file must be one of {', '.join(readers.ENDINGS)}. Received: {tmp_path / f'x{ending}'}"
    for name in ("no such", "../up", "", "table.xlsx", tmp_path / "none"):
        message = refused(name, tmp_path)
        assert message.startswith("There is no such data set or file. ") and "digits" in message and ".npz" in message
        assert message.endswith(f"Received: {str(name)!r}")
    assert "data_dir must be an existing folder" in refused("mnist", tmp_path / "none")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "none"))
    assert "TFDS_DATA_DIR must be an existing folder" in refused("mnist")


def test_check_text_source_takes_what_can_be_read(tmp_path):
    path = write(tmp_path / "t" / "a.txt", "abc" * 100)
    with tarfile.open(tmp_path / "t.tar.gz", "w:gz") as archive:
        archive.add(path, "a.txt")
    for source in (path, path.parent, f"{tmp_path}/t/*.txt", tmp_path / "t.tar.gz", f"{tmp_path}/t.tar.gz/*.txt"):
        assert datasets.check_text_source(source) is None
        assert len(datasets.load_text(source).train) == 270
    assert datasets.check_text_source("tiny_shakespeare", tmp_path) is None  # TFDS is not asked


def test_check_text_source_refuses_as_load_text_does(tmp_path, monkeypatch):
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    for missing in ("none.txt", "none.tar.gz", "none/folder"):
        message = refused_text(tmp_path / missing, tmp_path)
        assert "a file, a folder, a pattern of files" in message and "no such data set or file" in message
        assert message.endswith(f"Received: {str(tmp_path / missing)!r}")
    (tmp_path / "empty").mkdir()
    write(tmp_path / "hidden" / ".a.txt", "abc")
    for nothing in ("empty", "hidden", "empty/*.txt"):
        assert refused_text(tmp_path / nothing) == f"There are no files (hidden files are left out). Received: {tmp_path / nothing}"
    for damaged in ("x.tar", "x.tar.xz", "x.gz", "x.xz", "x.bz2", "folder/x.gz"):
        write(tmp_path / damaged, b"plain" * 1000)
        assert "readable and whole" in refused_text(tmp_path / damaged)
    assert "readable and whole" in refused_text(tmp_path / "folder")
    assert "data_dir must be an existing folder" in refused_text("tiny_shakespeare", tmp_path / "none")


def test_files_that_cannot_be_opened_are_refused(tmp_path, monkeypatch):
    """As for a user without the permission: the tests may run as root, which may read everything."""
    path, text = write(tmp_path / "x.csv", csv_text(table())), write(tmp_path / "x.text", "abc" * 100)

    def denied(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    assert refused(path) == f"The file cannot be read (Permission denied). Received: {path}"
    monkeypatch.setattr("tfar.datasets.text_sources.open", denied, raising=False)
    assert "readable and whole ([Errno 13] Permission denied)" in refused_text(text)


def test_checks_need_no_tensorflow(tmp_path):
    path = write(tmp_path / "x.txt", "abc")
    code = f"""
import sys, tfar.datasets as d
d.check_source("digits"), d.check_source({str(path)!r}), d.check_text_source({str(path)!r}), d.check_source("mnist", {str(tmp_path)!r})
for check in (d.check_source, d.check_text_source):
    try:
        check("../none")
    except ValueError:
        print([m for m in ("tensorflow", "tensorflow_datasets", "keras") if m in sys.modules])
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split("\n") == ["[]", "[]", ""]


# --- a source is read once


@pytest.fixture
def opened(monkeypatch):
    """The names of the files that were read, in order."""
    names = []
    load, read_bytes = np.load, Path.read_bytes
    monkeypatch.setattr(np, "load", lambda path, **kwargs: names.append(Path(path).name) or load(path, **kwargs))
    monkeypatch.setattr(Path, "read_bytes", lambda path: names.append(path.name) or read_bytes(path))
    return names


@pytest.mark.parametrize("name", ["x.csv", "x.npz", "x.npy", "digits"])
def test_each_call_reads_its_source_once(tmp_path, opened, name):
    write(tmp_path / "x.csv", csv_text(table()))
    savez(tmp_path / "x.npz", x=table())
    np.save(tmp_path / "x.npy", table())
    source = name if name == "digits" else tmp_path / name
    config = datasets.load(source).to_config()
    for call in (lambda: datasets.load_config(config), lambda: datasets.prepare(source, config)):
        assert len(opened) == 1
        opened.clear()
        call()
    assert len(opened) == 1
    opened.clear()
    datasets.check_source(source)
    assert not opened


def test_prepare_takes_a_source_that_was_read(tmp_path, opened):
    rows = "\n".join(f"{a:.4f},{b:.4f},{k}" for (a, b), k in zip(table(40, 2), "pq" * 20, strict=True))
    config = datasets.load(write(tmp_path / "x.csv", f"acid,sugar,kind\n{rows}\n"), context="kind").to_config()
    path = write(tmp_path / "new.csv", "kind,sugar,acid\nq,1.5,\np,,-3\n")
    opened.clear()
    read = datasets.read_source(path, context="kind", allow_blanks=True)
    split = datasets.prepare(read, config, allow_blanks=True)
    assert opened == ["new.csv"]
    same = datasets.prepare(path, config, allow_blanks=True)
    np.testing.assert_array_equal(split.x, same.x)
    np.testing.assert_array_equal(split.context, same.context)
    assert read.columns == ("sugar", "acid")
    np.testing.assert_array_equal(read.splits["all"].x, [[1.5, np.nan], [np.nan, -3]])
    wrong = dataclasses.replace(read, columns=("a", "b"))
    assert "x: the columns must be ['acid', 'sugar']" in error_of(datasets.prepare, wrong, config, allow_blanks=True)
    divided = datasets.Source({"train": same, "validation": same})
    assert 'x: data with several splits must have one named "test"' in error_of(datasets.prepare, divided, config)


def test_an_archive_is_unpacked_once(tmp_path, monkeypatch):
    path = write(tmp_path / "a.txt", "abc" * 100)
    with tarfile.open(tmp_path / "t.tar.xz", "w:xz") as archive:
        archive.add(path, "a.txt")
    times, open_ = [], tarfile.open
    monkeypatch.setattr(tarfile, "open", lambda *args, **kwargs: times.append(args) or open_(*args, **kwargs))
    datasets.load_text(tmp_path / "t.tar.xz")
    assert len(times) == 1


def test_splits_are_joined_with_their_contexts():
    x, context = np.arange(3)[:, None], np.eye(3)
    joined = datasets.Split(x, context).joined(datasets.Split(x + 3, context))
    assert joined.x[:, 0].tolist() == [0, 1, 2, 3, 4, 5] and joined.context.shape == (6, 3)
    assert datasets.Split(x).joined(datasets.Split(x)).context is None
    assert "both" in error_of(datasets.Split(x).joined, datasets.Split(x, context)).lower()
