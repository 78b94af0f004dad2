"""`tfar train --strategy`: several devices, and several workers."""

import contextlib
import json
import subprocess
import sys

import pytest
from support.commands import TINY
from support.processes import ENVIRONMENT, cluster, run_workers, started

WORDS = ["train", "made", "--data", "digits", *TINY[:-1], "--epoch-steps", "10", "--batch-size", "30"]
TWO_DEVICES = """
import sys
import tensorflow as tf
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)
from tfar.cli.main import main
for words in sys.argv[1].split("|"):
    print(main(words.split()))
"""


def metrics(run):
    return json.loads((run / "metrics.json").read_text())


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@contextlib.contextmanager
def training_workers(out):
    """Two workers that train until they are stopped, after their second epoch."""
    words = [*WORDS, "--epochs", "100000", "--patience", "100000", "--strategy", "multiworker", "--out", out]
    addresses = cluster()
    workers = [started(["-m", "tfar.cli", *words], addresses, index) for index in range(2)]
    try:
        for line in workers[0].stdout:
            if line.startswith("epoch 3/"):
                break
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


@pytest.mark.pictures
@pytest.mark.slow
def test_mirrored_on_two_devices(tmp_path):
    """Once with all that is drawn and trained besides, and once with XLA, which is refused."""
    plain, mirrored = (f"{' '.join(WORDS)} --refit --out {tmp_path / name}" for name in ("plain", "mirrored"))
    mirrored += " --strategy mirrored --pictures-every 1"
    compiled = mirrored.replace("mirrored --pictures", "mirrored --jit --pictures").replace(
        f"{tmp_path / 'mirrored'}", f"{tmp_path / 'xla'}"
    )
    command = [sys.executable, "-c", TWO_DEVICES, "|".join([plain, mirrored, compiled])]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    assert [line for line in done.stdout.splitlines() if line.isdecimal()] == ["0", "0", "1"], done.stdout + done.stderr
    assert "training on 2 devices of this machine" in done.stdout
    error = done.stderr.splitlines()[-1]
    assert error.startswith("tfar: error: XLA cannot read") and "(--no-jit)" in error
    assert names(tmp_path) == ["mirrored", "plain"]
    one, two = metrics(tmp_path / "plain"), metrics(tmp_path / "mirrored")
    for split in ("train", "validation", "test"):
        assert one[split]["nll"] == pytest.approx(two[split]["nll"], rel=1e-5)
    assert names(tmp_path / "mirrored" / "pictures")[0].startswith("epoch-0001")


def test_two_workers_write_one_folder(tmp_path):
    command = ["-m", "tfar.cli", *WORDS, "--strategy", "multiworker", "--out", tmp_path / "run"]
    (code, output, errors), (other_code, other_output, other_errors) = run_workers(command)
    assert code == 0 and other_code == 0, errors + other_errors
    assert "waiting for 1 other workers" in output and "training on 2 workers with 2 devices" in output and "epoch 2/2" in output
    assert other_output == "" and other_errors == "" and errors == ""
    assert names(tmp_path) == ["run"] and "unfinished" not in names(tmp_path / "run")
    assert metrics(tmp_path / "run")["epochs"] == 2


@pytest.mark.pictures
@pytest.mark.slow
def test_two_workers_refit_with_pictures_and_xla(tmp_path):
    words = [word for word in WORDS if word != "--no-jit"]
    more = ["--refit", "--pictures-every", "1", "--tensorboard", tmp_path / "board-{index}"]
    (code, output, errors), (other_code, _, other_errors) = run_workers(
        ["-m", "tfar.cli", *words, *more, "--strategy", "multiworker", "--out", tmp_path / "run"]
    )
    assert code == 0 and other_code == 0, errors + other_errors
    assert names(tmp_path) == ["board-0", "run"] and "training on training and validation rows" in output
    assert metrics(tmp_path / "run")["refit"] and "epoch-0002.png" in names(tmp_path / "run" / "pictures")


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_a_worker_that_is_lost_is_one_line(killed, tmp_path):
    with training_workers(tmp_path / "run") as workers:
        workers[killed].kill()
        output, errors = workers[1 - killed].communicate(timeout=120)
        assert workers[1 - killed].returncode == 1
        assert errors.startswith("tfar: error: a worker was lost") and errors.count("\n") == 1, errors
    assert names(tmp_path) == (["run.lock"] if killed == 0 else [])  # which holds nobody up


@pytest.mark.slow
@pytest.mark.parametrize("signalled", [0, 1])
def test_a_signal_to_one_worker_ends_the_training_of_all(signalled, tmp_path):
    with training_workers(tmp_path / "run") as workers:
        workers[signalled].terminate()
        (output, errors), (_, other_errors) = (worker.communicate(timeout=120) for worker in workers)
        assert [worker.returncode for worker in workers] == [0, 0], errors + other_errors
        assert "interrupted: going on with the weights of epoch" in output
    assert names(tmp_path) == ["run"] and metrics(tmp_path / "run")["interrupted"]


@pytest.mark.slow
def test_a_batch_size_that_does_not_fit_the_workers_is_one_line(tmp_path):
    (tmp_path / "song.txt").write_text("row, row, row your boat\n" * 60)
    words = ["--units", "4", "--num-layers", "1", "--epochs", "1", "--sequence-length", "8", "--batch-size", "5", "--no-jit"]
    words = ["train", "charrnn", "--data", tmp_path / "song.txt", *words, "--strategy", "multiworker", "--out", tmp_path / "run"]
    for code, _, errors in run_workers(["-m", "tfar.cli", *words]):
        assert code == 1 and errors.startswith(
            "tfar: error: the batch size of a text that carries states must be a multiple of the 2 replicas"
        )
        assert errors.count("\n") == 1
