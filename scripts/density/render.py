"""docs/benchmark.md with its picture, and the table of docs/training.md: no figure there is written by hand."""

import statistics

from marks import rewritten

from density import models, results, suites, validation
from tfar import plotting
from tfar.cli.outputs import markdown_table
from tfar.files import write_text
from tfar.plotting.figures import figure

DOCS = results.ROOT / "docs"
MARKS = "scripts/benchmark_density.py"
TITLES = {
    "debd": "Binary tables (DEBD): test NLL in nats",
    "uci": "Real values (RNADE's sets), mean of ten folds: test NLL in nats of standardised values",
}


def run(folder, docs=DOCS):
    """Write what there are figures for."""
    found = {suite: results.read_all(folder, suite) for suite in suites.SETS}
    found = {suite: rows for suite, rows in found.items() if any("parameters" in row for row in rows)}  # not of baselines alone
    if found:
        write_text(docs / "benchmark.md", benchmark(found), overwrite=True)
        for suite, rows in found.items():
            if plotting.available():
                plotting.save(rank_plot(ranks(suite, rows)), docs / "pictures" / f"benchmark-{suite}.png", overwrite=True)
    page = docs / "training.md"
    table = validation_table(results.read_all(folder, "validation"))
    write_text(page, rewritten(page.read_text(encoding="utf-8"), MARKS, f"\n{table}\n"), overwrite=True)


def benchmark(found):
    """The page of the suites, from their rows."""
    parts = [
        "# Benchmark of densities",
        "Written by `python scripts/benchmark_density.py render` from `results/density/`. Every family is trained with its automatic "
        "settings ([training.md](training.md)), one seed; rows named `-tuned` have settings by hand. ± is the standard error of the mean, "
        "over test rows or over folds. "
        f"Deep NADE and NADE-k average the probabilities of {models.ORDERS} orders. Bold: the best of a set among our models and the "
        "baselines. Published figures are test NLLs of other models. Test rows were scored once for each row of the tables, after the "
        "rules of the settings had been frozen.",
    ]
    for suite, rows in found.items():
        parts += [f"## {TITLES[suite]}", scores_table(suite, rows), "Seconds of training and scoring, and parameters:"]
        parts += [cost_table(suite, rows), f"![Mean ranks](pictures/benchmark-{suite}.png)"]
    return "\n\n".join(parts) + "\n"


def labels(suite, rows):
    """The methods that have rows, baselines first and tuned families last."""
    known = suites.methods(suite)
    return sorted({row["method"] for row in rows}, key=lambda m: (m.endswith("-tuned"), known.index(m) if m in known else len(known), m))


def scores_table(suite, rows):
    sets = [name for name in suites.SETS[suite] if any(row["set"] == name for row in rows)]
    cells = {(row["method"], row["set"]): row for row in rows}
    best = {name: min(row["nll"] for row in rows if row["set"] == name) for name in sets}

    def cell(method, name):
        row = cells.get((method, name))
        text = "" if row is None else f"{row['nll']:.3f} ± {row['nll_error']:.3f}"
        return f"**{text}**" if row is not None and row["nll"] == best[name] else text

    table = [[method, *(cell(method, name) for name in sets)] for method in labels(suite, rows)]
    published = suites.PUBLISHED[suite]
    table.append(["published best", *(f"{published[name][0]} ({published[name][1]})" for name in sets)])
    return markdown_table(["model", *sets], table)


def cost_table(suite, rows):
    sets = [name for name in suites.SETS[suite] if any(row["set"] == name for row in rows)]
    cells = {(row["method"], row["set"]): row for row in rows}

    def cell(method, name):
        row = cells.get((method, name))
        parameters = "" if row is None or "parameters" not in row else f", {row['parameters']:,}"
        return "" if row is None else f"{row['seconds']:.0f} s{parameters}"

    return markdown_table(["model", *sets], [[method, *(cell(method, name) for name in sets)] for method in labels(suite, rows)])


def ranks(suite, rows):
    """The mean rank of each method over the sets that all of them were measured on, 1 for the best; an empty dict without such sets."""
    found = {(row["set"], row["method"]): row["nll"] for row in rows}
    methods = labels(suite, rows)
    whole = [name for name in suites.SETS[suite] if all((name, method) in found for method in methods)]
    if not whole:
        return {}
    return {m: statistics.mean(1 + sum(found[name, other] < found[name, m] for other in methods) for name in whole) for m in methods}


def rank_plot(means):
    """Bars of the mean ranks, the best on top."""
    ordered = sorted(means.items(), key=lambda item: -item[1])
    picture = figure(6, 0.6 + 0.3 * max(len(ordered), 1))
    axes = picture.add_subplot()
    bars = axes.barh([name for name, _ in ordered], [rank for _, rank in ordered], color="#4477aa")
    axes.bar_label(bars, fmt="%.1f", padding=3)
    axes.set_xlabel("mean rank over the sets (1: lowest test NLL)")
    axes.spines[["top", "right"]].set_visible(False)
    return picture


def validation_table(rows):
    """NLLs of validation rows with the defaults of version 0.1 and with the automatic settings, and seconds of training."""
    cells = {(row["set"], row["family"], row["which"]): row for row in rows}
    table = []
    for name in validation.SETS:
        for family in dict.fromkeys([*models.FAMILIES["binary"], *models.FAMILIES["continuous"]]):
            pair = [cells.get((name, family, which)) for which in ("before", "automatic")]
            first = pair[1] or pair[0]
            if first is not None:
                figures = ["" if row is None else f"{row['nll']:.2f} ({row['seconds']:.0f} s)" for row in pair]
                size = f"{first['training_rows']:,} x {first['columns']}"
                table.append([name, size, family, f"{first['independent']:.2f}", *figures])
    return markdown_table(["set", "rows x columns", "family", "independent", "before", "automatic"], table)
