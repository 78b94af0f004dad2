"""Probabilities of ranges and sets, against enumeration and quadrature, for one order, several members and any order.

A comparison within 4.5 standard errors has a false-alarm rate of 7e-6; a test makes at most 8, and so has one of at most 1e-4.
"""

import itertools

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfar.columns import BLANK
from tfar.datasets.schema import Category, Grid, Real, Schema
from tfar.models.queries import Probability
from tfar.models.table import TableModel

WARP = {"x": (0.0, 4.0), "z": (-1.0, 1.0)}
SMALL = Schema(
    (
        Category(name="sex", dtype="str", values=("f", "m")),
        Grid(name="age", dtype="float64", start=30, step=1, size=5, atoms=(2.0,), blank=True, **WARP),
        Category(name="city", dtype="str", values=("Bern", "Basel"), rare=("Chur", "Brig"), rare_counts=(3, 1), blank=True),
        Grid(name="day", dtype="datetime64[us]", start=0, step=1, size=3, unit="D", **WARP),
    )
)
QUERIES = [
    {"age": (31, 33), "city": ["Bern", "Basel"]},
    {"sex": "m", "age": [30, None], "day": ("1970-01-02", None)},
    {"city": ["Basel", "Chur", None], "day": pd.Timestamp("1970-01-03")},
    {"sex": {"f"}, "city": "Brig"},
]
SETTINGS = {
    "made": {"hidden_units": [16]},
    "members": {"hidden_units": [16], "num_masks": 2, "order": "random", "connectivity": "random"},
    "deepnade": {"hidden_units": [16]},
}


def randomised(model, scale=0.5):
    random = np.random.default_rng(0)
    for weight in model.network.trainable_weights:
        weight.assign(random.normal(0, scale, weight.shape))
    return model


@pytest.fixture(scope="module", params=SETTINGS)
def model(request):
    family = "made" if request.param == "members" else request.param
    return randomised(TableModel(SMALL, family, num_components=2, seed=1, **SETTINGS[request.param]))


def exact(model, query):
    """The sum of the probabilities of all rows that meet a query, as TFP's view of the model has them."""
    values = [[0, 1], [*range(5), BLANK], [0, 1, 2, BLANK], [0, 1, 2]]
    rows = np.array(list(itertools.product(*values)), np.float64)
    shares = {"Bern": (0, 1), "Basel": (1, 1), "Chur": (2, 3 / 5), "Brig": (2, 1 / 5), None: (BLANK, 1)}
    weights = np.ones(len(rows))
    if "sex" in query:
        weights *= np.isin(rows[:, 0], [["f", "m"].index(value) for value in query["sex"]])
    if "age" in query:
        low, high = query["age"] if isinstance(query["age"], tuple) else (query["age"][0],) * 2
        inside = (rows[:, 1] >= low - 30) & (rows[:, 1] <= (4 if high is None else high - 30))
        weights *= inside | (isinstance(query["age"], list) & (rows[:, 1] == BLANK))
    if "city" in query:
        cities = [query["city"]] if isinstance(query["city"], str) else query["city"]
        weights *= sum(share * (rows[:, 2] == number) for number, share in map(shares.get, cities))
    if "day" in query:
        days = {"1970-01-02": 1, None: None}
        low, high = [days[end] for end in query["day"]] if isinstance(query["day"], tuple) else (2, 2)
        weights *= (rows[:, 3] >= (low or 0)) & (rows[:, 3] <= (2 if high is None else high))
    order = None
    if model.network.order_agnostic:
        order = sorted(range(4), key=lambda d: SMALL.names[d] not in query)
    return float(np.sum(weights * np.exp(model.distribution(order=order).log_prob(rows).numpy().astype(float))))


def test_estimates_equal_enumeration(model):
    assert abs(exact(model, {}) - 1) < 1e-5
    for query in QUERIES:
        found, expected = model.probability(query, seed=3, draws=2000), exact(model, query)
        assert isinstance(found, Probability) and isinstance(found.estimate, float)
        assert abs(found.estimate - expected) < 4.5 * found.standard_error + 1e-6
        assert found.standard_error < 0.02


def test_a_query_and_its_complement_have_probability_one(model):
    pairs = [
        ({"city": ["Bern", "Chur"]}, {"city": ["Basel", "Brig", "elsewhere", None]}),
        ({"age": (30, 32)}, {"age": [33, 34, None]}),
        ({"day": (None, "1970-01-01")}, {"day": ("1970-01-02", None)}),
        ({"sex": "m"}, {"sex": "f"}),
    ]
    for pair in pairs:
        both = model.probability(list(pair), seed=5)
        assert abs(both.estimate.sum() - 1) < 4.5 * both.standard_error.sum() + 1e-6


def test_the_first_column_alone_is_exact(model):
    """An order-agnostic network puts any column first; in several orders none is first in all."""
    queries = [{"sex": "m"}, {"age": (31, 33)}, {"city": "Chur"}, {"day": (None, "1970-01-02")}]
    orders = [np.asarray(model.network.generation_order(**model.network.member(n))) for n in range(model.network.num_members)]
    for number, query in enumerate(queries):
        found = model.probability(query, seed=1, draws=100)
        first = model.network.order_agnostic or all(order[0] == number for order in orders)
        assert first == (found.standard_error == 0)
        if first:
            assert abs(found.estimate - exact(model, query)) < 1e-6


def test_seeds_reproduce_and_differ(model):
    queries = [QUERIES[0], QUERIES[2]]
    several = model.probability(queries, seed=3, draws=100)
    assert several.estimate.shape == several.standard_error.shape == (2,) and several.estimate.dtype == np.float64
    for number, query in enumerate(queries):
        alone = model.probability(query, seed=3, draws=100)
        np.testing.assert_allclose(alone, [several.estimate[number], several.standard_error[number]], rtol=1e-6)
    assert model.probability(queries[0], seed=4, draws=100).estimate != several.estimate[0]
    assert model.probability(queries[0], draws=100).estimate != model.probability(queries[0], draws=100).estimate


def test_the_standard_error_is_that_of_the_estimates(model):
    """Of 40 estimates: the root mean square of error / standard error is in 0.55..1.5 (chi-square, 40 degrees: false alarm 2e-5)."""
    query = QUERIES[0]
    expected = exact(model, query)
    found = [model.probability(query, seed=seed, draws=400) for seed in range(40)]
    ratio = np.sqrt(np.mean([((one.estimate - expected) / one.standard_error) ** 2 for one in found]))
    assert 0.55 < ratio < 1.5


def test_no_condition_has_probability_one_and_an_empty_one_zero(model):
    assert model.probability({}) == (1.0, 0.0)
    assert model.probability({"age": (31.2, 31.8), "sex": "m"}) == (0.0, 0.0)
    assert model.probability([]).estimate.shape == (0,)


def test_further_queries_are_not_traced():
    model = randomised(TableModel(SMALL, "made", num_components=2, hidden_units=[16]))
    random = np.random.default_rng(0)

    def traced():
        return sum(function.experimental_get_tracing_count() for function in model.network.__dict__["compiled"].values())

    def query():
        low, high = sorted(random.integers(30, 35, size=2).tolist())
        sets = {"age": (low, high), "city": random.choice(["Bern", "Basel", "Chur"], size=2).tolist(), "sex": "f"}
        return {"day": ("1970-01-02", None)} | {name: sets[name] for name in random.choice(list(sets), size=2, replace=False)}

    model.probability([query() for _ in range(6)], draws=50)
    before = traced()
    model.probability([query() for _ in range(30)], draws=50)
    assert before > 0 and traced() == before


def test_ranges_of_reals_equal_quadrature():
    schema = Schema(
        (
            Real(name="height", dtype="float64", atoms=(0.0,), blank=True, x=(-2.0, 0.0, 5.0), z=(-1.0, 0.5, 1.0)),
            Category(name="sex", dtype="str", values=("f", "m")),
        )
    )
    model = randomised(TableModel(schema, num_components=2, hidden_units=[16]), scale=0.7)
    for low, high in ((-1.5, -0.2), (0.5, 4.0), (-1.0, 3.0)):
        edges = np.array([low, *([0.0] if low < 0 < high else []), high])
        x = np.concatenate([np.linspace(a, b, 4001)[:-1] + (b - a) / 8000 for a, b in itertools.pairwise(edges)])
        rows = np.stack([x, np.ones(len(x))], axis=1)
        density = np.exp(model.distribution().log_prob(rows).numpy().astype(float))
        expected = np.sum(density * np.repeat(np.diff(edges) / 4000, 4000))
        if low < 0 < high:
            expected += float(model.distribution().prob(np.array([0.0, 1.0])))
        found = model.probability({"height": (low, high), "sex": "m"}, seed=1, draws=2000)
        assert 0 < found.standard_error < 0.02 and abs(found.estimate - expected) < 4.5 * found.standard_error + 1e-5
    assert model.probability({"height": 1.8}).estimate == 0
    atom = model.probability({"height": 0.0}).estimate
    assert 0 < atom < 1 and model.probability({"height": [0.0, 1.8, None]}).estimate > atom


def test_draws_beyond_a_part_are_those_of_several_parts(monkeypatch):
    model = randomised(TableModel(SMALL, "made", num_components=2, hidden_units=[16]))
    whole = model.probability(QUERIES[0], seed=1, draws=100)
    monkeypatch.setattr("tfar.models.queries.PART", 30)
    np.testing.assert_allclose(model.probability(QUERIES[0], seed=1, draws=100), whole, rtol=1e-5)


@pytest.mark.parametrize(
    ("query", "options", "message"),
    [
        ({"nme": 1}, {}, r"columns must be among \['sex', 'age', 'city', 'day'\]. Received: \['nme'\]"),
        ({"sex": "x"}, {}, "column 'sex', row 1: must be one of 'f', 'm'. Received: 'x'"),
        ({"age": (33, 31)}, {}, r"the range of column 'age' must have low <= high. Received: \(33, 31\)"),
        ("age", {}, "a query must be a dict of conditions by column, or a list of such. Received: 'age'"),
        ([{"age": 30}, 3], {}, "a query must be a dict of conditions by column, or a list of such. Received: "),
        ({"sex": "f"}, {"draws": 1}, "draws must be an integer of at least 2. Received: draws=1"),
        ({"sex": "f"}, {"seed": "x"}, "seed must be an integer, an int32 pair .2., or"),
        ({"sex": "f"}, {"seed": tf.zeros([3, 2], tf.int32)}, "seed must be one integer or one int32 pair. Received: "),
    ],
)
def test_what_is_no_query_is_refused(query, options, message):
    model = TableModel(SMALL, "made", num_components=2, hidden_units=[4])
    with pytest.raises(ValueError, match=message):
        model.probability(query, **options)
