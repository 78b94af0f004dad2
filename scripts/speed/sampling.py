"""Measure the time of a batch of samples, compared with one `log_prob` of it and with one pass of the network for each position.

    python scripts/benchmark.py sampling [--family made pixelcnn] [--batch 1 16 64 256] [--side 28] [--out results/FILE.txt]

The columns are milliseconds, each the least of several repeats. Compare them within one row only.

    log_prob   one call under XLA
      served   the SavedModel's endpoint `log_prob`, in the C++ session that TF Serving is built on, without XLA. The session runs in its
               own process; the transfer (some tenths of a millisecond) is included
    sample     one call under XLA, `tf.function(..., jit_compile=True)`
      ratio    its time divided by that of log_prob under XLA
    served     the endpoint `sample` in that session, which also scores the samples
      ratio    its time divided by that of log_prob under XLA
      / XLA    its time divided by that of sample and log_prob under XLA together
    fix.pt.    fixed-point iteration under XLA; families of vectors only
    D passes   D times one call of the whole network and one draw. For vectors, one loop under XLA, timed as a whole. For images, which
               would take hours, the least time of 3 passes under XLA, multiplied by D (marked ~)
    faster     the time of D passes divided by that of sample
      served   the same for served
    differ     number of values of the XLA sample, the served sample and the fixed point that differ from those that one pass over them
               draws from the same noise. If there are none, the sample equals that of the D passes. A draw within rounding of its
               threshold may fall either way; it is then listed with its probability
"""

import argparse
import functools
import sys
import tempfile
import time

import numpy as np
import tensorflow as tf

import tfar
from speed.timing import best
from tfar import config, noise
from tfar.files import refuse_existing, write_text
from tfar.testing import Client

HEADER = (
    f"{'model':38s} {'batch':>5s} {'log_prob':>9s} {'served':>9s} {'sample':>9s} {'ratio':>6s} "
    f"{'served':>9s} {'ratio':>6s} {'/ XLA':>6s} {'fix.pt.':>9s} {'D passes':>12s} {'faster':>7s} {'served':>7s}   differ"
)


def models(side):
    """Return the rows of the table, family -> name -> constructor, for vectors or images of side * side binary values."""
    size = side * side

    def image(family):
        chosen = config.FAMILIES[family]
        depth = getattr(chosen, "num_blocks", None) or chosen.num_layers
        return {f"{family} {side}x{side}, {depth} x {chosen.filters}": lambda: tfar.models.CONSTRUCTORS[family]([side, side, 1])}

    return {
        "logistic": {f"logistic {size}": lambda: tfar.LogisticAutoregressive([size])},
        "made": {
            f"made {size}-500-{size}": lambda: tfar.MADE([size], hidden_units=[500], direct=False),
            f"made {size}-500-500-{size}": lambda: tfar.MADE([size], hidden_units=[500, 500], direct=False),
            f"made {size}-500-{size} direct, random order": lambda: tfar.MADE([size], hidden_units=[500], order="random"),
            f"made {size}-8000-{size}": lambda: tfar.MADE([size], hidden_units=[8000], direct=False),
        },
        "nade": {f"nade {size}-500": lambda: tfar.NADE([size], hidden_units=500)},
        "rnade": {f"rnade {size}-500, 10 normals": lambda: tfar.RNADE([size], hidden_units=500)},
        "neural": {f"neural {size}-16": lambda: tfar.NeuralAutoregressive([size], hidden_units=16, direct=False)},
        **{family: image(family) for family in ("pixelcnn", "gated_pixelcnn", "rowlstm", "diagonal_bilstm")},
    }


def spread_weights(model):
    """Set random weights with strong dependencies and outputs of both signs, so that equal samples are evidence."""
    generator = np.random.default_rng(0)
    for variable in model.trainable_variables:
        axes = -1 if len(model.event_shape) > 1 else 1  # the inputs of a convolution's kernel are all axes but the last
        fan_in = np.prod(variable.shape[:axes]) if len(variable.shape) > 1 else 1
        variable.assign(generator.normal(size=variable.shape) / fan_in**0.5)


class Row:
    """One model, and the functions of it that are timed."""

    def __init__(self, name, model, client):
        self.name, self.model, self.network, self.head = name, model, model.network, model.head
        spread_weights(model)
        model.export(client.paths["model"], warm_up=False)
        self.served = functools.partial(client.run, "model")
        self.log_prob = tf.function(model.distribution().log_prob, jit_compile=True, autograph=False)
        self.images = len(model.event_shape) > 1
        methods = ["stepping"] if self.images else ["stepping", "fixed_point", "naive"]
        self.samplers = {method: self.compiled(model.distribution(method=method).sample_rows) for method in methods}
        self.one_pass = self.compiled(self.draw_position)
        self.redraw = self.compiled(self.draw_all)

    @staticmethod
    def compiled(function):
        return tf.function(function, jit_compile=True, autograph=False)

    def draw_all(self, x, seeds):
        """Draw each position given the values of x before it; return the draws `[B, *event]` and the parameters `[B, *event, P]`."""
        params = self.network(x)
        uniforms = noise.uniform(seeds, self.network.event_size * self.head.noise_size)
        return self.head.draw(params, tf.reshape(uniforms, [*params.shape[:-1], self.head.noise_size])), params

    def draw_position(self, x, index, uniforms):
        """Call the whole network once and draw one position, `[B]`."""
        params = tf.reshape(self.network(x), [x.shape[0], self.network.event_size, -1])
        return self.head.draw(tf.gather(params, index, axis=1), uniforms)

    def measure(self, batch, repeats, seconds):
        """Return the line of the table, and lines that list the values that differ."""
        times, drawn, seeds = {}, {}, noise.row_seeds(noise.as_seed(7), batch)

        def timed(key, function, repeats=repeats):
            began = time.perf_counter()
            times[key] = 1e3 * best(function, repeats, seconds)
            print(
                f"  {self.name}, batch {batch}: {key} {times[key]:.2f} ms ({time.perf_counter() - began:.0f} s)",
                file=sys.stderr,
                flush=True,
            )

        x = self.samplers["stepping"](seeds)
        timed("log_prob", lambda: self.log_prob(x).numpy())
        timed("served log_prob", lambda: self.served("log_prob", x=x.numpy()))
        timed("sample", lambda: drawn.update(sample=self.samplers["stepping"](seeds).numpy()))
        timed("served", lambda: drawn.update(served=self.served("sample", seed=seeds.numpy())["x"]))
        if self.images:
            index, uniforms = tf.constant(self.network.event_size // 2), noise.uniform(seeds, self.head.noise_size)
            timed("a pass", lambda: self.one_pass(x, index, uniforms).numpy(), 3)
            times["passes"] = times["a pass"] * self.network.event_size
        else:
            timed("fixed point", lambda: drawn.update(fixed=self.samplers["fixed_point"](seeds).numpy()), 3)
            timed("passes", lambda: self.samplers["naive"](seeds).numpy(), 1)
        differing = {key: self.differences(value, seeds) for key, value in drawn.items()}
        one, fixed = times["log_prob"], f"{times['fixed point']:9.1f}" if "fixed point" in times else f"{'-':>9s}"
        passes = f"{'~' if self.images else ''}{times['passes']:.1f}"
        line = (
            f"{self.name:38s} {batch:5d} {one:9.2f} {times['served log_prob']:9.2f} "
            f"{times['sample']:9.2f} {times['sample'] / one:6.2f} {times['served']:9.1f} {times['served'] / one:6.2f} "
            f"{times['served'] / (times['sample'] + one):6.2f} {fixed} "
            f"{passes:>12s} {times['passes'] / times['sample']:7.0f} {times['passes'] / times['served']:7.0f}   "
            f"{', '.join(str(count) for count, _ in differing.values())}"
        )
        return [line, *(f"    {key}: {text}" for key, (_, texts) in differing.items() for text in texts)]

    def differences(self, x, seeds):
        """Return how many values of x one pass draws differently, and for discrete values a line for the first of each row."""
        redrawn, params = (result.numpy().reshape(len(x), self.network.event_size, -1) for result in self.redraw(tf.constant(x), seeds))
        x, redrawn = x.reshape(len(x), -1), redrawn[..., 0]
        differ = ~np.isclose(x, redrawn, rtol=1e-3, atol=1e-3)
        order, texts = np.asarray(self.network.order), []
        for row in np.flatnonzero(differ.any(axis=1)) if self.head.dtype.is_integer else []:
            position = order[np.flatnonzero(differ[row, order])[0]]
            texts.append(f"row {row}, position {position}: {1 / (1 + np.exp(-params[row, position, 0])):.9f}")
        return int(differ.sum()), texts


def main(words=None):
    parser = argparse.ArgumentParser("benchmark.py sampling", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    rows = models(28)
    parser.add_argument(
        "--family", nargs="+", choices=rows, default=list(rows), metavar="NAME", help=f"families, of {', '.join(rows)} (default: all)"
    )
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 16, 64, 256], help="batch sizes (default: 1 16 64 256)")
    parser.add_argument("--side", type=int, default=28, help="side S of the images; vectors have S * S values (default: 28)")
    parser.add_argument("--repeats", type=int, default=20, help="maximum number of repeats (default: 20)")
    parser.add_argument("--seconds", type=float, default=10.0, help="time after which no further repeat starts (default: 10)")
    parser.add_argument("--out", metavar="FILE", help="a new file for the table, updated after each row")
    arguments = parser.parse_args(words)
    out = None if arguments.out is None else refuse_existing(arguments.out)
    table = [HEADER]
    print(HEADER, flush=True)
    for family in arguments.family:
        for name, build in models(arguments.side)[family].items():
            with tempfile.TemporaryDirectory() as folder, Client({"model": f"{folder}/1"}) as client:
                row = Row(name, build(), client)
                for batch in arguments.batch:
                    lines = row.measure(batch, arguments.repeats, arguments.seconds)
                    print("\n".join(lines), flush=True)
                    table += lines
                    if out is not None:
                        write_text(out, f"{__doc__}\n" + "\n".join(table) + "\n", overwrite=True)
