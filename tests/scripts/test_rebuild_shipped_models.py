"""`scripts/rebuild_shipped_models.py`, on a copy of a shipped model."""

import json
import shutil

import pytest
import rebuild_shipped_models as rebuild
from support import ROOT

SHIPPED = ROOT / "saved_models" / "made-digits"
FILES = ("README.md", "data.json", "metrics.json", "model.json")


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(SHIPPED, tmp_path / "made-digits")


def run(monkeypatch, folder):
    monkeypatch.setattr("sys.argv", ["rebuild_shipped_models.py", "--folder", str(folder)])
    return rebuild.main()


@pytest.mark.slow
def test_files_are_those_that_are_shipped(copy, monkeypatch, capsys):
    for name in ("README.md", "data.json", "model.json"):
        (copy / name).unlink()
    assert run(monkeypatch, copy.parent) == 0
    assert "made-digits" in capsys.readouterr().out
    for name in FILES:
        assert (copy / name).read_text(encoding="utf-8") == (SHIPPED / name).read_text(encoding="utf-8"), name


def test_a_command_of_another_model_is_refused(copy, monkeypatch, capsys):
    metrics = json.loads((copy / "metrics.json").read_text(encoding="utf-8"))
    (copy / "metrics.json").write_text(json.dumps({**metrics, "command": f"{metrics['command']} --order reversed"}), encoding="utf-8")
    assert run(monkeypatch, copy.parent) == 1
    assert "error: made-digits: the model must score the stored test rows" in capsys.readouterr().err
    assert (copy / "model.json").read_text(encoding="utf-8") == (SHIPPED / "model.json").read_text(encoding="utf-8")


def test_archives_are_found_among_original_files(tmp_path):
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "a.tar.xz").write_bytes(b"")
    assert rebuild.located("a.tar.xz/*.tex", tmp_path) == str(tmp_path / "books" / "a.tar.xz" / "*.tex")
    for source in ("digits", "none.tar.xz/*.tex"):
        assert rebuild.located(source, tmp_path) == source
    assert rebuild.located("a.tar.xz/*.tex", None) == "a.tar.xz/*.tex"
