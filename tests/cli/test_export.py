"""`tfar export` of arrays."""

import json
import re
import shutil

import numpy as np
import pytest
from support.commands import fails

import tfar
from tfar.cli.main import main
from tfar.testing import Client


@pytest.mark.slow
def test_export_writes_one_version_after_another_and_a_card(folder, table, labelled, tmp_path, capsys):
    base = tmp_path / "saved"
    for version in ("1", "2"):
        capsys.readouterr()
        assert main(["export", folder, "--out", base]) == 0
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

    assert "exists" in fails(capsys, "export", folder, "--out", base / "2")
    assert "exists" in fails(capsys, "export", folder, "--out", base / "README.md")
    (base / "README.md").write_text("mine")
    assert "did not write" in fails(capsys, "export", folder, "--out", base)
    capsys.readouterr()
    assert main(["export", table[0], "--out", tmp_path / "table" / "5"]) == 0
    assert "x float64[?, 3]" in (printed := capsys.readouterr().out) and "x is in the data's own units" in printed
    card = (tmp_path / "table" / "README.md").read_text()
    assert "a normal of full covariance" in card
    assert "`x` is float64" in card and "`x` is in the data's own units" in card and " nats, in the data's own units." in card
    assert re.search(r"\| b \| \d+\.", card) and (tmp_path / "table" / "5").is_dir()
    assert main(["export", labelled]) == 0
    card = (labelled / "saved_model" / "README.md").read_text()
    assert "label string[?]" in card and "`label` is the name of a class" in card and "as a string: 0, 1, 2, 3" in card
    rows = tfar.load_run(labelled).rows().take(slice(3))
    with Client({"digits": labelled / "saved_model" / "1"}) as client:
        asked = {"x": rows.x, "label": np.array([str(k).encode() for k in rows.context.argmax(axis=1)], object)}
        found = client.run("digits", "log_prob", **asked)["log_prob"]
    np.testing.assert_allclose(found, tfar.load_run(labelled).model.log_prob(rows.x, rows.context), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_what_is_exported_is_a_run_folder(folder, table, written, tmp_path, capsys):
    for name, run in {"digits": folder, "table": table[0], "text": written[0]}.items():
        base = tmp_path / name
        assert main(["export", run, "--out", base]) == 0
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


def test_an_export_of_standardised_rows_takes_and_gives_those_of_the_file(table, tmp_path):
    assert main(["export", table[0], "--out", tmp_path / "1"]) == 0
    run, raw = tfar.load_run(table[0]), np.loadtxt(table[1], delimiter=",", skiprows=1)
    standardized = (raw - run.preparation.standardization.mean) / run.preparation.standardization.scale
    expected = run.model.log_prob(standardized.astype("float32")).numpy() - np.log(run.preparation.standardization.scale).sum()
    with np.load(tmp_path / "1" / "assets.extra" / "test_rows.npz") as rows, Client({"table": tmp_path / "1"}) as client:
        np.testing.assert_allclose(client.run("table", "log_prob", x=raw)["log_prob"], expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(client.run("table", "log_prob", x=rows["x"])["log_prob"], rows["log_prob"], rtol=1e-5, atol=1e-5)
        found = {tuple(row) for row in raw.round(4).tolist()}
        assert {tuple(row) for row in rows["x"].round(4).tolist()} <= found  # rows of the file
        drawn = client.run("table", "sample", seed=np.arange(1000, dtype="int32").reshape(500, 2))["x"]
    assert abs(drawn.mean(axis=0) - raw.mean(axis=0)).max() < 10 and drawn[:, 1].std() > 5  # not of mean 0 and deviation 1


def test_a_run_folder_keeps_its_own_description(folder, tmp_path):
    base = tmp_path / "run"
    shutil.copytree(folder, base)
    assert main(["export", base, "--out", base]) == 0
    assert (base / "1").is_dir() and not (base / "model.json").exists()
    assert (base / "metrics.json").read_text() == (folder / "metrics.json").read_text()
