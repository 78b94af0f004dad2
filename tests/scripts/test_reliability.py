"""The trials of reliability: what counts as a fault, and the page that shows them."""

import json
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest
from reliability import kills, record, render

MUTANT = {"file": "tfar/masks.py", "line": 3, "before": "a <= b", "after": "a | b", "operator": "core/x", "occurrence": 0}
FOUND = {
    "kills": {
        "date": "2026-01-02",
        "trials": [
            {"training": "made", "seed": 0, "kills": 5, "left": {"lock": 3, "checkpoint": 2}, "faults": []},
            {"training": "nade", "seed": 1, "kills": 2, "left": {"lock": 2}, "faults": ["model.keras differs"]},
        ],
    },
    "mutants": {
        "date": "2026-01-03",
        "of": 1000,
        "tried": [{**MUTANT, "outcome": outcome} for outcome in ("found", "hangs", "import", "survived")],
    },
    "suites": {"date": "2026-01-04", "done": {"garbage": {"command": "pytest x", "passed": 2, "probes": {"of_heads": [1200, 0]}}}},
}


def test_the_page_counts_trials_and_faults():
    page = render.page(FOUND)
    assert "| trainings killed by SIGKILL and given again | 7 kills of 2 trainings | 1 | 2026-01-02 |" in page
    assert "lock 5, checkpoint 2" in page and "- nade, seed 1: model.keras differs" in page
    assert "| 3 of 1,000 | 1 not found | 2026-01-03 |" in page and "| `tfar/masks.py` | 3 | 2 | 0 | 1 |" in page
    assert "`a <= b` → `a \\| b` | open |" in page
    assert "| garbage | 1,200 probes | 0 | 2026-01-04 | `pytest x` |" in page


def test_the_page_is_that_of_the_record():
    if record.FILE.is_file():
        assert render.PAGE.read_text(encoding="utf-8") == render.page(record.read())


def test_sections_are_kept_apart(tmp_path):
    record.update("kills", {"trials": [1]}, tmp_path / "r.json")
    record.update("mutants", {"tried": []}, tmp_path / "r.json")
    found = record.read(tmp_path / "r.json")
    assert found["kills"]["trials"] == [1] and found["mutants"]["tried"] == [] and found["kills"]["date"]


def write_run(folder, weight=1.0, nll=2.0, seconds=3.0, more=()):
    """A run folder as far as it is compared."""
    run = folder / "run"
    run.mkdir(parents=True)
    with h5py.File(folder / "w.h5", "w") as file:
        file["layers/vars/0"] = np.array([weight])
    with zipfile.ZipFile(run / "model.keras", "w") as archive:
        archive.writestr("config.json", "{}")
        archive.write(folder / "w.h5", "model.weights.h5")
    (folder / "w.h5").unlink()
    (run / "metrics.json").write_text(json.dumps({"nll": nll, "seconds": seconds, "finished": seconds}))
    (run / "curve.png").write_bytes(b"x" * 1000)
    for name in more:
        (folder / name).write_text("")
    return folder


@pytest.mark.parametrize(
    ("other", "fault"),
    [
        ({}, None),
        ({"seconds": 9.0}, None),
        ({"weight": 1.0 + 1e-16 * 4}, "model.keras differs"),
        ({"nll": 2.1}, "metrics.json differs"),
        ({"more": ["run.lock"]}, "beside the run folder lie"),
        ({"more": ["run/.01234567.nll.png"]}, "are in one of both"),
        ({"more": ["run/unfinished"]}, "are in one of both"),
    ],
)
def test_a_run_is_compared_with_the_one_that_nobody_killed(tmp_path, other, fault):
    lines = kills.faults(write_run(tmp_path / "killed", **other), write_run(tmp_path / "whole"), 0)
    assert lines == [] if fault is None else len(lines) == 1 and fault in lines[0]


def test_an_empty_picture_is_a_fault(tmp_path):
    killed, whole = write_run(tmp_path / "killed"), write_run(tmp_path / "whole")
    (killed / "run" / "curve.png").write_bytes(b"")
    assert kills.faults(killed, whole, 0) == ["curve.png differs"]


def started(code):
    return subprocess.Popen([sys.executable, "-S", "-c", code]).pid


def test_a_process_is_killed_after_its_share_of_the_processor():
    assert kills.ended(started("raise SystemExit(3)"), 30) == 3
    assert kills.ended(started("while True: pass"), 0.3) is None
