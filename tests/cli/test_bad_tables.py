"""Bad tables: `tfar train`, `tfar evaluate` and `tfar score` say in one line what is wrong, and write nothing."""

import numpy as np
import pandas as pd
import pytest
from support.commands import fails

from tfar import datasets
from tfar.cli.main import main

HEADER = "income,sex,born,kids\n"
ROWS = "20000.5,f,1960-01-31,1\n31000.25,m,1961-04-25,\n12500.75,f,1973-11-29,2\n18000.5,m,1950-01-01,0\n"

UNREADABLE = {  # as any table, whatever was learned
    "empty": ("", "empty"),
    "only a header": (HEADER, "a header and no rows"),
    "duplicate names": (HEADER.replace("born", "sex") + ROWS, "column names must differ. Received: ['sex'] more than once"),
    "a short row": (HEADER + ROWS + "1.5,f\n", "line 6: rows must have 4 cells. Received: 2 cells"),
    "a long row": (HEADER + ROWS.replace(",m,", ",m,m,", 1) + ROWS, "line 3: rows must have 4 cells. Received: 5 cells"),
    "not UTF-8": ((HEADER + ROWS).encode("utf-16"), "UTF-8"),
}
UNFIT_TO_TRAIN = {
    "one row": ("a,b\nx,2\n", "At least 4 rows are needed"),
    "all blank": ("a,b\n,\n,\n,\n,\n,\n", "must have a column to model"),
    "one blank column": ("a\n" + "NA\n" * 9, "must have a column to model"),
    "all constant": ("a,b\n" + "x,2\n" * 9, "must have a column to model"),
}
UNLIKE = {  # the table that was learned
    "a wrong type in one cell": ({"income": [1.5, "x", 2.5, 3.5]}, "column 'income', row 2: must be a finite number. Received: 'x'"),
    "a word among dates": ({"born": ["1960-01-31", "1961-04-25", "never", "1950-01-01"]}, "column 'born', row 3: must be"),
    "a fraction of a child": ({"kids": [1, 0, 0.5, 1]}, "column 'kids', row 3: must be on its grid"),
    "infinity": ({"income": [1.5, 2.5, 3.5, "inf"]}, "column 'income', row 4: must be a finite number. Received: "),
    "an unseen category": ({"sex": ["f", "m", "f", "q"]}, "column 'sex', row 4: must be one of 'f', 'm'. Received: 'q'"),
    "a blank cell": ({"sex": ["f", None, "f", "m"]}, "column 'sex', row 2: must have a value. Received: a blank cell"),
    "an all blank column": ({"born": [None] * 4}, "column 'born', row 1: must have a value. Received: a blank cell"),
    "another constant": ({"country": ["CH", "CH", "AT", "CH"]}, "column 'country', row 3: must be 'CH'"),
}


@pytest.fixture
def nothing_trains(monkeypatch):
    monkeypatch.setattr("tfar.cli.train.import_tensorflow", lambda: pytest.fail("it is refused before TensorFlow is loaded"))


def content(text):
    return text if isinstance(text, bytes) else text.encode()


@pytest.mark.parametrize("case", [*UNREADABLE, *UNFIT_TO_TRAIN])
def test_training(case, tmp_path, capsys, nothing_trains):
    text, words = {**UNREADABLE, **UNFIT_TO_TRAIN}[case]
    (tmp_path / "bad.csv").write_bytes(content(text))
    error = fails(capsys, "train", "made", "--data", tmp_path / "bad.csv", "--out", tmp_path / "run", "--quiet")
    assert words in error and [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


def refused(capsys, run, folder):
    """The error that `evaluate` and `score` have in common of bad.csv in a folder; a file of scores that is there is left alone."""
    (folder / "scores.csv").write_text("mine")
    words = ["--data", folder / "bad.csv"]
    errors = [
        fails(capsys, "evaluate", run, *words),
        *(fails(capsys, "score", run, *words, "--out", folder / "new.csv", *more) for more in ([], ["--columns"])),
    ]
    assert "nothing is overwritten" in fails(capsys, "score", run, *words, "--out", folder / "scores.csv")
    assert len(set(errors)) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["bad.csv", "scores.csv"] and (folder / "scores.csv").read_text() == "mine"
    return errors[0]


@pytest.mark.parametrize("case", UNREADABLE)
def test_files_to_score(case, mixed, tmp_path, capsys):
    (tmp_path / "bad.csv").write_bytes(content(UNREADABLE[case][0]))
    assert UNREADABLE[case][1] in refused(capsys, mixed[0], tmp_path)


@pytest.mark.parametrize("case", UNLIKE)
def test_cells_to_score(case, mixed, tmp_path, capsys):
    changes, words = UNLIKE[case]
    pd.read_csv(mixed[1])[:4].assign(**changes).to_csv(tmp_path / "bad.csv", index=False)
    assert words in refused(capsys, mixed[0], tmp_path)


@pytest.mark.parametrize("change", [{"sex": "gender"}, {"born": "Born", "kids": "Kids"}])
def test_columns_to_score(change, mixed, tmp_path, capsys):
    pd.read_csv(mixed[1])[:4].rename(columns=change).to_csv(tmp_path / "bad.csv", index=False)
    assert f"a table must have the columns ['income', 'sex', 'born', 'kids']. Received: a table without {list(change)}" in refused(
        capsys, mixed[0], tmp_path
    )


def test_one_row_is_scored(mixed, tmp_path, capsys):
    """Its mean has no standard error."""
    pd.read_csv(mixed[1])[:1].to_csv(tmp_path / "one.csv", index=False)
    assert main(["score", mixed[0], "--data", tmp_path / "one.csv", "--columns", "--out", tmp_path / "s.csv"]) == 0
    scores = pd.read_csv(tmp_path / "s.csv")
    capsys.readouterr()
    assert main(["evaluate", mixed[0], "--data", tmp_path / "one.csv"]) == 0
    printed = capsys.readouterr().out
    assert len(scores) == 1 and np.isfinite(scores.to_numpy()).all()
    assert ": 1 rows\n" in printed and f"{-scores['log_prob'][0]:.3f} +- nan" in printed


def test_a_blank_column_beside_others_is_told_and_not_modelled(tmp_path):
    rows = "".join(f"{i % 7}.5,,{'ab'[i % 2]}\n" for i in range(40))
    (tmp_path / "t.csv").write_text(f"x,nothing,k\n{rows}")
    schema = datasets.load(tmp_path / "t.csv").schema
    assert schema.names == ("x", "k") and "nothing  constant  no      always blank" in str(schema)
