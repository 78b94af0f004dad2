"""`scripts/load_test.py`: it passes on a shipped model, and can fail."""

import pathlib
import re
import subprocess
import sys

import load_test
import numpy as np
import pytest
from support import ROOT


@pytest.mark.slow
def test_a_shipped_model_bears_a_load(tmp_path):
    out = tmp_path / "out.txt"
    words = [sys.executable, ROOT / "scripts" / "load_test.py", ROOT / "saved_models" / "made-digits" / "1", "--out", out]
    found = subprocess.run([*words, "--seconds", "2", "--threads", "2", "--pool", "4"], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert out.read_text(encoding="utf-8").endswith(found.stdout)
    table = [line.split() for line in found.stdout.splitlines() if line.startswith(("log_prob ", "sample "))]
    assert [row[:2] for row in table] == [[endpoint, rows] for endpoint in ("log_prob", "sample") for rows in ("1", "8", "32")]
    assert all(int(row[2]) > 0 and row[-1] == "0" for row in table)


def test_a_lost_tensor_is_a_leak():
    assert load_test.leaks([(1000, 5_000_000), (3000, 5_400_000), (5000, 5_800_000)])
    assert not load_test.leaks([(1000, 5_000_000), (3000, 5_400_000), (5000, 5_600_000)])
    assert not load_test.leaks([(5, 100), (5, 100)])


def test_a_wrong_row_is_told():
    expected = {"x": np.array([[0, 1], [1, 1]], np.int32), "log_prob": np.array([-1.0, -2.0], np.float32)}
    assert not load_test.wrong_rows(expected, expected).any()
    assert load_test.wrong_rows({**expected, "x": np.array([[0, 1], [1, 0]], np.int32)}, expected).tolist() == [False, True]
    assert load_test.wrong_rows({**expected, "log_prob": np.array([-1.1, -2.0], np.float32)}, expected).tolist() == [True, False]
    assert load_test.wrong_rows({"x": expected["x"]}, expected).all()


def test_memory_is_that_of_this_process():
    used, resident = load_test.memory()
    status = pathlib.Path("/proc/self/status").read_text()
    assert resident == pytest.approx(1024 * int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)[1]), rel=0.01)
    held = b"1" * 2**26
    assert load_test.memory()[0] - used > len(held) / 2  # what was garbage may be freed meanwhile
