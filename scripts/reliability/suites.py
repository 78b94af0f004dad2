"""Test files that stand for a kind of trial, run once more, with the counts that pytest gives."""

import os
import re
import shlex
import subprocess
import sys

from reliability import record

PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
SUITES = {
    "hostile and damaged files": [
        *PYTEST,
        *("tests/models/test_bad_files.py", "tests/cli/test_bad_runs.py", "tests/cli/test_bad_tables.py", "tests/test_reading.py"),
    ],
    "lowest versions of setup.cfg": [
        "scripts/test_floor.sh",
        *("-q", "tests/test_masks.py", "tests/test_orders.py", "tests/test_noise.py", "tests/networks/test_made.py"),
        *("tests/networks/test_nade.py", "tests/heads/test_heads.py", "tests/heads/test_continuous.py", "tests/test_reading.py"),
    ],
    "TFP's own test of a distribution (needs SciPy)": [*PYTEST, "-m", "slow", "tests/distributions/test_tfps_own_test.py"],
    "programs for a GPU": [*PYTEST, "tests/test_gpu_programs.py"],
    "garbage for every argument of the public callables": [*PYTEST, "-m", "slow or not slow", "tests/test_garbage.py"],
}
COUNTS = re.compile(r"(\d+) (passed|failed|skipped|errors?)")
PROBES = re.compile(r"^(\w+): (\d+) probes, (\d+) faults", re.MULTILINE)
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


def run(count, folder):
    """Run the suites that are not recorded yet."""
    done = record.read().get("suites", {}).get("done", {})
    for name, command in SUITES.items():
        if name not in done:
            done[name] = of_suite(command)
            record.update("suites", {"done": done})
            print(f"{name}: {done[name]}", flush=True)


def of_suite(command):
    """The counts of one suite; garbage is counted by the probe."""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    printed = subprocess.run(command, cwd=record.ROOT, env=environment, capture_output=True, text=True).stdout
    last = printed.strip().splitlines()[-1] if printed.strip() else ""
    counts = {what.rstrip("s") if what == "errors" else what: int(number) for number, what in COUNTS.findall(last)}
    probes = {group: [int(count), int(faults)] for group, count, faults in PROBES.findall(printed)}
    pytest = command[: len(PYTEST)] == PYTEST
    return {
        "command": shlex.join(["python", "-m", "pytest", *command[len(PYTEST) :]] if pytest else command),
        **counts,
        **({"probes": probes} if probes else {}),
        **({"names": FAILED.findall(printed)} if FAILED.findall(printed) else {}),
    }
