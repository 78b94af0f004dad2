"""`tfar evaluate`: the likelihood of data under trained models."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfar.cli import inputs, paths
from tfar.cli.arguments import check_at_least_one, data_dir_parser, seed
from tfar.cli.opening import open_run
from tfar.files import finite

if TYPE_CHECKING:
    import numpy as np

    from tfar.cli.runs import Run

DESCRIPTION = "Score data by a model. Of several models, trained on the same data, compare the scores, or average the probabilities."


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("evaluate", parents=[data_dir_parser()], help="score data, compare models", description=DESCRIPTION)
    parser.set_defaults(run=run)
    parser.add_argument("folders", metavar="DIR", nargs="+", help="run folder, written by 'tfar train', or several")
    parser.add_argument("--ensemble", action="store_true", help="average the probabilities of the models (default: compare them)")
    rows = parser.add_argument_group("data")
    help = "other data than the model's own: all rows, or the test rows where they are divided"
    rows.add_argument("--data", metavar="NAME_OR_FILE", help=help)
    rows.add_argument("--split", choices=("train", "validation", "test"), help="of its own data (default: test)")
    rows.add_argument("--rows", type=int, metavar="N", help="the first N rows (default: all)")
    scoring = parser.add_argument_group("scoring")
    scoring.add_argument("--batch-size", type=int, metavar="N", help="rows at a time (default: 100)")
    help = "of a model that takes any order: average the probabilities in N random orders (default: its own order)"
    scoring.add_argument("--num-orders", type=int, metavar="N", help=help)
    scoring.add_argument("--seed", type=seed, metavar="S", help="seed of the random orders (default: 0)")
    help = "number of parts of a text that are scored side by side; 1 is exact (default: 64)"
    scoring.add_argument("--streams", type=int, metavar="N", help=help)
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print one line of JSON")
    output.add_argument("--out", metavar="FILE", help="also write the score of every row: a .csv, .tsv, .parquet or .feather file")
    output.add_argument("--overwrite", action="store_true", help="replace an output file that exists")


def run(args: Any) -> None:
    """Score data by trained models, beside the baseline of independent positions."""
    check_at_least_one(args, "--batch-size", "--rows", "--num-orders", "--streams")
    if args.ensemble and len(args.folders) < 2:
        raise ValueError(f"--ensemble is for several models. Received: {args.folders[0]} alone")
    path = None if args.out is None else paths.row_file(args.out, args.overwrite)
    inputs.check(args, *args.folders)
    first, *others = runs = [open_run(folder) for folder in args.folders]
    if args.ensemble:
        first.check_ensemble(others)
    name, rows = first.evaluated(args)
    log_probs = [one.log_prob(rows, args) for one in runs]
    if args.ensemble:
        log_probs = [mean_log_prob(log_probs)]
    known = first.baselines(rows, args)
    scores = [first.scores(log_prob, rows) for log_prob in log_probs]
    if len(scores) == 1:
        where = {"folders": args.folders} if others else {"folder": str(first.folder)}
        who = f"the mean of {len(runs)} models" if others else first.folder
        found, report = {**where, "data": name, **scores[0], **known}, first.report(f"{who} on {name}", scores[0], known)
    else:
        differences = [difference(first, log_probs, scores, rows, i) for i in range(len(runs))]
        compared = [{"folder": str(folder), **one} for folder, one in zip(args.folders, scores, strict=True)]
        found = {"folders": args.folders, "data": name, "models": compared, "differences": differences[1:], **known}
        report = comparison(f"{len(runs)} models on {name}", first, args.folders, scores, differences, known)
    print(json.dumps(finite(found), allow_nan=False) if args.json else report)
    if path is not None:
        _write_rows(path, args, log_probs)


def mean_log_prob(log_probs: "Sequence[np.ndarray]") -> "np.ndarray":
    """The logarithm of the mean of the probabilities of rows under several models, nats `[N]`, of arrays `[N]`."""
    import numpy as np

    return np.logaddexp.reduce(np.stack(log_probs), axis=0) - math.log(len(log_probs))


def difference(
    first: "Run", log_probs: "Sequence[np.ndarray]", scores: Sequence[dict[str, Any]], rows: Any, number: int
) -> dict[str, float]:
    """The NLL of a model less that of the first one, and the standard error of this mean of paired differences, nats.

    The error is sd / sqrt(N) of the N differences between the scores of the same row, or stretch of a text: what both models find easy or
    hard does not count.
    """
    import numpy as np

    pairs = first.per_unit(log_probs[0], rows) - first.per_unit(log_probs[number], rows)
    error = float(pairs.std(ddof=1) / np.sqrt(len(pairs))) if len(pairs) > 1 else math.nan
    return {"nll": scores[number]["nll"] - scores[0]["nll"], "nll_error": error}


def comparison(
    title: str,
    first: "Run",
    folders: Sequence[str],
    scores: Sequence[dict[str, Any]],
    differences: Sequence[dict[str, float]],
    known: dict[str, Any],
) -> str:
    """The lines that are printed of several models: each with its NLL, and how it differs from the first one's."""
    width = max(len("baseline"), *(len(str(folder)) for folder in folders))
    lines = [f"{title}: {scores[0][first.unit]:,} {first.unit}", f"  {'model'.ljust(width)}  NLL ({first.nats}), difference from the first"]
    for number, (folder, one, found) in enumerate(zip(folders, scores, differences, strict=True)):
        paired = f", {found['nll']:+.4f} +- {found['nll_error']:.4f}" if number else ""
        lines.append(f"  {str(folder).ljust(width)}  {one['nll']:.4f} +- {one['nll_error']:.4f}{paired}")
    if known["baseline_nll"] is not None:
        lines.append(f"  {'baseline'.ljust(width)}  {known['baseline_nll']:.4f}")
    lines.append("  +- is a standard error; that of a difference is of the differences row by row; below 0 is better than the first")
    return "\n".join(lines)


def _write_rows(path: Path, args: Any, log_probs: "Sequence[np.ndarray]") -> None:
    """Write the nats of every row: by one model or the mean of several, or by each of them."""
    from tfar.cli import outputs

    if len(log_probs) == 1:
        columns = {"log_prob": log_probs[0]}
    else:
        columns = {f"log_prob_{number}": log_prob for number, log_prob in enumerate(log_probs, 1)}
    outputs.write_rows(path, columns, args.overwrite)
