"""What a training prints as it goes."""

import time
from typing import Any

import keras

from tfar.training.best import KeepBest


class Progress(keras.callbacks.Callback):
    """Print a line when an epoch ends: the NLL of the training batches, that of the validation data and the best so far, in nats.

    Args:
        keep: the callback that knows the best epoch, which must come before this one; None where there are no validation data.
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
        self._epochs = (self.params or {})["epochs"]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = logs or {}
        parts = [f"epoch {epoch + 1}/{self._epochs}: nll {logs['nll']:.4f}"]
        if self.keep is not None:
            parts.append(f"val_nll {logs['val_nll']:.4f} (best {self.keep.best:.4f})")
        print(f"{', '.join(parts)}, {time.monotonic() - self.began:.0f} s", flush=True)


class ProgressBar(Progress):
    """A `Progress` that also shows how far the epoch is, on a terminal."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.bar = keras.utils.Progbar((self.params or {})["steps"], stateful_metrics=["nll"])

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.bar.update(batch + 1, [("nll", (logs or {})["nll"])], finalize=False)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        print("\r\033[K", end="")  # the line of the epoch takes the place of the bar
        super().on_epoch_end(epoch, logs)
