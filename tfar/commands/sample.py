"""`tfar sample`: draw from a trained model."""

import numpy as np

from tfar import noise, outputs, runs
from tfar.commands import text

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
    x = sampled(trained.model, args.n, args.seed, context)
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


def sampled(model, n, seed, context=None):
    """What `model.sample` draws, `[n, *event]`, some rows at a time: each has a seed of its own."""
    seeds = noise.seeds_of(seed, n)
    parts = [slice(start, start + ROWS) for start in range(0, n, ROWS)]
    return np.concatenate([model.sample(len(seeds[p]), seeds[p], None if context is None else context[p]).numpy() for p in parts])
