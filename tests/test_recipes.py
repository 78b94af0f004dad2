"""The recipes of `scripts/reproduce.py`: they can all be read, two of them run, and README's table is made of their results."""

import importlib
import json
import shutil
import sys
from pathlib import Path

import pytest

from tfar import cli
from tfar.files import write_json

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def scripts(monkeypatch):
    """The modules of the two scripts."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    monkeypatch.chdir(ROOT)
    return importlib.import_module("reproduce"), importlib.import_module("results_table")


def test_all_recipes_are_commands_that_can_be_read(scripts):
    reproduce, _ = scripts
    assert reproduce.names()
    for name in reproduce.names():
        recipe = reproduce.Recipe.read(name)
        for smoke in (False, True):
            fold = None if recipe.folds is None else 0
            args = cli.parser().parse_args(recipe.words("out", smoke, fold))
            assert args.run == "train" and args.model == recipe.train["model"]
        assert cli.parser().parse_args(["evaluate", "out", *reproduce.options(recipe.evaluate)]).run == "evaluate"
        assert recipe.minutes > 0 and recipe.title and recipe.settings


def test_an_unknown_recipe_and_one_that_lacks_something_are_refused(scripts, tmp_path, monkeypatch):
    reproduce, _ = scripts
    with pytest.raises(ValueError, match="must be one of .*pixelcnn.* Received: transformer"):
        reproduce.Recipe.read("transformer")
    monkeypatch.setattr(reproduce, "RECIPES", tmp_path)
    (tmp_path / "short.cfg").write_text("[recipe]\ntitle = a\npaper = 1\n[train]\nmodel = made\ndata = digits\n")
    with pytest.raises(ValueError, match="short.cfg lacks 'minutes'"):
        reproduce.Recipe.read("short")


def run(reproduce, monkeypatch, name, folder):
    words = ["reproduce.py", name, "--smoke", "--runs", str(folder / "runs"), "--results", str(folder / "results")]
    monkeypatch.setattr(sys, "argv", words)
    return reproduce.main()


@pytest.mark.parametrize("name", ["pixelcnn", "charrnn-tiny_shakespeare"])
def test_a_recipe_writes_its_result_and_its_curve(scripts, name, tmp_path, monkeypatch, capsys):
    reproduce, results_table = scripts
    assert run(reproduce, monkeypatch, name, tmp_path) == 0
    found = json.loads((tmp_path / "results" / f"{name}.json").read_text())
    metrics = json.loads((tmp_path / "runs" / name / "metrics.json").read_text())
    assert found["nll"] == metrics["test"]["nll"] and found["epochs"] == [1] and found["rows"] > 0
    assert (tmp_path / "results" / f"{name}.png").stat().st_size > 1000
    assert f"{found['nll']:.2f}" in results_table.table(tmp_path / "results")

    assert run(reproduce, monkeypatch, name, tmp_path) == 1
    assert "nothing is overwritten" in capsys.readouterr().err

    (tmp_path / "results" / f"{name}.json").unlink()
    monkeypatch.setattr(cli, "main", None)  # a training that has ended is not done again
    assert run(reproduce, monkeypatch, name, tmp_path) == 0


def test_folds_are_averaged(scripts, tmp_path, monkeypatch):
    reproduce, results_table = scripts
    scores = [1.0, 2.0, 4.0]
    for fold, nll in enumerate(scores):
        rest = {
            "model": "rnade",
            "data": "d",
            "parameters": 7,
            "epochs": 1,
            "seconds": 1.0,
            "versions": {},
            "finished": "",
            "baseline_nll": 9.0,
        }
        of = {"nll": nll, "nll_error": 0.1, "rows": 5}
        write_json(tmp_path / "runs" / "r" / f"fold-{fold}" / "metrics.json", {**rest, "interrupted": False, "test": of, "validation": of})
    recipe = reproduce.Recipe("r", "R", 2.5, "ours", 1.0, {"model": "rnade", "data": "d"}, {}, {}, 3)
    result, _ = reproduce.reproduce(recipe, tmp_path / "runs")
    assert result["nll"] == pytest.approx(7 / 3) and result["rows"] == 15 and result["folds"] == scores
    assert result["nll_error"] == pytest.approx(1.5275252316519468 / 3**0.5)  # deviation of 1, 2, 4
    write_json(tmp_path / "r.json", result)
    assert "| R | 2.50 | **2.33 ± 0.88** | 9.00 | 7 |" in " ".join(
        f"| {' | '.join(results_table.row(recipe, tmp_path / 'r.json'))} |".split()
    )


def test_a_training_that_was_interrupted_is_no_result(scripts, tmp_path, capsys):
    reproduce, _ = scripts
    write_json(tmp_path / "r" / "metrics.json", {"interrupted": True})
    with pytest.raises(SystemExit) as end:
        reproduce.train([], tmp_path / "r")
    assert end.value.code == 130 and (tmp_path / "r.interrupted").is_dir() and not (tmp_path / "r").exists()


def test_the_table_in_readme_is_up_to_date(scripts, tmp_path):
    _, results_table = scripts
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert results_table.rewritten(text, ROOT / "results") == text
    shutil.copytree(ROOT / "results", tmp_path / "results")
    write_json(
        tmp_path / "results" / "pixelcnn.json",
        {"nll": 1.0, "nll_error": 0.5, "folds": None, "paper": 2.0, "baseline_nll": 3.0, "parameters": 4, "seconds": 60.0},
        overwrite=True,
    )
    assert results_table.rewritten(text, tmp_path / "results") != text
    with pytest.raises(ValueError, match="must hold the lines"):
        results_table.rewritten("", tmp_path)
