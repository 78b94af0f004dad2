"""What the commands write of samples and completions: pictures, arrays and tables."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tfar import datasets, plotting
from tfar.cli.paths import row_file
from tfar.datasets.frames import write_frame
from tfar.datasets.source import undivided
from tfar.files import atomic, refuse_existing

if TYPE_CHECKING:
    from tfar.cli.arrays import ArrayRun


def paths(run: "ArrayRun", args: Any, stem: str) -> list[Path]:
    """Where a command writes: `args.out`, or by default files of the name `stem` in the run's folder.

    Tables are written as .csv, other events as .npy, and both as a picture if matplotlib is there, except that there is no picture of the
    completions of events that are not images.

    Raises:
        ValueError: this event cannot be written to a file with the ending of `args.out`.
        FileExistsError: something is there already, without `args.overwrite`.
    """
    table = len(run.model.event_shape) == 1
    picture = not stem.startswith("completions") or run.of_images
    allowed = [".csv" if table else ".npy", *([".npy"] if table else []), *([".png"] if picture else [])]
    if args.out is not None:
        if Path(args.out).suffix not in allowed:
            raise ValueError(f"the output must end in one of {', '.join(allowed)}. Received: --out {args.out}")
        if Path(args.out).suffix == ".png":
            plotting.require()
        return [refuse_existing(args.out, args.overwrite)]
    endings = [allowed[0], ".png"] if picture and plotting.available() else [allowed[0]]  # the data first: they are what is hard to get
    return [refuse_existing(run.folder / f"{stem}{ending}", args.overwrite) for ending in endings]


def write_picture(run: "ArrayRun", path: Path, x: np.ndarray, data: Any = None, overwrite: bool = False, context: Any = None) -> None:
    """Draw values as modelled, `x [N, *event]`: a grid of images, or a table's columns beside those of `data`.

    Images drawn given their classes, `context [N, C]`, are in rows with the names of the classes.
    """
    images = run.as_images(x)
    if images is not None and context is not None and run.label_column:
        figure = plotting.class_grid(images, [label for (label,) in run.label_cells(context, len(x))])
    elif images is not None:
        figure = plotting.image_grid(images)
    else:
        beside = None if data is None else run.own_units(data).reshape(len(data), -1)
        figure = plotting.table(run.own_units(x).reshape(len(x), -1), beside, columns=run.columns)
    plotting.save(figure, path, overwrite, title=f"{run.title}: samples")


def write_completions(run: "ArrayRun", path: Path, x: np.ndarray, blank: np.ndarray, drawn: np.ndarray, overwrite: bool = False) -> None:
    """Draw images `[B, *event]`, what was given of them, and their completions `[B, n, *event]`."""
    images = run.as_images(np.concatenate([x[:, None], drawn], axis=1).reshape(-1, *x.shape[1:]))
    if images is None:
        raise ValueError(f"completions are drawn of images alone. Received: values of shape {x.shape[1:]}")
    images = images.reshape(len(x), -1, *images.shape[1:])  # (B, 1 + n, H, W) or (B, 1 + n, H, W, 3)
    given = np.logical_not(blank.reshape(*blank.shape[:3], -1).any(axis=-1))
    picture = plotting.completions(images[:, 0], given, images[:, 1:])
    plotting.save(picture, path, overwrite, title=f"{run.title}: completions")


def write_completed_table(
    run: "ArrayRun", path: Path, read: datasets.Source | None, blank: np.ndarray, drawn: np.ndarray, context: Any, overwrite: bool
) -> None:
    """Write each row n times, with a column for the number of the row and one for that of the draw, both from 1.

    Cells that were given are those of the table that was read, in its order of columns, not a rounded image of them; of quantised data they
    are levels, as those that were drawn.
    """
    columns, values = list(run.columns), rounded(run, drawn)
    if read is not None:
        if read.columns is not None:
            if run.preparation.columns is not None:
                place = [columns.index(name) for name in read.columns]
                values, blank = values[..., place], blank[:, place]
            columns = list(read.columns)
        if run.preparation.levels == run.preparation.input_levels:
            rows_read = undivided(read) or read.splits["test"]
            values = np.where(blank[:, None], values, rows_read.x[: len(values), None])
    labels = run.label_cells(context, len(values))
    rows = ([i + 1, k + 1, *row, *labels[i]] for i, draws_of_row in enumerate(values) for k, row in enumerate(draws_of_row))
    write_csv(path, ["row", "draw", *columns, *run.label_column], rows, overwrite)


def write_array(path: Path, values: np.ndarray, overwrite: bool = False) -> None:
    """Write a .npy file."""
    with atomic(path, overwrite) as temporary, open(temporary, "wb") as file:
        np.save(file, values)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]], overwrite: bool = False) -> None:
    """Write a table. Floats have up to 15 digits, so that a number read from a file is written as it was."""
    with atomic(path, overwrite) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([f"{cell:.15g}" if isinstance(cell, float) else cell for cell in row] for row in rows)


def rounded(run: "ArrayRun", x: Any) -> np.ndarray:
    """Values as modelled, `x [..., *event]`, in the data's own units, to a millionth of their standard deviation: float32's worth."""
    values, standardization = np.asarray(run.own_units(x), np.float64), run.preparation.standardization
    if standardization is None:
        return values
    digits = 6 - np.floor(np.log10(standardization.scale)).astype(int)
    columns = values.reshape(-1, digits.size).T
    return np.stack([np.round(column, d) for column, d in zip(columns, digits.ravel(), strict=True)], axis=-1).reshape(values.shape)


def score_path(run: Any, args: Any) -> Path:
    """The table that `tfar score` writes: `args.out`, or by default `scores.csv` in the run's folder.

    Raises:
        ValueError: the ending is not that of a table.
        FileExistsError: something is there already, without `args.overwrite`.
    """
    return row_file(args.out or run.folder / "scores.csv", args.overwrite)


def write_scores(path: Path, log_prob: np.ndarray, columns: Mapping[str, np.ndarray] | None, args: Any) -> None:
    """Write the nats of rows, `[N]` and `[N]` for each column, beside the number of the row, from 1; with `args.sort` the least first."""
    cells = {f"log_prob_{name}": values for name, values in (columns or {}).items()}
    write_rows(path, {"log_prob": log_prob, **cells}, args.overwrite, args.sort)


def write_rows(path: Path, columns: Mapping[str, np.ndarray], overwrite: bool = False, sort: bool = False) -> None:
    """Write numbers of rows `[N]` by the names of their columns, beside the number of the row, from 1; with `sort` the least first."""
    numbers = {name: np.asarray(values, np.float64) for name, values in columns.items()}
    frame = pd.DataFrame({"row": np.arange(1, len(next(iter(numbers.values()))) + 1), **numbers})
    write_frame(frame.sort_values("log_prob", kind="stable") if sort else frame, path, overwrite)
    print(path)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table in Markdown.

    >>> print(markdown_table(["a", "b"], [(1, 2)]))
    | a | b |
    | --- | --- |
    | 1 | 2 |
    """
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
