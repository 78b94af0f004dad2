"""Trials of reliability, by hand. Each goes on where it was, and writes its section of results/reliability.json.

python scripts/run_reliability.py kills [--count 100]          trainings that SIGKILL ends, given again
python scripts/run_reliability.py properties [--count 10000]   random models, each held against the contract
python scripts/run_reliability.py mutants [--count 200]        faults put into the source, each to be found by the tests
python scripts/run_reliability.py render                       docs/reliability.md, from the file of results
"""

import argparse
import importlib
import sys
from pathlib import Path

TRIALS = {"kills": 100, "properties": 10_000, "mutants": 200, "suites": 1}  # and how many of each
ROOT = Path(__file__).resolve().parent.parent


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trial", choices=[*TRIALS, "render"], metavar="TRIAL", help="kills, properties, mutants, suites or render")
    parser.add_argument("--count", type=int, metavar="N", help="go on until N are recorded")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "reliability", help="folder of what the trials leave behind")
    args = parser.parse_args(words)
    sys.path.insert(0, str(ROOT / "tests"))  # random models share the tests' cases
    module = importlib.import_module(f"reliability.{args.trial}")
    if args.trial == "render":
        module.run()
    else:
        module.run(args.count or TRIALS[args.trial], args.work)


if __name__ == "__main__":
    main()
