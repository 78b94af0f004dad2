"""Measure tfar beside TensorFlow Probability's own autoregressive distribution, with the same weights, as users call both.

    python scripts/benchmark.py tfp [--units 500] [--size 784] [--batch 1 64] [--results results/benchmark_tfp.json]

A MADE of tfar and a `tfb.AutoregressiveNetwork` in a `tfd.Autoregressive` hold the same masked kernels, so that both give the same
log_prob, which is checked first. Each figure is the median of `--repeats` calls, in milliseconds, of calls that end on the host; the two
are measured one after the other within one run. Compare them within one row only. It writes the JSON file, and the table of
docs/performance.md.
"""

import argparse
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

import tfar
from speed.timing import PAGE, ROOT, keep, median

tfd, tfb = tfp.distributions, tfp.bijectors


def twins(size, units):
    """A model of tfar, and TFP's distribution with the same weights."""
    model = tfar.MADE([size], hidden_units=[units], direct=False)
    tfar.testing.randomize(model.network, seed=0)
    made = tfb.AutoregressiveNetwork(params=1, event_shape=[size], hidden_units=[units], activation="relu")
    made(tf.zeros([1, size]))
    kernels = [layer.masked_kernel() for layer in model.network.masked_layers]
    biases = [layer.bias for layer in model.network.masked_layers]
    values = [np.array(part) for pair in zip(kernels, biases, strict=True) for part in pair]
    for variable, value in zip(made.trainable_variables, values, strict=True):
        variable.assign(np.reshape(value, variable.shape))

    def conditionals(x):
        return tfd.Independent(tfd.Bernoulli(logits=made(tf.cast(x, tf.float32))[..., 0]), 1)

    return model, tfd.Autoregressive(conditionals, sample0=tf.zeros([size], tf.int32), num_steps=size), made


def steps(model, distribution, made, x):
    """A training step of both by Adam, compiled by XLA, of the same rows."""
    functions = []
    for log_prob, variables in (
        (model.distribution().log_prob, model.trainable_variables),
        (distribution.log_prob, made.trainable_variables),
    ):
        weights = [getattr(variable, "value", variable) if log_prob.__self__ is not distribution else variable for variable in variables]
        moments = [[tf.Variable(tf.zeros_like(weight)) for weight in weights] for _ in range(2)]

        @tf.function(jit_compile=True, autograph=False)
        def step(log_prob=log_prob, weights=weights, moments=moments):
            with tf.GradientTape() as tape:
                loss = -tf.reduce_mean(log_prob(x))
            for weight, first, second, gradient in zip(weights, *moments, tape.gradient(loss, weights), strict=True):
                first.assign(0.9 * first + 0.1 * gradient)
                second.assign(0.999 * second + 0.001 * gradient**2)
                weight.assign_sub(1e-5 * first / (tf.sqrt(second) + 1e-7))
            return loss

        functions.append(lambda step=step: step().numpy())
    return functions


def calls(size, units, batch):
    """What is called: name -> (a function of tfar, one of TFP), both of the same weights and rows."""
    model, distribution, made = twins(size, units)
    ours, x = model.distribution(), tf.constant(np.random.default_rng(batch).integers(0, 2, [batch, size]), tf.int32)
    difference = float(tf.reduce_max(tf.abs(ours.log_prob(x) / distribution.log_prob(x) - 1)))
    if difference > 1e-4:
        raise ValueError(f"both must give the same log_prob. Received: a relative difference of {difference}")
    graphs = [tf.function(one.log_prob, autograph=False) for one in (ours, distribution)]
    return {
        "log_prob, called eagerly": (lambda: ours.log_prob(x).numpy(), lambda: distribution.log_prob(x).numpy()),
        "log_prob, in a tf.function": (lambda: graphs[0](x).numpy(), lambda: graphs[1](x).numpy()),
        "sample, called eagerly": (lambda: ours.sample(batch, seed=1).numpy(), lambda: distribution.sample(batch, seed=(0, 1)).numpy()),
        "a training step, under XLA": steps(model, distribution, made, x),
    }


def measure(size, units, batches, repeats):
    """The rows of the table: what is called, batch size, and milliseconds of tfar and TFP, of a call and of the first one."""
    rows = []
    for batch in batches:
        for name, (here, there) in calls(size, units, batch).items():
            (ours, ours_first), (theirs, theirs_first) = median(here, repeats), median(there, repeats)
            rows.append({"call": name, "batch": batch, "tfar": ours, "tfp": theirs, "tfar_first": ours_first, "tfp_first": theirs_first})
            print(f"{name}, batch {batch}: tfar {ours:.2f} ms, TFP {theirs:.2f} ms", flush=True)
    return rows


def table(found):
    """The table in Markdown."""
    lines = [
        f"MADE {found['size']}-{found['units']}-{found['size']}, the same weights in both; "
        f"TensorFlow {found['tensorflow']}, TFP {found['tfp']}.",
        "",
        "| call | batch | tfar, ms | TFP, ms | tfar / TFP | first call: tfar, ms | TFP, ms |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in found["rows"]:
        cells = (row["call"], row["batch"], f"{row['tfar']:.2f}", f"{row['tfp']:.2f}", f"{row['tfar'] / row['tfp']:.3f}")
        lines.append("| " + " | ".join(map(str, (*cells, f"{row['tfar_first']:.0f}", f"{row['tfp_first']:.0f}"))) + " |")
    return "\n".join(lines)


def main(words=None):
    parser = argparse.ArgumentParser("benchmark.py tfp", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=784, help="number D of dimensions (default: 784)")
    parser.add_argument("--units", type=int, default=500, help="hidden units (default: 500)")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 64], help="batch sizes (default: 1 64)")
    parser.add_argument("--repeats", type=int, default=50, help="calls of each (default: 50)")
    parser.add_argument("--results", type=Path, default=ROOT / "results" / "benchmark_tfp.json", help="the file of figures")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page that shows them")
    args = parser.parse_args(words)
    rows = measure(args.size, args.units, args.batch, args.repeats)
    found = {
        "size": args.size,
        "units": args.units,
        "repeats": args.repeats,
        "tensorflow": tf.__version__,
        "tfp": tfp.__version__,
        "rows": rows,
    }
    keep(found, args.results, args.page, "tfp", table(found))
