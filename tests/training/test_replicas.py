"""Training on several replicas computes what one device does."""

import json
import os
import subprocess
import sys

import pytest
from support import ROOT, replicas

SCRIPT = ROOT / "tests" / "support" / "replicas.py"
QUICK = ["made"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}


def same_on_two_devices(names):
    command = [sys.executable, SCRIPT, *names]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=540)
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [row["name"] for row in found] == names
    for row in found:
        assert row["losses"] < 1e-5 and row["weights"] < 1e-6, row


def test_two_replicas_train_as_one_device():
    same_on_two_devices(QUICK)


@pytest.mark.slow
def test_two_replicas_train_other_families_as_one_device():
    same_on_two_devices([name for name in replicas.cases() if name not in QUICK])
