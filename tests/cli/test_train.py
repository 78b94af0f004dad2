"""`tfar train` of arrays: the folder that it writes, and what it leaves where it fails."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from support.commands import TINY, fails, read_table, write_table

import tfar
from tfar import config, plotting, training
from tfar.cli import arguments
from tfar.cli.array_job import ArrayJob
from tfar.cli.choosing import choose
from tfar.cli.main import main, parser
from tfar.cli.rows_job import facts_of, read_data
from tfar.orders import DRAWN
from tfar.training import checkpoints, refit
from tfar.training.best import KeepBest


def array_job(*words):
    """What carries out a command line."""
    args = parser().parse_args(words)
    args.command_line = shlex.join(["tfar", *words])
    data, start = read_data(args)
    choose(args, facts_of(args, data), started=start is not None)
    return ArrayJob(args, Path(args.out), config.Training(**arguments.values_of(args, config.Training)), data, start)


@pytest.mark.parametrize("name", ["nadek", "neural", "rowlstm", "diagonal_bilstm"])
def test_other_families_are_built_as_the_command_line_says(name):
    """Those that no test trains by the command line."""
    small = {"nadek": ["--hidden-units", "5", "4"], "neural": ["--hidden-units", "3"]}.get(name, ["--filters", "4", "--num-layers", "1"])
    job = array_job("train", name, "--data", "digits", "--out", "run", *small)
    data, model = job.data, job.build()
    assert np.isfinite(model.log_prob(data.test.x[:2])).all()
    if name == "nadek":
        np.testing.assert_allclose(np.ravel(model.network.mean), data.train.x.mean(axis=0).ravel(), rtol=1e-5)


def test_another_optimizer_is_used_and_recorded(folder, tmp_path, capsys):
    words = [
        "train",
        "logistic",
        "--data",
        "digits",
        "--out",
        tmp_path / "run",
        "--epochs",
        "1",
        "--epoch-steps",
        "3",
        "--no-jit",
        "--quiet",
    ]
    assert "a learning rate (--learning-rate) must be given" in fails(capsys, *words, "--optimizer", "sgd")
    refused = fails(capsys, *words, "--optimizer", "newton", code=2)
    assert "'newton' (choose from" in refused and all(name in refused for name in config.OPTIMIZERS)
    assert main([*words, "--optimizer", "sgd", "--learning-rate", "0.5"]) == 0
    assert [json.loads((one / "metrics.json").read_text())["optimizer"] for one in (folder, tmp_path / "run")] == ["adam", "sgd"]
    job = array_job(*map(str, words), "--optimizer", "sgd", "--learning-rate", "0.5")
    model = job.build()
    training.fit(model, job.data.train, job.data.validation, job.settings)
    for weight, other in zip(model.get_weights(), tfar.load_run(tmp_path / "run").model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)


def test_an_order_may_be_in_a_file(tmp_path):
    np.save(tmp_path / "order.npy", [2, 0, 1])
    (tmp_path / "order.txt").write_text("2, 0, 1\n")
    for file in ("order.npy", "order.txt"):
        assert arguments.order(str(tmp_path / file)) == [2, 0, 1]


@pytest.mark.pictures
def test_train_writes_the_folder(folder):
    names = {path.name for path in folder.iterdir()}
    assert {"model.keras", "data.json", "metrics.json", "history.csv", "curve.png", "samples.png"} <= names
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["model"] == "made" and metrics["epochs"] == 2 and metrics["test"]["rows"] == 250
    assert 10 < metrics["test"]["nll"] < 64 * np.log(2) and metrics["baseline_nll"] == pytest.approx(24.246, abs=1e-3)
    assert metrics["test"]["bits_per_dim"] == pytest.approx(metrics["test"]["nll"] / 64 / np.log(2))
    assert metrics["command"].startswith("tfar train made --data digits")
    header, rows = read_table(folder / "history.csv")
    assert header[0] == "epoch" and {"nll", "val_nll"} <= set(header) and len(rows) == 2
    best = min(float(row[header.index("val_nll")]) for row in rows)
    assert metrics["validation"]["nll"] == pytest.approx(best, abs=1e-3)  # the best weights are the saved ones


def test_refit_keeps_the_validation_figure_of_the_first_training(folder, tmp_path, capsys):
    assert main(["train", "made", "--data", "digits", "--refit", "--out", tmp_path / "again", *TINY]) == 0
    first, again = (json.loads((path / "metrics.json").read_text()) for path in (folder, tmp_path / "again"))
    assert again["refit"] and "refit" not in first
    assert again["validation"] == pytest.approx(first["validation"], rel=1e-5)
    assert again["test"] != pytest.approx(first["test"], rel=1e-5)
    assert again["baseline_nll"] != pytest.approx(first["baseline_nll"], rel=1e-5)  # of the validation rows too
    capsys.readouterr()
    assert main(["evaluate", tmp_path / "again", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["baseline_nll"] == pytest.approx(again["baseline_nll"])
    assert main(["export", tmp_path / "again", "--out", tmp_path / "saved"]) == 0
    assert "validation, before it was trained on too" in (tmp_path / "saved" / "README.md").read_text()


def test_ctrl_c_in_a_refit_keeps_the_first_training(folder, tmp_path, monkeypatch, capsys):

    def interrupt(model, initial_weights, *args, **options):
        model.set_weights(initial_weights)
        raise KeyboardInterrupt

    monkeypatch.setattr(refit, "refit", interrupt)
    assert main(["train", "made", "--data", "digits", "--refit", "--out", tmp_path / "again", *TINY]) == 0
    first, again = (json.loads((path / "metrics.json").read_text()) for path in (folder, tmp_path / "again"))
    assert again["interrupted"] and "refit" not in again and again["test"] == pytest.approx(first["test"], rel=1e-5)
    assert "interrupted" in capsys.readouterr().out


def test_the_model_file_is_a_plain_keras_model(folder):
    import keras

    model = keras.saving.load_model(folder / "model.keras")
    assert model.sample(3, seed=1).shape == (3, 8, 8, 1)
    assert not model.compiled


def test_an_existing_folder_is_refused_at_once_and_left_alone(folder, capsys, monkeypatch):
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    monkeypatch.setattr("tfar.cli.train.import_tensorflow", lambda: pytest.fail("the folder is known to exist before TensorFlow is loaded"))
    error = fails(capsys, "train", "made", "--data", "digits", "--out", folder)
    assert "Received: " in error and str(folder) in error
    assert before == {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_a_folder_that_cannot_be_is_refused_at_once(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "tfar.cli.train.import_tensorflow", lambda: pytest.fail("the folder is known to be none before TensorFlow is loaded")
    )
    (tmp_path / "notes.txt").write_text("")
    error = fails(capsys, "train", "made", "--data", "digits", "--out", tmp_path / "notes.txt" / "new" / "run")
    assert "must be in a folder. Received: " in error and "notes.txt is none" in error
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert f"and {tmp_path} cannot" in fails(capsys, "train", "made", "--data", "digits", "--out", tmp_path / "new" / "run")


def test_no_rows_to_score_are_refused_before_training(tmp_path, capsys):
    error = fails(capsys, "train", "made", "--data", "digits", "--out", tmp_path / "run", "--score-rows", "0")
    assert "score_rows must be an integer of at least 1. Received: score_rows=0" in error


def test_ctrl_c_keeps_the_best_weights_and_the_checkpoint(tmp_path, monkeypatch, capsys):
    on_epoch_end = KeepBest.on_epoch_end

    def interrupt(self, epoch, logs=None):
        on_epoch_end(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints.Checkpoint.__init__, "__defaults__", (None, 0.0))  # write as every epoch begins
    out = tmp_path / "run"
    words = ["train", "logistic", "--data", "digits", "--out", out, "--epochs", "3", "--no-jit", "--quiet"]
    with monkeypatch.context() as patch:
        patch.setattr(KeepBest, "on_epoch_end", interrupt)
        assert main(words) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["interrupted"] and metrics["epochs"] == 2 and metrics["best_epoch"] == 2
    assert f"interrupted: going on with the weights of epoch 2; {out}.checkpoint.npz is kept" in capsys.readouterr().out

    out.rename(tmp_path / "aside")
    assert main(words) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert not metrics["interrupted"] and metrics["epochs"] == 3
    assert f"going on from {out}.checkpoint.npz" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aside", "run"]


def test_a_failed_training_leaves_nothing(tmp_path, monkeypatch, capsys):
    def broken(*args, **kwargs):
        raise ValueError("it broke")

    monkeypatch.setattr(training, "fit", broken)
    assert "it broke" in fails(capsys, "train", "logistic", "--data", "digits", "--out", tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_model_is_trained_all_the_same(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(plotting, "available", lambda: False)
    words = ["train", "logistic", "--data", "digits", "--out", tmp_path / "run", "--epochs", "1", "--no-jit", "--quiet"]
    assert main(words) == 0
    assert "pip install" in capsys.readouterr().out
    assert not list((tmp_path / "run").glob("*.png"))


def test_an_order_may_be_a_long_list(tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 2, [60, 300]))
    order = ",".join(map(str, reversed(range(300))))
    words = ["train", "logistic", "--data", tmp_path / "x.npy", "--out", tmp_path / "run", *TINY[2:]]
    assert main([*words, "--order", order]) == 0
    assert tfar.load_run(tmp_path / "run").model.network.order[:2].tolist() == [299, 298]
    assert "integers like 2,0,1" in fails(capsys, *words, "--order", "a" * 300, code=2)


def test_a_folder_that_it_did_not_make_is_left_alone(tmp_path):
    (tmp_path / "run.pictures").mkdir()
    (tmp_path / "run.pictures" / "epoch-1.png").touch()
    assert main(["train", "logistic", "--data", "digits", "--out", tmp_path / "run", *TINY[2:]]) == 0
    assert (tmp_path / "run.pictures" / "epoch-1.png").is_file() and not (tmp_path / "run" / "pictures").exists()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--data", "didgits"], "digits"),
        (["--data", "gone.csv"], "gone.csv"),
        (["--data", "empty.csv"], "empty"),
        (["--data", "ragged.csv"], "line 3"),
        (["--data", "words.csv", "--head", "normal"], "'tall'"),
        (["--data", "digits", "--context", "colour"], "'colour'"),
        (["--data", "digits", "--levels", "1"], "Received: levels=1"),
        (["--data", "digits", "--head", "normal"], "--head normal"),
        (["--data", "digits", "--levels", "17", "--head", "bernoulli"], "--head bernoulli"),
        (["--data", "table.csv", "--head", "bernoulli"], "--head bernoulli"),
        (["--data", "table.csv", "--fold", "3", "--folds", "3"], "0..2. Received: fold=3"),
        (["--data", "digits", "--fold", "0"], "splits of their own"),
        (["--data", "digits", "--order", "0,0,1"], "[0, 0, 1]"),
        (["--data", "table.csv", "--order", "scan"], "event_shape=(2,)"),
        (["--data", "digits", "--hidden-units", "0"], "hidden_units="),
        (["--data", "digits", "--hidden-units", "--no-direct"], "hidden_units="),
        (["--data", "digits", "--num-masks", "0"], "num_masks=0"),
        (["--data", "digits", "--activation", "bumpy"], "bumpy"),
        (["--data", "digits", "--epochs", "0"], "epochs=0"),
        (["--data", "digits", "--batch-size", "-3"], "batch_size=-3"),
        (["--data", "nan.npy"], "nan"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(words, shown, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "ragged.csv").write_text("a,b\n1,2\n3\n4,5\n6,7\n")
    (tmp_path / "words.csv").write_text("a,b\n1,2\n3,tall\n4,5\n6,7\n")
    write_table(tmp_path / "table.csv", np.random.default_rng(0).normal(size=(40, 2)))
    np.save(tmp_path / "nan.npy", np.array([[0.5, np.nan]] * 20))
    before = sorted(path.name for path in tmp_path.iterdir())
    assert shown in fails(capsys, "train", "made", "--out", "new", "--quiet", *words)
    assert before == sorted(path.name for path in tmp_path.iterdir())


@pytest.mark.parametrize("family, order", [("nade", "random"), ("deepnade", "random"), ("nade", "scan"), ("nade", "alternating")])
def test_an_order_is_drawn_from_the_seed(family, order):
    words = ["train", family, "--data", "digits", "--out", "run", "--order", order, "--seed", "3", "--hidden-units", "8"]
    model = array_job(*words).build()
    np.testing.assert_array_equal(model.network.order, DRAWN[order]([8, 8, 1], 1, 3)[0])
