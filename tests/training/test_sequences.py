"""Truncated backpropagation through time, and scores per character."""

import keras
import numpy as np
import pytest
from support.texts import LETTERS, ruled_text, scored, text_model
from support.training import Kill, Killed

import tfar
from tfar import training
from tfar.training import loop
from tfar.training.checkpoints import Checkpoint


@pytest.fixture(scope="module")
def model():
    return text_model()


@pytest.fixture(scope="module")
def text():
    return ruled_text()


def test_evaluate(model, text):
    scores = training.evaluate(model, text[:5500], streams=2)
    nats = -scored(model.network, model.head, text[:5500], 2).astype(np.float64)
    assert scores["characters"] == 5500 and scores["nll"] == pytest.approx(nats.mean())
    assert scores["bits_per_character"] == pytest.approx(scores["nll"] / np.log(2))
    means = [part.mean() for part in np.array_split(nats, 5)]
    assert scores["nll_error"] == pytest.approx(np.std(means, ddof=1) / 5**0.5)
    with pytest.raises(ValueError, match="Received: none"):
        training.evaluate(model, text[:0])
    with pytest.raises(ValueError, match="at least one character. Received: an empty one"):
        model.log_prob(["ab", ""])


@pytest.mark.parametrize("carry", [False, True])
def test_training_learns_the_rule(text, carry):
    keras.utils.set_random_seed(1)
    model = tfar.CharRNN(LETTERS, units=16, num_layers=1, dropout=0.0)
    options = {"sequence_length": 20, "batch_size": 16, "epochs": 3, "learning_rate": 0.02, "jit": False, "carry": carry}
    fit = training.fit(model, text[:5000], text[5000:], **options)
    assert min(fit.history["val_nll"]) < np.log(2) + 0.05  # the rule leaves one bit, whatever came before
    assert training.evaluate(model, text[5000:])["nll"] < np.log(2) + 0.05


def test_carried_states_are_those_of_the_whole_text(text):
    model = text_model()
    rows, length, steps = 4, 10, 30
    options = {"sequence_length": length, "batch_size": rows, "epochs": 2, "epoch_steps": steps, "learning_rate": 1e-12}
    options |= {"jit": False, "ema": 0, "start": False, "schedule": "constant"}
    codes = text[: rows * (length * steps + 9)]
    expected = [scored(model.network, model.head, part[: length * steps], 1).mean() for part in codes.reshape(rows, -1)]
    fit = training.fit(model, codes, text[:100], **options)
    assert fit.history["nll"] == pytest.approx([-np.mean(expected)] * 2, rel=1e-4)  # each pass begins anew
    cut = training.fit(model, codes, text[:100], **options, carry=False)
    assert abs(cut.history["nll"][0] + np.mean(expected)) > 1e-3


def test_a_training_that_is_interrupted_carries_no_more(text):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 3:
                raise KeyboardInterrupt

    model = text_model()
    options = {"sequence_length": 20, "batch_size": 4, "jit": False}
    assert training.fit(model, text, text[:100], callbacks=[Stop()], **options).interrupted
    model.fit(text[:96].reshape(8, 12), batch_size=8, verbose=0)  # another number of rows


@pytest.mark.parametrize("carry", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_killed_training_goes_on_as_if_nothing_had_been(text, tmp_path, monkeypatch, carry):
    monkeypatch.setattr(loop, "Checkpoint", lambda *args: Checkpoint(*args, every=0.0))

    def train(name, **options):
        keras.utils.set_random_seed(1)
        model = tfar.CharRNN(LETTERS, units=8, num_layers=2, dropout=0.3)
        options |= {"sequence_length": 20, "batch_size": 16, "epochs": 4, "epoch_steps": 10, "jit": False, "carry": carry}
        training.fit(model, text[:5000], text[5000:], checkpoint=tmp_path / name, **options)
        return model.get_weights()

    expected = train("whole.npz")
    with pytest.raises(Killed):
        train("killed.npz", callbacks=[Kill(25)])
    for one, other in zip(train("killed.npz"), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_refuses_what_cannot_be(text):
    with pytest.raises(ValueError, match="Received: context_size=2"):
        training.fit(text_model(context_size=2), text, text)
    with pytest.raises(ValueError, match="validation must have"):
        training.fit(text_model(), text, text[:0])
    with pytest.raises(ValueError, match="Received: 10"):
        training.fit(text_model(), text[:10], text, sequence_length=20)
    with pytest.raises(ValueError, match="Received: sequence_length=0"):
        training.fit(text_model(), text, text, sequence_length=0)
