"""docs/benchmark_tables.md, from the files of results: no figure there is written by hand."""

import statistics

from tables import protocol
from tables.completion import IMPUTERS
from tables.rivals import METHODS
from tfar.cli.outputs import markdown_table
from tfar.files import write_text

PAGE = protocol.ROOT / "docs" / "benchmark_tables.md"
QUALITY = {"shapes": 2, "trends": 2, "auc": 4, "detection": 3, "copies": 2}  # digits
GOALS = {  # of our rows
    "synthetic": ("goal", "at most 0.70", "at most 1.5", "at least 0.922", "at most 0.55", "as the test rows", "below 39.5", "at most 30"),
    "conditions": ("goal", "at least 0.92", "", ""),
    "queries": ("goal", "below 1.1", "", "", "below 3", "", ""),
}


def run(options, page=PAGE):
    """Write the page; groups that were not run are left out."""
    adult, tables = protocol.Results(options, "adult").read(), protocol.Results(options, "tables").read()
    sections = [
        (synthetic, adult, "synthetic"),
        (completion, adult, "completion"),
        (conditions, adult, "conditions"),
        (scores, adult, "scores"),
        (queries, adult, "queries"),
        (big, tables, "big"),
        (wide, tables, "wide"),
        (looks, adult, "test_looks"),
    ]
    parts = [
        "# Benchmarks of mixed tables",
        "Written by `python scripts/benchmark_tables.py render` from `results/adult.json` and `results/tables.json`. Adult: 24,403 "
        f"training rows and 24,403 test rows. Times are of two processor cores. Everything random is drawn from seed {protocol.SEED}.",
        *(section(content) for section, content, name in sections if name in content),
    ]
    write_text(page, "\n\n".join(parts) + "\n", overwrite=True)
    print(page)


def number(value, digits=2):
    """A number as text; "" for None."""
    return "" if value is None else f"{value:,.{digits}f}"


def spread(values, digits):
    """The mean of values and their standard deviation."""
    mean = number(statistics.mean(values), digits)
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def synthetic(adult):
    names = {"settings": "tfar MADE, settings below", "defaults": "tfar MADE, defaults"}
    rivals = adult.get("rivals", {})
    rows, commands = {}, []
    for kind, part in adult["synthetic"].items():
        runs, quality = list(part["runs"].values()), part.get("quality", {})
        commands.append(f"- {names[kind]}: `{runs[0]['command']}`, {len(runs)} seed{'s' * (len(runs) > 1)}")
        tables = list(quality.get("tables", {}).values())
        scores = [spread([table[name] for table in tables], digits) if tables else "" for name, digits in QUALITY.items()]
        bits = spread([run["test_bits_per_row"] for run in runs], 2)
        rows[names[kind]] = [*scores, bits, spread([run["training_seconds"] / 60 for run in runs], 1)]
        rows |= {name: line(table) for name, table in quality.get("references", {}).items()}
    for method in METHODS:
        if method in rivals.get("quality", {}).get("tables", {}):
            minutes = number(rivals["costs"][method]["seconds"] / 60, 1)
            rows[f"SDV {method}"] = [*line(rivals["quality"]["tables"][method])[:-1], minutes]
    header = ["rows", "shapes error %", "trends error %", "AUC", "detection AUC", "copies %", "test bits per row", "minutes"]
    table = markdown_table(header, [GOALS["synthetic"], *([name, *cells] for name, cells in rows.items())])
    text = (
        "One training, and one table of as many rows as the training table, scored by `scripts/score_tables.py`: errors of column shapes "
        "and pair trends (sdmetrics) against the training rows; the AUC on test rows of trees trained on the table; the AUC of trees that "
        "tell its rows from test rows; the share of rows that are copies of training rows. Mean and standard deviation of seeds. Minutes "
        "are of training; of SDV with the drawing."
    )
    return "\n\n".join(["## Synthetic tables", text, table, "\n".join(commands)])


def line(table):
    """The cells of a table of which only the quality is known."""
    return [*(number(table[name], digits) for name, digits in QUALITY.items()), "", ""]


def completion(adult):
    methods = {name: adult["completion"][name] for name in ("Deep NADE", *IMPUTERS.values(), "marginal") if name in adult["completion"]}
    rows = [
        (name, number(part["accuracy"], 4), number(part["error"], 4), number(part.get("coverage"), 4), minutes(part))
        for name, part in methods.items()
    ]
    if "Deep NADE" in methods:
        median = number(methods["Deep NADE"]["error_of_median"], 4)
        rows.insert(1, ("Deep NADE, median of draws", "", median, "", ""))
    columns = list(next(iter(methods.values()))["columns"])
    each = [(column, *(number(part["columns"][column], 3) for part in methods.values())) for column in columns]
    commands = [f"`{part['command']}`" for part in methods.values() if "command" in part]
    text = (
        f"{protocol.BLANK_SHARE:.0%} of the cells of the test rows are blanked at random, and completed given the others of their row. "
        f"Deep NADE: the most frequent word, and the mean, of {protocol.DRAWS} draws; it saw the training rows only. IterativeImputer "
        "and KNNImputer see words one-hot encoded (the former without the last class); IterativeImputer and miceforest are fitted to the "
        "training rows and the blanked rows "
        "together. Accuracy: share of right words, mean of the columns. Error: mean absolute error over the standard deviation, mean of "
        "the columns of numbers. Coverage: how often the central interval of 90 % of the draws holds the number; ties take a random place."
    )
    return "\n\n".join(
        [
            "## Completion",
            text,
            markdown_table(["method", "accuracy", "error", "coverage (goal: 0.88 to 0.92)", "minutes"], rows),
            "Accuracy, or mean absolute error, of each column:",
            markdown_table(["column", *methods], each),
            *commands,
        ]
    )


def minutes(part):
    """Of training, or of the whole process of another package."""
    seconds = part.get("training_seconds", part.get("seconds"))
    return "" if seconds is None else number(seconds / 60, 1)


def conditions(adult):
    rows = [
        (name, number(part["auc"], 4), number(part["log_loss"], 4), number(part["accuracy"], 4))
        for name, part in adult["conditions"].items()
    ]
    text = "p(income | all other columns) of the test rows. No model was trained as a classifier; income is last in MADE's order."
    return "\n\n".join(
        ["## Conditions", text, markdown_table(["model", "AUC", "log loss, nats", "accuracy"], [GOALS["conditions"], *rows])]
    )


def scores(adult):
    rows = []
    for name, part in adult["scores"].items():
        if name == "detectors":
            rows += [(method, number(auc, 4), "") for method, auc in part["auc"].items()]
            continue
        rows.append((f"{name}, negative sum of the cells' scores", number(part["auc"]["sum"], 4), ""))
        for kind in ("lowest", "lowest relative"):
            rows.append((f"{name}, {kind} cell", number(part["auc"][kind], 4), number(part["named"][kind], 4)))
    rows += [("chance", "0.5", number(part["chance"], 4)) for part in adult["scores"].values() if "chance" in part][:1]
    text = (
        f"{protocol.SWAPPED_SHARE:.0%} of the test rows have one cell, of a random column, replaced by another row's cell of another "
        "value. AUC: how well a score tells them from the others. Named: how often the cell is the swapped one. A cell's score is its "
        "log-probability: of MADE given the cells before it, so that the sum is log p(row); of Deep NADE given all others. Relative: less "
        "its mean over the training rows, over its standard deviation there."
    )
    return "\n\n".join(["## Scores", text, markdown_table(["score", "AUC", "named"], rows)])


def queries(adult):
    part = adult["queries"]
    kinds = {"tfar MADE": "q_error", "independent columns": "q_error_of_independent_columns"}
    rows = [
        (name, *(number(value, 3) for value in part[key].values()), number(part["median_seconds"], 3) if key == "q_error" else "")
        for name, key in kinds.items()
    ]
    text = (
        f"{part['queries']:,} conjunctions of {protocol.FEWEST} to {protocol.MOST} ranges and sets, each around a row of the table. The "
        "truth is counted in the table that the model was trained on, as for Naru (Yang et al. 2019). q-error: max(estimate / truth, "
        f"truth / estimate) of counts of at least 1. {part['draws']:,} draws a query; half of the queries match more than "
        f"{part['median_count']:,.0f} rows."
    )
    header = ["estimator", *part["q_error"], "median seconds of one"]
    return "\n\n".join(["## Queries", text, markdown_table(header, [GOALS["queries"], *rows]), f"`{part['command']}`"])


def big(tables):
    parts = {name: part for name, part in tables["big"].items()}
    one = next(iter(parts.values()))
    rows = [(f"tfar {name}", number(part["seconds"], 0), number(part["peak_mib"], 0)) for name, part in parts.items()]
    if sampled := tables.get("adult sampled"):
        name = f"tfar sample, {sampled['rows']:,} rows of Adult (goal: below 60 s)"
        rows.append((name, number(sampled["seconds"], 0), number(sampled["peak_mib"], 0)))
    text = (
        f"{one['rows']:,} rows and {one['columns']} columns of all kinds, in Parquet: trained by `tfar train made {one['words']}`, as many "
        "rows sampled to Parquet, and all rows scored. Each is a process of its own."
    )
    return "\n\n".join(["## Large tables", text, markdown_table(["command", "seconds", "peak MiB"], rows)])


def wide(tables):
    parts = list(tables["wide"].values())
    names = {
        "parameters": ("parameters", 0),
        "megaflops_per_row": ("megaflops of log_prob, a row", 2),
        "training_first_seconds": ("first epoch of 5,000 rows, with tracing, s", 2),
        "training_seconds": ("next epoch, s", 2),
        "log_prob_first_seconds": ("first log_prob of 5,000 rows, s", 2),
        "log_prob_seconds": ("next log_prob, s", 2),
        "sampling_first_seconds": ("first 5,000 samples, s", 2),
        "sampling_seconds": ("next 5,000 samples, s", 2),
    }
    rows = [(name, *(number(part[key], digits) for part in parts)) for key, (name, digits) in names.items()]
    text = f"A MADE of {parts[0]['columns']} columns; one of them, of words, has as many classes as stated, the others at most 20 or so."
    return "\n\n".join(["## A wide column", text, markdown_table(["", *(f"{part['classes']:,} classes" for part in parts)], rows)])


def looks(adult):
    rows = [(look["date"], look["purpose"]) for look in adult["test_looks"]]
    return "\n\n".join(["## Looks at the test rows of Adult", markdown_table(["date", "purpose"], rows)])
