"""The test rows that `tfar export` stores beside a model, with what the model gives them."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from support import ROOT

import tfar
from tfar import datasets
from tfar.cli import model_card, runs
from tfar.cli.arrays import ArrayRun
from tfar.cli.main import main
from tfar.cli.published import command_elsewhere
from tfar.cli.text import TextRun
from tfar.files import write_json
from tfar.serving.text_endpoints import scored
from tfar.testing import randomize


def exported(base, model, data, **config):
    """Export a model as `tfar train` would have left it: its card and the stored rows, None where there are none."""
    folder = base / "run"
    folder.mkdir()
    randomize(model.network)
    runs.save_model(model, folder / runs.MODEL)
    write_json(folder / runs.DATA, data.to_config() | config)
    assert main(["export", folder, "--out", base / "served"]) == 0
    file = base / "served" / "1" / "assets.extra" / "test_rows.npz"
    rows = dict(np.load(file)) if file.exists() else None
    return (base / "served" / "README.md").read_text(encoding="utf-8"), rows


def served(base, rows):
    """What the exported `log_prob` answers to stored rows."""
    function = tf.saved_model.load(str(base / "served" / "1")).signatures["log_prob"]
    return function(**{name: tf.constant(rows[name], spec.dtype) for name, spec in function.structured_input_signature[1].items()})


def test_first_test_rows_are_stored(tmp_path):
    data = datasets.load("digits", context="label")
    model = tfar.LogisticAutoregressive(data.event_shape, context_size=10)
    card, rows = exported(tmp_path, model, data)
    assert set(rows) == {"x", "label", "log_prob"}
    first = data.test.take(slice(64))
    np.testing.assert_array_equal(rows["x"], first.x)
    assert rows["label"].tolist() == [str(number).encode() for number in first.context.argmax(axis=1)]
    np.testing.assert_array_equal(rows["log_prob"], model.log_prob(*first))
    np.testing.assert_allclose(served(tmp_path, rows)["log_prob"], rows["log_prob"], rtol=1e-5)
    figure = f"{-rows['log_prob'].mean(dtype=np.float64):.3f}"
    assert f"The first 64 test rows, stored with the `log_prob` of each in `1/assets.extra/test_rows.npz`, have {figure} nats." in card


def test_the_card_names_what_a_command_read():
    found = command_elsewhere("tfar train charrnn --data '/home/me/book.tar.xz/*.tex' --out=/runs/book --units 8")
    assert found == "tfar train charrnn --data 'book.tar.xz/*.tex' --out=book --units 8"
    assert command_elsewhere("tfar train charrnn --data '/texts/*/a.txt'") == "tfar train charrnn --data '*/a.txt'"


def test_a_stranger_asks_the_saved_model(tmp_path):
    """`scripts/query_saved_model.py`, with tfar, Keras and TFP blocked, scores the stored rows with their own contexts."""
    data = datasets.load("digits", context="label")
    _, rows = exported(tmp_path, tfar.LogisticAutoregressive(data.event_shape, context_size=10), data)
    script = ROOT / "scripts" / "query_saved_model.py"
    found = subprocess.run([sys.executable, script, tmp_path / "served", "--rows", "2"], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert f"log_prob of 2 test rows: {np.array2string(rows['log_prob'][:2], precision=3)}" in found.stdout
    assert "log_prob of 2 samples" in found.stdout


def test_a_model_that_diverged_is_not_exported(tmp_path):
    model = tfar.MADE([3], hidden_units=[4], direct=False)
    model.network.masked_layers[-1].bias.assign([0.0, np.nan, 0.0])
    with pytest.raises(ValueError, match="weights must be finite. Received: other values in .*bias"):
        model.export(tmp_path / "1")
    assert not list(tmp_path.iterdir())


def test_the_card_tells_of_values_that_the_model_rules_out(tmp_path):
    found = {"rows": 5, "nll": None, "nll_error": None, "bits_per_dim": None}
    metrics = {"test": found, "baseline_nll": 1.0, "versions": {"tfar": "1"}, "command": "tfar train"}
    run = ArrayRun(tmp_path, None, {})
    run.metrics = metrics
    assert "| test | 5 | not finite | not finite |" in model_card._likelihood(run)
    run.metrics = {**metrics, "baseline_nll": None}
    assert "have an NLL that is not finite on the test rows" in model_card._likelihood(run)


def test_the_card_has_the_figure_of_all_folds_beside_that_of_one(tmp_path):
    found = {"rows": 5, "nll": 2.0, "nll_error": 0.5, "bits_per_dim": 1.0}
    run = ArrayRun(tmp_path, None, {})
    folds = {"fold": 1, "nlls": [1.0, 2.5, 4.0], "nll": 2.5, "nll_error": 0.866, "command": "reproduce it"}
    run.metrics = {"test": found, "baseline_nll": 1.0, "versions": {"tfar": "1"}, "command": "tfar train", "folds": folds}
    card = model_card._likelihood(run)
    assert "fold 1 of 3" in card and "2.500 ± 0.866 nats" in card and "fold 1 is 2.500" in card and "`reproduce it`" in card


def test_the_card_says_what_the_data_are_for():
    words = model_card._use("boston_housing", "Mine.")
    assert "derived from race" in words and "advised against" in words and words.endswith("**Licence of the weights**: Mine.")
    assert "Rows of one patient" in model_card._use("parkinsons_telemonitoring", None)
    unknown = model_card._use("mine.csv", None)
    assert "not known" in unknown and "Licence of the weights" not in unknown


def test_data_that_are_gone_are_no_obstacle(tmp_path, capsys):
    file = tmp_path / "table.csv"
    np.savetxt(file, np.random.default_rng(0).normal(size=(20, 2)), delimiter=",")
    data = datasets.load(file, by_column=False)
    file.unlink()
    card, rows = exported(tmp_path, tfar.RNADE(data.event_shape, hidden_units=4), data)
    assert rows is None and "No test rows are stored" in card
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "no test rows" in line]
    assert "There is no such file" in line and str(file) not in card


def test_text_is_stored_as_strings(tmp_path):
    (tmp_path / "text").write_text("naïve 日本\n" * 1000, encoding="utf-8")
    data = datasets.load_text(tmp_path / "text")
    model = tfar.CharRNN(data.vocabulary, units=4, num_layers=1, dropout=0.0)
    card, rows = exported(tmp_path, model, data, kind=TextRun.kind)
    count = len(data.test) // 128
    codes = data.test[: 128 * count].reshape(-1, 128).astype(np.int32)
    assert set(rows) == {"text", "log_prob", "characters"} and rows["characters"].tolist() == [128] * count
    assert [text.decode() for text in rows["text"]] == [data.vocabulary.decode(row) for row in codes]
    np.testing.assert_allclose(rows["log_prob"], model.log_prob(codes), rtol=1e-5)
    found = served(tmp_path, rows)
    np.testing.assert_array_equal(found["characters"], rows["characters"])
    np.testing.assert_allclose(found["log_prob"], rows["log_prob"], rtol=1e-5)
    figure = f"{-rows['log_prob'].mean(dtype=np.float64) / 128:.4f}"
    assert f"The first {count} strings of 128 test characters," in card and f"have {figure} nats per character." in card


@pytest.mark.slow
def test_a_run_of_text_opens_where_nothing_else_has_imported_its_class(tmp_path):
    model = tfar.CharRNN("ab", units=4, num_layers=1, dropout=0.0)
    runs.save_model(model, tmp_path / runs.MODEL)
    description = {
        "name": "ab.txt",
        "kind": TextRun.kind,
        "source": "ab.txt",
        "data_dir": None,
        "sizes": {},
        "checksums": dict.fromkeys(("train", "validation", "test"), ""),
        "vocabulary": model.vocabulary.to_config(),
        "splits": [90.0, 5.0, 5.0],
    }
    write_json(tmp_path / runs.DATA, description)
    code = "import sys, tfar; assert type(tfar.load_run(sys.argv[1])).__name__ == 'TextRun'"
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_bytes_are_stored_but_for_zeros_at_an_end(tmp_path):
    model = tfar.CharRNN(datasets.Vocabulary.bytes(), units=4, num_layers=1, dropout=0.0)
    codes = np.array([0, 0, 255, 0, 0, 0, 9, 0, 9, 9], np.uint8)
    found = scored(model, codes, rows=3, length=2)
    assert found["text"].tolist() == [b"\xff", b"\t", b"\t\t"] and found["characters"].tolist() == [1, 1, 2]
    np.testing.assert_allclose(found["log_prob"][2], model.log_prob(np.array([[9, 9]], np.int32))[0], rtol=1e-5)
    np.savez(tmp_path / "rows.npz", **found)
    assert np.load(tmp_path / "rows.npz")["text"].tolist() == found["text"].tolist()
    assert scored(model, codes, rows=2, length=100)["characters"].tolist() == [10]
