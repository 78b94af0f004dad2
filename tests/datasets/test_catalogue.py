"""Data sets by their names."""

import gzip

import numpy as np
from support.data import error_of, write

from tfar import datasets
from tfar.datasets import readers


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
    with gzip.open(tmp_path / "t.words.gz", "wt") as file:
        file.write("1,2\n")
    assert "ending of a data file must be one of .npz, .npy, .csv" in error_of(datasets.load, tmp_path / "t.words.gz")


def test_unprepared_and_unknown_tfds_names(tmp_path):
    message = error_of(datasets.load, "mnist", tmp_path)
    assert "not prepared in" in message and "digits" in message and message.endswith("Received: 'mnist'")
    for name in ("nosuchdata", "wine_quality/blue", "mnist:9.9.9"):
        message = error_of(datasets.load, name, tmp_path)
        assert "no such data set" in message and message.endswith(f"Received: {name!r}")


def test_names_with_a_slip_are_suggested(tmp_path):
    message = error_of(datasets.load, "digit", tmp_path)
    assert "Did you mean digits? Found without a download: digits" in message
    assert "Did you mean fashion_mnist?" in error_of(datasets.load, "fashion_mnst", tmp_path)  # which TFDS knows
    assert "Did you mean" not in error_of(datasets.load, "qqqqqq", tmp_path)


def test_names_that_are_not_prepared_in_a_given_folder_are_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    for prepared in ("own/1.0.0", "large/small/2.0.0"):
        write(tmp_path / prepared / "dataset_info.json", "{}")
    for name in ("own", "own:1.0.0", "large", "large/small", "digits"):
        readers.check_prepared(name, tmp_path)
    readers.check_prepared("mnist")  # which may be downloaded
    message = error_of(readers.check_prepared, "owns", tmp_path)
    assert f"not prepared in {tmp_path.resolve()}, where nothing is downloaded. Did you mean own? Found" in message
    assert "digits, large/small, own" in message


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
