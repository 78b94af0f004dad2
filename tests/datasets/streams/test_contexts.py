"""Streams with a context, with test rows of other files, and of TFDS: they give what `load` gives of the same rows in memory."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from support.training import binary

import tfar
from tfar import datasets, training

ROWS = 1500


def trees(rows=ROWS, seed=0):
    """A table whose column of labels says which of its numbers are large."""
    generator = np.random.default_rng(seed)
    kind = generator.choice(["oak", "elm", "ash"], rows)
    return pd.DataFrame({"height": generator.normal(0, 1, rows) + (kind == "oak"), "kind": kind, "age": generator.normal(50, 9, rows)})


def shards(frame, folder, kind="parquet"):
    folder.mkdir()
    for number, rows in enumerate(np.array_split(np.arange(len(frame)), 3)):
        path, part = folder / f"{number}.{kind}", frame.iloc[rows]
        part.to_parquet(path, index=False) if kind == "parquet" else part.to_csv(path, index=False)
    return folder


def once(stream):
    """x and context of all training rows, in the order of the files."""
    x, context = zip(*stream.once(100).as_numpy_iterator(), strict=True)
    return np.concatenate(x), np.concatenate(context)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_column_is_the_context(tmp_path, kind):
    frame = trees()
    data = datasets.stream(shards(frame, tmp_path / "a", kind), context="kind", sample=200)
    assert (data.kind, data.columns, data.context_names) == ("continuous", ("height", "age"), ("ash", "elm", "oak"))
    train = np.flatnonzero(data.train._division.codes(0, ROWS) == 0)
    x, context = once(data.train)
    standard = datasets.Standardization.fit(frame.iloc[train][["height", "age"]].to_numpy())
    np.testing.assert_allclose(x, standard.apply(frame.iloc[train][["height", "age"]].to_numpy()), atol=1e-5)
    np.testing.assert_array_equal(np.array(data.context_names)[context.argmax(axis=1)], frame["kind"].to_numpy()[train])
    window = next(data.train.windows(seed=1))  # the context is shuffled with its row
    pairs = {tuple(np.float32(row)): label for row, label in zip(x, context.argmax(axis=1), strict=True)}
    assert [pairs[tuple(row)] for row in window.x] == window.context.argmax(axis=1).tolist()
    assert not np.array_equal(window.x, x)
    assert datasets.load_config(data.to_config()).to_config() == data.to_config()


def test_a_model_with_a_context_trains_as_on_arrays(tmp_path):
    data = datasets.stream(shards(trees(), tmp_path / "a"), context="kind")
    found = []
    for train in (data.train, once(data.train)):
        tf.keras.utils.set_random_seed(1)
        model = tfar.MADE([2], hidden_units=[8], head="normal", context_size=3)
        fit = training.fit(model, train, data.validation, epochs=2, epoch_steps=15, batch_size=50, seed=4, jit=False)
        scores = training.log_probs(model, train)
        found.append([fit.history["val_nll"], *model.get_weights(), np.sort(scores)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_cannot_be_a_context_is_refused(tmp_path):
    folder = shards(trees(), tmp_path / "a")
    with pytest.raises(ValueError, match="the context must be one of the columns .*'colour'"):
        datasets.stream(folder, context="colour")
    with pytest.raises(ValueError, match="a context are for tables with one head"):
        datasets.stream(folder, context="kind", by_column=True)
    frame = trees()
    train = np.flatnonzero(datasets.stream(folder, context="kind").train._division.codes(0, ROWS) != 0)
    frame.loc[train[0], "kind"] = "yew"  # a row that does not train
    with pytest.raises(ValueError, match="every class must occur in the training split.*'yew'"):
        datasets.stream(shards(frame, tmp_path / "b"), context="kind")
    np.save(tmp_path / "x.npy", binary(100).x)
    with pytest.raises(ValueError, match="a context is of tables, TFRecord and TFDS"):
        datasets.stream(tmp_path / "x.npy", context="kind")


def test_records_of_images_with_labels(tmp_path):
    x = np.arange(300)[:, None] >> np.arange(12) & 1
    with tf.io.TFRecordWriter(str(tmp_path / "a.tfrecord")) as writer:
        for number, row in enumerate(x):
            ints = {"x": row, "label": [number % 3]}
            feature = {name: tf.train.Feature(int64_list=tf.train.Int64List(value=values)) for name, values in ints.items()}
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    features = {"x": tf.io.FixedLenFeature([3, 4], tf.int64), "label": tf.io.FixedLenFeature([], tf.int64)}
    data = datasets.stream(tmp_path / "a.tfrecord", context="label", features=features)
    found, context = once(data.train)
    assert data.event_shape == (3, 4, 1) and data.context_names == ("0", "1", "2")
    np.testing.assert_array_equal(context.argmax(axis=1), (found.reshape(-1, 12) << np.arange(12)).sum(axis=1) % 3)
    with pytest.raises(ValueError, match="the context must be one of the features"):
        datasets.stream(tmp_path / "a.tfrecord", context="kind", features=features)


def test_test_rows_of_other_files(tmp_path):
    train, test = shards(trees(), tmp_path / "a"), shards(trees(60, seed=1), tmp_path / "b")
    data = datasets.stream(train, test=test, held=50)
    assert len(data.train) + len(data.validation.x) == ROWS and 20 < len(data.validation.x) < 90  # 50 +- 7; p < 1e-4 of 4 deviations
    assert 40 <= len(data.test.x) <= 60  # at most `held`, on average
    whole = datasets.stream(train, test=test)
    np.testing.assert_array_equal(whole.test.x, whole.schema.encode(trees(60, seed=1), blanks=False))
    assert datasets.load_config(whole.to_config()).to_config() == whole.to_config()
    with pytest.raises(ValueError, match="test must be other files"):
        datasets.stream(train, test=train)


class Signs(tfds.core.GeneratorBasedBuilder):
    """Images of four pixels, the bits of a number, with its parity."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {"image": tfds.features.Image(shape=(2, 2, 1)), "label": tfds.features.ClassLabel(names=["odd", "even"])}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features), supervised_keys=("image", "label"))

    def _split_generators(self, manager):
        return {"train": self._rows(400), "test": self._rows(60)}

    def _generate_examples(self):
        raise NotImplementedError

    @staticmethod
    def _rows(count):
        for number in range(count):
            bits = (np.arange(4) < number % 5).astype(np.uint8).reshape(2, 2, 1)
            yield number, {"image": bits * 255, "label": "even" if number % 2 == 0 else "odd"}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    Signs(data_dir=folder).download_and_prepare()
    return folder


def test_a_data_set_of_tfds(data_dir):
    data = datasets.stream("signs", data_dir=data_dir, levels=2, context="label")
    in_memory = datasets.load("signs", data_dir, levels=2, context="label")
    assert (data.kind, data.event_shape, data.context_names) == ("binary", (2, 2, 1), ("odd", "even"))
    assert len(data.train) + len(data.validation.x) == 400 and len(data.validation.x) > 10
    np.testing.assert_array_equal(data.test.x, in_memory.test.x)
    np.testing.assert_array_equal(data.test.context, in_memory.test.context)
    x, context = once(data.train)
    joined = np.concatenate([x, data.validation.x]).reshape(400, 4).sum(axis=1)
    assert np.bincount(joined).tolist() == [80] * 5 and context.sum(axis=0).sum() == len(data.train)
    assert datasets.load_config(data.to_config()).to_config() == data.to_config()
    with pytest.raises(ValueError, match="test are for files"):
        datasets.stream("signs", data_dir=data_dir, test="a.npy")
    with pytest.raises(ValueError, match="no such data set or file"):
        datasets.stream("nosigns", data_dir=data_dir)
