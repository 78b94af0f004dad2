"""`tfar sample`: draw from a trained model."""

from typing import Any

from tfar.cli import inputs
from tfar.cli.arguments import check_at_least_one, draws_parser, folder_parser, shards_parser
from tfar.cli.opening import open_run


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parents = [folder_parser(), draws_parser(), shards_parser()]
    parser = commands.add_parser("sample", parents=parents, help="draw samples", description="Draw from a model.")
    parser.set_defaults(run=run)
    parser.add_argument("-n", type=int, help="number of samples (default: 64, or one text)")
    parser.add_argument("--context", help="class names, or numbers, with commas between them (default: all classes in turn)")
    help = "value of a column of a table that all rows have; of several values of one column each row has one, in turn"
    parser.add_argument("--given", action="extend", nargs="+", metavar="COLUMN=VALUE", help=help)
    help = "a .png, .npy or .csv file, of a table also .tsv, .parquet ... (default: DIR/samples-SEED.*), or one for the text, or a folder"
    parser.add_argument("--out", metavar="FILE", help=help)
    text = parser.add_argument_group("models of text")
    text.add_argument("--prompt", metavar="TEXT", help="beginning of the text")
    text.add_argument("--length", type=int, metavar="N", help="characters after the prompt (default: those of a training window)")
    text.add_argument("--temperature", type=float, metavar="T", help="below 1 for likelier texts (default: 1)")
    text.add_argument("--top-k", type=int, metavar="K", help="draw from the K most probable characters only")


def run(args: Any) -> None:
    """Draw samples, and write them."""
    check_at_least_one(args, "-n", "--shard-rows")
    inputs.check_draws(args, *inputs.check(args, args.folder))
    run = open_run(args.folder)
    from tfar.cli import bulk  # TensorFlow, which the command's help does without

    bulk.sample(run, args) if bulk.asked(run, args) else run.sample(args)
