"""`scripts/results_table.py`: the tables of results are made of what recipes wrote."""

import dataclasses
import json
import shutil

import pytest
import results_table
from support import ROOT

from tfar.cli.recipes import Recipe
from tfar.files import write_json

RESULT = {"nll": 1.0, "nll_error": 0.1, "test_looks": [{}, {}], "parameters": 7000, "seconds": 90.0, "folds": None, "baseline_nll": 9.0}


def recipe_of(paper, **others):
    return Recipe("r", "R", paper, None, "ours", "1", {"model": "made", "data": "d"}, {}, None, **others)


def test_a_row_is_of_its_recipe_and_its_result(tmp_path):
    recipe, path = dataclasses.replace(recipe_of("2.50"), gaussian="13.2", folds=3), tmp_path / "r.json"
    assert results_table.row(recipe, path) == ["R", "2.50", "not run", "", "", "", "", "", "ours", "`r`"]
    write_json(path, RESULT | {"nll": 7 / 3, "nll_error": 0.88, "folds": [1.0, 2.0, 4.0], "gaussian_nll": 6.0})
    cells = ["R", "2.50", "2.33 ± 0.88, level (1.50 without fold 2)", "2", "6.00 (normal; published 13.2)", "7,000", "", "2", "ours", "`r`"]
    assert results_table.row(recipe, path) == cells
    write_json(path, RESULT, overwrite=True)
    assert results_table.row(recipe_of(None), path)[1:5] == ["", "1.00 ± 0.10", "2", "9.00"]


def test_effective_parameters_are_of_the_shipped_model():
    pairs = 784 * 783 // 2
    assert results_table.effective("logistic", "binarized_mnist", 784**2 + 784 + 784) == f"{pairs + 784:,}"  # stored: all weights, a mean
    assert results_table.effective("logistic", "binarized_mnist", 784**2) == ""  # another network
    assert results_table.effective("logistic", "mnist", 784**2 + 784 + 784) == ""  # not shipped


@pytest.mark.parametrize(
    ("paper", "marked"),
    [("2.0", "1.0"), ("1.11", "**1.0**"), ("1.09", "1.0, level"), ("0.91", "1.0, level"), ("0.89", "1.0"), (None, "1.0")],
)
def test_a_figure_is_bold_beyond_its_error_alone(paper, marked):
    error = None if paper == "2.0" else 0.1
    assert results_table.marked("1.0", recipe_of(paper), {"nll": 1.0, "nll_error": error}) == marked


def test_what_does_not_reach_its_figure_is_listed(tmp_path):
    recipe, path = recipe_of("2.50", tried="More units: no better."), tmp_path / "r.json"
    assert results_table.gap(recipe, path) is None  # not run
    write_json(path, {"nll": 2.5, "validation_curve": [4.0, 3.0]})
    assert results_table.gap(recipe, path) is None
    write_json(path, {"nll": 3.75, "validation_curve": [4.0, 3.5, 3.25]}, overwrite=True)
    line = results_table.gap(recipe, path)
    assert line == "- R: 1.25 nats above; the last of 3 epochs changed the validation NLL by -0.25. More units: no better."
    write_json(path, {"nll": 3.75}, overwrite=True)
    assert results_table.gap(dataclasses.replace(recipe, tried=None), path) == "- R: 1.25 nats above."
    assert results_table.gap(dataclasses.replace(recipe, paper=None), path) is None


@pytest.mark.parametrize("page", results_table.PAGES)
def test_the_tables_of_results_are_up_to_date(page, tmp_path):
    content, text = results_table.PAGES[page], (ROOT / page).read_text(encoding="utf-8")
    assert results_table.rewritten(text, results_table.MARKS, content(ROOT / "results")) == text
    shutil.copytree(ROOT / "results", tmp_path / "results")
    path = tmp_path / "results" / "deepnade.json"
    write_json(path, json.loads(path.read_text(encoding="utf-8")) | {"nll": 1.0}, overwrite=True)
    assert results_table.rewritten(text, results_table.MARKS, content(tmp_path / "results")) != text
    with pytest.raises(ValueError, match="must hold"):
        results_table.rewritten("", results_table.MARKS, "content")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("pixelcnn", {"train": lambda found: found["train"].replace("--epochs ", "--epochs 1")}),
        ("pixelcnn", {"evaluate": lambda _: {"rows": "5"}}),
        ("made-32-networks", {"networks": lambda found: found["networks"][:2]}),
    ],
)
def test_results_are_of_their_recipes(name, change, tmp_path):
    path = tmp_path / f"{name}.json"
    found = json.loads((ROOT / "results" / path.name).read_text(encoding="utf-8"))
    write_json(path, found | {key: changed(found) for key, changed in change.items()})
    with pytest.raises(ValueError, match=rf"results/{name}.json must be of its recipe, tfar train .* Received: tfar train"):
        results_table.refuse_others(tmp_path)
    write_json(path, found, overwrite=True)
    results_table.refuse_others(tmp_path)
