"""Running `tfar.training.fit` for a command: its checkpoint, and what is printed."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
