"""Write the table of the recipes' results into README.md, and below it what does not reach its published figure, from the files in
`results/` that `scripts/reproduce.py` wrote.

    python scripts/results_table.py [--check]

`--check` changes nothing, and fails where the table in README.md is not the one that would be written. A recipe that has not been run
has a row without figures.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

from reproduce import Recipe, names

from tfar.files import write_text

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- scripts/results_table.py begins -->", "<!-- scripts/results_table.py ends -->"
HEADER = ("model and data", "published", "here", "baseline", "parameters", "minutes", "settings", "`scripts/reproduce.py`")


def table(results):
    """The table in Markdown, from the folder of results files."""
    rows = [HEADER, ["---"] * len(HEADER)]
    rows += [row(recipe, results / f"{recipe.name}.json") for recipe in map(Recipe.read, names())]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def read(path):
    """What a results file holds, or None where its recipe was not run."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def refuse_others(results):
    """Refuse a results file that another recipe made than the one whose row would show it.

    Raises:
        ValueError: the recipe has changed since, or the file.
    """
    for recipe in map(Recipe.read, names()):
        found = read(results / f"{recipe.name}.json")
        if found is None:
            continue
        count = found.get("networks") and len(found["networks"])
        if (found["train"], found["evaluate"], count) != (recipe.command(), recipe.evaluate, recipe.networks):
            raise ValueError(
                f"results/{recipe.name}.json must be of its recipe, {recipe.command()}, evaluated by {recipe.evaluate}, networks: "
                f"{recipe.networks}; run scripts/reproduce.py {recipe.name} --overwrite. Received: {found['train']}, "
                f"{found['evaluate']}, networks: {count}"
            )


def gaps(results):
    """A list in Markdown of what does not reach its published figure: by how much, where the curve was going, what was tried."""
    lines = (gap(recipe, results / f"{recipe.name}.json") for recipe in map(Recipe.read, names()))
    return "\n".join(line for line in lines if line)


def gap(recipe, path):
    """The line of one recipe, or None where it reaches its figure, has none, or was not run."""
    found = read(path)
    if found is None or recipe.paper is None:
        return None
    missing = found["nll"] - float(recipe.paper)
    if missing <= 0:
        return None
    curve, fall = found.get("validation_curve", []), ""
    if len(curve) > 1:
        fall = f"; the last of {len(curve)} epochs changed the validation NLL by {curve[-1] - curve[-2]:+.2f}"
    return f"- {recipe.title}: {missing:.2f} nats above{fall}. {recipe.tried or ''}".rstrip()


def row(recipe, path):
    """The cells of one recipe."""
    first, last = [recipe.title, recipe.paper or ""], [recipe.settings, f"`{recipe.name}`"]
    found = read(path)
    if found is None:
        return [*first, "not run", "", "", "", *last]
    digits = len(recipe.paper.partition(".")[2]) if recipe.paper else 2
    figure = f"{found['nll']:.{digits}f}" + ("" if found["nll_error"] is None else f" ± {found['nll_error']:.{digits}f}")
    others = f" ({statistics.mean(found['folds'][:-1]):.{digits}f} without fold {recipe.folds - 1})" if recipe.folds else ""
    reached = recipe.paper is not None and found["nll"] <= float(recipe.paper)
    middle = [baseline(recipe, found), f"{found['parameters']:,}", f"{found['seconds'] / 60:.0f}"]
    return [*first, (f"**{figure}**" if reached else figure) + others, *middle, *last]


def baseline(recipe, found):
    """The cell of what is simpler: independent positions; for real values the normal of full covariance, and what is published of it."""
    if found.get("gaussian_nll") is None:
        return f"{found['baseline_nll']:.2f}"
    return f"{found['gaussian_nll']:.2f} (normal" + (f"; published {recipe.gaussian})" if recipe.gaussian else ")")


def rewritten(text, results):
    """README's text with the table of now.

    Raises:
        ValueError: the marks are missing, or a results file is not of its recipe.
    """
    refuse_others(results)
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"README.md must hold the lines {BEGIN!r} and {END!r} once each")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    missed = gaps(results)
    parts = [table(results)] + (["Not reached, and what was tried:", missed] if missed else [])
    return f"{before}{BEGIN}\n" + "\n\n".join(parts) + f"\n{END}{after}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="fail where the table is not up to date")
    args = parser.parse_args()
    readme = ROOT / "README.md"
    old = readme.read_text(encoding="utf-8")
    try:
        new = rewritten(old, ROOT / "results")
    except ValueError as error:
        print(f"results_table: error: {error}", file=sys.stderr)
        return 1
    if args.check and new != old:
        print("README.md: the table of results is not up to date; run python scripts/results_table.py", file=sys.stderr)
        return 1
    if new != old:
        write_text(readme, new, overwrite=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
