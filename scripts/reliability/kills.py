"""Trainings that are killed at random moments, and given again until they end: each must end as one that was never interrupted.

A trial is one command of `tfar train`. Its process is a fork of this one, which has imported TensorFlow and executed nothing of it. It is
killed by SIGKILL four to twelve times, each time at a moment drawn from the processor time that the command takes; then it ends, and is
compared with the same command that nobody killed. Checkpoints are written as every epoch begins, rather than after a minute, so that there
is something to go on from. The n-th trial has the seed n.
"""

import collections
import contextlib
import io
import json
import os
import re
import shutil
import signal
import time
import traceback
import zipfile
from pathlib import Path

import h5py
import numpy as np

from reliability import record

TIMES = re.compile(r"seconds|finished")  # of names in metrics.json and history.csv
SHORT = ["--epochs", "4", "--epoch-steps", "3", "--batch-size", "16", "--no-jit", "--quiet"]
IMAGE = ["--data", "images.npy", "--filters", "2", "--kernel-size", "3", "--head-filters", "4"]
TRAININGS = {
    "logistic": ["--data", "images.npy", "--refit"],
    "nade": ["--data", "images.npy", "--hidden-units", "4", "--pictures-every", "2"],
    "rnade": ["--data", "reals.csv", "--hidden-units", "4", "--head", "normal_mixture", "--components", "2"],
    "neural": ["--data", "images.npy", "--hidden-units", "2"],
    "made": ["--data", "images.npy", "--hidden-units", "6", "5", "--num-masks", "2", "--dropout", "0.2", "--pictures-every", "1"],
    "made table": ["--data", "table.csv", "--hidden-units", "6", "--refit"],
    "deepnade": ["--data", "images.npy", "--hidden-units", "6", "--dropout", "0.2", "--refit"],
    "nadek": ["--data", "images.npy", "--hidden-units", "6", "--num-steps", "2"],
    "pixelcnn": [*IMAGE, "--num-blocks", "1", "--dropout", "0.2"],
    "gated_pixelcnn": [*IMAGE, "--num-layers", "2", "--skip-filters", "2", "--refit"],
    "rowlstm": [*IMAGE, "--num-layers", "1"],
    "diagonal_bilstm": [*IMAGE, "--num-layers", "1"],
    "charrnn": ["--data", "song.txt", "--units", "4", "--num-layers", "1", "--sequence-length", "8"],
}


def run(count, folder):
    """Go on with the trials until `count` kills are recorded; what they need lies in a folder, which may be removed afterwards."""
    folder = Path(folder).absolute()
    write_data(folder / "data")
    warm()
    trials = record.read().get("kills", {}).get("trials", [])
    while sum(trial["kills"] for trial in trials) < count:
        trials.append(trial(len(trials), folder))
        record.update("kills", {"trials": trials})
        print(f"{sum(trial['kills'] for trial in trials)} kills: {trials[-1]}", flush=True)


def warm():
    """Import what the command imports; no operation runs, since TensorFlow's threads would not be in a fork."""
    import tfar.cli.main
    import tfar.models
    import tfar.plotting.figures
    import tfar.training.checkpoints  # noqa: F401


def trial(number, folder):
    """Kill a training, let it end, and compare it."""
    names = sorted(TRAININGS)
    name, generator = names[number % len(names)], np.random.default_rng(number)
    whole, work = folder / f"whole-{name.replace(' ', '-')}", folder / f"killed-{os.getpid()}"
    if not (whole / "seconds.json").is_file():
        shutil.rmtree(whole, ignore_errors=True)
        code = wait(start(name, whole, folder), used := [])
        assert code == 0, f"{name} ends with {code}: {(whole.parent / f'{whole.name}.log').read_text()[-2000:]}"
        (whole / "seconds.json").write_text(json.dumps(used[0]))
    seconds = json.loads((whole / "seconds.json").read_text())
    shutil.rmtree(work, ignore_errors=True)
    kills, found = 0, collections.Counter()
    for _ in range(int(generator.integers(4, 13))):
        process = start(name, work, folder)
        if ended(process, generator.uniform(0, seconds)) is not None:
            break
        kills += 1
        found[left(work)] += 1
    code = 0 if (work / "run").is_dir() and not (work / "run" / "unfinished").is_file() else wait(start(name, work, folder))
    result = {"training": name, "seed": number, "kills": kills, "left": dict(found), "faults": faults(work, whole, code)}
    shutil.rmtree(work)
    return result


def start(name, work, folder):
    """Fork a process that runs the training in a folder."""
    work.mkdir(parents=True, exist_ok=True)
    process = os.fork()
    if process:
        return process
    code = 70
    try:
        os.chdir(work)
        log = os.open(work.parent / f"{work.name}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        from tfar.cli.main import main
        from tfar.training.checkpoints import Checkpoint

        Checkpoint.__init__.__defaults__ = (None, 0.0)  # write as every epoch begins
        words = [str(folder / "data" / word) if (folder / "data" / word).is_file() else word for word in TRAININGS[name]]
        code = main(["train", name.split()[0], *words, *SHORT, "--out", "run"])
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def wait(process, used=None):
    """The exit code of a process; the seconds of processor time that it took are added to a list."""
    _, status, usage = os.wait4(process, 0)
    if used is not None:
        used.append(usage.ru_utime + usage.ru_stime)
    return os.waitstatus_to_exitcode(status)


def ended(process, seconds):
    """The exit code of a process; None where it is killed because it has used so many seconds of processor time, or waits for ever."""
    latest = time.monotonic() + 60 + 20 * seconds
    while True:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        if sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK") >= seconds or time.monotonic() > latest:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return None
        time.sleep(0.005)


def left(work):
    """What a killed command left, in a word."""
    if (work / "run").is_dir():
        return "run folder without all pictures" if (work / "run" / "unfinished").is_file() else "whole run folder"
    names = {path.name for path in work.iterdir()}
    if "run.checkpoint.npz" in names:
        return "checkpoint"
    return "temporary files" if any(name.startswith(".") for name in names) else "lock" if names else "nothing"


def faults(work, whole, code):
    """How a run differs from that of the command that nobody killed, as lines."""
    if code != 0:
        log = (work.parent / f"{work.name}.log").read_text(encoding="utf-8")
        return [f"the command ends with {code}: {log[-500:]}"]
    lines = []
    if (names := [path.name for path in work.iterdir()]) != ["run"]:
        lines.append(f"beside the run folder lie {sorted(names)}")
    files = [sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) for folder in (work / "run", whole / "run")]
    if files[0] != files[1]:
        lines.append(f"the files {sorted(set(files[0]) ^ set(files[1]))} are in one of both")
    for name in set(files[0]) & set(files[1]):
        one, other = (folder / "run" / name for folder in (work, whole))
        if one.is_file() and not alike(one, other):
            lines.append(f"{name} differs")
    return lines


def alike(one, other):
    """Whether two files of a run are the same, but for times."""
    kind = one.suffix
    if kind == ".keras":
        return content(one) == content(other)
    if kind == ".json":
        return without_times(json.loads(one.read_text())) == without_times(json.loads(other.read_text()))
    if kind == ".csv":
        return columns_without_times(one) == columns_without_times(other)
    if kind in (".png", ".md"):  # times are written into them
        return one.stat().st_size > 500
    return one.read_bytes() == other.read_bytes()


def content(path):
    """The settings and the weights of a `.keras` file, bit for bit."""
    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
        arrays = {}
        weights.visititems(lambda name, item: arrays.update({name: item[()].tobytes()}) if isinstance(item, h5py.Dataset) else None)
        return json.loads(archive.read("config.json")), arrays


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if not TIMES.search(key)}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def columns_without_times(path):
    rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    kept = [number for number, name in enumerate(rows[0]) if not TIMES.search(name)]
    return [[row[number] for number in kept if number < len(row)] for row in rows]


def write_data(folder):
    """Images, a table of real values, one of several kinds of columns, and a text."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    first = generator.integers(0, 2, [120, 1, 1, 1])
    np.save(folder / "images.npy", np.where(generator.random([120, 4, 4, 1]) < 0.8, first, 1 - first))
    reals = generator.normal(size=[120, 1]) + generator.normal(size=[120, 3])
    table = np.column_stack([reals[:, 0].round(2), generator.integers(0, 2, 120), generator.integers(0, 4, 120)])
    for name, values in (("reals", reals), ("table", table)):
        np.savetxt(folder / f"{name}.csv", values, fmt="%.4g", delimiter=",", header="a,b,c", comments="")
    (folder / "song.txt").write_text("row, row, row your boat\n" * 60, encoding="utf-8")
