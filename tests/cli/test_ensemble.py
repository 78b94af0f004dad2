"""`tfar ensemble`: the run folder of several models, which the other commands take."""

import json

import numpy as np
import pytest
from support.commands import fails

import tfar
from tfar.cli.main import main


@pytest.fixture(scope="module")
def ensemble(folder, other, tmp_path_factory):
    out = tmp_path_factory.mktemp("ensembles") / "both"
    assert main(["ensemble", folder, other, "--out", out, "--fit-weights"]) == 0
    return out


@pytest.mark.slow
def test_it_scores_as_the_weighted_mean_of_probabilities(folder, other, ensemble, capsys):
    run, members = tfar.load_run(ensemble), [tfar.load_run(path) for path in (folder, other)]
    weights = run.metrics["weights"]
    for split in ("validation", "test"):
        rows = run.rows(split=split)
        p = np.exp([member.model.log_prob(rows.x).numpy().astype(np.float64) for member in members])
        assert run.metrics[split]["nll"] == pytest.approx(-np.log(weights @ p).mean(), rel=1e-5)
        if split == "validation":  # which no other weights fit better
            others = [-np.log([share, 1 - share] @ p).mean() for share in np.linspace(0, 1, 101)[1:-1]]
            assert run.metrics[split]["nll"] < min(others) + 1e-4
    assert main(["evaluate", ensemble, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["nll"] == pytest.approx(run.metrics["test"]["nll"], rel=1e-5)
    assert run.metrics["baseline_nll"] == members[0].metrics["baseline_nll"]


@pytest.mark.slow
def test_the_other_commands_take_it(ensemble, tmp_path):
    assert main(["sample", ensemble, "-n", "3", "--out", tmp_path / "x.npy"]) == 0
    assert np.load(tmp_path / "x.npy").shape == (3, 8, 8, 1)
    assert main(["export", ensemble, "--out", tmp_path / "exported"]) == 0
    x = np.load(tmp_path / "x.npy")
    expected = tfar.load_run(ensemble).model.log_prob(x)
    np.testing.assert_allclose(tfar.load_model(tmp_path / "exported").log_prob(x), expected, rtol=1e-5)


def test_models_that_make_no_ensemble(folder, other, table, tmp_path, capsys):
    out = ["--out", tmp_path / "new"]
    assert "of several models" in fails(capsys, "ensemble", folder, *out)
    assert "of the same data" in fails(capsys, "ensemble", folder, table[0], *out)
    assert "weights must be 2 positive numbers" in fails(capsys, "ensemble", folder, other, *out, "--weights", "1")
    assert "which exists" in fails(capsys, "ensemble", folder, other, "--out", folder)
    assert not (tmp_path / "new").exists()
