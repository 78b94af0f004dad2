"""Counts of random conjunctions of ranges and sets on Adult, estimated by MADE, as Naru does (Yang et al. 2019).

An estimator of the rows of a table is measured on that table: the truth is counted in the table of training rows.
"""

import time

import numpy as np
import pandas as pd

from tables import protocol
from tables.outside import read

QUANTILES = {"median": 0.5, "90 %": 0.9, "95 %": 0.95, "99 %": 0.99, "maximum": 1.0}


def run(options):
    """Measure the q-errors of the model and of independent columns, and the time of one query."""
    results = protocol.Results(options, "adult")
    command = protocol.command_of(options, "made")
    settings = {
        "command": command,
        "rows": options.rows,
        "queries": options.size(protocol.QUERIES),
        "draws": protocol.QUERY_DRAWS,
    }
    results.part(["queries"], settings, lambda: measure(options, command, settings["queries"]))


def measure(options, command, count):
    """The figures of `count` queries."""
    model, table = protocol.model_of(protocol.trained(options, command)), read(protocol.adult(options)[0]).fillna("?")
    queries = drawn(table, count)
    truths, alone, estimates, seconds = [], [], [], []
    for number, query in enumerate(queries):
        met = {name: meets(table[name], condition) for name, condition in query.items()}
        truths.append(np.logical_and.reduce(list(met.values())).sum())
        alone.append(np.prod([of_column.mean() for of_column in met.values()]) * len(table))
        asked = {name: [None if word == "?" else word for word in c] if isinstance(c, list) else c for name, c in query.items()}
        began = time.perf_counter()
        estimates.append(model.probability(asked, seed=number, draws=protocol.QUERY_DRAWS).estimate * len(table))
        seconds.append(time.perf_counter() - began)
        if (number + 1) % 50 == 0:
            protocol.progress(["queries"], f"{number + 1} of {count}, median {np.median(seconds):.3f} s")
    return {
        "median_count": float(np.median(truths)),
        "q_error": quantiles(q_error(estimates, truths)),
        "q_error_of_independent_columns": quantiles(q_error(alone, truths)),
        "median_seconds": float(np.median(seconds)),
        "longest_seconds": float(np.max(seconds)),  # the first of its kind is traced and compiled
    }


def drawn(table, count):
    """Random queries around rows of the table, so that each holds for one row at least.

    A column of words has a set: the row's word and up to half of the others. A column of numbers has a range: at most or at least the row's
    number, or from one number of the table to another around it.
    """
    random = np.random.default_rng(protocol.SEED)
    queries = []
    for _ in range(count):
        row = table.iloc[random.integers(len(table))]
        conditions = random.integers(protocol.FEWEST, protocol.MOST + 1)
        names = random.choice(list(table), min(conditions, table.shape[1]), replace=False)
        queries.append({str(name): condition(table[name], row[name], random) for name in names})
    return queries


def condition(cells, value, random):
    """A set of words or a range of numbers that holds a value of a column."""
    if not pd.api.types.is_numeric_dtype(cells):
        others = [word for word in sorted(cells.unique()) if word != value]
        return [value, *random.choice(others, random.integers(len(others) // 2 + 1), replace=False).tolist()]
    bounds = random.choice(cells.to_numpy(), 2)
    kind = random.integers(3)
    low, high = min(value, *bounds), max(value, *bounds)
    return (None, float(value)) if kind == 0 else (float(value), None) if kind == 1 else (float(low), float(high))


def meets(cells, condition):
    """Which cells of a column meet a condition, bool `[N]`."""
    if isinstance(condition, list):
        return cells.isin(condition).to_numpy()
    low, high = (bound if bound is not None else end for bound, end in zip(condition, (-np.inf, np.inf), strict=True))
    return cells.between(low, high).to_numpy()


def q_error(estimates, truths):
    """max(estimate / truth, truth / estimate) of counts, both at least one row."""
    estimates, truths = np.maximum(estimates, 1), np.maximum(truths, 1)
    return np.maximum(estimates / truths, truths / estimates)


def quantiles(values):
    return {name: float(np.quantile(values, share)) for name, share in QUANTILES.items()}
