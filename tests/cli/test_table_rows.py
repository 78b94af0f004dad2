"""Tables with a head for each column: `tfar sample`, `tfar complete` and `tfar score`."""

import numpy as np
import pandas as pd
import pytest
from support.commands import fails

import tfar
from tfar.cli.main import main


@pytest.fixture(scope="module")
def run(mixed):
    return tfar.load_run(mixed[0])


def test_samples_have_the_columns_and_dtypes_of_the_table(mixed, tmp_path, capsys):
    words = ["sample", mixed[0], "-n", "40"]
    for name in ("a.csv", "b.parquet"):
        assert main([*words, "--out", tmp_path / name]) == 0
    text, arrow, table = pd.read_csv(tmp_path / "a.csv"), pd.read_parquet(tmp_path / "b.parquet"), pd.read_csv(mixed[1])
    assert list(text) == list(table) and len(text) == 40 and list(arrow) == list(table)
    assert str(arrow["kids"].dtype) == "Int64" and set(arrow["kids"].dropna()) <= {0, 1, 2, 3} and text["key"].isna().all()
    assert set(text["sex"]) == {"f", "m"} and (text["country"] == "CH").all() and text["born"].str.fullmatch(r"\d{4}-\d\d-\d\d").all()
    np.testing.assert_allclose(text["income"], arrow["income"])  # the same seed
    error = fails(capsys, *words, "--out", tmp_path / "a.csv")
    assert "nothing is overwritten" in error and main([*words, "--seed", "2", "--out", tmp_path / "a.csv", "--overwrite"]) == 0
    assert not np.isclose(pd.read_csv(tmp_path / "a.csv")["income"], text["income"]).any()


def test_given_values_are_those_of_all_rows_or_take_turns(mixed, tmp_path, capsys):
    for words, expected in ((["--given", "sex=m"], ["m"] * 6), (["--given", "sex=m", "--given", "sex=f"], ["m", "f"] * 3)):
        assert main(["sample", mixed[0], "-n", "6", *words, "--out", tmp_path / "s.csv", "--overwrite"]) == 0
        assert pd.read_csv(tmp_path / "s.csv")["sex"].tolist() == expected
    words = ["sample", mixed[0], "--out", tmp_path / "no.csv", "--given"]
    assert "the columns income, sex, born, kids. Received: --given town=Rome" in fails(capsys, *words, "town=Rome")
    assert "must be one of 'f', 'm'. Received: 'x'" in fails(capsys, *words, "sex=x")
    error = fails(capsys, *words, "kids=1")
    assert "sex, income, born, kids: train with --condition-on kids, or a deepnade" in error
    assert "--context is for models of arrays" in fails(capsys, *words[:-1], "--context", "f")
    assert not (tmp_path / "no.csv").exists()


@pytest.mark.pictures
def test_samples_are_drawn_beside_the_data(mixed, capsys):
    assert main(["sample", mixed[0], "-n", "30", "--seed", "5"]) == 0
    assert (mixed[0] / "samples-5.png").is_file() and len(pd.read_csv(mixed[0] / "samples-5.csv")) == 30
    assert "must end in one of .csv, " in fails(capsys, "sample", mixed[0], "--out", mixed[0] / "s.npy")


def test_completion_keeps_the_file_as_it_is(mixed, tmp_path, capsys):
    """Its own columns, those that are not modelled too, their order and what stands in them."""
    table = pd.read_csv(mixed[1], dtype={"kids": "Int64"}).assign(note=["as it was"] * 120)[::-1]
    blanks = table[["note", "born", "kids", "key", "sex", "income", "country"]].copy()
    blanks.loc[blanks.index[:10], "kids"] = pd.NA
    blanks.to_csv(tmp_path / "blank.csv", index=False)
    assert main(["complete", mixed[0], "--data", tmp_path / "blank.csv", "--out", tmp_path / "full.csv"]) == 0
    full, given = pd.read_csv(tmp_path / "full.csv", dtype="str"), pd.read_csv(tmp_path / "blank.csv", dtype="str")
    pd.testing.assert_frame_equal(full.drop(columns="kids"), given.drop(columns="kids"))
    known = given["kids"].notna()
    assert (full["kids"][known] == given["kids"][known]).all() and full["kids"].str.fullmatch(r"\d").all()

    assert main(["complete", mixed[0], "--data", tmp_path / "blank.csv", "-n", "2", "--rows", "5", "--out", tmp_path / "two.csv"]) == 0
    two = pd.read_csv(tmp_path / "two.csv", dtype="str")
    assert two["row"].tolist() == [str(row) for row in range(1, 6) for _ in range(2)] and two["draw"].tolist() == ["1", "2"] * 5
    assert list(two)[2:] == list(given) and (two["born"] == given["born"][:5].repeat(2).to_numpy()).all()

    blanks.to_parquet(tmp_path / "blank.parquet")
    assert main(["complete", mixed[0], "--data", tmp_path / "blank.parquet", "--seed", "8", "--rows", "3"]) == 0
    assert len(pd.read_parquet(mixed[0] / "completions-8.parquet")) == 3  # in the format of the data


def test_completions_that_the_order_does_not_allow_are_refused(mixed, tmp_path, capsys):
    table = pd.read_csv(mixed[1])
    table.loc[3, "income"] = np.nan
    table.to_csv(tmp_path / "blank.csv", index=False)
    words = ["complete", mixed[0], "--out", tmp_path / "no.csv"]
    error = fails(capsys, *words, "--data", tmp_path / "blank.csv")
    assert "train with --condition-on sex born" in error and "or a deepnade" in error and "in row 4" in error
    assert "must be given by --data" in fails(capsys, *words)
    assert not (tmp_path / "no.csv").exists()


def test_scores_of_rows_and_of_cells(mixed, run, tmp_path, capsys):
    expected = run.model.column_log_prob(pd.read_csv(mixed[1]))
    assert main(["score", mixed[0], "--data", mixed[1], "--out", tmp_path / "rows.csv"]) == 0
    rows = pd.read_csv(tmp_path / "rows.csv")
    assert list(rows) == ["row", "log_prob"] and rows["row"].tolist() == list(range(1, 121))
    np.testing.assert_allclose(rows["log_prob"], expected.sum(axis=1), rtol=1e-5)

    assert main(["score", mixed[0], "--data", mixed[1], "--columns", "--sort", "--out", tmp_path / "cells.parquet"]) == 0
    cells = pd.read_parquet(tmp_path / "cells.parquet")
    assert list(cells) == ["row", "log_prob", *(f"log_prob_{name}" for name in ("income", "sex", "born", "kids"))]
    assert cells["log_prob"].is_monotonic_increasing and sorted(cells["row"]) == rows["row"].tolist()
    np.testing.assert_allclose(cells.sort_values("row").iloc[:, 2:], expected, rtol=1e-5, atol=1e-6)
    assert "nothing is overwritten" in fails(capsys, "score", mixed[0], "--out", tmp_path / "rows.csv")
    assert "must end in one of" in fails(capsys, "score", mixed[0], "--out", tmp_path / "rows.txt")


@pytest.mark.slow
def test_scores_of_arrays(table, tmp_path):
    run, data = tfar.load_run(table[0]), table[1]
    assert main(["score", table[0], "--data", data, "--columns", "--out", tmp_path / "s.csv"]) == 0
    found, x = pd.read_csv(tmp_path / "s.csv"), run.rows(data).x
    np.testing.assert_allclose(found["log_prob"], run.model.log_prob(x), rtol=1e-5)
    np.testing.assert_allclose(found.filter(like="log_prob_"), run.model.distribution().position_log_prob(x), rtol=1e-4, atol=1e-5)
    assert list(found)[2:] == ["log_prob_a", "log_prob_b", "log_prob_c"]
    assert main(["score", table[0], "--sort"]) == 0
    assert pd.read_csv(table[0] / "scores.csv")["log_prob"].is_monotonic_increasing


@pytest.mark.slow
def test_scores_of_lines(written, tmp_path, capsys):
    (tmp_path / "new.txt").write_text("row, row\n\nyour boat\n", encoding="utf-8")
    assert main(["score", written[0], "--data", tmp_path / "new.txt", "--out", tmp_path / "s.csv"]) == 0
    model = tfar.load_run(written[0]).model
    np.testing.assert_allclose(pd.read_csv(tmp_path / "s.csv")["log_prob"], model.log_prob(["row, row\n", "your boat\n"]), rtol=1e-5)
    assert "--columns is for models of arrays" in fails(capsys, "score", written[0], "--columns", "--out", tmp_path / "no.csv")
