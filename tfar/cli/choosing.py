"""The automatic settings of `tfar train`: chosen when the data have been read, printed, and recorded in metrics.json."""

from collections.abc import Sequence
from typing import Any

from tfar import automatic, config


def choose(args: Any, facts: automatic.Facts, started: bool) -> None:
    """Give the automatic options that a command does not name the values that `tfar.automatic` chooses, and print them.

    Args:
        args: the command's arguments; `automatic`, a dict of what was chosen, is added.
        facts: of the training rows.
        started: whether the training starts from a model, whose network has its settings.
    """
    family = config.FAMILIES[args.model]
    chosen = automatic.choose(family, facts)
    own = config.settings_of(family) if started else {}
    args.automatic = {
        name: value for name, value in chosen.items() if getattr(args, name) is None and value is not None and name not in own
    }
    for name, value in args.automatic.items():
        setattr(args, name, value)
    if args.automatic:
        print(f"automatic: {as_options(args.automatic)}", flush=True)


def as_options(values: dict[str, Any]) -> str:
    """Settings as the options that set them by hand.

    >>> as_options({"hidden_units": (20, 30), "jit": False, "learning_rate": 0.001})
    '--hidden-units 20 30 --no-jit --learning-rate 0.001'
    """
    return " ".join(_option(name.replace("_", "-"), value) for name, value in values.items())


def _option(flag: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    words = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return " ".join([f"--{flag}", *map(str, words)])
