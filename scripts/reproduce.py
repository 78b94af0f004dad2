"""Train and score a model as a recipe says, and write `results/NAME.json` and its learning curve `results/NAME.png`.

    python scripts/reproduce.py                 # lists the recipes
    python scripts/reproduce.py NAME [--runs DIR] [--results DIR] [--overwrite] [--manual-dir DIR | --smoke]

A recipe is `scripts/recipes/NAME.cfg`:

    [recipe]
    title = what the row of the results table is called
    paper = the published figure as a negative log-likelihood: lower is better, and log-likelihoods change their sign; left out where
            there is none
    gaussian = likewise, for real values: that of a normal of full covariance, which shows whether the protocol is the same
    settings = whose settings they are, the paper's or ours, in a few words
    minutes = what it takes on two cores
    tried = where the published figure is not reached: what was tried, what was not; README says it below its table
    [train]             options of `tfar train`, without the dashes; yes and no for switches
    model = made
    data = binarized_mnist
    [evaluate]          options of `tfar evaluate`, where the figure is not the one that training ends with
    [folds]             for a figure that is the mean over ten folds
    number = 10
    [networks]          for one of the mean of the probabilities of so many networks, whose seeds are 0, 1, ...
    number = 32
    [smoke]             options of `tfar train` that make it a matter of seconds, on data that need no download

The trained model is in `runs/NAME`. A training that was interrupted goes on when the command is given again, and one that has ended is
not done again. With `--smoke`, all names end in `-smoke`. Where prepared data sets lie says TFDS_DATA_DIR; those that are made of UCI's
original files are prepared there from the folder that `--manual-dir` names. `tfar` must be installed.
"""

import argparse
import configparser
import contextlib
import csv
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

from tfar.cli.fitting import checkpoint_of
from tfar.cli.main import main as tfar
from tfar.cli.runs import HISTORY
from tfar.files import atomic, refuse_existing, write_json

ROOT = Path(__file__).resolve().parent.parent
RECIPES = ROOT / "scripts" / "recipes"
KNOWN = ("baseline_nll", "gaussian_nll")  # what a figure stands beside
SMOKE_EVALUATION = {"num-orders": "2", "rows": "5"}  # where a recipe evaluates many orders


@dataclass(frozen=True)
class Recipe:
    """What one file of `scripts/recipes` says.

    Attributes:
        name: of the file, without its ending.
        title, paper, gaussian, settings, minutes, tried: its section `recipe`, as strings; `paper` and `gaussian` are None where
            nothing is published, `tried` where the figure is reached.
        train, evaluate: dicts of options, as strings.
        folds: number of folds, or None.
        networks: number of networks whose probabilities are averaged, or None.
    """

    name: str
    title: str
    paper: str | None
    gaussian: str | None
    settings: str
    minutes: str
    train: dict
    evaluate: dict
    folds: int | None
    tried: str | None = None
    networks: int | None = None

    @classmethod
    def read(cls, name, smoke=False):
        """Read a recipe by its name, or what is small of it.

        Raises:
            ValueError: there is none of that name, or it lacks something, or holds something else.
        """
        if name not in names():
            raise ValueError(f"the recipe must be one of {', '.join(names())}. Received: {name}")
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(RECIPES / f"{name}.cfg", encoding="utf-8")
        sections = {section: dict(parser[section]) for section in parser.sections()}
        if unknown := sections.keys() - {"recipe", "train", "evaluate", "folds", "networks", "smoke"}:
            known = "recipe, train, evaluate, folds, networks and smoke"
            raise ValueError(f"{name}.cfg: the sections are {known}. Received: {sorted(unknown)}")
        try:
            head, train, small = sections["recipe"], sections["train"], sections["smoke"]
            needed, optional = ("title", "settings", "minutes"), ("paper", "gaussian", "tried")
            if wrong := {key for key in head if key not in needed + optional or not head[key]}:
                raise ValueError(f"{name}.cfg: [recipe] holds {', '.join(needed + optional)}. Received: {', '.join(sorted(wrong))}")
            head = {key: head[key] for key in needed} | {key: head.get(key) for key in optional}
            evaluate = sections.get("evaluate", {})
            folds, networks = (int(sections[part]["number"]) if part in sections else None for part in ("folds", "networks"))
            if networks is not None and (networks < 1 or folds or evaluate or not {"seed", "refit"}.isdisjoint(train)):
                raise ValueError(
                    f"{name}.cfg: [networks] has a number above 0, and goes with no [folds], no [evaluate], no seed and no refit. "
                    f"Received: {sections}"
                )
            if smoke:
                name, train, folds, networks = f"{name}-smoke", train | small, folds and 3, networks and 2
                file = ROOT / train["data"]
                train["data"] = shlex.quote(str(file)) if file.is_file() else train["data"]
                evaluate = evaluate and evaluate | SMOKE_EVALUATION
            train = {key: train[key] for key in ("model", "data")} | train
            return cls(name=name, train=train, evaluate=evaluate, folds=folds, networks=networks, **head)
        except KeyError as missing:
            raise ValueError(f"{name}.cfg lacks {missing}") from None

    @property
    def folders(self):
        """Names of the folders of its runs, and what options each has besides."""
        if self.folds is not None:
            return [(f"{self.name}/fold-{fold}", {"folds": str(self.folds), "fold": str(fold)}) for fold in range(self.folds)]
        if self.networks is not None:
            return [(f"{self.name}/network-{seed}", {"seed": str(seed)}) for seed in range(self.networks)]
        return [(self.name, {})]

    def command(self):
        """The `tfar train` of its first run, as its results file keeps it."""
        folder, besides = self.folders[0]
        return shlex.join(["tfar", *self.words(Path(folder).name, besides)])

    def words(self, out, besides):
        """The words of `tfar train` that write the run's folder `out`, which has some options besides the recipe's."""
        given = self.train | besides
        model = given.pop("model")
        return ["train", model, *options(given), "--out", str(out)]


def published(recipe):
    """The published figure in words."""
    return f"{recipe.paper} published" if recipe.paper else "nothing published"


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


def train(recipe, folder, besides):
    """Train into a folder, or find what the same recipe trained there, and return its metrics.

    Raises:
        ValueError: the folder holds what another command trained.
        SystemExit: the training failed, or was interrupted.
    """
    words = recipe.words(folder, besides)
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        if code := tfar(words):
            raise SystemExit(code)
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    settings, known = words[:-1], shlex.split(metrics["command"])[1:-1]  # all but the folder's name, which may have moved
    if known != settings:
        raise ValueError(f"{folder} must be what this recipe trains, {shlex.join(settings)}. Received: {shlex.join(known)}")
    if metrics["interrupted"]:
        aside, checkpoint = folder.with_name(f"{folder.name}.interrupted"), checkpoint_of(folder)
        shutil.rmtree(aside, ignore_errors=True)
        os.replace(folder, aside)
        print(f"What was reached is in {aside}.", file=sys.stderr)
        if checkpoint.exists():
            print(f"The same command goes on from {checkpoint}.", file=sys.stderr)
        raise SystemExit(130)
    return metrics


def evaluate(folders, given):
    """The scores that `tfar evaluate FOLDERS --json` prints."""
    printed = io.StringIO()
    words = ["evaluate", *map(str, folders), *options(given), "--json"]
    print(shlex.join(["tfar", *words]), flush=True)
    with contextlib.redirect_stdout(printed):
        if code := tfar(words):
            raise SystemExit(code)
    return json.loads(printed.getvalue())


def averaged(folders, found, split):
    """The scores of the mean of several models' probabilities, at those rows of a split at which their metrics `found` are."""
    return evaluate(folders, {"split": split, "rows": str(found[0][split]["rows"])})


def split_nll(recipe, folders, found, split):
    """The NLL of a recipe's models on a split: their mean, or that of the mean of their probabilities."""
    if recipe.networks is not None:
        return averaged(folders, found, split)["nll"]
    return statistics.mean(metrics[split]["nll"] for metrics in found)


def validation_curve(folder):
    """The validation NLL after each epoch of a training."""
    with (folder / HISTORY).open(encoding="utf-8", newline="") as file:
        return [float(row["val_nll"]) for row in csv.DictReader(file)]


def mean(numbers):
    """Their mean, or None where one is missing."""
    return None if None in numbers else statistics.mean(numbers)


def reproduce(recipe, runs):
    """Do what a recipe says, and return what its results file holds, and the name of the learning curve."""
    folders = [runs / name for name, _ in recipe.folders]
    found = [train(recipe, folder, besides) for folder, (_, besides) in zip(folders, recipe.folders, strict=True)]
    if recipe.networks is None:
        scores = [
            evaluate([folder], recipe.evaluate) if recipe.evaluate else metrics["test"] | {name: metrics.get(name) for name in KNOWN}
            for folder, metrics in zip(folders, found, strict=True)
        ]
    else:
        scores = [averaged(folders, found, "test")]
    nlls = [score["nll"] for score in scores]
    if None in nlls:  # what JSON has in place of no finite number
        raise ValueError(f"the NLL must be finite. Received: none in {folders[nlls.index(None)]}")
    error = scores[0]["nll_error"] if recipe.folds is None else statistics.stdev(nlls) / math.sqrt(len(nlls))
    return {
        "title": recipe.title,
        "model": found[0]["model"],
        "data": found[0]["data"],
        "nll": statistics.mean(nlls),
        "nll_error": error,
        **{name: mean([score.get(name) for score in scores]) for name in KNOWN},
        "paper": recipe.paper and float(recipe.paper),
        "settings": recipe.settings,
        "folds": None if recipe.folds is None else nlls,
        "networks": None if recipe.networks is None else [metrics["test"]["nll"] for metrics in found],
        "rows": sum(score.get("rows", score.get("characters")) for score in scores),
        "train_nll": split_nll(recipe, folders, found, "train"),
        "validation_nll": split_nll(recipe, folders, found, "validation"),
        "validation_curve": validation_curve(folders[0]),
        "evaluate": recipe.evaluate,
        "parameters": found[0]["parameters"] * (recipe.networks or 1),
        "epochs": [metrics["epochs"] for metrics in found],
        "seconds": round(sum(metrics["seconds"] for metrics in found), 1),
        "command": f"python scripts/reproduce.py {recipe.name}",
        "train": recipe.command(),
        "versions": found[-1]["versions"],
        "finished": found[-1]["finished"],
    }, folders[0] / "curve.png"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", nargs="?", help="of the recipe; without it they are listed")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="where the trained models go (default: runs in the repository)")
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="where the figures go (default: results there)")
    parser.add_argument("--overwrite", action="store_true", help="replace a results file and a learning curve that exist")
    either = parser.add_mutually_exclusive_group()  # small data are prepared of nothing
    either.add_argument("--manual-dir", help="of original files, of which the data set is prepared first where it is not yet")
    either.add_argument("--smoke", action="store_true", help="a few steps on small data, to see that the recipe works")
    args = parser.parse_args()
    if args.name is None:
        for recipe in map(Recipe.read, names()):
            print(f"{recipe.name:28} {recipe.title}: {published(recipe)}, about {recipe.minutes} minutes")
        return 0
    try:
        recipe = Recipe.read(args.name, args.smoke)
        path, picture = (refuse_existing(args.results / f"{recipe.name}{end}", args.overwrite) for end in (".json", ".png"))
        if args.manual_dir:
            from tfar.datasets.catalogue import read_tfds

            read_tfds(recipe.train["data"], manual_dir=args.manual_dir)
        result, curve = reproduce(recipe, args.runs)
    except (ValueError, FileExistsError) as error:
        print(f"reproduce: error: {error}", file=sys.stderr)
        return 1
    if curve.exists():
        with atomic(picture, args.overwrite) as temporary:
            shutil.copyfile(curve, temporary)
    write_json(path, result, args.overwrite)
    error = "" if result["nll_error"] is None else f" +- {result['nll_error']:.4f}"
    print(f"{recipe.title}: {result['nll']:.4f}{error} nats, {published(recipe)}\n{path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
