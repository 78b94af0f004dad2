"""The benchmarks of mixed tables: what they measure by hand-made cases, and each group at a tiny size."""

import doctest
import json

import numpy as np
import pandas as pd
import pytest
from tables import big, completion, conditions, outside, protocol, queries, render, rivals, scores, synthetic, wide

import tfar
from tfar.cli.main import main
from tfar.datasets import Schema

TINY = "--hidden-units 16 --epochs 1 --batch-size 250 --epoch-steps 2 --no-jit --quiet"


def people(rows, seed=0):
    """A table of Adult's kinds: an income that follows from age and work, and an unknown word now and then."""
    random = np.random.default_rng(seed)
    age, work = random.integers(20, 60, rows), random.choice(["Private", "State-gov", "?"], rows, p=[0.5, 0.4, 0.1])
    rich = (age > 40) ^ (work == "State-gov") ^ (random.random(rows) < 0.1)
    return pd.DataFrame({"age": age.astype(float), "workclass": work, "income": np.where(rich, ">50K", "<=50K")})


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    """Folders with a table in Adult's place, tiny settings, and a command line that runs in this process."""
    folder = tmp_path_factory.mktemp("tables")
    (folder / "raw" / "adult").mkdir(parents=True)
    for name, seed in (("train", 1), ("test", 2)):
        people(300, seed).to_csv(folder / "raw" / "adult" / f"adult-{name}.csv.gz", index=False)

    def run(*words):
        assert main(words) == 0
        return {"seconds": 1.0, "peak_mib": 1}

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFAR_RAW_DATA", str(folder / "raw"))
        patch.setattr(protocol, "tfar", run)
        patch.setattr(protocol, "SETTINGS", dict.fromkeys(protocol.SETTINGS, TINY))
        for name, value in {"DRAWS": 19, "QUERIES": 5, "QUERY_DRAWS": 50, "MOST": 3, "ADULT_ROWS": 10, "BIG_ROWS": 300}.items():
            patch.setattr(protocol, name, value)
        yield protocol.Options(folder / "work", folder / "results", seeds=2)


def measured(options, name="adult"):
    return protocol.Results(options, name).read()


def test_examples_of_the_protocol_hold():
    tested = doctest.testmod(protocol)
    assert tested.attempted and not tested.failed


def test_a_part_is_measured_once_for_its_settings(tmp_path):
    results, calls = protocol.Results(protocol.Options(tmp_path, tmp_path), "a"), []

    def measure():
        calls.append(1)
        return {"value": len(calls)}

    assert results.part(["x", "y"], {"rows": 1}, measure, "a look") == {"rows": 1, "value": 1}
    assert results.part(["x", "y"], {"rows": 1}, measure, "a look") == {"rows": 1, "value": 1}
    assert results.part(["x", "z"], {"rows": 1}, measure) == {"rows": 1, "value": 2}
    assert results.part(["x", "y"], {"rows": 2}, measure, "again") == {"rows": 2, "value": 3}
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["x"] == {"y": {"rows": 2, "value": 3}, "z": {"rows": 1, "value": 2}}
    assert [look["purpose"] for look in content["test_looks"]] == ["a look", "again"]


def test_a_trial_uses_no_test_row(options, tmp_path):
    train, test = protocol.adult(options._replace(rows=20, work=tmp_path))
    assert train.read_text() == test.read_text() and len(train.read_text().splitlines()) == 21
    results = protocol.Results(options._replace(rows=20, results=tmp_path), "a")
    results.part(["x"], {}, lambda: {"value": 1}, "a look")
    assert "test_looks" not in results.read()
    whole = [path.read_text() for path in protocol.adult(options._replace(work=tmp_path))]
    assert whole[0] != whole[1]


def test_errors_are_of_blanked_cells_alone():
    train = pd.DataFrame({"n": [0.0, 2.0], "w": ["a", "b"]})
    test = pd.DataFrame({"n": [1.0, 2.0, 3.0], "w": ["a", "b", "a"]})
    blank = np.array([[True, True], [True, True], [False, False]])
    filled = pd.DataFrame({"n": [2.0, 5.0, 99.0], "w": ["a", "a", "b"]})
    found = completion.errors(train, test, blank, filled)
    assert found == {"accuracy": 0.5, "error": pytest.approx(2 / np.sqrt(2)), "columns": {"n": 2.0, "w": 0.5}}


@pytest.mark.parametrize("classes", [3, 10**9])
def test_coverage_of_a_right_distribution_is_90_percent(classes):
    random = np.random.default_rng(7)
    cells = random.integers(classes, size=[40, 20_000, 1]).astype(float)
    test, blank = pd.DataFrame({"n": cells[0, :, 0]}), np.ones([20_000, 1], bool)
    found = completion.coverage(cells[1:], test, blank)
    error = np.sqrt(0.09 / 20_000)
    assert abs(found["coverage"] - 0.9) < 4 * error  # false alarm: 6e-5
    assert found["closed_coverage"] >= found["coverage"]
    narrow = completion.coverage(cells[1:] * 0.5 + classes / 4, test, blank)
    assert narrow["coverage"] < 0.8 if classes > 3 else True


def test_draws_are_summarised_by_class_and_middle():
    test = pd.DataFrame({"w": ["a"], "n": [0.0]})
    draws = np.array([[[1, 1.0]], [[1, 2.0]], [[0, 9.0]]])
    table = completion.summary(draws, test, {"w": ["a", "b"]}, np.median)
    assert table.to_dict("list") == {"w": ["b"], "n": [2.0]}


def test_swapped_rows_differ_in_one_cell():
    table = people(400)
    rows, column = scores.swapped(table)
    different = (rows != table).to_numpy()
    assert different.sum(axis=1).tolist() == (column >= 0).astype(int).tolist()
    assert (different.argmax(axis=1) == column)[column >= 0].all()
    assert abs((column >= 0).mean() - protocol.SWAPPED_SHARE) < 4 * 0.5 / 400**0.5
    assert set(column) == {-1, 0, 1, 2}


def test_relative_scores_find_the_cell_that_raw_ones_hide():
    known = pd.DataFrame({"a": [-10.0, -10.2, -9.8], "b": [-1.0, -1.1, -0.9]})
    cells = pd.DataFrame({"a": [-10.0, -10.0, -10.1], "b": [-1.0, -3.0, -1.0]})
    found = scores.by_cells(known, cells, np.array([-1, 1, -1]))
    assert found["named"] == {"lowest": 0.0, "lowest relative": 1.0}
    assert found["auc"] == {"sum": 1.0, "lowest": 0.25, "lowest relative": 1.0} and found["chance"] == 0.5


def test_queries_hold_for_a_row_and_are_drawn_from_the_seed(options):
    table = people(200)
    drawn = queries.drawn(table, 50)
    assert drawn == queries.drawn(table, 50)
    assert {len(query) for query in drawn} == {2, 3}
    met = [np.logical_and.reduce([queries.meets(table[name], of) for name, of in query.items()]) for query in drawn]
    assert min(rows.sum() for rows in met) >= 1 and max(rows.sum() for rows in met) < 200


def test_conditions_are_closed_ranges_and_sets():
    numbers, words = pd.Series([1.0, 2.0, 3.0]), pd.Series(["a", "b", "a"])
    assert queries.meets(numbers, (2.0, None)).tolist() == [False, True, True]
    assert queries.meets(numbers, (None, 2.0)).tolist() == [True, True, False]
    assert queries.meets(numbers, (2.0, 2.0)).tolist() == [False, True, False]
    assert queries.meets(words, ["a"]).tolist() == [True, False, True]


def test_q_errors_have_a_floor_of_one_row():
    assert queries.q_error(np.array([0.1, 30.0, 2.0]), np.array([1, 10, 8])).tolist() == [1.0, 3.0, 4.0]


@pytest.mark.parametrize("dropped", [0, 1])
def test_tables_for_other_packages_are_decoded_as_they_were_encoded(tmp_path, dropped):
    people(50).to_csv(tmp_path / "a.csv", index=False)
    table = outside.read(tmp_path / "a.csv")
    assert table["workclass"].isna().any()
    encoding = outside.Encoding(table, dropped=dropped)
    array = encoding.encode(table)
    assert array.shape == (50, 1 + 2 * (2 - dropped)) and np.isnan(array).any(axis=1).tolist() == table["workclass"].isna().tolist()
    whole = table.dropna()
    decoded = encoding.decode(encoding.encode(whole))
    pd.testing.assert_frame_equal(decoded, whole.reset_index(drop=True), check_dtype=False, rtol=1e-12)


def fitted(options, command, seed=0):
    """A run folder as far as the groups read it, in place of a training by the command line."""
    run = options.work / command.split()[2]
    if not run.exists():
        run.mkdir()
        model = tfar.TableModel(outside.read(protocol.adult(options)[0]), command.split()[2], hidden_units=[8], num_components=2)
        model.fit(outside.read(protocol.adult(options)[0]), epochs=1, verbose=0)
        model.save(run / "model.keras")
        (run / "metrics.json").write_text(json.dumps({"validation": {"bits_per_row": 9.0}, "seconds": 1.0}))
    return run


@pytest.mark.slow
def test_groups_of_models_at_a_tiny_size(options, monkeypatch):
    groups = (completion, conditions, scores, queries)
    monkeypatch.setattr(protocol, "trained", fitted)
    for group in groups:
        group.run(options)
    found = measured(options)
    assert 0 < found["completion"]["Deep NADE"]["accuracy"] < 1 and "marginal" in found["completion"]
    assert set(found["conditions"]) == {"MADE", "Deep NADE"}
    assert found["scores"]["MADE"]["chance"] == 1 / 3
    assert found["queries"]["q_error"]["median"] >= 1
    assert len(found["test_looks"]) == 1 + 2 + 2
    render.run(options, options.work / "page.md")
    assert (options.work / "page.md").read_text().count("\n## ") == 5
    monkeypatch.setattr(protocol, "trained", None)  # nothing is measured again
    for group in groups:
        group.run(options)
    assert measured(options) == found


def test_rivals_need_what_they_are_compared_with(options, tmp_path):
    with pytest.raises(SystemExit, match="--rivals-python"):
        rivals.run(options._replace(results=tmp_path))


def test_the_large_table_has_all_kinds_of_columns():
    table = big.table(200)
    assert table.shape == (200, protocol.BIG_COLUMNS) and table.isna().any().any()
    kinds = {type(column).__name__ for column in Schema.infer(table).columns}
    assert kinds == {"Category", "Grid", "Real"}


@pytest.mark.slow
def test_groups_by_the_command_line_at_a_tiny_size(options, monkeypatch):
    table = big.table(200)
    monkeypatch.setattr(big, "table", lambda rows: table[["words_0", "price_0"]])
    monkeypatch.setattr(protocol, "WIDE_COLUMNS", 16)
    monkeypatch.setattr(protocol, "WIDE_CLASSES", (3, 40))
    monkeypatch.setattr(protocol, "WIDE_ROWS", 200)
    for group in (synthetic, big, wide):
        group.run(options)
    runs = measured(options)["synthetic"]["settings"]["runs"]
    assert list(runs) == ["0", "1"] and all(1 < run["test_bits_per_row"] < 20 for run in runs.values())
    render.run(options, options.work / "tables.md")
    assert {"## Synthetic tables", "## Large tables", "## A wide column"} <= set((options.work / "tables.md").read_text().splitlines())
    found = measured(options, "tables")
    assert set(found["big"]) == {"train", "sample", "score"} and found["adult sampled"]["rows"] == 10
    few, many = found["wide"]["3"], found["wide"]["40"]
    assert (few["classes"], many["classes"]) == (3, 40) and few["megaflops_per_row"] < many["megaflops_per_row"] < 2 * few[
        "megaflops_per_row"
    ]


def test_the_page_holds_the_figures_of_the_files(options, tmp_path):
    results = protocol.Results(options._replace(results=tmp_path), "adult")
    quality = {"rows": 9, "shapes": 0.5, "trends": 1.25, "auc": 0.9, "detection": 0.5, "copies": 0.0}
    run = {"command": "tfar train made", "test_bits_per_row": 39.25, "training_seconds": 90}
    kind = {"runs": {"0": run}, "quality": {"tables": {"0": quality}, "references": {"real training rows": quality}}}
    results.write({"synthetic": {"settings": kind}, "test_looks": [{"date": "2026-01-02", "purpose": "a look"}]})
    render.run(options._replace(results=tmp_path), tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text()
    assert "| tfar MADE, settings below | 0.50 | 1.25 | 0.9000 | 0.500 | 0.00 | 39.25 | 1.5 |" in page
    assert "| 2026-01-02 | a look |" in page and "## Queries" not in page
