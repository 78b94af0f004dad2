"""The settings that `tfar tune` searches, and the values that it tries of each."""

import dataclasses
import functools
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tfar import config
from tfar.cli.arguments import UsageError, given_values

SEARCHED = ("hidden_units", "units", "filters", "dropout", "learning_rate", "weight_decay", "l2")  # where no --options are given
SHARES = {"dropout": 0.8, "ema": 0.999}  # settings below 1, and the largest value that is tried
FACTOR = 4.0  # of counts: the smallest and the largest that are tried are this much below and above the first
RATE_FACTOR = 10.0  # of other positive numbers
# The length of a training, what makes the rows, and what no value is better of.
FIXED = {"epochs", "epoch_steps", "patience", "seed", "jit", "sequence_length", "carry", "order", "window", "head", "context_size", "dtype"}


@dataclass(frozen=True)
class Setting:
    """A setting that is searched.

    Attributes:
        name: of the field.
        flag: of the option.
        first: the value of the first trial, about which the search is: the automatic one, or that of the command.
        choices: the values, where they are listed; None for numbers.
        whole: whether the numbers are integers.
    """

    name: str
    flag: str
    first: Any
    choices: tuple[Any, ...] | None = None
    whole: bool = False

    @property
    def start(self) -> Any:
        """The first value as the search has it: of a list of sizes its first."""
        return self.first[0] if _is_list(self.first) else self.first

    def distribution(self) -> Any:
        """The optuna distribution of its values: choices; shares, uniform; or positive numbers, log-uniform about the first.

        A share is dropped out, or kept in an average; the others are counts, from a quarter to four times the first, and rates, from a
        tenth to ten times.
        """
        from optuna import distributions

        if self.choices is not None:
            return distributions.CategoricalDistribution(self.choices)
        if self.name in SHARES:
            return distributions.FloatDistribution(0.0, max(SHARES[self.name], self.start))
        if self.whole:
            return distributions.IntDistribution(max(1, round(self.start / FACTOR)), round(self.start * FACTOR), log=True)
        return distributions.FloatDistribution(self.start / RATE_FACTOR, self.start * RATE_FACTOR, log=True)

    def value(self, found: Any) -> Any:
        """The value of the setting for what the search proposes: three digits of a number; of a list all sizes by the same factor.

        >>> Setting("hidden_units", "--hidden-units", (500, 250), whole=True).value(100)
        [100, 50]
        >>> Setting("learning_rate", "--learning-rate", 0.005).value(0.0123456)
        0.0123
        """
        if _is_list(self.first):
            return [max(1, round(size * found / self.start)) for size in self.first]
        return float(f"{found:.3g}") if isinstance(found, float) else found


def space(args: Any) -> list[Setting]:
    """The settings that a command searches, when its automatic settings have been chosen.

    Raises:
        UsageError: an option is not one of the family's or the training's that can be searched.
    """
    groups = [config.FAMILIES[args.model], config.HeadSettings, _training(args)]
    hints = {name: hint for group in groups for name, hint in typing.get_type_hints(group).items()}
    fields = {name: field for group in groups for name, field in config.settings_of(group).items()}
    given = {name for group in groups for name in given_values(args, group)}
    known = {name: one for name, field in fields.items() if (one := _setting(field, hints[name], getattr(args, name, None)))}
    asked = [name.replace("-", "_") for name in args.options or ()]
    if unknown := [name for name in asked if name not in known]:
        flags = ", ".join(sorted(name.replace("_", "-") for name in known))
        raise UsageError(f"--options must be among those that can be searched here, {flags}. Received: {', '.join(unknown)}")
    return [known[name] for name in asked or SEARCHED if name in known and (asked or name not in given)]


def _training(args: Any) -> type[config.Training]:
    return config.SequenceTraining if config.FAMILIES[args.model].data == "text" else config.Training


def _setting(field: dataclasses.Field, hint: Any, first: Any) -> Setting | None:
    """How a field is searched; None where it is not: its values are no numbers or choices, or the first is 0, that is, off."""
    shown = field.metadata["shown"]
    if not shown.command_line or field.name in FIXED or first is None or first == ():
        return None
    make = functools.partial(Setting, field.name, f"--{(shown.flag or field.name).replace('_', '-')}", first)
    if isinstance(first, bool):
        return make(choices=(False, True))
    if typing.get_origin(hint) is typing.Literal:
        return make(choices=typing.get_args(hint))
    size = first[0] if _is_list(first) else first
    if isinstance(size, int | float) and (size > 0 or field.name in SHARES):
        return make(whole=isinstance(size, int) and field.name not in SHARES)
    return None


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
