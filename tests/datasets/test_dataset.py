"""A data set: its description, and other data prepared by it."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from support.data import csv_text, error_of, savez, table, write

from tfar import datasets


def test_import_needs_no_tensorflow():
    code = (
        "import sys, tfar.datasets as d; d.load('digits');"
        "print([m for m in ('tensorflow', 'tensorflow_datasets', 'keras') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


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


def test_test_rows_of_another_file(tmp_path):
    """They decide neither the kind of the data, nor statistics, nor which rows train; columns may have another order."""
    x, other = table(60, 2), table(9, 2, seed=1) + 100
    write(tmp_path / "a.csv", csv_text(x, ["a", "b"]))
    write(tmp_path / "b.csv", csv_text(other[:, ::-1], ["b", "a"]))
    data = datasets.load(tmp_path / "a.csv", by_column=False, test=tmp_path / "b.csv", seed=2)
    assert {name: len(split.x) for name, split in data.splits.items()} == {"train": 50, "validation": 10, "test": 9}
    np.testing.assert_allclose(data.unstandardize(data.test.x), other, rtol=1e-5)
    np.testing.assert_allclose(data.train.x.mean(axis=0), 0, atol=1e-6)
    np.save(tmp_path / "c.npy", other)
    again = datasets.load(tmp_path / "a.csv", by_column=False, test=tmp_path / "c.npy", seed=2)
    assert np.array_equal(again.test.x, data.test.x) and np.array_equal(again.train.x, data.train.x)

    config = json.loads(json.dumps(data.to_config()))
    assert config["test"] == str(tmp_path / "b.csv")
    assert datasets.load_config(config).to_config() == config
    assert np.array_equal(datasets.load_config(config, test=tmp_path / "c.npy").test.x, data.test.x)
    np.save(tmp_path / "c.npy", other + 1)
    message = error_of(datasets.load_config, config, test=tmp_path / "c.npy")
    assert f"{tmp_path / 'a.csv'} and {tmp_path / 'c.npy'} with other rows in test" in message


def test_test_rows_of_divided_files(tmp_path):
    images = np.random.default_rng(0).integers(0, 5, (60, 3, 3))
    whole = savez(tmp_path / "whole.npz", x=images)
    parts = savez(tmp_path / "parts.npz", train=images[:30], valid=images[30:50], test=images[50:])
    data = datasets.load(whole, test=parts)
    assert data.levels == 5 and np.array_equal(data.test.x.reshape(10, 3, 3), images[50:])
    assert "data with a test split take no test rows" in error_of(datasets.load, parts, test=whole)
    held = savez(tmp_path / "held.npz", train=images[:30], valid=images[30:50])
    assert [len(split.x) for split in datasets.load(held, test=whole).splits.values()] == [30, 20, 60]
    assert 'must have one named "test"' in error_of(datasets.load, whole, test=held)


def test_every_class_keeps_a_training_row_beside_test_rows_of_another_file(tmp_path):
    rows = "\n".join(f"{i % 7}.5,{'rare' if i == 0 else 'often'}" for i in range(40))
    path = write(tmp_path / "a.csv", f"size,kind\n{rows}\n")
    for seed in range(12):  # of which two hold the first row out, otherwise
        assert datasets.load(path, context="kind", test=path, seed=seed).context_names == ("often", "rare")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"test": "digits"}, "must be in a file whose ending is one of"),
        ({"test": "gone.csv"}, "no such file"),
        ({"source": "digits"}, "are for data of a file. Received: digits, and test rows"),
        ({"source": "mnist"}, "are for data of a file. Received: mnist, and test rows"),
        ({"fold": 1}, "a fold has test rows of its own. Received: fold=1"),
        ({"test": "three.csv"}, "three.csv: the event shape must be (2,). Received: (3,)"),
        ({"test": "named.csv"}, "named.csv: the columns must be ['a', 'b']. Received: ['a', 'c']"),
        ({"test": "words.csv"}, "words.csv, column 'a', row 2: must be a finite number. Received: 'x'"),
        ({"source": "binary.npy", "test": "levels.npy"}, "levels.npy: values must be whole numbers in 0..1. Received: 4"),
        ({"source": "three.npy", "test": "levels.npy"}, "levels.npy: values must be whole numbers in 0..2. Received: 4"),
    ],
)
def test_test_rows_that_do_not_fit_are_refused(tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.csv", csv_text(table(40, 2), ["a", "b"]))
    write(tmp_path / "three.csv", csv_text(table(9, 3)))
    write(tmp_path / "named.csv", csv_text(table(9, 2), ["a", "c"]))
    write(tmp_path / "words.csv", "a,b\n1.5,2\nx,3\n")
    np.save("binary.npy", np.arange(80).reshape(40, 2) % 2)
    np.save("three.npy", np.arange(80).reshape(40, 2) % 3)
    np.save("levels.npy", np.array([[1, 4]]))
    of_table = not options.get("source", "a.csv").endswith("npy") and "." in options.get("source", "a.csv")
    options = {"source": "a.csv", "test": "a.csv", **({"by_column": False} if of_table else {}), **options}
    assert words in error_of(datasets.load, **options)
