"""`tfar evaluate`: the likelihood of rows under a trained model."""

import json
import math

import numpy as np

from tfar import training
from tfar.cli import runs, text
from tfar.files import finite
from tfar.training.baselines import baseline, gaussian_nll


def run(args):
    """Score rows by trained models, beside the baseline of independent positions."""
    first, *others = trained = [runs.Run.open(folder) for folder in args.folders]
    for other in others:
        if other.is_text or rows_of(other) != rows_of(first):
            raise ValueError(
                f"only models of arrays can be averaged, of the same data, prepared alike, as {first.folder}. Received: {other.folder}"
            )
    show = text.report if first.is_text else report
    name, scores, known = text.evaluate(first, args) if first.is_text else evaluate(trained, args)
    if args.json:
        where = {"folders": args.folders} if others else {"folder": str(first.folder)}
        print(json.dumps(finite({**where, "data": name, **scores, **known}), allow_nan=False))
    else:
        print(show(f"{f'the mean of {len(trained)} models' if others else first.folder} on {name}", scores, known))


def rows_of(trained):
    """Which rows a model was fitted to and how prepared: what it keeps of its data but for name and place, and whether it is of a refit."""
    return {key: value for key, value in trained.data.items() if key not in ("name", "source", "data_dir")}, trained.metrics.get("refit")


def evaluate(trained, args):
    """Score rows by the mean of the probabilities of one or several models, p(x) = 1/n sum_i p_i(x).

    Returns:
        The name of the data, the scores and the `references`.
    """
    first = trained[0]
    first.refuse(args, "streams")
    rows = first.rows(args.data, args.split, args.data_dir)
    if args.rows is not None:
        if args.rows < 1:
            raise ValueError(f"there must be at least one row to score. Received: --rows {args.rows}")
        rows = rows.take(slice(args.rows))
    orders = {} if args.num_orders is None else {"num_orders": args.num_orders, "seed": args.seed or 0}
    batch_size = 100 if args.batch_size is None else args.batch_size
    log_probs = np.stack([training.log_probs(one.model, rows, batch_size, **orders) for one in trained])
    scores = training.summary(np.logaddexp.reduce(log_probs, axis=0) - math.log(len(trained)), first.model.network.event_size)
    preparation, found = first.preparation, {"baseline_nll": None}
    if preparation.standardization is not None:
        scores["nll_own_units"] = scores["nll"] - preparation.standardization.log_jacobian
    try:
        known = first.known(args.data_dir, download=None if args.data is None else False).x  # a baseline is not worth one
    except (ValueError, OSError):  # other rows can be scored where the training rows, and with them the baseline, are gone
        if args.data is None:
            raise
    else:
        found = references(first.model.head, known, rows.x)
    name = args.data or f"{first.data['name']}, {args.split or 'test'}"
    return name, scores, found


def references(head, known, x):
    """What a model must beat at x, fitted to the rows known: independent positions, and for real values the normal of full covariance.

    Returns:
        A dict of `baseline_nll` and, for real values, `gaussian_nll`, in nats; the latter None where there is no such normal.
    """
    independent = {"baseline_nll": -float(baseline(head, known, x).mean())}
    return independent if head.dtype.is_integer else {**independent, "gaussian_nll": gaussian_nll(known, x)}


def report(title, scores, known):
    """What `train` and `evaluate` print of scores from `training.summary`, and of the `references`."""
    own = "nll_own_units" in scores
    lines = [
        f"{title}: {scores['rows']:,} rows",
        f"  NLL       {scores['nll']:10.3f} +- {scores['nll_error']:.3f} nats (mean and its standard error), "
        f"{scores['bits_per_dim']:.4f} bits per dimension" + (", standardised" if own else ""),
    ]
    for name, words in {"baseline_nll": "independent positions", "gaussian_nll": "a normal of full covariance"}.items():
        if known.get(name) is not None:
            lines.append(f"  baseline  {known[name]:10.3f} nats, {words}")
    if own:
        lines.append(f"  NLL       {scores['nll_own_units']:10.3f} nats in the data's own units")
    return "\n".join(lines)
