"""tfar.datasets: what is read, how it is divided and prepared, and which errors bad data give."""

import dataclasses
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfar import datasets
from tfar.datasets import catalogue
from tfar.datasets.labels import class_names
from tfar.training.baselines import gaussian_nll

DATA_DIR = os.environ.get("TFDS_DATA_DIR")
RAW = os.environ.get("TFAR_RAW_DATA")
needs_tfds = pytest.mark.skipif(not DATA_DIR, reason="TFDS_DATA_DIR is not set: no prepared TFDS data sets to read")
needs_raw = pytest.mark.skipif(not RAW, reason="TFAR_RAW_DATA is not set: no original data files to read")


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def savez(path, **arrays):
    np.savez(path, **arrays)
    return path


def table(rows=20, columns=3, seed=0):
    return np.random.RandomState(seed).normal(2.0, 3.0, (rows, columns))


def csv_text(values, header=None, delimiter=","):
    lines = [delimiter.join(header)] if header else []
    return "\n".join(lines + [delimiter.join(repr(float(v)) for v in row) for row in values]) + "\n"


def error_of(call, *args, **kwargs):
    """The one-line message of the ValueError that the call must raise."""
    with pytest.raises(ValueError) as info:
        call(*args, **kwargs)
    message = str(info.value)
    assert "\n" not in message and "Received: " in message, message
    return message


def same_rows(a, b):
    return np.array_equal(np.sort(a.reshape(len(a), -1), axis=0), np.sort(b.reshape(len(b), -1), axis=0))


# --- the package


def test_import_needs_no_tensorflow():
    code = (
        "import sys, tfar.datasets as d; d.load('digits');"
        "print([m for m in ('tensorflow', 'tensorflow_datasets', 'keras') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


# --- digits


def test_digits_are_binary_with_a_fixed_division():
    digits = datasets.load("digits")
    assert (digits.kind, digits.levels, digits.event_shape) == ("binary", 2, (8, 8, 1))
    assert [len(split.x) for split in digits.splits.values()] == [1297, 250, 250]
    assert all(split.x.dtype == np.int32 and split.context is None for split in digits.splits.values())
    assert set(np.unique(digits.train.x)) == {0, 1}
    assert np.array_equal(datasets.load("digits", seed=5).test.x, digits.test.x)
    assert digits.log_jacobian == 0.0 and digits.standardize(digits.train.x) is digits.train.x


def test_digits_keep_their_grey_levels_and_classes():
    digits = datasets.load("digits", levels=17, context="label")
    assert (digits.kind, digits.levels, digits.context_names) == ("categorical", 17, tuple("0123456789"))
    x = np.concatenate([split.x for split in digits.splits.values()])
    labels = np.concatenate([split.context for split in digits.splits.values()])
    assert (x.min(), x.max(), x.shape) == (0, 16, (1797, 8, 8, 1))
    # the class counts that scikit-learn documents for load_digits
    assert labels.sum(axis=0).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.array_equal(labels.sum(axis=1), np.ones(1797)) and labels.dtype == np.float32
    for split in (digits.validation, digits.test):
        assert np.abs(split.context.sum(axis=0) - 25).max() <= 2
    assert np.array_equal(datasets.load("digits").train.x, (digits.train.x > 8).astype(np.int32))


def test_digits_equal_those_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.datasets", reason="scikit-learn, the source of the digits, is not installed")
    digits = datasets.load("digits", levels=17)
    ours = {row.tobytes() for split in digits.splits.values() for row in split.x.astype(np.uint8)}
    assert ours == {row.astype(np.uint8).tobytes() for row in sklearn.load_digits().images}


def test_digits_file_is_made_the_same_again(tmp_path):
    pytest.importorskip("sklearn.datasets", reason="scikit-learn, the source of the digits, is not installed")
    script = Path(__file__).parents[1] / "scripts" / "make_digits.py"
    subprocess.run([sys.executable, script, tmp_path / "digits.npz"], check=True, capture_output=True)
    shipped = Path(datasets.__file__).with_name("digits.npz")
    with np.load(tmp_path / "digits.npz") as new, np.load(shipped) as old:
        assert new.files == old.files and all(np.array_equal(new[key], old[key]) for key in old.files)


def test_digits_errors():
    assert "one context" in error_of(datasets.load, "digits", context="writer")
    assert "levels must be an integer of at least 2. Received: levels=1" in error_of(datasets.load, "digits", levels=1)
    assert "Received: levels=2.5" in error_of(datasets.load, "digits", levels=2.5)


def test_levels_may_be_a_numpy_integer():
    found, expected = (datasets.load("digits", levels=levels) for levels in (np.int64(4), 4))
    assert json.dumps(found.preparation.to_config()) == json.dumps(expected.preparation.to_config())
    assert np.array_equal(found.test.x, expected.test.x)


# --- tables of text


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


# --- continuous data


def test_csv_is_divided_and_standardised_by_the_training_rows(tmp_path):
    values = table(100)
    data = datasets.load(write(tmp_path / "t.csv", csv_text(values, ("a", "b", "c"))))
    assert (data.kind, data.levels, data.event_shape, data.columns) == ("continuous", None, (3,), ("a", "b", "c"))
    assert [len(split.x) for split in data.splits.values()] == [80, 10, 10]
    assert data.train.x.dtype == np.float32
    np.testing.assert_allclose(data.train.x.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(data.train.x.std(axis=0), 1, atol=1e-6)
    back = np.concatenate([data.unstandardize(split.x) for split in data.splits.values()])
    np.testing.assert_allclose(np.sort(back, axis=0), np.sort(values, axis=0), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(data.standardize(data.unstandardize(data.test.x)), data.test.x, atol=1e-6)
    assert not np.allclose(data.test.x.mean(axis=0), 0, atol=1e-3)


def test_seed_chooses_the_rows(tmp_path):
    path = write(tmp_path / "t.csv", csv_text(table(50)))
    first, again, other = (datasets.load(path, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.test.x, again.test.x) and not np.array_equal(first.test.x, other.test.x)
    for seed in (-1, 0.5, True, "0"):
        assert f"Received: seed={seed!r}" in error_of(datasets.load, path, seed=seed)


def test_log_jacobian_turns_densities_into_the_data_s_units(tmp_path):
    data = datasets.load(write(tmp_path / "t.csv", csv_text(table(200, 1))))
    normal = lambda x, m, s: -0.5 * ((x - m) / s) ** 2 - np.log(s * np.sqrt(2 * np.pi))  # noqa: E731
    s = data.standardization
    x = data.unstandardize(data.test.x)
    np.testing.assert_allclose(normal(data.test.x, 0, 1) + data.log_jacobian, normal(x, s.mean, s.scale), rtol=1e-5, atol=1e-5)


def test_constant_column_is_refused(tmp_path):
    values = table(20)
    values[:, 1] = 0.1
    message = error_of(datasets.load, write(tmp_path / "t.csv", csv_text(values, ("a", "b", "c"))))
    assert "'b' is constant" in message and "Received: 0.1 in every row" in message
    assert "Column 2 is constant" in error_of(datasets.load, write(tmp_path / "t.csv", csv_text(values)))
    np.save(tmp_path / "t.npy", values[:, None, :])
    assert "Position (0, 1, 0) is constant" in error_of(datasets.load, tmp_path / "t.npy")


def test_too_few_rows(tmp_path):
    path = write(tmp_path / "t.csv", csv_text(table(3)))
    assert "At least 4 rows" in error_of(datasets.load, path) and "Received: 3 rows" in error_of(datasets.load, path)
    assert [len(s.x) for s in datasets.load(write(path, csv_text(table(4)))).splits.values()] == [2, 1, 1]


# --- arrays of the user


def test_npz_with_all_splits(tmp_path):
    x = table(30)
    for valid in ("valid", "validation"):
        data = datasets.load(savez(tmp_path / "s.npz", train=x[:20], test=x[25:], **{valid: x[20:25]}))
        np.testing.assert_allclose(data.unstandardize(data.validation.x), x[20:25], rtol=1e-5)
        np.testing.assert_allclose(data.standardization.mean, x[:20].mean(axis=0))
        np.testing.assert_allclose(data.standardization.scale, x[:20].std(axis=0))


def test_npz_with_rows_that_would_be_left_out(tmp_path):
    x = table(30)
    for more in ("val", "dev"):
        path = savez(tmp_path / "s.npz", train=x[:20], test=x[20:25], **{more: x[25:]})
        assert f"of which {more} would be left out" in error_of(datasets.load, path)
    path = savez(tmp_path / "s.npz", train=x[:20], valid=x[20:25], validation=x[25:])
    assert "of which valid would be left out" in error_of(datasets.load, path)
    path = savez(tmp_path / "s.npz", train=x[:20], ids=np.arange(20), train_context=x[:20])  # no rows of x
    assert datasets.load(path).event_shape == x.shape[1:]


def test_labels_that_are_missing_or_written_in_two_ways(tmp_path):
    class Classes:
        names = ["a", "b", "c"]

    assert catalogue._labels(np.array([2, 0]), Classes, "them").tolist() == ["c", "a"]
    assert "them: each row needs a label to condition on. Received: 1 rows" in error_of(
        catalogue._labels, np.array([0, -1]), Classes, "them"
    )
    assert "written in one way. Received: '1' and '1.0'" in error_of(class_names, ["1", "2", "1.0"])


def test_npz_without_validation_or_test_draws_a_sixth(tmp_path):
    x = np.arange(60)[:, None] / 7
    data = datasets.load(savez(tmp_path / "s.npz", train=x[:48], test=x[48:]))
    assert [len(split.x) for split in data.splits.values()] == [40, 8, 12]
    assert same_rows(np.concatenate([data.unstandardize(s.x) for s in data.splits.values()]).round(4), x.round(4))
    # rows may be sorted, so those held out are drawn from all over the training rows
    assert data.unstandardize(data.validation.x).min() < 5
    data = datasets.load(savez(tmp_path / "s.npz", train=x[:48], valid=x[48:]))
    assert [len(split.x) for split in data.splits.values()] == [40, 12, 8]
    data = datasets.load(savez(tmp_path / "s.npz", train=x))
    assert [len(split.x) for split in data.splits.values()] == [48, 6, 6]


def test_single_arrays(tmp_path):
    x = table(20)
    np.save(tmp_path / "x.npy", x.astype(np.float32))
    savez(tmp_path / "x.npz", anything=x.astype(np.float32), fold_sizes=np.array([10, 10]))
    a, b = datasets.load(tmp_path / "x.npy"), datasets.load(tmp_path / "x.npz")
    assert np.array_equal(a.train.x, b.train.x) and len(a.train.x) == 16 and a.name == "x.npy"


def test_arrays_of_three_axes_are_images_of_one_channel(tmp_path):
    grey = np.random.RandomState(0).randint(0, 256, (20, 5, 4)).astype(np.uint8)
    np.save(tmp_path / "flat.npy", grey)
    np.save(tmp_path / "deep.npy", grey[..., None])
    flat, deep = (datasets.load(tmp_path / f"{name}.npy") for name in ("flat", "deep"))
    assert flat.event_shape == (5, 4, 1) and np.array_equal(flat.train.x, deep.train.x)
    path = savez(tmp_path / "s.npz", train=grey[:12], test=grey[12:], train_context=np.eye(12), test_context=np.eye(8, 12))
    assert datasets.load(path, context="context").test.x.shape == (8, 5, 4, 1)
    holes = grey.astype(np.float32)
    holes[:, 2:] = np.nan
    np.save(tmp_path / "holes.npy", holes)
    x = datasets.prepare(tmp_path / "holes.npy", flat.to_config(), allow_blanks=True).x
    np.testing.assert_array_equal(x, holes[..., None])


def test_packed_bits(tmp_path):
    bits = np.random.RandomState(0).randint(0, 2, (40, 13))
    packed = np.packbits(bits, axis=1)
    path = savez(tmp_path / "p.npz", n_features=13, train=packed[:20], valid=packed[20:30], test=packed[30:])
    data = datasets.load(path)
    assert data.kind == "binary" and np.array_equal(data.train.x, bits[:20]) and np.array_equal(data.test.x, bits[30:])
    path = savez(tmp_path / "p.npz", n_features=33, train=packed)
    assert "2 bytes a row cannot hold n_features. Received: 33" in error_of(datasets.load, path)


def test_labels_and_contexts_of_arrays(tmp_path):
    x = table(20)
    arrays = {"train": x[:12], "valid": x[12:16], "test": x[16:]}
    labels = {"train_labels": np.arange(12) % 3 + 9, "valid_labels": np.full(4, 10), "test_labels": np.full(4, 11)}
    vectors = {f"{key}_context": value[:, :2] for key, value in arrays.items()}
    path = savez(tmp_path / "l.npz", **arrays, **labels, **vectors)
    assert datasets.load(path).context_names is None and datasets.load(path).train.context is None
    data = datasets.load(path, context="label")
    assert data.context_names == ("9", "10", "11") and data.context_size == 3
    assert data.validation.context.tolist() == [[0, 1, 0]] * 4
    data = datasets.load(path, context="context")
    assert data.context_names is None and data.context_size == 2 and data.test.context.dtype == np.float32
    np.testing.assert_allclose(data.test.context, x[16:, :2], rtol=1e-6)
    single = datasets.load(savez(tmp_path / "o.npz", x=x, labels=np.array(["a", "b"] * 10)), context="label")
    assert single.context_names == ("a", "b") and single.train.context.shape == (16, 2)

    assert 'is "label" or "context"' in error_of(datasets.load, path, context="class")
    assert "needs an array 'labels'" in error_of(datasets.load, savez(tmp_path / "n.npz", x=x), context="label")
    path = savez(tmp_path / "e.npz", **arrays, **{**labels, "test_labels": np.array([9, 9, 9, 7])})
    assert "['9', '10', '11']. Received: '7'" in error_of(datasets.load, path, context="label")
    path = savez(tmp_path / "e.npz", **arrays, **{**labels, "test_labels": np.array([9, 9])})
    assert "test: each of the 4 rows needs a context. Received: 2" in error_of(datasets.load, path, context="label")
    path = savez(tmp_path / "e.npz", **arrays, **{**labels, "train_labels": np.arange(12) / 2})
    assert "words or whole numbers" in error_of(datasets.load, path, context="label")
    path = savez(tmp_path / "e.npz", **arrays, **{**vectors, "test_context": x[16:]})
    assert "test: the context must be [N, 2]. Received: shape (4, 3)" in error_of(datasets.load, path, context="context")
    path = savez(tmp_path / "e.npz", **arrays, **{**vectors, "test_context": x[16:, 0]})
    assert "must have 2 axes" in error_of(datasets.load, path, context="context")
    np.save(tmp_path / "x.npy", x)
    assert "A .npy file has no context" in error_of(datasets.load, tmp_path / "x.npy", context="label")


def test_csv_context_is_a_column(tmp_path):
    rows = "\n".join(f"{v:.3f},{kind},{w:.3f}" for (v, w), kind in zip(table(30, 2), "xyz" * 10, strict=True))
    path = write(tmp_path / "c.csv", f"a,kind,b\n{rows}\n")
    data = datasets.load(path, context="kind")
    assert data.columns == ("a", "b") and data.context_names == ("x", "y", "z") and data.train.context.shape == (24, 3)
    write(path, csv_text(table(9), ("a", "b", "c")))
    assert "words or whole numbers" in error_of(datasets.load, path, context="a")


def test_a_linked_file_keeps_its_name_and_is_read_again(tmp_path):
    (tmp_path / "blob").write_text(csv_text(table(20)))
    link = tmp_path / "mine.csv"
    link.symlink_to(tmp_path / "blob")
    data = datasets.load(link)
    assert data.name == "mine.csv" and data.to_config()["source"] == str(link)
    for again in (datasets.load_config(data.to_config()), datasets.load_config(data.to_config(), source=link)):
        assert same_rows(again.train.x, data.train.x)


def test_damaged_archives_and_misnamed_ones(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", train=np.random.default_rng(0).normal(size=[100, 9]))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npz").read_bytes())
    assert "an archive of arrays" in error_of(datasets.load, tmp_path / "a.npy")
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[60:160] = b"\xff" * 100  # in the compressed part, which begins after about 40 bytes
    (tmp_path / "a.npz").write_bytes(content)
    assert "Not a NumPy file of plain arrays" in error_of(datasets.load, tmp_path / "a.npz")


def test_a_quotation_mark_that_is_not_closed_takes_in_no_other_line(tmp_path):
    text = 'x,kind\n1.5,oak\n2.5,"elm\n3.5,ash\n4.5,yew\n'
    message = error_of(datasets.read_table, write(tmp_path / "t.csv", text), label="kind")
    assert "a quotation mark is not closed there" in message and message.endswith("line 3")
    closed = datasets.read_table(write(tmp_path / "t.csv", text.replace('"elm', '"elm, old"')), label="kind")
    assert list(closed.labels) == ["oak", "elm, old", "ash", "yew"]


def test_a_class_of_no_training_row_is_named(tmp_path):
    rows = "".join(f"{n},{'oak' if n % 2 else 'elm'}\n" for n in range(30))
    path = write(tmp_path / "t.csv", "x,kind\n" + rows + "30,yew\n")
    seen = {}
    for seed in range(30):
        try:
            seen[seed] = datasets.load(path, context="kind", seed=seed).preparation.context_names
        except ValueError as error:
            seen[seed] = str(error)
    found = set(seen.values())
    assert ("elm", "oak", "yew") in found
    assert {w for w in found if isinstance(w, str)} <= {
        f"{name}: a class must be in a training row too, for which another seed may divide the rows, among ['elm', 'oak']. Received: 'yew'"
        for name in ("validation", "test")
    }
    assert any(isinstance(w, str) for w in found)


def test_array_errors(tmp_path):
    x = table(20)
    assert "no such file" in error_of(datasets.load, tmp_path / "none.npz")
    assert "Not a NumPy file" in error_of(datasets.load, write(tmp_path / "t.npz", "text"))
    assert "Not a NumPy file" in error_of(datasets.load, write(tmp_path / "t.npy", ""))
    np.save(tmp_path / "o.npy", np.array([{}]), allow_pickle=True)
    assert "Not a NumPy file of plain arrays" in error_of(datasets.load, tmp_path / "o.npy")
    message = error_of(datasets.load, savez(tmp_path / "k.npz", x_train=x, x_test=x))
    assert '"train" with "valid" or "validation" and "test"' in message and "['x_test', 'x_train']" in message
    assert "Received: ['test']" in error_of(datasets.load, savez(tmp_path / "k.npz", test=x))
    assert "At least 4 training rows" in error_of(datasets.load, savez(tmp_path / "k.npz", train=x[:3], test=x))
    message = error_of(datasets.load, savez(tmp_path / "k.npz", train=x, test=x[:, :2]))
    assert "test: the event shape must be (3,), as in train. Received: (2,)" in message
    for value in (np.nan, np.inf):
        bad = x.copy()
        bad[7, 1] = value
        message = error_of(datasets.load, savez(tmp_path / "k.npz", train=x, test=bad))
        assert f"test: values must be finite. Received: {value} in row 7" in message
    for wrong in (np.float64(1), np.arange(9.0), np.zeros((0, 3)), np.zeros((9, 0))):
        np.save(tmp_path / "w.npy", wrong)
        assert f"no empty axis. Received: shape {wrong.shape}" in error_of(datasets.load, tmp_path / "w.npy")
    for wrong in (np.array([["a"]] * 9), np.ones((9, 2), complex)):
        np.save(tmp_path / "w.npy", wrong)
        assert f"real numbers. Received: dtype {wrong.dtype}" in error_of(datasets.load, tmp_path / "w.npy")


# --- cross-validation


def test_folds_are_chunks_that_are_tested_once(tmp_path):
    x = np.arange(47.0)[:, None]
    path = savez(tmp_path / "x.npz", x=x)
    order = np.random.RandomState(3).permutation(47)
    chunks = [order[start : start + 4] for start in range(0, 36, 4)] + [order[36:]]
    for fold in (0, 4, 9):
        data = datasets.load(path, seed=3, fold=fold)
        rows = {name: data.unstandardize(split.x)[:, 0].round().astype(int) for name, split in data.splits.items()}
        rest = [chunk for k, chunk in enumerate(chunks) if k != fold]
        assert np.array_equal(rows["test"], chunks[fold]) and np.array_equal(rows["validation"], rest[-1])
        assert np.array_equal(rows["train"], np.concatenate(rest[:-1]))
        # the statistics are those of training and validation rows
        known = np.concatenate(rest)
        assert data.standardization.mean == pytest.approx(known.mean()) and data.standardization.scale == pytest.approx(known.std())
    tests = [datasets.load(path, fold=fold, folds=5) for fold in range(5)]
    assert same_rows(np.concatenate([data.unstandardize(data.test.x) for data in tests]).round(4), x)
    # a training split alone is undivided, too
    assert np.array_equal(datasets.load(savez(tmp_path / "t.npz", train=x), fold=0, folds=5).test.x, tests[0].test.x)


def test_folds_are_described(tmp_path):
    x = table(30)
    path = savez(tmp_path / "x.npz", x=x, labels=np.array(["a", "b"] * 15))
    data = datasets.load(path, context="label", fold=np.int64(2), folds=3)
    assert data.origin["fold"] == 2 and data.origin["folds"] == 3
    config = json.loads(json.dumps(data.to_config()))
    again = datasets.load_config(config)
    assert again.to_config() == config
    for name, split in data.splits.items():
        assert np.array_equal(split.x, again.splits[name].x) and np.array_equal(split.context, again.splits[name].context)
    assert "other rows in" in error_of(datasets.load_config, {**config, "fold": 0})
    # a description without a fold says nothing of folds, as before there were any
    assert not {"fold", "folds"} & set(datasets.load(path).to_config())


def test_fold_errors(tmp_path):
    path = savez(tmp_path / "x.npz", x=table(9))
    for fold in (-1, 3, 1.0, True):
        assert f"fold must be an integer in 0..2. Received: fold={fold!r}" in error_of(datasets.load, path, fold=fold, folds=3)
    assert "fold must say which one is meant. Received: fold=None, folds=5" in error_of(datasets.load, path, folds=5)
    for folds in (2, 3.0):
        assert f"folds must be an integer of at least 3. Received: folds={folds!r}" in error_of(datasets.load, path, fold=0, folds=folds)
    assert "At least 10 rows are needed to make 10 folds. Received: 9 rows" in error_of(datasets.load, path, fold=0)
    assert "seed must be" in error_of(datasets.load, path, fold=0, folds=3, seed=-1)
    assert "splits of their own. Received: ['test', 'train', 'validation']" in error_of(datasets.load, "digits", fold=0)
    assert [len(split.x) for split in datasets.load(path, fold=8, folds=9).splits.values()] == [7, 1, 1]


# --- discrete data


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
def test_zeros_and_ones_are_binary(tmp_path, dtype):
    np.save(tmp_path / "b.npy", np.random.RandomState(0).randint(0, 2, (20, 6)).astype(dtype))
    data = datasets.load(tmp_path / "b.npy")
    assert (data.kind, data.levels) == ("binary", 2) and data.train.x.dtype == np.int32


@pytest.mark.parametrize(
    ("shape", "dtype", "most", "levels", "expected"),
    [
        ((28, 20), np.uint8, 238, None, ("categorical", 256, 256)),
        ((4, 4, 3), np.uint8, 238, 16, ("categorical", 16, 256)),
        ((28, 20), np.uint8, 238, 2, ("binary", 2, 256)),
        ((28, 20), np.uint8, 4, 5, ("categorical", 5, 5)),
        ((12,), np.uint8, 4, None, ("categorical", 5, 5)),
        ((12,), np.int64, 6, None, ("categorical", 7, 7)),
        ((12,), np.float32, 255, 256, ("categorical", 256, 256)),
        ((12,), np.float32, 6, None, ("continuous", None, None)),
        ((12,), np.int32, 999, 10, ("categorical", 10, 1000)),
    ],
)
def test_kind_and_levels_of_whole_numbers(tmp_path, shape, dtype, most, levels, expected):
    x = np.random.RandomState(0).randint(0, most + 1, (40, *shape)).astype(dtype)
    x[0] = most
    np.save(tmp_path / "x.npy", x)
    data = datasets.load(tmp_path / "x.npy", levels=levels)
    assert (data.kind, data.levels, data.preparation.input_levels) == expected
    if levels:
        assert data.train.x.min() == 0 and data.train.x.max() == expected[1] - 1 - (expected == ("categorical", 16, 256))
        reached = np.concatenate([split.x for split in data.splits.values()])
        assert same_rows(reached, x.astype(int) * levels // data.preparation.input_levels)


def test_discrete_errors(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.arange(-5, 15).reshape(10, 2))
    assert "whole numbers >= 0" in error_of(datasets.load, path) and "Received: -" in error_of(datasets.load, path)
    np.save(path, np.arange(1000).reshape(100, 10))
    assert "more than 256 levels" in error_of(datasets.load, path) and "up to 999" in error_of(datasets.load, path)
    np.save(path, table(10))
    assert "whole numbers >= 0" in error_of(datasets.load, path, levels=4)
    x = np.tile([0, 1], (10, 2))
    message = error_of(datasets.load, savez(tmp_path / "x.npz", train=x, test=x + 0.5))
    assert "test: values must be whole numbers in 0..1. Received: 0.5" in message


# --- descriptions, and other data prepared by them


@pytest.fixture
def wine(tmp_path):
    """A table with a label, its data set, and its description after a trip through JSON."""
    rows = "\n".join(f"{a:.4f},{b:.4f},{k}" for (a, b), k in zip(table(40, 2), "pq" * 20, strict=True))
    path = write(tmp_path / "wine.csv", f"acid,sugar,kind\n{rows}\n")
    data = datasets.load(path, context="kind", seed=3)
    return path, data, json.loads(json.dumps(data.to_config()))


def test_load_config_gives_the_same_data(wine):
    path, data, config = wine
    again = datasets.load_config(config)
    for name, split in data.splits.items():
        assert np.array_equal(split.x, again.splits[name].x) and np.array_equal(split.context, again.splits[name].context)
    assert again.to_config() == config and repr(again) == repr(data)
    assert config["source"] == str(path) and config["data_dir"] is None and config["sizes"]["train"] == 32
    moved = path.rename(path.with_name("moved.csv"))
    assert "no such file" in error_of(datasets.load_config, config)
    assert np.array_equal(datasets.load_config(config, source=moved).test.x, data.test.x)


def test_load_config_notices_changed_data(wine):
    path, _, config = wine
    lines = path.read_text().splitlines()
    write(path, "\n".join(lines[:-1]) + "\n")
    message = error_of(datasets.load_config, config)
    assert "have changed" in message and str(path) in message
    # the same statistics are applied, so that a changed value shows even though refitting would hide it
    doubled = [",".join([repr(2 * float(line.split(",")[0])), *line.split(",")[1:]]) for line in lines[1:]]
    write(path, "\n".join([lines[0], *doubled]) + "\n")
    assert "other rows in train, validation, test" in error_of(datasets.load_config, config)


def test_configs_of_digits_and_arrays_travel(tmp_path):
    for options in ({}, {"levels": 5, "context": "label"}):
        data = datasets.load("digits", **options)
        again = datasets.load_config(json.loads(json.dumps(data.to_config())))
        assert again.preparation.to_config() == data.preparation.to_config()
        assert np.array_equal(again.test.x, data.test.x)
    x = table(12)
    data = datasets.load(savez(tmp_path / "c.npz", x=x, context=x[:, :2]), context="context")
    assert np.array_equal(datasets.load_config(data.to_config()).test.context, data.test.context)


def test_prepare_applies_the_stored_statistics(wine, tmp_path):
    _, data, config = wine
    new = write(tmp_path / "new.csv", "kind,sugar,acid\nq,1.5,2.5\np,100,-3\n")  # columns in another order
    x, context = datasets.prepare(new, config)
    s = data.standardization
    np.testing.assert_allclose(x, (np.array([[2.5, 1.5], [-3, 100]]) - s.mean) / s.scale, rtol=1e-6)
    assert x.dtype == np.float32 and context.tolist() == [[0, 1], [1, 0]]
    assert len(datasets.prepare(write(new, "acid,sugar,kind\n1,2,p\n"), config).x) == 1

    assert "['acid', 'sugar']. Received: ['acid', 'salt']" in error_of(datasets.prepare, write(new, "acid,salt,kind\n1,2,p\n"), config)
    assert "['p', 'q']. Received: 'r'" in error_of(datasets.prepare, write(new, "acid,sugar,kind\n1,2,r\n"), config)
    assert "one of the columns" in error_of(datasets.prepare, write(new, "acid,sugar\n1,2\n"), config)
    assert "blank cell" in error_of(datasets.prepare, write(new, "acid,sugar,kind\n1,,p\n"), config)


def test_prepare_keeps_blanks_for_completion(wine, tmp_path):
    _, data, config = wine
    blanks = write(tmp_path / "blanks.csv", "acid,sugar,kind\n1,,p\n,,q\n")
    x, context = datasets.prepare(blanks, config, allow_blanks=True)
    assert np.isnan(x).tolist() == [[False, True], [True, True]] and context.tolist() == [[1, 0], [0, 1]]
    np.testing.assert_allclose(x[0, 0], data.standardize([[1.0, 0.0]])[0, 0])
    bits = write(tmp_path / "bits.csv", csv_text(np.random.RandomState(0).randint(0, 2, (20, 3))))
    config = datasets.load(bits).to_config()
    x = datasets.prepare(write(tmp_path / "holes.csv", "1,?,0\n0,0,1\n"), config, allow_blanks=True).x
    np.testing.assert_array_equal(x, np.array([[1, np.nan, 0], [0, 0, 1]], np.float32))
    assert x.dtype == np.float32
    holes = write(tmp_path / "holes.csv", "1,?,2\n")
    message = error_of(datasets.prepare, holes, config, allow_blanks=True)
    assert "whole numbers in 0..1. Received: 2" in message


def test_prepare_takes_all_or_the_test_rows(tmp_path):
    config = datasets.load("digits", levels=4).to_config()
    grey = np.random.RandomState(0).randint(0, 17, (6, 8, 8, 1)).astype(np.uint8)
    np.save(tmp_path / "g.npy", grey)
    assert np.array_equal(datasets.prepare(tmp_path / "g.npy", config).x, grey.astype(int) * 4 // 17)
    path = savez(tmp_path / "g.npz", train=grey, test=grey[:2])
    assert np.array_equal(datasets.prepare(path, config).x, grey[:2].astype(int) * 4 // 17)
    assert len(datasets.prepare(savez(tmp_path / "g.npz", train=grey), config).x) == 6
    path = savez(tmp_path / "g.npz", train=grey, valid=grey[:2])
    assert 'one named "test"' in error_of(datasets.prepare, path, config)
    np.save(tmp_path / "g.npy", grey[:, :7])
    assert "event shape must be (8, 8, 1). Received: (7, 8, 1)" in error_of(datasets.prepare, tmp_path / "g.npy", config)
    np.save(tmp_path / "g.npy", grey + 1)
    assert "whole numbers in 0..16. Received: 17" in error_of(datasets.prepare, tmp_path / "g.npy", config)


def test_one_hot():
    assert datasets.one_hot([3, 4], ("3", "4")).tolist() == [[1, 0], [0, 1]]
    assert "among ['a']. Received: 'b'" in error_of(datasets.one_hot, ["b"], ("a",))
    assert "shape [N]. Received: shape (1, 1)" in error_of(datasets.one_hot, [["b"]], ("a",))


def test_dataset_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        datasets.load("digits").name = "x"


# --- names


def test_unknown_names_list_what_is_there(tmp_path, monkeypatch):
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    folder = tmp_path / "own" / "1.0.0"
    folder.mkdir(parents=True)
    write(folder / "dataset_info.json", "{}")
    assert datasets.available(tmp_path) == ["digits", "own"]
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert datasets.available() == ["digits", "own"]
    for name in ("no such", "../up", ""):
        message = error_of(datasets.load, name)
        assert "digits, own" in message and message.endswith(f"Received: {name!r}")
    assert "data_dir must be an existing folder" in error_of(datasets.load, "mnist", tmp_path / "none")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "none"))
    assert "TFDS_DATA_DIR must be an existing folder" in error_of(datasets.load, "mnist")
    with gzip.open(tmp_path / "t.data.gz", "wt") as file:
        file.write("1,2\n")
    assert "ending of a data file must be one of .npz, .npy, .csv" in error_of(datasets.load, tmp_path / "t.data.gz")


def test_unprepared_and_unknown_tfds_names(tmp_path):
    message = error_of(datasets.load, "mnist", tmp_path)
    assert "not prepared in" in message and "digits" in message and message.endswith("Received: 'mnist'")
    for name in ("nosuchdata", "wine_quality/blue", "mnist:9.9.9"):
        message = error_of(datasets.load, name, tmp_path)
        assert "no such data set" in message and message.endswith(f"Received: {name!r}")


def test_failed_downloads_are_one_line(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    class Offline:
        is_prepared = staticmethod(lambda: False)

        def download_and_prepare(self, download_config):
            raise ConnectionError("no route\nto host")

    monkeypatch.setattr(tfds, "builder", lambda *args, **kwargs: Offline())
    message = error_of(datasets.load, "mnist", tmp_path, download=True)
    assert "could not be prepared (ConnectionError: no route to host)" in message
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    assert "could not be prepared" in error_of(datasets.load, "mnist")


def test_tfds_dataset_of_the_user(tmp_path):
    """A data set that TFDS has no code for, with colour images and a named class: written, then read from its files."""
    import tensorflow_datasets as tfds

    images = np.random.RandomState(0).randint(0, 256, (24, 4, 5, 3)).astype(np.uint8)
    tfds.dataset_builders.store_as_tfds_dataset(
        name="own_images",
        version="1.0.0",
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(4, 5, 3), encoding_format="png"),
                "colour": tfds.features.ClassLabel(names=["red", "blue"]),
                "size": np.float32,
            }
        ),
        split_datasets={
            name: [(i, {"image": images[i], "colour": ["red", "blue"][i % 2], "size": 0.5}) for i in rows]
            for name, rows in {"train": range(18), "test": range(18, 24)}.items()
        },
        data_dir=str(tmp_path),
        disable_shuffling=True,
    )
    data = datasets.load("own_images", tmp_path, context="colour")
    assert (data.kind, data.levels, data.event_shape) == ("categorical", 256, (4, 5, 3))
    assert data.context_names == ("red", "blue")
    assert np.array_equal(data.train.x, images[:15]) and np.array_equal(data.validation.x, images[15:18])
    assert np.array_equal(data.test.x, images[18:])
    assert np.array_equal(data.test.context, np.eye(2)[np.arange(6) % 2])
    assert "one of ['colour', 'size']. Received: 'label'" in error_of(datasets.load, "own_images", tmp_path, context="label")
    assert "words or whole numbers" in error_of(datasets.load, "own_images", tmp_path, context="size")


# --- TFDS's builders for the tables of UCI


@pytest.mark.parametrize(
    ("name", "where", "delimiter", "header"),
    [
        ("ParkinsonsTelemonitoring", "below/parkinsons_updrs.data.gz", ",", True),
        ("Ionosphere", "ionosphere.data", ",", False),
        ("BostonHousing", "below/housing.data", "  ", False),
    ],
)
def test_uci_tables_are_made_of_their_original_files(tmp_path, monkeypatch, name, where, delimiter, header):
    from tfar.datasets import uci

    builder = getattr(uci, name)
    names = builder.COLUMNS.split()
    values = np.random.RandomState(0).normal(size=(20, len(names))).round(4)
    kept = values[:, [names.index(column) for column in sorted(builder.kept())]]
    cells = values.astype(str)
    cells[:, names.index(builder.LABEL)] = np.resize(builder.CLASSES, 20)
    text = "".join(f" {delimiter.join(row)}\n" for row in [*([names] if header else []), *cells]).encode()
    monkeypatch.setattr(builder, "SHA256", hashlib.sha256(text).hexdigest())
    path = tmp_path / "originals" / where
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(text) if where.endswith(".gz") else text)

    data = datasets.load(builder.name, tmp_path, context="label", manual_dir=tmp_path / "originals")
    assert (data.kind, data.columns, data.context_names) == ("continuous", tuple(sorted(builder.kept())), builder.CLASSES)
    read = np.concatenate([data.unstandardize(split.x) for split in data.splits.values()])
    np.testing.assert_allclose(np.sort(read, axis=0), np.sort(kept, axis=0), atol=1e-5)
    second = np.concatenate([split.context for split in data.splits.values()])[:, 1] == 1
    np.testing.assert_allclose(np.sort(read[second], axis=0), np.sort(kept[1::2], axis=0), atol=1e-5)
    # prepared now, and read without the original
    path.unlink()
    assert builder.name in datasets.available(tmp_path)
    assert np.array_equal(datasets.load_config(data.to_config()).test.x, data.test.x)
    assert len(datasets.load(builder.name, tmp_path, fold=0).test.x) == 2


def test_uci_errors_say_which_file_is_needed(tmp_path):
    wanted = "Put ionosphere.data (or ionosphere.data.gz) of https://archive.ics.uci.edu/"
    message = error_of(datasets.load, "ionosphere", tmp_path)
    assert "not prepared in" in message and "manual_dir" in message and wanted in message
    folder = tmp_path / "originals"
    message = error_of(datasets.load, "ionosphere", tmp_path, manual_dir=folder)
    assert f"Manual directory {folder} does not exist or is empty" in message and wanted in message
    folder.mkdir()
    write(folder / "other.data", "1,2\n")
    message = error_of(datasets.load, "ionosphere", tmp_path, manual_dir=folder)
    assert "original file is missing" in message and wanted in message and str(folder) in message
    write(folder / "ionosphere.data", "1,2\n")
    message = error_of(datasets.load, "ionosphere", tmp_path, manual_dir=folder)
    assert "must be the original" in message and "Received: SHA-256 " in message


# --- real data


@needs_tfds
def test_binarized_mnist_has_the_published_fractions_of_ones():
    data = datasets.load("binarized_mnist", DATA_DIR)
    assert (data.kind, data.event_shape) == ("binary", (28, 28, 1))
    assert [len(split.x) for split in data.splits.values()] == [50_000, 10_000, 10_000]
    fractions = [split.x.mean() for split in data.splits.values()]
    np.testing.assert_allclose(fractions, [0.130562, 0.131127, 0.132512], atol=5e-7)


@needs_tfds
def test_mnist_holds_out_the_last_sixth(monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", DATA_DIR)
    data = datasets.load("mnist", context="label")
    assert [len(split.x) for split in data.splits.values()] == [50_000, 10_000, 10_000]
    assert (data.kind, data.levels, data.event_shape) == ("categorical", 256, (28, 28, 1))
    assert (data.train.x.min(), data.train.x.max()) == (0, 255) and data.train.x.dtype == np.int32
    # published class counts of the 60,000 training and the 10,000 test images
    train = data.train.context.sum(axis=0) + data.validation.context.sum(axis=0)
    assert train.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert data.test.context.sum(axis=0).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    config = data.to_config()
    assert config["data_dir"] == str(Path(DATA_DIR).resolve())
    monkeypatch.delenv("TFDS_DATA_DIR")
    assert np.array_equal(datasets.load_config(config).validation.x, data.validation.x)


@needs_tfds
def test_wine_quality_is_a_table_with_a_class():
    red = datasets.load("wine_quality/red", DATA_DIR, context="label")
    assert red.kind == "continuous" and red.columns == tuple(sorted(red.columns)) and len(red.columns) == 11
    assert [len(split.x) for split in red.splits.values()] == [1281, 159, 159]
    everything = np.concatenate([red.unstandardize(split.x) for split in red.splits.values()])
    means = dict(zip(red.columns, everything.mean(axis=0), strict=True))
    # the means that the data set's authors published
    assert means["fixed acidity"] == pytest.approx(8.3196, abs=1e-3)
    assert means["alcohol"] == pytest.approx(10.4230, abs=1e-3)
    # the published counts of the grades 3 to 8
    counts = sum(split.context.sum(axis=0) for split in red.splits.values())
    assert red.context_names == tuple("345678") and counts.tolist() == [10, 53, 681, 638, 199, 18]
    white = datasets.load("wine_quality", DATA_DIR)
    assert sum(len(split.x) for split in white.splits.values()) == 4898 and white.context_size is None


@needs_tfds
def test_tfds_errors_list_the_prepared_data():
    message = error_of(datasets.load, "iris", DATA_DIR)
    assert all(name in message for name in ("digits", "mnist", "wine_quality/red"))
    assert "no supervised input to model. Received: features ['text']" in error_of(datasets.load, "tiny_shakespeare", DATA_DIR)
    assert re.search(r"one of \['label'\]. Received: 'colour'", error_of(datasets.load, "mnist", DATA_DIR, context="colour"))


@needs_raw
def test_wine_csv_equals_its_tfds_form():
    csv = datasets.load(Path(RAW, "wine_quality", "winequality-red.csv"), context="quality")
    assert csv.columns[0] == "fixed acidity" and len(csv.columns) == 11
    rnade = datasets.load(Path(RAW, "wine_quality", "red_wine_rnade_order.npz"))
    for data in (csv, rnade):
        everything = np.concatenate([data.unstandardize(split.x) for split in data.splits.values()])
        assert everything.shape == (1599, 11) and everything[:, 0].mean() == pytest.approx(8.3196, abs=1e-3)


@needs_raw
@pytest.mark.parametrize(
    ("name", "dimensions", "gaussian"),
    [("parkinsons_telemonitoring", 15, -10.85), ("ionosphere", 32, -41.24), ("boston_housing", 10, -11.37)],
)
def test_uci_tables_give_the_gaussians_of_rnade_s_table(tmp_path, name, dimensions, gaussian):
    data = datasets.load(name, tmp_path, manual_dir=RAW)
    assert data.event_shape == (dimensions,)
    rows = savez(tmp_path / "rows.npz", x=np.concatenate([data.unstandardize(split.x) for split in data.splits.values()]))
    scores = []
    for fold in range(10):
        data = datasets.load(rows, fold=fold)
        known = np.concatenate([data.train.x, data.validation.x]).astype(np.float64)
        np.testing.assert_allclose(known.mean(axis=0), 0, atol=1e-5)
        covariance = np.cov(known.T, bias=True)
        x = data.test.x.astype(np.float64)
        quadratic = np.einsum("ij,jk,ik->i", x, np.linalg.inv(covariance), x)
        scores.append(-0.5 * (quadratic + np.linalg.slogdet(2 * np.pi * covariance)[1]).mean())
        assert -gaussian_nll(known, data.test.x) == pytest.approx(scores[-1], rel=1e-6)
    assert np.mean(scores) == pytest.approx(gaussian, rel=0.02)  # as far as another shuffle may move it


@needs_raw
@pytest.mark.parametrize(("name", "features", "sizes"), [("nltcs", 16, (16181, 2157, 3236)), ("plants", 69, (17412, 2321, 3482))])
def test_packed_benchmark_tables(name, features, sizes):
    data = datasets.load(Path(RAW, "debd_binary", f"{name}.npz"))
    assert data.kind == "binary" and data.event_shape == (features,)
    assert tuple(len(split.x) for split in data.splits.values()) == sizes


@needs_raw
def test_original_files_without_a_header():
    boston = datasets.load(Path(RAW, "boston_housing", "housing.data"))
    assert boston.event_shape == (14,) and boston.columns is None
    ionosphere = Path(RAW, "ionosphere", "ionosphere.data")
    read = datasets.read_table(ionosphere, label="35")
    assert read.values.shape == (351, 34) and sorted(read.labels).count("g") == 225
    assert "Column 2 is constant" in error_of(datasets.load, ionosphere, context="35")
    assert "'column 35': not a finite number. Received: 'g'" in error_of(datasets.load, ionosphere)
    faces = datasets.load(Path(RAW, "frey_faces", "freyfaces.npz"))
    assert faces.levels == 256 and faces.event_shape == (28, 20, 1)
    pixels = np.concatenate([split.x for split in faces.splits.values()])
    assert pixels.shape[0] == 1965 and pixels.mean() == pytest.approx(154.4609, abs=1e-4)
