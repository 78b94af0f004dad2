"""Splits, standardisation and quantisation."""

import json

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


def test_a_pixel_that_is_the_same_in_all_images_is_modelled(tmp_path):
    values = table(60, 12).reshape(60, 4, 3)
    values[:, 1, 2] = 0.1
    np.save(tmp_path / "t.npy", values)
    data = datasets.load(tmp_path / "t.npy")
    assert data.standardization.scale[1, 2, 0] == 1 and (abs(data.train.x[:, 1, 2]) < 1e-6).all() and np.isfinite(data.log_jacobian)
    np.testing.assert_allclose(np.delete(data.train.x.reshape(48, 12), 5, axis=1).std(axis=0), 1, rtol=1e-4)
    assert data.notes == ("1 of the 12 values of an image are the same in all training rows",)


def test_images_in_the_unit_interval_are_quantised_on_request(tmp_path):
    whole = np.random.RandomState(0).randint(0, 256, (40, 5, 4)).astype(np.uint8)
    unit = whole.astype(np.float32) / 255
    np.save(tmp_path / "u.npy", unit)
    plain = datasets.load(tmp_path / "u.npy")
    assert plain.kind == "continuous" and "levels=256 (--levels 256)" in plain.notes[0]
    for levels, expected in ((256, whole), (16, whole // 16), (2, whole // 128)):
        data = datasets.load(tmp_path / "u.npy", levels=levels)
        assert data.levels == levels and data.notes == ()
        assert np.array_equal(datasets.prepare(unit, data.to_config()).x[..., 0], expected)  # the same rows, undivided
    config = json.loads(json.dumps(data.to_config()))
    assert np.array_equal(datasets.load_config(config).train.x, data.train.x)
    assert "must be in [0, 1]. Received: " in error_of(datasets.prepare, whole.astype(float), config)
    fine = datasets.load(tmp_path / "u.npy", levels=511)
    assert np.array_equal(datasets.prepare(unit, fine.to_config()).x[..., 0], 2 * whole.astype(int))
    without = {name: value for name, value in plain.to_config().items() if name != "unit_interval"}  # as earlier versions wrote it
    assert np.array_equal(datasets.load_config(without).train.x, plain.train.x)
    bright = unit.copy()
    bright[:, 0] *= 3
    assert "numbers in [0, 1] (images divided by 255)" in error_of(datasets.load, bright, levels=256)


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
    assert "at most 256 levels" in error_of(datasets.load, path) and "up to 999" in error_of(datasets.load, path)
    np.save(path, table(10))
    assert "whole numbers >= 0" in error_of(datasets.load, path, levels=4)
    x = np.tile([0, 1], (10, 2))
    message = error_of(datasets.load, savez(tmp_path / "x.npz", train=x, test=x + 0.5))
    assert "test: values must be whole numbers in 0..1. Received: 0.5" in message
