"""What the benchmarks of mixed tables share: the protocol's constants, Adult's two halves, trained models, and the files of results."""

import datetime
import functools
import hashlib
import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from tfar.files import write_text

ROOT = Path(__file__).resolve().parents[2]
TARGET, POSITIVE = "income", ">50K"

SETTINGS = {  # chosen by the NLL of validation rows
    "made": "--hidden-units 512 512 --dropout 0.5 --components 5 --learning-rate 2e-3 --schedule cosine --weight-decay 0.02 "
    "--epochs 15 --ema 0.995 --batch-size 256 --patience 15 --refit",
    "deepnade": "--hidden-units 512 512 --dropout 0.1 --components 5 --learning-rate 2e-3 --schedule cosine --weight-decay 0.02 "
    "--epochs 60 --ema 0.995 --batch-size 256 --patience 60",
}

SEED = 0  # of everything that is drawn below, and of the models of all groups but `synthetic`
BLANK_SHARE = 0.3  # of the cells of the test rows are blanked
DRAWS = 39  # completions of each row; the 2nd to the 38th of them in order is then the central interval of 90 %
SWAPPED_SHARE = 0.5  # of the test rows have one cell swapped
QUERIES, FEWEST, MOST = 1000, 2, 8  # queries, and conditions in one
QUERY_DRAWS = 1000  # rows that are drawn to estimate the probability of one
BIG_ROWS, BIG_COLUMNS, BIG_EPOCHS = 1_000_000, 30, 1
ADULT_ROWS = 100_000  # rows drawn from the model of Adult, timed
WIDE_ROWS, WIDE_COLUMNS, WIDE_CLASSES = 50_000, 30, (10, 5000)


class Options(NamedTuple):
    """What the command line asks for: folders, Pythons of other environments (None: leave their part out), and smaller sizes to try."""

    work: Path
    results: Path
    scoring_python: str | None = None
    rivals_python: str | None = None
    seeds: int = 3
    defaults: bool = False
    epochs: int | None = None
    rows: int | None = None

    def size(self, full):
        """A number of rows, of queries or of draws, at most `rows`."""
        return full if self.rows is None else min(full, self.rows)


class Results:
    """A JSON file of nested parts. Each is written, atomically, as soon as it is measured, and is not measured again."""

    def __init__(self, options, name):
        self.path = options.results / f"{name}.json"
        self.counts_looks = options.rows is None

    def read(self):
        return json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}

    def write(self, content):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.path, json.dumps(content, indent=2) + "\n", overwrite=True)

    def part(self, names, settings, measure, look=None):
        """The part at `names`: what `measure()` returned under the same `settings` (a dict), now or in an earlier run.

        A `look` is the purpose for which test rows are used; it is counted with the part.
        """
        found = self.read()
        for name in names:
            found = found.get(name, {})
        if found and all(found.get(name) == value for name, value in settings.items()):
            progress(names, "is measured already")
            return found
        progress(names, "begins")
        began = time.perf_counter()
        found = settings | measure()
        content = inner = self.read()
        if look and self.counts_looks:
            content.setdefault("test_looks", []).append({"date": datetime.date.today().isoformat(), "purpose": look})
        for name in names[:-1]:
            inner = inner.setdefault(name, {})
        inner[names[-1]] = found
        self.write(content)
        progress(names, f"took {time.perf_counter() - began:.1f} s")
        return found


def progress(names, text):
    print(f"[{time.strftime('%H:%M:%S')}] {' '.join(map(str, names))}: {text}", flush=True)


def child(words):
    """Run a program, which must not fail; return its wall time in seconds and its peak resident memory in MiB."""
    began = time.perf_counter()
    process = subprocess.Popen([str(word) for word in words], cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return {"seconds": round(time.perf_counter() - began, 1), "peak_mib": round(usage.ru_maxrss / 1024)}


def tfar(*words):
    """Run the command line, as `child`."""
    return child([sys.executable, "-m", "tfar.cli", *words])


def outside(python, task, *paths):
    """Run a task of `outside.py` in another environment, as `child`."""
    return child([python, ROOT / "scripts" / "tables" / "outside.py", task, *paths])


@functools.cache
def adult(options):
    """The CSV files of Adult's training and test rows, without leading blanks; "?" is an unknown cell.

    With `rows` both are the first ones of the training table: a trial looks at no test row.
    """
    paths = [options.work / f"adult-{name}.csv" for name in ("train", "test")]
    raw = Path(os.environ["TFAR_RAW_DATA"]) / "adult"
    options.work.mkdir(parents=True, exist_ok=True)
    for path in paths:
        source = paths[0] if options.rows else path
        table = pd.read_csv(raw / f"{source.name}.gz", skipinitialspace=True, keep_default_na=False, dtype=str)
        table[: options.rows].to_csv(path, index=False)
    return paths


def command_of(options, family, defaults=False):
    """The command of a training, but for data, seeds and output: with `SETTINGS`, or with the command line's defaults."""
    words = ["tfar train", family, *([] if defaults else [SETTINGS[family]])]
    return " ".join([*words, *([] if options.epochs is None else [f"--epochs {options.epochs}"])])


def trained(options, command, seed=SEED):
    """Train a model of Adult; return its run folder. A run of the same command that is in the work folder is taken, or finished.

    A command that refits is given the test rows too, so that all training rows are left to it; with the defaults a tenth is held out
    for testing.
    """
    (data, test), (_, _, family, *words) = adult(options), shlex.split(command)
    words += ["--test", str(test)] * ("--refit" in words)
    name = hashlib.sha256(f"{command} {options.rows}".encode()).hexdigest()[:8]
    run = options.work / f"{family}-{name}-{seed}"
    if not (run / "metrics.json").exists() or (run / "unfinished").exists():
        tfar("train", family, "--data", data, "--out", run, "--seed", seed, "--data-seed", seed, *words)
    return run


def metrics_of(run):
    """What `tfar train` measured."""
    return json.loads((run / "metrics.json").read_text(encoding="utf-8"))


def model_of(run):
    """The model of a run folder."""
    from tfar import load_model

    return load_model(run / "model.keras")


def auc(positive, score):
    """The area under the ROC curve: the probability that a positive row has the higher score, ties counting one half.

    >>> auc([False, True, True, False], [1.0, 2.0, 3.0, 2.0])
    0.875
    """
    positive = pd.Series(positive)
    ranks, count = pd.Series(score).rank(), positive.sum()
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(positive) - count)))
