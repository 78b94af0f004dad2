"""`tfar reproduce`: recipes are listed, some of them run, and what they wrote is resumed, not repeated."""

import csv
import json
import shutil

import numpy as np
import pytest
from support.commands import fails

import tfar
from tfar.cli import recipes, reproduce
from tfar.cli.main import main
from tfar.cli.recipes import Recipe
from tfar.files import write_json


def run(name, folder):
    return main(["reproduce", name, "--smoke", "--out", folder])


def forget(result):
    """Remove a results file and the learning curve beside it."""
    result.unlink()
    result.with_suffix(".png").unlink(missing_ok=True)


def test_recipes_are_listed(capsys):
    assert main(["reproduce"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == recipes.names()
    (made,) = (line for line in lines if line.startswith("made "))
    assert made.endswith("MADE, 1 mask, binarized MNIST: 88.40 published, about 6 minutes")


def test_an_unknown_name_is_refused_before_anything_runs(tmp_path, capsys):
    assert "must be one of" in fails(capsys, "reproduce", "logistic", "transformer", "--smoke", "--out", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.pictures
@pytest.mark.parametrize(
    "name",
    [
        "pixelcnn",
        "deepnade",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("gated_pixelcnn-fashion_mnist", "charrnn-tiny_shakespeare")),
    ],
)
def test_a_recipe_writes_its_result_and_its_curve(name, tmp_path, monkeypatch, capsys):
    assert run(name, tmp_path) == 0
    folder, result = tmp_path / "runs" / f"{name}-smoke", tmp_path / "results" / f"{name}-smoke.json"
    assert str(result) in capsys.readouterr().out
    found = json.loads(result.read_text())
    metrics = json.loads((folder / "metrics.json").read_text())
    assert found["epochs"] == [1] and found["validation_nll"] == metrics["validation"]["nll"] and found["train"].startswith("tfar train ")
    if name == "deepnade":
        assert found["rows"] == 5 and found["evaluate"] == {"num-orders": "2", "rows": "5"}
        assert found["baseline_nll"] != metrics["baseline_nll"]  # of the same five rows
    else:
        assert found["nll"] == metrics["test"]["nll"] and found["baseline_nll"] == metrics["baseline_nll"] and found["rows"] > 0
    assert result.with_suffix(".png").stat().st_size > 1000
    with (folder / "history.csv").open() as file:
        assert found["validation_curve"] == [float(epoch["val_nll"]) for epoch in csv.DictReader(file)]

    words = ["reproduce", name, "--smoke", "--out", tmp_path]
    assert "nothing is overwritten" in fails(capsys, *words)
    result.unlink()  # its picture stays, and is not overwritten either
    assert result.with_suffix(".png").name in fails(capsys, *words)
    result.with_suffix(".png").unlink()
    if name == "pixelcnn":
        with monkeypatch.context() as patch:  # a training that has ended is not done again
            patch.setattr(reproduce, "carry_out", None)
            assert run(name, tmp_path) == 0
        forget(result)
        metrics["command"] = metrics["command"].replace("--filters 8", "--filters 16")
        write_json(folder / "metrics.json", metrics, overwrite=True)
        assert "must be what this recipe trains" in fails(capsys, *words) and not result.exists()


@pytest.mark.slow
def test_a_recipe_of_folds_trains_each_and_goes_on(tmp_path, monkeypatch):
    name, carry_out = "rnade-red_wine-mol", reproduce.carry_out
    assert run(name, tmp_path) == 0
    result = tmp_path / "results" / f"{name}-smoke.json"
    found = json.loads(result.read_text())
    metrics = [json.loads(path.read_text()) for path in sorted((tmp_path / "runs" / f"{name}-smoke").glob("fold-*/metrics.json"))]
    assert found["folds"] == [fold["test"]["nll"] for fold in metrics] and len(metrics) == 3 and all(fold["refit"] for fold in metrics)
    forget(result)
    shutil.rmtree(tmp_path / "runs" / f"{name}-smoke" / "fold-1")
    trained = []
    with monkeypatch.context() as patch:  # of the folds that have been trained none is trained again
        patch.setattr(reproduce, "carry_out", lambda words: trained.append(words[words.index("--fold") + 1]) or carry_out(words))
        assert run(name, tmp_path) == 0
    again = json.loads(result.read_text())
    assert trained == ["1"] and again["folds"] == pytest.approx(found["folds"], rel=1e-5)
    assert found["rows"] == 64 and found["gaussian_nll"] == pytest.approx(sum(fold["gaussian_nll"] for fold in metrics) / 3)


@pytest.mark.slow
def test_a_recipe_of_networks_averages_their_probabilities(tmp_path):
    name = "made-32-networks"
    assert run(name, tmp_path) == 0
    folder, result = tmp_path / "runs" / f"{name}-smoke", tmp_path / "results" / f"{name}-smoke.json"
    found, several = json.loads(result.read_text()), [tfar.load_run(folder / f"network-{seed}") for seed in (0, 1)]
    assert not np.array_equal(several[0].model.network.order, several[1].model.network.order)
    for split, key in {"test": "nll", "validation": "validation_nll", "train": "train_nll"}.items():
        rows = several[0].rows(split=split)
        probs = np.mean([np.exp(one.model.log_prob(rows.x).numpy().astype(np.float64)) for one in several], axis=0)
        assert found[key] == pytest.approx(-np.log(probs).mean(), rel=1e-5)
    assert found["networks"] == [one.metrics["test"]["nll"] for one in several] and found["rows"] == len(several[0].rows().x)
    assert found["parameters"] == sum(one.model.count_params() for one in several) and found["epochs"] == [1, 1]


def test_folds_are_averaged(tmp_path):
    recipe = Recipe("r", "R", "2.50", "13.2", "ours", "1", {"model": "rnade", "data": "d"}, {}, 3)
    scores = [1.0, 2.0, 4.0]
    for fold, nll in enumerate(scores):
        folder, of = tmp_path / "runs" / "r" / f"fold-{fold}", {"nll": nll, "nll_error": 0.1, "rows": 5}
        rest = {"model": "rnade", "data": "d", "parameters": 7, "epochs": 1, "seconds": 1.0, "versions": {}, "finished": ""}
        rest |= {
            "train": {"nll": 1.5},
            "baseline_nll": 9.0,
            "gaussian_nll": 5.0 + fold,
            "interrupted": False,
            "command": f"tfar train rnade --data d --folds 3 --fold {fold} --out x",
        }
        write_json(folder / "metrics.json", rest | {"test": of, "validation": of})
        (folder / "history.csv").write_text(f"epoch,nll,val_nll\n1,9.0,{6 + fold}.0\n2,8.0,5.5\n")
    earlier = [{"finished": "2026-01-01", "nll": 3.0}]
    result, curve = reproduce.reproduce(recipe, tmp_path / "runs", earlier)
    looks = [*earlier, {"finished": "", "nll": result["nll"]}]
    assert result["test_looks"] == looks == reproduce.reproduce(recipe, tmp_path / "runs", looks)[0]["test_looks"]
    assert result["nll"] == pytest.approx(7 / 3) and result["rows"] == 15 and result["folds"] == scores
    assert result["train_nll"] == 1.5 and result["validation_curve"] == [6.0, 5.5]  # of the first fold
    assert result["baseline_nll"] == 9.0 and result["gaussian_nll"] == 6.0
    assert result["nll_error"] == pytest.approx(1.5275252316519468 / 3**0.5)  # deviation of 1, 2, 4
    assert result["train"] == "tfar train rnade --data d --folds 3 --fold 0 --out fold-0" and curve.parent.name == "fold-0"
    write_json(tmp_path / "r.json", result)
    assert reproduce.looks_before(tmp_path / "r.json") == looks and not reproduce.looks_before(tmp_path / "none.json")


def test_an_nll_that_is_not_finite_is_no_result(tmp_path):
    recipe, none = Recipe("r", "R", None, None, "ours", "1", {"model": "made", "data": "d"}, {}, None), {"nll": None}
    metrics = {"interrupted": False, "command": "tfar train made --data d --out r", "train": none, "validation": none, "test": none}
    write_json(tmp_path / "r" / "metrics.json", metrics)
    with pytest.raises(ValueError, match="the NLL must be finite. Received: none in"):
        reproduce.reproduce(recipe, tmp_path, [])


def test_original_files_are_prepared_before_the_training(tmp_path, monkeypatch, capsys):
    prepared = []
    monkeypatch.setattr("tfar.datasets.catalogue.read_tfds", lambda name, manual_dir: prepared.append((name, manual_dir)))

    def stop(words):
        raise ValueError(f"trained after {prepared}")

    monkeypatch.setattr(reproduce, "carry_out", stop)
    words = ["reproduce", "rnade-ionosphere-mol", "--manual-dir", "original", "--out", tmp_path]
    assert "trained after [('ionosphere', 'original')]" in fails(capsys, *words)
    assert "not allowed with argument --manual-dir" in fails(capsys, *words, "--smoke", code=2)


@pytest.mark.parametrize("kept", [False, True])
def test_a_training_that_was_interrupted_is_no_result(tmp_path, kept, monkeypatch, capsys):
    folder = tmp_path / "runs" / "made-smoke"

    def interrupted(words):
        write_json(folder / "metrics.json", {"interrupted": True, "command": f"tfar {' '.join(words)}"})
        if kept:
            (tmp_path / "runs" / "made-smoke.checkpoint.npz").touch()

    monkeypatch.setattr(reproduce, "carry_out", interrupted)
    assert main(["reproduce", "made", "--smoke", "--out", tmp_path]) == 130
    assert (tmp_path / "runs" / "made-smoke.interrupted").is_dir() and not folder.exists() and not (tmp_path / "results").exists()
    printed = capsys.readouterr().err
    assert printed.startswith("tfar: interrupted: the interrupted run is in ") and ("the same command goes on from" in printed) == kept
