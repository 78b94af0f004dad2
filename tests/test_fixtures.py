"""Models that earlier versions wrote are read, and give what they gave; `tests/fixtures/write.py` writes them."""

import json
import math
import shutil

import keras
import numpy as np
import pytest
from support import ROOT
from support.cases import CASES, discrete

import tfar
from tfar import training

VERSIONS = sorted(path for path in (ROOT / "tests" / "fixtures").iterdir() if (path / "runs").is_dir())
MODELS = {f"{version.name}/{path.stem}": path.with_suffix("") for version in VERSIONS for path in sorted(version.glob("*.npz"))}
RUNS = {f"{version.name}/{path.stem}": path.with_suffix("") for version in VERSIONS for path in sorted((version / "runs").glob("*.npz"))}
FILES = {"rnade": "table.csv", "charrnn": "text.txt"}  # data of the runs that have no embedded ones
each_model = pytest.mark.parametrize("name", MODELS)
each_run = pytest.mark.parametrize("name", RUNS)


def stored(path):
    """What a model was given, and gave."""
    with np.load(path.with_suffix(".npz")) as file:
        return dict(file)


def assert_gives(model, given):
    """Discrete samples are those that were drawn then, bit by bit; numbers are up to rounding."""
    context = given.get("context")
    np.testing.assert_allclose(model.log_prob(given["x"], context), given["log_prob"], rtol=1e-6)
    samples = model.sample(len(given["seeds"]), given["seeds"], context)
    np.testing.assert_allclose(samples, given["sample"], rtol=0, atol=0 if discrete(model) else 1e-6)


def test_there_are_models_of_all_families():  # the other tests have no cases where there are none
    assert "0.1" in [version.name for version in VERSIONS]
    for version in VERSIONS:
        names = {path.name for path in MODELS.values() if path.parent == version}
        assert names <= set(CASES) and len(names) >= 35
        assert {path.name for path in RUNS.values() if path.parent.parent == version} >= set(tfar.config.FAMILIES)


@each_model
@pytest.mark.parametrize("load", [pytest.param(keras.saving.load_model, marks=pytest.mark.slow), tfar.load_model], ids=["keras", "tfar"])
def test_a_model_file_gives_what_it_gave(name, load):
    assert_gives(load(MODELS[name].with_suffix(".keras")), stored(MODELS[name]))


@pytest.mark.filterwarnings("ignore:.*holds no settings")
@each_model
def test_a_weights_file_gives_what_it_gave(name):
    model = CASES[MODELS[name].name].model()
    model.load_weights(MODELS[name].with_suffix(".weights.h5"))
    assert_gives(model, stored(MODELS[name]))


@each_run
def test_a_run_folder_gives_what_it_gave(name):
    run, given = tfar.load_run(RUNS[name]), stored(RUNS[name])
    if "texts" in given:
        assert run.model.sample(2, seed=3, length=20) == given["texts"].tolist()
        np.testing.assert_allclose(run.model.log_prob(given["texts"].tolist()), given["log_prob"], rtol=1e-6)
        return
    assert_gives(run.model, {**given, "sample": given["x"]})
    np.testing.assert_allclose(run.own_units(given["x"]), given["own_units"], rtol=1e-6)
    if "context" in given:
        np.testing.assert_array_equal(run.contexts(None, len(given["x"])), given["context"])


@each_run
def test_a_run_folder_scores_as_it_did(name, tmp_path):
    folder = shutil.copytree(RUNS[name], tmp_path / "run")
    if file := FILES.get(folder_name := RUNS[name].name):
        description = json.loads((folder / "data.json").read_text())
        (folder / "data.json").write_text(json.dumps({**description, "source": str(RUNS[name].with_name(file))}))
    run = tfar.load_run(folder)
    assert run.metrics["model"] == folder_name
    scores = training.evaluate(run.model, run.data.test)
    stored_scores = {key: run.metrics["test"][key] for key in scores}
    assert np.isfinite(stored_scores["nll"])
    for key, value in stored_scores.items():
        assert scores[key] == pytest.approx(math.nan if value is None else value, rel=1e-5, nan_ok=True), key  # JSON has no NaN
