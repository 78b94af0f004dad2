"""What a training from the command line is for models of arrays and of text alike: its settings, its checkpoint, its folder."""

import contextlib
import sys

from tfar.cli import outputs, runs
from tfar.files import atomic, write_json

SETTINGS = ("epochs", "batch_size", "learning_rate", "schedule", "weight_decay", "clip", "patience", "jit", "seed", "epoch_steps")


def checkpoint_of(out):
    """The file beside the folder to write that holds the state of its training."""
    return out.with_name(f"{out.name}.checkpoint.npz")


def verbosity(args):
    """Keras' `verbose`: nothing, a bar on a terminal, or a line for each epoch."""
    return 0 if args.quiet else 1 if sys.stdout.isatty() else 2


def fitted(fit, args, out, *names):
    """Call `fit`, a function of `tfar.training` or `tfar.training.sequences` with its model and data bound, with the command's settings.

    Args:
        fit: the function.
        args: the command's arguments.
        out: the folder to write.
        *names: of arguments that are settings besides `SETTINGS`.

    Returns:
        A `tfar.training.Fit`.
    """
    checkpoint = checkpoint_of(out)
    if checkpoint.exists():
        print(f"going on from {checkpoint}", flush=True)
    settings = {name: getattr(args, name) for name in (*SETTINGS, *names)}
    found = fit(checkpoint=checkpoint, verbose=verbosity(args), **settings)
    if found.interrupted:
        kept = f"; {checkpoint} is kept: where {out} is moved away, the same command goes on from it" if checkpoint.exists() else ""
        print(f"\ninterrupted: going on with the weights of epoch {found.best_epoch}{kept}", flush=True)
    return found


@contextlib.contextmanager
def written(out, model, data, fit, metrics):
    """Write a run's folder whole, and then remove the checkpoint, unless the training was interrupted.

    The block may add files to the folder that it is given.
    """
    with atomic(out) as folder:
        folder.mkdir()
        runs.save_model(model, folder / runs.MODEL)
        write_json(folder / runs.DATA, data)
        columns = ["epoch", *fit.history], zip(range(1, fit.epochs + 1), *fit.history.values(), strict=True)
        outputs.write_csv(folder / runs.HISTORY, *columns)
        write_json(folder / runs.METRICS, metrics)
        yield folder
    if not fit.interrupted:
        checkpoint_of(out).unlink(missing_ok=True)
