"""Trains models on several replicas, in a process of its own.

`python replicas.py mirrored FOLDER NAMES` trains each on one device and on two logical CPUs, and there once more with an interruption.
How far losses (relatively) and weights are apart is printed as JSON, a line for each model.

`python replicas.py worker NAME OUT [CHECKPOINT [STEP]]` is one worker of those that TF_CONFIG names. The chief writes losses and weights
to OUT. With a STEP, the last worker is killed there.
"""

import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

RESUMED = ("charrnn",)
CPUS = tf.config.list_physical_devices("CPU")


def rows(count, seed):
    return (np.random.default_rng(seed).random([count, 12]) < 0.3).astype(np.int32)


def vectors():
    return rows(61, 0), rows(23, 1)  # numbers that no two replicas divide


def streamed():
    """Rows that are read from a file as they are needed, through a buffer that holds few of them."""
    from tfar import datasets

    folder: Any = tempfile.TemporaryDirectory()
    np.save(Path(folder.name, "x.npy"), rows(300, 0))
    data = datasets.stream(Path(folder.name, "x.npy"), buffer=40)
    data.train.folder = folder  # which goes with the rows
    return data.train, data.validation


def images():
    return tuple(x.reshape(-1, 3, 4, 1) for x in vectors())


def text():
    return np.tile(np.array([0, 1, 3, 2, 0, 1], np.int32), 400), np.tile(np.array([0, 1, 3, 2], np.int32), 50)


def regularised():
    """A penalty of the weights and one of the units' values, which must count once, not once for each replica."""
    import keras

    import tfar

    model = tfar.MADE([12], hidden_units=[16], direct=False)
    for layer in (layer for layer in model.network._flatten_layers() if hasattr(layer, "kernel")):
        layer.kernel.regularizer, layer.activity_regularizer = keras.regularizers.L2(0.1), keras.regularizers.L2(0.1)
    return model


def cases():
    import tfar
    from tfar import config

    shown, others = {"sequence_length": 8, "batch_size": 8}, [name for name in config.OPTIMIZERS if name != "adam"]
    small = {"filters": 4, "kernel_size": 3}
    return {
        "made": (lambda: tfar.MADE([12], hidden_units=[16], dropout=0.3), vectors, {"batch_size": 9}),
        "made-masks": (lambda: tfar.MADE([12], hidden_units=[16], num_masks=4, masks_per_step=2, order="random"), vectors, {}),
        "nade": (lambda: tfar.NADE([12], hidden_units=8), vectors, {}),
        "deepnade": (lambda: tfar.DeepNADE([12], hidden_units=[8, 8], dropout=0.2), vectors, {}),
        "nadek": (lambda: tfar.NADEK([12], hidden_units=[8, 8]), vectors, {}),
        "pixelcnn": (lambda: tfar.PixelCNN([3, 4, 1], num_blocks=1, dropout=0.2, **small), images, {}),
        "rowlstm": (lambda: tfar.RowLSTM([3, 4, 1], num_layers=1, **small), images, {}),
        "charrnn": (lambda: tfar.CharRNN("ab c", units=8, num_layers=2, dropout=0.3), text, shown),
        "embedding": (lambda: tfar.CharRNN("ab c", units=8, num_layers=1, dropout=0.0, embedding=3), text, shown),
        "streamed": (lambda: tfar.MADE([12], hidden_units=[16], dropout=0.3), streamed, {}),
        "regularised": (regularised, vectors, {"clip": 100.0}),
        **{name: (lambda: tfar.NADE([12], hidden_units=8), vectors, {"optimizer": name, "learning_rate": 0.01}) for name in others},
    }


def trained(name, strategy, **options):
    """Losses and weights after a few steps, with a clip and a decay that matter."""
    import keras

    import tfar

    make, data, own = cases()[name]
    keras.utils.set_random_seed(3)
    with strategy.scope():
        model = make()
    options = {"epochs": 2, "epoch_steps": 7, "batch_size": 10, "jit": False, "weight_decay": 0.1, "clip": 0.5, **own, **options}
    fit = tfar.training.fit(model, *data(), **options)
    return [*fit.history["nll"], *fit.history["val_nll"]], [np.asarray(weight, np.float64) for weight in model.get_weights()]


def farthest(one, other):
    return max(float(np.abs(np.subtract(a, b)).max()) for a, b in zip(one, other, strict=True) if np.size(a))


def relative(losses, expected):
    """The largest difference, as a share of the loss: float32 has steps of 5e-7 at 7 nats, and of 3e-5 at 500."""
    return float((np.abs(np.subtract(losses, expected)) / np.abs(expected)).max())


def killed_at(step, die):
    """A callback that ends a training when its optimizer has taken some steps."""
    import keras

    class Killed(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations.numpy() == step:
                die()

    return Killed()


def checkpoints_at_every_epoch():
    from tfar.training import loop
    from tfar.training.checkpoints import Checkpoint

    loop.Checkpoint = lambda *args: Checkpoint(*args, every=0.0)


def interrupted(name, strategy, checkpoint):
    """As `trained`, but with an interruption in the second epoch."""

    class Stop(Exception):
        pass

    def die():
        raise Stop

    try:
        trained(name, strategy, checkpoint=checkpoint, callbacks=[killed_at(10, die)])
    except Stop:
        return trained(name, strategy, checkpoint=checkpoint)
    raise AssertionError("the training was not interrupted")


def mirrored(folder, names):
    tf.config.set_logical_device_configuration(CPUS[0], [tf.config.LogicalDeviceConfiguration()] * 2)
    several = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])  # one for all: TensorFlow numbers its collectives from the start
    checkpoints_at_every_epoch()
    for name in names:
        one, two = (trained(name, strategy) for strategy in (tf.distribute.get_strategy(), several))
        apart = {"losses": relative(two[0], one[0]), "weights": farthest(one[1], two[1])}
        if name in RESUMED:
            again = interrupted(name, several, Path(folder, f"{name}.npz"))
            apart["resumed"] = max(farthest(again[0], two[0]), farthest(again[1], two[1]))
        print(json.dumps({"name": name, **apart}), flush=True)


def worker(name, out, checkpoint=None, step=None):
    strategy = tf.distribute.MultiWorkerMirroredStrategy()  # before anything is computed
    index, options = strategy.cluster_resolver.task_id, {}
    checkpoints_at_every_epoch()
    if step and index == strategy.cluster_resolver.cluster_spec().num_tasks("worker") - 1:
        options["callbacks"] = [killed_at(int(step), lambda: os.kill(os.getpid(), signal.SIGKILL))]
    losses, weights = trained(name, strategy, checkpoint=checkpoint and checkpoint.format(index), **options)
    if index == 0:
        np.savez(out, losses, *weights)


if __name__ == "__main__":
    if sys.argv[1] == "mirrored":
        mirrored(sys.argv[2], sys.argv[3:])
    else:
        worker(*sys.argv[2:])
