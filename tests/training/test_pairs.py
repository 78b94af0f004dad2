"""`fit` and `evaluate` take rows as people have them: x, (x, context), lists, and DataFrames."""

import keras
import numpy as np
import pandas as pd
import pytest
from support.training import binary, logistic

from tfar import training

FEW = {"epochs": 2, "epoch_steps": 10, "jit": False}


@pytest.fixture(scope="module")
def rows():
    x = binary().x
    return x, np.eye(2, dtype=np.float32)[x[:, 0]]


def trained(data, **options):
    keras.utils.set_random_seed(0)
    model = logistic(context_size=2 if isinstance(data, tuple | list | dict) else 0)
    return training.fit(model, data, data, **FEW, **options).history, training.evaluate(model, data)["nll"]


def test_a_pair_is_rows_and_their_context(rows, tmp_path):
    x, context = rows
    fast = {"learning_rate": 0.1}
    history, nll = trained((x, context), checkpoint=tmp_path / "c.npz", **fast)
    assert min(history["val_nll"]) == pytest.approx(nll, rel=1e-5)
    assert trained([x, context], **fast)[0] == history
    assert trained({"x": x, "context": context}, **fast)[0] == history
    assert trained((pd.DataFrame(x), pd.DataFrame(context)), **fast)[0] == history
    assert nll < trained(x, **fast)[1] - 0.1  # the context is the first value


def test_a_frame_of_numbers_is_rows(rows):
    assert trained(pd.DataFrame(rows[0])) == trained(rows[0])


def test_contexts_of_another_shape_are_refused(rows):
    x, context = rows
    for wrong in (x[:, 0], context[:5]):
        for use in (
            lambda data: training.fit(logistic(context_size=2), data, data, **FEW),
            lambda data: training.evaluate(logistic(), data),
        ):
            with pytest.raises(ValueError, match=r"context must be \[200, C\], .*one_hot makes them of labels. Received: shape \("):
                use((x, wrong))
