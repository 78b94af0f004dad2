"""`tfar models`: trained models, a line each."""

import json
import re

from support import ROOT
from support.commands import fails

from tfar.cli.main import main


def test_each_run_folder_has_a_line(folder, written, capsys):
    for run, unit in ((folder, "nats"), (written[0], "nats per character")):
        capsys.readouterr()
        assert main(["models", run.parent]) == 0
        lines = capsys.readouterr().out.splitlines()
        metrics = json.loads((run / "metrics.json").read_text())
        (line,) = [line for line in lines if line.startswith(run.name)]
        error = metrics["test"]["nll_error"]  # a short text has none
        expected = [
            run.name,
            metrics["model"],
            metrics["data"],
            f"{metrics['test']['nll']:.3f}{'' if error is None else f' +- {error:.3f}'} {unit}",
        ]
        assert re.split(r" {2,}", line) == expected


def test_shipped_models_are_listed(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(path.name for path in (ROOT / "saved_models").iterdir() if path.is_dir())
    assert all(re.search(r"-?\d+\.\d{3} \+- \d+\.\d{3} nats", line) for line in lines)


def test_figures_that_are_missing_are_told(tmp_path, capsys):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "data.json").write_text('{"name": "mine.csv"}')
    (tmp_path / "b" / "metrics.json").write_text('{"model": "made", "test": {"nll": null, "nll_error": null}}')
    assert main(["models", tmp_path]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["a", "mine.csv", "not", "measured"],
        ["b", "made", "mine.csv", "not", "finite", "nats"],
    ]


def test_other_folders_are_refused(tmp_path, capsys):
    assert "a folder of run folders is needed" in fails(capsys, "models", tmp_path / "none")
    assert "without any" in fails(capsys, "models", tmp_path)
