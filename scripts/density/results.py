"""The files of results: one JSON file for each row, written as soon as it is measured."""

import datetime
import json
from pathlib import Path

import numpy as np

from tfar.cli.runs import versions
from tfar.files import write_text

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "results" / "density"


def path_of(folder, suite, *names):
    return folder / suite / f"{'-'.join(names)}.json"


def read_all(folder, suite):
    """All rows of a suite that have been measured."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / suite).glob("*.json"))]


def measured(path, measure):
    """The row of a file, which is measured if the file is not there: `measure()` returns a dict."""
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    row = measure() | {"versions": versions()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(row, indent=2) + "\n")
    return row


def scores(log_prob):
    """The mean NLL of test rows in nats, its standard error over the rows, their number, and the date of this look at them."""
    error = float(log_prob.std(ddof=1) / np.sqrt(len(log_prob)))
    nll, now = -float(log_prob.mean()), datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    return {"nll": nll, "nll_error": error, "rows": len(log_prob), "test_looks": [{"finished": now, "nll": nll}]}
