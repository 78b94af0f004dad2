"""What is refused of the run folders, data and outputs of a command before TensorFlow is imported, which takes seconds."""

from pathlib import Path
from typing import Any

from tfar.cli.opening import read_description
from tfar.files import refuse_existing


def check(args: Any, *folders: str) -> None:
    """Refuse run folders, `args.data`, `args.data_dir` and `args.out` that a command cannot read or write.

    Raises:
        FileNotFoundError: a folder is not a run folder.
        FileExistsError: the output exists, without `args.overwrite`.
        ImportError: the output is a picture, and matplotlib is missing.
        ValueError: there are no such data.
    """
    kinds = [read_description(Path(folder))["kind"] for folder in folders]
    from tfar import datasets, plotting  # NumPy, which the command's help does without
    from tfar.datasets import images
    from tfar.datasets.catalogue import resolve_data_dir

    resolve_data_dir(args.data_dir)
    source, out = getattr(args, "data", None), getattr(args, "out", None)
    if source is not None and kinds[0] == "text":
        datasets.check_text_source(source, args.data_dir)
    elif source is not None and not images.is_several(source):  # several files may be shards
        datasets.check_source(source, args.data_dir)
    if out is not None and Path(out).suffix:  # without an ending it is a folder, which is continued
        if Path(out).suffix.lower() == ".png":
            plotting.require()
        refuse_existing(out, args.overwrite)
