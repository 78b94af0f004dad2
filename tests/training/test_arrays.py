"""Batches of arrays, and scores row by row."""

import math

import numpy as np
import pytest
from support.training import binary, logistic

import tfar
from tfar import training
from tfar.datasets import Split
from tfar.training import arrays


def test_evaluate_is_the_mean_of_log_prob():
    model, split = logistic(), binary()
    scores = training.evaluate(model, split, batch_size=64)
    log_prob = model.log_prob(split.x).numpy()
    assert scores["rows"] == 200 and scores["nll"] == pytest.approx(-log_prob.mean(), rel=1e-5)
    assert scores["nll_error"] == pytest.approx(log_prob.std(ddof=1) / math.sqrt(200), rel=1e-4)
    assert scores["bits_per_dim"] == pytest.approx(scores["nll"] / 6 / math.log(2))
    with pytest.raises(ValueError, match="Received: no rows"):
        training.evaluate(model, Split(np.zeros((0, 6), np.int32)))


def test_batches_pass_over_all_rows_and_can_begin_anywhere():
    split = Split(np.arange(20)[:, None], np.arange(20)[:, None].astype(np.float32))
    take = lambda start, count: [x.numpy()[:, 0] for x, _ in training.batches(split, 6, seed=4, start=start).take(count)]  # noqa: E731
    passes = np.concatenate(take(0, 10)).reshape(3, 20)
    assert all(sorted(one) == list(range(20)) for one in passes) and not (passes[0] == passes[1]).all()
    np.testing.assert_array_equal(take(7, 3), take(0, 10)[7:])
    assert not (passes[0] == np.concatenate([x.numpy()[:, 0] for x, _ in training.batches(split, 20, seed=5).take(1)])).all()


def test_batches_do_not_depend_on_how_many_are_made_together(monkeypatch):
    take = lambda start: [x.numpy() for x in training.batches(np.arange(500)[:, None], 9, seed=4, start=start).take(130)]  # noqa: E731
    together = take(3)
    monkeypatch.setattr(arrays, "TOGETHER", 1)
    np.testing.assert_array_equal(together, take(3))


@pytest.mark.parametrize("jit", [False, True])
def test_scoring_refuses_what_the_model_does_not_know(jit):
    values, x = np.full([5, 4], 2, np.int32), np.zeros([5, 4], np.int32)
    model = logistic(4)
    model.compile("adam", jit_compile=jit)
    with pytest.raises(ValueError, match="values must be 0 or 1. Received: 2"):
        training.evaluate(model, Split(values))
    with pytest.raises(ValueError, match="values must be 0 or 1. Received: 2"):
        training.evaluate(tfar.DeepNADE([4], hidden_units=[4]), Split(values), num_orders=2)
    model = logistic(4, context_size=2)
    model.compile("adam", jit_compile=jit)
    with pytest.raises(ValueError, match="context must be finite numbers. Received: nan"):
        training.evaluate(model, Split(x, np.full([5, 2], np.nan, np.float32)))
