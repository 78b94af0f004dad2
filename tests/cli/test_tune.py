"""`tfar tune`: what it tries, what it keeps, and what it refuses. Most trainings are replaced by a known function of the settings."""

import json
import math
import shlex

import numpy as np
import pytest
from support.commands import fails

from tfar import automatic, config, training
from tfar.cli.array_job import ArrayJob
from tfar.cli.main import main, parse

pytest.importorskip("optuna", reason="optuna is not installed: pip install 'tfar[tune]'")

SMALL = ["--epochs", "2", "--epoch-steps", "2", "--no-jit"]


@pytest.fixture
def data(tmp_path):
    x = np.random.default_rng(0).integers(0, 2, [120, 4])
    np.savez(tmp_path / "bits.npz", train=x[:80], valid=x[80:100], test=1 - x[100:])
    return tmp_path / "bits.npz"


@pytest.fixture
def unbuilt(monkeypatch):
    """In the place of a model of arrays are the arguments that it would be made of."""
    monkeypatch.setattr(ArrayJob, "build", lambda job: job.args)
    monkeypatch.setattr("keras.backend.clear_session", lambda: None)


@pytest.fixture
def fits(monkeypatch):
    """Takes the place of trainings: the validation NLL is 3 + |log10(rate / 0.01)|; collects (model, train, validation, settings)."""
    calls = []

    def fit(model, train, validation, settings, callbacks=()):
        calls.append((model, train, validation, settings))
        return training.Fit({"val_nll": [9.0, nll(settings.learning_rate)]}, 2, 0.1, False)

    monkeypatch.setattr(training, "fit", fit)
    return calls


def nll(rate):
    return 3 + abs(math.log10(rate / 0.01))


def trials(folder):
    return json.loads((folder / "trials.json").read_text())


def rates(calls):
    return [settings.learning_rate for *_, settings in calls]


def test_the_automatic_settings_come_first_and_the_best_are_printed(data, unbuilt, fits, tmp_path, capsys):
    words = ["--data", data, "--out", tmp_path / "search", "--trials", "6", "--dropout", "0.25", "--epochs", "7"]
    assert main(["tune", "made", *words]) == 0
    chosen = automatic.choose(config.MADE, automatic.Facts(80, 4, "binary"))
    first = trials(tmp_path / "search")["trials"][0]["settings"]
    assert first == {name: chosen[name] if name != "hidden_units" else [*chosen[name]] for name in ("hidden_units", "learning_rate", "l2")}
    found = trials(tmp_path / "search")
    assert [trial["validation_nll"] for trial in found["trials"]] == list(map(nll, rates(fits))) and len(set(rates(fits))) == 6
    best = min(found["trials"], key=lambda trial: trial["validation_nll"])
    assert found["best"] == best["settings"]
    assert all(settings.epochs == 7 and model.dropout == 0.25 for model, _, _, settings in fits)
    assert [list(model.hidden_units) for model, *_ in fits] == [trial["settings"]["hidden_units"] for trial in found["trials"]]
    printed = capsys.readouterr().out.splitlines()
    of_first = nll(chosen["learning_rate"])
    assert f"best of 6: validation NLL {best['validation_nll']:.4f} of trial {best['trial']}, {of_first:.4f}" in printed[-2]
    args = parse(shlex.split(printed[-1])[1:])
    assert (args.command, args.model, args.data, args.epochs, args.dropout) == ("train", "made", str(data), 7, 0.25)
    assert {name: getattr(args, name) for name in best["settings"]} == best["settings"]


def test_the_test_rows_are_not_seen(data, unbuilt, fits, tmp_path):
    assert main(["tune", "nade", "--data", data, "--out", tmp_path / "search", "--trials", "1", "--quiet"]) == 0
    _, train, validation, _ = fits[0]
    stored = np.load(data)
    np.testing.assert_array_equal(train.x, stored["train"])
    np.testing.assert_array_equal(validation.x, stored["valid"])


def test_a_search_that_was_interrupted_goes_on(data, unbuilt, fits, tmp_path, monkeypatch, capsys):
    words = ["tune", "nade", "--data", data, "--out", tmp_path / "search", "--trials"]
    replaced = training.fit

    def interrupted(model, train, validation, settings, callbacks=()):
        found = replaced(model, train, validation, settings)
        return found if len(fits) < 2 else training.Fit(found.history, 2, 0.1, True)

    monkeypatch.setattr(training, "fit", interrupted)
    assert main([*words, "3"]) == 130
    printed = capsys.readouterr()
    assert "best of 1" in printed.out and "goes on from it" in printed.err
    assert len(trials(tmp_path / "search")["trials"]) == 1
    monkeypatch.setattr(training, "fit", replaced)
    assert main([*words, "3"]) == 0
    assert len(fits) == 4 and rates(fits)[2] == rates(fits)[1]  # what was interrupted is done again
    assert main([*words, "4"]) == 0  # more of them
    assert [trial["trial"] for trial in trials(tmp_path / "search")["trials"]] == [1, 2, 3, 4]
    assert len(set(rates(fits))) == 4
    assert main([*words, "4"]) == 0
    assert len(fits) == 5
    assert "with command tfar tune nade" in fails(capsys, *words, "4", "--seed", "1")


def test_a_training_that_falls_behind_is_stopped(data, unbuilt, tmp_path, monkeypatch):
    count = 0

    def fit(model, train, validation, settings, callbacks):
        nonlocal count
        count, history = count + 1, []
        callbacks[0].set_model(model)
        model.stop_training = False
        while len(history) < 20 and not model.stop_training:
            history.append(5.0 if count < 6 else 50.0)
            callbacks[0].on_epoch_end(len(history) - 1, {"val_nll": history[-1]})
        return training.Fit({"val_nll": history}, len(history), 0.1, False)

    monkeypatch.setattr(training, "fit", fit)
    assert main(["tune", "nade", "--data", data, "--out", tmp_path / "search", "--trials", "6", "--quiet"]) == 0
    states = [(trial["state"], trial["best_epoch"]) for trial in trials(tmp_path / "search")["trials"]]
    assert states[:5] == [("complete", 20)] * 5 and states[5][0] == "pruned" and states[5][1] < 20


def test_a_training_that_diverges_is_recorded_unless_it_is_the_first(data, unbuilt, fits, tmp_path, monkeypatch, capsys):
    replaced = training.fit

    def diverging(model, train, validation, settings, callbacks=()):
        if len(fits) == least:
            fits.append((model, train, validation, settings))
            raise ValueError("the training diverged")
        return replaced(model, train, validation, settings)

    monkeypatch.setattr(training, "fit", diverging)
    words = ["tune", "nade", "--data", data, "--out", tmp_path / "search", "--trials", "3"]
    least = 0
    assert "diverged" in fails(capsys, *words)
    fits.clear()
    least = 1
    assert main(words) == 0
    assert [trial["state"] for trial in trials(tmp_path / "search")["trials"]] == ["complete", "fail", "complete"]
    assert trials(tmp_path / "search")["trials"][1]["error"] == "the training diverged"


def test_trainings_of_text_and_tables(fits, tmp_path):
    (tmp_path / "text.txt").write_text("to be or not to be, that is the question. " * 20)
    words = ["--units", "4", "--num-layers", "1", "--sequence-length", "8"]
    assert main(["tune", "charrnn", "--data", tmp_path / "text.txt", "--out", tmp_path / "text", "--trials", "1", *words]) == 0
    assert trials(tmp_path / "text")["options"] == ["dropout", "learning_rate"]
    (tmp_path / "people.csv").write_text("sex,age\n" + "f,31\nm,40\nf,52\nm,28\n" * 30)
    out = tmp_path / "table"
    options = ["hidden-units", "direct", "schedule"]
    assert main(["tune", "made", "--data", tmp_path / "people.csv", "--out", out, "--trials", "1", "--options", *options]) == 0
    assert trials(out)["options"] == ["hidden_units", "direct", "schedule"]
    assert all(len(trial["settings"]["hidden_units"]) == 2 for trial in trials(out)["trials"])


def test_a_training(data, tmp_path):
    assert main(["tune", "nade", "--data", data, "--out", tmp_path / "search", "--trials", "1", "--hidden-units", "4", *SMALL]) == 0
    (trial,) = trials(tmp_path / "search")["trials"]
    assert 0 < trial["validation_nll"] < 4 and trial["best_epoch"] in (1, 2)  # independent fair bits have 4 ln 2 = 2.77


@pytest.mark.slow
def test_the_command_trains_what_the_search_found(data, tmp_path, capsys):
    assert main(["tune", "nade", "--data", data, "--out", tmp_path / "search", "--trials", "3", "--hidden-units", "4", *SMALL]) == 0
    command = shlex.split(capsys.readouterr().out.splitlines()[-1])[1:]
    command[command.index("RUN")] = str(tmp_path / "run")
    assert main([*command, "--quiet"]) == 0
    measured = json.loads((tmp_path / "run" / "metrics.json").read_text())
    found = trials(tmp_path / "search")["trials"]
    assert abs(measured["validation"]["nll"] - min(trial["validation_nll"] for trial in found)) < 1e-4


def test_what_cannot_be_searched(data, tmp_path, monkeypatch, capsys):
    words = ["tune", "nade", "--data", data, "--out", tmp_path / "search"]
    assert "--options must be among" in fails(capsys, *words, "--options", "depth", code=2)
    assert "--options must be among" in fails(capsys, *words, "--options", "seed", code=2)
    assert "--trials must be an integer of at least 1" in fails(capsys, *words, "--trials", "0")
    assert "--timeout must be a positive number" in fails(capsys, *words, "--timeout", "0")
    assert "a search makes new models" in fails(capsys, *words, "--init-from", tmp_path)
    assert "folder of a search" in fails(capsys, *words[:-1], tmp_path)
    assert not (tmp_path / "search").exists()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip install 'tfar[tune]'" in fails(capsys, *words)
