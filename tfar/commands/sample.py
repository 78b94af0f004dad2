"""`tfar sample`: draw from a trained model."""

from tfar import outputs, runs
from tfar.commands import text


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
    x = trained.model.sample(args.n, args.seed, context).numpy()
    for path in paths:
        if path.suffix == ".png":
            outputs.write_picture(trained, path, x, trained.data_to_compare(), args.overwrite, context)
        elif path.suffix == ".npy":
            outputs.write_array(path, trained.own_units(x), args.overwrite)
        else:
            labels = trained.label_cells(context, args.n)
            rows = [[*values, *label] for values, label in zip(outputs.rounded(trained.own_units(x)), labels, strict=True)]
            outputs.write_csv(path, [*trained.columns, *trained.label_column], rows, args.overwrite)
        print(path)
