"""`tfar sample`: draw from a trained model."""

import numpy as np

from tfar import noise
from tfar.cli import outputs, runs, text

ROWS = 500  # at a time: what a row needs in a sampler may be a thousand times its size


def run(args):
    """Draw samples, and write them as a picture, and as an array or a table: in the data's own units, or in levels of quantised data."""
    trained = runs.Run.open(args.folder)
    if args.n is not None and args.n < 1:
        raise ValueError(f"there must be at least one sample. Received: -n {args.n}")
    if trained.is_text:
        return text.sample(trained, args)
    trained.refuse(args, "prompt", "length", "temperature", "top_k")
    args.n = args.n or 64
    paths = outputs.paths(trained, args, f"samples-{args.seed}")
    context = trained.contexts(args.context, args.n)
    seeds = noise.seeds_of(args.seed, args.n)
    x = in_parts(lambda seeds, context: trained.model.sample(len(seeds), seeds, context), seeds, context)
    for path in paths:
        if path.suffix == ".png":
            outputs.write_picture(trained, path, x, trained.data_to_compare(args.data_dir), args.overwrite, context)
        elif path.suffix == ".npy":
            outputs.write_array(path, trained.own_units(x), args.overwrite)
        else:
            labels = trained.label_cells(context, args.n)
            rows = [[*values, *label] for values, label in zip(outputs.rounded(trained, x), labels, strict=True)]
            outputs.write_csv(path, [*trained.columns, *trained.label_column], rows, args.overwrite)
        print(path)


def in_parts(draw, *arrays):
    """What `draw` makes of the rows of some arrays, None among them, a part of the rows at a time: each has a seed of its own."""
    parts = [slice(start, start + ROWS) for start in range(0, len(arrays[0]), ROWS)]
    return np.concatenate([draw(*(None if array is None else array[rows] for array in arrays)).numpy() for rows in parts])
