"""Writing files and folders atomically, and never over others by accident."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any


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
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


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
