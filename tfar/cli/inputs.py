"""What is refused of the run folders, data and outputs of a command before TensorFlow is imported, which takes seconds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfar.cli.conditions import ARRAYS, FOREIGN, TABLES, TEXTS, column_of, context_of, refuse_foreign
from tfar.cli.opening import read_description
from tfar.cli.runs import DATA, fitted_to
from tfar.files import refuse_existing
from tfar.reading import reading


def check(args: Any, *folders: str) -> list[dict[str, Any]]:
    """Refuse run folders, `args.data`, `args.data_dir` and `args.out` that a command cannot read or write.

    Returns:
        The description of the data of each folder.

    Raises:
        FileNotFoundError: a folder is not a run folder.
        FileExistsError: the output exists, without `args.overwrite`.
        ImportError: the output is a picture, and matplotlib is missing.
        ValueError: there are no such data, or one of several folders is of other data than the first.
    """
    descriptions = [read_description(Path(folder)) for folder in folders]
    from tfar import datasets, plotting  # NumPy, which the command's help does without
    from tfar.datasets import images
    from tfar.datasets.catalogue import resolve_data_dir

    resolve_data_dir(args.data_dir)
    source, out = getattr(args, "data", None), getattr(args, "out", None)
    if source is not None and descriptions[0]["kind"] == "text":
        datasets.check_text_source(source, args.data_dir)
    elif source is not None and not images.is_several(source):  # several files may be shards
        datasets.check_source(source, args.data_dir)
    if out is not None and Path(out).suffix:  # without an ending it is a folder, which is continued
        if Path(out).suffix.lower() == ".png":
            plotting.require()
        refuse_existing(out, args.overwrite)
    check_alike(folders, descriptions)
    return descriptions


def check_alike(folders: Sequence[str], descriptions: Sequence[dict[str, Any]]) -> None:
    """Raise a ValueError where the scores of several models cannot be compared, since their data or preparations differ."""
    if len(folders) < 2:
        return
    found = []
    for folder, description in zip(folders, descriptions, strict=True):
        with reading(Path(folder, DATA), "the description of the data of the model beside it"):
            found.append(fitted_to(description))
        if found[-1] != found[0]:
            raise ValueError(f"the models must be of the same data, prepared alike, as {folders[0]}. Received: {folder}")


def check_draws(args: Any, description: dict[str, Any]) -> None:
    """Refuse what `tfar sample` cannot draw from a model: options, classes and columns of another one, and outputs that exist.

    Args:
        args: the command's arguments.
        description: of the data of the model, as `check` returns it.

    Raises:
        ValueError: an option is for models of another kind, or names no class or column of this one.
        FileExistsError: the output is there, without `args.overwrite`.
    """
    folder = Path(args.folder)
    own = {"text": TEXTS, "table": TABLES}.get(description["kind"], ARRAYS)
    for kind, names in FOREIGN[own].items():
        refuse_foreign(args, folder, own, kind, names)
    if own == TEXTS:
        return
    with reading(folder / DATA, "the description of the data of the model beside it"):
        prepared = _schema(description) if own == TABLES else _preparation(description)
    if own == TABLES:
        for word in args.given or ():
            column_of(word, prepared.names)
    else:
        context_of(args.context, prepared.context_size, prepared.context_names)
    if args.out is None:
        table = own == TABLES or len(prepared.event_shape) == 1
        refuse_existing(folder / f"samples-{args.seed}{'.csv' if table else '.npy'}", args.overwrite)


def _schema(description: dict[str, Any]) -> Any:
    from tfar.datasets import Schema  # pandas, which arrays do without

    return Schema.from_json(description["schema"])


def _preparation(description: dict[str, Any]) -> Any:
    from tfar.datasets import Preparation

    return Preparation.from_config(description)
