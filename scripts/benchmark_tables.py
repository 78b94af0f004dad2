"""Benchmarks of mixed tables, one group at a time; figures go to results/adult.json and results/tables.json.

    python scripts/benchmark_tables.py GROUP [--rivals-python PYTHON] [--scoring-python PYTHON] [--work FOLDER]

Each part is written as soon as it is measured, and is not measured again: a run that was interrupted goes on where it was. Trained models
and drawn tables stay in the work folder, for groups that share them; remove it to start anew. Every look at Adult's test rows is counted in
`test_looks` of results/adult.json. Adult is read from TFAR_RAW_DATA/adult.

    synthetic    synthetic tables of Adult, three seeds; with --defaults by the command line's defaults; scored with --scoring-python
    rivals       the same by SDV, scored in one run with ours; needs both Pythons, after synthetic
    completion   blanks of test rows filled by Deep NADE, and with --rivals-python by imputers
    conditions   p(income | the rest)
    scores       swapped cells, and with --rivals-python by IsolationForest and ECOD
    queries      counts of conjunctions of ranges and sets
    big          1,000,000 rows and 30 columns by the command line
    wide         one column of 5,000 classes among 30
    render       docs/benchmark_tables.md from the files of results

Environments: scoring takes `pip install "pandas<3" scikit-learn sdmetrics==0.32.0`, rivals `pip install "sdv>=2" pyod miceforest`.
"""

import argparse
import importlib
from pathlib import Path

from tables.protocol import ROOT, Options

GROUPS = ("synthetic", "rivals", "completion", "conditions", "scores", "queries", "big", "wide", "render")


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", choices=GROUPS, metavar="GROUP")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "tables", help="folder of models and tables (default: runs/tables)")
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="folder of the figures (default: results)")
    parser.add_argument("--scoring-python", metavar="PYTHON", help="interpreter of the environment that scores synthetic tables")
    parser.add_argument("--rivals-python", metavar="PYTHON", help="interpreter of the environment of other packages")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of synthetic (default: 3)")
    parser.add_argument("--defaults", action="store_true", help="synthetic: train with the defaults of `tfar train made`")
    parser.add_argument("--epochs", type=int, help="of every training, instead of the settings'")
    parser.add_argument("--rows", type=int, help="of every table at most, to try a group")
    args = vars(parser.parse_args(words))
    if args["rows"] and args["results"] == ROOT / "results":
        parser.error("--rows needs --results: figures of cut tables do not belong beside those of whole ones")
    args["work"], args["results"] = args["work"].resolve(), args["results"].resolve()
    importlib.import_module(f"tables.{args.pop('group')}").run(Options(**args))


if __name__ == "__main__":
    main()
