"""`tfar sample` of arrays."""

import json
import shutil
import types

import numpy as np
import pytest
from support.commands import fails, read_table, write_table

import tfar
from tfar import datasets
from tfar.cli import arrays, outputs, runs
from tfar.cli.main import main


def test_samples_depend_on_the_seed_alone(folder, tmp_path, capsys):
    for name, seed, n in (("a", 1, 5), ("b", 1, 9), ("c", 2, 5)):
        assert main(["sample", folder, "-n", n, "--seed", seed, "--out", tmp_path / f"{name}.npy"]) == 0
    a, b, c = (np.load(tmp_path / f"{name}.npy") for name in "abc")
    assert a.shape == (5, 8, 8, 1) and set(np.unique(a)) <= {0, 1}
    assert np.array_equal(a, b[:5]) and not np.array_equal(a, c)


@pytest.mark.pictures
def test_samples_are_not_overwritten_unless_asked(folder, capsys):
    assert main(["sample", folder, "--seed", "7"]) == 0
    assert (folder / "samples-7.png").is_file() and (folder / "samples-7.npy").is_file()
    assert "exists" in fails(capsys, "sample", folder, "--seed", "7")
    assert main(["sample", folder, "--seed", "7", "-n", "4", "--overwrite"]) == 0
    assert len(np.load(folder / "samples-7.npy")) == 4


@pytest.mark.pictures
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
    monkeypatch.setattr(arrays, "DRAWN_AT_ONCE", 3)
    for one, other in zip(written("parts"), whole, strict=True):
        np.testing.assert_allclose(
            *[[float(cell) for line in text.split()[1:] for cell in line.split(",")] for text in (one, other)], rtol=1e-5
        )


def test_samples_of_images_need_no_data(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(runs.Run, "load_data", None)
    assert main(["sample", folder, "-n", "4", "--out", tmp_path / "few.png"]) == 0


def test_samples_of_a_class(labelled, tmp_path, capsys):
    assert main(["sample", labelled, "-n", "20", "--context", "3", "--out", tmp_path / "three.npy"]) == 0
    assert main(["sample", labelled, "-n", "20", "--out", tmp_path / "all.npy"]) == 0
    three, each = np.load(tmp_path / "three.npy"), np.load(tmp_path / "all.npy")
    assert np.array_equal(three[3], each[3]) and not np.array_equal(three[:3], each[:3])
    assert "Received: --context 12" in fails(capsys, "sample", labelled, "--context", "12", "--out", tmp_path / "x.npy")


@pytest.mark.slow
def test_a_context_of_numbers(tmp_path, capsys):
    generator = np.random.default_rng(0)
    context = generator.normal(size=[60, 2]).astype("float32")
    x = (generator.normal(size=[60, 3]) < context[:, :1]).astype(np.int32)
    np.savez(tmp_path / "mine.npz", x=x, context=context)
    words = ["--data", tmp_path / "mine.npz", "--context", "context", "--epochs", "1", "--epoch-steps", "5", "--no-jit", "--quiet"]
    assert main(["train", "logistic", "--out", tmp_path / "run", *words]) == 0
    assert main(["sample", tmp_path / "run", "-n", "4", "--context", "0.5,-1", "--out", tmp_path / "s.npy"]) == 0
    model = tfar.load_run(tmp_path / "run").model
    np.testing.assert_array_equal(np.load(tmp_path / "s.npy"), model.sample(4, seed=1, context=np.tile([0.5, -1.0], (4, 1))))
    for wrong in ("1", "a,b", "1,2,3"):
        message = fails(capsys, "sample", tmp_path / "run", "--context", wrong, "--out", tmp_path / "t.npy")
        assert f"--context must be 2 numbers with commas between them. Received: --context {wrong}" in message
    assert "Received: --context None" in fails(capsys, "sample", tmp_path / "run", "--out", tmp_path / "t.npy")


@pytest.mark.slow
@pytest.mark.pictures
def test_models_whose_data_are_gone(tmp_path, capsys):
    x = np.random.default_rng(0).normal(size=[60, 2])
    data, other = write_table(tmp_path / "mine.csv", x, ["a", "b"]), write_table(tmp_path / "other.csv", x[:9], ["a", "b"])
    words = ["--head", "normal", "--hidden-units", "4", "--epochs", "1", "--epoch-steps", "5", "--no-jit", "--quiet"]
    assert main(["train", "made", "--data", data, "--out", tmp_path / "run", *words]) == 0
    data.unlink()
    capsys.readouterr()
    assert main(["evaluate", tmp_path / "run", "--data", other, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert np.isfinite(found["nll"]) and found["baseline_nll"] is None
    assert main(["sample", tmp_path / "run", "-n", "5"]) == 0  # with no data drawn beside them
    assert (tmp_path / "run" / "samples-1.png").is_file()
    assert "mine.csv" in fails(capsys, "evaluate", tmp_path / "run")


@pytest.mark.pictures
def test_models_whose_data_cannot_be_read(table, tmp_path, monkeypatch, capsys):
    def denied(*args, **options):
        raise PermissionError("Permission denied")

    folder = shutil.copytree(table[0], tmp_path / "run")
    monkeypatch.setattr(runs.Run, "load_data", denied)
    assert main(["sample", folder, "--seed", "7"]) == 0
    assert (folder / "samples-7.png").is_file() and (folder / "samples-7.csv").is_file()
    assert main(["export", folder]) == 0
    capsys.readouterr()
    assert main(["evaluate", folder, "--data", table[1], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["baseline_nll"] is None


@pytest.mark.pictures
def test_the_picture_of_samples_names_their_classes(labelled, monkeypatch):
    from tfar import plotting

    drawn, class_grid = [], plotting.class_grid
    monkeypatch.setattr(plotting, "class_grid", lambda images, labels: drawn.append(labels) or class_grid(images, labels))
    assert main(["sample", labelled, "-n", "20", "--seed", "5"]) == 0
    assert main(["sample", labelled, "-n", "3", "--context", "3,8", "--seed", "6"]) == 0
    assert drawn == [list("0123456789") * 2, ["3", "8", "3"]]
    assert (labelled / "samples-5.png").is_file() and (labelled / "nll.png").is_file()


@pytest.mark.slow
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
