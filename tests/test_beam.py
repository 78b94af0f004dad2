"""Transforms on Apache Beam: `Score`, `Sample` and `Complete` around exported models."""

import subprocess
import sys
import types

import keras
import numpy as np
import pandas as pd
import pytest

import tfar

WITHOUT = "import sys\nsys.modules['apache_beam'] = None\nimport tfar.beam"


def test_without_beam_one_line_says_what_to_install():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].startswith("ImportError: tfar.beam needs Apache Beam: pip install 'tfar[beam]'")


@pytest.fixture(scope="module")
def installed():
    pytest.importorskip("apache_beam", reason="apache-beam is not installed: pip install 'tfar[beam]'")


@pytest.fixture(scope="module")
def people(installed):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], 90),
            "age": rng.integers(20, 60, 90),
            "kids": pd.array(rng.choice([None, 0, 1, 2], 90), dtype="Int64"),
            "weight": rng.normal(70, 9, 90),
        }
    )


@pytest.fixture(scope="module")
def table(people, tmp_path_factory):
    keras.utils.set_random_seed(1)
    model, path = tfar.TableModel(people, hidden_units=[8]), tmp_path_factory.mktemp("people")
    model.export(path / "3")
    return model, path


@pytest.fixture(scope="module")
def images(installed, tmp_path_factory):
    keras.utils.set_random_seed(2)
    model, path = tfar.MADE([3, 3, 1], hidden_units=[8]), tmp_path_factory.mktemp("images")
    model.export(path / "1")
    return model, path


def test_scores_of_rows_of_a_table(table, people):
    from tfar.beam import Score

    model, path = table
    rows = [{name: None if pd.isna(cell) else cell for name, cell in row.items()} for row in people.to_dict("records")]
    found = through(Score(path, batch_size=32), list(enumerate(rows)))
    expected = model.log_prob(people)
    assert len(found) == len(rows) and all(found[i].items() >= row.items() for i, row in enumerate(rows))
    np.testing.assert_allclose([found[i]["log_prob"] for i in range(len(rows))], expected, rtol=1e-5, atol=1e-5)


def test_scores_of_arrays(images):
    from tfar.beam import Score

    model, path = images
    x = model.sample(40, 3).numpy()
    found = through(Score(path), list(enumerate(x)))
    np.testing.assert_allclose([found[i]["log_prob"] for i in range(40)], model.log_prob(x), rtol=1e-5, atol=1e-5)


def test_all_calls_have_as_many_rows(images):
    from tfar.beam import Score

    model, path = images  # products of matrices round by the number of rows
    handler, x, calls = Score(path, batch_size=16).handler(), model.sample(20, 3).numpy(), []
    served = handler.load_model().signatures["log_prob"]

    class Watched:
        structured_input_signature = served.structured_input_signature

        def __call__(self, **inputs):
            calls.append(inputs["x"].shape[0])
            return served(**inputs)

    watched = types.SimpleNamespace(signatures={"log_prob": Watched()})
    found = [list(handler.run_inference([(i, x[i]) for i in numbers], watched)) for numbers in (range(16), range(16, 20))]
    assert calls == [16, 16] and [[key for key, _ in pairs] for pairs in found] == [[*range(16)], [*range(16, 20)]]
    scores = [answer["log_prob"] for pairs in found for _, answer in pairs]
    np.testing.assert_allclose(scores, model.log_prob(x), rtol=1e-5, atol=1e-5)
    assert handler.batch_elements_kwargs() == {"min_batch_size": 16, "max_batch_size": 16}


def test_samples_do_not_depend_on_bundles(table, images):
    from tfar.beam import Sample

    for model, path in (table, images):
        expected = model.sample(60, 7)
        for batch_size, numbers in ((7, range(60)), (50, [*range(59, 19, -1), *range(20)])):
            found = through(Sample(path, seed=7, batch_size=batch_size), list(numbers))
            rows = [found[number] for number in range(60)]
            if isinstance(expected, pd.DataFrame):
                drawn = pd.DataFrame(rows)[list(expected)]
                pd.testing.assert_frame_equal(drawn, expected, check_dtype=False)
                assert drawn["kids"].isna().any()
            else:
                np.testing.assert_array_equal([row["x"] for row in rows], expected)


def test_completions_are_those_of_the_model(table, images, people):
    from tfar.beam import Complete

    model, path = table
    blanks = people.copy()
    blanks.loc[::2, "kids"] = None
    blanks.loc[blanks["kids"].isna(), "weight"] = None  # the last ones of the order
    rows = [{name: None if pd.isna(cell) else cell for name, cell in row.items()} for row in blanks.to_dict("records")]
    filled = model.complete(blanks, seed=5)
    found = through(Complete(path, seed=5, batch_size=13), list(enumerate(rows)))
    pd.testing.assert_frame_equal(pd.DataFrame([found[i] for i in range(len(rows))])[list(filled)], filled, check_dtype=False)
    model, path = images
    x = model.sample(20, 3).numpy().astype(float)
    x[:, 2] = np.nan
    found = through(Complete(path, seed=5, batch_size=7), list(enumerate(x)))
    expected = model.complete(np.where(np.isnan(x), 0, x), ~np.isnan(x), seed=5)
    np.testing.assert_array_equal([found[i]["x"] for i in range(20)], expected)


@pytest.mark.slow
def test_processes_give_what_one_does(table, people):
    from tfar.beam import Sample

    model, path = table
    options = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    found = through(Sample(path, seed=7, batch_size=30), list(range(60)), options)
    assert [found[i]["age"] for i in range(60)] == model.sample(60, 7)["age"].tolist()


def test_what_a_model_does_not_take_is_refused_in_words(table, images, tmp_path):
    from tfar.beam import Score

    row = {"sex": "f", "age": 30, "kids": 1, "weight": 70.0}
    cases = [
        (table, {"sex": "f", "kids": 1, "weight": 70.0}, "must have the input age of the endpoint log_prob"),
        (table, {**row, "age": None}, "age must have a value"),
        (table, {**row, "age": 30.5}, "age must be of int64"),
        (table, {**row, "sex": "x"}, "column sex must be one of f, m"),
        (images, np.full([3, 3, 1], 0.5), "x must be of int32"),
    ]
    for (_, path), element, message in cases:
        with pytest.raises(Exception, match=message):
            through(Score(path), [(0, element)])
    with pytest.raises(FileNotFoundError, match="a SavedModel, or a folder of its versions"):
        Score(tmp_path)


def through(transform, elements, options=()):
    """What a transform makes of elements with keys, by their keys."""
    import json
    import tempfile
    from pathlib import Path

    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    with tempfile.TemporaryDirectory() as folder:
        with beam.Pipeline(options=PipelineOptions(list(options))) as pipeline:
            lines = pipeline | beam.Create(elements) | transform | beam.Map(line)
            lines | beam.io.WriteToText(f"{folder}/found")
        found = [json.loads(one) for path in Path(folder).iterdir() for one in path.read_text().splitlines()]
    assert len(found) == len(elements)
    return dict(found)


def line(pair):
    """A pair as a line of JSON."""
    import json

    return json.dumps(pair, default=lambda value: value.tolist())
