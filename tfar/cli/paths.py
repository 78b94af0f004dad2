"""Where commands write."""

from pathlib import Path

from tfar.files import refuse_existing


def row_file(path: str | Path, overwrite: bool) -> Path:
    """The table that a command writes scores of rows to.

    Raises:
        ValueError: the ending is not that of a table.
        FileExistsError: something is there already, without `overwrite`.
    """
    from tfar.datasets.source import WRITABLE

    if not Path(path).name.lower().endswith(WRITABLE):
        raise ValueError(f"the output must end in one of {', '.join(WRITABLE)}. Received: --out {path}")
    return refuse_existing(path, overwrite)
