"""Checkpoints of a training: one file, from which it goes on exactly as if it had not been interrupted."""

import json
import time
import warnings
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfar.reading import reading
from tfar.training.best import KeepBest
from tfar.training.state_file import StateFile, plain
from tfar.training.steps import Steps


class Checkpoint(keras.callbacks.Callback):
    """Write the state of a training to one file as an epoch begins, and resume from that file.

    The state is that of the weights, the optimizer, the generators of random numbers, and of the other callbacks. What is random outside
    the model must be a function of the step's number, as `tfar.training.batches` is; then a training that goes on from the file ends with
    the same weights as one that was never interrupted. Of several workers the chief alone writes, when its clock says so, and all read.

    A training that goes on with another version of TensorFlow or Keras, or another `jit`, differs by rounding: a warning names them.

    Must come last among the callbacks of one `fit`, so that averaged weights have been swapped back. Where the file cannot be written
    (a full disk, no permission), there is one warning, and the training goes on.

    Args:
        path: name of an `.npz` file, which is replaced by renaming; None to write nothing.
        settings: dict that JSON can hold, of what must be the same when the training goes on.
        remembered: dict of name -> (object, names of its attributes): numbers, lists and dicts of them.
        keep: the `tfar.training.best.KeepBest`, whose weights are kept too.
        steps: the `tfar.training.steps.Steps`, whose averages and carried states are kept too; None for none.
        every: least seconds between two writings.
    """

    def __init__(
        self,
        path: str | Path | None,
        settings: dict[str, Any],
        remembered: dict[str, tuple[Any, list[str]]],
        keep: KeepBest,
        steps: Steps | None = None,
        every: float = 60.0,
    ):
        super().__init__()
        self.file = None if path is None else StateFile(path)
        self.settings, self.remembered, self.keep, self.steps, self.every = settings, remembered, keep, steps, every
        self.rounding = {"jit": None if steps is None else steps.jit, "tensorflow": tf.__version__, "keras": keras.__version__}
        self.seconds = 0.0  # of earlier runs
        self._began = self._written = time.monotonic()
        self._state: dict[str, Any] | None = None  # what was read

    @property
    def elapsed(self) -> float:
        """Seconds that the training has taken so far, over all its runs."""
        return self.seconds + time.monotonic() - self._began

    def read(self) -> int:
        """Read the file, if there is one.

        Returns:
            The number of epochs that have ended, 0 without a file.

        Raises:
            ValueError: it is of a training with other settings, or not a checkpoint.

        Warns:
            UserWarning: the training goes on, but not with the same rounding.
        """
        self._state = None if self.file is None else self.file.read()
        if self.file is None or self._state is None:
            return 0
        if "settings" not in self._state:
            raise ValueError(f"the checkpoint must be one of tfar.training.fit. Received: {self.file.path}, a file of Resume")
        with reading(self.file.path, f"a checkpoint of this training; remove {self.file.path} to begin again"):
            self._check(self._state)
        if changed := _changes(self._state["settings"], json.loads(json.dumps(self.settings, default=plain))):
            raise ValueError(
                "a training goes on with the settings that it began with. "
                f"Remove {self.file.path} to begin again. Received: {'; '.join(changed)}"
            )
        if changed := _changes(self._state.get("rounding", {}), self.rounding):  # of version 0.1: {}
            warnings.warn(
                f"the training goes on from {self.file.path}, but differs by rounding from one that was never interrupted, since "
                f"{'; '.join(changed)}",
                stacklevel=3,
            )
        self.seconds = self._state["seconds"]
        return self._state["epochs"]

    def _check(self, state: dict[str, Any]) -> None:
        """Look at what will be read of a state, so that a file that was tampered with is refused before training begins."""
        expected: list[tuple[Any, str, Any]] = [(state, "settings", {}), (state, "epochs", 0), (state, "seconds", 0.0)]
        for name, (target, attributes) in self.remembered.items():
            expected += [(state[name], attribute, getattr(target, attribute)) for attribute in attributes]
        for values, name, new in expected:
            if not isinstance(values[name], dict if isinstance(new, dict) else int | float):
                raise ValueError(f"{name} is {values[name]!r}")

    def on_train_begin(self, logs: Any = None) -> None:
        self._began = self._written = time.monotonic()
        if self.file is None or self._state is None:
            return
        for kind, variables in self._variables().items():
            self.file.restore(kind, variables)
        if self.steps is not None and self.steps.carried is not None:
            self.steps.carried.assign(self.file.arrays("carried"))
        for name, (target, attributes) in self.remembered.items():
            for attribute in attributes:
                setattr(target, attribute, self._state[name][attribute])
        model: Any = self.model
        self.keep.weights = self.file.arrays_for("best", model.weights) if self.file.arrays("best") else None
        self.file.release()
        self._state = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.file is None or not epoch:
            return
        due = time.monotonic() - self._written >= self.every
        if self.steps is not None:
            due = bool(self.steps.workers.gather(due)[0, 0])
        if due:
            self.write(epoch)

    def write(self, epochs: int) -> None:
        """Write the state after `epochs` epochs. Of several workers all must call it."""
        carried = self.steps.carried.read() if self.steps is not None and self.steps.carried is not None else []
        self._written = time.monotonic()
        if self.file is None or not (self.steps is None or self.steps.workers.chief):
            return
        state = {name: {a: getattr(target, a) for a in attributes} for name, (target, attributes) in self.remembered.items()}
        state |= {"epochs": epochs, "seconds": self.elapsed, "settings": self.settings, "rounding": self.rounding}
        self.file.write({**self._variables(), "carried": carried, "best": self.keep.weights or ()}, state)

    def _variables(self) -> dict[str, Any]:
        model: Any = self.model
        others = [] if self.steps is None else self.steps.average.variables
        return {"model": model.variables, "optimizer": model.optimizer.variables, "other": others}


def _changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What differs between two dicts of settings, in words; a name that the old one lacks is new, and no change, where the old is empty.

    >>> _changes({"epochs": 5, "seed": 0}, {"epochs": 6, "seed": 0})
    ['epochs was 5, is 6']
    """
    pairs = {name: (old.get(name), new.get(name)) for name in {*old, *new}} if old else {}
    apart = {name: _apart(*pair) for name, pair in sorted(pairs.items()) if pair[0] != pair[1]}
    return [f"{name} was {before!r}, is {after!r}" for name, (before, after) in apart.items()]


def _apart(old: Any, new: Any) -> tuple[Any, Any]:
    """Two values without what they have in common, deep inside dicts: of a model's settings only those that differ.

    >>> _apart({"units": 5, "config": {"rate": 1, "order": [0, 1]}}, {"units": 5, "config": {"rate": None}})
    ({'config': {'rate': 1, 'order': [0, 1]}}, {'config': {'rate': None}})
    """
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return old, new
    differing = [name for name in {**old, **new} if name not in old or name not in new or old[name] != new[name]]
    pairs = {name: _apart(old.get(name), new.get(name)) for name in differing}
    before, after = ({name: pairs[name][side] for name in one if name in pairs} for side, one in enumerate((old, new)))
    return before, after
