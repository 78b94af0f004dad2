"""Checkpoints of a training: one file, from which it goes on exactly as if it had not been interrupted."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfar.files import atomic
from tfar.training.best import KeepBest


class Checkpoint(keras.callbacks.Callback):
    """Write the state of a training to one file as an epoch begins, and resume from that file.

    The state is that of the weights, the optimizer, the generators of random numbers, and of the other callbacks. What
    is random outside the model must be a function of the step's number, as `tfar.training.batches` is; then a training
    that goes on from the file ends with the same weights as one that was never interrupted.

    Must come last among the callbacks of one `fit`, so that averaged weights have been swapped back.

    Args:
        path: name of an `.npz` file, which is replaced by renaming; None to write nothing.
        settings: dict that JSON can hold, of what must be the same when the training goes on.
        remembered: dict of name -> (object, names of its attributes): numbers, lists and dicts of them.
        keep: the `tfar.training.best.KeepBest`, whose weights are kept too.
        variables: further variables to keep.
        every: least seconds between two writings.
    """

    def __init__(
        self,
        path: str | Path | None,
        settings: dict[str, Any],
        remembered: dict[str, tuple[Any, list[str]]],
        keep: KeepBest,
        variables: Sequence[tf.Variable] = (),
        every: float = 60.0,
    ):
        super().__init__()
        self.path = None if path is None else Path(path)
        self.settings, self.remembered, self.keep, self.others, self.every = settings, remembered, keep, variables, every
        self.seconds = 0.0  # of earlier runs
        self._began = self._written = time.monotonic()
        self._found = None

    @property
    def elapsed(self) -> float:
        """Seconds that the training has taken so far, over all its runs."""
        return self.seconds + time.monotonic() - self._began

    def read(self) -> int:
        """Read the file, if there is one.

        Returns:
            The number of epochs that have ended, 0 without a file.

        Raises:
            ValueError: it is of a training with other settings.
        """
        if self.path is None or not self.path.is_file():
            return 0
        with np.load(self.path, allow_pickle=False) as file:
            self._found = {name: file[name] for name in file.files}
        state = json.loads(str(self._found["state"]))
        wanted = json.loads(json.dumps(self.settings, default=_plain))
        changed = {name: (state["settings"].get(name), wanted.get(name)) for name in {*wanted, *state["settings"]}}
        changed = {name: _apart(old, new) for name, (old, new) in sorted(changed.items()) if old != new}
        changed = [f"{name} was {old!r}, is {new!r}" for name, (old, new) in changed.items()]
        if changed:
            raise ValueError(
                "a training goes on with the settings that it began with. "
                f"Remove {self.path} to begin again. Received: {'; '.join(changed)}"
            )
        self.seconds = state["seconds"]
        return state["epochs"]

    def on_train_begin(self, logs: Any = None) -> None:
        self._began = self._written = time.monotonic()
        if self._found is None:
            return
        for kind, variables in self._variables().items():
            for number, variable in enumerate(variables):
                variable.assign(tf.cast(self._found[f"{kind}-{number}"], variable.dtype))
        state = json.loads(str(self._found["state"]))
        for name, (target, attributes) in self.remembered.items():
            for attribute in attributes:
                setattr(target, attribute, state[name][attribute])
        if "best-0" in self._found:
            model: Any = self.model
            self.keep.weights = [self._found[f"best-{n}"] for n in range(len(model.get_weights()))]
        self._found = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.path and epoch and time.monotonic() - self._written >= self.every:
            self.write(epoch)

    def write(self, epochs: int) -> None:
        """Write the state after `epochs` epochs."""
        if self.path is None:
            return
        arrays = {f"{kind}-{n}": _storable(v) for kind, variables in self._variables().items() for n, v in enumerate(variables)}
        arrays |= {f"best-{n}": _storable(weight) for n, weight in enumerate(self.keep.weights or ())}
        state = {name: {a: getattr(target, a) for a in attributes} for name, (target, attributes) in self.remembered.items()}
        state |= {"epochs": epochs, "seconds": self.elapsed, "settings": self.settings}
        arrays["state"] = np.array(json.dumps(state, default=_plain))
        with atomic(self.path, overwrite=True) as temporary, open(temporary, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        self._written = time.monotonic()

    def _variables(self) -> dict[str, Sequence[Any]]:
        model: Any = self.model
        return {"model": model.variables, "optimizer": model.optimizer.variables, "other": self.others}


def _storable(variable: Any) -> np.ndarray:
    """The values of a variable or an array as NumPy's files know them: bfloat16 as float32."""
    value = tf.convert_to_tensor(variable)
    return (tf.cast(value, tf.float32) if value.dtype == tf.bfloat16 else value).numpy()


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


def _plain(value: Any) -> Any:
    """A value that JSON does not know as one that it does: NumPy's numbers as Python's, others in words."""
    return value.item() if isinstance(value, np.generic) else float(value) if isinstance(value, tf.Tensor) else repr(value)
