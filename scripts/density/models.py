"""Models of a suite: trained with the automatic settings, or with settings that were given by hand."""

import time

import keras
import numpy as np

import tfar
from tfar import automatic, config, training

FAMILIES = {"binary": ("logistic", "made", "nade", "neural", "deepnade", "nadek"), "continuous": ("rnade", "made", "nade", "neural")}
ORDERS = 16  # of an order-agnostic network, whose probabilities are averaged
BEFORE = {  # the defaults of version 0.1, for comparison: of every family, and of single ones
    "": {"epochs": 200, "batch_size": 100, "learning_rate": 1e-3, "schedule": "plateau", "weight_decay": 0.0, "l2": 0.0, "patience": 10},
    "logistic": {"learning_rate": 3e-3},
    "nade": {"hidden_units": 500},
    "rnade": {"hidden_units": 50, "weight_decay": 1.0},
    "neural": {"hidden_units": 16},
    "made": {"hidden_units": (2000,), "dropout": 0.0, "learning_rate": 3e-3, "weight_decay": 0.1},
    "deepnade": {"hidden_units": (500, 500), "dropout": 0.0, "patience": 20},
    "nadek": {"hidden_units": (500, 500), "dropout": 0.0, "patience": 20},
}


def before(family, rows):
    """The settings of version 0.1, whose epoch was one pass, or 100 steps where that is more."""
    settings = BEFORE[""] | BEFORE[family]
    return settings | {"epoch_steps": max(rows // min(settings["batch_size"], rows), 100)}


def trained(family, rows, seed, given=None):
    """A model that was trained on rows, and how: a dict of its settings, parameters, seconds, epochs and validation NLL.

    Args:
        family: on the command line.
        rows: `data.Rows`.
        seed: of the training.
        given: settings by hand, by name; the others are automatic.
    """
    group = config.FAMILIES[family]
    head = automatic.head_name(rows.kind)
    facts = automatic.Facts(len(rows.train), rows.train.shape[1], rows.kind)
    settings = automatic.choose(group, facts) | (given or {})
    own = {name: settings[name] for name in settings if name in config.settings_of(group)}
    keras.utils.set_random_seed(seed)
    mean = rows.train.mean(axis=0)
    model = tfar.models.build(family, rows.train.shape[1:], head, seed=seed, data_mean=mean, context_size=0, **own)
    chosen = {name: value for name, value in settings.items() if name not in own}
    began = time.perf_counter()
    fit = training.fit(model, rows.train, rows.validation, config.Training(seed=seed, **chosen))
    return model, {
        "settings": {name: value for name, value in settings.items() if value is not None},
        "parameters": model.count_params(),
        "seconds": round(time.perf_counter() - began, 1),
        "epochs": fit.epochs,
        "best_epoch": fit.best_epoch,
        "validation": min(fit.history["val_nll"]),
        "training": fit.history["nll"][fit.best_epoch - 1],
    }


def log_probs(model, x):
    """Log-probabilities `[N]`; of an order-agnostic network under the mean of `ORDERS` orders."""
    options = {"num_orders": ORDERS} if getattr(model.network, "order_agnostic", False) else {}
    return np.asarray(training.log_probs(model, x, 250, **options))
