"""`tfar train --stream`."""

import json

import numpy as np
import pandas as pd
import pytest
from support.commands import TINY, fails

import tfar
from tfar.cli.main import main

SHORT = [*TINY, "--epochs", "1", "--epoch-steps", "20"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stream")
    generator = np.random.default_rng(0)
    for number in range(2):
        kind = generator.choice(["oak", "elm", "ash"], 600)
        pd.DataFrame({"kind": kind, "age": generator.integers(1, 50, 600)}).to_parquet(folder / f"{number}.parquet")
    return folder


@pytest.fixture(scope="module")
def run(folder):
    out = folder.parent / "run"
    assert main(["train", "made", "--data", f"{folder}/*.parquet", "--stream", "--held-rows", "100", "--out", str(out), *SHORT]) == 0
    return out


def test_the_run_folder_of_a_stream_is_evaluated_and_sampled(run, folder, capsys):
    capsys.readouterr()
    assert main(["evaluate", str(run), "--json"]) == 0
    metrics, found = json.loads((run / "metrics.json").read_text()), json.loads(capsys.readouterr().out)
    assert found["nll"] == pytest.approx(metrics["test"]["nll"], rel=1e-6)
    assert found["baseline_nll"] == pytest.approx(metrics["baseline_nll"], rel=1e-6)
    assert main(["sample", str(run), "-n", "5", "--out", str(run / "five.csv")]) == 0
    assert pd.read_csv(run / "five.csv").columns.tolist() == ["kind", "age"]
    data = tfar.load_run(run).data
    assert type(data).__name__ == "StreamedTable" and len(data.train) > 800 and len(data.validation.x) < 150


def test_shards_that_changed_are_refused(run, folder, capsys):
    path = folder / "1.parquet"
    whole = path.read_bytes()
    frame = pd.read_parquet(path)
    frame["age"] = 51 - frame["age"]
    try:
        frame.to_parquet(path)
        assert "The data have changed" in fails(capsys, "evaluate", str(run))
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "A folder or a pattern must hold images"),
        (["--held-rows", "10"], "--held-rows is for --stream"),
        (["--stream", "--fold", "1"], "--fold is for data in memory"),
        (["--stream", "--refit"], "--refit is for data in memory"),
    ],
)
def test_options_that_do_not_go_together(words, message, folder, tmp_path, capsys):
    assert message in fails(capsys, "train", "made", "--data", str(folder), "--out", str(tmp_path / "run"), *words)
