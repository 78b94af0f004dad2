"""The benchmark of densities: its baselines by hand-made cases, its files, its page, and what it refuses."""

import doctest
import itertools
import json

import benchmark_density
import numpy as np
import pytest
from density import baselines, data, models, render, results, suites, validation
from support.training import binary

TINY = {"hidden_units": (4,), "epochs": 1, "epoch_steps": 2, "jit": False}


def rows(count=80, size=5, kind="binary"):
    parts = [binary(count, size, seed).x for seed in range(3)]
    if kind == "continuous":
        noise = np.random.default_rng(0)
        parts = [part + noise.normal(size=part.shape) for part in parts]
    return data.Rows(*parts, kind)


def every(size):
    return np.array(list(itertools.product([0, 1], repeat=size)), np.int32)


@pytest.mark.parametrize("module", [baselines], ids=["baselines"])
def test_the_examples_of_the_docstrings(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", ["independent", "chow_liu"])
def test_a_baseline_of_bits_is_normalised(name):
    log_prob = baselines.of_kind("binary")[name](rows()._replace(test=every(5)))
    assert np.exp(log_prob).sum() == pytest.approx(1, rel=1e-9)


def test_the_tree_finds_a_chain():
    """Of x_1 -> x_2 -> x_3, each a copy but for one row in ten, the middle column is the parent or the child of both others."""
    rng = np.random.default_rng(0)
    columns = [rng.integers(0, 2, 2000)]
    for _ in range(2):
        columns.append(np.where(rng.random(2000) < 0.1, 1 - columns[-1], columns[-1]))
    x = np.stack(columns, axis=1)[:, [1, 0, 2]].astype(np.int32)  # the middle one is column 0
    found = baselines.chow_liu(data.Rows(x, x, every(3), "binary"))
    flips = (every(3)[:, [1, 2]] != every(3)[:, [0]]).sum(axis=1)
    truth = np.log(0.5) + flips * np.log(0.1) + (2 - flips) * np.log(0.9)
    np.testing.assert_allclose(found, truth, atol=0.35)  # five standard errors of the counts


def test_the_normal_has_the_mean_and_the_covariance_of_the_rows():
    corners = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])  # of unit covariance
    found = baselines.full_normal(data.Rows(corners, corners, np.zeros((1, 2)), "continuous"))
    assert found == pytest.approx(-np.log(2 * np.pi))
    shifted = data.Rows(3 * corners + 1, corners, np.ones((1, 2)), "continuous")
    assert baselines.independent(shifted) == pytest.approx(-np.log(2 * np.pi * 9))


def test_a_row_is_measured_once_and_its_look_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "debd", lambda name: rows())
    suites.run(tmp_path, "debd", ["nltcs"], ["independent", "made"], {"nltcs": {"made": TINY}})
    suites.run(tmp_path, "debd", ["nltcs"], ["chow_liu"])
    found = {row["method"]: row for row in results.read_all(tmp_path, "debd")}
    assert set(found) == {"chow_liu", "made-tuned"} and len(found["made-tuned"]["test_looks"]) == 1
    weights, means = 5 * 4 * 2 + 4 + 5 + 5 * 5, 2 * 5
    assert found["made-tuned"]["parameters"] == weights + means and found["made-tuned"]["rows"] == 80
    monkeypatch.setattr(data, "debd", None)
    suites.run(tmp_path, "debd", ["nltcs"], ["chow_liu"])  # is not measured again


def test_folds_are_averaged(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "fold", lambda name, number: rows(60 + number, kind="continuous"))
    suites.run(tmp_path, "uci", ["boston"], ["normal"])
    (row,) = results.read_all(tmp_path, "uci")
    assert row["folds"] == len(row["test_looks"]) == 10
    assert row["nll"] == pytest.approx(np.mean([look["nll"] for look in row["test_looks"]]))


def test_validation_reads_no_test_row(tmp_path, monkeypatch):
    whole = rows(900)
    monkeypatch.setattr(data, "debd", lambda name: whole._replace(test=None))
    monkeypatch.setitem(validation.SETS, "tiny", ("nltcs", None, 40))
    validation.rows_of.cache_clear()
    parts = validation.rows_of("tiny")
    assert [len(part) for part in parts[:3]] == [40, 50, 810]
    trained = {"nll": 0, "seconds": 1.0, "settings": TINY}
    monkeypatch.setattr(models, "trained", lambda family, rows, seed, given: (None, trained))
    monkeypatch.setattr(models, "log_probs", lambda model, x: -x.sum(axis=1, dtype=float))
    validation.run(tmp_path, ["tiny"], ["made"])
    table = render.validation_table(results.read_all(tmp_path, "validation"))
    figure = f"{parts.test.sum(axis=1).mean():.2f} (1 s)"
    assert table.splitlines()[2].startswith("| tiny | 40 x 5 | made | ") and table.endswith(f"| {figure} | {figure} |")
    validation.rows_of.cache_clear()


def test_the_page_names_the_best_and_the_mean_ranks(tmp_path):
    figures = {("nltcs", "independent"): 9.0, ("nltcs", "made"): 6.0, ("plants", "independent"): 30.0, ("plants", "made"): 12.0}
    figures |= {("nltcs", "nade"): 5.5, ("plants", "nade"): 13.0}
    found = [{"set": s, "method": m, "nll": nll, "nll_error": 0.1, "seconds": 3.2} for (s, m), nll in figures.items()]
    page = render.benchmark({"debd": found})
    assert "**5.500 ± 0.100**" in page and "**12.000 ± 0.100**" in page and "**6.000" not in page and "Real values" not in page
    assert render.ranks("debd", found) == {"independent": 3, "made": 1.5, "nade": 1.5}
    assert render.ranks("debd", found[:1] + found[3:4]) == {}


@pytest.mark.parametrize(("suite", "name"), [("debd", "nltcs"), ("validation", "plants-200"), ("uci", "boston")])
def test_absent_data_are_one_line_that_says_where_they_come_from(suite, name, tmp_path, monkeypatch):
    monkeypatch.setenv("TFAR_RAW_DATA", str(tmp_path))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(SystemExit) as error:
        benchmark_density.main([suite, "--sets", name, "--results", str(tmp_path)])
    message = str(error.value)
    assert "\n" not in message and "needs" in message and "Received: " in message
    assert ("archive.ics.uci.edu" if suite == "uci" else "github.com/arranger1044/DEBD") in message


def test_unknown_names_are_refused(tmp_path):
    for words in (["debd", "--sets", "adult"], ["debd", "--methods", "pixelcnn"], ["validation", "--sets", "adult"]):
        with pytest.raises(SystemExit, match=f"must be among .* Received: {words[-1]}"):
            benchmark_density.main([*words, "--results", str(tmp_path)])


def test_the_shipped_pages_are_of_the_shipped_files(tmp_path):
    (tmp_path / "training.md").write_text((render.DOCS / "training.md").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "pictures").mkdir()
    render.run(results.FOLDER, tmp_path)
    for page in tmp_path.glob("*.md"):
        assert page.read_text(encoding="utf-8") == (render.DOCS / page.name).read_text(encoding="utf-8")
    for path in results.FOLDER.glob("*/*.json"):
        assert json.loads(path.read_text(encoding="utf-8")) is not None
