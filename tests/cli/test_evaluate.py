"""`tfar evaluate` of arrays."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from support.commands import TINY, fails

import tfar
from tfar.cli.main import main


def test_evaluate_repeats_what_train_found(folder, capsys):
    capsys.readouterr()
    assert main(["evaluate", folder, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert scores["nll"] == pytest.approx(metrics["test"]["nll"], rel=1e-5)
    assert scores["baseline_nll"] == pytest.approx(metrics["baseline_nll"])
    assert main(["evaluate", folder, "--split", "validation"]) == 0
    assert "250 rows" in (printed := capsys.readouterr().out) and "nats" in printed and "baseline" in printed


@pytest.mark.slow
def test_a_fold_is_trained_and_evaluated(table, tmp_path, capsys):
    words = ["--fold", "2", "--folds", "3", "--components", "2", "--score-rows", "40", *TINY]
    assert main(["train", "made", "--data", table[1], "--out", tmp_path / "run", *words]) == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert [metrics[split]["rows"] for split in ("train", "validation", "test")] == [40, 40, 40]
    data = json.loads((tmp_path / "run" / "data.json").read_text())
    assert (data["fold"], data["folds"], data["sizes"]) == (2, 3, {"train": 66, "validation": 66, "test": 68})
    assert main(["evaluate", tmp_path / "run"]) == 0
    assert ": 68 rows" in capsys.readouterr().out


@pytest.mark.slow
def test_images_of_three_axes_are_trained_on_scored_and_completed(tmp_path):
    grey = np.random.default_rng(0).integers(0, 256, (40, 6, 5)).astype(np.uint8)
    holes = grey.astype(np.float32)
    holes[:, 3:] = np.nan
    np.savez(tmp_path / "faces.npz", images=grey)
    np.save(tmp_path / "holes.npy", holes)
    small = ["--levels", "4", "--filters", "4", "--num-blocks", "1", "--epochs", "1", "--epoch-steps", "1", "--quiet"]
    assert main(["train", "pixelcnn", "--data", tmp_path / "faces.npz", "--out", tmp_path / "run", *small]) == 0
    assert main(["evaluate", tmp_path / "run", "--data", tmp_path / "faces.npz"]) == 0
    assert main(["complete", tmp_path / "run", "--data", tmp_path / "holes.npy", "-n", "2", "--out", tmp_path / "c.npy"]) == 0
    drawn = np.load(tmp_path / "c.npy")
    assert drawn.shape == (40, 2, 6, 5) and (drawn[:, :, :3] == grey[:, None, :3] // 64).all()  # without channels, as the file


def test_evaluate_other_data(table, tmp_path, capsys):
    run, data = table
    capsys.readouterr()
    assert main(["evaluate", run, "--data", data, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["rows"] == 200
    stored = json.loads((run / "data.json").read_text())["standardization"]["scale"]
    assert scores["nll_own_units"] - scores["nll"] == pytest.approx(np.log(stored).sum())
    # columns of variance 2, 401, 10 that a normal of covariance w w^T + I made: 3/2 log(2 pi e) + 1/2 log(411 / 8020) nats, and an
    # error of 0.09 for 200 rows, of which the range is four: by chance once in 10,000 times
    assert scores["gaussian_nll"] == pytest.approx(2.771, abs=0.35) and scores["baseline_nll"] == pytest.approx(4.257, abs=0.35)
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["gaussian_nll"] < metrics["baseline_nll"] - 1
    assert main(["evaluate", run]) == 0
    assert "nats, a normal of full covariance" in capsys.readouterr().out
    fails(capsys, "evaluate", run, "--data", data, "--split", "test")


def test_evaluate_in_random_orders(tmp_path, capsys):
    words = ["--data", "digits", "--hidden-units", "8", "--epochs", "1", "--quiet"]
    assert main(["train", "deepnade", "--out", tmp_path / "run", "--no-jit", *words]) == 0
    capsys.readouterr()
    assert main(["evaluate", tmp_path / "run", "--num-orders", "3", "--rows", "20", "--batch-size", "8", "--seed", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    run = tfar.load_run(tmp_path / "run")
    x = run.rows().x[:20]
    orders = run.model.distribution(num_orders=3, seed=5).log_prob(x).numpy()
    assert found["rows"] == 20 and found["nll"] == pytest.approx(-orders.mean(), rel=1e-5)
    assert "Received: --rows 0" in fails(capsys, "evaluate", tmp_path / "run", "--rows", "0")


def test_several_models_are_compared_row_by_row(folder, other, table, tmp_path, capsys):
    capsys.readouterr()
    assert main(["evaluate", folder, other, "--rows", "30", "--json", "--out", tmp_path / "rows.csv"]) == 0
    found = json.loads(capsys.readouterr().out.partition("\n")[0])
    several = [tfar.load_run(path) for path in (folder, other)]
    x = several[0].rows().x[:30]
    nats = np.stack([run.model.log_prob(x).numpy().astype(np.float64) for run in several])
    assert [one["nll"] for one in found["models"]] == pytest.approx(-nats.mean(axis=1), rel=1e-5)
    (paired,) = found["differences"]
    assert paired["nll"] == pytest.approx((nats[0] - nats[1]).mean(), abs=1e-4)
    assert paired["nll_error"] == pytest.approx((nats[0] - nats[1]).std(ddof=1) / np.sqrt(30), rel=1e-3)
    written = np.genfromtxt(tmp_path / "rows.csv", delimiter=",", names=True)
    np.testing.assert_allclose([written["log_prob_1"], written["log_prob_2"]], nats, rtol=1e-5)
    assert written["row"].tolist() == list(range(1, 31))
    assert main(["evaluate", folder, other, folder, "--rows", "30"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "3 models on digits, test: 30 rows" and lines[2].split()[0] == str(folder)
    assert lines[3].endswith(f", {paired['nll']:+.4f} +- {paired['nll_error']:.4f}") and lines[4].endswith(", +0.0000 +- 0.0000")
    assert "of the same data" in fails(capsys, "evaluate", folder, table[0])


def test_the_score_of_every_row_is_written(folder, tmp_path, capsys):
    assert main(["evaluate", folder, "--out", tmp_path / "rows.parquet"]) == 0
    frame = pd.read_parquet(tmp_path / "rows.parquet")
    metrics = json.loads((folder / "metrics.json").read_text())
    assert list(frame) == ["row", "log_prob"] and -frame["log_prob"].mean() == pytest.approx(metrics["test"]["nll"], rel=1e-5)
    assert "which exists" in fails(capsys, "evaluate", folder, "--out", tmp_path / "rows.parquet")
    assert "must end in one of .csv" in fails(capsys, "evaluate", folder, "--out", tmp_path / "rows.txt")
    assert main(["evaluate", folder, "--out", tmp_path / "rows.parquet", "--overwrite", "--rows", "7"]) == 0
    assert len(pd.read_parquet(tmp_path / "rows.parquet")) == 7


def test_evaluate_the_mean_of_the_probabilities_of_several_models(folder, other, table, tmp_path, capsys):
    capsys.readouterr()
    assert main(["evaluate", folder, other, "--ensemble", "--rows", "30", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    several = [tfar.load_run(path) for path in (folder, other)]
    x = several[0].rows().x[:30]
    probs = np.mean([np.exp(run.model.log_prob(x).numpy().astype(np.float64)) for run in several], axis=0)
    assert found["rows"] == 30 and found["nll"] == pytest.approx(-np.log(probs).mean(), rel=1e-5)
    shutil.copytree(folder, tmp_path / "moved")
    data = json.loads((tmp_path / "moved" / "data.json").read_text())
    (tmp_path / "moved" / "data.json").write_text(json.dumps(data | {"data_dir": "elsewhere"}))
    assert main(["evaluate", folder, tmp_path / "moved", "--ensemble", "--rows", "30"]) == 0
    assert "the mean of 2 models on digits, test: 30 rows" in capsys.readouterr().out
    metrics = json.loads((folder / "metrics.json").read_text())
    (tmp_path / "moved" / "metrics.json").write_text(json.dumps(metrics | {"refit": True}))
    assert "--ensemble is for models of the same rows" in fails(capsys, "evaluate", folder, tmp_path / "moved", "--ensemble")
    assert "of the same data" in fails(capsys, "evaluate", folder, table[0], "--ensemble")
    assert "--ensemble is for several models" in fails(capsys, "evaluate", folder, "--ensemble")
    assert "nowhere" in fails(capsys, "evaluate", folder, tmp_path / "nowhere")


def test_random_orders_need_a_model_that_takes_any(folder, capsys):
    assert "order-agnostic" in fails(capsys, "evaluate", folder, "--num-orders", "3")


def test_a_description_of_an_earlier_version_is_of_the_same_data(folder, tmp_path, capsys):
    """The entry `unit_interval` is younger than the models of `saved_models`."""
    earlier = shutil.copytree(folder, tmp_path / "earlier")
    described = json.loads((earlier / "data.json").read_text(encoding="utf-8"))
    del described["unit_interval"]
    (earlier / "data.json").write_text(json.dumps(described), encoding="utf-8")
    assert main(["evaluate", earlier, folder, "--rows", "5"]) == 0
    assert "+0.0000 +- 0.0000" in capsys.readouterr().out


def test_a_column_of_words_is_refused_without_advice_that_the_command_lacks(folder, tmp_path, capsys):
    (tmp_path / "words.csv").write_text("a,b\n1,x\n2,y\n3,z\n", encoding="utf-8")
    for command, out in (("evaluate", "rows.csv"), ("complete", "full.npy")):
        error = fails(capsys, command, folder, "--data", tmp_path / "words.csv", "--out", tmp_path / out)
        assert "column 'b', row 1: must be a finite number. Received: 'x'" in error
