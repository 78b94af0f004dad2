"""Tables by column name, in the C++ session: strings, numbers and dates as they are, against the model in Python."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from support.served import Made, randomized

from tfar import TableModel, noise
from tfar.datasets.schema import Schema
from tfar.serving import scored_table
from tfar.serving.endpoints import SEED, endpoint
from tfar.serving.export import _save
from tfar.serving.table_endpoints import keys, requested
from tfar.testing import Client, ServingError
from tfar.testing.session import signatures

N = 120


def mixed():
    """A table with a column of each form of cells, with and without blanks."""
    random = np.random.default_rng(0)
    blank = random.uniform(size=N) < 0.2
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 50, N), unit="D")
    towns = ["Bern", "Zürich", "日本", *(f"town {i}" for i in range(20))]
    return pd.DataFrame(
        {
            "marital status": random.choice(["single", "married", "it's, \n complicated"], N),
            "town": pd.Series(random.choice(towns, N), dtype="str").mask(blank),
            "flag": pd.Series(random.uniform(size=N) < 0.3).astype("boolean").mask(blank),
            "code": np.resize([10115, 2**60], N),
            "half": np.where(blank, np.nan, np.resize([0.5, 1.0], N)),
            "hours.per.week": random.integers(1, 60, N).astype(np.int32),
            "price": np.where(blank, np.nan, random.integers(0, 9999, N) / 100),
            "single": (random.integers(-500, 500, N) / 10).astype(np.float32),
            "weight": np.where(blank, np.nan, np.exp(random.normal(size=N))),
            "context": random.normal(size=N),
            "time": pd.Series(days + pd.to_timedelta(random.integers(0, 24, N), unit="h")).mask(blank),
            "iso": days.strftime("%d.%m.%Y"),
            "constant": 7,
        }
    )


TABLE = mixed()
AWKWARD = [
    "a",
    "A",
    "a_observed",
    "a observed",
    "self",
    "file",
    "seed",
    "log_prob",
    "",
    "_",
    "年",
    "2020",
    "x.y",
    "x_y",
    "x/y",
    "name",
    "context",
]


def with_rare(schema):
    """The schema with towns that share a class."""
    town = schema["town"]
    rare, counts = town.values[4:], TABLE["town"].value_counts()
    return schema.replace(
        dataclasses.replace(town, values=town.values[:4], rare=rare, rare_counts=tuple(int(counts[name]) for name in rare))
    )


SCHEMA = with_rare(Schema.infer(TABLE))
SOME = with_rare(Schema.infer(TABLE, columns=["town", "price", "flag"]))
KEYS = keys(SCHEMA)


def words():
    """3,000 words, and even numbers."""
    return pd.DataFrame({"word": np.tile([f"wörd {i}" for i in range(3000)], 10), "n": np.resize(np.arange(0, 60, 2), 30_000)})


BUILD = {
    "table": lambda: TableModel(SCHEMA, hidden_units=[8], num_components=2),
    "any order": lambda: TableModel(SOME, "deepnade", hidden_units=[8], num_components=2),
    "ensemble": lambda: TableModel(SOME, hidden_units=[8], num_components=2, num_masks=2),
    "words": lambda: TableModel(words(), hidden_units=[4], num_components=2),
}


@pytest.fixture(scope="module")
def models():
    return randomized(lambda name: BUILD[name]())


@pytest.fixture(scope="module")
def client(models, tmp_path_factory):
    def write(name):
        path = tmp_path_factory.mktemp(name) / "1"
        if name == "table":
            models[name].export(path)
        else:  # what the tests need of it, which saves time
            kept = ("log_prob", "sample", "complete") if name == "ensemble" else ("log_prob", "complete")
            _save(models[name], {key: of for key, of in models[name].endpoints().items() if key in kept}, path)
        return path

    with Client(Made(write)) as client:
        yield client


def seeds(count):
    return noise.row_seeds(noise.as_seed(4), count).numpy()


def assert_same_table(schema, found, table):
    """Outputs by key are the cells of a table."""
    for key, cells in requested(schema, table).items():
        if cells.dtype == np.float64:
            np.testing.assert_allclose(found[key], cells, rtol=1e-3, err_msg=key)  # reals are equal up to rounding
        else:
            np.testing.assert_array_equal(found[key], cells, err_msg=key)


def test_cells_are_those_of_the_table():
    rows = pd.DataFrame(
        {
            "sex": ["f", None, "m"],
            "old": [True, False, True],
            "n": pd.array([3, pd.NA, 5], "Int64"),
            "price": [0.25, 0.5, np.nan],
            "day": pd.to_datetime(["1970-01-02", "1969-12-31", "2000-01-01"]),
            "at": pd.to_datetime(["1970-01-01 00:01", None, "1970-01-01 01:00"]),
            "iso": ["2000-01-31", "2000-02-01", "2000-02-02"],
            "log": np.array([0.1, 0.2, 0.7]) ** 7,
        }
    )
    found = requested(Schema.infer(rows), rows)
    expected = {
        "sex": [b"f", b"", b"m"],
        "sex_observed": [True, False, True],
        "old": [True, False, True],
        "n": [3, 0, 5],
        "n_observed": [True, False, True],
        "price": [0.25, 0.5, np.nan],
        "price_observed": [True, True, False],
        "day": [1, -1, 10957],
        "at": [1, 0, 60],
        "at_observed": [True, False, True],
        "iso": [10987, 10988, 10989],
        "log": rows["log"].tolist(),
    }
    assert list(found) == list(expected)
    for key, cells in expected.items():
        np.testing.assert_array_equal(found[key], cells, err_msg=key)
    dtypes = [str(found[key].dtype) for key in ("sex", "old", "n", "price", "day", "at", "iso", "log")]
    assert dtypes == ["object", "bool", "int64", "float64", "int64", "int64", "int64", "float64"]


def test_keys_are_names_that_a_saved_model_takes(tmp_path):
    assert (KEYS["marital status"], KEYS["hours.per.week"], KEYS["context"]) == ("marital_status", "hours.per.week", "context")
    found = keys(Schema.infer(pd.DataFrame({name: ["a", "b"] for name in AWKWARD})))
    assert list(found) == AWKWARD and all(found[name] == name for name in ("a", "2020", "x.y", "name", "context"))
    inputs = {key + end: tf.TensorSpec([None], tf.float32, name=key + end) for key in found.values() for end in ("", "_observed")}
    inputs |= SEED

    def log_prob(**tensors):
        return {key: tf.identity(tensor) for key, tensor in tensors.items()} | {"log_prob": tf.zeros([1])}

    holder = tf.Module()
    holder.weights = []
    _save(holder, {"log_prob": endpoint(log_prob, inputs)}, tmp_path / "1")
    assert set(signatures(tmp_path / "1")["log_prob"]["inputs"]) == set(inputs)
    with Client({"names": tmp_path / "1"}) as client:
        request = {key: np.array([place], np.float32) for place, key in enumerate(inputs)} | {"seed": np.zeros([1, 2], np.int32)}
        assert all(client.run("names", "log_prob", **request)[key] == request[key] for key in inputs if key != "seed")


def test_rows_have_the_log_prob_of_the_model(models, client):
    assert {"town 3", "town 4"} <= set(SCHEMA["town"].rare)
    table = TABLE.copy()
    table.loc[0, "town"], table.loc[1, "price"], table.loc[2, "hours.per.week"] = "unseen", 1e6, -100
    found = client.run("table", "log_prob", **requested(SCHEMA, table))["log_prob"]
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, models["table"].log_prob(table), rtol=1e-6, atol=1e-5)
    np.testing.assert_array_equal(client.run("table", "serving_default", **requested(SCHEMA, table))["log_prob"], found)
    cells, expected = client.run("table", "column_log_prob", **requested(SCHEMA, table)), models["table"].column_log_prob(table)
    assert set(cells) == set(KEYS.values())
    for column, key in KEYS.items():
        np.testing.assert_allclose(cells[key], expected[column], rtol=1e-5, atol=1e-5, err_msg=column)


def test_samples_are_those_of_the_model(models, client):
    found, table = client.run("table", "sample", seed=seeds(300)), models["table"].sample(300, seeds(300))
    assert_same_table(SCHEMA, found, table)
    assert set(found) == {"log_prob", *requested(SCHEMA, table)}
    assert len(set(table["town"].dropna()) & set(SCHEMA["town"].rare)) > 1 and table["town"].isna().any()
    np.testing.assert_allclose(found["log_prob"], models["table"].log_prob(table), rtol=1e-5, atol=1e-4)


def assert_completed(model, client, name, rows):
    """The completions of rows, none of whose columns is known in all rows, are those of the model, and keep what is known."""
    schema, count = model.schema, len(rows)
    request = requested(schema, rows, blanks=True)
    found, full = client.run(name, "complete", **request, seed=seeds(count)), model.complete(rows, seed=seeds(count))
    assert set(found) == {"log_prob", *keys(schema).values()} and not full.isna().any().any()
    assert_same_table(schema, found | {f"{key}_observed": np.ones(count, bool) for key in keys(schema).values()}, full)
    for key in keys(schema).values():
        known = request[key + "_observed"]
        assert not known.all()
        np.testing.assert_array_equal(found[key][known], request[key][known], err_msg=key)
    scores = model.log_prob(full) if name != "ensemble" else model.log_prob(model.encode(full)) + schema.log_share(full).sum(axis=1)
    np.testing.assert_allclose(found["log_prob"], scores, rtol=1e-5, atol=1e-4)


@pytest.mark.slow
def test_completions_are_those_of_the_model(models, client):
    rows = TABLE[["town", "price", "flag"]][:40].copy()
    assert_completed(models["ensemble"], client, "ensemble", rows.mask(np.ones(rows.shape, bool)))
    rows = rows.mask(np.random.default_rng(1).uniform(size=rows.shape) < 0.4)
    rows.loc[0, "price"] = 1e6  # beyond the grid
    assert_completed(models["any order"], client, "any order", rows)


@pytest.mark.slow
def test_every_form_of_cells_is_completed(models, client):
    rows = TABLE.astype({"code": "Int64", "hours.per.week": "Int32", "iso": object}).drop(columns="constant")[:40]
    blank = rows.isna().to_numpy() | (np.arange(rows.shape[1]) >= np.arange(40)[:, None] % 13)
    assert_completed(models["table"], client, "table", rows.mask(np.maximum.accumulate(blank, axis=1)))


@pytest.mark.slow
def test_a_model_of_several_orders_is_served(models, client):
    model, rows = models["ensemble"], TABLE[["town", "price", "flag"]][:9]
    encoded = model.encode(rows)
    expected = np.asarray(model.log_prob(encoded)) + SOME.log_share(rows).sum(axis=1)
    np.testing.assert_allclose(client.run("ensemble", "log_prob", **requested(SOME, rows))["log_prob"], expected, rtol=1e-5, atol=1e-5)
    assert_same_table(SOME, client.run("ensemble", "sample", seed=seeds(50)), model.sample(50, seeds(50)))


def test_a_row_does_not_depend_on_its_batch(client):
    request = requested(SCHEMA, TABLE[:6])
    together = client.run("table", "sample", seed=seeds(6)), client.run("table", "log_prob", **request)
    for rows in ([3], [5, 1], []):
        alone = client.run("table", "sample", seed=seeds(6)[rows])
        scores = client.run("table", "log_prob", **{key: cells[rows] for key, cells in request.items()})
        for found, whole in zip((alone, scores), together, strict=True):
            for key, cells in found.items():
                if cells.dtype == np.float64:
                    np.testing.assert_allclose(cells, whole[key][rows], rtol=1e-5, atol=1e-5, err_msg=key)
                else:
                    np.testing.assert_array_equal(cells, whole[key][rows], err_msg=key)


def changed(key, row, value):
    """A good request to `log_prob` with one wrong cell."""
    request = requested(SCHEMA, TABLE[~TABLE.isna().any(axis=1)][:4])
    request[key] = request[key].copy()
    request[key][row] = value
    return request


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("marital_status", b"divorced", "column marital status must be one of .*single, and have no blanks. Received:.*divorced"),
        ("marital_status", b"", "column marital status must be one of"),
        ("code", 3, "column code must be one of 10115, 1152921504606846976, and have no blanks. Received:.*3"),
        ("half", 0.75, "column half must be one of 0.5, 1.0"),
        ("price", 0.125, "column price must be on its grid, .* in steps of 0.01. Received:.*0.125"),
        ("price", np.inf, "column price must be on its grid"),
        ("single", np.nan, "column single must be on its grid, .*, and have no blanks. Received:.*a blank"),
        ("weight", -np.inf, "column weight must be a finite number"),
        ("context", np.nan, "column context must be a finite number, and have no blanks. Received:.*a blank"),
    ],
)
def test_a_wrong_cell_is_refused_with_its_column(client, key, value, message):
    with pytest.raises(ServingError, match=re.compile(message, re.DOTALL)):
        client.run("table", "log_prob", **changed(key, 2, value))
    assert np.isfinite(client.run("table", "log_prob", **requested(SCHEMA, TABLE))["log_prob"]).all()


def test_what_is_missing_or_of_another_shape_is_named(client):
    request = requested(SCHEMA, TABLE[:4])
    absent = {key: cells for key, cells in request.items() if key != "price"}
    with pytest.raises(ServingError, match="price"):
        client.run("table", "log_prob", **absent)
    with pytest.raises(ServingError, match=r"code must be \[B\], with one B for all inputs"):
        client.run("table", "log_prob", **request | {"code": request["code"][:3]})


def test_a_blank_is_false_beside_any_cell(client):
    request = requested(SCHEMA, TABLE[:4])
    expected = client.run("table", "log_prob", **request)["log_prob"]
    for key in ("town", "price", "half", "weight", "time"):
        blank = ~request[key + "_observed"]
        assert blank.any()
        other = {"town": b"none such", "price": 0.123, "half": 7.0, "weight": np.inf, "time": -1}[key]
        cells = np.where(blank, np.array(other, request[key].dtype), request[key])
        np.testing.assert_array_equal(client.run("table", "log_prob", **request | {key: cells})["log_prob"], expected)
        if key in ("town", "price", "half", "weight"):  # NaN and "" are blank by themselves
            all_true = {key + "_observed": np.ones(4, bool)}
            np.testing.assert_array_equal(client.run("table", "log_prob", **request | all_true)["log_prob"], expected)


@pytest.mark.slow
def test_thousands_of_classes(models, client):
    model, table = models["words"], words()[:3000]
    assert model.schema["word"].num_classes == 3000
    found = client.run("words", "log_prob", **requested(model.schema, table))["log_prob"]
    np.testing.assert_allclose(found, model.log_prob(table), rtol=1e-5, atol=1e-5)
    one = np.array([b"word 0"], object)
    with pytest.raises(ServingError, match="column word must be one of .* and 2990 others, and have no blanks. Received:.*word 0"):
        client.run("words", "log_prob", word=one, n=np.zeros(1, int))
    with pytest.raises(ServingError, match="observed positions must come first"):
        blank = {"word": one, "word_observed": np.array([False]), "n": np.zeros(1, int), "n_observed": np.array([True])}
        client.run("words", "complete", **blank, seed=seeds(1))


def test_a_number_is_on_the_steps_of_its_grid(models, client):
    assert models["words"].schema["n"].step == 2
    n, word = np.array([-(2**63), 2, 2**63 - 2]), np.array(["wörd 7".encode()] * 3, object)
    ends = models["words"].log_prob(pd.DataFrame({"n": [0, 2, 1000], "word": "wörd 7"}))
    np.testing.assert_allclose(client.run("words", "log_prob", n=n, word=word)["log_prob"], ends, atol=1e-5)
    with pytest.raises(ServingError, match="column n must be on its grid, .* in steps of 2, .*and have no blanks. Received:.*807"):
        client.run("words", "log_prob", n=n + 1, word=word)


def test_the_examples_of_endpoints_are_good_requests(models, client):
    for name, (_, inputs, example) in models["table"].endpoints().items():
        zeros = {key: np.zeros([1, *spec.shape[1:]], spec.dtype.as_numpy_dtype) for key, spec in inputs.items()}
        cells = {key: [word.encode() for word in cell] if isinstance(cell[0], str) else cell for key, cell in example.items()}
        request = zeros | {key: np.array(cell, zeros[key].dtype) for key, cell in cells.items()}
        assert np.isfinite(client.run("table", name, **request).get("log_prob", 0)).all()


def test_stored_rows_hold_no_objects(models):
    rows = scored_table(models["table"], TABLE[:5])
    assert not any(array.dtype == object for array in rows.values()) and len(rows["log_prob"]) == 5
    assert rows["marital_status"].tolist() == [word.encode() for word in TABLE["marital status"][:5]]
