"""Measure time and memory of NADE's training step at D = 784, H = 500, compared with simpler implementations of its recurrence.

    python scripts/benchmark.py nade [--batch 64] [--repeats 20] [--out results/FILE.txt]

The loss and gradients of one minibatch are computed by `tfar.networks.NADE`, by a `tf.while_loop` over single dimensions, and by a Python
loop over dimensions in eager mode. All run in one process and take turns.

    ms           least wall time of the repeats
    median       median wall time of the repeats
    / graph      the least time divided by that of NADE without XLA
    / XLA        the least time divided by that of NADE under XLA
    CPU ms       least CPU time on all cores, with the same ratios; other processes affect it less than the wall time
    peak MiB     peak memory of a separate process, TensorFlow included, for 3 steps at batch 100 and their compilation
    added        the part of it that these steps added; one float32 [B, D, H] is 150 MiB
"""

import argparse
import os
import subprocess
import sys
import time

from speed.timing import ROOT
from tfar.files import refuse_existing, write_text

D, H = 784, 500


def build():
    import tfar

    network = tfar.networks.NADE([D], hidden_units=H)
    network.build()
    return network


def gradients(call, network, x):
    """Return the mean negative log-likelihood of Bernoulli values under the logits `call(x) [B, D]`, and its gradients."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        bits = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=call(x))
        loss = tf.reduce_mean(tf.reduce_sum(bits, axis=1))
    return [loss, *tape.gradient(loss, [w.value for w in network.trainable_weights])]


def recurrences(network):
    """Return the recurrence as a Python loop and as a `tf.while_loop`, over single dimensions."""
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


def steps(batch):
    """Return a function without arguments for each implementation and mode, and the network whose weights they all use."""
    import numpy as np
    import tensorflow as tf

    network = build()
    x = tf.constant(np.random.default_rng(0).integers(2, size=[batch, D]), tf.float32)
    unrolled, looped = recurrences(network)

    def step(call, compiled=True, xla=False):
        def run():
            return gradients(call, network, x)

        return tf.function(run, jit_compile=xla, autograph=False) if compiled else run

    def nade(x):
        return network(x)[..., 0]

    return {
        ("tfar.networks.NADE", "graph"): step(nade),
        ("tfar.networks.NADE", "XLA"): step(nade, xla=True),
        ("tf.while_loop over dimensions", "graph"): step(looped),
        ("tf.while_loop over dimensions", "XLA"): step(looped, xla=True),
        ("Python loop over dimensions", "eager"): step(unrolled, compiled=False),
    }, network


def measure(batch, repeats):
    """Return the wall and CPU times of each repeat in ms, by implementation and mode."""
    import numpy as np

    ways, _ = steps(batch)
    wall, cpu = {key: [] for key in ways}, {key: [] for key in ways}
    expected = None
    for turn in range(repeats + 1):  # the first turn traces and compiles
        for key, run in ways.items():
            start, spent = time.perf_counter(), time.process_time()
            results = [result.numpy() for result in run()]
            if turn:
                wall[key].append(1e3 * (time.perf_counter() - start))
                cpu[key].append(1e3 * (time.process_time() - spent))
            else:
                expected = expected or results
                for one, other in zip(results, expected, strict=True):
                    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4 * np.abs(other).max())
    return wall, cpu


def mebibytes(field):
    with open("/proc/self/status") as file:  # getrusage inherits the parent's peak
        return next(int(line.split()[1]) for line in file if line.startswith(field)) / 1024


def peak(index):
    """Print the peak memory of this process in three training steps, and how much of it they added, in MiB."""
    import keras

    ways, network = steps(100)
    optimizer, before = keras.optimizers.Adam(1e-3), mebibytes("VmRSS")
    for _ in range(3):
        optimizer.apply(list(ways.values())[index]()[1:], network.trainable_weights)
    print(f"{mebibytes('VmHWM'):9.0f} {mebibytes('VmHWM') - before:6.0f}")


def row(index, key, wall, cpu):
    def ratios(times):
        base = [min(times["tfar.networks.NADE", mode]) for mode in ("graph", "XLA")]
        return f"{min(times[key]) / base[0]:8.2f} {min(times[key]) / base[1]:6.2f}"

    command = [sys.executable, ROOT / "scripts" / "benchmark.py", "nade", "--peak", str(index)]
    memory = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    median = sorted(wall[key])[len(wall[key]) // 2]
    return f"{key[0]:30s} {key[1]:6s} {min(wall[key]):8.1f} {median:8.1f} {ratios(wall)} {min(cpu[key]):8.1f} {ratios(cpu)} {memory}"


def main(words=None):
    parser = argparse.ArgumentParser("benchmark.py nade", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64, help="batch size of the timed steps (default: 64)")
    parser.add_argument("--repeats", type=int, default=20, help="number of repeats (default: 20)")
    parser.add_argument("--out", help="a new file for the table")
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.peak is not None:
        return peak(options.peak)
    path = None if options.out is None else refuse_existing(options.out)
    wall, cpu = measure(options.batch, options.repeats)
    lines = [
        f"loss and gradients of NADE, D = {D}, H = {H}, batch {options.batch}, {options.repeats} repeats on {os.cpu_count()} cores",
        f"{'':30s} {'':6s} {'ms':>8s} {'median':>8s} {'/ graph':>8s} {'/ XLA':>6s} {'CPU ms':>8s} {'/ graph':>8s} {'/ XLA':>6s} "
        f"{'peak MiB':>9s} {'added':>6s}",
    ]
    print("\n".join(lines), flush=True)
    for index, key in enumerate(wall):
        lines.append(row(index, key, wall, cpu))
        print(lines[-1], flush=True)
    if path is not None:
        write_text(path, "\n".join(lines) + "\n")
