"""Reading run folders. TensorFlow is imported when one is read: the command line refuses what it can before."""

import json
from pathlib import Path

from tfar.cli.quiet import import_tensorflow
from tfar.cli.runs import DATA, MODEL, Run


def load_run(folder: str | Path) -> Run:
    """Read a run folder that `tfar train` wrote.

    Args:
        folder: the folder.

    Returns:
        A `Run`: its `model`, `data`, `metrics`, and for arrays `preparation`. The data are read when they are asked for.

    Raises:
        FileNotFoundError: it is not a folder, or a file is missing.

    >>> import tempfile, tfar
    >>> from tfar.cli.main import main
    >>> folder = tempfile.mkdtemp() + "/made"
    >>> small = ["--hidden-units", "8", "--epochs", "1", "--epoch-steps", "1", "--no-jit", "--quiet"]
    >>> code = main(["train", "made", "--data", "digits", "--out", folder, *small])
    Dataset(...
    >>> run = tfar.load_run(folder)
    >>> run.model.event_shape, run.preparation.kind, run.data.test.x.shape, run.metrics["test"]["rows"]
    ((8, 8, 1), 'binary', (250, 8, 8, 1), 250)
    """
    folder = Path(folder)
    for name in (MODEL, DATA):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"a folder made by 'tfar train' holds {MODEL} and {DATA}. Received: {folder}, without {name}")
    from tfar.cli.arrays import ArrayRun
    from tfar.cli.text import TextRun
    from tfar.models.loading import load_model

    description = json.loads((folder / DATA).read_text(encoding="utf-8"))
    kind = TextRun if description["kind"] == TextRun.kind else ArrayRun
    return kind(folder, load_model(folder / MODEL), description)


def open_run(folder: str | Path) -> Run:
    """`load_run` for a command: a folder that is missing is refused before TensorFlow is imported, which is then done quietly."""
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"a folder that 'tfar train' wrote is needed. Received: {folder}")
    import_tensorflow()
    return load_run(folder)
