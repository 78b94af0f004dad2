"""Tables as arrays: columns that are all numbers, labels beside them, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from support.data import csv_text, error_of, table, write

from tfar import datasets
from tfar.datasets.frames import read_frame
from tfar.datasets.tables import array_source, is_binary, kept_columns, read_table


def source(path, **options):
    return datasets.read_source(path, **options)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", " "])
@pytest.mark.parametrize("header", [None, ("a", "b", "c")])
def test_a_table_of_numbers_is_one_array(tmp_path, delimiter, header):
    values = table()
    read = source(write(tmp_path / "t.csv", csv_text(values, header, delimiter)))
    assert np.array_equal(read.splits["all"].x, values)
    assert read.columns == header and read.splits["all"].context is None


def test_headers_of_numbers_and_row_names(tmp_path):
    years = datasets.load(write(tmp_path / "y.csv", "2019,2020,2021\n" + "3,5,8\n4,1,2\n" * 9), by_column=False)
    assert years.columns == ("2019", "2020", "2021") and sum(len(split.x) for split in years.splits.values()) == 18
    named = datasets.load(write(tmp_path / "r.csv", '"","a","b"\n' + "".join(f'"{i}",{i * 7 % 5},{i % 3}\n' for i in range(1, 30))))
    assert named.columns == ("a", "b") and "names the rows (1, 2, 3, ...)" in named.notes[0]


def test_labels(tmp_path):
    path = write(tmp_path / "i.data", "1,0.5,g\n0,-0.5,b\n1,0.25,g\n")
    read = source(path, context="column 3")
    assert read.columns is None and read.splits["all"].context.tolist() == ["g", "b", "g"]
    assert read.splits["all"].x.tolist() == [[1, 0.5], [0, -0.5], [1, 0.25]]
    named = write(tmp_path / "n.csv", "a,kind\n1,x\n2,\n")
    assert "one of the columns ['a', 'kind']. Received: 'sort'" in error_of(source, named, context="sort")
    assert "n.csv, column 'kind', row 2: must have a label" in error_of(source, named, context="kind")
    assert "must be left beside the label" in error_of(source, write(tmp_path / "s.csv", "kind\n1\n2\n"), context="kind")
    codes = source(write(tmp_path / "z.csv", "plz,x\n00501,1.5\n10115,2\n00501,3\n"), context="plz")
    assert codes.splits["all"].context.tolist() == ["00501", "10115", "00501"]


def test_blanks(tmp_path):
    path = write(tmp_path / "b.csv", "a,b,c\n1,,3\n?,NA,N/A\n4,5,6\n,,\n")
    nan = np.nan
    read = source(path, allow_blanks=True)
    np.testing.assert_array_equal(read.splits["all"].x, [[1, nan, 3], [nan, nan, nan], [4, 5, 6], [nan, nan, nan]])
    assert "b.csv, column 'a', row 2: must have a value. Received: a blank cell" in error_of(source, path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty", "bad.csv"]),
        ("a,b\n", ["a header and no rows"]),
        ("1,2,3\n4,5,6\n7,8\n9,1,2\n", ["line 3", "3 cells", "2 cells", "['7', '8']"]),
        ("a,b\n1,2\n\n3,x y\n", ["column 'b', row 2", "must be a finite number", "'x y'"]),
        ("1,2\n3,4\n5,10_000\n", ["column 'column 2', row 3", "'10_000'"]),
        ("1,2\n3,inf\n", ["column 'column 2', row 2", "must be a finite number", "inf"]),
        ("a,a,b\n1,2,3\n", ["must differ", "['a']"]),
        ("a,b\n1,900719925474099312\n2,3\n", ["column 'b', row 1", "at most 2^53", "900719925474099312"]),
    ],
)
def test_faults_are_named(tmp_path, text, words):
    message = error_of(source, write(tmp_path / "bad.csv", text))
    assert all(word in message for word in words), message


def test_some_columns_are_kept():
    frame = read_frame(pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [0.5, 1]}))
    assert list(kept_columns(frame, drop=["b"]).frame) == ["a", "c"]
    assert list(kept_columns(frame, columns=["c", "a"]).frame) == ["a", "c"]
    assert "drop must name columns" in error_of(kept_columns, frame, drop=["d"])
    assert "a column must be left" in error_of(kept_columns, frame, columns=["a"], drop=["a"])
    assert array_source(kept_columns(frame, drop=["b"]), "it").splits["all"].x.tolist() == [[1, 0.5], [2, 1]]


def test_a_table_is_an_array_where_it_is_binary_or_asked_for():
    bits = {"a": [0, 1] * 9, "b": [1.0, 0.0] * 9}
    assert is_binary(pd.DataFrame(bits)) and not is_binary(pd.DataFrame({"a": [0, None]})) and not is_binary(pd.DataFrame({"a": ["0"]}))
    assert datasets.load(bits).kind == "binary" and datasets.load(bits, by_column=True).kind == "table"
    assert datasets.load(bits, categorical=["a"]).kind == "table"
    numbers = {"a": list(range(18)), "b": [1.5, 0.5] * 9}
    assert datasets.load(numbers, numeric=["a"]).kind == "table" and datasets.load(numbers, by_column=False).kind == "continuous"
    assert datasets.load(numbers | {"b": [3, 1] * 9}, levels=2).kind == "binary"
    assert datasets.load(numbers | {"k": ["x", "y"] * 9}, context="k", drop=["b"]).columns == ("a",)
    assert "one head for all" in error_of(datasets.load, numbers, categorical=["b"], levels=2)
    assert "one head for all columns" in error_of(read_table, numbers, {"by_column": True}, True)
    assert "delimiter are for tables. Received: digits" in error_of(datasets.load, "digits", delimiter=";")
    assert "options must be among" in error_of(datasets.load, numbers, colour="red")


def test_an_array_of_a_table_is_read_again_as_it_was(tmp_path):
    rows = "".join(f"{a:.3f};x;{b:.3f}\n".replace(".", ",") for a, b in table(30, 2))
    path = write(tmp_path / "t.csv", "a;note;b\n" + rows)
    data = datasets.load(path, by_column=False, drop=["note"], delimiter=";")
    config = data.to_config()
    assert config["reading"] == {"drop": ["note"], "delimiter": ";"} and data.columns == ("a", "b")
    assert np.array_equal(datasets.load_config(config).train.x, data.train.x)
    assert len(datasets.prepare(path, config).x) == 30
    home = datasets.load(path, by_column=False, columns=["b"])
    assert datasets.load_config(home.to_config()).event_shape == (1,)


def test_a_path_may_begin_with_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "t.csv", csv_text(table()))
    data = datasets.load("~/t.csv", by_column=False)
    assert data.to_config()["source"] == str(tmp_path / "t.csv") and datasets.load_config(data.to_config()).name == "t.csv"


def test_objects_that_hold_no_table():
    for wrong in (None, 5, {1, 2}):
        assert f"an object that holds a table. Received: source={wrong!r}" in error_of(datasets.load, wrong)
