"""`tfar evaluate`: the likelihood of rows under a trained model."""

import json

from tfar import runs, training
from tfar.commands import text
from tfar.files import finite
from tfar.marginals import baseline


def run(args):
    """Score rows by a trained model, beside the baseline of independent positions."""
    trained = runs.Run.open(args.folder)
    show = text.report if trained.is_text else report
    name, scores, independent = (text.evaluate if trained.is_text else evaluate)(trained, args)
    if args.json:
        print(json.dumps(finite({"folder": str(args.folder), "data": name, **scores, "baseline_nll": independent}), allow_nan=False))
    else:
        print(show(f"{args.folder} on {name}", scores, independent))


def evaluate(trained, args):
    """Score rows, and return the name of the data, the scores and the baseline's NLL."""
    trained.refuse(args, "streams")
    rows = trained.rows(args.data, args.split, args.data_dir)
    if args.rows is not None:
        if args.rows < 1:
            raise ValueError(f"there must be at least one row to score. Received: --rows {args.rows}")
        rows = rows.take(slice(args.rows))
    orders = {} if args.num_orders is None else {"num_orders": args.num_orders, "seed": args.seed or 0}
    scores = training.evaluate(trained.model, rows, 100 if args.batch_size is None else args.batch_size, **orders)
    preparation, independent = trained.preparation, None
    if preparation.standardization is not None:
        scores["nll_own_units"] = scores["nll"] - preparation.standardization.log_jacobian
    try:
        known = trained.dataset(args.data_dir).train.x
    except ValueError:  # other rows can be scored where the training rows, and with them the baseline, are gone
        if args.data is None:
            raise
    else:
        independent = -float(baseline(trained.model.head, known, rows.x).mean())
    name = args.data or f"{trained.data['name']}, {args.split or 'test'}"
    return name, scores, independent


def report(title, scores, independent=None):
    """What `train` and `evaluate` print of scores from `training.evaluate`, and of the baseline's NLL."""
    own = "nll_own_units" in scores
    lines = [
        f"{title}: {scores['rows']:,} rows",
        f"  NLL       {scores['nll']:10.3f} +- {scores['nll_error']:.3f} nats (mean and its standard error), "
        f"{scores['bits_per_dim']:.4f} bits per dimension" + (", standardised" if own else ""),
    ]
    if independent is not None:
        lines.append(f"  baseline  {independent:10.3f} nats, independent positions")
    if own:
        lines.append(f"  NLL       {scores['nll_own_units']:10.3f} nats in the data's own units")
    return "\n".join(lines)
