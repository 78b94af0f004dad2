"""Writing files and folders atomically, and never over others by accident."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None

CONFIGURATION = "model.json"  # beside the versions of an exported model: what it is but for its weights


def refuse_existing(path: str | Path, overwrite: bool = False) -> Path:
    """Return a path that can be written to, as a `Path`; nothing is written.

    Raises:
        FileExistsError: the path exists, and `overwrite` is False.
        NotADirectoryError: one of its parents is a file.
        PermissionError: its folder cannot be written to.
    """
    path = Path(path)
    if not overwrite and (path.exists() or path.is_symlink()):
        raise FileExistsError(f"the output must not exist: nothing is overwritten. Received: {path}, which exists")
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    if not folder.is_dir():
        raise NotADirectoryError(f"the output must be in a folder. Received: {path}, and {folder} is none")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"the output must be in a folder that can be written to. Received: {path}, and {folder} cannot")
    return path


@contextlib.contextmanager
def atomic(path: str | Path, overwrite: bool = False) -> Iterator[Path]:
    """A context manager that gives a temporary path beside `path`, renames it to `path` at the end, and removes it on failure.

    The block makes a file or a folder at the temporary path, which has the ending of `path`.

    Raises:
        FileExistsError: as `refuse_existing`, before the block and again after it.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "a.txt")
    >>> with atomic(path) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> path.read_text(), len(list(path.parent.iterdir()))
    ('whole', 1)
    """
    path = refuse_existing(path, overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(4)}.{path.name}")  # a process number comes again in a container
    try:
        yield temporary
        refuse_existing(path, overwrite)
        os.replace(temporary, path)
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def remove_temporaries(folder: str | Path, name: str | None = None) -> None:
    """Remove what `atomic` left in a folder because its process was killed: temporary files for `name`, or for all names.

    Nothing else may write there at the same time; `locked` sees to that.
    """
    pattern = re.compile(rf"\.[0-9a-f]{{8}}\.{'.+' if name is None else re.escape(name)}", re.DOTALL)
    for path in Path(folder).iterdir() if Path(folder).is_dir() else ():
        if pattern.fullmatch(path.name):
            _remove(path)


@contextlib.contextmanager
def locked(path: str | Path) -> Iterator[None]:
    """A context in which no other process that asks for it writes to a path.

    The lock is one of the operating system on the file `path.lock`, which names the process that holds it. It ends with that process,
    however that ends. Where the system or the file system has no such locks, nothing is locked.

    Raises:
        BlockingIOError: another process holds the lock.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "run")
    >>> with locked(path):
    ...     [file.name for file in path.parent.iterdir()]
    ['run.lock']
    >>> list(path.parent.iterdir())
    []
    """
    path = Path(path)
    lock = path.with_name(f"{path.name}.lock")
    made = [folder for folder in lock.absolute().parents if not folder.exists()]
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _lock_of(lock, path)
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        lock.unlink(missing_ok=True)  # while it is held, so that nobody else's is removed
        os.close(descriptor)
        for folder in made:
            with contextlib.suppress(OSError):  # something is in it now
                folder.rmdir()


def _lock_of(lock: Path, path: Path) -> int:
    """The descriptor of a lock file that this process holds."""
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 300).decode(errors="replace").strip() or "another process"
            os.close(descriptor)
            raise BlockingIOError(f"the output must not be written by two processes. Received: {path}, which {holder} writes") from None
        except OSError:  # a file system without locks
            return descriptor
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(lock)):
                return descriptor
        os.close(descriptor)  # its holder has just removed it: another file has the name now, or none has


def write_text(path: str | Path, text: str, overwrite: bool = False) -> None:
    """Write a text file, UTF-8, by `atomic`."""
    with atomic(path, overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any, overwrite: bool = False) -> None:
    """Write a value that JSON can hold, indented, by `atomic`; NaN and infinity become null."""
    write_text(path, json.dumps(finite(value), indent=2, allow_nan=False) + "\n", overwrite)


def finite(value: Any) -> Any:
    """A value for JSON, which has no NaN and no infinity: they become None, in dicts and lists as well.

    >>> finite({"nll": float("nan"), "sizes": (1, 2.5)})
    {'nll': None, 'sizes': [1, 2.5]}
    """
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value
