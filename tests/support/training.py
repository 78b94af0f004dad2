"""What the tests of training share."""

import keras
import numpy as np

import tfar
from tfar.datasets import Split


def binary(rows=200, size=6, seed=0):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 2, (rows, 1))
    return Split(np.where(rng.random((rows, size)) < 0.9, first, 1 - first).astype(np.int32))


def logistic(size=6, **options):
    return tfar.LogisticAutoregressive([size], **options)


class Killed(Exception):
    pass


class Kill(keras.callbacks.Callback):
    """The machine goes down after a number of steps."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == self.step:
            raise Killed
