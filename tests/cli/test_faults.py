"""What `tfar train` does where something goes wrong: signals, kills, full disks, two at once, a model that is no good."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from support.commands import TINY, fails
from support.processes import ENVIRONMENT

import tfar
from tfar import files, plotting
from tfar.cli import fitting
from tfar.cli.main import main
from tfar.cli.train import UNFINISHED
from tfar.training import checkpoints
from tfar.training.callbacks import SamplePictures

WORDS = ["train", "logistic", "--data", "digits", *TINY[2:]]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def endless(out):
    """A command that trains until it is stopped."""
    words = ["train", "logistic", "--data", "digits", "--epochs", "100000", "--patience", "100000", "--no-jit"]
    return [sys.executable, "-m", "tfar.cli", *words, "--out", str(out)]


def test_two_commands_do_not_write_one_folder(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tfar.cli.train.import_tensorflow", lambda: pytest.fail("it is refused before TensorFlow is loaded"))
    with files.locked(tmp_path / "run"):
        error = fails(capsys, *WORDS, "--out", tmp_path / "run")
        assert f"{tmp_path / 'run'}, which process {os.getpid()} on " in error
        assert names(tmp_path) == ["run.lock"]


def test_what_a_killed_command_left_is_removed(tmp_path):
    for name in (".01234567.run", ".01234567.other"):
        (tmp_path / name).mkdir()
    (tmp_path / ".01234567.run.checkpoint.npz").write_text("")
    (tmp_path / "run.lock").write_text("process 1 on nowhere")
    assert main([*WORDS, "--out", tmp_path / "run"]) == 0
    assert names(tmp_path) == [".01234567.other", "run"]


@pytest.mark.pictures
def test_a_command_that_was_killed_before_its_pictures_draws_them_when_given_again(tmp_path, capsys, monkeypatch):
    words = [*WORDS, "--pictures-every", "1", "--out", tmp_path / "run"]
    with monkeypatch.context() as patch:
        patch.setattr(plotting, "nll_maps", lambda *args: os.kill(os.getpid(), signal.SIGTERM))  # the last picture
        patch.setattr(SamplePictures, "pictures", lambda self: {"samples": plotting.image_grid(np.zeros([4, 8, 8]))})
        assert main(words) == 130
    run = tmp_path / "run"
    assert capsys.readouterr().err == f"tfar: interrupted: {run} is trained; the same command, given again, draws its pictures\n"
    assert names(tmp_path) == ["run"] and {UNFINISHED, "model.keras", "curve.png"} <= set(names(run)) and "nll.png" not in names(run)
    before = (run / "model.keras").read_bytes(), (run / "metrics.json").read_bytes()
    other = fails(capsys, *words, "--seed", "4")
    assert "which exists" not in other and "'tfar train logistic" in other and "has still to finish" in other
    (run / ".01234567.samples.png").write_text("")
    assert main(words) == 0
    assert "its pictures are drawn" in capsys.readouterr().out
    assert {"curve.png", "samples.png", "nll.png", "pictures"} <= set(names(run)) and UNFINISHED not in names(run)
    assert names(run / "pictures") == ["epoch-0001.png", "epoch-0002.png"] and ".01234567.samples.png" not in names(run)
    assert before == ((run / "model.keras").read_bytes(), (run / "metrics.json").read_bytes())
    assert "which exists" in fails(capsys, *words)


@pytest.mark.pictures
def test_a_text_is_finished_too(tmp_path, monkeypatch, capsys):
    from tfar.models.character import CharacterModel

    def fail(*args, **options):
        raise OSError("no compiler")

    (tmp_path / "song.txt").write_text("row, row, row your boat\n" * 40)
    words = ["--units", "4", "--num-layers", "1", "--epochs", "1", "--epoch-steps", "5", "--sequence-length", "8", "--batch-size", "4"]
    words = ["train", "charrnn", "--data", tmp_path / "song.txt", "--out", tmp_path / "run", *words, "--no-jit", "--quiet"]
    with monkeypatch.context() as patch:
        patch.setattr(CharacterModel, "sample", fail)
        assert "no compiler" in fails(capsys, *words)
    assert main(words) == 0
    assert {"curve.png", "sample.txt"} <= set(names(tmp_path / "run")) and UNFINISHED not in names(tmp_path / "run")


def test_how_a_training_went_is_read_from_its_folder(folder):
    run = tfar.load_run(folder)
    fit = fitting.read_fit(folder, run.metrics)
    assert fit.epochs == 2 and fit.best_epoch == run.metrics["best_epoch"] and not fit.interrupted
    assert set(fit.history) >= {"nll", "val_nll"} and all(len(column) == 2 for column in fit.history.values())


def test_a_checkpoint_that_cannot_be_written_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(checkpoints.Checkpoint.__init__, "__defaults__", (None, 0.0))  # write as every epoch begins
    savez = np.savez

    def full(file, *args, **options):
        if "checkpoint" in str(getattr(file, "name", file)):
            raise OSError(28, "No space left on device")
        return savez(file, *args, **options)

    monkeypatch.setattr(np, "savez", full)
    with pytest.warns(RuntimeWarning, match="No space left"):
        assert main([*WORDS, "--epochs", "3", "--out", tmp_path / "run"]) == 0
    assert names(tmp_path) == ["run"]


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)])
def test_a_signal_ends_a_training_as_ctrl_c_does(number, tmp_path):
    command = [*endless(tmp_path / "run"), "--epoch-steps", "5"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    try:
        for line in process.stdout:
            if line.startswith("epoch 3/"):
                break
        process.send_signal(number)
        output, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert "interrupted: going on with the weights of epoch " in output
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["interrupted"] and metrics["epochs"] >= 3 and names(tmp_path) == ["run"]


def test_a_signal_before_the_training_leaves_nothing(tmp_path):
    code = (
        "import sys, signal\nfrom tfar.cli import train\nfrom tfar.cli.main import main\n"
        "train.import_tensorflow = lambda: signal.raise_signal(signal.SIGTERM)\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, *map(str, WORDS), "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=120)
    assert done.returncode == 130 and done.stderr == "tfar: interrupted: nothing was written\n" and list(tmp_path.iterdir()) == []


def test_an_interrupted_command_says_that_its_checkpoint_is_kept(tmp_path, monkeypatch, capsys):
    def interrupted(*args):
        (tmp_path / "run.checkpoint.npz").write_text("")
        raise KeyboardInterrupt

    monkeypatch.setattr("tfar.cli.train.make_job", interrupted)
    assert main([*WORDS, "--out", tmp_path / "run"]) == 130
    kept = tmp_path / "run.checkpoint.npz"
    assert capsys.readouterr().err == f"tfar: interrupted: {kept} is kept; the same command, given again, goes on from it\n"


def test_signals_that_are_ignored_stay_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert main(["--version"]) == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_model_that_is_no_better_than_independent_positions_is_a_warning(tmp_path, capsys, folder):
    x = np.random.default_rng(0).integers(0, 2, [80, 30])  # nothing to learn, and few rows to learn it from
    np.save(tmp_path / "x.npy", x)
    words = ["train", "made", "--data", tmp_path / "x.npy", "--out", tmp_path / "run", "--learning-rate", "1.0", *TINY]
    assert main(words) == 0
    (warning,) = json.loads((tmp_path / "run" / "metrics.json").read_text())["warnings"]
    assert "no better than independent positions on the test split: " in warning
    assert capsys.readouterr().err == f"tfar: warning: {warning}\n"
    assert json.loads((folder / "metrics.json").read_text())["warnings"] == []


def test_the_lock_lasts_as_long_as_the_command(tmp_path):
    """A second command is refused while the first one trains."""
    command = endless(tmp_path / "run")
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
    try:
        for _ in range(600):
            if (tmp_path / "run.lock").exists() and (tmp_path / "run.lock").read_text():
                break
            time.sleep(0.05)
        second = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
        assert second.returncode == 1 and f"which process {first.pid} on " in second.stderr
    finally:
        first.kill()
        first.wait()
