"""Tables as DataFrames: text in all dialects, Parquet, Feather, objects in Python, and writing."""

import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from support.data import error_of

from tfar.datasets.frames import Frame, is_frame, read_frame, write_frame


def read(tmp_path, text, name="t.csv", **options):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_frame(path, **options)


def columns(frame):
    """Cells by column, None where they are blank."""
    return {name: [None if pd.isna(cell) else cell for cell in frame[name]] for name in frame}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " "])
@pytest.mark.parametrize("header", [True, False])
def test_delimiters_are_found(tmp_path, delimiter, header):
    cells = [["x", "name", "y"], ["1.5", "oak", "3"], ["-2e3", "elm", "4"], ["0.25", "oak", "5"]]
    text = "\n".join(delimiter.join(row) for row in cells[not header :]) + "\n"
    expected = {"x": [1.5, -2000.0, 0.25], "name": ["oak", "elm", "oak"], "y": [3, 4, 5]}
    frame, notes = read(tmp_path, text)
    assert columns(frame) == (expected if header else {f"column {i + 1}": cells for i, cells in enumerate(expected.values())})
    assert read(tmp_path, text, delimiter=delimiter).frame.equals(frame) and notes == ()
    assert frame.dtypes.iloc[[0, 2]].tolist() == [np.float64, np.int64]


# what is read as a value, not as something else
CASES = {
    "a header of numbers": ("2019,2020,2021\n1,2,3\n4,5,6\n", {"2019": [1, 4], "2020": [2, 5], "2021": [3, 6]}),
    "a blank in the first row": ("N/A,2.5\n1.5,3\n2.5,4\n", {"column 1": [None, 1.5, 2.5], "column 2": [2.5, 3.0, 4.0]}),
    "words alone": ("sex,city\nf,Rome\nm,Paris\n", {"sex": ["f", "m"], "city": ["Rome", "Paris"]}),
    "decimal commas": ("height;weight\n1,5;60,2\n1,7;70\n", {"height": [1.5, 1.7], "weight": [60.2, 70.0]}),
    "blanks": ("a,b,c\nN/A,#N/A,None\n1,<NA>,?\n2,3,y\n null,na,NaN\n", {"a": [None, 1, 2, None], "b": [None, None, 3, None]}),
    "no digits grouped": ("a,b\n10_000,1\n20_000,2\n", {"a": ["10_000", "20_000"], "b": [1, 2]}),
    "leading zeros": ("plz,v\n00501,1\n10115,2\n", {"plz": ["00501", "10115"], "v": [1, 2]}),
    "hexadecimal": ("a,v\n0x1F,1\n0x20,2\n", {"a": ["0x1F", "0x20"], "v": [1, 2]}),
    "a lone zero": ("a,v\n0,0.5\n10,0\n", {"a": [0, 10], "v": [0.5, 0.0]}),
    "ids of 17 digits": ("id,v\n12345678901234567,1\n,2\n", {"id": [12345678901234567, None], "v": [1, 2]}),
    "ids of 20 digits": ("id,v\n12345678901234567890,1\n,2\n", {"id": ["12345678901234567890", None], "v": [1, 2]}),
    "a quoted newline": ('a,b\n"x\ny",1\n"z, ""q""",2\n', {"a": ["x\ny", 'z, "q"'], "b": [1, 2]}),
    "other separators of lines": ("a,b\nx\u2028y,1\nx\x0cy\x85z,2\n", {"a": ["x\u2028y", "x\x0cy\x85z"], "b": [1, 2]}),
    "white space": ("a b  c\n 1   2 3 \n4 5\t6\n", {"a": [1, 4], "b": [2, 5], "c": [3, 6]}),
    "a byte order mark": ("\ufeffa|b\n1|2\n", {"a": [1], "b": [2]}),
    "blanks beside delimiters": ('a, "b", c\n1, "x, y", u v\n2, "z",  w \n', {"a": [1, 2], "b": ["x, y", "z"], "c": ["u v", "w"]}),
    "one column": ("city\nNew York\nLos Angeles\n", {"city": ["New York", "Los Angeles"]}),
    "carriage returns": ("a,b\r1,2\r3,4\r", {"a": [1, 3], "b": [2, 4]}),
    "empty lines": ("\r\na,b\r\n1,2\r\n\r\n3,4\r\n\r\n", {"a": [1, 3], "b": [2, 4]}),
    "the last column blank": ("a\tb\n1\t\n\t2\n", {"a": [1, None], "b": [None, 2]}),
    "a header of savetxt": ("# a,b\n1,2\n3,4\n", {"a": [1, 3], "b": [2, 4]}),
    "a column without a name": (",b\nx,2\nx,3\n", {"column 1": ["x", "x"], "b": [2, 3]}),
}


@pytest.mark.parametrize("text, expected", CASES.values(), ids=list(CASES))
def test_cells_are_read_as_written(tmp_path, text, expected):
    frame, notes = read(tmp_path, text)
    assert {name: cells for name, cells in columns(frame).items() if name in expected} == expected
    assert notes == ()


@pytest.mark.parametrize("last, first", [("007", "1"), ("2.5", 1.0), ("x", "1"), ("", 1), ('"2\n3"', "1")])
def test_a_late_cell_decides_as_an_early_one(tmp_path, last, first):
    frame, _ = read(tmp_path, "a,b\n" + "1,2\n" * 1_100_000 + f"{last},2\n")  # above one block
    assert frame["a"].iloc[0] == first and len(frame) == 1_100_001
    assert frame["a"].isna().sum() == (last == "") and (frame["b"] == 2).all()
    assert last == "" or str(frame["a"].iloc[-1]) == last.strip('"')


def test_quoted_newlines_may_lie_on_the_border_of_blocks(tmp_path):
    frame, _ = read(tmp_path, "a,b\n" + f'"{"x" * 50}\n\ny",2\n' * 100_000)
    assert len(frame) == 100_000 and (frame["a"] == "x" * 50 + "\n\ny").all() and (frame["b"] == 2).all()


@pytest.mark.parametrize(
    "text, note",
    [
        ("# made today\n# by hand\na,b\n1,2\n3,4\n", "2 comment lines at the top"),
        ("a,b\ncm,kg\n1,2\n3,4\n", "line 2 under the header skipped"),
        ('"","a","b"\n"1",1,2\n"2",3,4\n', "names the rows (1, 2, ...)"),
        ("a b\nr1 1 2\nr2 3 4\n", "names the rows (r1, r2, ...)"),
        ("Unnamed: 0,a,b\n1,1,2\n0,3,4\n", "names the rows (1, 0, ...)"),
        (",a,b\n0,1,2\n1,3,4\n", "names the rows (0, 1, ...)"),
        (",a,b\n17,1,2\n4,3,4\n", "names the rows (17, 4, ...)"),
    ],
)
def test_what_is_no_value_is_left_out_with_a_note(tmp_path, text, note):
    frame, notes = read(tmp_path, text)
    assert columns(frame) == {"a": [1, 3], "b": [2, 4]}
    assert len(notes) == 1 and note in notes[0]


def test_a_schema_keeps_a_column_that_looks_like_row_names(tmp_path):
    assert list(read(tmp_path, ",b\nx,2\ny,3\n", keep=["column 1"]).frame) == ["column 1", "b"]
    assert list(read(tmp_path, ",b\nx,2\ny,3\n").frame) == ["b"]


def test_a_cell_may_be_longer_than_a_block(tmp_path):
    frame = read(tmp_path, "a,b\n" + "1,x\n" * 9 + f"2,{'y' * 5_000_000}\n").frame
    assert frame["a"].iloc[-1] == 2 and len(frame["b"].iloc[-1]) == 5_000_000


def test_a_word_among_numbers_is_noted(tmp_path):
    text = "age\n" + "31\n" * 40 + "unknown\n"
    frame, notes = read(tmp_path, text)
    assert "column 'age': 1 of 41 cells are not numbers (row 41: 'unknown')" in notes[0] and frame["age"].iloc[0] == "31"
    frame, notes = read(tmp_path, text, na_values=["unknown"])
    assert frame["age"].isna().sum() == 1 and frame["age"].sum() == 31 * 40 and notes == ()


def test_options_override_what_is_found(tmp_path):
    assert read(tmp_path, "a,b\nx,y\n", header=False).frame.shape == (2, 2)
    assert list(read(tmp_path, "5,3\n1,2\n", header=True).frame) == ["5", "3"]
    assert columns(read(tmp_path, 'a,b\n"1,5",2\n"2,5",3\n', decimal=",").frame) == {"a": [1.5, 2.5], "b": [2, 3]}
    assert columns(read(tmp_path, "a;b\n1,5;2\n", decimal=".").frame) == {"a": ["1,5"], "b": [2]}
    assert columns(read(tmp_path, "a:b\n1:x\n", delimiter=":").frame) == {"a": [1], "b": ["x"]}


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "The table is empty"),
        (" \n\n", "The table is empty"),
        ("# a\n# b\n", "comments and no rows"),
        ("a,b\n", "a header and no rows"),
        ("a,b\n1,2\n\n3\n", "line 4: rows must have 2 cells. Received: 1 cells"),
        ("a,b\n1,2\n3,4,5\n", "line 3: rows must have 2 cells. Received: 3 cells"),
        ('a,b\n1,2\n"3,4\n5,6\n', "line 3 to 4: rows must have 2 cells. Received: 1 cells"),
        ("a,b,a\n1,2,3\n", "column names must differ. Received: ['a']"),
        (b"a,b\nx,1\n\xe9,2\n", "not UTF-8 text: line 3"),
        ("a,b\n1,2\n".encode("utf-16"), "not UTF-8 text"),
    ],
)
def test_faulty_text_is_refused_in_one_line(tmp_path, text, message):
    error = error_of(read, tmp_path, text)
    assert message in error and "t.csv" in error and "\n" not in error


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    assert "no such file" in error_of(read_frame, tmp_path / "none.csv")
    assert "must end in .csv" in error_of(read_frame, tmp_path / "t.xlsx")
    assert "not gzip" in error_of(read, tmp_path, "a,b\n1,2\n", "t.csv.gz")
    assert "not Parquet" in error_of(read, tmp_path, "a,b\n", "t.parquet")
    assert "not Feather" in error_of(read, tmp_path, "a,b\n", "t.feather")
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert columns(read_frame("~/t.csv").frame) == {"a": [1], "b": [2]}
    for option in ({"decimal": ";"}, {"header": 3}, {"delimiter": ",,"}):
        assert f"{next(iter(option))} must be" in error_of(read_frame, "~/t.csv", **option)


def test_compressed_text(tmp_path):
    assert columns(read(tmp_path, gzip.compress(b"a\tb\n1\tx\n"), "T.TSV.gz").frame) == {"a": [1], "b": ["x"]}


MIXED = pd.DataFrame(
    {
        "word": ["a", "b, c", None],
        "code": ["007", "010", "011"],
        "whole": pd.array([2**60 + 1, None, 3], dtype="Int64"),
        "count": [1, 2, 3],
        "real": [0.1, np.nan, 1e-300],
        "day": pd.to_datetime(["2024-01-31", None, "1969-12-31"]),
        "kind": pd.Categorical(["x", "y", "x"], categories=["y", "x", "z"]),
        "flag": pd.array([True, None, False], dtype="boolean"),
    }
)


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_binary_files_keep_everything(tmp_path, ending):
    write_frame(MIXED, tmp_path / f"t.{ending}")
    frame, notes = read_frame(tmp_path / f"t.{ending}")
    pd.testing.assert_frame_equal(frame.astype({"day": MIXED["day"].dtype}), MIXED)
    assert notes == ()


@pytest.mark.parametrize("ending", ["csv", "tsv", "csv.gz"])
def test_text_keeps_what_text_can(tmp_path, ending):
    text = MIXED[["word", "code", "whole", "count", "real"]]
    write_frame(text, tmp_path / f"t.{ending}")
    frame = read_frame(tmp_path / f"t.{ending}").frame
    pd.testing.assert_frame_equal(frame, text)


def test_nothing_is_overwritten(tmp_path):
    write_frame(MIXED, tmp_path / "t.csv")
    with pytest.raises(FileExistsError, match="nothing is overwritten"):
        write_frame(MIXED[["count"]], tmp_path / "t.csv")
    write_frame(MIXED[["count"]], tmp_path / "t.csv", overwrite=True)
    assert (tmp_path / "t.csv").read_text() == "count\n1\n2\n3\n"
    assert "is written to .csv" in error_of(write_frame, MIXED, tmp_path / "t.xlsx")
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


class Interchange:
    """A table of a library that has `__dataframe__` alone."""

    def __init__(self, table):
        self.__dataframe__ = table.__dataframe__


class Stream:
    """A table of a library that has an Arrow stream alone."""

    def __init__(self, table):
        self.__arrow_c_stream__ = table.__arrow_c_stream__


@pytest.mark.parametrize(
    "of", [pa.table, lambda cells: Stream(pa.table(cells)), lambda cells: Interchange(pa.table(cells)), pd.DataFrame, dict]
)
def test_tables_in_python(of):
    cells = {"a": [1, 2, 3], "b": ["x", "y", "z"], "c": [0.5, 1.5, 2.5]}
    assert is_frame(of(cells))
    frame, notes = read_frame(of(cells))
    assert columns(frame) == cells and notes == ()
    assert frame["a"].dtype == np.int64


def test_arrow_types_lose_nothing():
    import datetime
    import decimal

    table = pa.table(
        {
            "whole": pa.array([2**60 + 1, None]),
            "flag": pa.array([True, None]),
            "day": pa.array([datetime.date(2024, 1, 31), None]),
            "money": pa.array([decimal.Decimal("1.25"), None]),
            "kind": pa.array(["x", "y"]).dictionary_encode(),
        }
    )
    frame = read_frame(table).frame
    assert [str(dtype) for dtype in frame.dtypes][:2] == ["Int64", "boolean"] and frame["whole"][0] == 2**60 + 1
    assert frame["day"].dtype.kind == "M" and frame["money"].tolist()[0] == 1.25 and frame["money"].dtype == np.float64
    assert isinstance(frame["kind"].dtype, pd.CategoricalDtype)


def test_arrays_have_numbered_columns_and_frames_lose_their_index():
    assert columns(read_frame(np.array([[1, 2], [3, 4]])).frame) == {"column 1": [1, 3], "column 2": [2, 4]}
    given = pd.DataFrame({0: [1.5, 2.5]}, index=[7, 8])
    frame = read_frame(given).frame
    assert list(frame) == ["0"] and frame.index.tolist() == [0, 1] and list(given) == [0]


def test_objects_become_what_they_are():
    import datetime

    cells = {"flag": [True, None], "whole": [1, None], "day": [datetime.date(2024, 1, 31), None], "none": [None, None]}
    frame = read_frame(pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in cells.items()})).frame
    assert [str(frame[name].dtype) for name in ("flag", "whole", "none")] == ["boolean", "Int64", "float64"]
    assert frame["day"].dtype.kind == "M"


@pytest.mark.parametrize(
    "source, message",
    [
        (np.zeros(3), "shape [N, D]"),
        ({"a": [1, 2], "b": [1]}, "the same number of rows"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "column names must differ"),
        (pd.DataFrame({"a": []}), "must have rows and columns"),
        ({}, "must have rows and columns"),
        ({"a": [1, "x"]}, "all of one kind. Received: int, str"),
        ({"a": [[1], [2]]}, "all of one kind. Received: list"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(source, message):
    error = error_of(read_frame, source)
    assert message in error and "\n" not in error


def test_other_objects_are_refused():
    with pytest.raises(TypeError, match="a table must be a path.*Received: int"):
        read_frame(3)
    assert not is_frame(3) and not is_frame("mnist") and is_frame("a.parquet") and isinstance(read_frame(np.eye(2)), Frame)
