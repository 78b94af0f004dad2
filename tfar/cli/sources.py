"""What is refused of the data of `tfar train` at once: before pandas and TensorFlow are imported, which takes seconds."""

from pathlib import Path
from typing import Any

from tfar import config, datasets
from tfar.cli import streams
from tfar.cli.runs import DATA
from tfar.datasets.readers import check_options, check_prepared, check_test, reader_of
from tfar.datasets.text_sources import is_local

OF_IMAGES = ("size", "gray", "channels_first")  # data settings that some readers take


def check(args: Any) -> None:
    """Refuse data that are not there, or options that are not for them.

    Raises:
        ValueError: there are no such data; or an option is not for them.
        FileNotFoundError: there is no model to start from.
    """
    if args.init_from is not None and not Path(args.init_from, DATA).is_file():
        raise FileNotFoundError(f"--init-from must be a folder that 'tfar train' or 'tfar export' wrote. Received: {args.init_from}")
    if config.FAMILIES[args.model].data == "text":
        datasets.check_text_source(args.data, args.data_dir)
        if not is_local(args.data):
            check_prepared(args.data, args.data_dir)
        return
    streams.check(args)
    if args.stream:
        return
    datasets.check_source(args.data, args.data_dir)
    if args.manual_dir is None:
        check_prepared(args.data, args.data_dir)
    check_options(args.data, {name: getattr(args, name) for name in OF_IMAGES if getattr(args, name) is not None})
    if args.test is not None:
        check_test(args.data, args.test)


def reads_by_tensorflow(args: Any) -> bool:
    """Whether the data of a command are read by TensorFlow."""
    return args.stream or reader_of(args.data).needs_tensorflow
