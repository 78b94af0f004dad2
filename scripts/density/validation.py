"""What the rules of automatic settings were chosen on: validation rows of few rows and of many; no test row is read.

Of a set of n training rows, others of its training rows stop the training, and others yet are scored.
"""

import functools

import numpy as np

import tfar
from density import baselines, data, models, results

MOST = 3000  # rows that are scored
STOPPING = 0.3  # rows that stop a training, as a share of those that are trained on; 50 at least
SETS = {  # name: (source, columns or None for all, training rows or None for all)
    "plants-200": ("plants", None, 200),
    "mnist500-400": ("mnist", 500, 400),
    "accidents-1400": ("accidents", None, 1400),
    "mnist180-1400": ("mnist", 180, 1400),
    "jester-2000": ("jester", None, 2000),
    "digits": ("digits", None, None),
    **{name: (name, None, None) for name in data.DEBD},
    "red_wine": ("red_wine", None, None),
    "boston": ("boston", None, None),
}
COLUMN_SEED, ROW_SEED = 5, 1


@functools.lru_cache(2)
def rows_of(name):
    """The rows of a set as `data.Rows`; `test` are the rows that are scored, none of which is a test row of its source."""
    source, columns, count = SETS[name]
    if source in data.UCI:
        fold = data.fold(source, 0)
        return fold._replace(test=fold.validation)
    if source == "digits":
        split = tfar.datasets.load("digits")
        train, validation = (part.x.reshape(len(part.x), -1) for part in (split.train, split.validation))
        return data.Rows(train, validation, validation, "binary")
    if source == "mnist":
        with np.load(data.raw("binarized_mnist", "validation") / "binarized_mnist.npz") as file:
            train = validation = np.unpackbits(file["train"][:8000], axis=1).astype(np.int32)
    else:
        train, validation = data.debd(source)[:2]
    if count is None:
        return data.Rows(train, validation, validation, "binary")
    if columns is not None:
        kept = np.sort(np.random.default_rng(COLUMN_SEED).permutation(train.shape[1])[:columns])
        train = train[:, kept]
    train = train[np.random.default_rng(ROW_SEED).permutation(len(train))]
    end = count + max(50, round(STOPPING * count))
    return data.Rows(train[:count], train[count:end], train[end : end + MOST], "binary")


def run(folder, sets=None, families=None, seed=0):
    """Measure what is not measured yet: every family with the defaults of version 0.1 and with the automatic settings.

    Raises:
        ValueError: a set or a family is unknown.
        FileNotFoundError: the data are absent.
    """
    data.check_names("sets", sets, SETS)
    data.check_names("methods", families, {family for known in models.FAMILIES.values() for family in known})
    for name in sets or SETS:
        kind = "continuous" if SETS[name][0] in data.UCI else "binary"
        for settings in ("automatic", "before"):
            for family in families or models.FAMILIES[kind]:
                if family not in models.FAMILIES[kind]:
                    continue
                path = results.path_of(folder, "validation", name, family, settings)
                row = results.measured(path, functools.partial(_measure, name, family, settings, seed))
                print(
                    f"{name} {family} {settings}: {row['nll']:.3f} (independent {row['independent']:.3f}), {row['seconds']} s", flush=True
                )


def _measure(name, family, settings, seed):
    rows = rows_of(name)
    given = models.before(family, len(rows.train)) if settings == "before" else None
    model, found = models.trained(family, rows, seed, given)
    log_prob = models.log_probs(model, rows.test)
    error = float(log_prob.std(ddof=1) / np.sqrt(len(log_prob)))
    facts = {"set": name, "family": family, "which": settings, "training_rows": len(rows.train), "columns": rows.train.shape[1]}
    return {**facts, **found, "nll": -float(log_prob.mean()), "nll_error": error, "independent": -float(baselines.independent(rows).mean())}
