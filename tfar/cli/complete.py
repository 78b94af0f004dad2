"""`tfar complete`: draw what is missing given the rest."""

from typing import Any

from tfar.cli import inputs
from tfar.cli.arguments import check_at_least_one, draws_parser, folder_parser, fraction
from tfar.cli.opening import open_run

DESCRIPTION = "Fill the blanks of rows, or what follows the first positions of test rows, several times each."


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parents = [folder_parser(), draws_parser()]
    parser = commands.add_parser("complete", parents=parents, help="fill in what is missing", description=DESCRIPTION)
    parser.set_defaults(run=run)
    help = "rows, with blank cells or NaN for what is missing, the test rows where they are divided (default: its own test rows)"
    parser.add_argument("--data", metavar="NAME_OR_FILE", help=help)
    help = "share of the positions that is given, of rows without blanks: first-half, or a fraction (default: first-half)"
    parser.add_argument("--observe", type=fraction, metavar="SHARE", help=help)
    parser.add_argument("--rows", type=int, metavar="N", help="the first N rows (default: 8, or all where some have blanks)")
    parser.add_argument("-n", type=int, help="number of completions of each row (default: 6; 1 for a table with a head for each column)")
    help = (
        "a .png, .npy or .csv file; of a table with a head for each column also .tsv, .parquet ... (default: DIR/completions-SEED.*, of a "
        "table in the format of --data)"
    )
    parser.add_argument("--out", metavar="FILE", help=help)


def run(args: Any) -> None:
    """Complete rows, and write them."""
    check_at_least_one(args, "-n", "--rows")
    inputs.check(args, args.folder)
    open_run(args.folder).complete(args)
