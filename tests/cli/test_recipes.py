"""Recipes: all of them are commands that can be read, and faulty ones are refused."""

import pytest

from tfar.cli import recipes
from tfar.cli.main import parser
from tfar.cli.recipes import Recipe


@pytest.mark.parametrize("smoke", [False, True])
def test_all_recipes_are_commands_that_can_be_read(smoke):
    assert len(recipes.names()) >= 24
    for name in recipes.names():
        recipe = Recipe.read(name, smoke)
        args = parser().parse_args(recipe.words("out", recipe.folders[0][1]))
        assert args.command == "train" and args.model == recipe.train["model"]
        assert parser().parse_args(["evaluate", "out", *recipes.options(recipe.evaluate)]).command == "evaluate"
        assert float(recipe.minutes) > 0 and float(recipe.paper or 1) and float(recipe.gaussian or 1) and recipe.title and recipe.settings


def test_the_package_may_lie_in_a_folder_of_any_name(tmp_path, monkeypatch):
    package = tmp_path / "o'brien's packages"
    package.mkdir()
    (package / "config.py").write_text("text")
    monkeypatch.setattr(recipes, "PACKAGE", package)
    words = Recipe.read("charrnn-stacks_project", smoke=True).words("out", {})
    assert words[words.index("--data") + 1] == str(package / "config.py")


def test_an_unknown_recipe_and_a_faulty_one_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="must be one of those that 'tfar reproduce' lists.* Received: transformer"):
        Recipe.read("transformer")
    monkeypatch.setattr(recipes, "RECIPES", tmp_path)
    (tmp_path / "short.cfg").write_text("[recipe]\ntitle = a\npaper = 1\n[train]\nmodel = made\ndata = digits\n[smoke]\n")
    with pytest.raises(ValueError, match="short.cfg lacks 'settings'"):
        Recipe.read("short")
    for line in ("papre = 1", "paper ="):
        (tmp_path / "odd.cfg").write_text(f"[recipe]\ntitle = a\nsettings = b\nminutes = 1\n{line}\n[train]\nmodel = made\n[smoke]\n")
        with pytest.raises(ValueError, match=r"title, settings, minutes, paper, gaussian, tried. Received: pap"):
            Recipe.read("odd")
    (tmp_path / "odd.cfg").write_text("[evalute]\nrows = 1\n")
    with pytest.raises(ValueError, match=r"sections are recipe, .* Received: \['evalute'\]"):
        Recipe.read("odd")


@pytest.mark.parametrize(
    "lines", ["[networks]\nnumber = 0", "[networks]\nnumber = 2\n[folds]\nnumber = 2", "seed = 3\n[networks]\nnumber = 2"]
)
def test_networks_that_would_not_be_averaged_are_refused(lines, tmp_path, monkeypatch):
    monkeypatch.setattr(recipes, "RECIPES", tmp_path)
    recipe = "[recipe]\ntitle = a\nsettings = b\nminutes = 1\n[smoke]\n[train]\nmodel = made\ndata = digits\n"
    (tmp_path / "odd.cfg").write_text(recipe + lines)
    with pytest.raises(ValueError, match=r"odd.cfg: \[networks\] has a number above 0, and goes with no"):
        Recipe.read("odd")
