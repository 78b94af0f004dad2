"""`tfar complete`: draw what is missing given the rest."""

import numpy as np

from tfar import datasets, noise, plotting
from tfar.cli import outputs, runs
from tfar.cli.sample import in_parts
from tfar.datasets.arrays import TABLES

MOST_DRAWN = 40  # rows in a picture


def run(args):
    """Complete rows with blanks, or else rows of which the first positions of the model's order are shown to it."""
    trained = runs.Run.open(args.folder)
    if trained.is_text:
        raise ValueError(f"a text is continued by 'tfar sample DIR --prompt TEXT'. Received: {args.folder}, a model of text")
    if args.n < 1 or args.rows is not None and args.rows < 1:
        raise ValueError(f"there must be at least one row, and one draw. Received: --rows {args.rows}, -n {args.n}")
    paths = outputs.paths(trained, args, f"completions-{args.seed}")
    x, context = trained.rows(args.data, None, args.data_dir, allow_blanks=True)
    blank = np.isnan(x)
    filling = blank.any()
    if filling and args.observe is not None:
        raise ValueError(f"--observe is for rows without blanks. Received: --observe {args.observe}, and {blank.sum()} blanks")
    rows = slice(args.rows or (None if filling else 8))
    x, blank, context = x[rows], blank[rows], None if context is None else context[rows]
    if not filling:
        blank = ~first_positions(trained.model, args.observe)[None].repeat(len(x), axis=0)
    drawn = draws(trained.model, np.where(blank, 0, x), ~blank, args.n, args.seed, context)
    for path in paths:
        if path.suffix == ".png":
            write_picture(trained, path, x, blank, drawn, args.overwrite)
        elif path.suffix == ".npy":
            outputs.write_array(path, trained.own_units(drawn), args.overwrite)
        else:
            write_table(trained, path, args, blank, drawn, context)
        print(path)


def first_positions(model, observe):
    """Which positions are given, bool `[*event]`: a fraction `observe` (or "first-half", or None for it), first in the order."""
    order = model.network.order
    fraction = 0.5 if observe in (None, "first-half") else float(observe)
    shown = np.zeros(len(order), bool)
    shown[order[: round(fraction * len(order))]] = True
    return shown.reshape(model.event_shape)


def draws(model, x, observed, n, seed, context=None):
    """Complete each row n times, `[B, n, *event]`; the k-th completion does not depend on n."""
    x = x.astype(model.head.dtype.as_numpy_dtype)
    seeds = noise.row_seeds(noise.as_seed(seed), n * len(x)).numpy().reshape(n, len(x), 2)
    return np.stack([in_parts(model.complete, x, observed, rows, context) for rows in seeds], axis=1)


def write_picture(trained, path, x, blank, drawn, overwrite=False):
    """Draw the first rows, what was shown of them, and their completions."""
    x, blank, drawn = x[:MOST_DRAWN], blank[:MOST_DRAWN], drawn[:MOST_DRAWN]
    images = trained.as_images(np.concatenate([x[:, None], drawn], axis=1).reshape(-1, *x.shape[1:]))
    images = images.reshape(len(x), -1, *images.shape[1:])  # (B, 1 + n, H, W) or (B, 1 + n, H, W, 3)
    blank = blank.reshape(*blank.shape[:3], -1).any(axis=-1)
    plotting.save(plotting.completions(images[:, 0], ~blank, images[:, 1:]), path, overwrite)


def write_table(trained, path, args, blank, drawn, context):
    """Write each row n times, with a column for the number of the row and one for that of the draw, both from 1.

    Cells that were given are those of the file, in its order of columns, not a rounded image of them; of quantised data they are levels,
    as those that were drawn.
    """
    columns, values = list(trained.columns), outputs.rounded(trained, drawn)
    if args.data and args.data.lower().endswith(TABLES):
        table = datasets.read_table(args.data, allow_blanks=True, label=trained.data["context"])
        if table.columns is not None:
            if trained.preparation.columns is not None:
                place = [columns.index(name) for name in table.columns]
                values, blank = values[..., place], blank[:, place]
            columns = list(table.columns)
        if trained.preparation.levels == trained.preparation.input_levels:
            values = np.where(blank[:, None], values, table.values[: len(values), None])
    labels = trained.label_cells(context, len(values))
    rows = ([i + 1, k + 1, *row, *labels[i]] for i, draws_of_row in enumerate(values) for k, row in enumerate(draws_of_row))
    outputs.write_csv(path, ["row", "draw", *columns, *trained.label_column], rows, args.overwrite)
