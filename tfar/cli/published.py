"""What lies beside the versions of an exported model, so that others can score, sample, complete and train further with it.

A folder of versions holds `model.json`, the model's configuration, `data.json` and `metrics.json`. With the weights of the newest version
they are a run folder: `tfar.load_run` reads it, and the weights are stored once.
"""

import shlex
from pathlib import Path
from typing import Any

from tfar.cli.runs import DATA, METRICS, MODEL, Run
from tfar.datasets.text_sources import is_archive, is_pattern
from tfar.files import CONFIGURATION, write_json
from tfar.models.exported import config_of


def write_beside(trained: Run, folder: Path) -> None:
    """Write the files of a run into the folder of its versions, in place of those of an earlier one; a run folder keeps its own.

    Paths that others do not have are left out.
    """
    if (folder / MODEL).exists():
        return
    write_json(folder / CONFIGURATION, config_of(trained.model), overwrite=True)
    write_json(folder / DATA, description_elsewhere(trained.description), overwrite=True)
    if trained.metrics:
        metrics = {**trained.metrics, "data": _name(trained.metrics["data"]), "command": command_elsewhere(trained.metrics["command"])}
        write_json(folder / METRICS, metrics, overwrite=True)


def command_elsewhere(command: str) -> str:
    """A command as it would be given on another machine: of absolute paths the names alone, with what is wanted of an archive or folder.

    >>> command_elsewhere("tfar train charrnn --data '/home/me/book.tar.xz/*.tex' --out=/runs/book --units 8")
    "tfar train charrnn --data 'book.tar.xz/*.tex' --out=book --units 8"
    """
    words = [word.rpartition("=") for word in shlex.split(command)]
    return shlex.join("".join((*option, _name(value))) for *option, value in words)


def description_elsewhere(description: dict[str, Any]) -> dict[str, Any]:
    """The description of data without the folders of this machine."""
    places = {key: _name(description[key]) for key in ("name", "source", "test") if key in description}
    return {**description, **places, "data_dir": None}


def _name(value: str) -> str:
    """The name of an absolute path, or all from its first archive or pattern on; other words as they are."""
    path = Path(value)
    if not path.is_absolute():
        return value
    first = next((n for n, part in enumerate(path.parts) if is_archive(part) or is_pattern(part)), -1)
    return str(Path(*path.parts[first:]))
