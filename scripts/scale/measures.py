"""What the benchmarks of scale measure with: peak memory, and the bare step."""

import time
from pathlib import Path


class Peak:
    """The largest resident memory since it was last asked for, in MiB, as Linux counts it."""

    def __init__(self):
        self()

    def __call__(self):
        status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
        Path("/proc/self/clear_refs").write_text("5")
        return round(int(status["VmHWM"].split()[0]) / 1024)


def timed(function, *args):
    """What a function returns, and its seconds."""
    began = time.perf_counter()
    found = function(*args)
    return found, time.perf_counter() - began


RATE, NORM = 1e-3, 1.0  # of `adam`


def adam():
    """The optimizer of all that is compared."""
    import keras

    return keras.optimizers.Adam(RATE, global_clipnorm=NORM)


def bare(model, x, jit):
    """A function that takes steps of `adam` on one batch, and returns the seconds of one: loss, gradients and optimizer, compiled."""
    import tensorflow as tf

    x, optimizer = tf.constant(x), adam()
    optimizer.build(model.trainable_variables)

    @tf.function(jit_compile=jit, autograph=False)
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model.nats(x, training=True)[0])
        weights = [weight.value for weight in model.trainable_variables]
        gradients = tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    def run(steps):
        began = time.perf_counter()
        for _ in range(steps):
            loss = step()
        float(loss)
        return (time.perf_counter() - began) / steps

    return run
