"""The recipes of `scripts/reproduce.py`: they can all be read, some of them run, and the tables of results are made of what they wrote."""

import csv
import dataclasses
import json
import shutil
import sys

import numpy as np
import pytest
import reproduce
import results_table
from support import ROOT

import tfar
from tfar.cli.main import main, parser
from tfar.files import write_json


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("smoke", [False, True])
def test_all_recipes_are_commands_that_can_be_read(smoke):
    assert reproduce.names()
    for name in reproduce.names():
        recipe = reproduce.Recipe.read(name, smoke)
        args = parser().parse_args(recipe.words("out", recipe.folders[0][1]))
        assert args.command == "train" and args.model == recipe.train["model"]
        assert parser().parse_args(["evaluate", "out", *reproduce.options(recipe.evaluate)]).command == "evaluate"
        assert float(recipe.minutes) > 0 and float(recipe.paper or 1) and float(recipe.gaussian or 1) and recipe.title and recipe.settings


def test_a_checkout_may_lie_in_a_folder_of_any_name(tmp_path, monkeypatch):
    root = tmp_path / "o'brien's repos"
    root.mkdir()
    (root / "README.md").write_text("text")
    monkeypatch.setattr(reproduce, "ROOT", root)
    words = reproduce.Recipe.read("charrnn-stacks_project", smoke=True).words("out", {})
    assert words[words.index("--data") + 1] == str(root / "README.md")


def test_an_unknown_recipe_and_a_faulty_one_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="must be one of .*pixelcnn.* Received: transformer"):
        reproduce.Recipe.read("transformer")
    monkeypatch.setattr(reproduce, "RECIPES", tmp_path)
    (tmp_path / "short.cfg").write_text("[recipe]\ntitle = a\npaper = 1\n[train]\nmodel = made\ndata = digits\n[smoke]\n")
    with pytest.raises(ValueError, match="short.cfg lacks 'settings'"):
        reproduce.Recipe.read("short")
    for line in ("papre = 1", "paper ="):
        (tmp_path / "odd.cfg").write_text(f"[recipe]\ntitle = a\nsettings = b\nminutes = 1\n{line}\n[train]\nmodel = made\n[smoke]\n")
        with pytest.raises(ValueError, match=r"title, settings, minutes, paper, gaussian, tried. Received: pap"):
            reproduce.Recipe.read("odd")
    (tmp_path / "odd.cfg").write_text("[evalute]\nrows = 1\n")
    with pytest.raises(ValueError, match=r"sections are recipe, .* Received: \['evalute'\]"):
        reproduce.Recipe.read("odd")


def run(monkeypatch, name, folder):
    words = ["reproduce.py", name, "--smoke", "--runs", str(folder / "runs"), "--results", str(folder / "results")]
    monkeypatch.setattr(sys, "argv", words)
    return reproduce.main()


def forget(result):
    """Remove a results file and the learning curve beside it."""
    result.unlink()
    result.with_suffix(".png").unlink()


@pytest.mark.parametrize(
    "name",
    [
        "pixelcnn",
        "deepnade",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("gated_pixelcnn-fashion_mnist", "charrnn-tiny_shakespeare")),
    ],
)
def test_a_recipe_writes_its_result_and_its_curve(name, tmp_path, monkeypatch, capsys):
    assert run(monkeypatch, name, tmp_path) == 0
    folder, result = tmp_path / "runs" / f"{name}-smoke", tmp_path / "results" / f"{name}-smoke.json"
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

    row = " ".join(results_table.row(reproduce.Recipe.read(name), result))
    assert f"{found['nll']:.2f}" in row and "not run" not in row

    assert run(monkeypatch, name, tmp_path) == 1
    assert "nothing is overwritten" in capsys.readouterr().err

    result.unlink()  # its picture stays, and is not overwritten either
    assert run(monkeypatch, name, tmp_path) == 1
    assert result.with_suffix(".png").name in capsys.readouterr().err
    result.with_suffix(".png").unlink()
    if name == "pixelcnn":
        with monkeypatch.context() as patch:  # a training that has ended is not done again
            patch.setattr(reproduce, "tfar", None)
            assert run(monkeypatch, name, tmp_path) == 0
        forget(result)
        metrics["command"] = metrics["command"].replace("--filters 8", "--filters 16")
        write_json(folder / "metrics.json", metrics, overwrite=True)
        assert run(monkeypatch, name, tmp_path) == 1
        assert "must be what this recipe trains" in capsys.readouterr().err and not result.exists()


@pytest.mark.slow
def test_a_recipe_of_folds_trains_each_and_goes_on(tmp_path, monkeypatch):
    name = "rnade-red_wine-mol"
    assert run(monkeypatch, name, tmp_path) == 0
    result = tmp_path / "results" / f"{name}-smoke.json"
    found = json.loads(result.read_text())
    metrics = [json.loads(path.read_text()) for path in sorted((tmp_path / "runs" / f"{name}-smoke").glob("fold-*/metrics.json"))]
    assert found["folds"] == [fold["test"]["nll"] for fold in metrics] and len(metrics) == 3 and all(fold["refit"] for fold in metrics)
    forget(result)
    shutil.rmtree(tmp_path / "runs" / f"{name}-smoke" / "fold-1")
    trained = []
    with monkeypatch.context() as patch:  # of the folds that have been trained none is trained again
        patch.setattr(reproduce, "tfar", lambda words, train=main: trained.append(words[words.index("--fold") + 1]) or train(words))
        assert run(monkeypatch, name, tmp_path) == 0
    again = json.loads(result.read_text())
    assert trained == ["1"] and again["folds"] == pytest.approx(found["folds"], rel=1e-5)
    assert found["rows"] == 64 and found["gaussian_nll"] == pytest.approx(sum(fold["gaussian_nll"] for fold in metrics) / 3)
    assert "(normal; published 13.18)" in results_table.row(reproduce.Recipe.read(name), result)[4]


@pytest.mark.slow
def test_a_recipe_of_networks_averages_their_probabilities(tmp_path, monkeypatch):
    name = "made-32-networks"
    assert run(monkeypatch, name, tmp_path) == 0
    folder, result = tmp_path / "runs" / f"{name}-smoke", tmp_path / "results" / f"{name}-smoke.json"
    found, several = json.loads(result.read_text()), [tfar.load_run(folder / f"network-{seed}") for seed in (0, 1)]
    assert not np.array_equal(several[0].model.network.order, several[1].model.network.order)
    for split, key in {"test": "nll", "validation": "validation_nll", "train": "train_nll"}.items():
        rows = several[0].rows(split=split)
        probs = np.mean([np.exp(one.model.log_prob(rows.x).numpy().astype(np.float64)) for one in several], axis=0)
        assert found[key] == pytest.approx(-np.log(probs).mean(), rel=1e-5)
    assert found["networks"] == [one.metrics["test"]["nll"] for one in several] and found["rows"] == len(several[0].rows().x)
    assert found["parameters"] == sum(one.model.count_params() for one in several) and found["epochs"] == [1, 1]
    assert result.with_suffix(".png").exists()

    recipe = reproduce.Recipe.read(name)
    write_json(tmp_path / f"{name}.json", found | {"train": recipe.command()})
    monkeypatch.setattr(results_table, "names", lambda: [name])
    with pytest.raises(ValueError, match="networks: 32; run .* networks: 2$"):
        results_table.refuse_others(tmp_path)


@pytest.mark.parametrize(
    "lines", ["[networks]\nnumber = 0", "[networks]\nnumber = 2\n[folds]\nnumber = 2", "seed = 3\n[networks]\nnumber = 2"]
)
def test_networks_that_would_not_be_averaged_are_refused(lines, tmp_path, monkeypatch):
    monkeypatch.setattr(reproduce, "RECIPES", tmp_path)
    recipe = "[recipe]\ntitle = a\nsettings = b\nminutes = 1\n[smoke]\n[train]\nmodel = made\ndata = digits\n"
    (tmp_path / "odd.cfg").write_text(recipe + lines)
    with pytest.raises(ValueError, match=r"odd.cfg: \[networks\] has a number above 0, and goes with no"):
        reproduce.Recipe.read("odd")


def test_folds_are_averaged(tmp_path):
    recipe = reproduce.Recipe("r", "R", "2.50", "13.2", "ours", "1", {"model": "rnade", "data": "d"}, {}, 3)
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
    assert result["nll_error"] == pytest.approx(1.5275252316519468 / 3**0.5)  # deviation of 1, 2, 4
    assert result["train"] == "tfar train rnade --data d --folds 3 --fold 0 --out fold-0" and curve.parent.name == "fold-0"
    write_json(tmp_path / "r.json", result)
    cells = results_table.row(recipe, tmp_path / "r.json")
    assert cells[:6] == ["R", "2.50", "2.33 ± 0.88, level (1.50 without fold 2)", "2", "6.00 (normal; published 13.2)", "7"]
    assert reproduce.looks_before(tmp_path / "r.json") == looks and not reproduce.looks_before(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("paper", "marked"),
    [("2.0", "1.0"), ("1.11", "**1.0**"), ("1.09", "1.0, level"), ("0.91", "1.0, level"), ("0.89", "1.0"), (None, "1.0")],
)
def test_a_figure_is_bold_beyond_its_error_alone(paper, marked):
    recipe = reproduce.Recipe("r", "R", paper, None, "ours", "1", {"model": "made", "data": "d"}, {}, None)
    error = None if paper == "2.0" else 0.1
    assert results_table.marked("1.0", recipe, {"nll": 1.0, "nll_error": error}) == marked


def test_an_nll_that_is_not_finite_is_no_result(tmp_path):
    recipe, none = reproduce.Recipe("r", "R", None, None, "ours", "1", {"model": "made", "data": "d"}, {}, None), {"nll": None}
    metrics = {"interrupted": False, "command": "tfar train made --data d --out r", "train": none, "validation": none, "test": none}
    write_json(tmp_path / "r" / "metrics.json", metrics)
    with pytest.raises(ValueError, match="the NLL must be finite. Received: none in"):
        reproduce.reproduce(recipe, tmp_path, [])


def test_what_does_not_reach_its_figure_is_listed(tmp_path):
    recipe = reproduce.Recipe("r", "R", "2.50", None, "ours", "1", {"model": "made", "data": "d"}, {}, None, "More units: no better.")
    path = tmp_path / "r.json"
    assert results_table.gap(recipe, path) is None  # not run
    write_json(path, {"nll": 2.5, "validation_curve": [4.0, 3.0]})
    assert results_table.gap(recipe, path) is None
    write_json(path, {"nll": 3.75, "validation_curve": [4.0, 3.5, 3.25]}, overwrite=True)
    line = results_table.gap(recipe, path)
    assert line == "- R: 1.25 nats above; the last of 3 epochs changed the validation NLL by -0.25. More units: no better."
    write_json(path, {"nll": 3.75}, overwrite=True)
    assert results_table.gap(dataclasses.replace(recipe, tried=None), path) == "- R: 1.25 nats above."
    assert results_table.gap(dataclasses.replace(recipe, paper=None), path) is None


def test_original_files_are_prepared_before_the_training(tmp_path, monkeypatch, capsys):
    prepared = []
    monkeypatch.setattr("tfar.datasets.catalogue.read_tfds", lambda name, manual_dir: prepared.append((name, manual_dir)))
    monkeypatch.setattr(reproduce, "tfar", lambda words: 3 if prepared else 4)
    words = ["reproduce.py", "rnade-ionosphere-mol", "--manual-dir", "original", "--runs", str(tmp_path), "--results", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as end:
        reproduce.main()
    assert end.value.code == 3 and prepared == [("ionosphere", "original")]
    monkeypatch.setattr(sys, "argv", [*words, "--smoke"])
    with pytest.raises(SystemExit) as end:
        reproduce.main()
    assert end.value.code == 2 and "not allowed with argument --manual-dir" in capsys.readouterr().err


@pytest.mark.parametrize("kept", [False, True])
def test_a_training_that_was_interrupted_is_no_result(tmp_path, kept, capsys):
    recipe = reproduce.Recipe("r", "R", "2.50", None, "ours", "1", {"model": "made", "data": "d"}, {}, None)
    write_json(tmp_path / "r" / "metrics.json", {"interrupted": True, "command": "tfar train made --data d --out r"})
    if kept:
        (tmp_path / "r.checkpoint.npz").touch()
    with pytest.raises(SystemExit) as end:
        reproduce.train(recipe, tmp_path / "r", {})
    assert end.value.code == 130 and (tmp_path / "r.interrupted").is_dir() and not (tmp_path / "r").exists()
    assert ("The same command goes on" in capsys.readouterr().err) == kept


@pytest.mark.parametrize("page", results_table.PAGES)
def test_the_tables_of_results_are_up_to_date(page, tmp_path):
    content, text = results_table.PAGES[page], (ROOT / page).read_text(encoding="utf-8")
    assert results_table.rewritten(text, content(ROOT / "results")) == text
    shutil.copytree(ROOT / "results", tmp_path / "results")
    path = tmp_path / "results" / "deepnade.json"
    write_json(path, json.loads(path.read_text(encoding="utf-8")) | {"nll": 1.0}, overwrite=True)
    assert results_table.rewritten(text, content(tmp_path / "results")) != text
    with pytest.raises(ValueError, match="must hold the lines"):
        results_table.rewritten("", "content")


def test_results_are_of_their_recipes(tmp_path):
    shutil.copytree(ROOT / "results", tmp_path / "results")
    path = tmp_path / "results" / "pixelcnn.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    for other in ({"train": found["train"].replace("--epochs ", "--epochs 1")}, {"evaluate": {"rows": "5"}}):
        write_json(path, found | other, overwrite=True)
        with pytest.raises(ValueError, match="results/pixelcnn.json must be of its recipe, tfar train pixelcnn .* Received: tfar train"):
            results_table.full(tmp_path / "results")
