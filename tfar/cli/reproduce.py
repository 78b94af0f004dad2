"""`tfar reproduce`: train and score models by their recipes."""

import contextlib
import csv
import io
import json
import math
import os
import shlex
import shutil
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfar.cli.arguments import shared_parser
from tfar.cli.fitting import checkpoint_of
from tfar.cli.recipes import Recipe, names, options
from tfar.cli.runs import HISTORY, METRICS
from tfar.files import atomic, refuse_existing, write_json
from tfar.reading import read_json

DESCRIPTION = """\
Train and score models by their recipes. DIR/runs/NAME is the trained model, DIR/results/NAME.json its figures, and DIR/results/NAME.png its
learning curve. The same command resumes a training that was interrupted, and does not repeat one that is complete. Without a NAME, list
the recipes. TFDS_DATA_DIR names the folder of prepared data sets."""
RUNS, RESULTS = "runs", "results"  # folders in DIR
KNOWN = ("baseline_nll", "gaussian_nll")  # the baselines of a figure


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    help = "train and score models of the results table"
    parser = commands.add_parser("reproduce", parents=[shared_parser()], help=help, description=DESCRIPTION)
    parser.set_defaults(run=run)
    parser.add_argument("names", metavar="NAME", nargs="*", help="name of a recipe; with --smoke, what it writes ends in -smoke")
    parser.add_argument("--out", metavar="DIR", default=".", help="folder to write into (default: the current one)")
    parser.add_argument("--overwrite", action="store_true", help="replace results files and learning curves that exist")
    either = parser.add_mutually_exclusive_group()  # the small data need no original files
    either.add_argument("--manual-dir", metavar="DIR", help="first prepare the TFDS data set from original files in this folder")
    either.add_argument("--smoke", action="store_true", help="a few steps on data that come with tfar, to check that the recipe works")


def run(args: Any) -> None:
    """Train and score the models of some recipes; without a name, list all recipes."""
    if not args.names:
        for recipe in map(Recipe.read, names()):
            print(f"{recipe.name:28} {recipe.title}: {recipe.published}, about {recipe.minutes} minutes")
        return
    recipes = [Recipe.read(name, args.smoke) for name in args.names]
    stems = [Path(args.out, RESULTS, recipe.name) for recipe in recipes]
    paths = [[refuse_existing(f"{stem}{end}", args.overwrite) for end in (".json", ".png")] for stem in stems]
    for recipe, (path, picture) in zip(recipes, paths, strict=True):
        if args.manual_dir is not None:
            from tfar.datasets.catalogue import read_tfds

            read_tfds(recipe.train["data"], manual_dir=args.manual_dir)
        result, curve = reproduce(recipe, Path(args.out, RUNS), looks_before(path))
        if curve.exists():
            with atomic(picture, args.overwrite) as temporary:
                shutil.copyfile(curve, temporary)
        write_json(path, result, args.overwrite)
        error = "" if result["nll_error"] is None else f" +- {result['nll_error']:.4f}"
        print(f"{recipe.title}: {result['nll']:.4f}{error} nats, {recipe.published}\n{path}")


def reproduce(recipe: Recipe, runs: Path, looks: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], Path]:
    """Run a recipe.

    The results file counts and dates every scoring of the test rows, `test_looks`, those of earlier settings too.

    Args:
        recipe: to run.
        runs: folder of trained models.
        looks: earlier ones at the test rows, of `looks_before`.

    Returns:
        The content of its results file, and the path of the learning curve.

    Raises:
        ValueError: a folder is of another training, or an NLL is not finite.
        KeyboardInterrupt: a training was interrupted.
    """
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
        "test_looks": [*looks, *([look] if look not in looks else [])],  # the same run, reported again, is no other look
        **{name: mean([score.get(name) for score in scores]) for name in KNOWN},
        "paper": recipe.paper and float(recipe.paper),
        "settings": recipe.settings,
        "folds": None if recipe.folds is None else nlls,
        "networks": None if recipe.networks is None else [one["test"]["nll"] for one in metrics],
        "rows": sum(score["rows"] if "rows" in score else score["characters"] for score in scores),
        "train_nll": split_nll(recipe, folders, metrics, "train"),
        "validation_nll": split_nll(recipe, folders, metrics, "validation"),
        "validation_curve": validation_curve(folders[0]),
        "evaluate": recipe.evaluate,
        "parameters": metrics[0]["parameters"] * (recipe.networks or 1),
        "epochs": [one["epochs"] for one in metrics],
        "seconds": round(sum(one["seconds"] for one in metrics), 1),
        "command": f"tfar reproduce {recipe.name}",
        "train": recipe.command(),
        "versions": metrics[-1]["versions"],
        "finished": metrics[-1]["finished"],
    }, folders[0] / "curve.png"


def carry_out(words: Sequence[str]) -> None:
    """Carry out another subcommand of `tfar`, whose errors are this one's."""
    from tfar.cli.main import parse

    args = parse(words)
    args.run(args)


def train(recipe: Recipe, folder: Path, besides: Mapping[str, str]) -> dict[str, Any]:
    """Train into a folder unless the same recipe has done so before, and return the metrics.

    Raises:
        ValueError: the folder is of another training.
        KeyboardInterrupt: the training was interrupted.
    """
    words = recipe.words(folder, besides)
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        carry_out(words)
    metrics = read_json(folder / METRICS, {"command": str, "interrupted": bool})
    settings, known = words[:-1], shlex.split(metrics["command"])[1:-1]  # without the folder, which may have moved
    if known != settings:
        raise ValueError(f"{folder} must be what this recipe trains, {shlex.join(settings)}. Received: {shlex.join(known)}")
    if metrics["interrupted"]:
        aside, checkpoint = folder.with_name(f"{folder.name}.interrupted"), checkpoint_of(folder)
        shutil.rmtree(aside, ignore_errors=True)
        os.replace(folder, aside)
        goes_on = f"; the same command goes on from {checkpoint}" if checkpoint.exists() else ""
        raise KeyboardInterrupt(f"the interrupted run is in {aside}{goes_on}")
    return metrics


def evaluate(folders: Sequence[Path], given: Mapping[str, str]) -> dict[str, Any]:
    """The scores that `tfar evaluate FOLDERS --json` prints."""
    printed = io.StringIO()
    several = ["--ensemble"] if len(folders) > 1 else []
    words = ["evaluate", *map(str, folders), *several, *options(given), "--json"]
    print(shlex.join(["tfar", *words]), flush=True)
    with contextlib.redirect_stdout(printed):
        carry_out(words)
    return json.loads(printed.getvalue())


def averaged(folders: Sequence[Path], metrics: Sequence[dict[str, Any]], split: str) -> dict[str, Any]:
    """The scores of an ensemble of models on the rows of a split that the models' own metrics are of."""
    return evaluate(folders, {"split": split, "rows": str(metrics[0][split]["rows"])})


def split_nll(recipe: Recipe, folders: Sequence[Path], metrics: Sequence[dict[str, Any]], split: str) -> float:
    """The NLL of a recipe on a split: that of its ensemble, or else the mean over its runs."""
    if recipe.networks is not None:
        return averaged(folders, metrics, split)["nll"]
    return statistics.mean(one[split]["nll"] for one in metrics)


def validation_curve(folder: Path) -> list[float]:
    """The validation NLL after each epoch of a training."""
    with (folder / HISTORY).open(encoding="utf-8", newline="") as file:
        return [float(row["val_nll"]) for row in csv.DictReader(file)]


def mean(numbers: Sequence[float | None]) -> float | None:
    """The mean, or None if a number is None."""
    present = [number for number in numbers if number is not None]
    return statistics.mean(present) if len(present) == len(numbers) else None


def looks_before(path: Path) -> list[dict[str, Any]]:
    """What a results file says of earlier scorings of the test rows: when each was, and its figure."""
    return json.loads(path.read_text(encoding="utf-8"))["test_looks"] if path.is_file() else []
