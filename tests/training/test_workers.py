"""Training with several workers, here two processes of this machine."""

import signal

import numpy as np
import pytest
import tensorflow as tf
from support import replicas
from support.processes import REPLICAS, run_workers

from tfar.training.workers import Interrupts, Workers


def as_workers(name, out, *more):
    """Train as two workers; exit codes and what was printed to stderr."""
    return [(code, errors[-3000:]) for code, _, errors in run_workers([REPLICAS, "worker", name, out, *more])]


def result(path):
    with np.load(path) as stored:
        losses, *weights = [stored[key] for key in stored.files]
    return losses, weights


@pytest.mark.slow
@pytest.mark.parametrize("name", ["made", "made-masks", "nade", "deepnade", "pixelcnn", "charrnn", "streamed"])
def test_two_workers_train_as_one_device(name, tmp_path):
    done = as_workers(name, tmp_path / "chief.npz")
    assert [code for code, _ in done] == [0, 0], done
    (losses, weights), (expected_losses, expected) = result(tmp_path / "chief.npz"), replicas.trained(name, tf.distribute.get_strategy())
    assert replicas.relative(losses, expected_losses) < 1e-6 and replicas.farthest(weights, expected) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", ["made", "charrnn"])
def test_a_job_whose_worker_was_killed_is_resumed_exactly(name, tmp_path):
    assert [code for code, _ in as_workers(name, tmp_path / "whole.npz")] == [0, 0]
    chief, other = as_workers(name, tmp_path / "none.npz", tmp_path / "checkpoint.npz", 10)
    assert other[0] == -signal.SIGKILL and chief[0] > 0, (chief, other)  # the chief ends by itself
    assert not (tmp_path / "none.npz").exists() and (tmp_path / "checkpoint.npz").exists()
    assert [code for code, _ in as_workers(name, tmp_path / "resumed.npz", tmp_path / "checkpoint.npz")] == [0, 0]
    (losses, weights), (expected_losses, expected) = result(tmp_path / "resumed.npz"), result(tmp_path / "whole.npz")
    assert losses.tolist() == expected_losses.tolist()
    for one, other in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_workers_that_do_not_see_the_checkpoint_are_refused(tmp_path):
    as_workers("made", tmp_path / "none.npz", tmp_path / "checkpoint-0.npz", 10)
    assert (tmp_path / "checkpoint-0.npz").exists()
    done = as_workers("made", tmp_path / "none.npz", tmp_path / "checkpoint-{index}.npz")
    for code, errors in done:
        assert code == 1 and "all workers must resume from the same checkpoint" in errors, errors
    assert "worker 1 begins at epoch 0, and the chief at epoch 1" in done[1][1]


@pytest.fixture
def ctrl_c():
    """Python's handler of SIGINT, which a shell switches off for what it runs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_one_worker_needs_no_agreement():
    workers = Workers(tf.distribute.MirroredStrategy(["CPU:0"]))
    assert workers.chief and workers.any(True) and not workers.any(False)
    with Interrupts(workers), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("ctrl_c")
def test_a_worker_of_several_waits_for_the_others_before_it_is_interrupted():
    workers = Workers(tf.distribute.get_strategy())
    workers.count = 2
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts(workers) as signals:
        assert not signals.requested and signal.getsignal(signal.SIGTERM) is before  # only what would raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)
        assert signals.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
