"""Settings as options of a parser, and words of the command line as values."""

import argparse
import collections.abc
import shlex
import types
import typing
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NoReturn

from tfar import config
from tfar.suggesting import did_you_mean


class UsageError(ValueError):
    """The arguments cannot be understood."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are exceptions, and whose options are not abbreviated.

    Args:
        fill: adds its arguments, when they are needed: a command reads those of one family, and those of all take 0.1 s.
        **kwargs: of `argparse.ArgumentParser`.
    """

    def __init__(self, fill: Callable[["Parser"], None] | None = None, **kwargs: Any):
        super().__init__(**{"allow_abbrev": False, **kwargs})
        self._fill = fill

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        if self._fill is not None:
            fill, self._fill = self._fill, None
            fill(self)
        return super().parse_known_args(args, namespace)

    def reached(self, args: argparse.Namespace) -> "Parser":
        """The parser of the subcommand that arguments of this one were given to."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction) and getattr(args, action.dest, None):
                return action.choices[getattr(args, action.dest)].reached(args)
        return self

    def meant_by(self, words: Sequence[str]) -> str:
        """What the first of some unknown words may be a slip of, as a sentence; "" where no option is like it.

        >>> parser = Parser(prog="tfar")
        >>> _ = parser.add_argument("--hidden-units")
        >>> parser.meant_by(["--hidden_units", "50"]), parser.meant_by(["--lr", "0.1"])
        ('. Did you mean --hidden-units?', '')
        """
        options = [option.lstrip("-") for option in self._option_string_actions if option.startswith("--")]
        word = words[0].partition("=")[0].lstrip("-").replace("_", "-")
        question = did_you_mean(word, options, shown="--{}")
        return f".{question}" if question else ""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see '{self.prog} --help')")


class HelpAll(argparse.Action):
    """The option `--help-all`: it shows the options, too, that `--help` leaves out, and exits."""

    def __init__(self, option_strings: Any, dest: str, **options: Any):
        super().__init__(option_strings, dest, nargs=0, **options)

    def __call__(self, parser: Any, *_: Any) -> NoReturn:
        for action in parser._actions:
            action.help = getattr(action, "whole_help", action.help)
        parser.print_help()
        raise SystemExit(0)


def add_settings(parser: Any, settings: type, shown_first: Collection[str] | None = None) -> None:
    """Add the settings of a dataclass of `tfar.config` as options. Automatic ones are None where they are not given.

    Args:
        parser: an argparse parser, or a group of one.
        settings: the dataclass.
        shown_first: the settings that `--help` shows; others are shown by `--help-all`. None for all of them.
    """
    hints = typing.get_type_hints(settings, include_extras=True)
    for name, field in config.settings_of(settings).items():
        shown = field.metadata["shown"]
        if shown.command_line:
            default = None if shown.automatic else field.default
            flag = f"--{(shown.flag or name).replace('_', '-')}"
            action = parser.add_argument(flag, dest=name, default=default, **_options(hints[name], default, shown))
            if shown_first is not None and name not in shown_first:
                action.whole_help, action.help = action.help, argparse.SUPPRESS


def values_of(args: argparse.Namespace, settings: type) -> dict[str, Any]:
    """The values that a command has for the settings of a dataclass, by name."""
    fields = config.settings_of(settings)
    return {name: getattr(args, name) for name, field in fields.items() if field.metadata["shown"].command_line}


def check_sizes(args: argparse.Namespace, family: type) -> None:
    """Refuse sizes of a network that its constructor, which is behind TensorFlow, would refuse.

    Raises:
        ValueError: a number of units, layers or the like is below 1, or a share of units is not in [0, 1).
    """
    from tfar.validation import as_counts, check_numbers  # NumPy, which the command's help does without

    hints = typing.get_type_hints(family)
    for name, value in values_of(args, family).items():
        if name == "dropout" and value is not None:
            check_numbers("[0, 1)", dropout=value)
        elif hints[name] in (int, int | None, Sequence[int]) and value is not None:
            as_counts(**{name: value})


def given_values(args: argparse.Namespace, settings: type) -> dict[str, Any]:
    """The values that the words of a command set themselves for the settings of a dataclass, by name; defaults are left out."""
    words = {word.partition("=")[0].removeprefix("--") for word in shlex.split(args.command_line) if word.startswith("--")}
    shown = {name: field.metadata["shown"] for name, field in config.settings_of(settings).items()}
    flags = {name: (one.flag or name).replace("_", "-") for name, one in shown.items() if one.command_line}
    return {name: getattr(args, name) for name, flag in flags.items() if {flag, f"no-{flag}"} & words}


def _options(hint: Any, default: Any, shown: config.Shown) -> dict[str, Any]:
    """What argparse's `add_argument` is told of a setting with this type hint."""
    if hint != config.Order and typing.get_origin(hint) is types.UnionType:
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    many = typing.get_origin(hint) is collections.abc.Sequence
    words = ("yes" if default else "no") if hint is bool else " ".join(f"{v:g}" for v in default) if many and default else default
    words = "automatic" if shown.automatic else None if default in (None, ()) else words
    help = shown.help if words is None else f"{shown.help} (default: {words})"
    if hint is bool:
        return {"action": argparse.BooleanOptionalAction, "help": help}
    if hint == config.Order:
        return {"type": order, "metavar": shown.metavar, "help": f"{help}; a permutation is a list 2,0,1,... or a file of it"}
    options: dict[str, Any] = {"help": help, "metavar": shown.metavar}
    if many:
        options["nargs"], hint = "*", typing.get_args(hint)[0]
    if hint == config.Seed:
        return {**options, "type": seed}
    if typing.get_origin(hint) is typing.Literal:
        return {**options, "choices": typing.get_args(hint)}
    return {**options, "type": hint}


def order(text: str) -> str | list[int]:
    """An order from the command line: a word, a list `2,0,1`, or a text or .npy file that holds the permutation.

    >>> order("reversed"), order("2,0,1")
    ('reversed', [2, 0, 1])
    """
    if text in config.ORDERS:
        return text
    if Path(text).suffix == ".npy" and Path(text).is_file():
        from tfar.reading import read_arrays

        try:
            return read_arrays(text)["array"].ravel().tolist()
        except (ValueError, KeyError, OSError) as error:  # a KeyError where it is an archive
            raise argparse.ArgumentTypeError(str(error)) from None
    try:
        return _integers(text)
    except ValueError:  # the name of a file
        try:
            return _integers(Path(text).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            expected = f"{', '.join(config.ORDERS)}, integers like 2,0,1, or a file of them"
            raise argparse.ArgumentTypeError(f"expected {expected}. Received: {text!r}") from None


def _integers(words: str) -> list[int]:
    return [int(word) for word in words.replace(",", " ").split()]


def seed(text: str) -> int:
    """A seed from the command line, an integer of at least 0: NumPy's generators refuse negative ones.

    >>> seed("3")
    3
    """
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected an integer of at least 0. Received: {text!r}")
    return int(text)


def check_at_least_one(args: argparse.Namespace, *flags: str) -> None:
    """Refuse counts below 1, given by their flags, such as "-n" and "--rows"; those that were not given are None.

    Raises:
        ValueError: one is below 1.
    """
    for flag in flags:
        value = getattr(args, flag.lstrip("-").replace("-", "_"))
        if value is not None and value < 1:
            raise ValueError(f"{flag} must be an integer of at least 1. Received: {flag} {value}")


def fraction(text: str) -> float | str:
    """What part of the positions is given: "first-half", or a number from 0 to 1.

    >>> fraction("first-half"), fraction("0.25")
    ('first-half', 0.25)
    """
    if text == "first-half":
        return text
    try:
        if 0 <= float(text) <= 1:
            return float(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"expected first-half or a number from 0 to 1. Received: {text!r}")


def shared_parser() -> Parser:
    """The options of every subcommand."""
    parser = Parser(add_help=False)
    parser.add_argument("--traceback", action="store_true", help="show the whole traceback of an error")
    return parser


def data_dir_parser() -> Parser:
    """The options of subcommands that read the data of a trained model."""
    parser = Parser(add_help=False, parents=[shared_parser()])
    parser.add_argument("--data-dir", metavar="DIR", help="folder of prepared TFDS data sets, if it has moved")
    return parser


def folder_parser() -> Parser:
    """The options of subcommands that work with one trained model."""
    parser = Parser(add_help=False, parents=[data_dir_parser()])
    parser.add_argument("folder", metavar="DIR", help="run folder, written by 'tfar train'")
    return parser


def shards_parser() -> Parser:
    """The options of subcommands that write folders of shards."""
    parser = Parser(add_help=False)
    shards = parser.add_argument_group("an output of any size: --out is a folder, a name without an ending, of Parquet files")
    help = "make every n-th file from the i-th on only, so that n machines share the work"
    shards.add_argument("--shard", type=share, metavar="i/n", help=help)
    shards.add_argument("--shard-rows", type=int, metavar="N", help="rows of a file (default: 1000000)")
    return parser


def share(text: str) -> tuple[int, int]:
    """Which share of the work is meant: `i/n`, the i-th of n.

    >>> share("1/3")
    (1, 3)
    """
    part, _, parts = text.partition("/")
    if part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts):
        return int(part), int(parts)
    raise argparse.ArgumentTypeError(f"expected i/n, with i from 1 to n. Received: {text!r}")


def draws_parser() -> Parser:
    """The options of subcommands that draw."""
    parser = Parser(add_help=False)
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same draws (default: 1)")
    parser.add_argument("--overwrite", action="store_true", help="replace output files that exist")
    return parser
