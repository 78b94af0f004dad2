"""Callbacks of Keras in `tfar.training.fit`: they see what they see in Keras' own `fit`."""

import csv

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.pictures import events
from support.training import binary, logistic

from tfar import training

CALLBACKS = keras.callbacks
EPOCHS, STEPS = 3, 6


def fit(*callbacks, model=None, **options):
    model = model or logistic()
    options = {"epochs": EPOCHS, "epoch_steps": STEPS, "jit": False, "schedule": "constant", **options}
    return model, training.fit(model, binary(), binary(seed=1), callbacks=callbacks, **options)


class Spy(CALLBACKS.Callback):
    """Writes down which hooks are called."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_begin(self, logs=None):
        self.calls.append(("train begin", self.params["epochs"], self.params["steps"]))

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(("epoch begin", epoch))

    def on_test_begin(self, logs=None):
        self.calls.append(("test begin",))

    def on_test_end(self, logs=None):
        self.calls.append(("test end", *sorted(logs)))

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(("epoch end", epoch, *sorted(logs)))

    def on_train_end(self, logs=None):
        self.calls.append(("train end", *sorted(logs)))


def test_the_hooks_are_those_of_keras():
    """But for the hooks of validation batches, all of which are scored in one call."""
    spies = Spy(), Spy()
    model, _ = fit(spies[0], epochs=2)
    stream = training.batches(binary(), 100)
    model.fit(stream, steps_per_epoch=STEPS, epochs=2, validation_data=(binary(seed=1).x,), callbacks=[spies[1]], verbose=0)
    assert spies[0].calls == spies[1].calls


def test_batches_are_told_of_one_by_one_where_a_callback_asks():
    seen = []
    watch = CALLBACKS.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append((batch, sorted(logs))))
    fit(watch)
    assert seen == [(batch, ["bits_per_dim", "loss", "nll"]) for _ in range(EPOCHS) for batch in range(STEPS)]


def test_no_steps_are_taken_singly_for_callbacks_of_epochs(tmp_path, monkeypatch):
    counts = []
    train = training.loop.Steps.train
    monkeypatch.setattr(training.loop.Steps, "train", lambda self, *args: counts.append(args[-1]) or train(self, *args))
    fit(CALLBACKS.TensorBoard(tmp_path), CALLBACKS.ModelCheckpoint(tmp_path / "m.keras"), epoch_steps=40)
    assert max(counts) > 1
    counts.clear()
    fit(CALLBACKS.TensorBoard(tmp_path, update_freq=1), epochs=1)
    assert set(counts) == {1}


@pytest.mark.parametrize("options", [{}, {"update_freq": 1, "write_steps_per_second": True, "histogram_freq": 1}])
def test_tensorboard(tmp_path, options):
    pytest.importorskip("tensorboard")
    fit(CALLBACKS.TensorBoard(tmp_path, **options))
    assert {("epoch_nll", EPOCHS - 1), ("epoch_learning_rate", 0)} <= set(events(tmp_path / "train"))
    assert ("epoch_nll", EPOCHS - 1) in events(tmp_path / "validation")
    assert (("batch_nll", 2) in events(tmp_path / "train")) == bool(options)


def test_csv_logger_and_learning_rate_scheduler(tmp_path):
    rate = CALLBACKS.LearningRateScheduler(lambda epoch, rate: rate / 2)
    model, found = fit(rate, CALLBACKS.CSVLogger(tmp_path / "log.csv"), learning_rate=0.1)
    with open(tmp_path / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    np.testing.assert_allclose([float(row["learning_rate"]) for row in rows], [0.05, 0.025, 0.0125], rtol=1e-6)
    np.testing.assert_allclose([float(row["val_nll"]) for row in rows], found.history["val_nll"], rtol=1e-6)
    assert float(model.optimizer.learning_rate.numpy()) == pytest.approx(0.0125)  # which the compiled steps read


def test_a_rate_that_a_callback_sets_is_that_of_the_steps():
    still = CALLBACKS.LearningRateScheduler(lambda epoch, rate: 0.0)
    model = logistic()
    before = [weight.copy() for weight in model.get_weights()]
    fit(still, model=model, start=False)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_reduce_learning_rate_on_plateau():
    lower = CALLBACKS.ReduceLROnPlateau("val_loss", factor=0.1, patience=1, min_delta=100.0)
    model, _ = fit(lower, learning_rate=0.1)
    assert float(model.optimizer.learning_rate.numpy()) == pytest.approx(0.001)


def test_model_checkpoint(tmp_path):
    whole = CALLBACKS.ModelCheckpoint(tmp_path / "model-{epoch}.keras", monitor="val_loss", save_best_only=True)
    weights = CALLBACKS.ModelCheckpoint(tmp_path / "{epoch}-{batch}.weights.h5", save_weights_only=True, save_freq=4)
    _, found = fit(whole, weights, learning_rate=0.1)
    best = keras.saving.load_model(tmp_path / f"model-{found.best_epoch}.keras")
    assert training.evaluate(best, binary(seed=1))["nll"] == pytest.approx(min(found.history["val_nll"]), rel=1e-5)
    assert len(list(tmp_path.glob("*.weights.h5"))) == EPOCHS * STEPS // 4


def test_early_stopping_ends_the_training_and_the_best_weights_are_ours():
    stop = CALLBACKS.EarlyStopping("nll", mode="max", patience=1, restore_best_weights=True)  # restores those of the first epoch
    model, found = fit(stop, epochs=10, learning_rate=0.1)
    assert found.epochs == found.best_epoch == 2
    assert training.evaluate(model, binary(seed=1))["nll"] == pytest.approx(min(found.history["val_nll"]), rel=1e-5)


def test_a_callback_stops_the_training_within_an_epoch():
    def stop(batch, logs):
        model.stop_training = batch == 2

    model = logistic()
    _, found = fit(CALLBACKS.LambdaCallback(on_train_batch_end=stop), model=model)
    assert found.epochs == 1 and int(model.optimizer.iterations) == 3


def spoiled_at(step):
    """A model one of whose weights becomes NaN after a step, and the callback that does it."""
    model = logistic()

    def spoil(batch, logs):
        if int(model.optimizer.iterations) == step:
            weight = model.network.trainable_variables[0]
            weight.assign(tf.fill(weight.shape, np.nan))

    return model, CALLBACKS.LambdaCallback(on_train_batch_end=spoil)


def test_terminate_on_nan(capsys):
    model, spoil = spoiled_at(STEPS + 2)
    with pytest.warns(UserWarning, match="ends in epoch 2, in which the loss of a step was not finite"):
        _, found = fit(spoil, CALLBACKS.TerminateOnNaN(), model=model, ema=0.0)
    assert found.epochs == 2 and found.best_epoch == 1
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert "Batch 2: Invalid loss" in capsys.readouterr().out
    model, spoil = spoiled_at(2)
    with pytest.raises(RuntimeError, match="NaN or Inf loss"):
        fit(spoil, CALLBACKS.TerminateOnNaN(raise_error=True), model=model, ema=0.0)
