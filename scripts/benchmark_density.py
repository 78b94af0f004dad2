"""Benchmarks of densities of small data sets: every family with its automatic settings, beside cheap baselines and published figures.

    python scripts/benchmark_density.py SUITE [--sets NAME ...] [--methods NAME ...] [--tuned FILE] [--results FOLDER]

Each row is a JSON file of results/density/SUITE, written as soon as it is measured, and is not measured again: a run that was interrupted
goes on where it was; remove a file to measure it anew. The settings are those of `tfar.automatic`; test rows choose nothing. A file counts
and dates each scoring of the test rows, `test_looks`.

    debd         six binary tables, in TFAR_RAW_DATA/debd_binary
    uci          five sets of real values in ten folds, in RNADE's protocol (Uria et al. 2013)
    validation   what the rules of `tfar.automatic` were chosen on: validation rows, with them and with the defaults of version 0.1
    render       docs/benchmark.md with its picture, and the table of docs/training.md, from the files of results

With --tuned FILE, a JSON file of {set: {family: {setting: value}}}, rows of other settings stand apart, as FAMILY-tuned.
"""

import argparse
import importlib
import json
import sys
from pathlib import Path

from density import results

SUITES = ("debd", "uci", "validation", "render")


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", choices=SUITES, metavar="SUITE", help=", ".join(SUITES))
    parser.add_argument("--sets", nargs="+", metavar="NAME", help="of the suite's sets only these")
    parser.add_argument("--methods", nargs="+", metavar="NAME", help="of the families and baselines only these")
    parser.add_argument("--tuned", type=Path, metavar="FILE", help="settings by hand of sets and families")
    parser.add_argument("--results", type=Path, default=results.FOLDER, help="folder of the figures (default: results/density)")
    args = parser.parse_args(words)
    try:
        _run(args)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"benchmark_density: {error}")


def _run(args):
    if args.suite == "render":
        from density import render

        render.run(args.results)
    elif args.suite == "validation":
        from density import validation

        validation.run(args.results, args.sets, args.methods)
    else:
        tuned = {} if args.tuned is None else json.loads(args.tuned.read_text(encoding="utf-8"))
        importlib.import_module("density.suites").run(args.results, args.suite, args.sets, args.methods, tuned)


if __name__ == "__main__":
    main()
