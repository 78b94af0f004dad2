"""Write the table of results into docs/results.md, below it the recipes that do not reach their published figure; and README's few rows.

    python scripts/results_table.py [--check]

The figures come from the files in `results/` that `tfar reproduce` wrote. `--check` changes nothing, and fails if a table
is not up to date. A recipe that has not been run has a row without figures.
"""

import argparse
import functools
import json
import statistics
import sys
from pathlib import Path

from marks import rewritten

from tfar.cli.recipes import Recipe, names
from tfar.files import CONFIGURATION, write_text

ROOT = Path(__file__).resolve().parent.parent
MARKS = "scripts/results_table.py"
HEADER = (
    "model and data",
    "published",
    "here",
    "looks",
    "baseline",
    "parameters",
    "effective",
    "minutes",
    "settings",
    "`tfar reproduce`",
)
HEADLINE = ("charrnn-tiny_shakespeare", "deepnade", "diagonal_bilstm", "made", "rnade-white_wine-mog")  # of README
NOTE = """\
± is the standard error of the mean: over the test rows, or over the folds. A figure in bold is below the published one by more than that;
"level" is within it. "looks" counts the scorings of the test rows that stand in the history of the results file, which dates them, with
earlier settings too: several mean that settings were changed after a test figure had been seen, so that the last one is biased down."""


def table(results):
    """Return the table in Markdown, from the folder of results files."""
    rows = [HEADER, ["---"] * len(HEADER)]
    rows += [row(recipe, results / f"{recipe.name}.json") for recipe in map(Recipe.read, names())]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def read(path):
    """Return the content of a results file, or None if the recipe was not run."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def refuse_others(results):
    """Check that each results file was written by its recipe.

    Raises:
        ValueError: the recipe or the file has changed since.
    """
    for recipe in map(Recipe.read, names()):
        result = read(results / f"{recipe.name}.json")
        if result is None:
            continue
        count = result.get("networks") and len(result["networks"])
        if (result["train"], result["evaluate"], count) != (recipe.command(), recipe.evaluate, recipe.networks):
            raise ValueError(
                f"results/{recipe.name}.json must be of its recipe, {recipe.command()}, evaluated by {recipe.evaluate}, networks: "
                f"{recipe.networks}; run tfar reproduce {recipe.name} --overwrite. Received: {result['train']}, "
                f"{result['evaluate']}, networks: {count}"
            )


def gaps(results):
    """Return a list in Markdown of the recipes that do not reach their published figure."""
    lines = (gap(recipe, results / f"{recipe.name}.json") for recipe in map(Recipe.read, names()))
    return "\n".join(line for line in lines if line)


def gap(recipe, path):
    """Return the line of one recipe: the gap, the last change of the curve, and what was tried. None if there is no gap to a figure."""
    result = read(path)
    if result is None or recipe.paper is None:
        return None
    missing = result["nll"] - float(recipe.paper)
    if missing <= (result.get("nll_error") or 0):
        return None
    curve, fall = result.get("validation_curve", []), ""
    if len(curve) > 1:
        fall = f"; the last of {len(curve)} epochs changed the validation NLL by {curve[-1] - curve[-2]:+.2f}"
    return f"- {recipe.title}: {missing:.2f} nats above{fall}. {recipe.tried or ''}".rstrip()


def row(recipe, path):
    """Return the cells of one recipe."""
    first, last = [recipe.title, recipe.paper or ""], [recipe.settings, f"`{recipe.name}`"]
    result = read(path)
    if result is None:
        return [*first, "not run", *[""] * (len(HEADER) - 5), *last]
    digits = len(recipe.paper.partition(".")[2]) if recipe.paper else 2
    figure = f"{result['nll']:.{digits}f}" + ("" if result["nll_error"] is None else f" ± {result['nll_error']:.{digits}f}")
    others = f" ({statistics.mean(result['folds'][:-1]):.{digits}f} without fold {recipe.folds - 1})" if recipe.folds else ""
    counts = [f"{result['parameters']:,}", effective(recipe.name, recipe.train["data"], result["parameters"])]
    middle = [str(len(result["test_looks"])), baseline(recipe, result), *counts, f"{result['seconds'] / 60:.0f}"]
    return [*first, marked(figure, recipe, result) + others, *middle, *last]


@functools.cache
def effective(name, data, stored):
    """Return the number of parameters that no mask removes, of the model in saved_models; "" unless one of as many parameters is there.

    Args:
        name, data: of the recipe.
        stored: the number of its parameters.
    """
    for folder in (ROOT / "saved_models" / name, ROOT / "saved_models" / f"{name}-{data}"):
        if folder.is_dir() and json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["parameters"] == stored:
            import keras

            configuration = json.loads((folder / CONFIGURATION).read_text(encoding="utf-8"))
            return f"{keras.saving.deserialize_keras_object(configuration).effective_parameters():,}"
    return ""


def marked(figure, recipe, result):
    """Return a figure in bold where it is below the published one by more than its standard error, and "level" within that."""
    if recipe.paper is None or result["nll_error"] is None:
        return figure
    margin = float(recipe.paper) - result["nll"]
    return f"**{figure}**" if margin > result["nll_error"] else f"{figure}, level" if margin >= -result["nll_error"] else figure


def baseline(recipe, result):
    """Return the cell of the baseline: independent positions, or for real values the normal, with its published figure."""
    if result.get("gaussian_nll") is None:
        return f"{result['baseline_nll']:.2f}"
    return f"{result['gaussian_nll']:.2f} (normal" + (f"; published {recipe.gaussian})" if recipe.gaussian else ")")


def full(results):
    """Return what docs/results.md shows: the table, its note, and what was not reached.

    Raises:
        ValueError: a results file was not written by its recipe.
    """
    refuse_others(results)
    missed = gaps(results)
    return "\n\n".join([table(results), NOTE] + (["Not reached, and what was tried:", missed] if missed else []))


def headline(results):
    """Return what README.md shows: model, published figure and ours, of a few recipes."""
    rows = [HEADER[:3], ["---"] * 3]
    rows += [row(recipe, results / f"{recipe.name}.json")[:3] for recipe in map(Recipe.read, HEADLINE)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


PAGES = {"docs/results.md": full, "README.md": headline}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="fail if a table is not up to date; write nothing")
    args = parser.parse_args()
    stale = {}
    try:
        for name, content in PAGES.items():
            old = (ROOT / name).read_text(encoding="utf-8")
            new = rewritten(old, MARKS, content(ROOT / "results"))
            if new != old:
                stale[name] = new
    except ValueError as error:
        print(f"results_table: error: {error}", file=sys.stderr)
        return 1
    for name, new in stale.items():
        if args.check:
            print(f"{name}: the table of results is not up to date; run python scripts/results_table.py", file=sys.stderr)
        else:
            write_text(ROOT / name, new, overwrite=True)
    return int(args.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
