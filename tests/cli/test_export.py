"""`tfar export` of arrays."""

import json
import re
import shutil

import numpy as np
import pytest
from support.commands import fails

import tfar
from tfar.cli.main import main


def test_export_writes_one_version_after_another_and_a_card(folder, table, labelled, tmp_path, capsys):
    base = tmp_path / "saved"
    for version in ("1", "2"):
        capsys.readouterr()
        assert main(["export", folder, "--to", base]) == 0
        assert (base / version / "saved_model.pb").is_file()
        printed = capsys.readouterr().out
        assert str(base / version) in printed and "sample(seed int32[?, 2])" in printed
    assert sorted(path.name for path in base.iterdir()) == ["1", "2", "README.md", "data.json", "metrics.json", "model.json"]
    metrics, card = json.loads((folder / "metrics.json").read_text()), (base / "README.md").read_text()
    command = metrics["command"].replace(str(folder), folder.name)  # without paths that others do not have
    for words in ("# saved", "version | 2,", f"{metrics['test']['nll']:.3f}", command, "x int32[?, 8, 8, 1]"):
        assert words in card
    assert str(folder.parent) in metrics["command"]
    assert not any(str(folder.parent) in (base / name).read_text() for name in ("README.md", "data.json", "metrics.json", "model.json"))
    assert "floor(2 v / 17)" in card and f"{metrics['parameters']:,} parameters" in card

    assert "exists" in fails(capsys, "export", folder, "--to", base / "2")
    assert "exists" in fails(capsys, "export", folder, "--to", base / "README.md")
    (base / "README.md").write_text("mine")
    assert "did not write" in fails(capsys, "export", folder, "--to", base)
    assert main(["export", table[0], "--to", tmp_path / "table" / "5"]) == 0
    card = (tmp_path / "table" / "README.md").read_text()
    assert "a normal of full covariance" in card
    assert "standardised" in card and re.search(r"\| b \| \d+\.", card) and (tmp_path / "table" / "5").is_dir()
    assert main(["export", labelled]) == 0
    assert "classes 0, 1, 2" in (labelled / "saved_model" / "README.md").read_text()


def test_what_is_exported_is_a_run_folder(folder, table, written, tmp_path, capsys):
    for name, run in {"digits": folder, "table": table[0], "text": written[0]}.items():
        base = tmp_path / name
        assert main(["export", run, "--to", base]) == 0
        own, again = tfar.load_run(run), tfar.load_run(base)
        assert again.metrics["test"] == own.metrics["test"] and type(again) is type(own)
        for weight, other in zip(again.model.weights, own.model.weights, strict=True):
            np.testing.assert_array_equal(weight, other)
    own = tfar.load_run(table[0]).description
    assert tfar.load_run(tmp_path / "table").description == {**own, "source": "mine.csv"}
    words = ["--data", table[1], "--json"]
    scores = []
    for one in (table[0], tmp_path / "table"):
        capsys.readouterr()
        assert main(["evaluate", one, *words]) == 0
        scores.append(json.loads(capsys.readouterr().out)["nll"])
    assert scores[0] == scores[1]
    assert main(["sample", tmp_path / "digits", "-n", "3", "--out", tmp_path / "x.npy"]) == 0
    assert main(["complete", tmp_path / "digits", "--rows", "2", "--out", tmp_path / "y.npy"]) == 0
    (tmp_path / "digits" / "data.json").unlink()
    with pytest.raises(FileNotFoundError, match="without data.json"):
        tfar.load_run(tmp_path / "digits")


def test_a_run_folder_keeps_its_own_description(folder, tmp_path):
    base = tmp_path / "run"
    shutil.copytree(folder, base)
    assert main(["export", base, "--to", base]) == 0
    assert (base / "1").is_dir() and not (base / "model.json").exists()
    assert (base / "metrics.json").read_text() == (folder / "metrics.json").read_text()
