"""Time a whole batch of samples against one `log_prob` of the same batch and against one pass of the network per position.

    python scripts/benchmark_sampling.py [--batch 64] [--only made] [--repeats 20] [--estimate]

All samplers get the same seeds. The D full passes are XLA too: one compiled call of the network and the draw, repeated D times in one
compiled loop. The last column counts the values in which a sampler differs from the passes; a draw within rounding of its threshold may
fall either way, and then both probabilities are shown. Timings are the least of the repeats; compare them within one run only.
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

import tfar
from tfar import noise

MODELS = {
    "logistic 784": lambda: tfar.LogisticAutoregressive([784]),
    "made 784-500-784": lambda: tfar.MADE([784], hidden_units=[500]),
    "made 784-500-500-784": lambda: tfar.MADE([784], hidden_units=[500, 500]),
    "made 784-500-784 direct, random order": lambda: tfar.MADE([784], hidden_units=[500], direct=True, order="random"),
    "made 784-8000-784": lambda: tfar.MADE([784], hidden_units=[8000]),
    "nade 784-500": lambda: tfar.NADE([784], hidden_units=500),
    "rnade 784-500, 10 normals": lambda: tfar.RNADE([784], hidden_units=500),
    "neural 784-16": lambda: tfar.NeuralAutoregressive([784], hidden_units=16),
}


def best(function, repeats):
    """Least wall time of a call in milliseconds, after one call that compiles."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def spread_weights(model):
    """Random weights with strong dependencies and outputs on both sides, so that equal samples mean something."""
    generator = np.random.default_rng(0)
    for variable in model.trainable_variables:
        fan_in = variable.shape[0] if len(variable.shape) > 1 else 1
        variable.assign(generator.normal(size=variable.shape) / fan_in**0.5)


def differences(model, one, other):
    """Positions where two samples of the same rows first differ, with the probability of a one under each."""
    rows = []
    for row in np.flatnonzero((one != other).any(axis=1)):
        position = int(np.flatnonzero(one[row] != other[row])[0])
        params = [model.network(tf.constant(x[row : row + 1])).numpy()[0, position] for x in (one, other)]
        rows.append(f"row {row}, position {position}: " + " / ".join(f"{1 / (1 + np.exp(-p[0])):.9f}" for p in params))
    return rows


def measure(name, model, batch, repeats, estimate):
    spread_weights(model)
    seeds = noise.row_seeds(noise.as_seed(7), batch)
    exact = model.head.dtype.is_integer

    def sampler(method, jit):
        distribution = model.distribution(method=method)
        return tf.function(distribution.sample_rows, jit_compile=jit, autograph=False)

    samplers = {"xla": sampler("stepping", True), "graph": sampler("stepping", False), "fixed point": sampler("fixed_point", True)}
    x = samplers["xla"](seeds)
    log_prob = tf.function(model.distribution().log_prob, jit_compile=True, autograph=False)
    forward = best(lambda: log_prob(x).numpy(), repeats)
    times = {key: best(lambda s=s: s(seeds).numpy(), repeats if key == "xla" else 3) for key, s in samplers.items()}
    if estimate:
        passes, full = forward * model.network.event_size, samplers["fixed point"](seeds).numpy()
    else:
        naive = sampler("naive", True)
        full = naive(seeds).numpy()
        passes = best(lambda: naive(seeds).numpy(), 1)
    drawn = {key: s(seeds).numpy() for key, s in samplers.items()}
    differing = {key: int((~np.isclose(value, full, rtol=1e-3, atol=1e-3)).sum()) for key, value in drawn.items()}
    print(
        f"{name:38s} {batch:5d} {forward:9.2f} {times['xla']:9.2f} {times['xla'] / forward:7.2f} {times['graph']:9.1f} "
        f"{times['fixed point']:9.1f} {passes:10.1f} {passes / times['xla']:8.0f}   {differing}",
        flush=True,
    )
    for key, value in drawn.items():
        if exact and differing[key]:
            print("    " + "\n    ".join(f"{key}: {line}" for line in differences(model, value, full)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, nargs="+", default=[64])
    parser.add_argument("--only", default="", help="part of a model's name")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--estimate", action="store_true", help="take D times log_prob for the D passes; compare with fixed-point samples")
    arguments = parser.parse_args()
    print(
        f"{'model':38s} {'batch':>5s} {'log_prob':>9s} {'sample':>9s} {'ratio':>7s} {'no XLA':>9s} {'fix.pt.':>9s} {'D passes':>10s} "
        f"{'x faster':>8s}   values that differ from the D passes      (milliseconds)"
    )
    for name, build in MODELS.items():
        if arguments.only in name:
            model = build()
            for batch in arguments.batch:
                measure(name, model, batch, arguments.repeats, arguments.estimate)


if __name__ == "__main__":
    main()
