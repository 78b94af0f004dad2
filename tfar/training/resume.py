"""Resuming Keras' own `fit` exactly."""

from pathlib import Path
from typing import Any

import keras

from tfar.training.state_file import StateFile


class Resume(keras.callbacks.Callback):
    """Save the state of Keras' own `fit` after each epoch, and resume from it bit for bit.

    The file holds the weights, the optimizer's variables with its learning rate, the states of the seed generators of dropout and of
    order-agnostic networks, and the number of epochs. It is replaced by renaming. `keras.callbacks.BackupAndRestore` does not keep the
    seed generators. (`tfar.training.fit` has checkpoints of its own.)

    The caller does two things. `initial_epoch` must be `resume.epoch`. The data of an epoch must be a function of its number, as of an
    endless stream of seeded batches that is begun at batch `resume.epoch * steps_per_epoch`:

        resume = tfar.training.Resume("training.npz")
        stream = tfar.training.batches(split, 100, seed=1, start=resume.epoch * steps)
        model.fit(stream, steps_per_epoch=steps, epochs=20, initial_epoch=resume.epoch, callbacks=[resume])

    Another seeded `tf.data` pipeline that repeats is advanced by `stream.skip(resume.epoch * steps)`. Arrays are shuffled by Keras with
    another order after a restart, unless `shuffle=False`.

    Callbacks that change the learning rate come before this one, those that swap weights (`keras.callbacks.SwapEMAWeights`) after it.
    The counters of other callbacks, such as `EarlyStopping`, are not saved. The file is left when training ends: the same program then
    restores the trained model, and trains no more. Where the file cannot be written, there is one warning, and training goes on.

    Args:
        path: name of an `.npz` file.

    Attributes:
        epoch: number of epochs that have ended, 0 without a file.

    Raises:
        ValueError: the file is no checkpoint; in `fit`: `initial_epoch` differs from `epoch`, or the model or its optimizer is another.

    >>> import tempfile, tfar
    >>> path, split = tempfile.mkdtemp() + "/training.npz", tfar.datasets.load("digits").train
    >>> def train(epochs):
    ...     model, resume = tfar.LogisticAutoregressive([8, 8, 1]), Resume(path)
    ...     model.compile("adam")
    ...     stream = tfar.training.batches(split, 100, start=resume.epoch * 5)
    ...     _ = model.fit(stream, steps_per_epoch=5, epochs=epochs, initial_epoch=resume.epoch, callbacks=[resume], verbose=0)
    ...     return resume.epoch, int(model.optimizer.iterations)
    >>> train(2), train(3)
    ((2, 10), (3, 15))
    """

    def __init__(self, path: str | Path):
        super().__init__()
        self.file = StateFile(path)
        state = self.file.read()
        if state is not None and "epoch" not in state:
            raise ValueError(f"the file must be one of Resume, for Keras' fit. Received: {path}, a checkpoint of tfar.training.fit")
        self.epoch: int = 0 if state is None else state["epoch"]
        self._restored = state is None

    def on_train_begin(self, logs: Any = None) -> None:
        if not self._restored:
            for kind, variables in self._variables().items():
                self.file.restore(kind, variables)
            self.file.release()
        self._restored = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch != self.epoch:
            raise ValueError(f"fit must have initial_epoch=resume.epoch, here {self.epoch}. Received: epoch {epoch}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch + 1
        self.file.write(self._variables(), {"epoch": self.epoch})

    def _variables(self) -> dict[str, Any]:
        model: Any = self.model
        if not model.built:
            raise ValueError(f"the model must be built before it is trained with Resume. Received: {model!r}")
        with model.distribute_strategy.scope():
            if not model.optimizer.built:
                model.optimizer.build(model.trainable_variables)
        return {"model": model.variables, "optimizer": model.optimizer.variables}
