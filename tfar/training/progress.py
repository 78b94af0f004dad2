"""What a training prints as it goes."""

import time
from typing import Any

import keras

from tfar.training.best import KeepBest


class Progress(keras.callbacks.Callback):
    """Print a line when an epoch ends: the NLL of the validation data and the best so far, in nats, the time and what remains at most.

    The remaining time is that of all epochs that are left, at the mean of those so far. The first one, in which graphs are compiled, does
    not count.

    Args:
        keep: the callback that knows the best epoch, which must come before this one; None where there are no validation data. The NLL is
            then that of the training batches.
    """

    def __init__(self, keep: KeepBest | None = None):
        super().__init__()
        self.keep = keep

    @staticmethod
    def of(verbose: int, keep: KeepBest | None = None) -> "list[Progress]":
        """The callback for Keras' `verbose`, in a list: none for 0, with a bar for 1, and without one for 2."""
        return [] if not verbose else [ProgressBar(keep) if verbose == 1 else Progress(keep)]

    def on_train_begin(self, logs: Any = None) -> None:
        self.began = time.monotonic()
        self._ends: list[float] = []
        self._epochs = (self.params or {})["epochs"]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = logs or {}
        self._ends.append(time.monotonic())
        nll = f"NLL {logs['nll']:.4f}" if self.keep is None else f"NLL {logs['val_nll']:.4f} (best {self.keep.best:.4f})"
        parts = [f"epoch {epoch + 1}/{self._epochs}: {nll}", in_words(self._ends[-1] - self.began)]
        left = self._epochs - epoch - 1
        if left and len(self._ends) > 1:
            each = (self._ends[-1] - self._ends[0]) / (len(self._ends) - 1)
            parts.append(f"{'' if self.keep is None else 'at most '}{in_words(left * each)} left")
        print(", ".join(parts), flush=True)


def in_words(seconds: float) -> str:
    """A time in seconds, minutes or hours.

    >>> in_words(7), in_words(240), in_words(12_600)
    ('7 s', '4 min', '3.5 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


class ProgressBar(Progress):
    """A `Progress` that also shows how far the epoch is, on a terminal."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.bar = keras.utils.Progbar((self.params or {})["steps"], stateful_metrics=["nll"])

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.bar.update(batch + 1, [("nll", (logs or {})["nll"])], finalize=False)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        print("\r\033[K", end="")  # the line of the epoch takes the place of the bar
        super().on_epoch_end(epoch, logs)
