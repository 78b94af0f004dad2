"""Fitting: best weights, stopping, schedules, and what is refused."""

import keras
import numpy as np
import pytest
from support.training import binary, logistic

import tfar
from tfar import training
from tfar.datasets import Split
from tfar.training import baselines


@pytest.mark.parametrize("schedule", ["plateau", "cosine", "constant"])
@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_fit_ends_with_the_best_weights(schedule, ema):
    train, validation = binary(), binary(seed=1)
    model = logistic()
    options = {"epochs": 4, "learning_rate": 0.3, "schedule": schedule, "ema": ema, "jit": False}
    fit = training.fit(model, train, validation, **options)
    assert fit.epochs == len(fit.history["val_nll"]) == 4 and not fit.interrupted and fit.seconds > 0
    assert training.evaluate(model, validation)["nll"] == pytest.approx(min(fit.history["val_nll"]), rel=1e-5)
    assert fit.best_epoch == 1 + int(np.argmin(fit.history["val_nll"]))
    independent = -baselines.baseline(model.head, train.x, validation.x).mean()
    assert min(fit.history["val_nll"]) < independent - 0.5


def test_fit_stops_when_nothing_improves():
    x = np.random.default_rng(0).integers(0, 2, (300, 4)).astype(np.int32)
    options = {"epochs": 60, "learning_rate": 0.1, "patience": 3, "schedule": "plateau", "l2": 0}
    fit = training.fit(logistic(4), Split(x[:50]), Split(x[50:]), jit=False, **options)
    assert fit.epochs == fit.best_epoch + 3 < 60
    assert len(set(np.float32(fit.history["learning_rate"]))) > 1  # the plateau was met by a lower rate first


@pytest.mark.parametrize(("family", "steps"), [("logistic", 25), ("none", 100)])
def test_an_epoch_of_few_rows_is_more_than_a_pass(family, steps, monkeypatch):
    model = logistic(4)
    if family == "none":  # a network of a user's own, for which there is no rule
        monkeypatch.setattr(type(model.network), "family", tfar.config.Family)
    training.fit(model, binary(30, 4), binary(10, 4), epochs=1, batch_size=10, jit=False)
    assert int(model.optimizer.iterations) == steps


def test_fit_with_a_context_and_xla():
    context = np.eye(2, dtype=np.float32)[np.arange(200) % 2]
    x = np.repeat(np.argmax(context, axis=-1)[:, None], 3, axis=1).astype(np.int32)
    split = Split(x, context)
    model = logistic(3, context_size=2)
    training.fit(model, split, split, epochs=3, learning_rate=0.1)
    assert training.evaluate(model, split)["nll"] < 0.3


def test_fit_repeats_itself():
    found = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        model = tfar.MADE([6], hidden_units=[8], direct=False)
        found.append(training.fit(model, binary(), binary(seed=1), epochs=2, jit=False, seed=5).history["val_nll"])
    assert found[0] == pytest.approx(found[1], rel=1e-6)


@pytest.mark.parametrize("name", ["epochs", "batch_size", "learning_rate", "patience"])
def test_fit_refuses_what_is_not_positive(name):
    with pytest.raises(ValueError, match=f"Received: {name}=0"):
        training.fit(logistic(), binary(), binary(), **{name: 0})


def test_a_schedule_and_a_batch_size_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="schedule must be one of plateau, cosine, constant. Received: schedule='Cosine'"):
        training.fit(logistic(), binary(), binary(), schedule="Cosine")
    with pytest.raises(ValueError, match="Received: batch_size=0"):
        training.evaluate(logistic(), binary(), batch_size=0)


def test_fit_refuses_values_outside_the_support():
    with pytest.raises(ValueError, match="Received: 2"):
        training.fit(logistic(), Split(np.full((5, 6), 2, np.int32)), binary())


def test_a_diverging_training_stops_and_keeps_finite_weights():
    def spoil(epoch, logs):
        if epoch == 2:
            model.network.trainable_variables[0].assign(np.full(model.network.trainable_variables[0].shape, np.nan))

    model = logistic()
    callback = keras.callbacks.LambdaCallback(on_epoch_begin=spoil)
    fit = training.fit(model, binary(), binary(seed=1), epochs=5, jit=False, ema=0.0, callbacks=[callback])
    assert fit.epochs == 3 and 1 <= fit.best_epoch <= 2
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_a_training_that_diverges_at_once_is_an_error():
    x = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    model = logistic(3, head="normal")
    with pytest.raises(ValueError, match="diverged in its first epoch.* Received: val_nll=inf, learning_rate=0.01"):
        training.fit(model, Split(x), Split(np.full((4, 3), 1e30, np.float32)), epochs=5, learning_rate=0.01, jit=False)


@pytest.mark.parametrize(("train", "held", "message"), [(0, 5, "0 and 5"), (5, 0, "5 and 0")])
def test_fit_refuses_a_split_without_rows(train, held, message):
    x = binary().x
    with pytest.raises(ValueError, match=f"there must be rows to train on and to validate with. Received: {message}"):
        training.fit(logistic(), Split(x[:train]), Split(x[:held]), epochs=1)


@pytest.mark.parametrize(
    "name, wrong", {"learning_rate": (0.0, np.inf), "weight_decay": (-1.0, np.nan), "ema": (-0.5, 1.0), "clip": (0.0, np.nan)}.items()
)
def test_numbers_of_the_optimizer_that_make_no_sense_are_refused(name, wrong):
    for value in wrong:
        with pytest.raises(ValueError, match=f"^{name} must be .* Received: .*{name}={value!r}"):
            training.fit(logistic(), binary(), binary(), jit=False, **{name: value})
