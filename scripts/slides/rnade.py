"""RNADE: the lecture's table with t-tests, and conditional densities."""

import itertools
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from slides import factors
from slides.protocol import COLOURS, DATA, data, figure, number, plain, result_of, shipped, table

FOLDS, LEVEL = 10, 0.05
COMPONENTS, FACTORS, LEAST_NOISE = (2, 5, 10, 20, 50), (2, 6), 1e-3  # of the mixtures of factor analysers; variances, standardised
COLUMNS, LINES = (1, 4, 7, 10), 3  # columns of red wine, and test rows, whose conditional densities are drawn


class Set(NamedTuple):
    """A data set of the table.

    Attributes:
        title: in the page.
        source: its name as data.
        published: log-likelihoods of Gaussian, MFA, FVBN, MoG and MoL (Uria et al. 2013, table 1).
    """

    title: str
    source: str
    published: tuple[float, ...]


SETS = {
    "red_wine": Set("Red wine", "wine_quality/red", (-13.18, -10.19, -11.03, -9.36, -9.46)),
    "white_wine": Set("White wine", "wine_quality/white", (-13.20, -10.73, -10.52, -10.23, -10.38)),
    "parkinsons": Set("Parkinsons", "parkinsons_telemonitoring", (-10.85, -1.99, -0.71, -0.90, -2.63)),
    "ionosphere": Set("Ionosphere", "ionosphere", (-41.24, -17.55, -26.55, -2.50, -5.87)),
    "boston": Set("Boston housing", "boston_housing", (-11.37, -4.54, -3.41, -0.64, -4.04)),
}
MODELS = ("Gaussian", "MFA", "RNADE-MoG", "RNADE-MoL")


def run(lecture):
    """Measure and draw."""
    settings = {"components": list(COMPONENTS), "factors": list(FACTORS), "least_noise": LEAST_NOISE}
    sets = {}
    for name, one in SETS.items():
        fitted = lecture.training("rnade", name, settings, lambda one=one: rivals(one.source), minutes=2)
        folds = {"Gaussian": fitted["gaussian"], "MFA": fitted["mfa"]}
        for model, head in (("RNADE-MoG", "mog"), ("RNADE-MoL", "mol")):
            folds[model] = [-nll for nll in result_of(f"rnade-{name}-{head}")["folds"]]
        sets[name] = {"rows": fitted["rows"], "dim": fitted["dim"], "chosen": fitted["chosen"], "folds": folds}
    lecture.part("rnade", "table", {"sets": sets}, lambda: {"worse": {name: worse(part["folds"]) for name, part in sets.items()}})
    fvbn = {
        name: lecture.training("rnade", f"{name}, FVBN", {"folds": FOLDS}, lambda one=one: linear(one.source), 2)
        for name, one in SETS.items()
    }
    lecture.part("rnade", "fvbn", {"log_probs": {name: part["log_probs"] for name, part in fvbn.items()}}, dict)
    lecture.draw("rnade-conditionals", of_conditionals())


def regions(found):
    """The tables of the page."""
    sets, significant = found["table"]["sets"], found["table"]["worse"]
    rows, published, chosen = [], [], []
    for name, one in SETS.items():
        part = sets[name]
        means = {model: np.mean(values) for model, values in part["folds"].items()}
        cells = [number(mean) if significant[name][model] else f"**{number(mean)}**" for model, mean in means.items()]
        rows.append((one.title, part["dim"], f"{part['rows']:,}", *cells))
        published.append((one.title, *map(number, one.published)))
        chosen.append(f"{one.title} {part['chosen'][0]} x {part['chosen'][1]}")
    linear_folds = found["fvbn"]["log_probs"]
    apart = max(np.abs(np.subtract(linear_folds[name], part["folds"]["Gaussian"])).max() for name, part in sets.items())
    return {
        "table": table(["data", "dim", "size", *MODELS], rows),
        "fvbn": f"Largest difference between the two in the {FOLDS * len(SETS)} folds: {apart:.1e} nats.",
        "published": table(["data", "Gaussian", "MFA", "FVBN", "RNADE-MoG", "RNADE-MoL"], published),
        "chosen": f"Components x factors: {', '.join(chosen)}.",
    }


def rivals(source):
    """Mean test log-likelihoods of ten folds of the Gaussian and of mixtures of factor analysers.

    The size of the mixture is the one of the best validation rows of fold 0. Each fold is then fitted to all rows but its test rows.
    """
    sizes = list(itertools.product(COMPONENTS, FACTORS))
    first = data(source, fold=0)
    x, validation = (np.asarray(split.x, np.float64) for split in (first.train, first.validation))
    scores = [factors.fit(x, *size, LEAST_NOISE).log_prob(validation).mean() for size in sizes]
    chosen, gaussian, mfa = sizes[int(np.argmax(scores))], [], []
    for fold in range(FOLDS):
        part = data(source, fold=fold)
        x = np.concatenate([part.train.x, part.validation.x]).astype(np.float64)
        test = np.asarray(part.test.x, np.float64)
        gaussian.append(normal_log_prob(x, test))
        mfa.append(float(factors.fit(x, *chosen, LEAST_NOISE).log_prob(test).mean()))
    rows = sum(len(split.x) for split in (first.train, first.validation, first.test))
    return {"rows": rows, "dim": x.shape[1], "chosen": list(chosen), "gaussian": gaussian, "mfa": mfa}


def normal_log_prob(x, test):
    """Mean log-likelihood of test rows under the normal with the mean and covariance of the training rows."""
    spread = np.linalg.cholesky(np.cov(x.T, bias=True))
    return float(tfd.MultivariateNormalTriL(x.mean(axis=0), spread).log_prob(test).numpy().mean())


def linear(source):
    """Mean test log-likelihoods of ten folds of an FVBN with linear means, fitted to all rows but the test rows."""
    folds = [data(source, fold=fold) for fold in range(FOLDS)]
    known = [np.concatenate([part.train.x, part.validation.x]).astype(np.float64) for part in folds]
    return {"log_probs": [linear_log_prob(x, part.test.x) for x, part in zip(known, folds, strict=True)]}


def linear_log_prob(x, test):
    """Mean log-likelihood of test rows under normal conditionals with means linear in the columns before, by least squares on rows x."""
    total = 0.0
    for column in range(x.shape[1]):
        design, given = (np.concatenate([np.ones([len(rows), 1]), rows[:, :column]], axis=1) for rows in (x, test))
        weights = np.linalg.lstsq(design, x[:, column], rcond=None)[0]
        spread = (x[:, column] - design @ weights).std()
        total += tfd.Normal(given @ weights, spread).log_prob(np.asarray(test[:, column], np.float64)).numpy().mean()
    return float(total)


def worse(folds):
    """Which models are significantly worse than the best, by a paired t-test on the means of the folds.

    The null hypothesis is that a model is as good as the best; the test is two-sided at LEVEL, as in the paper's table.

    >>> worse({"a": [1.0, 2.0, 3.0], "b": [0.9, 2.2, 2.8], "c": [0.1, 0.9, 2.0]})
    {'a': False, 'b': False, 'c': True}
    """
    best = max(folds, key=lambda model: np.mean(folds[model]))
    return {model: model != best and p_value(np.subtract(folds[best], values)) < LEVEL for model, values in folds.items()}


def p_value(differences):
    """The two-sided p-value of a t-test that a mean is zero.

    >>> round(p_value([1.0, 2.0, 3.0]), 4)  # t = 3.464 with 2 degrees of freedom
    0.0742
    """
    count = len(differences)
    t = np.mean(differences) / (np.std(differences, ddof=1) / count**0.5)
    return float(2 * tfd.StudentT(np.float64(count - 1), np.float64(0), np.float64(1)).survival_function(abs(t)))


def of_conditionals():
    """Draw p(x_d | x_<d) of some columns of red wine, of a few test rows, by both heads."""
    wine = data("wine_quality/red", fold=0)
    picture = figure(10, 5.2)
    panels = picture.subplots(2, len(COLUMNS), sharex="col")
    grid = np.linspace(-3, 4, 400).astype(np.float32)
    for row, (head, title) in enumerate((("mog", "normals"), ("mol", "Laplaces"))):
        model = shipped(f"rnade-red_wine-{head}")
        for column, dimension in enumerate(COLUMNS):
            axes = panels[row, column]
            axes.hist(np.asarray(wine.train.x)[:, dimension], bins=60, range=(-3, 4), density=True, color=DATA, alpha=0.35)
            for x, colour in zip(np.asarray(wine.test.x)[:LINES], COLOURS, strict=False):
                rows = np.repeat(x[None].astype(np.float32), len(grid), axis=0)
                rows[:, dimension] = grid
                density = tf.exp(model.distribution().position_log_prob(rows)[:, dimension]).numpy()
                axes.plot(grid, density, color=colour, linewidth=1.2)
                axes.plot(x[dimension], 0, "^", color=colour, markersize=8, clip_on=False)
            axes.set_ylim(0, 2.5)
            axes.set_yticks([])
            plain(axes)
            if row:
                axes.set_xlabel(wine.columns[dimension] if wine.columns else f"x{dimension + 1}")
            if not column:
                axes.set_ylabel(f"density, mixture of {title}")
    return picture
