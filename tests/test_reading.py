"""Files that are cut short, of another kind, tampered with, or made to fill the memory: one line that names the file."""

import contextlib
import io
import json
import zipfile

import numpy as np
import pytest
from numpy.lib import format as npy

from tfar import reading
from tfar.reading import read_arrays, read_json


def header(shape, dtype="<f8"):
    """The header of an .npy file without its numbers."""
    file = io.BytesIO()
    npy.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue()


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def whole(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def forged(declared):
    """An .npz file whose directory declares another size of its member than it has."""
    content = whole(x=np.zeros(3))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = content.index(signature) + offset
        content = content[:start] + declared.to_bytes(4, "little") + content[start + 4 :]
    return content


BAD_ARRAYS = {
    "empty": b"",
    "text": b"1, 2, 3",
    "24 TB": header((3 * 10**12,)),
    "a product that overflows": header((2**40, 2**40)),
    "cut short": header((3,)) + bytes(16),
    "more than it declares": header((3,)) + bytes(25),
    "a long header": npy.magic(1, 0) + b"\xff\xff" + b"{" * 65535,
    "a header that is code": npy.magic(1, 0) + b"\x10\x00" + b"__import__('os')",
    "an archive cut short": whole(x=np.zeros(3))[:-30],
    "a damaged archive": whole(x=np.zeros(30)).replace(bytes(100), bytes(99) + b"\x01"),
    "a forged size": forged(10**9),
    "objects": header((1,), "|O") + bytes(8),
}


@pytest.mark.parametrize("content", BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_bad_arrays_are_one_line_that_names_the_file(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"must be a NumPy file of plain arrays \(.+\). Received: .*a.npz$") as error:
        read_arrays(tmp_path / "a.npz")
    assert "\n" not in str(error.value)


def test_bad_members_are_named(tmp_path):
    cases = {
        "x.npy declares 24,000,000,000,000 bytes": {"x.npy": header((3 * 10**12,))},
        "two members have the same name": [("x.npy", header((0,))), ("x.npy", header((0,)))],
        "magic string": {"read.me": b"a text of some length"},
    }
    for fault, members in cases.items():
        expected = pytest.warns(UserWarning) if isinstance(members, list) else contextlib.nullcontext()
        with expected, zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            for name, content in dict.items(members) if isinstance(members, dict) else members:
                archive.writestr(name, content)
        with pytest.raises(ValueError, match=fault):
            read_arrays(tmp_path / "a.npz")


def test_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    path = zipped(tmp_path / "a.npz", {"x.npy": header((200_000,), "u1") + bytes(200_000)})
    assert read_arrays(path)["x"].shape == (200_000,)
    monkeypatch.setattr(reading, "UNCHECKED", 10_000)  # instead of 1 GiB
    monkeypatch.setattr(np, "load", lambda *args, **options: pytest.fail("it is refused before"))
    with pytest.raises(ValueError, match="x.npy would take 200,128 bytes from [0-9]+ in the file"):
        read_arrays(path)


def test_no_more_than_the_memory_is_taken(monkeypatch):
    monkeypatch.setattr(reading.os, "sysconf", {"SC_PAGE_SIZE": 1000, "SC_PHYS_PAGES": 50}.__getitem__)
    assert reading.most_bytes(10**15) == 50_000


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "Expecting value"),
        (b'{"kind": "text"', "Expecting"),
        (b"\xff\xfe", "codec can't decode"),
        (b"[1]", "it is of type list"),
        (b"{}", "'kind' is missing"),
        (b'{"kind": null}', "kind is None"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_bad_json_is_one_line_that_names_the_file(tmp_path, content, fault):
    path = tmp_path / "data.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"must be a JSON object with kind of type str \(.*{fault}.*\). Received: .*data.json$"):
        read_json(path, {"kind": str})


def test_a_large_json_file_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "data.json"
    path.write_text(json.dumps({"x": "a" * 1000}))
    assert len(read_json(path)["x"]) == 1000
    monkeypatch.setattr(reading, "MOST_JSON", 100)
    with pytest.raises(ValueError, match="it has 1,009 bytes, more than 100"):
        read_json(path)


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    for read in (read_json, read_arrays):
        with pytest.raises(FileNotFoundError, match="none"):
            read(tmp_path / "none")
