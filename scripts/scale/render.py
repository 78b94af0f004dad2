"""The tables of docs/scale.md, from results/scale.json: no figure there is written by hand."""

import argparse
from pathlib import Path

from marks import rewritten

from scale import record
from tfar.cli.outputs import markdown_table
from tfar.files import write_text

PAGE = record.ROOT / "docs" / "scale.md"
MARKS = "scripts/benchmark_scale.py"


def main(words):
    parser = argparse.ArgumentParser("benchmark_scale.py render", description=__doc__)
    parser.add_argument("--results", type=Path, default=record.FILE, help="the file of the figures")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page")
    args = parser.parse_args(words)
    found, text = record.read(args.results), args.page.read_text(encoding="utf-8")
    for section, table in TABLES.items():
        if section in found:
            text = rewritten(text, f"{MARKS} {section}", f"\n{table(found[section])}\n")
    write_text(args.page, text, overwrite=True)


def stream(entries):
    """Files beside memory: a line for each way of each entry, and their ratio."""
    header = ("rows", "from", "trained, rows/s", "scored, rows/s", "epoch / bare steps", "peak MiB: reading, passes, scoring")
    rows = []
    for name, entry in entries.items():
        for way in ("stream", "memory"):
            one, peaks = entry[way], entry[way]["peak_mib"]
            shown = f"{peaks['reading']:,}; {', '.join(f'{peak:,}' for peak in peaks['passes'])}; {peaks['scoring']:,}"
            place = "files" if way == "stream" else f"memory, {one['rows']:,} of them"
            rows.append((name, place, f"{one['train_rows']:,}", f"{one['score_rows']:,}", f"{one['epoch_over_bare']:.2f}", shown))
        ratio = entry["ratio"]
        rows.append((name, "files / memory", f"{ratio['train_rows']:.2f}", f"{ratio['score_rows']:.2f}", "", ""))
    return markdown_table(header, rows) + dated(entries)


def loop(entries):
    """The loop beside the bare step and Keras' `fit`, family by family."""
    header = ("family", "compiled by", "bare, ms", "tfar / bare", "Keras / bare", "tfar / Keras")
    rows = [
        (
            family,
            "XLA" if one["xla"] else "graph",
            f"{one['bare_ms']:.2f}",
            *(f"{one[ratio]:.2f}" for ratio in ("tfar_over_bare", "Keras_over_bare", "tfar_over_Keras")),
        )
        for family, one in entries.items()
    ]
    return markdown_table(header, rows) + dated(entries)


def bulk(entries):
    """Bulk scoring beside a plain loop."""
    header = ("rows", "way", "rows/s", "largest difference, nats", "relative", "peak MiB")
    names = {"loop": "`model.log_prob`, 1,000 rows a call", "shards": "`tfar score`", "beam": "`tfar.beam.Score`"}
    rows = []
    for name, entry in entries.items():
        for way in (way for way in names if way in entry):
            one = entry[way]
            apart = (f"{one['difference']:.1e}", f"{one['relative']:.1e}") if "difference" in one else ("", "")
            processes = f", {entry['settings']['processes']} processes" if way == "beam" else ""
            rows.append((name, names[way] + processes, f"{one['rows_per_second']:,}", *apart, one.get("peak_mib", "")))
    return markdown_table(header, rows) + dated(entries)


def dated(entries):
    """When and on what the figures of a table were measured."""
    dates, cpus = sorted({one["date"] for one in entries.values()}), sorted({one["cpus"] for one in entries.values()})
    return f"\n\nMeasured {' to '.join(dict.fromkeys((dates[0], dates[-1])))}, {' and '.join(map(str, cpus))} CPUs."


TABLES = {"stream": stream, "loop": loop, "bulk": bulk}
