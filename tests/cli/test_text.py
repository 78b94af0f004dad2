"""The commands on models of text."""

import json

import numpy as np
import pytest
from support.commands import fails

from tfar.cli.main import main


@pytest.mark.pictures
def test_train_on_a_text_writes_the_folder(written):
    folder, _ = written
    names = {path.name for path in folder.iterdir()}
    assert {"model.keras", "data.json", "metrics.json", "history.csv", "curve.png", "sample.txt"} <= names
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["test"]["characters"] == 288 and metrics["test"]["nll"] < 1 < metrics["baseline_nll"]
    assert metrics["test"]["bits_per_character"] == pytest.approx(metrics["test"]["nll"] / np.log(2))
    assert len((folder / "sample.txt").read_text()) == 2000


@pytest.mark.pictures
def test_a_text_model_is_there_before_anything_is_made_of_it(tmp_path, monkeypatch, capsys):
    from tfar.models.character import CharacterModel

    def fail(*args, **options):
        raise OSError("no compiler")

    monkeypatch.setattr(CharacterModel, "sample", fail)
    (tmp_path / "song.txt").write_text("row, row, row your boat\n" * 40)
    words = ["--units", "4", "--num-layers", "1", "--epochs", "1", "--epoch-steps", "5", "--sequence-length", "8", "--batch-size", "4"]
    assert "no compiler" in fails(
        capsys, "train", "charrnn", "--data", tmp_path / "song.txt", "--out", tmp_path / "run", *words, "--no-jit"
    )
    assert (tmp_path / "run" / "model.keras").is_file() and (tmp_path / "run" / "curve.png").is_file()


def test_a_text_is_written_as_it_comes(written, tmp_path, capsys):
    folder, _ = written
    assert main(["sample", folder, "--prompt", "row, ", "--length", "90", "--seed", "3", "--temperature", "0.7"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("row, ") and len(shown) == 5 + 90 + 1
    words = ["--prompt", "row, ", "--length", "90", "--seed", "3", "--temperature", "0.7", "--out", tmp_path / "a.txt"]
    assert main(["sample", folder, *words]) == 0
    assert (tmp_path / "a.txt").read_text() == shown
    assert "which exists" in fails(capsys, "sample", folder, *words)
    assert main(["sample", folder, "-n", "2", "--length", "30", "--seed", "3", "--top-k", "1"]) == 0
    assert capsys.readouterr().out.count("-" * 80) == 1


def test_evaluate_a_text(written, tmp_path, capsys):
    folder, text = written
    assert main(["evaluate", folder, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert found["nll"] == pytest.approx(metrics["test"]["nll"], rel=1e-5) and found["baseline_nll"] == pytest.approx(
        metrics["baseline_nll"]
    )
    assert main(["evaluate", folder, "--data", text, "--streams", "1"]) == 0
    assert "1,440 characters" in capsys.readouterr().out
    (tmp_path / "other.txt").write_text("boat! boat?")
    assert "'!'" in fails(capsys, "evaluate", folder, "--data", tmp_path / "other.txt")
    assert "--ensemble is for models of rows" in fails(capsys, "evaluate", folder, folder, "--ensemble")
    assert "others are taken whole. Received: 'test'" in fails(capsys, "evaluate", folder, "--data", text, "--split", "test")


def test_a_text_that_changed_is_refused_and_bytes_are_scored(tmp_path, capsys):
    data = tmp_path / "song.txt"
    data.write_text("rów, rów, rów your boat\n" * 40, encoding="utf-8")
    words = ["--units", "4", "--num-layers", "1", "--epochs", "1", "--epoch-steps", "5", "--sequence-length", "8", "--batch-size", "4"]
    words += ["--vocabulary", "bytes", "--no-jit", "--quiet"]
    assert main(["train", "charrnn", "--data", data, "--out", tmp_path / "run", *words]) == 0
    capsys.readouterr()
    (tmp_path / "other.bin").write_bytes(bytes(range(256)))
    assert main(["evaluate", tmp_path / "run", "--data", tmp_path / "other.bin", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["characters"] == 256
    assert main(["sample", tmp_path / "run", "--prompt", "\udcff", "--length", "3"]) == 0  # the shell's $'\xff'
    assert capsys.readouterr().out.startswith("\ufffd")
    data.write_text("row, row, row your boat\n" * 40, encoding="utf-8")
    assert "song.txt has changed" in fails(capsys, "evaluate", tmp_path / "run")


def test_export_of_a_text_model_brings_a_card(written, tmp_path, capsys):
    folder, _ = written
    assert main(["export", folder, "--out", tmp_path / "song"]) == 0
    assert "sample(length int32[?], prompt string[?]" in capsys.readouterr().out
    card = (tmp_path / "song" / "README.md").read_text()
    assert "nats per character" in card and "CharRNN" in card and "no others" in card
    assert "no fixed length" in fails(capsys, "export", folder, "--out", tmp_path / "xla", "--xla")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sample", "--prompt", "ROW"], "first at position 0"),
        (["sample", "--temperature", "0"], "Received: temperature=0"),
        (["sample", "--length", "0"], "Received: length=0"),
        (["sample", "-n", "0"], "Received: -n 0"),
        (["sample", "--context", "a"], "--context is for models of arrays"),
        (["evaluate", "--rows", "3"], "--rows is for models of arrays"),
        (["complete"], "sample DIR --prompt"),
    ],
)
def test_bad_requests_of_a_text(written, capsys, words, message):
    assert message in fails(capsys, words[0], written[0], *words[1:])


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "empty"), (b"row your boat", "at least one sequence of 64"), (b"\x00\xff" * 5000, "bytes")]
)
def test_bad_texts_are_refused(tmp_path, capsys, content, message):
    (tmp_path / "bad.txt").write_bytes(content)
    assert message in fails(capsys, "train", "charrnn", "--data", tmp_path / "bad.txt", "--out", tmp_path / "run")


def test_models_of_text_are_compared_by_stretches(written, tmp_path, capsys):
    folder, song = written
    long = tmp_path / "long.txt"
    long.write_text(song.read_text(encoding="utf-8") * 3, encoding="utf-8")
    capsys.readouterr()
    assert main(["evaluate", folder, folder, "--data", long, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["differences"] == [{"nll": 0.0, "nll_error": 0.0}]
    assert main(["evaluate", folder, "--data", long, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["nll"] == found["models"][1]["nll"]
    assert main(["evaluate", folder, folder]) == 0
    assert "NLL (nats per character), difference from the first" in capsys.readouterr().out
    assert "'tfar score' scores the lines of a text" in fails(capsys, "evaluate", folder, "--out", tmp_path / "x.csv")


def test_a_text_that_is_read_by_parts_trains_as_one_in_memory(tmp_path, capsys):
    (tmp_path / "song.txt").write_text("row, row, row your boat\n" * 40)
    words = ["--units", "4", "--num-layers", "1", "--epochs", "2", "--epoch-steps", "5", "--sequence-length", "8", "--batch-size", "4"]
    found = []
    for name, more in (("parts", ["--stream"]), ("whole", [])):
        run = tmp_path / name
        assert main(["train", "charrnn", "--data", str(tmp_path / "song.txt"), "--out", str(run), *words, "--no-jit", *more]) == 0
        found.append({key: value for key, value in json.loads((run / "metrics.json").read_text())["test"].items() if key != "seconds"})
    assert found[0] == found[1]
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "parts"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["nll"] == pytest.approx(found[0]["nll"], rel=1e-6)
    assert "by parts must be a file" in fails(
        capsys, "train", "charrnn", "--data", "tiny_shakespeare", "--stream", "--out", tmp_path / "c", *words
    )
