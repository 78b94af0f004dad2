"""Tables with a head for each column: `tfar train` and `tfar evaluate`."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from support.commands import fails

import tfar
from tfar import datasets
from tfar.cli.main import main
from tfar.datasets.schema import Schema


@pytest.fixture(scope="module")
def run(mixed):
    return tfar.load_run(mixed[0])


@pytest.mark.pictures
def test_train_writes_the_folder(mixed, run):
    folder, data = mixed
    names = {path.name for path in folder.iterdir()}
    assert {"model.keras", "data.json", "schema.json", "metrics.json", "history.csv", "curve.png", "report.png"} <= names
    schema = Schema.load(folder / "schema.json")
    assert schema == run.schema == datasets.load(data).schema and schema.names == ("income", "sex", "born", "kids")
    assert run.model.network.order.tolist() == [1, 0, 2, 3]
    assert run.data.test.x.shape == (12, 4) and "TableRun" in repr(run)


def test_metrics_are_those_of_the_rows(mixed, run):
    metrics = json.loads((mixed[0] / "metrics.json").read_text())
    frame = pd.read_csv(mixed[1])
    held = datasets.load(mixed[1]).test.x
    rows = run.schema.decode(held)
    assert len(frame.merge(rows.astype({"kids": "float64"})[["income"]])) == 12  # they are rows of the file
    log_prob = run.model.log_prob(rows)
    assert metrics["test"]["nll"] == pytest.approx(-log_prob.mean(), rel=1e-6)
    assert metrics["test"]["nll_error"] == pytest.approx(pd.Series(log_prob).sem(), rel=1e-6)
    assert metrics["test"]["bits_per_row"] == pytest.approx(-log_prob.mean() / np.log(2), rel=1e-6)
    assert metrics["test"]["bits_per_row_error"] == pytest.approx(pd.Series(log_prob).sem() / np.log(2), rel=1e-6)
    assert metrics["train"]["rows"] == 96 and metrics["validation"]["rows"] == 12
    assert np.isfinite(metrics["baseline_nll"])


def test_evaluate_prints_nats_and_bits(mixed, run, capsys):
    metrics = json.loads((mixed[0] / "metrics.json").read_text())
    capsys.readouterr()
    assert main(["evaluate", mixed[0], "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["nll"] == pytest.approx(metrics["test"]["nll"]) and found["baseline_nll"] == pytest.approx(metrics["baseline_nll"])
    assert main(["evaluate", mixed[0], mixed[0], "--ensemble", "--data", mixed[1], "--rows", "40"]) == 0  # the mean of a model with itself
    out = capsys.readouterr().out
    nll = -run.model.log_prob(pd.read_csv(mixed[1])[:40]).mean()
    assert "40 rows" in out and f"{nll:10.3f} +- " in out and "bits per row" in out and "independent columns" in out
    assert main(["evaluate", mixed[0], mixed[0], "--data", mixed[1], "--rows", "40"]) == 0
    assert f"{nll:.4f} +- " in (out := capsys.readouterr().out) and ", +0.0000 +- 0.0000" in out


def test_evaluate_names_the_cell_that_does_not_fit(mixed, tmp_path, capsys):
    frame = pd.read_csv(mixed[1])
    for change, words in {
        "type": (frame.assign(income=["x", *frame["income"][1:]]), "column 'income', row 1: must be a finite number. Received: 'x'"),
        "unseen": (frame.assign(sex=["f", "q", *frame["sex"][2:]]), "column 'sex', row 2: must be one of 'f', 'm'. Received: 'q'"),
        "blank": (frame.assign(sex=[None, *frame["sex"][1:]]), "column 'sex', row 1: must have a value. Received: a blank cell"),
        "grid": (frame.assign(kids=0.5), "column 'kids', row 1: must be on its grid"),
        "lost": (frame.drop(columns="born"), "Received: a table without ['born']"),
        "constant": (frame.assign(country="AT"), "column 'country', row 1: must be 'CH'"),
    }.values():
        change.to_csv(tmp_path / "new.csv", index=False)
        assert words in fails(capsys, "evaluate", mixed[0], "--data", tmp_path / "new.csv")
    frame[["kids", "sex", "born", "income"]].to_csv(tmp_path / "new.csv", index=False)  # another order, and nothing that is not modelled
    assert main(["evaluate", mixed[0], "--data", tmp_path / "new.csv"]) == 0
    assert "'test' and" in fails(capsys, "evaluate", mixed[0], "--data", tmp_path / "new.csv", "--split", "test")
    assert "--streams is for models of text" in fails(capsys, "evaluate", mixed[0], "--streams", "2")


def test_a_run_whose_schema_is_another_is_refused(mixed, tmp_path, capsys):
    folder = shutil.copytree(mixed[0], tmp_path / "run")
    description = json.loads((folder / "data.json").read_text())
    description["schema"]["columns"][2]["values"] = ["f", "w"]
    (folder / "data.json").write_text(json.dumps(description))
    assert "its schema is not that of the model" in fails(capsys, "evaluate", folder)
