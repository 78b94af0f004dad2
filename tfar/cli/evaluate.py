"""`tfar evaluate`: the likelihood of data under a trained model."""

import json
from typing import Any

from tfar.cli.arguments import check_at_least_one, data_dir_parser, seed
from tfar.cli.opening import open_run
from tfar.files import finite

DESCRIPTION = "Score data by a model, or by the mean of the probabilities of several that were trained on the same data."


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("evaluate", parents=[data_dir_parser()], help="score data", description=DESCRIPTION)
    parser.set_defaults(run=run)
    parser.add_argument("folders", metavar="DIR", nargs="+", help="run folder, written by 'tfar train', or several")
    help = "other data than the model's own: all rows, or the test rows where they are divided"
    parser.add_argument("--data", metavar="NAME_OR_FILE", help=help)
    parser.add_argument("--split", choices=("train", "validation", "test"), help="of its own data (default: test)")
    parser.add_argument("--batch-size", type=int, metavar="N", help="rows at a time (default: 100)")
    parser.add_argument("--rows", type=int, metavar="N", help="the first N rows (default: all)")
    help = "of a model that takes any order: average the probabilities in N random orders (default: its own order)"
    parser.add_argument("--num-orders", type=int, metavar="N", help=help)
    parser.add_argument("--seed", type=seed, metavar="S", help="seed of the random orders (default: 0)")
    help = "number of parts of a text that are scored side by side; 1 is exact (default: 64)"
    parser.add_argument("--streams", type=int, metavar="N", help=help)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")


def run(args: Any) -> None:
    """Score data by trained models, beside the baseline of independent positions."""
    check_at_least_one(args, "--batch-size", "--rows", "--num-orders", "--streams")
    first, *others = [open_run(folder) for folder in args.folders]
    name, scores, known = first.evaluate(others, args)
    if args.json:
        where = {"folders": args.folders} if others else {"folder": str(first.folder)}
        print(json.dumps(finite({**where, "data": name, **scores, **known}), allow_nan=False))
    else:
        who = f"the mean of {1 + len(others)} models" if others else first.folder
        print(first.report(f"{who} on {name}", scores, known))
