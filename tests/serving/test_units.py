"""Exports with a standardization: real values in the data's own units, in and out, in the C++ session."""

import json

import numpy as np
import pytest
import tensorflow as tf
from support.served import some_requests

import tfar
from tfar.datasets import Split, Standardization
from tfar.serving import scored, standardization_of
from tfar.serving.endpoints import endpoints
from tfar.testing import Client, ServingError, randomize

EVENT = (2, 2)
S = Standardization(np.array([[1e6, -3.0], [0.0, 2.5]]), np.array([[0.5, 100.0], [1e-4, 3.0]]))
FAMILIES = {
    "rnade": lambda: tfar.RNADE(EVENT, hidden_units=4, head="normal_mixture"),
    "made": lambda: tfar.MADE(EVENT, hidden_units=[8], head="normal", num_masks=2, context_size=3),
}


@pytest.fixture(scope="module")
def models():
    found = {name: make() for name, make in FAMILIES.items()}
    for model in found.values():
        randomize(model.network)
    return found


@pytest.fixture(scope="module")
def paths(models, tmp_path_factory):
    base = tmp_path_factory.mktemp("units")
    for name, model in models.items():
        rows = Split(*(some_requests(model)["log_prob"].get(key) for key in ("x", "context")))
        model.export(base / name / "1", standardization=S, test_rows=scored(model, rows, S))
    return {name: base / name / "1" for name in models}


@pytest.fixture(scope="module")
def client(paths):
    with Client(paths) as client:
        yield client


each = pytest.mark.parametrize("name", FAMILIES)


def requests(model):
    """Requests to each endpoint, whose values are in the data's own units, and those to the model."""
    of_model = some_requests(model)
    own = {endpoint: {**given, "x": S.invert(given["x"])} if "x" in given else given for endpoint, given in of_model.items()}
    return own, of_model


@each
def test_log_prob_is_the_density_of_raw_rows(models, client, name):
    own, given = requests(models[name])
    x, context = own["log_prob"]["x"], given["log_prob"].get("context")
    expected = models[name].log_prob(S.apply(x), context).numpy() - np.log([0.5, 100.0, 1e-4, 3.0]).sum()
    for endpoint in ("log_prob", "serving_default"):
        found = client.run(name, endpoint, **own["log_prob"])["log_prob"]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_the_density_integrates_to_one_in_the_data_s_own_units():
    s = Standardization(np.array([1e4]), np.array([0.02]))
    model = tfar.MADE([1], hidden_units=[4], head="normal_mixture")
    randomize(model.network)
    x = np.linspace(1e4 - 2, 1e4 + 2, 40_001)[:, None]
    log_prob = endpoints(model, standardization=s)["log_prob"].function(tf.constant(x))["log_prob"].numpy()
    density = np.exp(log_prob.astype(np.float64))
    assert density.sum() * (x[1, 0] - x[0, 0]) == pytest.approx(1, abs=1e-3)


@each
def test_samples_are_raw(models, client, name):
    given = some_requests(models[name])["sample"]
    found = client.run(name, "sample", **given)
    z = models[name].sample(len(given["seed"]), given["seed"], given.get("context")).numpy()
    assert found["x"].dtype == np.float64
    np.testing.assert_allclose(S.apply(found["x"]), z, rtol=1e-3, atol=1e-3)
    again = client.run(name, "log_prob", x=found["x"], **{key: given[key] for key in given if key == "context"})
    np.testing.assert_allclose(again["log_prob"], found["log_prob"], rtol=1e-4, atol=1e-4)


@each
def test_completions_are_raw_and_keep_what_is_given(models, client, name):
    own, given = requests(models[name])
    observed = own["complete"]["observed"]
    x = np.where(observed, own["complete"]["x"] + 1e-9 * S.scale, np.nan)  # no image of a float32
    found = client.run(name, "complete", **{**own["complete"], "x": x})
    np.testing.assert_array_equal(found["x"][observed], x[observed])
    np.testing.assert_allclose(S.apply(found["x"]), models[name].complete(**given["complete"]), rtol=1e-3, atol=1e-3)
    again = client.run(name, "log_prob", x=found["x"], **{key: given["log_prob"][key] for key in given["log_prob"] if key == "context"})
    np.testing.assert_allclose(again["log_prob"], found["log_prob"], rtol=1e-4, atol=1e-4)


def test_bad_values_are_refused(models, client):
    x = requests(models["rnade"])[0]["log_prob"]["x"]
    for wrong in (np.full_like(x, np.nan), np.full_like(x, 1e308)):  # the second is infinite where it is standardised
        with pytest.raises(ServingError, match="values must be"):
            client.run("rnade", "log_prob", x=wrong)
    for shape in (x[..., :1], x[0]):  # which would broadcast
        with pytest.raises(ServingError, match=r"x must be \[B, 2, 2\]"):
            client.run("rnade", "log_prob", x=shape)
    with pytest.raises(ServingError, match="float"):
        client.run("rnade", "log_prob", x=x.astype(np.float32))


@each
def test_the_version_tells_its_units_and_its_weights_are_loaded(models, paths, name):
    stored = json.loads((paths[name] / "assets.extra" / "standardization.json").read_text())
    assert stored == {"mean": S.mean.tolist(), "scale": S.scale.tolist()}
    np.testing.assert_array_equal(standardization_of(paths[name]).scale, S.scale)
    served = tf.saved_model.load(str(paths[name])).signatures["log_prob"].structured_input_signature[1]
    assert served["x"].dtype == tf.float64
    other = FAMILIES[name]()
    tfar.load_weights_from_saved_model(other, paths[name])  # which scores the stored rows
    for weight, expected in zip(other.get_weights(), models[name].get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)


@each
def test_a_served_warm_up_row_is_likely(models, name):
    inputs = models[name].endpoints()["log_prob"].inputs  # of the model's own, whose example is the mean: 0
    own = endpoints(models[name], standardization=S)["log_prob"]
    rows = {key: tf.zeros([1, *spec.shape[1:]], spec.dtype) for key, spec in inputs.items()}
    expected = models[name].endpoints()["log_prob"].function(*rows.values())["log_prob"]
    found = own.function(*(tf.constant(own.example.get(key, row), own.inputs[key].dtype) for key, row in rows.items()))["log_prob"]
    np.testing.assert_allclose(found, expected + S.log_jacobian, rtol=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: tfar.MADE(EVENT, hidden_units=[4]),
        lambda: tfar.MADE([4], hidden_units=[4], head="normal"),
        lambda: tfar.CharRNN("ab", units=4, num_layers=1),
        lambda: tfar.TableModel({"sex": ["f", "m"] * 9, "age": list(range(18))}, hidden_units=[4]),
    ],
    ids=["discrete", "another shape", "text", "table"],
)
def test_models_of_other_values_take_no_standardization(make, tmp_path):
    with pytest.raises(ValueError, match="for models of real values of its shape. Received: a standardization of shape"):
        make().export(tmp_path / "1", standardization=S)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_version_without_the_file_has_the_values_of_the_model(tmp_path):
    assert standardization_of(tmp_path) is None
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "standardization.json").write_text('{"mean": [0]}')
    with pytest.raises(ValueError, match="the standardization of an exported model"):
        standardization_of(tmp_path)
