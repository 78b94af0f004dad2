"""Measure what the training loop adds to the compiled step, and compare it with Keras' own `fit`.

    python scripts/benchmark.py loop [--turns 5] [--steps 200] [--no-jit] [--out results/FILE.txt]

Each model takes steps of Adam on batches of 100 rows in three ways, which take turns in one process:

    bare         loss, gradients and optimizer in one compiled function, called in Python with the same batch
    tfar         an epoch of `tfar.training.fit`: batches, clipping, averaged weights and checks besides; without its validation
    Keras        an epoch of `model.fit` on the same batches: metrics besides

    ms           least wall time of one step over the turns
    / bare       divided by that of the bare step
"""

import argparse
import os
import time

from tfar.files import refuse_existing, write_text

BATCH = 100


def models():
    """Functions that make a model, and the shape of its rows, by name."""
    import tfar

    return {
        "MADE 784-500": (lambda: tfar.MADE([784], hidden_units=[500]), 784),
        "NADE 784-500": (lambda: tfar.NADE([784], hidden_units=500), 784),
        "RNADE 11-50": (lambda: tfar.RNADE([11], hidden_units=50), 11),
    }


def rows(model, size):
    import numpy as np

    from tfar.datasets import Split

    generator = np.random.default_rng(0)
    x = generator.integers(2, size=[2000, size]) if model.head.discrete else generator.normal(size=[2000, size])
    return Split(x.astype(model.head.dtype.as_numpy_dtype))


def bare(model, train, steps, jit):
    """A function that takes steps on one batch, and returns the seconds of one."""
    import keras
    import tensorflow as tf

    x, optimizer = tf.constant(train.x[:BATCH]), keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)

    @tf.function(jit_compile=jit, autograph=False)
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model.nats(x, training=True)[0])
        optimizer.apply(tape.gradient(loss, [weight.value for weight in model.trainable_variables]), model.trainable_variables)
        return loss

    def run():
        began = time.perf_counter()
        for _ in range(steps):
            loss = step()
        float(loss)
        return (time.perf_counter() - began) / steps

    return run


def epoch_timer(steps):
    """A Keras callback whose `seconds` are those of one step in each epoch, without validation."""
    import keras

    class Timer(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seconds = []

        def on_epoch_begin(self, epoch, logs=None):
            self.began = time.perf_counter()

        def on_test_begin(self, logs=None):
            self.seconds.append((time.perf_counter() - self.began) / steps)

    return Timer()


def fitted(model, train, steps, jit):
    """A function that takes two epochs of `tfar.training.fit`, the first of which compiles, and returns the seconds of one step."""
    from tfar import training

    def run():
        timer = epoch_timer(steps)
        training.fit(model, train, train.take(slice(BATCH)), epochs=2, epoch_steps=steps, batch_size=BATCH, jit=jit, callbacks=[timer])
        return timer.seconds[-1]

    return run


def keras_fitted(model, train, steps, jit):
    """As `fitted`, by `model.fit`."""
    from tfar import training

    model.compile("adam", jit_compile=jit)
    held = (train.x[:BATCH],)

    def run():
        timer = epoch_timer(steps)
        stream = training.batches(train, BATCH)
        model.fit(stream, steps_per_epoch=steps, epochs=2, validation_data=held, callbacks=[timer], verbose=0, shuffle=False)
        return timer.seconds[-1]

    return run


def measure(name, turns, steps, jit):
    """The least seconds of one step in each way."""
    make, size = models()[name]
    train = rows(make(), size)
    ways = {way: prepare(make(), train, steps, jit) for way, prepare in (("bare", bare), ("tfar", fitted), ("Keras", keras_fitted))}
    seconds = {way: [] for way in ways}
    for turn in range(turns + 1):  # the first turn compiles
        for way, run in ways.items():
            found = run()
            if turn:
                seconds[way].append(found)
    return {way: min(found) for way, found in seconds.items()}


def main(words=None):
    parser = argparse.ArgumentParser("benchmark.py loop", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5, help="number of turns (default: 5)")
    parser.add_argument("--steps", type=int, default=200, help="steps in each turn (default: 200)")
    parser.add_argument("--jit", action=argparse.BooleanOptionalAction, default=True, help="compile the step by XLA")
    parser.add_argument("--out", help="a new file for the table")
    options = parser.parse_args(words)
    path = None if options.out is None else refuse_existing(options.out)
    mode = "XLA" if options.jit else "graph"
    lines = [
        f"one step of training, batch {BATCH}, {mode}, {options.turns} turns of {options.steps} steps on {os.cpu_count()} cores",
        f"{'':14s} {'bare ms':>8s} {'tfar ms':>8s} {'/ bare':>7s} {'Keras ms':>8s} {'/ bare':>7s}",
    ]
    print("\n".join(lines), flush=True)
    for name in models():
        found = measure(name, options.turns, options.steps, options.jit)
        base = found["bare"]
        cells = [f"{1e3 * base:8.2f}"] + [f"{1e3 * found[way]:8.2f} {found[way] / base:7.2f}" for way in ("tfar", "Keras")]
        lines.append(f"{name:14s} {' '.join(cells)}")
        print(lines[-1], flush=True)
    if path is not None:
        write_text(path, "\n".join(lines) + "\n")
