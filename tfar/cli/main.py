"""The command `tfar`: reads the arguments, and hands them to one module for each subcommand."""

import contextlib
import importlib
import os
import shlex
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from tfar.cli.arguments import Parser, UsageError

DESCRIPTION = "Neural autoregressive density models: train one, score, sample and complete with it, export it."
EXPECTED = (ValueError, OSError, KeyError, ImportError, NotImplementedError)
# modules of this package with `add_parser(commands)` and `run(args)`
COMMANDS = ("train", "tune", "evaluate", "ensemble", "sample", "complete", "score", "export", "models", "reproduce")


def parser(subcommands: Sequence[str] = COMMANDS) -> Parser:
    """The parser of subcommands; `args.run` is the function that carries one out."""
    top = Parser(prog="tfar", description=DESCRIPTION)
    top.add_argument("--version", action="store_true", help="print the version and exit")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for name in subcommands:
        module = importlib.import_module(f"tfar.cli.{name}")
        module.add_parser(commands)
    return top


def parse(words: Sequence[str]) -> Any:
    """The arguments of a command line.

    Raises:
        UsageError: they cannot be understood. The message names the help of the subcommand that they were given to.
    """
    top = parser([word for word in words[:1] if word in COMMANDS] or COMMANDS)  # of one, others need not be imported
    args, unknown = top.parse_known_args(words)
    if unknown:
        reached = top.reached(args)
        reached.error(f"unrecognized arguments: {' '.join(unknown)}{reached.meant_by(unknown)}")
    if not args.version and args.command is None:
        raise UsageError("a command is needed (see 'tfar --help')")
    args.command_line = shlex.join(["tfar", *words])
    return args


def main(argv: Sequence[Any] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the words after `tfar`; None for those of this process.

    Returns:
        The exit code: 0, or 1 for an error, 2 for arguments that cannot be understood, 130 after Ctrl-C, SIGTERM or SIGHUP.
    """
    words = sys.argv[1:] if argv is None else [str(word) for word in argv]
    try:
        args = parse(words)
        if args.version:
            from tfar import __version__

            print(f"tfar {__version__}")
            return 0
        with _signals(), _warnings():
            args.run(args)
        sys.stdout.flush()
        return 0
    except BrokenPipeError:  # a reader such as `head` has seen enough; what is left goes nowhere, since Python flushes it at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except SystemExit as end:  # argparse after --help
        return int(end.code or 0)
    except KeyboardInterrupt as signalled:  # with what is kept, where a command says so
        print(": ".join(["tfar: interrupted", *map(str, signalled.args)]), file=sys.stderr)
        return 130
    except EXPECTED as error:
        if "--traceback" in words:
            raise
        message = error.args[0] if isinstance(error, KeyError) and error.args else error
        print(f"tfar: error: {' '.join(str(message).split())}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """SIGTERM and SIGHUP do what Ctrl-C does, unless the caller has other plans for them (nohup ignores SIGHUP)."""
    here = threading.current_thread() is threading.main_thread()
    named = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    taken = [number for number in named if here and signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def _warnings() -> Iterator[None]:
    """Warnings are one line, as errors are."""
    kept = warnings.formatwarning
    warnings.formatwarning = lambda message, *_: f"tfar: warning: {' '.join(str(message).split())}\n"
    try:
        yield
    finally:
        warnings.formatwarning = kept


if __name__ == "__main__":
    sys.exit(main())
