"""Measure how fast a character model trains: `CharRNN`'s own recurrence compared with Keras' layers of the same weights.

    python scripts/benchmark.py recurrence [--cell lstm] [--repeats 5] [--out results/FILE.txt]

The columns are characters per second of the whole batch, for the loss and gradients of one step. Each is the best of several repeats in one
process, where the variants take turns. Compare them within one row only.

    keras        Keras' recurrent layers with TensorFlow's automatic gradients, in a graph
    CharRNN      `tfar.networks.CharRNN`, in a graph
    XLA          the same, compiled by XLA
    ratio        CharRNN in a graph, and under XLA, relative to keras
"""

import argparse
import os
import sys
import time

from tfar.files import refuse_existing, write_text

SYMBOLS = 97
SIZES = ((1, 256, 16, 256), (2, 320, 16, 256), (2, 320, 64, 256), (3, 512, 64, 64))  # layers, units, batch, window


def ways(cell, layers, units, batch, window):
    """Return a function without arguments for each variant, which computes loss and gradients."""
    import keras
    import numpy as np
    import tensorflow as tf

    from tfar import heads, networks

    network = networks.CharRNN([window], SYMBOLS, num_classes=SYMBOLS, cell=cell, units=units, num_layers=layers)
    network.build()
    head = heads.Categorical(SYMBOLS)
    x = tf.constant(np.random.default_rng(0).integers(SYMBOLS, size=[batch, window]), tf.int32)

    layers_of_keras = [keras.layers.RNN(layer.cell, return_sequences=True) for layer in network.layers]

    def by_keras():
        h = tf.concat([tf.tile(network.start[None, None], [batch, 1, 1]), tf.one_hot(x[:, :-1], SYMBOLS)], axis=1)
        for layer in layers_of_keras:
            h = layer(h)
        return network.last(h)

    def step(call, xla=False):
        def run():
            with tf.GradientTape() as tape:
                loss = -tf.reduce_mean(head.log_prob(call(), x, event_ndims=1))
            return [loss, *map(tf.convert_to_tensor, tape.gradient(loss, [w.value for w in network.trainable_weights]))]

        return tf.function(run, jit_compile=xla, autograph=False)

    return step(by_keras), step(lambda: network(x)), step(lambda: network(x), xla=True)


def row(cell, size, repeats):
    """Return one line of the table, after checking that all variants give the same gradients."""
    import numpy as np

    runs = ways(cell, *size)
    first = [values.numpy() for values in runs[0]()]
    for run in runs[1:]:
        for one, other in zip(run(), first, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4 * np.abs(other).max())
    layers, units, batch, window = size
    seconds = [[] for _ in runs]
    for _ in range(repeats):
        for times, run in zip(seconds, runs, strict=True):  # in turn, so that other load on the machine affects all alike
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
    keras, graph, xla = (batch * window / min(times) for times in seconds)
    setting = f"{layers} x {units}, batch {batch:3d}, window {window:3d}"
    return f"{setting} {keras:8,.0f} {graph:8,.0f} {xla:8,.0f} {graph / keras:7.2f} {xla / keras:5.2f}"


def main(words=None):
    parser = argparse.ArgumentParser("benchmark.py recurrence", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", default="lstm", choices=("lstm", "gru", "rnn"), help="cell of the layers (default: lstm)")
    parser.add_argument("--repeats", type=int, default=5, help="number of repeats (default: 5)")
    parser.add_argument("--out", help="a new file for the table")
    args = parser.parse_args(words)
    path = None if args.out is None else refuse_existing(args.out)
    lines = [
        f"characters a second learned by {args.cell} layers, {SYMBOLS} symbols, {args.repeats} repeats on {os.cpu_count()} cores",
        f"{'':33s} {'keras':>8s} {'CharRNN':>8s} {'XLA':>8s} {'ratio':>13s}",
    ]
    print("\n".join(lines), flush=True)
    for size in SIZES:
        lines.append(row(args.cell, size, args.repeats))
        print(lines[-1], flush=True)
    if path is not None:
        write_text(path, "\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
