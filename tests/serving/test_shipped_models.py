"""The models in `saved_models`: each loads without tfar, and scores the test rows stored with it as its card says."""

import functools
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from support import ROOT

import tfar
from tfar.models.exported import newest_version
from tfar.testing import Client, signatures

FOLDER = ROOT / "saved_models"
MODELS = sorted(path for path in FOLDER.iterdir() if path.is_dir())
VERSIONS = {f"{model.name}/{path.name}": path for model in MODELS for path in sorted(model.iterdir()) if path.name.isdecimal()}
LARGEST, MOST = 8e6, 80e6  # bytes of one and of all: a clone of the repository brings them
QUICK = {"charrnn-tiny_shakespeare", "made-digits", "rnade-boston-mog", "rnade-parkinsons-mol", "rnade-red_wine-mol"}  # to score here
SLOW = {  # to draw from here
    *(f"{family}-binarized_mnist" for family in ("nadek", "neural", "pixelcnn", "rowlstm", "diagonal_bilstm")),
    "gated_pixelcnn-fashion_mnist",
}
FIGURE = re.compile(r"in `(\d+)/assets\.extra/test_rows\.npz`, have (-?\d+\.(\d+)) nats")
ROWS, LENGTH = 4, 50  # that are drawn, characters in a row of a text
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda path: path.name)
each_version = pytest.mark.parametrize("name", VERSIONS, scope="module")
each_quick_version = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (path.parent.name in SLOW)) for name, path in VERSIONS.items()], scope="module"
)


@pytest.fixture(scope="module")
def client():
    with Client(VERSIONS) as client:
        yield client


@functools.cache
def loaded(name):
    """The signatures of a version in TensorFlow's Python."""
    model = tf.saved_model.load(str(VERSIONS[name]))
    return model.signatures, model  # which must live as long


def asked(name, endpoint, given):
    """What TensorFlow's Python answers, arrays by name."""
    function = loaded(name)[0][endpoint]
    inputs = function.structured_input_signature[1]
    return {key: value.numpy() for key, value in function(**{k: tf.constant(given[k], spec.dtype) for k, spec in inputs.items()}).items()}


def stored(version):
    """What is stored of test rows: arrays by name, strings as objects."""
    with np.load(version / "assets.extra" / "test_rows.npz") as rows:
        return {name: array.astype(object) if array.dtype.kind == "S" else array for name, array in rows.items()}


def order_of(name, size):
    """The order of generation that the card tells of, `[D]`."""
    card = (VERSIONS[name].parent / "README.md").read_text(encoding="utf-8")
    told = re.search(r"positions in the flat array `x`:\n\n    ([\d, ]+)\n", card)
    return np.array(told.group(1).split(", "), int) if told else np.arange(size)


def assert_close(found, expected):
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-4, atol=1e-4, err_msg=name)


def assert_same(found, expected):
    """Equal values, real ones up to rounding."""
    assert found.keys() == expected.keys()
    for name, value in found.items():
        if value.dtype.kind == "f":
            np.testing.assert_allclose(value, expected[name], rtol=1e-4, atol=1e-4, err_msg=name)
        else:
            np.testing.assert_array_equal(value, expected[name], err_msg=name)


def test_there_are_models():  # the other tests have no cases where there are none
    assert MODELS and {model.name for model in MODELS} == {name.split("/")[0] for name in VERSIONS}


@each_model
def test_card_has_the_likelihood_of_the_stored_rows(model):
    card = (model / "README.md").read_text(encoding="utf-8")
    number, figure, digits = FIGURE.search(card).groups()
    assert int(number) == max(int(path.name) for path in VERSIONS.values() if path.parent == model)
    rows = stored(model / number)
    nats = -rows["log_prob"].sum(dtype=np.float64) / rows.get("characters", np.ones_like(rows["log_prob"])).sum()
    assert nats == pytest.approx(float(figure), abs=10.0 ** -len(digits))
    (command,) = re.findall(r"^    (tfar train .*)$", card, re.MULTILINE)
    assert not [word for word in shlex.split(command) if word.startswith(("/", "~"))], "a path that others do not have"


def test_the_servers_configuration_names_all_models():
    reason = "tensorflow-serving-api, which defines the configuration, is not installed"
    model_server_config_pb2 = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2", reason=reason)
    text = (FOLDER / "models.config").read_text(encoding="utf-8")
    found = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
    assert sorted(config.name for config in found) == [model.name for model in MODELS]
    assert all(config.base_path == f"/models/{config.name}" and config.model_platform == "tensorflow" for config in found)


def test_the_documented_batching_is_that_of_the_file():
    batching = (FOLDER / "batching.config").read_text(encoding="utf-8")
    assert batching in (FOLDER.parent / "docs" / "serving.md").read_text(encoding="utf-8")


def test_all_models_together_are_small():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < MOST


@pytest.mark.parametrize(
    "model", [pytest.param(path, marks=() if path.name in QUICK else pytest.mark.slow, id=path.name) for path in MODELS]
)
def test_the_folder_is_a_run_that_scores_as_the_version_did(model):
    run = tfar.load_run(model)
    rows = stored(newest_version(model))
    given = [text.decode() for text in rows["text"].tolist()] if "text" in rows else rows["x"]
    found = run.model.log_prob(given, rows.get("context")).numpy()
    np.testing.assert_allclose(found, rows["log_prob"], rtol=1e-5, atol=1e-4)
    assert run.description["data_dir"] is None
    assert not any(Path(run.description[key]).is_absolute() for key in ("name", "source"))
    assert tfar.config.FAMILIES[run.metrics["model"]].__name__ == type(run.model.network).__name__
    assert run.metrics["parameters"] == run.model.count_params()


@each_model
def test_card_tells_of_use_and_licences(model):
    card = (model / "README.md").read_text(encoding="utf-8")
    for title in ("Intended use", "Limitations", "Licence of the data, stored test rows included", "Licence of the weights"):
        assert f"\n**{title}**: " in card
    metrics = json.loads((model / "metrics.json").read_text(encoding="utf-8"))
    assert ("--fold " in metrics["command"]) == ("folds" in metrics) == ("standard error over the folds" in card)
    assert ("derived from race" in card) == ("boston" in model.name)
    assert ("Rows of one patient" in card) == ("parkinsons" in model.name)


@each_version
def test_version_is_small(name):
    assert sum(path.stat().st_size for path in VERSIONS[name].rglob("*") if path.is_file()) < LARGEST


@each_version
def test_stored_rows_are_scored_as_they_were(name):
    rows = stored(VERSIONS[name])
    found = asked(name, "log_prob", rows)
    assert rows.keys() == {*signatures(VERSIONS[name])["log_prob"]["inputs"], *found} and len(rows["log_prob"])
    assert_close(found, rows)


@each_quick_version
def test_version_answers_without_python_as_in_python(client, name):
    inputs = {endpoint: tensors["inputs"] for endpoint, tensors in signatures(VERSIONS[name]).items()}
    rows, options = stored(VERSIONS[name]), {"length": np.full(ROWS, LENGTH, np.int32), "temperature": np.ones(ROWS, np.float32)}
    assert_close(client.run(name, "log_prob", **{key: rows[key] for key in inputs["log_prob"]}), rows)
    if re.match(r"rnade-(?!boston)", name):  # the same graphs as boston's, of a mixture of normals or of Laplaces, with other numbers
        return
    given = {**rows, **options, "prompt": np.full(ROWS, b"", object), "seed": np.arange(2 * ROWS, dtype=np.int32).reshape(ROWS, 2)}
    given = {key: value[:ROWS] for key, value in given.items()}
    drawn = client.run(name, "sample", **{key: given[key] for key in inputs["sample"]})
    assert_same(drawn, asked(name, "sample", given))
    scored = client.run(name, "log_prob", **{key: (given | drawn)[key] for key in inputs["log_prob"]})
    assert np.isfinite(scored["log_prob"]).all()
    if "text" in drawn:  # which `sample` does not score
        assert scored["characters"].tolist() == [LENGTH] * ROWS
        return
    assert_close({"log_prob": drawn["log_prob"]}, scored)
    x = given["x"]
    given["observed"] = np.broadcast_to(np.argsort(order_of(name, x[0].size)).reshape(x[0].shape) < x[0].size // 2, x.shape)
    completed = client.run(name, "complete", **{key: given[key] for key in inputs["complete"]})
    assert_same(completed, asked(name, "complete", given))
    assert (completed["x"] == x)[given["observed"]].all() and (completed["x"] != x).any()
    scored = client.run(name, "log_prob", **{key: (given | completed)[key] for key in inputs["log_prob"]})
    assert_close({"log_prob": completed["log_prob"]}, scored)


@pytest.mark.slow
def test_the_script_draws_pictures_of_a_shipped_model(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib", reason="matplotlib, which draws, is not installed")
    import pictures

    monkeypatch.setattr("sys.argv", ["pictures.py", str(FOLDER / "made-digits"), "--data", "digits", "--out", str(tmp_path / "new")])
    assert pictures.main() == 0
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"made-digits-samples.png", "made-digits-completions.png"}
    with pytest.raises(FileExistsError, match="nothing is overwritten"):
        pictures.main()
    x = np.array([[[0], [0]], [[1], [1]]])
    np.testing.assert_array_equal(pictures.nearest(x, np.array([[[1], [0]], [[1], [1]], [[0], [0]]])), x)


@pytest.mark.slow
def test_the_answers_in_the_guide_are_those_of_the_model():
    guide = (FOLDER.parent / "docs" / "serving.md").read_text(encoding="utf-8")
    examples = re.findall(r"curl \S+/v1/models/([\w-]+):predict -d '(\{.*?\})'\n```\n```\n(\{.*?\})\n```\n", guide, re.DOTALL)
    assert len(examples) == 3
    for name, request, answer in examples:
        request, answer = json.loads(request), json.loads(answer)["predictions"]
        endpoint, rows = request["signature_name"], request["instances"]
        version = f"{name}/{max(int(known.split('/')[1]) for known in VERSIONS if known.startswith(f'{name}/'))}"
        keys = list(loaded(version)[0][endpoint].structured_input_signature[1])
        given = {key: np.array([row[key] for row in rows]) for key in keys} if len(keys) > 1 else {keys[0]: np.array(rows)}
        found = asked(version, endpoint, given)
        expected = answer if isinstance(answer[0], dict) else [{"log_prob": value} for value in answer]
        assert_same(found, {key: np.array([row[key] for row in expected], found[key].dtype) for key in found})
    drawn = [row["log_prob"] for row in json.loads(examples[0][2])["predictions"]]
    script = re.search(r'predict\("(.*?)", "sample", seed=np\.array\((.*?), np\.int32\)\)', guide)
    printed = re.search(r"# twice \[(.*?)\]", guide).group(1)
    assert script.group(1) == examples[0][0] and json.loads(script.group(2)) == json.loads(examples[0][1])["instances"]
    np.testing.assert_allclose([float(word) for word in printed.split()], drawn)
