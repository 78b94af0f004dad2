"""The command `tfar`: reads arguments, and hands them to `tfar.cli`, which alone import TensorFlow."""

import argparse
import importlib
import os
import shlex
import sys
from dataclasses import replace

from tfar.options import DATA, FAMILIES, HEAD, REFITTING, SCORING, TEXT, TRAINING, WATCHING, seed

DESCRIPTION = "Neural autoregressive density models: train one, score, sample and complete with it, export it."
EXPECTED = (ValueError, OSError, KeyError, ImportError, NotImplementedError)


class UsageError(ValueError):
    """The arguments cannot be understood."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are exceptions, and whose options are not abbreviated."""

    def __init__(self, **kwargs):
        super().__init__(**{"allow_abbrev": False, **kwargs})

    def error(self, message):
        raise UsageError(f"{message} (see '{self.prog} --help')")


def fraction(text):
    """What part of the positions is shown: "first-half", or a number from 0 to 1."""
    if text == "first-half":
        return text
    try:
        if 0 <= float(text) <= 1:
            return float(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"expected first-half or a number from 0 to 1. Received: {text!r}")


def parser():
    """The parser of all subcommands; `args.run` is the module of `tfar.cli` that carries one out."""
    top = Parser(prog="tfar", description=DESCRIPTION)
    top.add_argument("--version", action="store_true", help="print the version and exit")
    commands = top.add_subparsers(dest="run", metavar="COMMAND", parser_class=Parser)

    shared = Parser(add_help=False)
    shared.add_argument("--traceback", action="store_true", help="show the whole trace of an error")
    prepared = Parser(add_help=False, parents=[shared])
    prepared.add_argument("--data-dir", metavar="DIR", help="folder of prepared TFDS data sets, if it has moved")
    folder = Parser(add_help=False, parents=[prepared])
    folder.add_argument("folder", metavar="DIR", help="folder that 'tfar train' wrote")
    drawn = Parser(add_help=False)
    drawn.add_argument("--seed", type=int, default=1, help="the same seed gives the same draws (default: 1)")
    drawn.add_argument("--overwrite", action="store_true", help="replace output files that exist")

    train = commands.add_parser("train", help="train a model", description="Train a model and write its folder.")
    families = train.add_subparsers(dest="model", metavar="MODEL", required=True, parser_class=Parser)
    for name, family in FAMILIES.items():
        add_family(families, name, family, shared)

    description = "Score rows by a model, or by the mean of the probabilities of several that were trained on the same data."
    evaluate = commands.add_parser("evaluate", parents=[prepared], help="score data", description=description)
    evaluate.add_argument("folders", metavar="DIR", nargs="+", help="folder that 'tfar train' wrote, or several")
    evaluate.add_argument(
        "--data", metavar="NAME_OR_FILE", help="other data than the model's own: all rows, or the test rows where they are divided"
    )
    evaluate.add_argument("--split", choices=("train", "validation", "test"), help="of its own data (default: test)")
    evaluate.add_argument("--batch-size", type=int, metavar="N", help="rows at a time (default: 100)")
    evaluate.add_argument("--rows", type=int, metavar="N", help="the first so many rows (default: all)")
    help = "of a model that takes any order, the mean of the probabilities in so many random ones (default: its own order)"
    evaluate.add_argument("--num-orders", type=int, metavar="N", help=help)
    evaluate.add_argument("--seed", type=seed, metavar="S", help="of the random orders (default: 0)")
    help = "how many parts of a text are scored side by side; 1 is exact (default: 64)"
    evaluate.add_argument("--streams", type=int, metavar="N", help=help)
    evaluate.add_argument("--json", action="store_true", help="print one line of JSON")

    sample = commands.add_parser("sample", parents=[folder, drawn], help="draw samples", description="Draw from a model.")
    sample.add_argument("-n", type=int, help="how many (default: 64, or one text)")
    sample.add_argument("--context", help="class names, or numbers, with commas (default: all classes in turn)")
    sample.add_argument("--out", metavar="FILE", help="a .png, .npy or .csv file (default: DIR/samples-SEED.*), or one for the text")
    text = sample.add_argument_group("models of text")
    text.add_argument("--prompt", metavar="TEXT", help="what the text begins with")
    text.add_argument("--length", type=int, metavar="N", help="characters after the prompt (default: those of a training window)")
    text.add_argument("--temperature", type=float, metavar="T", help="below 1 for likelier texts (default: 1)")
    text.add_argument("--top-k", type=int, metavar="K", help="draw from the K most probable characters only")

    complete = commands.add_parser(
        "complete",
        parents=[folder, drawn],
        help="fill in what is missing",
        description="Fill the blanks of rows, or what follows the first positions of test rows, several times each.",
    )
    help = "rows, with blank cells or NaN for what is missing, the test rows where they are divided (default: its own test rows)"
    complete.add_argument("--data", metavar="NAME_OR_FILE", help=help)
    help = "what is given of rows without blanks: first-half, or a fraction (default: first-half)"
    complete.add_argument("--observe", type=fraction, metavar="SHARE", help=help)
    complete.add_argument("--rows", type=int, help="the first so many rows (default: 8, or all where some have blanks)")
    complete.add_argument("-n", type=int, default=6, help="how often each (default: 6)")
    complete.add_argument("--out", metavar="FILE", help="a .png, .npy or .csv file (default: DIR/completions-SEED.*)")

    export = commands.add_parser("export", parents=[folder], help="write a SavedModel", description="Export a model.")
    help = "folder to write the next version in, PATH/1 at first (default: DIR/saved_model)"
    export.add_argument("--to", metavar="PATH", help=help)
    export.add_argument("--xla", action="store_true", help="mark the sampler for XLA, for servers that allow it")
    return top


def add_family(families, name, family, shared):
    """Add `tfar train NAME` with the options of the family, of heads, of data and of training."""
    one = families.add_parser(name, parents=[shared], help=family.summary, description=f"Train a {family.summary}.")
    sources = "a text file, folder, pattern or archive, a TFDS name" if family.text else "digits, a TFDS name, a .npz, .npy or .csv file"
    one.add_argument("--data", required=True, metavar="NAME_OR_FILE", help=sources)
    one.add_argument("--out", required=True, metavar="DIR", help="folder to write; it must not exist")
    one.set_defaults(family_options=[option.name for option in family.options])
    data = {"data": TEXT} if family.text else {"head": HEAD, "data": DATA}
    training = TRAINING if family.text else TRAINING + SCORING + REFITTING + WATCHING
    for title, options in {"model": family.options, **data, "training": training}.items():
        group = one.add_argument_group(title)
        for option in options:
            replace(option, default=family.training.get(option.name, option.default)).add_to(group)


def main(argv=None):
    """Run the command line.

    Args:
        argv: the words after `tfar`; None for those of this process.

    Returns:
        The exit code: 0, or 1 for an error, 2 for arguments that cannot be understood, 130 after Ctrl-C.
    """
    words = sys.argv[1:] if argv is None else [str(word) for word in argv]
    try:
        args = parser().parse_args(words)
        if args.version:
            from tfar import __version__

            print(f"tfar {__version__}")
            return 0
        if args.run is None:
            raise UsageError("a command is needed (see 'tfar --help')")
        args.command_line = shlex.join(["tfar", *words])
        check_early(args)
        import_tensorflow()
        importlib.import_module(f"tfar.cli.{args.run}").run(args)
        return 0
    except SystemExit as end:  # argparse after --help
        return end.code or 0
    except KeyboardInterrupt:
        print("tfar: interrupted", file=sys.stderr)
        return 130
    except EXPECTED as error:
        if "--traceback" in words:
            raise
        message = error.args[0] if isinstance(error, KeyError) and error.args else error
        print(f"tfar: error: {' '.join(str(message).split())}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1


def import_tensorflow():
    """Import TensorFlow without what its libraries print as they load, unless TF_CPP_MIN_LOG_LEVEL is 0.

    They heed that variable only later. It bypasses Python, so the file descriptor is turned away; errors are raised as ever.
    """
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "0" or "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            import tensorflow as tf

            tf.config.list_physical_devices()  # complains where there is no GPU
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def check_early(args):
    """Refuse an output that exists, and a folder that does not, before TensorFlow is imported."""
    from tfar.files import refuse_existing

    if args.run == "train":
        refuse_existing(args.out)
        return
    for folder in args.folders if args.run == "evaluate" else [args.folder]:
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"a folder that 'tfar train' wrote is needed. Received: {folder}")


if __name__ == "__main__":
    sys.exit(main())
