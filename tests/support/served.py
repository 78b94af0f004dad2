"""The models that the tests of serving export, and requests to them."""

import numpy as np
import pytest

import tfar
from support.cases import context_of, discrete
from tfar import noise
from tfar.datasets import Vocabulary
from tfar.testing import randomize

VECTORS = ["logistic", "made-deep", "made-categorical", "made-ensemble", "neural", "nade", "rnade", "deepnade", "nadek"]
IMAGES = ["pixelcnn", "gated-pixelcnn", "row-lstm", "diagonal-bilstm"]
FAMILIES = VECTORS + IMAGES
LETTERS = "athenïv日本🎉 "  # of one to four bytes
TEXTS = {
    "characters": lambda: tfar.CharRNN(LETTERS, units=8, num_layers=1, embedding=3, dropout=0.0),
    "bytes": lambda: tfar.CharRNN(Vocabulary.bytes(), cell="gru", units=8, num_layers=1, embedding=4, context_size=2, dropout=0.0),
}
ENDPOINTS = {  # and their inputs, beside the context
    "values": {"log_prob": ["x"], "sample": ["seed"], "complete": ["x", "observed", "seed"]},
    "text": {"log_prob": ["text"], "sample": ["prompt", "seed", "length", "temperature"]},
}
ROWS = 6
GROUPINGS = ([[0], [1], [2], [3], [4], [5]], [[0, 1], [2, 3, 4, 5]], [[5, 3, 1], [0, 2, 4]])


class Made(dict):
    """A dictionary whose values are made as they are asked for: `make(key)`."""

    def __init__(self, make):
        self.make = make

    def __missing__(self, key):
        self[key] = self.make(key)
        return self[key]


def randomized(make):
    """Models with random weights, `make(name)`, made as they are asked for."""

    def build(name):
        model = make(name)
        randomize(model.network)
        return model

    return Made(build)


# the scope keeps the tests of a model together, which matters where processes share them out: each makes what it needs
QUICK = ("made-ensemble", "nade", "deepnade", "pixelcnn")  # one of each kind of stepping; the contract exports every family
each_family = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in FAMILIES], scope="module"
)
each_text = pytest.mark.parametrize("name", TEXTS, scope="module")
each_model = pytest.mark.parametrize("name", [*QUICK, *TEXTS], scope="module")


def some_requests(model):
    """A request of several rows to each endpoint: {endpoint: {input: array}}."""
    network, generator = model.network, np.random.default_rng(3)
    seed = noise.row_seeds(noise.as_seed(4), ROWS).numpy()
    given = {"context": context_of(model, ROWS)} if network.context_size else {}
    x = model.sample(ROWS, seed[::-1].copy(), **given).numpy()
    if network.order_agnostic:
        observed = generator.random(x.shape) < 0.5
    else:  # other lengths of prefix for other rows
        member = network.member(0) if network.num_members > 1 else {}
        rank = np.argsort(network.generation_order(**member))
        observed = (rank < np.arange(ROWS)[:, None] * len(rank) // ROWS).reshape(x.shape)
    values = {"x": x, "observed": observed, "seed": seed, **given}
    return {endpoint: {k: values[k] for k in (*names, *given)} for endpoint, names in ENDPOINTS["values"].items()}


def assert_same(model, found, expected, message=""):
    """Discrete values are equal, others equal up to rounding."""
    assert found.keys() == expected.keys()
    np.testing.assert_allclose(found["log_prob"], expected["log_prob"], rtol=1e-4, atol=1e-5, err_msg=message)
    if "x" in found:
        exact = discrete(model)
        tolerance = {"rtol": 0, "atol": 0} if exact else {"rtol": 1e-3, "atol": 1e-3}
        np.testing.assert_allclose(found["x"], expected["x"], **tolerance, err_msg=message)
