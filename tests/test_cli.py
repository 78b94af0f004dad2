"""The command line, from arguments to files: every command, and one line for every mistake."""

import csv
import json
import re
import shutil
import subprocess
import sys
import types

import numpy as np
import pytest

from tfar import datasets, options
from tfar.cli import outputs, runs, sample, train
from tfar.cli.main import main, parser
from tfar.orders import DRAWN

TINY = ["--hidden-units", "16", "--epochs", "2", "--no-jit", "--quiet"]


def write_table(path, values, header=None, blanks=()):
    lines = [",".join(header)] if header else []
    for i, row in enumerate(values):
        lines.append(",".join("" if (i, j) in blanks else f"{value:.4f}" for j, value in enumerate(row)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read_table(path):
    with open(path, newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return header, rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model of the embedded digits."""
    out = tmp_path_factory.mktemp("runs") / "digits"
    assert main(["train", "made", "--data", "digits", "--out", out, *TINY]) == 0
    return out


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A model of a table of three columns, with its data."""
    base = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 1)) @ np.array([[1.0, 20.0, -3.0]]) + rng.normal(size=(200, 3)) + 100
    data = write_table(base / "mine.csv", x, ["a", "b", "c"])
    assert main(["train", "made", "--data", data, "--out", base / "run", "--components", "2", *TINY]) == 0
    return base / "run", data


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A model of the digits given their class."""
    out = tmp_path_factory.mktemp("labelled") / "run"
    assert main(["train", "logistic", "--data", "digits", "--context", "label", "--out", out, *TINY[2:]]) == 0
    return out


def fails(capsys, *words, code=1):
    """The one line that a command prints as it fails."""
    capsys.readouterr()
    assert main(words) == code
    printed = capsys.readouterr()
    assert re.fullmatch(r"tfar: error: [^\n]+\n", printed.err), printed.err
    return printed.err


# --- help, and what a quick answer needs


def test_help_needs_no_tensorflow():
    code = (
        "import sys\nfrom tfar.cli.main import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'matplotlib'} & set(sys.modules)\nassert not heavy, heavy"
    )
    for words in (["--help"], ["train", "--help"], ["train", "made", "--help"], ["complete", "--help"], ["--version"]):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "tfar" in done.stdout


def test_an_error_is_the_only_line_even_as_tensorflow_loads(tmp_path):
    command = [sys.executable, "-m", "tfar.cli", "evaluate", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert re.fullmatch(r"tfar: error: [^\n]+\n", done.stderr), done.stderr


def test_the_package_is_lazy_and_complete():
    code = (
        "import sys, tfar\nassert 'tensorflow' not in sys.modules\n"
        "assert set(tfar.__all__) <= set(dir(tfar))\n"
        "assert all(getattr(tfar, name) is not None for name in tfar.__all__)\n"
        "try:\n    tfar.nothing\nexcept AttributeError as error:\n    assert 'nothing' in str(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_another_backend_of_keras_is_refused_at_once():
    code = "import keras\nkeras.backend.backend = lambda: 'jax'\nimport tfar"  # others are not installed
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: tfar needs Keras on TensorFlow: set KERAS_BACKEND=tensorflow. Received: jax" in done.stderr


def test_every_family_is_on_the_command_line_with_options_that_it_has():
    import inspect

    from tfar import models, networks

    constructors = {**models.FAMILIES, "charrnn": networks.CharRNN}
    assert set(options.FAMILIES) == set(constructors)
    training = {option.name for option in options.TRAINING}
    for name, family in options.FAMILIES.items():
        known = set(inspect.signature(constructors[name]).parameters)
        assert {option.name for option in family.options} <= known, name
        assert set(family.training) <= training, name


@pytest.mark.parametrize("name", ["nadek", "neural", "rowlstm", "diagonal_bilstm"])
def test_other_families_are_built_as_the_command_line_says(name):
    """Those that no test trains by the command line."""
    small = {"nadek": ["--hidden-units", "5", "4"], "neural": ["--hidden-units", "3"]}.get(name, ["--filters", "4", "--num-layers", "1"])
    data = datasets.load("digits")
    model = train.build(parser().parse_args(["train", name, "--data", "digits", "--out", "run", *small]), data)
    assert np.isfinite(model.log_prob(data.test.x[:2])).all()
    if name == "nadek":
        np.testing.assert_allclose(np.ravel(model.network.mean), data.train.x.mean(axis=0).ravel(), rtol=1e-5)


def test_an_order_may_be_in_a_file(tmp_path):
    np.save(tmp_path / "order.npy", [2, 0, 1])
    (tmp_path / "order.txt").write_text("2, 0, 1\n")
    for file in ("order.npy", "order.txt"):
        assert options.order(str(tmp_path / file)) == [2, 0, 1]


# --- train


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
    assert main(["export", tmp_path / "again", "--to", tmp_path / "saved"]) == 0
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
    monkeypatch.setattr("tfar.cli.import_tensorflow", lambda: pytest.fail("the folder is known to exist before TensorFlow is loaded"))
    error = fails(capsys, "train", "made", "--data", "digits", "--out", folder)
    assert "Received: " in error and str(folder) in error
    assert before == {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_a_folder_that_cannot_be_is_refused_at_once(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tfar.cli.import_tensorflow", lambda: pytest.fail("the folder is known to be none before TensorFlow is loaded"))
    (tmp_path / "notes.txt").write_text("")
    error = fails(capsys, "train", "made", "--data", "digits", "--out", tmp_path / "notes.txt" / "new" / "run")
    assert "must be in a folder. Received: " in error and "notes.txt is none" in error
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert f"and {tmp_path} cannot" in fails(capsys, "train", "made", "--data", "digits", "--out", tmp_path / "new" / "run")


def test_no_rows_to_score_are_refused_before_training(tmp_path, capsys):
    error = fails(capsys, "train", "made", "--data", "digits", "--out", tmp_path / "run", "--score-rows", "0")
    assert "score_rows must be an integer of at least 1. Received: score_rows=0" in error


def test_ctrl_c_keeps_the_best_weights_and_the_checkpoint(tmp_path, monkeypatch, capsys):
    from tfar import training
    from tfar.training import checkpoints

    on_epoch_end = training.KeepBest.on_epoch_end

    def interrupt(self, epoch, logs=None):
        on_epoch_end(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints.Checkpoint.__init__, "__defaults__", ((), 0.0))  # write as every epoch begins
    out = tmp_path / "run"
    words = ["train", "logistic", "--data", "digits", "--out", out, "--epochs", "3", "--no-jit", "--quiet"]
    with monkeypatch.context() as patch:
        patch.setattr(training.KeepBest, "on_epoch_end", interrupt)
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
    from tfar import training

    def broken(*args, **kwargs):
        raise ValueError("it broke")

    monkeypatch.setattr(training, "fit", broken)
    assert "it broke" in fails(capsys, "train", "logistic", "--data", "digits", "--out", tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_model_is_trained_all_the_same(tmp_path, monkeypatch, capsys):
    from tfar import plotting

    monkeypatch.setattr(plotting, "available", lambda: False)
    words = ["train", "logistic", "--data", "digits", "--out", tmp_path / "run", "--epochs", "1", "--no-jit", "--quiet"]
    assert main(words) == 0
    assert "pip install" in capsys.readouterr().out
    assert not list((tmp_path / "run").glob("*.png"))


# --- evaluate


def test_evaluate_repeats_what_train_found(folder, capsys):
    capsys.readouterr()
    assert main(["evaluate", folder, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert scores["nll"] == pytest.approx(metrics["test"]["nll"], rel=1e-5)
    assert scores["baseline_nll"] == pytest.approx(metrics["baseline_nll"])
    assert main(["evaluate", folder, "--split", "validation"]) == 0
    assert "250 rows" in (printed := capsys.readouterr().out) and "nats" in printed and "baseline" in printed


def test_a_fold_is_trained_and_evaluated(table, tmp_path, capsys):
    words = ["--fold", "2", "--folds", "3", "--components", "2", "--score-rows", "40", *TINY]
    assert main(["train", "made", "--data", table[1], "--out", tmp_path / "run", *words]) == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert [metrics[split]["rows"] for split in ("train", "validation", "test")] == [40, 40, 40]
    data = json.loads((tmp_path / "run" / "data.json").read_text())
    assert (data["fold"], data["folds"], data["sizes"]) == (2, 3, {"train": 66, "validation": 66, "test": 68})
    assert main(["evaluate", tmp_path / "run"]) == 0
    assert ": 68 rows" in capsys.readouterr().out


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
    assert drawn.shape == (40, 2, 6, 5, 1) and (drawn[:, :, :3, :, 0] == grey[:, None, :3] // 64).all()


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


# --- sample


def test_samples_depend_on_the_seed_alone(folder, tmp_path, capsys):
    for name, seed, n in (("a", 1, 5), ("b", 1, 9), ("c", 2, 5)):
        assert main(["sample", folder, "-n", n, "--seed", seed, "--out", tmp_path / f"{name}.npy"]) == 0
    a, b, c = (np.load(tmp_path / f"{name}.npy") for name in "abc")
    assert a.shape == (5, 8, 8, 1) and set(np.unique(a)) <= {0, 1}
    assert np.array_equal(a, b[:5]) and not np.array_equal(a, c)


def test_samples_are_not_overwritten_unless_asked(folder, capsys):
    assert main(["sample", folder, "--seed", "7"]) == 0
    assert (folder / "samples-7.png").is_file() and (folder / "samples-7.npy").is_file()
    assert "exists" in fails(capsys, "sample", folder, "--seed", "7")
    assert main(["sample", folder, "--seed", "7", "-n", "4", "--overwrite"]) == 0
    assert len(np.load(folder / "samples-7.npy")) == 4


def test_samples_of_a_table_are_in_its_own_units(table, tmp_path):
    assert main(["sample", table[0], "-n", "100", "--out", tmp_path / "s.csv"]) == 0
    header, rows = read_table(tmp_path / "s.csv")
    assert header == ["a", "b", "c"] and len(rows) == 100
    assert abs(np.median(np.array(rows, float), axis=0) - 100).max() < 15
    assert main(["sample", table[0]]) == 0
    assert (table[0] / "samples-1.png").is_file() and (table[0] / "samples-1.csv").is_file()


def test_values_are_written_to_a_millionth_of_their_spread():
    """Seconds since 1970 and a length in metres: six digits of the number itself would leave nothing of the first."""
    standardization = datasets.Standardization(np.array([1.7e9, 0.0]), np.array([3600.0, 2e-3]))
    run = types.SimpleNamespace(own_units=standardization.invert, preparation=types.SimpleNamespace(standardization=standardization))
    z = np.array([[[0.123456789, -1.0]], [[0.0, 0.987654321]]])
    found = outputs.rounded(run, z)
    expected = [[[round(1.7e9 + 3600 * 0.123456789, 3), -0.002]], [[1.7e9, round(2e-3 * 0.987654321, 9)]]]
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_many_rows_are_drawn_some_at_a_time(table, folder, tmp_path, monkeypatch):
    (tmp_path / "holes.csv").write_text("a,b,c\n" + "100,90,\n101,,\n" * 4)
    commands = [["sample", table[0], "-n", "8"], ["complete", table[0], "--data", tmp_path / "holes.csv", "-n", "2"]]

    def written(name):
        for number, words in enumerate(commands):
            assert main([*words, "--out", tmp_path / f"{name}-{number}.csv"]) == 0
        return [(tmp_path / f"{name}-{number}.csv").read_text() for number in range(len(commands))]

    whole = written("whole")
    monkeypatch.setattr(sample, "ROWS", 3)
    for one, other in zip(written("parts"), whole, strict=True):
        np.testing.assert_allclose(
            *[[float(cell) for line in text.split()[1:] for cell in line.split(",")] for text in (one, other)], rtol=1e-5
        )


def test_samples_of_images_need_no_data(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(runs.Run, "dataset", None)
    assert main(["sample", folder, "-n", "4", "--out", tmp_path / "few.png"]) == 0


def test_samples_of_a_class(labelled, tmp_path, capsys):
    assert main(["sample", labelled, "-n", "20", "--context", "3", "--out", tmp_path / "three.npy"]) == 0
    assert main(["sample", labelled, "-n", "20", "--out", tmp_path / "all.npy"]) == 0
    three, each = np.load(tmp_path / "three.npy"), np.load(tmp_path / "all.npy")
    assert np.array_equal(three[3], each[3]) and not np.array_equal(three[:3], each[:3])
    assert "'12'" in fails(capsys, "sample", labelled, "--context", "12", "--out", tmp_path / "x.npy")


def test_a_context_of_numbers(tmp_path, capsys):
    generator = np.random.default_rng(0)
    context = generator.normal(size=[60, 2]).astype("float32")
    x = (generator.normal(size=[60, 3]) < context[:, :1]).astype(np.int32)
    np.savez(tmp_path / "mine.npz", x=x, context=context)
    words = ["--data", tmp_path / "mine.npz", "--context", "context", "--epochs", "1", "--epoch-steps", "5", "--no-jit", "--quiet"]
    assert main(["train", "logistic", "--out", tmp_path / "run", *words]) == 0
    assert main(["sample", tmp_path / "run", "-n", "4", "--context", "0.5,-1", "--out", tmp_path / "s.npy"]) == 0
    model = runs.Run.open(tmp_path / "run").model
    np.testing.assert_array_equal(np.load(tmp_path / "s.npy"), model.sample(4, seed=1, context=np.tile([0.5, -1.0], (4, 1))))
    for wrong in ("1", "a,b", "1,2,3"):
        message = fails(capsys, "sample", tmp_path / "run", "--context", wrong, "--out", tmp_path / "t.npy")
        assert f"a context of 2 numbers with commas between them. Received: context='{wrong}'" in message
    assert "context=None" in fails(capsys, "sample", tmp_path / "run", "--out", tmp_path / "t.npy")


def test_models_whose_data_are_gone(tmp_path, capsys):
    x = np.random.default_rng(0).normal(size=[60, 2])
    data, other = write_table(tmp_path / "mine.csv", x, ["a", "b"]), write_table(tmp_path / "other.csv", x[:9], ["a", "b"])
    words = ["--components", "1", "--hidden-units", "4", "--epochs", "1", "--epoch-steps", "5", "--no-jit", "--quiet"]
    assert main(["train", "made", "--data", data, "--out", tmp_path / "run", *words]) == 0
    data.unlink()
    capsys.readouterr()
    assert main(["evaluate", tmp_path / "run", "--data", other, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert np.isfinite(found["nll"]) and found["baseline_nll"] is None
    assert main(["sample", tmp_path / "run", "-n", "5"]) == 0  # with no data drawn beside them
    assert (tmp_path / "run" / "samples-1.png").is_file()
    assert "mine.csv" in fails(capsys, "evaluate", tmp_path / "run")


def test_models_whose_data_cannot_be_read(table, tmp_path, monkeypatch, capsys):
    def denied(*args, **options):
        raise PermissionError("Permission denied")

    folder = shutil.copytree(table[0], tmp_path / "run")
    monkeypatch.setattr(runs.Run, "dataset", denied)
    assert main(["sample", folder, "--seed", "7"]) == 0
    assert (folder / "samples-7.png").is_file() and (folder / "samples-7.csv").is_file()
    assert main(["export", folder]) == 0
    capsys.readouterr()
    assert main(["evaluate", folder, "--data", table[1], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["baseline_nll"] is None


def test_the_picture_of_samples_names_their_classes(labelled, monkeypatch):
    from tfar import plotting

    drawn, class_grid = [], plotting.class_grid
    monkeypatch.setattr(plotting, "class_grid", lambda images, labels: drawn.append(labels) or class_grid(images, labels))
    assert main(["sample", labelled, "-n", "20", "--seed", "5"]) == 0
    assert main(["sample", labelled, "-n", "3", "--context", "3,8", "--seed", "6"]) == 0
    assert drawn == [list("0123456789") * 2, ["3", "8", "3"]]
    assert (labelled / "samples-5.png").is_file() and (labelled / "nll.png").is_file()


def test_grey_levels_by_a_mixture_of_discretized_logistics(tmp_path, capsys):
    words = ["--levels", "17", "--head", "discretized_logistic_mixture", "--components", "3", "--epochs", "2", "--epoch-steps", "30"]
    small = ["--num-blocks", "1", "--filters", "4", "--kernel-size", "3", "--learning-rate", "0.02", "--no-jit", "--quiet"]
    assert main(["train", "pixelcnn", "--data", "digits", "--out", tmp_path / "run", *words, *small]) == 0
    assert "DiscretizedLogisticMixture(num_components=3, levels=17" in capsys.readouterr().out
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["test"]["nll"] < 64 * np.log(17) and metrics["baseline_nll"] == pytest.approx(107.615, abs=1e-2)
    assert main(["evaluate", tmp_path / "run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["nll"] == pytest.approx(metrics["test"]["nll"], rel=1e-5)
    assert main(["sample", tmp_path / "run", "-n", "5", "--out", tmp_path / "s.npy"]) == 0
    x = np.load(tmp_path / "s.npy")
    assert x.shape == (5, 8, 8, 1) and x.min() >= 0 and 1 < x.max() < 17
    error = fails(capsys, "train", "pixelcnn", "--data", "digits", "--out", tmp_path / "no", "--head", "discretized_logistic_mixture")
    assert "head of binary data" in error


# --- complete


def test_completions_keep_what_was_given(folder, tmp_path):
    assert main(["complete", folder, "-n", "3", "--rows", "4", "--out", tmp_path / "c.npy"]) == 0
    drawn = np.load(tmp_path / "c.npy")
    assert drawn.shape == (4, 3, 8, 8, 1)
    assert (drawn[:, :, :4] == drawn[:, :1, :4]).all() and (drawn[:, :, 4:] != drawn[:, :1, 4:]).any()
    assert main(["complete", folder]) == 0
    assert (folder / "completions-1.png").is_file()


def test_a_picture_is_of_the_first_completions(folder, tmp_path, monkeypatch):
    from tfar import plotting

    shown, completions = [], plotting.completions
    monkeypatch.setattr(plotting, "completions", lambda rows, *rest: shown.append(len(rows)) or completions(rows, *rest))
    assert main(["complete", folder, "--rows", "60", "-n", "1", "--out", tmp_path / "c.png"]) == 0
    assert shown == [40]


def test_observe_says_how_much_is_given(folder, tmp_path, capsys):
    for share, rows in {"0": 0, "0.25": 2, "1": 8}.items():
        assert main(["complete", folder, "--observe", share, "--out", tmp_path / f"{share}.npy"]) == 0
        differ = (np.diff(np.load(tmp_path / f"{share}.npy"), axis=1) != 0).any(axis=(0, 1, 3, 4))  # which rows of pixels
        assert not differ[:rows].any() and differ[rows : rows + 2].any() == (rows < 8)
    assert "2.5" in fails(capsys, "complete", folder, "--observe", "2.5", code=2)


def test_rows_before_the_first_blank_stay_as_they_are(table, tmp_path, capsys):
    run, _ = table
    data = write_table(tmp_path / "late.csv", np.full((4, 3), 100.0), ["a", "b", "c"], blanks={(3, 2)})
    assert main(["complete", run, "--data", data, "--rows", "2", "-n", "1", "--out", tmp_path / "two.csv"]) == 0
    assert [row[2:] for row in read_table(tmp_path / "two.csv")[1]] == [["100"] * 3] * 2
    assert "1 blanks" in fails(capsys, "complete", run, "--data", data, "--observe", "0.5", "--out", tmp_path / "no.csv")


def test_completions_of_quantised_data_have_one_unit(tmp_path):
    np.savetxt(tmp_path / "grey.csv", np.random.default_rng(0).integers(0, 16, [60, 2]), fmt="%d", delimiter=",")
    assert main(["train", "deepnade", "--data", tmp_path / "grey.csv", "--levels", "4", "--out", tmp_path / "run", *TINY]) == 0
    (tmp_path / "blank.csv").write_text("13,\n,14\n")
    assert main(["complete", tmp_path / "run", "--data", tmp_path / "blank.csv", "-n", "9", "--out", tmp_path / "full.csv"]) == 0
    rows = np.array(read_table(tmp_path / "full.csv")[1], float)
    assert (rows[:9, 2] == 3).all() and (rows[9:, 3] == 3).all() and rows[:, 2:].max() == 3  # 13 and 14 are in the last of four levels


def test_columns_of_a_table_may_be_named_where_those_of_training_were_not(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=[60, 2]))
    assert main(["train", "made", "--data", tmp_path / "x.npy", "--out", tmp_path / "run", "--components", "2", *TINY]) == 0
    (tmp_path / "blank.csv").write_text("a,b\n0.5,\n")
    assert main(["complete", tmp_path / "run", "--data", tmp_path / "blank.csv", "-n", "2", "--out", tmp_path / "full.csv"]) == 0
    header, rows = read_table(tmp_path / "full.csv")
    assert header == ["row", "draw", "a", "b"] and [row[2] for row in rows] == ["0.5", "0.5"]


def test_images_three_pixels_wide_are_completed_with_a_picture(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 2, [60, 4, 3]))
    assert main(["train", "logistic", "--data", tmp_path / "x.npy", "--out", tmp_path / "run", *TINY[2:]]) == 0
    assert main(["complete", tmp_path / "run"]) == 0
    assert (tmp_path / "run" / "completions-1.png").is_file()


def test_an_order_may_be_a_long_list(tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 2, [60, 300]))
    order = ",".join(map(str, reversed(range(300))))
    words = ["train", "logistic", "--data", tmp_path / "x.npy", "--out", tmp_path / "run", *TINY[2:]]
    assert main([*words, "--order", order]) == 0
    from tfar.cli.runs import Run

    assert Run.open(tmp_path / "run").model.network.order[:2].tolist() == [299, 298]
    assert "integers like 2,0,1" in fails(capsys, *words, "--order", "a" * 300, code=2)


def test_events_that_are_no_images_are_completed_without_a_picture(tmp_path):
    np.save(tmp_path / "two.npy", np.random.default_rng(0).integers(0, 2, [60, 2, 2, 2]))
    assert main(["train", "logistic", "--data", tmp_path / "two.npy", "--out", tmp_path / "run", *TINY[2:]]) == 0
    assert main(["complete", tmp_path / "run"]) == 0
    assert [path.name for path in (tmp_path / "run").glob("completions*")] == ["completions-1.npy"]


def test_negative_seeds_are_refused(folder, tmp_path, capsys):
    words = ["--data", "digits", "--out", tmp_path / "run"]
    assert "at least 0. Received: '-1'" in fails(capsys, "train", "made", *words, "--seed", "-1", code=2)
    assert "at least 0. Received: '-1'" in fails(capsys, "evaluate", folder, "--seed", "-1", code=2)


def test_a_folder_that_it_did_not_make_is_left_alone(tmp_path):
    (tmp_path / "run.pictures").mkdir()
    (tmp_path / "run.pictures" / "epoch-1.png").touch()
    assert main(["train", "logistic", "--data", "digits", "--out", tmp_path / "run", *TINY[2:]]) == 0
    assert (tmp_path / "run.pictures" / "epoch-1.png").is_file() and not (tmp_path / "run" / "pictures").exists()


def test_blanks_of_a_table_are_filled(table, tmp_path, capsys):
    run, _ = table
    given = np.random.default_rng(1).normal(100, 5, (3, 3)).round(4)
    data = write_table(tmp_path / "blanks.csv", given[:, [1, 0, 2]], ["b", "a", "c"], blanks={(0, 2), (1, 2)})
    assert main(["complete", run, "--data", data, "-n", "4", "--out", tmp_path / "full.csv"]) == 0
    header, rows = read_table(tmp_path / "full.csv")
    assert header == ["row", "draw", "b", "a", "c"] and len(rows) == 12
    full = np.array(rows, float).reshape(3, 4, 5)
    assert full[:, :, 0].tolist() == [[1] * 4, [2] * 4, [3] * 4] and full[0, :, 1].tolist() == [1, 2, 3, 4]
    assert (full[:, :, 2:4] == given[:, None, [1, 0]]).all()  # as they stood in the file, to the last digit
    assert (full[2, :, 4] == given[2, 2]).all() and len(set(full[0, :, 4])) == 4
    assert np.isfinite(full).all() and abs(full[:, :, 4] - 100).max() < 60


def test_a_pattern_that_the_order_cannot_complete_is_refused(table, tmp_path, capsys):
    data = write_table(tmp_path / "first.csv", np.full((2, 3), 100.0), ["a", "b", "c"], blanks={(0, 0)})
    error = fails(capsys, "complete", table[0], "--data", data, "--out", tmp_path / "no.csv")
    assert "order" in error and not (tmp_path / "no.csv").exists()


def test_a_labelled_table_is_sampled_and_completed_with_its_labels(tmp_path):
    rng = np.random.default_rng(0)
    kinds = rng.choice(["elm", "oak"], 120)
    lines = [f"{k},{a:.3f},{b:.3f}" for k, (a, b) in zip(kinds, rng.normal(size=(120, 2)), strict=True)]
    (tmp_path / "trees.csv").write_text("kind,height,width\n" + "\n".join(lines) + "\n")
    (tmp_path / "new.csv").write_text("kind,height,width\noak,0.5,\n")
    words = [
        "--data",
        tmp_path / "trees.csv",
        "--context",
        "kind",
        "--head",
        "normal",
        "--epochs",
        "1",
        "--no-jit",
        "--quiet",
    ]
    assert main(["train", "logistic", "--out", tmp_path / "run", *words]) == 0
    assert main(["sample", tmp_path / "run", "-n", "2", "--out", tmp_path / "s.csv"]) == 0
    header, rows = read_table(tmp_path / "s.csv")
    assert header == ["height", "width", "kind"] and [row[-1] for row in rows] == ["elm", "oak"]
    assert main(["complete", tmp_path / "run", "--data", tmp_path / "new.csv", "-n", "2", "--out", tmp_path / "c.csv"]) == 0
    header, rows = read_table(tmp_path / "c.csv")
    assert header == ["row", "draw", "height", "width", "kind"] and {row[2] for row in rows} == {"0.5"}


# --- export


def test_export_writes_one_version_after_another_and_a_card(folder, table, labelled, tmp_path, capsys):
    base = tmp_path / "saved"
    for version in ("1", "2"):
        capsys.readouterr()
        assert main(["export", folder, "--to", base]) == 0
        assert (base / version / "saved_model.pb").is_file()
        printed = capsys.readouterr().out
        assert str(base / version) in printed and "sample(seed int32[?, 2])" in printed
    assert sorted(path.name for path in base.iterdir()) == ["1", "2", "README.md"]
    metrics, card = json.loads((folder / "metrics.json").read_text()), (base / "README.md").read_text()
    command = metrics["command"].replace(str(folder), folder.name)  # without paths that others do not have
    for words in ("# saved", "version | 2,", f"{metrics['test']['nll']:.3f}", command, "x int32[?, 8, 8, 1]"):
        assert words in card
    assert str(folder.parent) in metrics["command"] and str(folder.parent) not in card
    assert "floor(2 v / 17)" in card and f"{metrics['parameters']:,} parameters" in card

    assert "exists" in fails(capsys, "export", folder, "--to", base / "2")
    assert "exists" in fails(capsys, "export", folder, "--to", base / "README.md")
    (base / "README.md").write_text("mine")
    assert "did not write" in fails(capsys, "export", folder, "--to", base)
    assert main(["export", table[0], "--to", tmp_path / "table" / "5"]) == 0
    card = (tmp_path / "table" / "README.md").read_text()
    assert "a normal of full covariance" in card
    assert "standardised" in card and re.search(r"\| b \| \d+\.", card) and (tmp_path / "table" / "5").is_dir()
    assert main(["export", labelled]) == 0
    assert "classes 0, 1, 2" in (labelled / "saved_model" / "README.md").read_text()


# --- mistakes


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ([], "a command is needed"),
        (["swim"], "'swim'"),
        (["train"], "MODEL"),
        (["train", "mode", "--data", "digits", "--out", "new"], "'mode' (choose from"),
        (["train", "made", "--out", "new"], "--data"),
        (["train", "made", "--data", "digits"], "--out"),
        (["train", "made", "--data", "digits", "--out", "new", "--epochs", "many"], "'many'"),
        (["train", "made", "--data", "digits", "--out", "new", "--depth", "3"], "--depth"),
        (["train", "made", "--data", "digits", "--out", "new", "--order", "sideways"], "sideways"),
        (["train", "made", "--data", "digits", "--out", "new", "--head", "poisson"], "'poisson'"),
    ],
)
def test_words_that_are_not_understood(words, shown, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert shown in fails(capsys, *words, code=2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--data", "didgits"], "digits"),
        (["--data", "gone.csv"], "gone.csv"),
        (["--data", "empty.csv"], "empty"),
        (["--data", "ragged.csv"], "line 3"),
        (["--data", "words.csv"], "'tall'"),
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


@pytest.mark.parametrize("command", ["evaluate", "sample", "complete", "export"])
def test_a_folder_that_train_did_not_write(command, tmp_path, capsys):
    assert "nowhere" in fails(capsys, command, tmp_path / "nowhere")
    assert "model.keras" in fails(capsys, command, tmp_path)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["sample", "-n", "0"], "-n 0"),
        (["sample", "--context", "3"], "'3'"),
        (["sample", "--out", "x.gif"], "x.gif"),
        (["sample", "--out", "x.csv"], "x.csv"),
        (["complete", "-n", "0"], "-n 0"),
        (["complete", "--rows", "0"], "--rows 0"),
        (["complete", "--data", "gone.npy", "--out", "new.npy"], "gone.npy"),
        (["evaluate", "--data", "gone.csv"], "gone.csv"),
    ],
)
def test_requests_that_a_model_cannot_meet(words, shown, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert shown in fails(capsys, words[0], folder, *words[1:])


def test_data_of_another_shape(folder, tmp_path, capsys):
    np.save(tmp_path / "wide.npy", np.zeros((5, 9, 8, 1), np.int32))
    assert "(9, 8, 1)" in fails(capsys, "evaluate", folder, "--data", tmp_path / "wide.npy")


def test_ctrl_c_is_one_line_and_an_exit_code(folder, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("tfar.cli.evaluate.run", interrupted)
    capsys.readouterr()
    assert main(["evaluate", folder]) == 130
    assert capsys.readouterr().err == "tfar: interrupted\n"


def test_traceback_on_request(tmp_path):
    with pytest.raises(FileNotFoundError):
        main(["sample", tmp_path / "nowhere", "--traceback"])


@pytest.mark.parametrize("family, order", [("nade", "random"), ("deepnade", "random"), ("nade", "scan"), ("nade", "alternating")])
def test_an_order_is_drawn_from_the_seed(family, order):
    words = ["train", family, "--data", "digits", "--out", "run", "--order", order, "--seed", "3", "--hidden-units", "8"]
    model = train.build(parser().parse_args(words), datasets.load("digits"))
    np.testing.assert_array_equal(model.network.order, DRAWN[order]([8, 8, 1], 1, 3)[0])


def test_evaluate_in_random_orders(tmp_path, capsys):
    from tfar.cli.runs import Run

    words = ["--data", "digits", "--hidden-units", "8", "--epochs", "1", "--quiet"]
    assert main(["train", "deepnade", "--out", tmp_path / "run", "--no-jit", *words]) == 0
    capsys.readouterr()
    assert main(["evaluate", tmp_path / "run", "--num-orders", "3", "--rows", "20", "--batch-size", "8", "--seed", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    run = Run.open(tmp_path / "run")
    x = run.rows().x[:20]
    orders = run.model.distribution(num_orders=3, seed=5).log_prob(x).numpy()
    assert found["rows"] == 20 and found["nll"] == pytest.approx(-orders.mean(), rel=1e-5)
    assert "Received: --rows 0" in fails(capsys, "evaluate", tmp_path / "run", "--rows", "0")


def test_evaluate_the_mean_of_the_probabilities_of_several_models(folder, table, tmp_path, capsys):
    from tfar.cli.runs import Run

    other = tmp_path / "other"
    assert main(["train", "nade", "--data", "digits", "--hidden-units", "8", "--epochs", "1", "--quiet", "--out", other]) == 0
    capsys.readouterr()
    assert main(["evaluate", folder, other, "--rows", "30", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    several = [Run.open(path) for path in (folder, other)]
    x = several[0].rows().x[:30]
    probs = np.mean([np.exp(run.model.log_prob(x).numpy().astype(np.float64)) for run in several], axis=0)
    assert found["rows"] == 30 and found["nll"] == pytest.approx(-np.log(probs).mean(), rel=1e-5)
    shutil.copytree(folder, tmp_path / "moved")
    data = json.loads((tmp_path / "moved" / "data.json").read_text())
    (tmp_path / "moved" / "data.json").write_text(json.dumps(data | {"data_dir": "elsewhere"}))
    assert main(["evaluate", folder, tmp_path / "moved", "--rows", "30"]) == 0
    assert "the mean of 2 models on digits, test: 30 rows" in capsys.readouterr().out
    assert "of the same data" in fails(capsys, "evaluate", folder, table[0])
    assert "nowhere" in fails(capsys, "evaluate", folder, tmp_path / "nowhere")


def test_random_orders_need_a_model_that_takes_any(folder, capsys):
    assert "order-agnostic" in fails(capsys, "evaluate", folder, "--num-orders", "3")


# --- text


@pytest.fixture(scope="module")
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


def test_train_on_a_text_writes_the_folder(written):
    folder, _ = written
    names = {path.name for path in folder.iterdir()}
    assert {"model.keras", "data.json", "metrics.json", "history.csv", "curve.png", "sample.txt"} <= names
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["test"]["characters"] == 288 and metrics["test"]["nll"] < 1 < metrics["baseline_nll"]
    assert metrics["test"]["bits_per_character"] == pytest.approx(metrics["test"]["nll"] / np.log(2))
    assert len((folder / "sample.txt").read_text()) == 2000


def test_a_text_model_is_there_before_anything_is_made_of_it(tmp_path, monkeypatch, capsys):
    from tfar.models.character import CharacterModel

    def fail(*args, **options):
        raise OSError("no compiler")

    monkeypatch.setattr(CharacterModel, "sample", fail)
    (tmp_path / "song.txt").write_text("row, row, row your boat\n" * 40)
    words = ["--units", "4", "--num-layers", "1", "--epochs", "1", "--epoch-steps", "5", "--sequence-length", "8", "--batch-size", "4"]
    assert "no compiler" in fails(
        capsys, "train", "charrnn", "--data", tmp_path / "song.txt", "--out", tmp_path / "run", *words, "--no-jit"
    )
    assert (tmp_path / "run" / "model.keras").is_file() and (tmp_path / "run" / "curve.png").is_file()


def test_a_text_is_written_as_it_comes(written, tmp_path, capsys):
    folder, _ = written
    assert main(["sample", folder, "--prompt", "row, ", "--length", "90", "--seed", "3", "--temperature", "0.7"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("row, ") and len(shown) == 5 + 90 + 1
    words = ["--prompt", "row, ", "--length", "90", "--seed", "3", "--temperature", "0.7", "--out", tmp_path / "a.txt"]
    assert main(["sample", folder, *words]) == 0
    assert (tmp_path / "a.txt").read_text() == shown
    assert "which exists" in fails(capsys, "sample", folder, *words)
    assert main(["sample", folder, "-n", "2", "--length", "30", "--seed", "3", "--top-k", "1"]) == 0
    assert capsys.readouterr().out.count("-" * 80) == 1


def test_evaluate_a_text(written, tmp_path, capsys):
    folder, text = written
    assert main(["evaluate", folder, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert found["nll"] == pytest.approx(metrics["test"]["nll"], rel=1e-5) and found["baseline_nll"] == pytest.approx(
        metrics["baseline_nll"]
    )
    assert main(["evaluate", folder, "--data", text, "--streams", "1"]) == 0
    assert "1,440 characters" in capsys.readouterr().out
    (tmp_path / "other.txt").write_text("boat! boat?")
    assert "'!'" in fails(capsys, "evaluate", folder, "--data", tmp_path / "other.txt")
    assert "only models of arrays can be averaged" in fails(capsys, "evaluate", folder, folder)
    assert "others are taken whole. Received: 'test'" in fails(capsys, "evaluate", folder, "--data", text, "--split", "test")


def test_a_text_that_changed_is_refused_and_bytes_are_scored(tmp_path, capsys):
    data = tmp_path / "song.txt"
    data.write_text("rów, rów, rów your boat\n" * 40, encoding="utf-8")
    words = ["--units", "4", "--num-layers", "1", "--epochs", "1", "--epoch-steps", "5", "--sequence-length", "8", "--batch-size", "4"]
    words += ["--vocabulary", "bytes", "--no-jit", "--quiet"]
    assert main(["train", "charrnn", "--data", data, "--out", tmp_path / "run", *words]) == 0
    capsys.readouterr()
    (tmp_path / "other.bin").write_bytes(bytes(range(256)))
    assert main(["evaluate", tmp_path / "run", "--data", tmp_path / "other.bin", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["characters"] == 256
    assert main(["sample", tmp_path / "run", "--prompt", "\udcff", "--length", "3"]) == 0  # the shell's $'\xff'
    assert capsys.readouterr().out.startswith("\ufffd")
    data.write_text("row, row, row your boat\n" * 40, encoding="utf-8")
    assert "song.txt has changed" in fails(capsys, "evaluate", tmp_path / "run")


def test_export_of_a_text_model_brings_a_card(written, tmp_path, capsys):
    folder, _ = written
    assert main(["export", folder, "--to", tmp_path / "song"]) == 0
    assert "sample(length int32[?], prompt string[?]" in capsys.readouterr().out
    card = (tmp_path / "song" / "README.md").read_text()
    assert "nats per character" in card and "CharRNN" in card and "no others" in card
    assert "no fixed length" in fails(capsys, "export", folder, "--to", tmp_path / "xla", "--xla")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sample", "--prompt", "ROW"], "first at position 0"),
        (["sample", "--temperature", "0"], "Received: temperature=0"),
        (["sample", "--length", "0"], "Received: length=0"),
        (["sample", "-n", "0"], "Received: -n 0"),
        (["sample", "--context", "a"], "--context is for models of arrays"),
        (["evaluate", "--rows", "3"], "--rows is for models of arrays"),
        (["complete"], "sample DIR --prompt"),
    ],
)
def test_bad_requests_of_a_text(written, capsys, words, message):
    assert message in fails(capsys, words[0], written[0], *words[1:])


def test_a_prompt_is_for_texts(folder, capsys):
    assert "--prompt is for models of text" in fails(capsys, "sample", folder, "--prompt", "a")
    assert "--temperature is for models of text" in fails(capsys, "sample", folder, "--temperature", "2")
    assert "--streams is for models of text" in fails(capsys, "evaluate", folder, "--streams", "2")


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "empty"), (b"row your boat", "at least one sequence of 64"), (b"\x00\xff" * 5000, "bytes")]
)
def test_bad_texts_are_refused(tmp_path, capsys, content, message):
    (tmp_path / "bad.txt").write_bytes(content)
    assert message in fails(capsys, "train", "charrnn", "--data", tmp_path / "bad.txt", "--out", tmp_path / "run")
