"""`tfar evaluate`: the likelihood of rows under a trained model."""

import json
import math

import numpy as np

from tfar import runs, training
from tfar.commands import text
from tfar.files import finite
from tfar.gaussian import gaussian_nll
from tfar.marginals import baseline


def run(args):
    """Score rows by trained models, beside the baseline of independent positions."""
    trained = [runs.Run.open(folder) for folder in args.folders]
    for run in trained[1:]:
        if run.is_text or run.data != trained[0].data:
            raise ValueError(
                f"only models of arrays can be averaged, trained on the same data as {trained[0].folder}. Received: {run.folder}"
            )
    show = text.report if trained[0].is_text else report
    name, scores, known = text.evaluate(trained[0], args) if trained[0].is_text else evaluate(trained, args)
    folder = ", ".join(map(str, args.folders))
    if args.json:
        print(json.dumps(finite({"folder": folder, "data": name, **scores, **known}), allow_nan=False))
    else:
        print(show(f"{folder} on {name}", scores, known))


def evaluate(several, args):
    """Score rows by the mean of the probabilities of one or several models, p(x) = 1/n sum_i p_i(x).

    Returns:
        The name of the data, the scores and the `references`.
    """
    trained = several[0]
    trained.refuse(args, "streams")
    rows = trained.rows(args.data, args.split, args.data_dir)
    if args.rows is not None:
        if args.rows < 1:
            raise ValueError(f"there must be at least one row to score. Received: --rows {args.rows}")
        rows = rows.take(slice(args.rows))
    orders = {} if args.num_orders is None else {"num_orders": args.num_orders, "seed": args.seed or 0}
    batch_size = 100 if args.batch_size is None else args.batch_size
    log_probs = np.stack([training.log_probs(run.model, rows, batch_size, **orders) for run in several])
    scores = training.summary(np.logaddexp.reduce(log_probs, axis=0) - math.log(len(several)), trained.model.network.event_size)
    preparation, found = trained.preparation, {"baseline_nll": None}
    if preparation.standardization is not None:
        scores["nll_own_units"] = scores["nll"] - preparation.standardization.log_jacobian
    try:
        known = trained.known(args.data_dir).x
    except ValueError:  # other rows can be scored where the training rows, and with them the baseline, are gone
        if args.data is None:
            raise
    else:
        found = references(trained.model.head, known, rows.x)
    name = args.data or f"{trained.data['name']}, {args.split or 'test'}"
    return name, scores, found


def references(head, known, x):
    """What a model must beat at x, fitted to the rows known: independent positions, and for real values the normal of full covariance.

    Returns:
        A dict of `baseline_nll` and, for real values, `gaussian_nll`, in nats; the latter None where there is no such normal.
    """
    independent = {"baseline_nll": -float(baseline(head, known, x).mean())}
    return independent if head.dtype.is_integer else {**independent, "gaussian_nll": gaussian_nll(known, x)}


def report(title, scores, known):
    """What `train` and `evaluate` print of scores from `training.evaluate`, and of the `references`."""
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
