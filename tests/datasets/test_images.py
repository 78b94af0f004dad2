"""Folders and patterns of PNG and JPEG files."""

import json

import numpy as np
import pytest
from support.data import error_of, write

from tfar import datasets
from tfar.datasets.images import image_files, read_images


def save(path, values, quality=100):
    import tensorflow as tf

    values = np.asarray(values, np.uint8)
    png = path.suffix == ".png"
    return write(path, (tf.io.encode_png(values) if png else tf.io.encode_jpeg(values, quality=quality)).numpy())


@pytest.fixture(scope="module")
def colours():
    return np.random.RandomState(0).randint(0, 256, (12, 6, 8, 3)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path, colours):
    for i, image in enumerate(colours):
        save(tmp_path / "faces" / ("cat" if i % 3 else "dog") / f"{i:02}.png", image)
    write(tmp_path / "faces" / "cat" / "notes.txt", "no image")
    write(tmp_path / "faces" / ".hidden" / "x.png", "no image")
    return tmp_path / "faces"


def test_a_folder_of_images_is_loaded_with_its_classes(folder, colours):
    data = datasets.load(folder, context="label")
    assert (data.name, data.kind, data.levels, data.event_shape) == ("faces", "categorical", 256, (6, 8, 3))
    assert data.context_names == ("cat", "dog") and data.train.context.sum(axis=0).min() > 0
    whole = read_images(folder, context="label").splits["all"]
    order = [i for i in range(12) if i % 3] + [0, 3, 6, 9]
    assert np.array_equal(whole.x, colours[order]) and whole.context.tolist() == ["cat"] * 8 + ["dog"] * 4
    again = datasets.load_config(json.loads(json.dumps(data.to_config())))
    assert np.array_equal(again.train.x, data.train.x) and np.array_equal(again.test.context, data.test.context)


def test_patterns_choose_images(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert len(image_files("faces/*/*.png")) == 12 and len(image_files("faces/**/*")) == 12 == len(image_files("faces"))
    data = datasets.load("faces/cat/*.png")
    assert data.name == "faces/cat/*.png" and sum(len(split.x) for split in data.splits.values()) == 8
    assert data.to_config()["source"] == f"{folder.parent}/faces/cat/*.png"
    monkeypatch.chdir("/")
    assert len(datasets.load_config(data.to_config()).train.x) == len(data.train.x)


def test_images_are_converted_to_grey_and_resized(folder, colours):
    data = datasets.load(folder, size=3, gray=True, levels=16)
    assert data.event_shape == (3, 3, 1) and data.levels == 16
    config = json.loads(json.dumps(data.to_config()))
    assert np.array_equal(datasets.load_config(config).train.x, data.train.x)
    assert datasets.prepare(str(folder / "dog" / "*.png"), config).x.shape == (4, 3, 3, 1)  # as at training
    labelled = datasets.load(folder, size=3, context="label").to_config()
    assert datasets.prepare(folder / "dog", labelled).context.tolist() == [[0, 1]] * 4  # of one class
    assert "Labels must be among ['cat', 'dog']. Received: 'faces'" in error_of(
        datasets.prepare, save(folder / "x.png", colours[0]), labelled
    )
    grey = read_images(folder / "dog" / "00.png", gray=True).splits["all"].x[0, ..., 0]
    assert abs(grey - colours[0] @ [0.299, 0.587, 0.114]).max() <= 0.5
    flat = save(folder.parent / "half.png", np.repeat([[[0]], [[200]]], 4, axis=0).repeat(20, axis=1))  # 8 x 20, dark above light
    (image,) = read_images(flat, size=4).splits["all"].x
    assert image.shape == (4, 4, 1) and image[:, 0, 0].tolist() == [0, image[1, 0, 0], image[2, 0, 0], 200]
    assert (np.diff(image[:, 0, 0].astype(int)) >= 0).all()
    ramp = save(folder.parent / "ramp.png", np.tile(np.arange(20)[None, :, None], [4, 1, 1]))  # 4 x 20: columns 8 to 11 are the square
    assert read_images(ramp, size=4).splits["all"].x[0, 0, :, 0].tolist() == [8, 9, 10, 11]


def test_jpeg_grey_and_transparent_images_among_coloured_ones(tmp_path, colours):
    grey = np.full((6, 8, 1), 77)
    save(tmp_path / "a.JPG".lower(), np.full((6, 8, 3), 120))
    save(tmp_path / "b.png", grey)
    save(tmp_path / "c.png", np.concatenate([colours[0], np.zeros((6, 8, 1))], axis=-1))
    save(tmp_path / "d.jpeg", grey)
    x = read_images(tmp_path).splits["all"].x
    assert x.shape == (4, 6, 8, 3) and abs(x[0].astype(int) - 120).max() <= 2 and (x[1] == 77).all() and np.array_equal(x[2], colours[0])
    assert read_images(tmp_path / "b.png").splits["all"].x.shape == (1, 6, 8, 1)


def test_folders_named_as_splits_are_the_splits(tmp_path, colours):
    for i, image in enumerate(colours):
        save(tmp_path / ("train" if i < 8 else "val" if i < 10 else "test") / "ab"[i % 2] / f"{i:02}.png", image)
    data = datasets.load(tmp_path, context="label")
    assert [len(split.x) for split in data.splits.values()] == [8, 2, 2]
    assert np.array_equal(data.test.x, colours[10:]) and data.test.context.tolist() == [[1, 0], [0, 1]]
    save(tmp_path / "more.png", colours[0])  # which no split would have
    assert [len(split.x) for split in datasets.load(tmp_path).splits.values()] == [11, 1, 1]


def test_a_folder_of_images_comes_before_a_name_and_a_file_before_a_pattern(folder, monkeypatch, colours):
    monkeypatch.chdir(folder.parent)
    assert datasets.load("faces").event_shape == (6, 8, 3)
    save(folder / "a[1].png", colours[0])
    assert len(read_images(folder / "a[1].png").splits["all"].x) == 1


def test_test_images_of_another_folder(folder, colours):
    save(folder.parent / "new" / "0.png", colours[5])
    data = datasets.load(folder, test=folder.parent / "new")
    assert np.array_equal(data.test.x, colours[5:6]) and len(data.train.x) + len(data.validation.x) == 12


def test_image_errors(folder, colours, monkeypatch):
    base = folder.parent
    for nothing in ("*.png", "none/*.jpg"):
        assert error_of(image_files, base / nothing).startswith("There must be images (.png, .jpg, .jpeg)")
    (base / "empty").mkdir()
    for check in (datasets.check_source, datasets.load):
        assert "A folder or a pattern must hold images" in error_of(check, base / "empty")
        assert "There must be images" in error_of(check, base / "*.png")
        assert "no such file" in error_of(check, base / "gone.png")
    assert "the name of their folder. Received: context='kind'" in error_of(datasets.load, folder, context="kind")
    message = error_of(datasets.load, folder / "cat", context="label")
    assert "two classes at least; the label of an image file is the name of its folder. Received: cat" in message
    save(folder / "cat" / "99.png", colours[0, :5])
    message = error_of(datasets.load, folder)
    assert "size=32 (--size 32)" in message and f"{folder}/cat/01.png, 6 x 8 and {folder}/cat/99.png, 5 x 8" in message
    assert datasets.load(folder, size=4).event_shape == (4, 4, 3)
    bad = write(folder / "cat" / "98.png", b"no image at all")
    unreadable = f"the file must be a PNG or JPEG image (it cannot be decoded). Received: {bad}"
    assert error_of(datasets.load, folder) == unreadable
    bad.write_bytes(save(base / "x.jpg", colours[0]).read_bytes()[:200])
    assert error_of(datasets.load, folder) == unreadable
    assert "size (--size) is for a folder or pattern of .png or .jpg files. Received: digits" in error_of(datasets.load, "digits", size=8)
    assert "size are for images. Received: dict" in error_of(datasets.load, {"a": [1, 2]}, size=8)
