"""`--test FILE`: test rows of another file than the training rows."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from support.commands import TINY, fails, write_table

import tfar
from tfar.cli.main import main
from tfar.cli.published import command_elsewhere, description_elsewhere
from tfar.training import checkpoints
from tfar.training.best import KeepBest

SMALL = ["--hidden-units", "8", "--epochs", "1", "--epoch-steps", "2", "--components", "2", "--quiet"]


@pytest.fixture(scope="module")
def towns(tmp_path_factory):
    """A run of a table with a column of mostly rare words, and its two files; half the words of the test rows were never seen."""
    base, rng = tmp_path_factory.mktemp("towns"), np.random.default_rng(0)
    words = np.array([f"t{i}" for i in range(240) for _ in range(1 + i % 3)] + ["big"] * 300)[rng.permutation(780)]
    pd.DataFrame({"town": words, "size": rng.integers(0, 5, 780)}).to_csv(base / "train.csv", index=False)
    rare = [f"t{i}" for i in range(60)] + [f"new{i}" for i in range(20)]
    pd.DataFrame({"size": rng.integers(0, 5, 90), "town": [*rare, *["big"] * 10]}).to_csv(base / "test.csv", index=False)
    words = ["--data", base / "train.csv", "--test", base / "test.csv", "--out", base / "run", *SMALL]
    assert main(["train", "made", *words]) == 0
    return base


@pytest.fixture(scope="module")
def expected(towns):
    """Nats of the cells of the test rows, from the table as it is."""
    return tfar.load_run(towns / "run").model.column_log_prob(pd.read_csv(towns / "test.csv"))


@pytest.mark.slow
def test_the_run_finds_its_test_rows(towns, expected, capsys):
    description = json.loads((towns / "run" / "data.json").read_text())
    assert description["test"] == str(towns / "test.csv") and description["sizes"] == {"train": 650, "validation": 130, "test": 90}
    nll = -expected.sum(axis=1).mean()
    assert json.loads((towns / "run" / "metrics.json").read_text())["test"]["nll"] == pytest.approx(nll, rel=1e-6)
    capsys.readouterr()
    assert main(["evaluate", towns / "run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["nll"] == pytest.approx(nll, rel=1e-6)


def test_scores_of_its_own_rows_are_those_of_the_table(towns, expected, tmp_path):
    """A member of the class of rare words is scored as itself."""
    assert main(["score", towns / "run", "--columns", "--out", tmp_path / "cells.csv"]) == 0
    cells = pd.read_csv(tmp_path / "cells.csv")
    assert len(set(tfar.load_run(towns / "run").schema["town"].rare_counts)) > 1
    np.testing.assert_allclose(cells[["log_prob_town", "log_prob_size"]], expected, rtol=1e-5, atol=1e-6)
    assert main(["score", towns / "run", "--out", tmp_path / "rows.csv"]) == 0
    np.testing.assert_allclose(pd.read_csv(tmp_path / "rows.csv")["log_prob"], cells["log_prob"], rtol=1e-5)


def test_what_an_export_tells_has_no_paths(towns):
    description, metrics = (json.loads((towns / "run" / name).read_text()) for name in ("data.json", "metrics.json"))
    assert description_elsewhere(description)["test"] == "test.csv" and " --test test.csv " in command_elsewhere(metrics["command"])


def test_other_test_rows_are_refused(towns, tmp_path, capsys):
    run = shutil.copytree(towns / "run", tmp_path / "run")
    description = json.loads((run / "data.json").read_text())
    shutil.copy(towns / "train.csv", tmp_path / "other.csv")
    (run / "data.json").write_text(json.dumps({**description, "test": str(tmp_path / "other.csv")}))
    assert f"and {tmp_path / 'other.csv'} with other rows in test" in fails(capsys, "evaluate", run)
    (tmp_path / "other.csv").unlink()
    assert "no such file" in fails(capsys, "score", run, "--out", tmp_path / "no.csv")


def test_test_rows_of_arrays(tmp_path, capsys):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "a.npy", rng.normal(size=[60, 3]) * 5 + 100)
    write_table(tmp_path / "b.csv", rng.normal(size=(20, 3)) * 5 + 100)
    assert (
        main(["train", "made", "--data", tmp_path / "a.npy", "--test", tmp_path / "b.csv", "--out", tmp_path / "run", "--no-jit", *SMALL])
        == 0
    )
    run = tfar.load_run(tmp_path / "run")
    x = run.rows().x
    np.testing.assert_allclose(run.own_units(x), np.loadtxt(tmp_path / "b.csv", delimiter=","), rtol=1e-6)
    capsys.readouterr()
    assert main(["evaluate", tmp_path / "run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["nll"] == pytest.approx(-run.model.log_prob(x).numpy().mean(), rel=1e-5)
    assert main(["sample", tmp_path / "run", "-n", "4"]) == 0


def test_a_training_does_not_go_on_with_other_rows(tmp_path, monkeypatch, capsys):
    """Rows that had been held out for the test train, where a file of test rows is named later."""

    def interrupt(self, epoch, logs=None):
        raise KeyboardInterrupt

    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 2, [60, 4]))
    words = ["train", "logistic", "--data", tmp_path / "a.npy", "--out", tmp_path / "run", *TINY[2:]]
    monkeypatch.setattr(checkpoints.Checkpoint.__init__, "__defaults__", (None, 0.0))  # write as every epoch begins
    with monkeypatch.context() as patch:
        patch.setattr(KeepBest, "on_epoch_end", lambda self, epoch, logs=None: epoch and interrupt(self, epoch))
        assert main(words) == 0
    shutil.rmtree(tmp_path / "run")
    assert "rows was 48, is 50" in fails(capsys, *words, "--test", tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (
            ["--data", "digits", "--test", "t.csv"],
            "Test rows of another file are for data of a file. Received: digits, and test rows t.csv",
        ),
        (["--data", "mnist", "--test", "t.csv"], "Received: mnist, and test rows t.csv"),
        (["--data", "t.csv", "--test", "mnist"], "Test rows must be in a file whose ending is one of"),
        (["--data", "t.csv", "--test", "gone.csv"], "no such file. Received: gone.csv"),
        (["--data", "t.csv", "--test", "t.csv", "--fold", "1"], "a fold has test rows of its own. Received: fold=1"),
        (["--data", "t.csv", "--test", "lost.csv"], "lost.csv: a table must have the columns ['x', 'k']. Received: a table without ['k']"),
        (["--data", "t.csv", "--test", "unseen.csv"], "unseen.csv: column 'k', row 2: must be one of 'a', 'b'. Received: 'c'"),
        (["--data", "a.npy", "--test", "t.csv"], "column 'k', row 1: must be a finite number"),
        (["--data", "a.npy", "--test", "b.npy"], "b.npy: the event shape must be (2,). Received: (3,)"),
        (["--data", "parts.npz", "--test", "a.npy"], "data with a test split take no test rows of another file"),
        (["--data", "t.csv", "--pictures-every", "2"], "--pictures-every is for arrays and images"),
    ],
)
def test_what_does_not_fit_is_refused(words, shown, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tfar.cli.train.import_tensorflow", lambda: pytest.fail("it is refused before TensorFlow is loaded"))
    (tmp_path / "t.csv").write_text("x,k\n" + "".join(f"{i % 9}.5,{'ab'[i % 2]}\n" for i in range(40)))
    (tmp_path / "lost.csv").write_text("x\n1.5\n2.5\n")
    (tmp_path / "unseen.csv").write_text("k,x\na,1.5\nc,2.5\n")
    np.save("a.npy", np.random.default_rng(0).normal(size=[40, 2]))
    np.save("b.npy", np.zeros([40, 3]))
    np.savez("parts.npz", train=np.eye(8), test=np.eye(8))
    before = sorted(path.name for path in tmp_path.iterdir())
    assert shown in fails(capsys, "train", "made", "--out", "run", "--quiet", *words)
    assert before == sorted(path.name for path in tmp_path.iterdir())
