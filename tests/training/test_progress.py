"""The lines that a training prints."""

import re

import pytest

from tfar.training import progress
from tfar.training.best import KeepBest


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def told(callback, clock, ends, epochs=10):
    """What a callback prints of epochs that end at these times."""
    callback.set_params({"epochs": epochs, "steps": 1})
    callback.on_train_begin()
    for epoch, end in enumerate(ends):
        clock[0] = 100.0 + end
        callback.on_epoch_end(epoch, {"nll": 30.0 - epoch, "val_nll": 31.0 - epoch})


def test_a_line_has_one_nll_and_the_time_that_is_left(clock, capsys):
    keep = KeepBest(3)
    keep.best = 28.5
    told(progress.Progress(keep), clock, [50, 60, 70])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "epoch 1/10: NLL 31.0000 (best 28.5000), 50 s"  # of one epoch, with its compilation, nothing follows
    assert lines[1] == "epoch 2/10: NLL 30.0000 (best 28.5000), 60 s, at most 80 s left"  # 8 epochs of 10 s
    assert lines[2] == "epoch 3/10: NLL 29.0000 (best 28.5000), 70 s, at most 70 s left"


def test_without_validation_rows_it_is_the_nll_of_the_batches(clock, capsys):
    told(progress.Progress(), clock, [300, 900], epochs=2)
    assert capsys.readouterr().out.splitlines() == ["epoch 1/2: NLL 30.0000, 5 min", "epoch 2/2: NLL 29.0000, 15 min"]


def test_a_bar_gives_way_to_the_line(clock, capsys):
    told(progress.ProgressBar(), clock, [3, 6], epochs=4)
    assert re.findall(r"epoch \d/4: NLL [\d.]+, \d s(?:, \d s left)?", capsys.readouterr().out) == [
        "epoch 1/4: NLL 30.0000, 3 s",
        "epoch 2/4: NLL 29.0000, 6 s, 6 s left",
    ]
