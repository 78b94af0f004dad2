"""Train and score a model by its recipe; write `results/NAME.json` and its learning curve `results/NAME.png`.

    python scripts/reproduce.py                 # lists the recipes
    python scripts/reproduce.py NAME [--runs DIR] [--results DIR] [--overwrite] [--manual-dir DIR | --smoke]

A recipe is `scripts/recipes/NAME.cfg`:

    [recipe]
    title = title of the row in the results table
    paper = the published negative log-likelihood (a published log-likelihood with the opposite sign); omitted if nothing is published
    gaussian = for real values, the published negative log-likelihood of a normal with full covariance; agreement with it shows that the
               protocol is the same
    settings = the settings in a few words, and whether they are the paper's or ours
    minutes = training time on two cores
    tried = if the published figure is not reached, what was tried and what was not; README prints it below its table
    [train]             options of `tfar train`, without the dashes; yes or no for switches
    model = made
    data = binarized_mnist
    [evaluate]          options of `tfar evaluate`, if the figure is not the one that training reports
    [folds]             for a figure that is the mean over the folds of a cross-validation
    number = 10
    [networks]          for an ensemble: the mean of the probabilities of networks with the seeds 0, 1, ...
    number = 32
    [smoke]             options of `tfar train` for a run of seconds, on data that need no download

Settings are chosen by validation figures, and stand in the recipe before the test rows are scored. The results file counts and dates
every scoring of the test rows, `test_looks`, those of earlier settings too.

The trained model is in `runs/NAME`. The same command resumes a training that was interrupted, and does not repeat one that is complete.
With `--smoke`, all names end in `-smoke`. TFDS_DATA_DIR names the folder of prepared data sets. Data sets that are made from UCI's original
files are prepared there, from the folder that `--manual-dir` names. `tfar` must be installed.
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
KNOWN = ("baseline_nll", "gaussian_nll")  # the baselines of a figure
SMOKE_EVALUATION = {"num-orders": "2", "rows": "5"}  # instead of the many orders of [evaluate]


@dataclass(frozen=True)
class Recipe:
    """A file of `scripts/recipes`.

    Attributes:
        name: the name of the file, without its ending.
        title, paper, gaussian, settings, minutes, tried: strings of its section `recipe`. `paper` and `gaussian` are None if nothing is
            published, `tried` is None if there is nothing to add.
        train, evaluate: options by name, as strings.
        folds: number of folds, or None.
        networks: number of networks of an ensemble, or None.
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
        """Read a recipe.

        Args:
            name: the name of the recipe.
            smoke: whether to return its smoke run instead.

        Raises:
            ValueError: there is no recipe of that name, an entry is missing, or an entry is unknown.
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
        """The name of the folder of each run, and the options that the run has besides the recipe's."""
        if self.folds is not None:
            return [(f"{self.name}/fold-{fold}", {"folds": str(self.folds), "fold": str(fold)}) for fold in range(self.folds)]
        if self.networks is not None:
            return [(f"{self.name}/network-{seed}", {"seed": str(seed)}) for seed in range(self.networks)]
        return [(self.name, {})]

    def command(self):
        """Return the `tfar train` command of the first run, as the results file stores it."""
        folder, besides = self.folders[0]
        return shlex.join(["tfar", *self.words(Path(folder).name, besides)])

    def words(self, out, besides):
        """Return the arguments of `tfar` that train into the folder `out`, with the options `besides` those of the recipe."""
        given = self.train | besides
        model = given.pop("model")
        return ["train", model, *options(given), "--out", str(out)]


def published(recipe):
    """Return the published figure in words."""
    return f"{recipe.paper} published" if recipe.paper else "nothing published"


def names():
    """Return the names of all recipes."""
    return sorted(path.stem for path in RECIPES.glob("*.cfg"))


def options(given):
    """Return options by name as arguments of a command line.

    >>> options({"hidden-units": "500 500", "jit": "no", "direct": "yes"})
    ['--hidden-units', '500', '500', '--no-jit', '--direct']
    """
    words = []
    for name, value in given.items():
        words += [f"--no-{name}"] if value == "no" else [f"--{name}"] if value == "yes" else [f"--{name}", *shlex.split(value)]
    return words


def train(recipe, folder, besides):
    """Train into a folder unless the same recipe has done so before, and return the metrics.

    Raises:
        ValueError: the folder is of another training.
        SystemExit: the training failed or was interrupted.
    """
    words = recipe.words(folder, besides)
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        if code := tfar(words):
            raise SystemExit(code)
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    settings, known = words[:-1], shlex.split(metrics["command"])[1:-1]  # without the folder, which may have moved
    if known != settings:
        raise ValueError(f"{folder} must be what this recipe trains, {shlex.join(settings)}. Received: {shlex.join(known)}")
    if metrics["interrupted"]:
        aside, checkpoint = folder.with_name(f"{folder.name}.interrupted"), checkpoint_of(folder)
        shutil.rmtree(aside, ignore_errors=True)
        os.replace(folder, aside)
        print(f"The interrupted run is in {aside}.", file=sys.stderr)
        if checkpoint.exists():
            print(f"The same command goes on from {checkpoint}.", file=sys.stderr)
        raise SystemExit(130)
    return metrics


def evaluate(folders, given):
    """Return the scores that `tfar evaluate FOLDERS --json` prints."""
    printed = io.StringIO()
    several = ["--ensemble"] if len(folders) > 1 else []
    words = ["evaluate", *map(str, folders), *several, *options(given), "--json"]
    print(shlex.join(["tfar", *words]), flush=True)
    with contextlib.redirect_stdout(printed):
        if code := tfar(words):
            raise SystemExit(code)
    return json.loads(printed.getvalue())


def averaged(folders, metrics, split):
    """Return the scores of an ensemble of models on the rows of a split that the models' own metrics are of."""
    return evaluate(folders, {"split": split, "rows": str(metrics[0][split]["rows"])})


def split_nll(recipe, folders, metrics, split):
    """Return the NLL of a recipe on a split: that of its ensemble, or else the mean over its runs."""
    if recipe.networks is not None:
        return averaged(folders, metrics, split)["nll"]
    return statistics.mean(one[split]["nll"] for one in metrics)


def validation_curve(folder):
    """Return the validation NLL after each epoch of a training."""
    with (folder / HISTORY).open(encoding="utf-8", newline="") as file:
        return [float(row["val_nll"]) for row in csv.DictReader(file)]


def mean(numbers):
    """Return the mean, or None if a number is None."""
    return None if None in numbers else statistics.mean(numbers)


def looks_before(path):
    """Return what a results file says of earlier scorings of the test rows: when each was, and its figure."""
    return json.loads(path.read_text(encoding="utf-8"))["test_looks"] if path.is_file() else []


def reproduce(recipe, runs, looks):
    """Run a recipe; return the content of its results file, with earlier `looks` at the test rows, and the path of the learning curve."""
    folders = [runs / name for name, _ in recipe.folders]
    metrics = [train(recipe, folder, besides) for folder, (_, besides) in zip(folders, recipe.folders, strict=True)]
    if recipe.networks is None:
        scores = [
            evaluate([folder], recipe.evaluate) if recipe.evaluate else one["test"] | {name: one.get(name) for name in KNOWN}
            for folder, one in zip(folders, metrics, strict=True)
        ]
    else:
        scores = [averaged(folders, metrics, "test")]
    nlls = [score["nll"] for score in scores]
    if None in nlls:  # JSON has null for an NLL that is not finite
        raise ValueError(f"the NLL must be finite. Received: none in {folders[nlls.index(None)]}")
    error = scores[0]["nll_error"] if recipe.folds is None else statistics.stdev(nlls) / math.sqrt(len(nlls))
    look = {"finished": metrics[-1]["finished"], "nll": statistics.mean(nlls)}
    return {
        "title": recipe.title,
        "model": metrics[0]["model"],
        "data": metrics[0]["data"],
        "nll": statistics.mean(nlls),
        "nll_error": error,
        "test_looks": looks + [look] * (look not in looks),  # the same run, reported again, is no other look
        **{name: mean([score.get(name) for score in scores]) for name in KNOWN},
        "paper": recipe.paper and float(recipe.paper),
        "settings": recipe.settings,
        "folds": None if recipe.folds is None else nlls,
        "networks": None if recipe.networks is None else [one["test"]["nll"] for one in metrics],
        "rows": sum(score.get("rows", score.get("characters")) for score in scores),
        "train_nll": split_nll(recipe, folders, metrics, "train"),
        "validation_nll": split_nll(recipe, folders, metrics, "validation"),
        "validation_curve": validation_curve(folders[0]),
        "evaluate": recipe.evaluate,
        "parameters": metrics[0]["parameters"] * (recipe.networks or 1),
        "epochs": [one["epochs"] for one in metrics],
        "seconds": round(sum(one["seconds"] for one in metrics), 1),
        "command": f"python scripts/reproduce.py {recipe.name}",
        "train": recipe.command(),
        "versions": metrics[-1]["versions"],
        "finished": metrics[-1]["finished"],
    }, folders[0] / "curve.png"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", nargs="?", help="name of the recipe; without it, the recipes are listed")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="folder of trained models (default: runs in the repository)")
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="folder of results (default: results in the repository)")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing results file and learning curve")
    either = parser.add_mutually_exclusive_group()  # the small data need no original files
    either.add_argument("--manual-dir", help="first prepare the data set from original files in this folder")
    either.add_argument("--smoke", action="store_true", help="a few steps on small data, to check that the recipe works")
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
        result, curve = reproduce(recipe, args.runs, looks_before(path))
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
