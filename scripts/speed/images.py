"""Measure the training throughput of the image families: images per second, and share of the machine's peak arithmetic.

    python scripts/benchmark.py images [--family pixelcnn rowlstm] [--batch 16 64] [--side 28] [--repeats 5] [--out results/FILE.txt]

Models and training steps are those of `tfar train` with its defaults; a step computes loss, gradients and the optimizer's update.

    step         least wall time of a training step, in a graph or under XLA as `tfar train` would run it
    images/s     batch size / step
    GFLOPS       6 N H W images/s / 10^9, where N is the number of weights that masks leave. Each is used once per pixel in the forward pass
                 and twice in the backward pass, by a multiplication and an addition. Masked taps and activations are not counted
    share        GFLOPS divided by the peak of products of two square float32 matrices in the same process
"""

import argparse
import dataclasses
import os

import numpy as np
import tensorflow as tf

from speed.timing import best
from tfar import automatic, config, models
from tfar.files import refuse_existing, write_text
from tfar.training.optimizer import compile_for

IMAGES = ("pixelcnn", "gated_pixelcnn", "rowlstm", "diagonal_bilstm")
HEADER = f"{'model':36s} {'batch':>5s} {'mode':>5s} {'step ms':>8s} {'images/s':>9s} {'GFLOPS':>7s} {'share':>6s}"


def peak(repeats):
    """Return the peak GFLOPS of matrix products, over several sizes."""
    rates = []
    for size in (1024, 2048, 4096):
        a = tf.random.stateless_normal([size, size], [1, 2])
        rates.append(2 * size**3 / best(lambda a=a: tf.matmul(a, a).numpy(), repeats) / 1e9)
    return max(rates)


def row(family, batch, side, repeats, most):
    """Return the line of one family at one batch size."""
    chosen = config.FAMILIES[family]
    settings = automatic.resolved(config.Training(), chosen, automatic.Facts(50_000, side * side, "binary"))
    model = models.CONSTRUCTORS[family]([side, side, 1])
    settings = dataclasses.replace(settings, jit=model.network.xla)  # as the training loop chooses
    compile_for(model, settings, steps=1)
    x = np.random.default_rng(0).integers(2, size=[batch, side, side, 1])
    rows = iter(tf.data.Dataset.from_tensors(x).repeat())
    model.make_train_function()
    seconds = best(lambda: float(model.train_function(rows)["loss"]), repeats)
    biases = sum(weight.shape[0] for weight in model.trainable_weights if len(weight.shape) == 1)
    gflops = 6e-9 * (model.network.effective_parameters() - biases) * side * side * batch / seconds
    depth = getattr(chosen, "num_blocks", None) or chosen.num_layers
    name = f"{family} {side}x{side}, {depth} x {chosen.filters}"
    mode = "XLA" if settings.jit else "graph"
    return f"{name:36s} {batch:5d} {mode:>5s} {1e3 * seconds:8.1f} {batch / seconds:9.1f} {gflops:7.1f} {gflops / most:6.1%}"


def main(words=None):
    parser = argparse.ArgumentParser("benchmark.py images", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", nargs="+", choices=IMAGES, default=IMAGES, help="families (default: all)")
    parser.add_argument("--batch", nargs="+", type=int, default=[16, 64], help="batch sizes (default: 16 64)")
    parser.add_argument("--side", type=int, default=28, help="side of the images (default: 28)")
    parser.add_argument("--repeats", type=int, default=5, help="number of repeats (default: 5)")
    parser.add_argument("--out", help="a new file for the table")
    options = parser.parse_args(words)
    path = None if options.out is None else refuse_existing(options.out)
    most = peak(options.repeats)
    lines = [f"training on {os.cpu_count()} cores; peak of matrix products: {most:.0f} GFLOPS", HEADER]
    print("\n".join(lines), flush=True)
    for family in options.family:
        for batch in options.batch:
            lines.append(row(family, batch, options.side, options.repeats, most))
            print(lines[-1], flush=True)
    if path is not None:
        write_text(path, "\n".join(lines) + "\n")
