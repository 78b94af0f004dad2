"""One column of 5,000 classes among 30: parameters, arithmetic and times, beside the same table with 10 classes there."""

import time

import numpy as np
import pandas as pd
import tensorflow as tf

from tables import protocol

SCORED = 5000  # rows of a timed call


def run(options):
    """Measure both tables."""
    results, rows = protocol.Results(options, "tables"), options.size(protocol.WIDE_ROWS)
    for classes in protocol.WIDE_CLASSES:
        results.part(["wide", str(classes)], {"rows": rows, "columns": protocol.WIDE_COLUMNS}, lambda c=classes: measure(c, rows))


def measure(classes, rows):
    """The cost of a MADE with its defaults for tables."""
    from tfar import TableModel
    from tfar.datasets import Schema

    data = table(classes, rows)
    model = TableModel(Schema.infer(data, categorical=["code"]))
    found = {"classes": model.schema["code"].num_classes, "parameters": model.count_params()}
    encoded = model.encode(data[:SCORED])
    fixed = tf.function(model.distribution().log_prob, autograph=False)
    graph = fixed.get_concrete_function(tf.TensorSpec(encoded.shape, tf.float64)).graph
    found["megaflops_per_row"] = flops(graph) / len(encoded) / 1e6
    training = timed(lambda: model.fit(data[:SCORED], epochs=1, batch_size=250, verbose=0))
    scoring, sampling = timed(lambda: model.log_prob(data[:SCORED])), timed(lambda: model.sample(SCORED, seed=1))
    for name, (first, again) in {"training": training, "log_prob": scoring, "sampling": sampling}.items():
        found |= {f"{name}_first_seconds": first, f"{name}_seconds": again}
    return found


def flops(graph):
    """Floating-point operations of a graph whose shapes are known, by TensorFlow's profiler."""
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    return tf.compat.v1.profiler.profile(graph, options=options | {"output": "none"}).total_float_ops


def timed(function):
    """Seconds of the first call, which traces and compiles, and of the second."""
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        function()
        seconds.append(round(time.perf_counter() - began, 3))
    return seconds


def table(classes, rows):
    """A table whose column "code", in the middle, has so many classes; the others are 15 columns of 10 classes and 14 of whole numbers."""
    random = np.random.default_rng(protocol.SEED)
    code = random.permutation(rows) % classes
    columns = {f"word_{k}": (code + random.integers(5, size=rows)) % 10 for k in range(15)}
    columns = {name: np.char.add("class ", values.astype(str)) for name, values in columns.items()}
    columns["code"] = np.char.add("code ", code.astype(str))
    columns |= {f"count_{k}": random.poisson(5 + code % (k + 2)) for k in range(protocol.WIDE_COLUMNS - len(columns))}
    return pd.DataFrame(columns)
