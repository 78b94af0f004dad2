"""Test rows of Adult with one cell swapped with another row's, told from untouched rows, and the swapped cell found."""

import numpy as np
import pandas as pd

from tables import protocol
from tables.outside import read

FAMILIES = {"MADE": "made", "Deep NADE": "deepnade"}


def run(options):
    """Measure the scores of MADE, of Deep NADE, and of the detectors of other packages."""
    results = protocol.Results(options, "adult")
    paths = protocol.adult(options)
    train, test = map(read, paths)
    rows, column = swapped(test.fillna("?"))
    rows = rows.replace("?", np.nan)
    settings = {"rows": options.rows, "share": protocol.SWAPPED_SHARE}
    for name, family in FAMILIES.items():
        command = protocol.command_of(options, family)

        def measured(family=family, command=command):
            model = protocol.model_of(protocol.trained(options, command))
            return by_cells(cells_of(model, family, train), cells_of(model, family, rows), column)

        of_model = settings | {"command": command}
        results.part(["scores", name], of_model, measured, f"scores: swapped cells of test rows by {name}")
    if options.rivals_python:
        swaps, out = options.work / f"adult-swapped-{options.rows}.csv", options.work / f"adult-detected-{options.rows}.csv"
        rows.to_csv(swaps, index=False)

        def detected():
            cost = protocol.outside(options.rivals_python, "detect", paths[0], swaps, out)
            return cost | {"auc": {name: protocol.auc(column >= 0, scores) for name, scores in pd.read_csv(out).items()}}

        results.part(["scores", "detectors"], settings, detected, "scores: the same rows by IsolationForest and ECOD")


def swapped(table):
    """Rows of which a share has one cell replaced by that of another row, of another value; and which column it is `[N]`, -1: none."""
    random = np.random.default_rng(protocol.SEED)
    column = np.where(random.random(len(table)) < protocol.SWAPPED_SHARE, random.integers(table.shape[1], size=len(table)), -1)
    rows = table.copy()
    for d, name in enumerate(table):
        values = table[name].to_numpy()
        (places,) = np.nonzero(column == d)
        for place in places:
            rows.iloc[place, d] = random.choice(values[values != values[place]])
    return rows, column


def cells_of(model, family, rows):
    """Log-probabilities of cells `[N, D]`: of MADE given those before it, of Deep NADE given all others."""
    if family == "made":
        return model.column_log_prob(rows)
    scores = {}
    for name in rows:
        scores[name] = model.conditional_log_prob(rows, columns=[name])
        protocol.progress(["scores", "Deep NADE"], f"p({name} | all others) of {len(rows)} rows")
    return pd.DataFrame(scores)


def by_cells(known, cells, column):
    """Measure the scores of cells.

    A column of many values has low scores in every row. `relative` scores are therefore those less their mean over the training rows,
    divided by their standard deviation there.

    Args:
        known, cells: log-probabilities of the cells of training rows, and of the rows that are told apart `[N, D]`.
        column: the swapped one `[N]`, -1: none.

    Returns:
        `auc`: of the negative sum (for MADE -log p(row), for Deep NADE the negative pseudo-log-likelihood), of the lowest cell, and of the
        lowest relative one. `named`: how often the lowest cell is the swapped one, by both. `chance`: 1/D.
    """
    relative = (cells - known.mean()) / known.std().replace(0, 1)
    is_swapped = column >= 0
    scores = {"sum": -cells.sum(axis=1), "lowest": -cells.min(axis=1), "lowest relative": -relative.min(axis=1)}
    lowest = {"lowest": cells.to_numpy().argmin(axis=1), "lowest relative": relative.to_numpy().argmin(axis=1)}
    return {
        "auc": {name: protocol.auc(is_swapped, score) for name, score in scores.items()},
        "named": {name: float((found == column)[is_swapped].mean()) for name, found in lowest.items()},
        "chance": 1 / cells.shape[1],
    }
