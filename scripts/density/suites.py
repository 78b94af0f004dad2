"""The suites: which sets, which methods, and the best that is published."""

import functools
import time

import numpy as np

from density import baselines, data, models, results

SETS = {"debd": data.DEBD, "uci": tuple(data.UCI)}
KINDS = {"debd": "binary", "uci": "continuous"}
PUBLISHED = {  # NLL in nats, lower is better, and whose it is
    "debd": {
        "nltcs": (5.999, "HCLT, regularised, 2021"),
        "plants": (12.67, "gated HCLT, 2026"),
        "jester": (52.38, "HCLT, regularised, 2021"),
        "accidents": (26.55, "gated HCLT, 2026"),
        "baudio": (39.62, "gated HCLT, 2026"),
        "bnetflix": (56.21, "gated HCLT, 2026"),
    },
    "uci": {
        "red_wine": (9.36, "RNADE-MoG, 2013"),
        "white_wine": (10.23, "RNADE-MoG, 2013"),
        "parkinsons": (0.71, "FVBN, 2013"),
        "ionosphere": (2.50, "RNADE-MoG, 2013"),
        "boston": (0.64, "RNADE-MoG, 2013"),
    },
}
SEED = 0


def methods(suite):
    """The names of the baselines and of the families of a suite, the cheap ones first."""
    kind = KINDS[suite]
    return [*baselines.of_kind(kind), *models.FAMILIES[kind]]


def run(folder, suite, sets=None, chosen=None, tuned=None):
    """Measure the rows of a suite that have not been measured.

    Raises:
        ValueError: a set or a method is unknown.
        FileNotFoundError: the data are absent.
    """
    data.check_names("sets", sets, SETS[suite])
    data.check_names("methods", chosen, methods(suite))
    for name in sets or SETS[suite]:
        for method in chosen or methods(suite):
            given = None if method not in models.FAMILIES[KINDS[suite]] else (tuned or {}).get(name, {}).get(method)
            if tuned and given is None:
                continue
            label = method if given is None else f"{method}-tuned"
            path = results.path_of(folder, suite, name, label)
            row = results.measured(path, functools.partial(_measure, suite, name, method, given))
            print(f"{name} {label}: {row['nll']:.3f} +- {row['nll_error']:.3f}, {row['seconds']} s", flush=True)


def _measure(suite, name, method, given):
    row = {"suite": suite, "set": name, "method": method if given is None else f"{method}-tuned"}
    if suite == "debd":
        return row | _of_rows(data.debd(name), method, given)
    parts = [_of_rows(data.fold(name, number), method, given) for number in range(data.FOLDS)]
    nll = np.array([part["nll"] for part in parts])
    looks = [{"finished": part["test_looks"][0]["finished"], "nll": part["nll"], "fold": k} for k, part in enumerate(parts)]
    seconds = round(sum(part["seconds"] for part in parts), 1)
    row |= {key: parts[0][key] for key in ("settings", "parameters") if key in parts[0]} | {"seconds": seconds}
    return row | {"nll": nll.mean(), "nll_error": nll.std(ddof=1) / len(nll) ** 0.5, "folds": len(nll), "test_looks": looks}


def _of_rows(rows, method, given):
    began, found = time.perf_counter(), {}
    if method in models.FAMILIES[rows.kind]:
        model, found = models.trained(method, rows, SEED, given)
        log_prob = models.log_probs(model, rows.test)
    else:
        log_prob = baselines.of_kind(rows.kind)[method](rows)
    return {"seconds": round(time.perf_counter() - began, 1)} | found | results.scores(log_prob)
