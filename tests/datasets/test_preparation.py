"""Splits, standardisation and quantisation."""

import numpy as np
import pytest
from support.data import csv_text, error_of, same_rows, savez, table, write

from tfar import datasets


def test_csv_is_divided_and_standardised_by_the_training_rows(tmp_path):
    values = table(100)
    data = datasets.load(write(tmp_path / "t.csv", csv_text(values, ("a", "b", "c"))), by_column=False)
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
    data = datasets.load(write(tmp_path / "t.csv", csv_text(table(200, 1))), by_column=False)
    normal = lambda x, m, s: -0.5 * ((x - m) / s) ** 2 - np.log(s * np.sqrt(2 * np.pi))  # noqa: E731
    s = data.standardization
    x = data.unstandardize(data.test.x)
    np.testing.assert_allclose(normal(data.test.x, 0, 1) + data.log_jacobian, normal(x, s.mean, s.scale), rtol=1e-5, atol=1e-5)


def test_constant_column_is_refused(tmp_path):
    values = table(20)
    values[:, 1] = 0.1
    message = error_of(datasets.load, write(tmp_path / "t.csv", csv_text(values, ("a", "b", "c"))), by_column=False)
    assert "'b' is constant" in message and "Received: 0.1 in every row" in message
    assert "Column 2 is constant" in error_of(datasets.load, write(tmp_path / "t.csv", csv_text(values)), by_column=False)
    np.save(tmp_path / "t.npy", values[:, None, :])
    assert "Position (0, 1, 0) is constant" in error_of(datasets.load, tmp_path / "t.npy")


def test_too_few_rows(tmp_path):
    path = write(tmp_path / "t.csv", csv_text(table(3)))
    assert "At least 4 rows" in error_of(datasets.load, path) and "Received: 3 rows" in error_of(datasets.load, path)
    assert [len(s.x) for s in datasets.load(write(path, csv_text(table(4)))).splits.values()] == [2, 1, 1]


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
