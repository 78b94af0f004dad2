"""Training again on training and validation rows together."""

import numpy as np
import pytest
from support.training import binary, logistic

from tfar import training
from tfar.config import Training
from tfar.training.refit import refit


@pytest.mark.parametrize(
    ("schedule", "ema", "rate", "rows", "batch_size", "steps"), [("plateau", 0.0, 0.5, 100, 5, 20), ("cosine", 0.9, 0.1, 30, 30, 8)]
)
def test_refit_repeats_the_training_up_to_its_best_epoch_on_more_rows(schedule, ema, rate, rows, batch_size, steps):
    train, validation, model = binary(rows), binary(300, seed=1), logistic()
    options = {"epochs": 20, "epoch_steps": steps, "batch_size": batch_size, "learning_rate": rate, "patience": 4}
    settings = Training(**options, schedule=schedule, ema=ema, l2=0.0, jit=False)
    first = model.get_weights()
    fit = training.fit(model, train, validation, settings)
    best, nll = model.get_weights(), training.evaluate(model, validation)["nll"]
    assert 1 < fit.best_epoch < fit.epochs
    if schedule == "plateau":
        assert len(set(fit.history["learning_rate"][: fit.best_epoch])) > 1  # which are to be repeated
    refit(model, first, train, validation.take(slice(0)), fit, settings)
    for found, expected in zip(model.get_weights(), best, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)  # averages are swapped by adding and subtracting
    refit(model, first, train, validation, fit, settings)
    assert training.evaluate(model, validation)["nll"] < nll
