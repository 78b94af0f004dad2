"""Early stopping, and the weights of the best epoch."""

import math
from typing import Any

import keras
import numpy as np


class KeepBest(keras.callbacks.Callback):
    """Stop when the validation NLL has not improved for `patience` epochs, and give the model its best weights back.

    Unlike `keras.callbacks.EarlyStopping` it does so when training is interrupted too (`restore`), and with averaged weights.

    Args:
        patience: number of epochs without improvement.

    Attributes:
        best: the lowest validation NLL so far, in nats.
        epoch: its epoch, from 1; 0 before the first one ends.
        weights: the model's weights then, or None.
    """

    def __init__(self, patience: int):
        super().__init__()
        self.patience, self.best, self.epoch = patience, math.inf, 0
        self.weights: list[np.ndarray] | None = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        model: Any = self.model
        nll = logs["val_nll"]
        if nll < self.best:
            self.best, self.epoch, self.weights = nll, epoch + 1, model.get_weights()
        if epoch + 1 - self.epoch >= self.patience or not math.isfinite(nll):
            model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        self.restore()

    def restore(self) -> None:
        """Set the best weights, if an epoch has ended."""
        model: Any = self.model
        if self.weights is not None:
            model.set_weights(self.weights)
