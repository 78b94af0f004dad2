"""Automatic settings of `tfar train`: chosen by the data, printed before the training, recorded, and given way to what is set by hand."""

import json

import numpy as np
import pytest
from support.training import binary

from tfar import automatic, config
from tfar.cli.main import main
from tfar.training import loop
from tfar.training.checkpoints import Checkpoint

FEW = ["--epochs", "2", "--no-jit", "--quiet"]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """A file of 60 training rows of 6 bits."""
    path = tmp_path_factory.mktemp("rows") / "rows.npz"
    np.savez(
        path, **{name: binary(count, 6, seed).x for seed, (name, count) in enumerate({"train": 60, "validation": 30, "test": 30}.items())}
    )
    return str(path)


def train(rows, out, *words):
    assert main(["train", "made", "--data", rows, "--out", str(out), *FEW, *words]) == 0
    return json.loads((out / "metrics.json").read_text())


def announced(capsys):
    """The line of automatic settings, which comes before the line of the data."""
    lines = capsys.readouterr().out.splitlines()
    line = next(number for number, text in enumerate(lines) if text.startswith("automatic: "))
    assert line < next(number for number, text in enumerate(lines) if text.startswith("Dataset("))
    return lines[line]


def test_what_is_chosen_is_printed_first_and_recorded(rows, tmp_path, capsys):
    metrics = train(rows, tmp_path / "run")
    expected = automatic.choose(config.MADE, automatic.Facts(60, 6, "binary"))
    given = {"epochs", "jit"}
    assert metrics["automatic"] == json.loads(json.dumps({name: value for name, value in expected.items() if name not in given}))
    first = announced(capsys)
    assert first.startswith(f"automatic: --hidden-units {expected['hidden_units'][0]} --dropout 0.5 --batch-size 10 --epoch-steps 25 ")
    again = train(rows, tmp_path / "again", *first.removeprefix("automatic: ").split())  # the line can be copied
    assert again["automatic"] == {} and again["test"]["nll"] == metrics["test"]["nll"]


def test_what_is_set_by_hand_wins(rows, tmp_path, capsys):
    words = ["--hidden-units", "7", "--dropout", "0", "--l2", "0", "--batch-size", "30", "--epoch-steps", "3"]
    metrics = train(rows, tmp_path / "run", *words)
    assert set(metrics["automatic"]) == {"learning_rate", "schedule", "weight_decay", "ema", "clip", "patience"}
    assert metrics["parameters"] < 200
    assert "--hidden-units" not in announced(capsys)


def test_a_training_that_starts_from_a_model_keeps_its_width(rows, tmp_path, capsys):
    train(rows, tmp_path / "first", "--hidden-units", "7")
    capsys.readouterr()
    metrics = train(rows, tmp_path / "second", "--init-from", str(tmp_path / "first"))
    assert "hidden_units" not in metrics["automatic"] and metrics["parameters"] < 200


def test_a_training_is_resumed_with_the_values_that_were_chosen(rows, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(loop, "Checkpoint", lambda *args: Checkpoint(*args, every=0.0))
    chosen = automatic.choose(config.MADE, automatic.Facts(60, 6, "binary"))

    def interrupt(*args, **options):
        raise RuntimeError("down")

    with monkeypatch.context() as patch:
        patch.setattr("tfar.cli.train._write", interrupt)
        with pytest.raises(RuntimeError, match="down"):
            main(["train", "made", "--data", rows, "--out", str(tmp_path / "run"), *FEW])
    resumed = tmp_path / "run.checkpoint.npz"
    assert resumed.exists()
    with np.load(resumed) as file:
        settings = json.loads(str(file["state"]))["settings"]
    assert {name: settings[name] for name in ("l2", "batch_size", "patience")} == {n: chosen[n] for n in ("l2", "batch_size", "patience")}
    assert main(["train", "made", "--data", rows, "--out", str(tmp_path / "run"), *FEW, "--l2", "1"]) != 0
    assert "l2 was 3.0, is 1.0" in capsys.readouterr().err
    assert train(rows, tmp_path / "run")["epochs"] == 2
