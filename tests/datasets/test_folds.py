"""Cross-validation."""

import json

import numpy as np
import pytest
from support.data import error_of, same_rows, savez, table

from tfar import datasets


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
