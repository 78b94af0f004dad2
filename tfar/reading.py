"""Reading files that may be bad: cut short, of another kind, tampered with, or made to fill the memory.

What is wrong with a file is one `ValueError` that names it. A size that a file declares is compared with the file before any memory is
taken for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

EXPANSION, UNCHECKED = 100, 1 << 30  # what unpacks to more than so many times its size, and to more than so many bytes, is refused
MOST_JSON = 1 << 26  # bytes
MOST_SHOWN = 300  # characters of a reader's own message


@contextlib.contextmanager
def reading(path: str | Path, expected: str) -> Iterator[Path]:
    """A context in which a file is read: whatever its reader raises becomes one `ValueError` that names the file.

    Readers of one format raise exceptions of a dozen kinds for a bad file, those of the libraries below them included.

    Args:
        path: the file.
        expected: what it must be, "a NumPy file of plain arrays".

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the block raised an exception.

    >>> with reading("a.json", "a JSON object"):
    ...     json.loads("{")
    Traceback (most recent call last):
    ...
    ValueError: the file must be a JSON object (Expecting property name enclosed in double quotes...). Received: a.json
    """
    try:
        yield Path(path)
    except Exception as error:
        if isinstance(error, FileNotFoundError) or (isinstance(error, ValueError) and str(path) in str(error)):
            raise
        raise ValueError(f"the file must be {expected} ({reason(error)}). Received: {path}") from error


def reason(error: BaseException) -> str:
    """The first line of an exception's message; its type where there is none.

    >>> reason(ValueError("one\\ntwo")), reason(EOFError())
    ('one', 'EOFError')
    """
    if isinstance(error, OSError) and error.filename is not None:
        return f"[Errno {error.errno}] {error.strerror}"
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error).strip().partition("\n")[0].rstrip(" .:")
    shown = text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."
    return f"{shown!r} is missing" if isinstance(error, KeyError) else shown or type(error).__name__


def most_bytes(packed: int) -> int:
    """The number of bytes that a packed file or a part of one, of `packed` bytes, may unpack to.

    It is a hundredfold, at least 1 GiB, at most the memory of this machine.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 1 << 40
    return min(max(UNCHECKED, EXPANSION * packed), memory)


def check_size(size: int, packed: int, name: str) -> None:
    """Check the size of what a file declares to hold, or holds.

    Args:
        size: bytes, unpacked.
        packed: bytes in the file.
        name: what it is, for the message.

    Raises:
        ValueError: it is more than `most_bytes` of its size in the file.

    >>> check_size(10**13, 10**6, "weights")
    Traceback (most recent call last):
    ...
    ValueError: weights would take 10,000,000,000,000 bytes from 1,000,000 in the file
    """
    if size > most_bytes(packed):
        raise ValueError(f"{name} would take {size:,} bytes from {packed:,} in the file")


def read_limited(file: Any, packed: int, name: str = "it") -> bytes:
    """Read a file that is unpacked while it is read, from `packed` bytes, up to the size that `check_size` allows.

    Raises:
        ValueError: it is larger.
    """
    content = file.read(most_bytes(packed) + 1)
    if len(content) > most_bytes(packed):
        raise ValueError(f"{name} would take more than {most_bytes(packed):,} bytes from {packed:,} in the file")
    return content


def read_json(path: str | Path, required: Mapping[str, type | tuple[type, ...]] | None = None) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: the file.
        required: type of the values, by the keys that must be there.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a JSON object in UTF-8 of at most `MOST_JSON` bytes, or lacks a key, or a value has another type.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "data.json")
    >>> _ = path.write_text('{"kind": 3}')
    >>> read_json(path)
    {'kind': 3}
    >>> read_json(path, {"kind": str})
    Traceback (most recent call last):
    ...
    ValueError: the file must be a JSON object with kind of type str (kind is 3). Received: ...data.json
    """
    shown = [f"{key} of type {' or '.join(one.__name__ for one in _types(kinds))}" for key, kinds in (required or {}).items()]
    with reading(path, f"a JSON object{' with ' if shown else ''}{', '.join(shown)}"):
        size = os.stat(path).st_size
        if size > MOST_JSON:
            raise ValueError(f"it has {size:,} bytes, more than {MOST_JSON:,}")
        value = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(value, dict):
            raise ValueError(f"it is of type {type(value).__name__}")
        for key, kinds in (required or {}).items():
            if not isinstance(value[key], kinds):
                raise ValueError(f"{key} is {value[key]!r}")
    return value


def _types(kinds: type | tuple[type, ...]) -> tuple[type, ...]:
    return kinds if isinstance(kinds, tuple) else (kinds,)


def read_arrays(path: str | Path, expected: str = "a NumPy file of plain arrays") -> dict[str, np.ndarray]:
    """Read the arrays of an .npz file by name, or {"array": ...} of an .npy file.

    Args:
        path: the file.
        expected: as in `reading`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a NumPy file of plain arrays, whole and of the size that it declares.

    >>> import tempfile, numpy
    >>> path = tempfile.mkdtemp() + "/a.npz"
    >>> numpy.savez(path, x=[1, 2])
    >>> read_arrays(path)
    {'x': array([1, 2])}
    """
    import numpy as np

    with reading(path, expected), open(path, "rb") as file:
        if file.read(2) == b"PK":
            with zipfile.ZipFile(path) as archive:
                check_members(archive)
                for member in archive.infolist():
                    with archive.open(member) as opened:
                        _check_array(opened, member.file_size, member.filename)
        else:
            file.seek(0)
            _check_array(file, os.stat(path).st_size, "the array")
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"array": loaded}
        with loaded:
            return {name: loaded[name] for name in loaded.files}


def check_members(archive: zipfile.ZipFile) -> None:
    """Check the sizes that the members of a zip archive declare, each and together; Python reads no more than they declare.

    Raises:
        ValueError: a size is not allowed by `check_size`, or two members share a name.
    """
    members = archive.infolist()
    for member in members:
        check_size(member.file_size, member.compress_size, member.filename)
    check_size(sum(member.file_size for member in members), sum(member.compress_size for member in members), "all members")
    if len({member.filename for member in members}) < len(members):
        raise ValueError("two members have the same name")


def _check_array(file: IO[bytes], size: int, name: str) -> None:
    """Check that an .npy file, or a member of an .npz file, of `size` bytes is a header and the numbers that it declares."""
    from numpy.lib import format as npy

    readers: dict[Any, Any] = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    version = npy.read_magic(file)
    if version not in readers:
        raise ValueError(f"{name} has the unknown format {version}")
    shape, _, dtype = readers[version](file)
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects")
    declared = dtype.itemsize
    for length in shape:  # of Python's integers, which do not overflow
        declared *= int(length)
    if declared != size - file.tell():
        raise ValueError(f"{name} declares {declared:,} bytes, shape {tuple(shape)}, and holds {max(size - file.tell(), 0):,}")
