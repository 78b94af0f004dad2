"""Trains models on one device and on two logical CPUs, in a process of its own: `python replicas.py NAMES`.

How far losses and weights are apart is printed as JSON, a line for each model.
"""

import json
import sys

import numpy as np
import tensorflow as tf

CPUS = tf.config.list_physical_devices("CPU")


def rows(count, seed):
    return (np.random.default_rng(seed).random([count, 12]) < 0.3).astype(np.int32)


def vectors():
    return rows(61, 0), rows(23, 1)  # numbers that no two replicas divide


def images():
    return tuple(x.reshape(-1, 3, 4, 1) for x in vectors())


def text():
    return np.tile(np.array([0, 1, 3, 2, 0, 1], np.int32), 400), np.tile(np.array([0, 1, 3, 2], np.int32), 50)


def cases():
    import tfar

    small = {"filters": 4, "kernel_size": 3}
    return {
        "made": (lambda: tfar.MADE([12], hidden_units=[16], dropout=0.3), vectors, {"batch_size": 9}),
        "made-masks": (lambda: tfar.MADE([12], hidden_units=[16], num_masks=4, masks_per_step=2, order="random"), vectors, {}),
        "nade": (lambda: tfar.NADE([12], hidden_units=8), vectors, {}),
        "deepnade": (lambda: tfar.DeepNADE([12], hidden_units=[8, 8], dropout=0.2), vectors, {}),
        "nadek": (lambda: tfar.NADEK([12], hidden_units=[8, 8]), vectors, {}),
        "pixelcnn": (lambda: tfar.PixelCNN([3, 4, 1], num_blocks=1, dropout=0.2, **small), images, {}),
        "rowlstm": (lambda: tfar.RowLSTM([3, 4, 1], num_layers=1, **small), images, {}),
        "charrnn": (
            lambda: tfar.CharRNN("ab c", units=8, num_layers=2, dropout=0.3),
            text,
            {"sequence_length": 8, "batch_size": 8},
        ),
    }


def trained(name, strategy):
    """Losses and weights after a few steps, with a clip and a decay that matter."""
    import keras

    import tfar

    make, data, options = cases()[name]
    keras.utils.set_random_seed(3)
    with strategy.scope():
        model = make()
    options = {"epochs": 2, "epoch_steps": 7, "batch_size": 10, "jit": False, "weight_decay": 0.1, "clip": 0.5, **options}
    fit = tfar.training.fit(model, *data(), **options)
    return [*fit.history["nll"], *fit.history["val_nll"]], [np.asarray(weight, np.float64) for weight in model.get_weights()]


def farthest(one, other):
    return max(float(np.abs(np.subtract(a, b)).max()) for a, b in zip(one, other, strict=True) if np.size(a))


def mirrored(names):
    tf.config.set_logical_device_configuration(CPUS[0], [tf.config.LogicalDeviceConfiguration()] * 2)
    several = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])  # one for all: TensorFlow numbers its collectives from the start
    for name in names:
        (losses, weights), (other_losses, other_weights) = (trained(name, s) for s in (tf.distribute.get_strategy(), several))
        print(json.dumps({"name": name, "losses": farthest(losses, other_losses), "weights": farthest(weights, other_weights)}), flush=True)


if __name__ == "__main__":
    mirrored(sys.argv[1:])
