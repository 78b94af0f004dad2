"""Reading run folders. TensorFlow is imported when one is read: the command line refuses what it can before."""

import json
import zipfile
from pathlib import Path
from typing import Any

from tfar.cli.quiet import import_tensorflow
from tfar.cli.runs import DATA, MODEL, Run
from tfar.files import CONFIGURATION
from tfar.reading import check_members, read_json, reading

DESCRIBED = {"name": str, "kind": str, "source": str, "data_dir": (str, type(None)), "sizes": dict, "checksums": dict}  # in data.json


def load_run(folder: str | Path) -> Run:
    """Read a run folder that `tfar train` wrote, or a folder that `tfar export` wrote, such as those of `saved_models`.

    Args:
        folder: the folder.

    Returns:
        A `Run`: its `model`, `data`, `metrics`, and for arrays `preparation`. The data are read when they are asked for.

    Raises:
        FileNotFoundError: it is not a folder, or a file is missing.
        ValueError: a file is not what `tfar train` writes, the two do not belong together, or the weights are not finite.

    >>> import tempfile, tfar
    >>> from tfar.cli.main import main
    >>> folder = tempfile.mkdtemp() + "/made"
    >>> small = ["--hidden-units", "8", "--epochs", "1", "--epoch-steps", "1", "--no-jit", "--quiet"]
    >>> code = main(["train", "made", "--data", "digits", "--out", folder, *small])
    automatic: ...
    >>> run = tfar.load_run(folder)
    >>> run.model.event_shape, run.preparation.kind, run.data.test.x.shape, run.metrics["test"]["rows"]
    ((8, 8, 1), 'binary', (250, 8, 8, 1), 250)
    """
    folder = Path(folder)
    description = read_description(folder)
    from tfar.models.loading import load_model

    run = run_class(description["kind"])(folder, load_model(folder if _is_exported(folder) else folder / MODEL), description)
    with reading(folder / DATA, "the description of the data of the model beside it"):
        run.check()
    return run


def run_class(kind: str) -> type[Run]:
    """The class of the runs of a kind of data, as data.json names it."""
    if kind == "text":
        from tfar.cli.text import TextRun

        return TextRun
    if kind == "table":
        from tfar.cli.tables import TableRun

        return TableRun
    from tfar.cli.arrays import ArrayRun

    return ArrayRun


def read_description(folder: Path) -> dict[str, Any]:
    """The dict of data.json of a folder that `load_run` reads.

    Raises:
        FileNotFoundError: it is not a folder, or a file is missing.
        ValueError: data.json is not what `tfar train` writes.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"a folder that 'tfar train' wrote is needed. Received: {folder}, which is no folder")
    for name in (CONFIGURATION if _is_exported(folder) else MODEL, DATA):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"a folder made by 'tfar train' holds {MODEL} and {DATA}. Received: {folder}, without {name}")
    return read_json(folder / DATA, DESCRIBED)


def network_class(folder: Path) -> str:
    """The name of the class of the network of a folder that `load_run` reads.

    Raises:
        ValueError: the model's configuration cannot be read.
    """
    if _is_exported(folder):
        with reading(folder / CONFIGURATION, "the configuration of a tfar model") as path:
            return read_json(path)["config"]["network"]["class_name"]
    with reading(folder / MODEL, "a .keras file of a tfar model") as path, zipfile.ZipFile(path) as archive:
        check_members(archive)
        return json.loads(archive.read("config.json"))["config"]["network"]["class_name"]


def _is_exported(folder: Path) -> bool:
    """Whether `tfar export` wrote a folder, so that the weights are in a SavedModel."""
    return (folder / CONFIGURATION).is_file() and not (folder / MODEL).exists()


def open_run(folder: str | Path) -> Run:
    """`load_run` for a command: what is no run folder is refused before TensorFlow is imported, which is then done quietly."""
    read_description(Path(folder))
    import_tensorflow()
    return load_run(folder)
