"""What the commands write of samples and completions: pictures, arrays and tables."""

import csv
from pathlib import Path

import numpy as np

from tfar import plotting
from tfar.files import atomic, refuse_existing


def paths(run, args, stem):
    """Where a command writes: `args.out`, or by default files of the name `stem` in the run's folder.

    Tables are written as .csv, other events as .npy, and both as a picture if matplotlib is there, except that there is
    none of the completions of events that are no images.

    Raises:
        ValueError: the ending of `args.out` is none that this event can be written to.
        FileExistsError: something is there already, without `args.overwrite`.
    """
    table = len(run.model.event_shape) == 1
    picture = not stem.startswith("completions") or run.as_images(np.zeros([1, *run.model.event_shape])) is not None
    allowed = [".csv" if table else ".npy", *([".npy"] if table else []), *([".png"] if picture else [])]
    if args.out is not None:
        if Path(args.out).suffix not in allowed:
            raise ValueError(f"the output must end in one of {', '.join(allowed)}. Received: --out {args.out}")
        if Path(args.out).suffix == ".png":
            plotting.require()
        return [refuse_existing(args.out, args.overwrite)]
    endings = [allowed[0], ".png"] if picture and plotting.available() else [allowed[0]]  # the data first: they are what is hard to get
    return [refuse_existing(run.folder / f"{stem}{ending}", args.overwrite) for ending in endings]


def write_picture(run, path, x, data=None, overwrite=False, context=None):
    """Draw values as modelled, `x [N, *event]`: a grid of images, or a table's columns beside those of `data`.

    Images drawn given their classes, `context [N, C]`, are in rows with the names of the classes.
    """
    images = run.as_images(x)
    if images is not None and context is not None and run.label_column:
        figure = plotting.class_grid(images, [label for (label,) in run.label_cells(context, len(x))])
    elif images is not None:
        figure = plotting.image_grid(images)
    else:
        flat = [None if values is None else run.own_units(values).reshape(len(values), -1) for values in (x, data)]
        figure = plotting.table(*flat, columns=run.columns)
    plotting.save(figure, path, overwrite)


def write_array(path, values, overwrite=False):
    """Write a .npy file."""
    with atomic(path, overwrite) as temporary, open(temporary, "wb") as file:
        np.save(file, values)


def write_csv(path, header, rows, overwrite=False):
    """Write a table. Floats have up to 15 digits, so that a number read from a file is written as it was."""
    with atomic(path, overwrite) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([f"{cell:.15g}" if isinstance(cell, float) else cell for cell in row] for row in rows)


def rounded(run, x):
    """Values as modelled, `x [..., *event]`, in the data's own units, to a millionth of their standard deviation: float32's worth."""
    values, standardization = np.asarray(run.own_units(x), np.float64), run.preparation.standardization
    if standardization is None:
        return values
    digits = 6 - np.floor(np.log10(standardization.scale)).astype(int)
    columns = values.reshape(-1, digits.size).T
    return np.stack([np.round(column, d) for column, d in zip(columns, digits.ravel(), strict=True)], axis=-1).reshape(values.shape)
