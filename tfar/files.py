"""Writing files and folders whole or not at all, and never over others."""

import contextlib
import json
import os
import secrets
import shutil
from pathlib import Path


def refuse_existing(path, overwrite=False):
    """Return `path` as a `Path`.

    Raises:
        FileExistsError: something is there already, and `overwrite` is False.
        NotADirectoryError, PermissionError: nothing can be written there.
    """
    path = Path(path)
    if not overwrite and (path.exists() or path.is_symlink()):
        raise FileExistsError(f"the output must be a new name, nothing is overwritten. Received: {path}, which exists")
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    if not folder.is_dir():
        raise NotADirectoryError(f"the output must be in a folder. Received: {path}, and {folder} is none")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"the output must be in a folder that can be written to. Received: {path}, and {folder} cannot")
    return path


@contextlib.contextmanager
def atomic(path, overwrite=False):
    """A temporary name beside `path` that is renamed to it when the block ends, and removed when it fails.

    The block makes a file or a folder of that name; the name keeps the ending of `path`.

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


def write_text(path, text, overwrite=False):
    """Write a text file, UTF-8."""
    with atomic(path, overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path, value, overwrite=False):
    """Write a value that JSON can hold, indented; NaN and infinity become null."""
    write_text(path, json.dumps(finite(value), indent=2, allow_nan=False) + "\n", overwrite)


def finite(value):
    """A value with None, JSON's null, in the place of NaN and infinity."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value
