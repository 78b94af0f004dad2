"""Tables of text: delimiters, headers, blanks, and what is no table."""

import numpy as np
import pytest
from support.data import csv_text, error_of, table, write

from tfar import datasets


@pytest.mark.parametrize("delimiter", [",", ";", "\t", " "])
@pytest.mark.parametrize("header", [None, ("a", "b", "c")])
def test_read_table_recognises_delimiter_and_header(tmp_path, delimiter, header):
    values = table()
    read = datasets.read_table(write(tmp_path / "t.csv", csv_text(values, header, delimiter)))
    assert np.array_equal(read.values, values)
    assert read.columns == header and read.labels is None


def test_read_table_details(tmp_path):
    quoted = write(tmp_path / "q.csv", '\ufeff"fixed acidity";"a;b"\n\n7,4;1\n'.replace("7,4", "7.4") + "  8 ; -1e3 \n\n")
    read = datasets.read_table(quoted)
    assert read.columns == ("fixed acidity", "a;b") and read.values.tolist() == [[7.4, 1.0], [8.0, -1000.0]]
    one = datasets.read_table(write(tmp_path / "one.csv", "fixed acidity\n1\n2\n"))
    assert one.columns == ("fixed acidity",) and one.values.tolist() == [[1.0], [2.0]]
    unnamed = datasets.read_table(write(tmp_path / "u.csv", ",b\n1,2\n"))
    assert unnamed.columns == ("column 1", "b")


def test_tables_as_pandas_writes_them(tmp_path):
    numbered = datasets.read_table(write(tmp_path / "n.csv", "0,1,2\n0,1,1\n1,0,1\n"))
    assert numbered.columns == ("0", "1", "2") and numbered.values.tolist() == [[0, 1, 1], [1, 0, 1]]
    assert datasets.read_table(write(tmp_path / "two.csv", "0,1\n1,1\n")).columns is None  # a row, for all that one can tell
    message = error_of(datasets.read_table, write(tmp_path / "i.csv", ",a\n0,5\n1,6\n2,7\n"))
    assert "a first column without a name that counts the rows" in message and "i.csv" in message


def test_a_table_may_have_very_long_lines(tmp_path):
    wide = write(tmp_path / "wide.csv", "\n".join([",".join(["0.25"] * 40_000)] * 2) + "\n")
    assert datasets.read_table(wide).values.shape == (2, 40_000)


def test_read_table_of_words_below_words_has_no_header(tmp_path):
    path = write(tmp_path / "i.data", "1,0.5,g\n0,-0.5,b\n1,0.25,g\n")
    read = datasets.read_table(path, label="3")
    assert read.columns is None and read.labels.tolist() == ["g", "b", "g"]
    assert read.values.tolist() == [[1, 0.5], [0, -0.5], [1, 0.25]]
    assert datasets.read_table(path, label="column 3").labels.tolist() == ["g", "b", "g"]


def test_read_table_blanks(tmp_path):
    path = write(tmp_path / "b.csv", "a,b,c\n1,,3\n?,NA,nan\n4,5,6\n,,\n")
    nan = np.nan
    read = datasets.read_table(path, allow_blanks=True)
    np.testing.assert_array_equal(read.values, [[1, nan, 3], [nan, nan, nan], [4, 5, 6], [nan, nan, nan]])
    message = error_of(datasets.read_table, path)
    assert "line 2, 'b'" in message and "blank cell ''" in message
    assert "line 2" in error_of(datasets.load, path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty", "bad.csv"]),
        ("\n \n", ["empty"]),
        ("a,b\n", ["a header and no rows"]),
        ("1,2,3\n4,5,6\n7,8\n9,1,2\n", ["line 3", "3 cells", "2 cells", "['7', '8']"]),
        ("a,b\n1,2\n\n3,x y\n", ["line 4, 'b'", "not a finite number", "'x y'"]),
        ("1,2\n3,4\n5,oops\n", ["line 3, 'column 2'", "'oops'"]),
        ("1,2\n3,inf\n", ["line 2, 'column 2'", "not a finite number", "'inf'"]),
        ("a,a,b\n1,2,3\n", ["must differ", "['a']"]),
    ],
)
def test_read_table_errors(tmp_path, text, words):
    message = error_of(datasets.read_table, write(tmp_path / "bad.csv", text))
    assert all(word in message for word in words), message


def test_read_table_errors_of_files_and_labels(tmp_path):
    assert "no such file" in error_of(datasets.read_table, tmp_path / "none.csv")
    assert "no such file" in error_of(datasets.read_table, tmp_path)
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    assert "not UTF-8" in error_of(datasets.read_table, binary)
    binary.write_bytes(b"1,2\n\x00,3\n")
    assert "not UTF-8" in error_of(datasets.read_table, binary)
    named = write(tmp_path / "n.csv", "a,kind\n1,x\n2,\n")
    assert "one of the columns ['a', 'kind']. Received: 'sort'" in error_of(datasets.read_table, named, label="sort")
    assert "line 3, 'kind'" in error_of(datasets.read_table, named, label="kind")
    single = write(tmp_path / "s.csv", "kind\n1\n2\n")
    assert "no column is left" in error_of(datasets.read_table, single, label="kind")


def test_a_quotation_mark_that_is_not_closed_takes_in_no_other_line(tmp_path):
    text = 'x,kind\n1.5,oak\n2.5,"elm\n3.5,ash\n4.5,yew\n'
    message = error_of(datasets.read_table, write(tmp_path / "t.csv", text), label="kind")
    assert "a quotation mark is not closed there" in message and message.endswith("line 3")
    closed = datasets.read_table(write(tmp_path / "t.csv", text.replace('"elm', '"elm, old"')), label="kind")
    assert list(closed.labels) == ["oak", "elm, old", "ash", "yew"]
