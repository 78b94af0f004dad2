"""The embedded digits."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import ROOT
from support.data import error_of

from tfar import datasets


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
    script = ROOT / "scripts" / "make_digits.py"
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
