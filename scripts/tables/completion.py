"""Cells of Adult's test rows blanked at random, and completed by Deep NADE and by imputers."""

import numpy as np
import pandas as pd

from tables import protocol
from tables.outside import is_words, read

IMPUTERS = {"iterative": "IterativeImputer", "neighbours": "KNNImputer", "miceforest": "miceforest"}


def run(options):
    """Complete the same blanks by each method, and measure it."""
    results = protocol.Results(options, "adult")
    train, test = map(read, paths := protocol.adult(options))
    blank = (np.random.default_rng(protocol.SEED).random(test.shape) < protocol.BLANK_SHARE) & test.notna().to_numpy()
    blanked = options.work / f"adult-blanked-{options.rows}.csv"
    test.mask(blank).to_csv(blanked, index=False)
    command = protocol.command_of(options, "deepnade")
    settings = {"command": command, "share": protocol.BLANK_SHARE, "rows": options.rows, "draws": protocol.DRAWS}
    look = "completion: cells of the test rows, blanked and completed by Deep NADE"
    results.part(["completion", "Deep NADE"], settings, lambda: by_draws(options, command, train, test, blank), look)
    settings = {"share": protocol.BLANK_SHARE, "rows": options.rows}
    results.part(["completion", "marginal"], settings, lambda: errors(train, test, blank, marginal(train, test)))
    for task, name in IMPUTERS.items() if options.rivals_python else ():
        out = options.work / f"adult-{task}-{options.rows}.csv"

        def completed(task=task, out=out):
            cost = protocol.outside(options.rivals_python, task, paths[0], blanked, out)
            return cost | errors(train, test, blank, read(out))

        results.part(["completion", name], settings, completed, f"completion: the same cells completed by {name}")


def by_draws(options, command, train, test, blank):
    """Measure the most probable value and the mean of draws by Deep NADE, the median beside it, and the intervals of draws."""
    run = protocol.trained(options, command)
    model, blanked = protocol.model_of(run), test.mask(blank)
    classes = {name: sorted(set(train[name].dropna()) | set(test[name].dropna())) for name, of_words in is_words(train).items() if of_words}
    draws = []
    for number in range(protocol.DRAWS):
        path = run.with_name(f"{run.name}-draw-{number}.npy")
        if not path.exists():
            filled = model.complete(blanked, seed=number)
            coded = filled.assign(**{name: pd.Categorical(filled[name].astype(object), values).codes for name, values in classes.items()})
            np.save(path, coded[list(test)].to_numpy(np.float64))
        draws.append(np.load(path))
        protocol.progress(["completion", "Deep NADE"], f"draw {number + 1} of {protocol.DRAWS}")
    draws = np.stack(draws)
    metrics = protocol.metrics_of(run)
    measured = errors(train, test, blank, summary(draws, test, classes, np.mean))
    median = errors(train, test, blank, summary(draws, test, classes, np.median))
    return {
        "validation_bits_per_row": metrics["validation"]["bits_per_row"],
        "training_seconds": metrics["seconds"],
        **measured,
        "error_of_median": median["error"],
        "columns_of_median": {name: value for name, value in median["columns"].items() if name not in classes},
        **coverage(draws, test, blank),
    }


def summary(draws, test, classes, middle):
    """A table of the most frequent class and of the `middle` number of draws `[draws, N, D]`."""
    table = {}
    for d, name in enumerate(test):
        if name in classes:
            counts = np.stack([(draws[:, :, d] == code).sum(axis=0) for code in range(len(classes[name]))])
            table[name] = np.array(classes[name], object)[counts.argmax(axis=0)]
        else:
            table[name] = middle(draws[:, :, d], axis=0)
    return pd.DataFrame(table)


def marginal(train, test):
    """The most frequent word and the mean number of the training rows, for every row."""
    values = {name: train[name].mode()[0] if words else train[name].mean() for name, words in is_words(train).items()}
    return pd.DataFrame(values, index=range(len(test)))


def errors(train, test, blank, filled):
    """How blanked cells were completed.

    Returns:
        `columns`: by column, the share of right words, or the mean absolute error of numbers in the column's unit; `accuracy`: the mean of
        the former; `error`: the mean of the latter, each divided by the standard deviation of the column in the training rows.
    """
    columns = {}
    for d, (name, words) in enumerate(is_words(train).items()):
        truth, cells = test[name].to_numpy()[blank[:, d]], filled[name].to_numpy()[blank[:, d]]
        columns[name] = float(np.mean(truth == cells) if words else np.abs(truth - cells.astype(float)).mean())
    words = is_words(train)
    return {
        "accuracy": float(np.mean([columns[name] for name in columns if words[name]])),
        "error": float(np.mean([columns[name] / train[name].std() for name in columns if not words[name]])),
        "columns": columns,
    }


def coverage(draws, test, blank):
    """How often a blanked number lies in the central interval of the draws, in all and by column.

    Of 39 draws from the right distribution the interval from the 2nd to the 38th holds the truth with probability 36/40. A truth that
    equals draws takes a place among them at random, since the closed interval of a discrete distribution holds more: `closed`.
    """
    count, random = len(draws), np.random.default_rng([protocol.SEED, 1])
    outer = round((count + 1) * 0.05)  # places at each end that are not covered
    inside, closed = {}, {}
    for d, (name, words) in enumerate(is_words(test).items()):
        if words:
            continue
        truth, drawn = test[name].to_numpy()[blank[:, d]], draws[:, blank[:, d], d]
        below, equal = (drawn < truth).sum(axis=0), (drawn == truth).sum(axis=0)
        place = below + random.integers(0, equal + 1)
        inside[name] = (place >= outer) & (place <= count - outer)
        closed[name] = (below + equal >= outer) & (below <= count - outer)
    return {
        "coverage": float(np.concatenate(list(inside.values())).mean()),
        "closed_coverage": float(np.concatenate(list(closed.values())).mean()),
        "coverage_of_columns": {name: float(values.mean()) for name, values in inside.items()},
    }
