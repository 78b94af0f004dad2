"""Tables with a head for each column: the options of `tfar train`, a refit, a start from a trained model, and an export."""

import contextlib
import io
import json

import numpy as np
import pandas as pd
import pytest
from support.commands import fails

import tfar
from tfar import config, networks
from tfar.cli.main import main

SMALL = ["--epochs", "1", "--epoch-steps", "2", "--quiet"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A run of a file that the options describe, its file, and what was printed."""
    base, rng = tmp_path_factory.mktemp("small"), np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.integers(0, 4, 50), "b": rng.normal(size=50), "c": rng.choice(["u", "NONE"], 50), "d": 1})
    rows = frame.to_csv(index=False, header=False, sep="|")
    (base / "t.csv").write_text(f"# a comment\n{rows}")
    words = ["--delimiter", "|", "--no-header", "--na-values", "NONE", "--categorical", "column 1", "--drop", "column 2", "--refit"]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["train", "logistic", "--data", base / "t.csv", "--out", base / "run", *words, *SMALL]) == 0
    return base / "run", base / "t.csv", printed.getvalue()


def test_what_is_read_and_learned_is_printed_before_training(small):
    out = small[2]
    assert out.startswith("t.csv: 1 comment line at the top skipped") and "column 1  category  no      4 classes: 0, 1, 2, 3" in out
    assert out.index("category") < out.index("training on training and validation rows")


def test_options_say_what_columns_are(small):
    run = tfar.load_run(small[0])
    assert [column.kind for column in run.schema.columns] == ["category", "dropped", "category", "constant"]
    assert run.schema["column 3"].values == ("u",) and run.schema["column 3"].blank
    assert run.description["reading"] == {"delimiter": "|", "header": False, "na_values": ["NONE"]}
    assert run.rows(small[1])[0].x.shape == (50, 2)  # read as the training table was


def test_a_refit_learns_the_validation_rows_too(small):
    metrics = json.loads((small[0] / "metrics.json").read_text())
    assert metrics["refit"] and metrics["validation"]["rows"] == 5


def test_a_training_starts_from_another(small, tmp_path, capsys):
    text = small[1].read_text()
    (tmp_path / "new.csv").write_text("\n".join(text.split("\n")[1:40]))
    words = ["train", "logistic", "--init-from", small[0], "--out", tmp_path / "run", "--delimiter", "|", "--na-values", "NONE", *SMALL]
    assert main([*words, "--data", tmp_path / "new.csv", "--no-header"]) == 0
    found = tfar.load_run(tmp_path / "run")
    assert found.schema == tfar.load_run(small[0]).schema and found.data.train.x.shape == (33, 2)
    (tmp_path / "other.csv").write_text(text.replace("\n0|", "\n9|", 1))
    words[5] = tmp_path / "no"
    assert "column 'column 1'" in fails(capsys, *words, "--no-header", "--data", tmp_path / "other.csv")
    assert "its drop is []" in fails(capsys, *words, "--no-header", "--data", tmp_path / "new.csv", "--drop", "column 3")


def test_export(small, tmp_path, capsys):
    assert main(["export", small[0], "--out", tmp_path / "saved"]) == 0
    card = (tmp_path / "saved" / "README.md").read_text()
    assert "rows of a table of 2 columns" in card and "| column 3 | category | yes | 1 classes: u |" in card and "bits per row" in card
    found = []
    for folder in (small[0], tmp_path / "saved"):
        capsys.readouterr()
        assert main(["evaluate", folder, "--data", small[1], "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out)["nll"])
    assert found[0] == pytest.approx(found[1])


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--drop", "nope"], "drop must name columns of ['x', 'k']. Received: ['nope']"),
        (["--condition-on", "nope"], "Received: ['nope']"),
        (["--condition-on", "k", "--order", "reversed"], "--condition-on sets the order"),
        (["--min-scale", "0.1"], "--min-scale is for one head of all columns"),
        (["--head", "normal", "--categorical", "x"], "one head for all"),
        (["--head", "normal"], "column 'k', row 1: must be a finite number. A column of words"),
        (["--head", "normal", "--drop", "k", "--condition-on", "x"], "--condition-on is for tables with a head for each column"),
        (["--delimiter", "ab"], "delimiter must be one character"),
    ],
)
def test_options_that_do_not_fit_are_refused(words, shown, tmp_path, capsys):
    (tmp_path / "t.csv").write_text("x,k\n" + "".join(f"{i % 9}.5,{'ab'[i % 2]}\n" for i in range(40)))
    assert shown in fails(capsys, "train", "made", "--data", tmp_path / "t.csv", "--out", tmp_path / "run", "--quiet", *words)
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_options_of_tables_are_refused_for_other_data(tmp_path, capsys):
    words = ["train", "made", "--data", "digits", "--out", tmp_path / "run", "--delimiter", ";"]
    assert "delimiter are for tables. Received: digits" in fails(capsys, *words)


def test_families_take_columns_as_their_networks_say():
    for family in config.FAMILIES.values():
        assert family.takes_columns == getattr(networks, family.__name__).takes_columns


def test_a_family_with_one_head_for_all_takes_tables_as_before(tmp_path, capsys):
    (tmp_path / "words.csv").write_text("x,k\n" + "1,a\n0,b\n" * 9)
    words = ["--data", tmp_path / "words.csv", "--out", tmp_path / "run"]
    assert "column 'k', row 1: must be a finite number" in fails(capsys, "train", "nadek", *words)
