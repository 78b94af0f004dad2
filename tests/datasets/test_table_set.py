"""Mixed tables in three splits: what is learned from which rows."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from support.data import error_of, write

from tfar import datasets
from tfar.columns import BLANK
from tfar.datasets.schema import Schema
from tfar.datasets.table_set import TableSet, load_table


def people(rows=60, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], rows),
            "age": rng.integers(18, 80, rows),
            "income": np.exp(rng.normal(10, 1, rows)),
            "kids": pd.array(rng.choice([None, 0, 1, 2], rows), dtype="Int64"),
            "country": "CH",
        }
    )


def test_load_gives_a_table_of_every_kind_of_source(tmp_path):
    frame = people()
    frame.to_csv(tmp_path / "p.csv", index=False)
    frame.to_parquet(tmp_path / "p.parquet")
    with gzip.open(tmp_path / "p.tsv.gz", "wt") as file:
        frame.to_csv(file, index=False, sep="\t")
    sources = [frame, frame.to_dict("list"), tmp_path / "p.csv", str(tmp_path / "p.parquet"), tmp_path / "p.tsv.gz"]
    sets = [datasets.load(source) for source in sources]
    for data in sets:
        assert isinstance(data, TableSet) and data.columns == ("sex", "age", "income", "kids") and data.event_shape == (4,)
        assert [len(split.x) for split in data.splits.values()] == [48, 6, 6]
        np.testing.assert_allclose(data.train.x, sets[0].train.x, rtol=1e-14)
    assert [data.name for data in sets] == ["DataFrame", "dict", "p.csv", "p.parquet", "p.tsv.gz"]
    rows = pd.concat([sets[0].schema.decode(split.x) for split in sets[0].splits.values()])
    both = [table.sort_values(["income"]).reset_index(drop=True) for table in (rows, frame)]
    pd.testing.assert_frame_equal(*both, check_dtype=False)


def test_seeds_and_folds_divide_as_for_arrays():
    frame = pd.DataFrame({"x": np.arange(40) % 7 + 0.5, "y": np.arange(40) % 11})
    for options in ({"seed": 3}, {"fold": 1, "folds": 4}):
        table, array = datasets.load(frame, **options), datasets.load(frame, by_column=False, **options)
        for name, split in table.splits.items():
            decoded = table.schema.decode(split.x).to_numpy(np.float64)
            np.testing.assert_allclose(decoded, array.unstandardize(array.splits[name].x), atol=1e-5)
    assert "fold must say" in error_of(datasets.load, frame, folds=3)


def test_statistics_are_those_of_the_training_rows():
    """What only a held-out row has changes no atom, no warp, no range and no frequency."""
    frame = people(200)
    data = datasets.load(frame)
    held = datasets.load(pd.DataFrame({"row": np.arange(200.0)}), by_column=False)
    row = round(float(held.unstandardize(held.test.x)[0, 0]))
    changed = frame.assign(age=frame["age"].where(np.arange(200) != row, 70), income=frame["income"].where(np.arange(200) != row, 1e9))
    other = datasets.load(changed)
    assert other.schema == data.schema and np.array_equal(other.train.x, data.train.x)
    assert other.test.x[:, 2].max() == 1e9
    folded = datasets.load(changed, fold=0, folds=10)
    assert folded.schema["income"].warp.x[-1] > 0


def test_no_division_fails_for_what_its_training_rows_lack():
    """One row has a class, a blank, a third decimal and a value that no other row has."""
    frame = people(40).assign(sex=["x", *["f", "m"] * 19, "f"], size=[0.125, *[0.25, 0.5] * 19, 1.75], flag=[7, *[3] * 39])
    frame["weight"] = [np.nan, *np.linspace(1, 2, 39) ** 0.5]
    for seed in range(15):
        data = datasets.load(frame, seed=seed)
        assert data.schema["sex"].values == ("f", "m", "x") and data.schema["weight"].blank and data.schema["flag"].num_classes == 2
        blanks = [(split.x == BLANK).sum(axis=0)[data.columns.index("weight")] for split in data.splits.values()]
        assert sum(blanks) == 1 and all(shares.shape == (len(data.splits[name].x), 0) for name, shares in data.log_shares.items())


def test_rare_values_share_a_class_whose_members_have_a_probability():
    words = [f"w{i}" for i in range(300)] + ["often"] * 300
    data = datasets.load({"word": words, "x": list(np.arange(600) % 5)})
    column = data.schema["word"]
    assert column.rare and sum(column.rare_counts) < 300
    train = data.log_shares["train"]["word"].to_numpy()
    members = train < 0
    np.testing.assert_allclose(np.exp(train[members]), 1 / (sum(column.rare_counts) + 1))
    assert (
        list(data.log_shares["test"]) == ["word"] and np.isfinite(data.log_shares["test"]["word"]).all()
    )  # most of its words are in no training row


def test_a_description_repeats_the_table(tmp_path):
    people().to_csv(tmp_path / "p.csv", index=False, sep=";", decimal=",")
    data = datasets.load(tmp_path / "p.csv", categorical=["age"], drop=["kids"], delimiter=";", seed=2)
    config = json.loads(json.dumps(data.to_config()))
    again = datasets.load_config(config)
    assert again.schema == data.schema and np.array_equal(again.train.x, data.train.x)
    assert datasets.prepare(tmp_path / "p.csv", config).x.shape == (60, 3)
    moved = (tmp_path / "p.csv").rename(tmp_path / "q.csv")
    assert "no such file" in error_of(datasets.load_config, config)
    assert np.array_equal(datasets.load_config(config, moved).test.x, data.test.x)
    moved.write_text(moved.read_text().replace("f;", "m;", 3))
    assert "other rows in" in error_of(datasets.load_config, config, moved)
    given = datasets.load(people()).to_config()
    assert "must be given again. Received: DataFrame" in error_of(datasets.load_config, given)
    assert datasets.load_config(given, people()).name == "DataFrame"


def test_a_schema_that_is_given_holds():
    frame = people()
    schema = Schema.infer(frame, categorical=["age"])
    assert load_table(frame, schema=schema).schema == schema
    assert datasets.load(frame, preparation=schema).schema == schema
    assert "are those of the schema" in error_of(load_table, frame, schema=schema, drop=["sex"])
    assert "column 'sex', row 1: must be one of 'f', 'm'" in error_of(load_table, frame.assign(sex="z"), schema=schema)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("a,b\n", "a header and no rows"),
        ("a,b\nx,2\n", "At least 4 rows"),
        ("a,b\n,\n,\n,\n,\n,\n", "must have a column to model"),
        ("a,a\nx,2\n", "must differ"),
        ("a,b\nx,2\ny\nz,3\n", "line 3"),
        ("a\n" + "x\n" * 9, "must have a column to model. Received: a: constant, always 'x'"),
    ],
)
def test_bad_tables_are_refused(tmp_path, text, words):
    assert words in error_of(datasets.load, write(tmp_path / "bad.csv", text))


def test_a_column_without_a_training_value():
    frame = people(40).assign(late=[np.nan] * 39 + [1.5])
    for seed in range(12):
        assert np.isfinite(datasets.load(frame, seed=seed).test.x).all()


def test_test_rows_of_another_file(tmp_path):
    """They decide nothing: neither the schema nor which rows train."""
    rows, other = people(60), people(25, seed=1).assign(age=99, note="x")[["note", "kids", "income", "age", "sex", "country"]]
    rows.to_csv(tmp_path / "p.csv", index=False, sep=";", decimal=",")
    other.to_csv(tmp_path / "q.csv", index=False, sep=";", decimal=",")
    data = datasets.load(tmp_path / "p.csv", test=tmp_path / "q.csv", numeric=["age"], seed=3)
    assert {name: len(split.x) for name, split in data.splits.items()} == {"train": 50, "validation": 10, "test": 25}
    np.testing.assert_allclose(data.schema.decode(data.test.x)["income"], other["income"])  # in the order of the file
    again = datasets.load(tmp_path / "p.csv", test=rows[:5], numeric=["age"], seed=3)
    assert again.schema == data.schema and np.array_equal(again.train.x, data.train.x)
    assert data.schema["age"].start + data.schema["age"].size <= 99

    config = json.loads(json.dumps(data.to_config()))
    assert config["test"] == str(tmp_path / "q.csv") and "test" not in datasets.load(rows).to_config()
    assert np.array_equal(datasets.load_config(config).test.x, data.test.x)
    moved = (tmp_path / "q.csv").rename(tmp_path / "r.csv")
    assert "no such file" in error_of(datasets.load_config, config)
    assert np.array_equal(datasets.load_config(config, test=moved).test.x, data.test.x)
    people(25, seed=2).to_csv(moved, index=False, sep=";", decimal=",")
    assert f"{tmp_path / 'p.csv'} and {moved} with other rows in test" in error_of(datasets.load_config, config, test=moved)
    assert "must be given again. Received: DataFrame" in error_of(datasets.load_config, again.to_config())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sex": "q"}, "q.csv: column 'sex', row 1: must be one of 'f', 'm'. Received: 'q'"),
        ({"income": ["x"] * 9}, "q.csv: column 'income', row 1: must be a finite number. Received: 'x'"),
        ({"sex": None}, "q.csv: column 'sex', row 1: must have a value. Received: a blank cell"),
        ("kids", "q.csv: a table must have the columns ['sex', 'age', 'income', 'kids']. Received: a table without ['kids']"),
    ],
)
def test_test_rows_that_the_schema_does_not_know_are_refused(tmp_path, change, words):
    other = people(9)
    (other.drop(columns=change) if isinstance(change, str) else other.assign(**change)).to_csv(tmp_path / "q.csv", index=False)
    assert words in error_of(datasets.load, people(60), test=tmp_path / "q.csv")


def test_rare_values_of_another_file_have_a_probability():
    words = [f"w{i}" for i in range(300)] + ["often"] * 300
    test = {"word": ["often", "never seen"], "x": [1, 2]}
    data = datasets.load({"word": words, "x": list(np.arange(600) % 5)}, test=test)
    assert data.log_shares["test"]["word"].tolist() == pytest.approx([0, -np.log(sum(data.schema["word"].rare_counts) + 1)])
