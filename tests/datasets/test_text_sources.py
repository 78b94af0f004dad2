"""What is read as a text: files, folders, archives, TFDS data sets."""

import bz2
import gzip
import io
import lzma
import tarfile

import numpy as np
import pytest
from support.data import VARIED, error_of, write

from tfar import reading
from tfar.datasets import Vocabulary, check_text_source, load_text, read_text


def tar(path, members, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def test_text_is_read_as_it_is(tmp_path):
    path = write(tmp_path / "a.txt", VARIED)
    assert read_text(path) == ("a.txt", VARIED.encode())


def test_byte_order_marks_are_no_part_of_a_text(tmp_path):
    mark = b"\xef\xbb\xbf"
    path = write(tmp_path / "t" / "b", mark + VARIED.encode() + b"\r\n")
    assert read_text(str(path)) == ("b", VARIED.encode() + b"\r\n") and read_text(path, binary=True)[1].startswith(mark)
    write(tmp_path / "t" / "c", mark + b"end")
    assert read_text(tmp_path / "t")[1] == VARIED.encode() + b"\r\nend"  # of each file
    for order in ("utf-16-le", "utf-16-be"):
        write(path, f"\ufeff{VARIED}".encode(order))
        assert read_text(path)[1] == VARIED.encode()
    write(path, b"\xff\xfea")
    assert "UTF-16, as its byte order mark says" in error_of(read_text, path)


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
    (tmp_path / "data" / "more").mkdir(parents=True)
    (tmp_path / "data" / "more" / "a.txt").write_text("a")
    (tmp_path / "data" / "more" / "back").symlink_to(tmp_path / "data")  # which leads into itself
    (tmp_path / "data" / "z").symlink_to(tmp_path / "data" / "more")
    (tmp_path / "linked").symlink_to(tmp_path / "data")
    assert read_text(tmp_path / "data") == ("data", b"a\na")
    assert read_text(tmp_path / "linked") == ("linked", b"a\na")


@pytest.mark.parametrize("target", ["secret.txt", "elsewhere"])
def test_links_do_not_lead_out_of_the_folder(tmp_path, target):
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.txt").write_text("secret")
    (tmp_path / "data" / "below").mkdir(parents=True)
    (tmp_path / "data" / "a.txt").write_text("a")
    (tmp_path / "data" / "below" / "link").symlink_to(tmp_path / target)
    for read in (read_text, check_text_source):
        error = error_of(read, tmp_path / "data")
        assert "must not lead out of the folder" in error and f"below/link -> {tmp_path / target}" in error
    if target == "secret.txt":
        assert read_text(tmp_path / "data" / "below" / "link")[1] == b"secret"  # it was named itself


def test_what_unpacks_to_far_more_than_it_is_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "UNCHECKED", 10_000)  # 1 GiB takes seconds
    zeros = bytes(200_000)
    for path, opened in ((tmp_path / "a.gz", gzip.open), (tmp_path / "a.xz", lzma.open), (tmp_path / "a.bz2", bz2.open)):
        with opened(path, "wb") as file:
            file.write(zeros)
        assert f"would take more than {max(10_000, 100 * path.stat().st_size):,} bytes" in error_of(read_text, path)
    path = tar(tmp_path / "a.tar.gz", [("a", b"a"), ("b", zeros)], "w:gz")
    assert "what it holds up to b would take 200,001 bytes" in error_of(read_text, path)
    assert read_text(tar(tmp_path / "b.tar", [("b", b"b" * 200_000)]))[1] == b"b" * 200_000  # what is not packed may be large


def test_an_archive_that_declares_ten_terabytes_is_refused_at_once(tmp_path):
    member = tarfile.TarInfo("huge")
    member.size = 10 * 1000**4
    (tmp_path / "a.tar").write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    assert "huge would take 10,000,000,000,000 bytes" in error_of(read_text, tmp_path / "a.tar")


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
