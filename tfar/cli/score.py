"""`tfar score`: the log-probability of every row."""

from pathlib import Path
from typing import Any

from tfar.cli import inputs, paths
from tfar.cli.arguments import check_at_least_one, folder_parser, shards_parser
from tfar.cli.opening import open_run

DESCRIPTION = "Write the log-probability of every row in nats: of rows of arrays and tables, and of lines of text."


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("score", parents=[folder_parser(), shards_parser()], help="score row by row", description=DESCRIPTION)
    parser.set_defaults(run=run)
    parser.add_argument("--data", metavar="NAME_OR_FILE", help="rows or lines to score (default: the model's own test rows)")
    parser.add_argument("--split", choices=("train", "validation", "test"), help="of its own data (default: test)")
    parser.add_argument("--columns", action="store_true", default=None, help="also of every value given those before it in the order")
    parser.add_argument("--sort", action="store_true", help="the most unlikely rows first")
    parser.add_argument("--out", metavar="FILE", help="a .csv, .tsv, .parquet or .feather file (default: DIR/scores.csv), or a folder")
    parser.add_argument("--overwrite", action="store_true", help="replace an output file that exists")


def run(args: Any) -> None:
    """Score rows, and write a table of their numbers and scores."""
    check_at_least_one(args, "--shard-rows")
    inputs.check(args, args.folder)
    if args.out is not None and Path(args.out).suffix:
        paths.row_file(args.out, args.overwrite)
    run = open_run(args.folder)
    from tfar.cli import bulk  # TensorFlow, which the command's help does without

    bulk.score(run, args) if bulk.asked(run, args) else run.score(args)
