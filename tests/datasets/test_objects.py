"""Arrays in memory, and archives with the names of Keras and MedMNIST."""

import numpy as np
import pandas as pd
import pytest
from support.data import error_of, same_rows, savez, table

from tfar import datasets


@pytest.fixture(scope="module")
def grey():
    return np.random.RandomState(0).randint(0, 256, (60, 5, 4)).astype(np.uint8)


def rows(data):
    return np.concatenate([split.x for split in data.splits.values()])


def test_arrays_are_loaded_as_their_files_are(tmp_path, grey):
    np.save(tmp_path / "x.npy", grey)
    of_file, of_array = datasets.load(tmp_path / "x.npy"), datasets.load(grey)
    assert np.array_equal(of_array.train.x, of_file.train.x) and of_array.event_shape == (5, 4, 1) and of_array.name == "ndarray"
    assert same_rows(rows(datasets.load(grey.tolist(), levels=256)), rows(of_array))
    again = datasets.load_config(of_array.to_config(), source=grey)
    assert np.array_equal(again.test.x, of_array.test.x)
    assert np.array_equal(datasets.prepare(grey, of_array.to_config()).x[..., 0], grey)
    assert datasets.load(table(30)).kind == "table"  # two axes are a table, as ever


def test_pairs_of_x_and_context(grey):
    labels = np.arange(60) % 3
    for given in (labels, labels[:, None], pd.Series(labels), labels.tolist(), np.array(["0", "1", "2"])[labels]):
        data = datasets.load((grey, given))
        assert data.context_names == ("0", "1", "2") and data.to_config()["context"] == "label"
        order = [int(np.argmax((grey == x[..., 0]).all(axis=(1, 2)))) for x in data.test.x]
        assert np.array_equal(np.argmax(data.test.context, axis=1), labels[order])
    assert len(datasets.load_config(data.to_config(), source=(grey, labels)).train.x) == len(data.train.x)
    vectors = table(60, 2)
    data = datasets.load((grey, vectors))
    assert data.context_names is None and data.context_size == 2 and data.to_config()["context"] == "context"
    assert datasets.load((grey, None)).context_size is None


def test_pairs_of_a_frame_and_labels():
    frame = pd.DataFrame(table(40, 2), columns=["a", "b"])
    data = datasets.load((frame, np.arange(40) % 2))
    assert data.columns == ("a", "b") and data.kind == "continuous" and data.context_size == 2
    assert "dtype object" in error_of(datasets.load, (frame.assign(b="word"), np.arange(40) % 2))


def test_pairs_of_keras_load_data(grey):
    labels = np.arange(60) % 3
    data = datasets.load(((grey[:50], labels[:50, None]), (grey[50:], labels[50:, None])))
    assert np.array_equal(data.test.x[..., 0], grey[50:]) and len(data.train.x) + len(data.validation.x) == 50
    three = datasets.load(((grey[:40], labels[:40]), (grey[40:50], labels[40:50]), (grey[50:], labels[50:])))
    assert np.array_equal(three.validation.x[..., 0], grey[40:50]) and np.array_equal(three.test.context.argmax(axis=1), labels[50:])
    assert "a tuple must be (x, context)" in error_of(datasets.load, (grey, labels, labels))


def test_dicts_of_arrays_have_the_names_of_archives(grey):
    labels = np.arange(60) % 3
    named = {"x_train": grey[:50], "y_train": labels[:50], "x_test": grey[50:], "y_test": labels[50:]}
    data = datasets.load(named, context="label")
    assert np.array_equal(data.test.x[..., 0], grey[50:]) and data.context_size == 3
    assert datasets.load(named).context_size is None
    assert "the dict: the arrays must be named train, valid" in error_of(datasets.load, {"a": grey, "b": grey})
    assert datasets.load({"a": list(range(20)), "b": [0.5, 1.5] * 10}).kind == "table"


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test"),
        ("X_train", "y_train", "X_valid", "y_valid", "X_test", "y_test"),
        ("train_images", "train_labels", "val_images", "val_labels", "test_images", "test_labels"),
        ("train", "train_labels", "val", "val_labels", "test", "test_labels"),
    ],
)
def test_archives_of_keras_and_medmnist(tmp_path, grey, names):
    labels = np.arange(60)[:, None] % 3
    parts = slice(40), slice(40, 50), slice(50, None)
    arrays = [array for part in parts for array in (grey[part], labels[part])]
    path = savez(tmp_path / "them.npz", **dict(zip(names, arrays, strict=True)))
    data = datasets.load(path, context="label")
    for split, part in zip(data.splits.values(), parts, strict=True):
        assert np.array_equal(split.x[..., 0], grey[part]) and np.array_equal(split.context.argmax(axis=1), labels[part, 0])
    assert datasets.load(path).train.context is None


def test_labels_of_archives_that_do_not_fit(tmp_path, grey):
    path = savez(tmp_path / "a.npz", x=grey, y=np.arange(60)[:, None] % 2)
    assert datasets.load(path, context="label").context_size == 2
    path = savez(tmp_path / "a.npz", x=grey, y=np.zeros((60, 2)))
    assert "'y' must have 1 axes. Received: shape (60, 2)" in error_of(datasets.load, path, context="label")
    path = savez(tmp_path / "a.npz", x_train=grey, x_test=grey)
    assert "needs an array 'train_labels' or 'y_train'" in error_of(datasets.load, path, context="label")


def test_channels_first_is_refused_or_converted(tmp_path):
    last = np.random.RandomState(0).randint(0, 256, (20, 6, 5, 3)).astype(np.uint8)
    first = np.moveaxis(last, -1, 1)
    np.save(tmp_path / "x.npy", first)
    for source in (tmp_path / "x.npy", first, savez(tmp_path / "x.npz", x=first), {"x_train": first}):
        assert "(--channels-first) transposes [N, C, H, W]. Received: shape (20, 3, 6, 5)" in error_of(datasets.load, source)
        data = datasets.load(source, channels_first=True)
        assert data.event_shape == (6, 5, 3) and same_rows(rows(data), last)
        assert datasets.load(source, channels_first=False).event_shape == (3, 6, 5)
    config = data.to_config()
    assert config["reading"] == {"channels_first": True} and np.array_equal(datasets.prepare(first, config).x, last)
    assert datasets.load(last[:, :3]).event_shape == (3, 5, 3)  # three rows, and three colours
    assert "channels_first (--channels-first) is for a .npz file or a .npy file. Received: digits" in error_of(
        datasets.load, "digits", channels_first=True
    )
