"""`tfar train --stream`: rows that need not fit in memory."""

from typing import Any

from tfar import config, datasets
from tfar.cli.arguments import given_values

OF_STREAMS = ("held_rows", "buffer_rows", "skip_damaged")  # data settings that are for a stream
# data settings that are for data in memory
NOT_STREAMED = ("fold", "folds", "groups", "manual_dir", "size", "gray", "channels_first")


def check(args: Any) -> None:
    """Refuse options that do not go together.

    Raises:
        ValueError: options of a stream without `--stream`, options of other data with it, or a folder or pattern without it.
    """
    if not args.stream:
        if asked := [name for name in given_values(args, config.DataSettings) if name in OF_STREAMS]:
            raise ValueError(f"--{asked[0].replace('_', '-')} is for --stream. Received: it without --stream")
        return
    given = given_values(args, config.DataSettings) | given_values(args, config.TableSettings)
    if asked := [name for name in given if name in NOT_STREAMED and getattr(args, name) is not None]:
        raise ValueError(f"--{asked[0].replace('_', '-')} is for data in memory. Received: it, and --stream")
    if args.refit:
        raise ValueError("--refit is for data in memory: of a stream, few rows validate. Received: --refit and --stream")


def read(args: Any, options: dict[str, Any]) -> Any:
    """The data of a command with `--stream`, a `StreamedDataset` or `StreamedTable`.

    Args:
        args: the command's arguments.
        options: of `tfar.datasets.load`; the model that the training starts from may have set some.

    Raises:
        ValueError: the rows cannot be read.
    """
    given = {name: value for name, value in options.items() if name not in NOT_STREAMED}
    return datasets.stream(args.data, held=given.pop("held_rows"), buffer=given.pop("buffer_rows"), **given)


def without(options: dict[str, Any]) -> dict[str, Any]:
    """Options of `tfar.datasets.load`, of those that a command has."""
    return {name: value for name, value in options.items() if name not in OF_STREAMS}
