"""What the tests of data sets share."""

import os

import numpy as np
import pytest

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


def savez(path, **arrays):
    np.savez(path, **arrays)
    return path


def table(rows=20, columns=3, seed=0):
    return np.random.RandomState(seed).normal(2.0, 3.0, (rows, columns))


def csv_text(values, header=None, delimiter=","):
    lines = [delimiter.join(header)] if header else []
    return "\n".join(lines + [delimiter.join(repr(float(v)) for v in row) for row in values]) + "\n"


def error_of(call, *args, **kwargs):
    """The one-line message of the ValueError that the call must raise."""
    with pytest.raises(ValueError) as info:
        call(*args, **kwargs)
    message = str(info.value)
    assert "\n" not in message and "Received: " in message, message
    return message


def same_rows(a, b):
    return np.array_equal(np.sort(a.reshape(len(a), -1), axis=0), np.sort(b.reshape(len(b), -1), axis=0))
