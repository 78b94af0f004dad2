"""Running `tfar.training.fit` for a command: its checkpoint, and what is printed."""

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfar.cli.runs import HISTORY
from tfar.reading import reading

if TYPE_CHECKING:
    from tfar.training import Fit


def checkpoint_of(out: Path) -> Path:
    """The file beside the folder to write that holds the state of its training."""
    return out.with_name(f"{out.name}.checkpoint.npz")


def verbosity(args: Any) -> int:
    """Keras' `verbose`: nothing, a bar on a terminal, or a line for each epoch."""
    return 0 if args.quiet else 1 if sys.stdout.isatty() else 2


def fitted(args: Any, out: Path, *arguments: Any, **options: Any) -> "Fit":
    """`tfar.training.fit`, resumed from the checkpoint of `out` where there is one; what happens is printed."""
    from tfar import training

    checkpoint = checkpoint_of(out)
    if checkpoint.exists():
        print(f"going on from {checkpoint}", flush=True)
    found = training.fit(*arguments, checkpoint=checkpoint, verbose=verbosity(args), **options)
    if found.interrupted:
        kept = f"; {checkpoint} is kept: where {out} is moved away, the same command goes on from it" if checkpoint.exists() else ""
        print(f"\ninterrupted: going on with the weights of epoch {found.best_epoch}{kept}", flush=True)
    return found


def read_fit(folder: Path, metrics: dict[str, Any]) -> "Fit":
    """How the training of a run folder went, from the files in it."""
    from tfar.training import Fit

    with reading(folder / HISTORY, "the history of a training") as path, open(path, newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
        columns = zip(*rows, strict=True) if rows else [()] * len(header)
        history = {name: [float(cell) for cell in cells] for name, cells in zip(header, columns, strict=True) if name != "epoch"}
    return Fit(history, metrics["best_epoch"], metrics["seconds"], metrics["interrupted"])


def worse_than_baseline(metrics: dict[str, Any]) -> list[str]:
    """A warning in a list, where a model scores the test split no better than independent positions do; else an empty list."""
    nll, baseline = metrics["test"]["nll"], metrics["baseline_nll"]
    if baseline is None or nll < baseline:
        return []
    return [f"the model is no better than independent positions on the test split: {nll:.4f} nats, where they have {baseline:.4f}"]
