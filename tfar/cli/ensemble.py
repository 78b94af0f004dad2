"""`tfar ensemble`: the run folder of an ensemble of trained models."""

import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfar.cli import inputs
from tfar.cli.arguments import data_dir_parser
from tfar.cli.opening import open_run, read_description
from tfar.cli.runs import DATA, METRICS, MODEL, save_model, versions
from tfar.files import atomic, refuse_existing, write_json

if TYPE_CHECKING:
    from tfar.cli.runs import Run

DESCRIPTION = "Write the run folder of an ensemble: the weighted mean of the probabilities of models that were trained on the same data."


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("ensemble", parents=[data_dir_parser()], help="make an ensemble of models", description=DESCRIPTION)
    parser.set_defaults(run=run)
    parser.add_argument("folders", metavar="DIR", nargs="+", help="run folders, written by 'tfar train', two or more")
    parser.add_argument("--out", required=True, metavar="DIR", help="run folder to write; it must not exist")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--weights", nargs="+", type=float, metavar="W", help="weight of each model (default: equal)")
    either.add_argument("--fit-weights", action="store_true", help="the weights with the greatest likelihood of the validation rows")


def run(args: Any) -> None:
    """Make an ensemble of trained models, score it, and write its run folder."""
    out = refuse_existing(args.out)
    if len(args.folders) < 2:
        raise ValueError(f"an ensemble is of several models. Received: {args.folders[0]} alone")
    inputs.check_alike(args.folders, [read_description(Path(folder)) for folder in args.folders])
    first, *others = runs = [open_run(folder) for folder in args.folders]
    first.check_ensemble(others)
    from tfar.models import Ensemble

    model = Ensemble([one.model for one in runs], weights_of(runs, args) if args.fit_weights else args.weights)
    made = type(first)(out, model, first.description)
    metrics = measure(made, first, args)
    with atomic(out) as folder:
        folder.mkdir()
        save_model(model, folder / MODEL)
        write_json(folder / DATA, made.description)
        write_json(folder / METRICS, metrics)
        made.write_more(folder)
    weights = ", ".join(f"{weight:.3f} {folder}" for weight, folder in zip(metrics["weights"], args.folders, strict=True))
    print(made.report(f"{weights}: {metrics['data']}, test", metrics["test"], metrics))
    print("\n".join(str(path) for path in sorted(Path(out).iterdir())))


def weights_of(runs: "Sequence[Run]", args: Any) -> list[float]:
    """The weights of models with which their mixture has the greatest likelihood of the validation rows, `[M]`.

    Raises:
        ValueError: the models were trained on these rows too.
    """
    import numpy as np

    from tfar.models.ensemble import likeliest_weights

    if runs[0].metrics.get("refit"):
        raise ValueError(f"--fit-weights needs validation rows that the models were not trained on. Received: {runs[0].folder}, refitted")
    asked = _rows_of("validation", args)
    rows = runs[0].evaluated(asked)[1]
    return likeliest_weights(np.stack([one.log_prob(rows, asked) for one in runs])).tolist()


def measure(made: "Run", first: "Run", args: Any) -> dict[str, Any]:
    """The content of metrics.json."""
    found = {}
    for split in ("validation", "test"):
        asked = _rows_of(split, args)
        _, rows = first.evaluated(asked)
        found[split] = made.scores(made.log_prob(rows, asked), rows)
        known = first.baselines(rows, asked)
    refitted = {"refit": True} if first.metrics.get("refit") else {}
    return {
        "model": "ensemble",
        "data": first.description["name"],
        **found,
        **known,
        "members": [str(folder) for folder in args.folders],
        "weights": [float(weight) for weight in made.model.network.mixture_weights.numpy()],
        "parameters": made.model.count_params(),
        "command": args.command_line,
        "versions": versions(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        **refitted,
    }


def _rows_of(split: str, args: Any) -> Namespace:
    """What `tfar evaluate --split SPLIT` asks of a run."""
    return Namespace(data=None, split=split, data_dir=args.data_dir, rows=None, batch_size=None, num_orders=None, seed=None, streams=None)
