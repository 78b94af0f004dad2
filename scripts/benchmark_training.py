"""Time and memory of NADE's training step at D = 784, H = 500, against plainer ways to write its recurrence.

    python scripts/benchmark_training.py [--batch 64] [--repeats 10]

Loss and gradients of one minibatch, in ms: as `tfar.networks.NADE` computes them, as a Python loop over the dimensions
in eager mode, and as a `tf.while_loop` over single dimensions. All in one run, in turn, the best of the repeats each.
Then the memory that a training step at batch 100 takes in a process of its own.
"""

import argparse
import os
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
D, H = 784, 500


def build():
    import tfar

    network = tfar.networks.NADE([D], hidden_units=H)
    network.build()
    return network


def gradients(call, network, x):
    """Loss and gradients: the mean negative log-likelihood of Bernoulli values under the logits `call(x) [B, D]`."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        bits = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=call(x))
        loss = tf.reduce_mean(tf.reduce_sum(bits, axis=1))
    return [loss, *tape.gradient(loss, [w.value for w in network.trainable_weights])]


def recurrences(network):
    """The recurrence as a Python loop and as a `tf.while_loop`, over single dimensions."""
    import tensorflow as tf

    W, c, V, b = (weight.value for weight in network.trainable_weights)

    def unrolled(x):
        a, logits = tf.zeros([x.shape[0], H]) + c, []
        for d in range(D):
            logits.append(tf.linalg.matvec(tf.sigmoid(a), V[d]))
            a = a + x[:, d : d + 1] * W[d]
        return tf.stack(logits, axis=1) + b[:, 0]

    def looped(x):
        columns = tf.transpose(x)

        def step(d, a, logits):
            logits = logits.write(d, tf.linalg.matvec(tf.sigmoid(a), V[d]))
            return d + 1, a + columns[d][:, None] * W[d], logits

        start = (0, tf.zeros([x.shape[0], H]) + c, tf.TensorArray(tf.float32, D))
        return tf.transpose(tf.while_loop(lambda d, *_: d < D, step, start, maximum_iterations=D)[2].stack()) + b[:, 0]

    return unrolled, looped


def compare(batch, repeats):
    import numpy as np
    import tensorflow as tf

    network = build()
    x = tf.constant(np.random.default_rng(0).integers(2, size=[batch, D]), tf.float32)
    unrolled, looped = recurrences(network)

    def chunked(x):
        return network(x)[..., 0]

    def compiled(call, xla):
        return tf.function(lambda: gradients(call, network, x), jit_compile=xla, autograph=False)

    ways = {
        "NADE, graph": compiled(chunked, False),
        "NADE, XLA": compiled(chunked, True),
        "loop over dimensions, eager Python": lambda: gradients(unrolled, network, x),
        "loop over dimensions, tf.while_loop": compiled(looped, False),
        "loop over dimensions, tf.while_loop, XLA": compiled(looped, True),
    }
    times = {name: [] for name in ways}
    expected = None
    for turn in range(repeats + 1):  # the first turn traces and compiles
        for name, run in ways.items():
            start = time.perf_counter()
            results = [result.numpy() for result in run()]
            if turn:
                times[name].append(time.perf_counter() - start)
            else:
                expected = expected or results
                for one, other in zip(results, expected, strict=True):
                    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4 * np.abs(other).max())
    best = {name: 1e3 * min(values) for name, values in times.items()}
    print(f"loss and gradients, D = {D}, H = {H}, batch {batch}, best of {repeats} in ms, and times as long as NADE's:")
    print(f"  {'':42s}{'ms':>8s}{'/ graph':>9s}{'/ XLA':>9s}")
    for name, value in best.items():
        print(f"  {name:42s}{value:8.1f}{value / best['NADE, graph']:9.1f}{value / best['NADE, XLA']:9.1f}")


def mebibytes(field):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field)) / 1024


def peak(batch, xla):
    """Print how much the process grows, at most, over what it has before its first training step."""
    import keras
    import numpy as np

    import tfar

    model = tfar.NADE([D], hidden_units=H)
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=xla)
    x = np.random.default_rng(0).integers(2, size=[batch, D]).astype(np.float32)
    before = mebibytes("VmRSS")
    model.fit(x, epochs=5, batch_size=batch, verbose=0)
    print(f"{mebibytes('VmHWM') - before:.0f} {mebibytes('VmHWM'):.0f}")  # getrusage would inherit the parent's peak


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--peak", choices=("graph", "xla"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        return peak(100, options.peak == "xla")
    compare(options.batch, options.repeats)
    print("\npeak memory that training steps at batch 100 add to a process, compilation included ([B, D, H]: 150 MiB):")
    for mode in ("graph", "xla"):
        command = [sys.executable, __file__, "--peak", mode]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        grown, total = output.strip().splitlines()[-1].split()
        print(f"  {mode:6s}{grown:>6s} MiB, of {total} MiB for the whole process")


if __name__ == "__main__":
    main()
