"""Folders of trained models, which the tests of the commands share."""

import numpy as np
import pandas as pd
import pytest
from support.commands import TINY, write_table

from tfar.cli.main import main


@pytest.fixture(autouse=True)
def pictures(request, monkeypatch):
    """A command draws pictures only in tests with the mark `pictures`, and in the shared trainings: they are half of a tiny one's time."""
    if not request.node.get_closest_marker("pictures"):
        monkeypatch.setattr("tfar.plotting.available", lambda: False)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A model of the embedded digits."""
    out = tmp_path_factory.mktemp("runs") / "digits"
    assert main(["train", "made", "--data", "digits", "--out", out, *TINY]) == 0
    return out


@pytest.fixture(scope="session")
def other(tmp_path_factory):
    """Another model of the digits."""
    out = tmp_path_factory.mktemp("other") / "nade"
    assert main(["train", "nade", "--data", "digits", "--hidden-units", "8", "--epochs", "1", "--no-jit", "--quiet", "--out", out]) == 0
    return out


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """A model of a table of three columns with one head for all, with its data."""
    base = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 1)) @ np.array([[1.0, 20.0, -3.0]]) + rng.normal(size=(200, 3)) + 100
    data = write_table(base / "mine.csv", x, ["a", "b", "c"])
    assert main(["train", "made", "--data", data, "--out", base / "run", "--head", "normal_mixture", "--components", "2", *TINY]) == 0
    return base / "run", data


@pytest.fixture(scope="session")
def mixed(tmp_path_factory):
    """A model of a table with a head for each column, and its data."""
    base, rng = tmp_path_factory.mktemp("mixed"), np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "key": [f"row {i}" for i in range(120)],
            "income": np.exp(rng.normal(10, 1, 120)),
            "sex": rng.choice(["f", "m"], 120),
            "born": pd.date_range("1950-01-01", periods=120, freq="90D").strftime("%Y-%m-%d").to_numpy()[rng.permutation(120)],
            "country": "CH",
            "kids": pd.array(rng.choice([None, 0, 1, 2], 120), dtype="Int64"),
        }
    )
    frame.to_csv(base / "people.csv", index=False)
    words = ["--components", "2", "--condition-on", "sex", "--epoch-steps", "20", *TINY]
    assert main(["train", "made", "--data", base / "people.csv", "--out", base / "run", *words]) == 0
    return base / "run", base / "people.csv"


@pytest.fixture(scope="session")
def labelled(tmp_path_factory):
    """A model of the digits given their class."""
    out = tmp_path_factory.mktemp("labelled") / "run"
    assert main(["train", "logistic", "--data", "digits", "--context", "label", "--out", out, *TINY[2:]]) == 0
    return out


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """A small model of a text, and its file."""
    base = tmp_path_factory.mktemp("texts")
    (base / "song.txt").write_text("row, row, row your boat\n" * 60, encoding="utf-8")
    words = [
        "--units",
        "24",
        "--num-layers",
        "1",
        "--dropout",
        "0",
        "--epochs",
        "3",
        "--sequence-length",
        "24",
        "--batch-size",
        "8",
        "--quiet",
    ]
    assert main(["train", "charrnn", "--data", base / "song.txt", "--out", base / "run", "--splits", "60", "20", "20", *words]) == 0
    return base / "run", base / "song.txt"
