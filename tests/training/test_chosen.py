"""Automatic settings in Python: the same rule as the command's, and good on few rows."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.training import Kill, Killed, binary, logistic

import tfar
from tfar import automatic, config, heads, training
from tfar.datasets import Split
from tfar.training import baselines, loop
from tfar.training.checkpoints import Checkpoint
from tfar.training.chosen import for_model, kind_of


def test_the_kind_of_a_model_is_that_of_its_head():
    for head, kind in {"bernoulli": "binary", heads.Categorical(3): "categorical", "normal_mixture": "continuous"}.items():
        assert kind_of(tfar.MADE([4], head, hidden_units=[4])) == kind
    columns = heads.Columns([heads.Categorical(3), "bernoulli"])
    assert kind_of(tfar.models.model_of(tfar.networks.MADE, [2], columns, hidden_units=[4])) == "table"
    assert kind_of(tfar.CharRNN("helo", units=4, num_layers=1)) == "text"


def test_fit_uses_the_rule_of_the_family_and_the_rows(monkeypatch):
    taken = []
    monkeypatch.setattr(loop, "run", lambda model, feed, settings, **options: taken.append(settings))
    rows = binary(60)
    training.fit(logistic(), rows, rows, patience=3)
    expected = automatic.choose(config.LogisticAutoregressive, automatic.Facts(60, 6, "binary"))
    assert {name: getattr(taken[0], name) for name in expected} == expected | {"patience": 3}
    stream = tf.data.Dataset.from_tensor_slices(rows.x)
    training.fit(logistic(), stream, rows, patience=3)
    assert taken[1] == taken[0] == for_model(config.Training(patience=3), logistic(), 60)


def wide(rows, seed):
    """500 columns in groups of five, each column its group's bit, which is flipped in a tenth of the cells."""
    rng = np.random.default_rng(seed)
    group = rng.random((rows, 100, 1)) < 0.3
    return Split((group ^ (rng.random((rows, 100, 5)) < 0.1)).reshape(rows, 500).astype(np.int32))


def test_few_rows_of_many_columns_end_better_than_independent_columns():
    """With steps of 100 rows, 100 to an epoch and no penalty, the best epoch was the first, and worse than independent columns."""
    train, validation, others = wide(100, 0), wide(40, 1), wide(300, 2)
    keras.utils.set_random_seed(1)
    model = logistic(500)
    fit = training.fit(model, train, validation, epochs=24, jit=False)
    log_prob = training.log_probs(model, others)
    better = log_prob - baselines.baseline(model.head, train.x, others.x)
    assert fit.best_epoch > 1
    assert better.mean() > 4 * better.std() / np.sqrt(len(better))  # a false alarm in 30,000 where they are equal


def test_the_penalty_is_that_of_a_normal_prior():
    """A gradient step at rate r on zeros' loss moves a kernel by -r l2 / N w; a bias by none of it."""
    moved = {}
    for l2 in (0.0, 40.0):
        keras.utils.set_random_seed(2)
        model = tfar.MADE([6], hidden_units=[3])
        before = [w.numpy() for w in model.trainable_variables]
        feed = loop.array_feed(model, binary(80), binary(20), for_model(config.Training(batch_size=20), model, 80), False)
        steps = loop.prepare_steps(model, feed, for_model(config.Training(l2=l2, jit=False), model, 80), 1)
        _, gradients = steps._gradients(next(iter(feed.batches(0))), tf.constant(0, tf.int64))
        moved[l2] = [gradient.numpy() for gradient in gradients]
    for variable, weight, without, penalised in zip(model.trainable_variables, before, *moved.values(), strict=True):
        share = 0.0 if len(variable.shape) < 2 else 40.0 / 80
        np.testing.assert_allclose(penalised - without, share * weight, atol=1e-5, err_msg=variable.path)


def test_a_training_is_resumed_with_the_same_values_whether_chosen_or_given(monkeypatch, tmp_path):
    monkeypatch.setattr(loop, "Checkpoint", lambda *args: Checkpoint(*args, every=0.0))
    options = {"epochs": 4, "epoch_steps": 10, "jit": False, "checkpoint": tmp_path / "checkpoint.npz"}
    rows = binary(), binary(seed=1)
    with pytest.raises(Killed):
        training.fit(logistic(), *rows, callbacks=[Kill(35)], **options)
    with pytest.raises(ValueError, match="l2 was 1.5, is 0.0"):
        training.fit(logistic(), *rows, l2=0.0, **options)
    assert training.fit(logistic(), *rows, l2=1.5, **options).epochs == 4
