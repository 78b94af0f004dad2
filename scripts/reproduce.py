"""Train and score a model as a recipe says, and write `results/NAME.json` and its learning curve `results/NAME.png`.

    python scripts/reproduce.py                 # lists the recipes
    python scripts/reproduce.py NAME [--runs runs] [--results results] [--overwrite] [--smoke]

A recipe is `scripts/recipes/NAME.cfg`:

    [recipe]
    title = what the row of the results table is called
    paper = the published figure, nats per example (or per character); a density that `folds` average is lower is better too
    settings = whose settings they are, the paper's or ours, in a few words
    minutes = what it takes on two cores
    [train]             options of `tfar train`, without the dashes; yes and no for switches
    model = made
    data = binarized_mnist
    [evaluate]          options of `tfar evaluate`, where the figure is not the one that training ends with
    [folds]             for a figure that is the mean over ten folds
    number = 10
    [smoke]             options of `tfar train` that make it a matter of seconds, on data that need no download: `--smoke`

The trained model is in `runs/NAME`. A training that was interrupted goes on when the command is given again, and one that has ended is
not done again. Where prepared data sets lie says TFDS_DATA_DIR.
"""

import argparse
import configparser
import contextlib
import io
import json
import math
import os
import shlex
import shutil
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from tfar import cli
from tfar.files import atomic, refuse_existing, write_json

RECIPES = Path(__file__).resolve().parent / "recipes"


@dataclass(frozen=True)
class Recipe:
    """What one file of `scripts/recipes` says.

    Attributes:
        name: of the file, without its ending.
        title, paper, settings, minutes: its section `recipe`; paper and minutes are numbers.
        train, evaluate, smoke: dicts of options, as strings.
        folds: number of folds, or None.
    """

    name: str
    title: str
    paper: float
    settings: str
    minutes: float
    train: dict
    evaluate: dict
    smoke: dict
    folds: int | None

    @classmethod
    def read(cls, name):
        """Read a recipe by its name.

        Raises:
            ValueError: there is none of that name, or it lacks something.
        """
        if name not in names():
            raise ValueError(f"the recipe must be one of {', '.join(names())}. Received: {name}")
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(RECIPES / f"{name}.cfg", encoding="utf-8")
        sections = {section: dict(parser[section]) for section in parser.sections()}
        try:
            head, train = sections.pop("recipe"), sections.pop("train")
            numbers = {key: float(head[key]) for key in ("paper", "minutes")}
            folds = int(sections.pop("folds")["number"]) if "folds" in sections else None
            rest = {key: sections.pop(key, {}) for key in ("evaluate", "smoke")}
            if sections or not {"model", "data"} <= train.keys():
                raise KeyError(f"sections recipe, train (with model and data), evaluate, folds and smoke. Received: {[*sections]}")
            return cls(name=name, title=head["title"], settings=head["settings"], train=train, folds=folds, **numbers, **rest)
        except KeyError as missing:
            raise ValueError(f"{name}.cfg lacks {missing}") from None

    def words(self, out, smoke=False, fold=None):
        """The words of `tfar train` that write the run's folder `out`."""
        given = {**self.train, **(self.smoke if smoke else {})}
        model = given.pop("model")
        if fold is not None:
            given |= {"folds": str(self.folds), "fold": str(fold)}
        return ["train", model, *options(given), "--out", str(out)]


def names():
    """Names of all recipes."""
    return sorted(path.stem for path in RECIPES.glob("*.cfg"))


def options(given):
    """Options by name as words of a command line.

    >>> options({"hidden-units": "500 500", "jit": "no", "direct": "yes"})
    ['--hidden-units', '500', '500', '--no-jit', '--direct']
    """
    words = []
    for name, value in given.items():
        words += [f"--no-{name}"] if value == "no" else [f"--{name}"] if value == "yes" else [f"--{name}", *shlex.split(value)]
    return words


def train(words, folder):
    """Train into a folder, or find what was trained there, and return its metrics."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        if code := cli.main(words):
            raise SystemExit(code)
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    if metrics["interrupted"]:
        aside = folder.with_name(f"{folder.name}.interrupted")
        shutil.rmtree(aside, ignore_errors=True)
        os.replace(folder, aside)
        print(f"What was reached is in {aside}; the same command goes on.", file=sys.stderr)
        raise SystemExit(130)
    return metrics


def evaluate(folder, given):
    """The scores that `tfar evaluate FOLDER --json` prints."""
    printed = io.StringIO()
    words = ["evaluate", str(folder), *options(given), "--json"]
    print(shlex.join(["tfar", *words]), flush=True)
    with contextlib.redirect_stdout(printed):
        if code := cli.main(words):
            raise SystemExit(code)
    return json.loads(printed.getvalue())


def reproduce(recipe, runs, smoke=False):
    """Do what a recipe says, and return what its results file holds."""
    folds = [None] if recipe.folds is None else range(2 if smoke else recipe.folds)
    folders = [runs / recipe.name if fold is None else runs / recipe.name / f"fold-{fold}" for fold in folds]
    found, scores = [], []
    for fold, folder in zip(folds, folders, strict=True):
        found.append(train(recipe.words(folder, smoke, fold), folder))
        scores.append(evaluate(folder, recipe.evaluate) if recipe.evaluate else found[-1]["test"])
    nlls = [score["nll"] for score in scores]
    error = scores[0]["nll_error"] if recipe.folds is None else statistics.stdev(nlls) / math.sqrt(len(nlls))
    return {
        "title": recipe.title,
        "model": found[0]["model"],
        "data": found[0]["data"],
        "nll": statistics.mean(nlls),
        "nll_error": error,
        "baseline_nll": statistics.mean(metrics["baseline_nll"] for metrics in found),
        "paper": recipe.paper,
        "settings": recipe.settings,
        "folds": None if recipe.folds is None else nlls,
        "rows": sum(score.get("rows", score.get("characters")) for score in scores),
        "validation_nll": statistics.mean(metrics["validation"]["nll"] for metrics in found),
        "evaluate": recipe.evaluate,
        "parameters": found[0]["parameters"],
        "epochs": [metrics["epochs"] for metrics in found],
        "seconds": round(sum(metrics["seconds"] for metrics in found), 1),
        "command": f"python scripts/reproduce.py {recipe.name}",
        "train": shlex.join(["tfar", *recipe.words(folders[0].name, smoke)]),
        "versions": found[-1]["versions"],
        "finished": found[-1]["finished"],
    }, folders[0] / "curve.png"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", nargs="?", help="of the recipe; without it they are listed")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the trained models go (default: runs)")
    parser.add_argument("--results", type=Path, default=Path("results"), help="where the figures go (default: results)")
    parser.add_argument("--overwrite", action="store_true", help="replace a results file that exists")
    parser.add_argument("--smoke", action="store_true", help="a few steps on small data, to see that the recipe works")
    args = parser.parse_args()
    if args.name is None:
        for recipe in map(Recipe.read, names()):
            print(f"{recipe.name:28} {recipe.title}: {recipe.paper:g} published, about {recipe.minutes:g} minutes")
        return 0
    try:
        recipe = Recipe.read(args.name)
        path = refuse_existing(args.results / f"{recipe.name}.json", args.overwrite)
    except (ValueError, FileExistsError) as error:
        print(f"reproduce: error: {error}", file=sys.stderr)
        return 1
    result, curve = reproduce(recipe, args.runs, args.smoke)
    if curve.exists():
        with atomic(path.with_suffix(".png"), overwrite=True) as temporary:
            shutil.copyfile(curve, temporary)
    write_json(path, result, args.overwrite)
    print(f"{recipe.title}: {result['nll']:.3f} +- {result['nll_error']:.3f} nats, published {recipe.paper:g}\n{path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
