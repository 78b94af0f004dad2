"""Exports with labels: classes given by name or number, in the C++ session."""

import numpy as np
import pytest
import tensorflow as tf
from support.served import some_requests

import tfar
from tfar.datasets import Split, Standardization
from tfar.serving import labels_of, scored
from tfar.serving.labels import Condition
from tfar.testing import Client, ServingError, randomize

NAMES = ["T-shirt", "Sandale à talon", "bag"]
UNITS = Standardization(np.array([5.0, -2.0]), np.array([0.5, 4.0]))
CLASSES = np.array([0, 1, 2, 2, 1, 0])
CONTEXT = np.eye(3, dtype=np.float32)[CLASSES]
WORDS = np.array([NAMES[k].encode() for k in CLASSES], object)


def conditional(size=3):
    return tfar.MADE([2], hidden_units=[8], head="normal", context_size=size)


@pytest.fixture(scope="module")
def model():
    made = conditional()
    randomize(made.network)
    return made


@pytest.fixture(scope="module")
def requests(model):
    """Of each endpoint, without its label."""
    found = {endpoint: {k: v for k, v in given.items() if k != "context"} for endpoint, given in some_requests(model).items()}
    return {endpoint: given | ({"x": UNITS.invert(given["x"])} if "x" in given else {}) for endpoint, given in found.items()}


@pytest.fixture(scope="module")
def path(model, requests, tmp_path_factory):
    base, options = tmp_path_factory.mktemp("labels"), {"standardization": UNITS, "labels": NAMES}
    rows = Split(UNITS.apply(requests["log_prob"]["x"]), CONTEXT)
    model.export(base / "1", test_rows=scored(model, rows, **options), **options)
    return base / "1"


@pytest.fixture(scope="module")
def client(path):
    with Client({"made": path}) as client:
        yield client


def test_a_label_is_its_one_hot_context(model, requests, client):
    plain = model.distribution(CONTEXT)
    expected = {
        "log_prob": plain.log_prob(UNITS.apply(requests["log_prob"]["x"])).numpy() + UNITS.log_jacobian,
        "sample": UNITS.invert(model.sample(len(CLASSES), requests["sample"]["seed"], CONTEXT)),
    }
    for label in (WORDS, np.array([str(k).encode() for k in CLASSES], object)):
        found = {endpoint: client.run("made", endpoint, **given, label=label) for endpoint, given in requests.items()}
        np.testing.assert_allclose(found["log_prob"]["log_prob"], expected["log_prob"], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(found["sample"]["x"], expected["sample"], rtol=1e-3, atol=1e-3)
        given = {"x": found["complete"]["x"], "label": label}
        np.testing.assert_allclose(client.run("made", "log_prob", **given)["log_prob"], found["complete"]["log_prob"], rtol=1e-4, atol=1e-4)
    others = client.run("made", "log_prob", **requests["log_prob"], label=np.array([b"bag"] * len(CLASSES), object))["log_prob"]
    assert ((abs(others - expected["log_prob"]) > 1e-3) == (CLASSES != 2)).all()


def test_bad_labels_are_refused_in_words(requests, client):
    labels = np.array([b"bag"] * len(CLASSES), object)
    for unknown in (b"hat", b"3", b"-1", b"Bag", b""):
        wrong = labels.copy()
        wrong[2] = unknown
        for endpoint, given in requests.items():
            with pytest.raises(ServingError, match=f"label must be one of T-shirt, .*, bag. Received:.*{unknown.decode()}"):
                client.run("made", endpoint, **given, label=wrong)
    with pytest.raises(ServingError, match=r"label must be \[B\], with one B for all inputs"):
        client.run("made", "sample", **requests["sample"], label=labels[:2])
    assert client.run("made", "sample", **requests["sample"], label=labels)["log_prob"].shape == (len(CLASSES),)


def test_the_version_tells_its_labels_and_its_weights_are_loaded(model, path):
    assert labels_of(path) == NAMES
    served = tf.saved_model.load(str(path)).signatures
    for endpoint in ("log_prob", "sample", "complete", "serving_default"):
        inputs = served[endpoint].structured_input_signature[1]
        assert inputs["label"].dtype == tf.string and inputs["label"].shape.as_list() == [None] and "context" not in inputs
    with np.load(path / "assets.extra" / "test_rows.npz") as rows:
        assert [label.decode() for label in rows["label"]] == [NAMES[k] for k in CLASSES] and "context" not in rows
    other = conditional()
    tfar.load_weights_from_saved_model(other, path)  # which scores the stored rows
    for weight, expected in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_the_script_queries_by_label(path, monkeypatch, capsys):
    import query_saved_model

    monkeypatch.setattr(query_saved_model, "BLOCKED", ())  # they are imported here
    query_saved_model.main([str(path), "--rows", "2"])
    assert "label string[?]" in (printed := capsys.readouterr().out) and "log_prob of 2 test rows" in printed


def test_a_name_that_is_a_number_leaves_no_number_but_the_names():
    years = Condition(conditional(), ["1", "2", "10"])
    assert years.context(label=tf.constant(["10", "1"])).numpy().tolist() == [[0, 0, 1], [1, 0, 0]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="label must be one of 1, 2, 10. Received"):
        years.context(label=tf.constant(["0"]))


def test_a_message_lists_the_first_of_many_names():
    many = Condition(conditional(30), [f"class {k}" for k in range(30)])
    with pytest.raises(tf.errors.InvalidArgumentError, match="class 18, class 19 and 10 others. Received"):
        many.context(label=tf.constant(["class 30"]))


@pytest.mark.parametrize("labels", [["a", "b"], ["a", "b", "b"], ["a", "b", 3], "abc", 3])
def test_labels_that_are_not_those_of_the_context_are_refused(model, labels, tmp_path):
    with pytest.raises(ValueError, match="labels must be .* Received: labels="):
        model.export(tmp_path / "1", labels=labels)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "make",
    [lambda: tfar.MADE([3], hidden_units=[4]), lambda: tfar.CharRNN("ab", units=4, num_layers=1, context_size=2)],
    ids=["no context", "text"],
)
def test_models_without_such_a_context_take_no_labels(make, tmp_path):
    with pytest.raises(ValueError, match="labels are for models of vectors and images with a context. Received:"):
        make().export(tmp_path / "1", labels=["a", "b"])


def test_a_version_without_the_file_takes_a_context(tmp_path):
    assert labels_of(tmp_path) is None
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "labels.json").write_text('{"label": 3}')
    with pytest.raises(ValueError, match="label of type list"):
        labels_of(tmp_path)
