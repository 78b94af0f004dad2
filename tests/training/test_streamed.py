"""Training and scoring from streams: what arrays give, streams give."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.training import Kill, Killed, binary

import tfar
from tfar import datasets, training
from tfar.datasets import Split

SETTINGS = {"epochs": 4, "epoch_steps": 25, "batch_size": 70, "seed": 4, "jit": False, "ema": 0.9}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("stream") / "x.npy"
    np.save(path, binary(3000).x)
    return path


@pytest.fixture(scope="module")
def data(path):
    return datasets.stream(path)


@pytest.fixture(scope="module")
def rows(data):
    return np.concatenate(list(data.train.once(1000).as_numpy_iterator()))


def model(**options):
    keras.utils.set_random_seed(1)
    return tfar.MADE([6], hidden_units=[8], dropout=0.2, **options)


def trained(train, validation, **options):
    of = model()
    fit = training.fit(of, train, validation, **{**SETTINGS, **options})
    return fit.history, of.get_weights()


def assert_equal(one, other):
    assert one[0] == other[0]
    for first, second in zip(one[1], other[1], strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_stream_trains_as_arrays_do(data, rows):
    assert_equal(trained(data.train, data.validation), trained(rows, data.validation))


def test_a_dataset_trains_as_a_stream_in_its_order(path, rows):
    stream = datasets.stream(path, shuffle=False)
    of_rows = tf.data.Dataset.from_tensor_slices(rows)
    held = stream.validation.x
    expected = trained(stream.train, held)
    assert_equal(trained(of_rows, tf.data.Dataset.from_tensor_slices(held).batch(33)), expected)
    assert_equal(trained(of_rows.batch(64).map(lambda x: {"x": x}), held), expected)


@pytest.fixture
def at_each_epoch(monkeypatch):
    """Checkpoints are written as each epoch begins."""
    monkeypatch.setattr("tfar.training.checkpoints.Checkpoint.__init__.__defaults__", (None, 0.0))


@pytest.mark.parametrize("kind", ["stream", "dataset"])
def test_a_training_is_resumed_in_the_middle_of_a_pass(path, rows, kind, tmp_path, at_each_epoch):
    stream = datasets.stream(path, buffer=300)
    train = stream.train if kind == "stream" else tf.data.Dataset.from_tensor_slices(rows).shuffle(200, 3, False)
    whole = trained(train, stream.validation)
    checkpoint = tmp_path / "checkpoint.npz"
    with pytest.raises(Killed):
        trained(train, stream.validation, checkpoint=checkpoint, callbacks=[Kill(60)])
    assert checkpoint.exists()
    assert_equal(trained(train, stream.validation, checkpoint=checkpoint), whole)


def test_a_checkpoint_of_other_rows_is_refused(path, data, tmp_path, at_each_epoch):
    trained(data.train, data.validation, checkpoint=tmp_path / "checkpoint.npz", epochs=2)
    for changed in ({"seed": 1}, {"buffer": 99}):
        with pytest.raises(ValueError, match="data was"):
            trained(datasets.stream(path, **changed).train, data.validation, checkpoint=tmp_path / "checkpoint.npz", epochs=2)


def test_an_order_that_differs_from_pass_to_pass_is_told(rows, tmp_path):
    shuffled = tf.data.Dataset.from_tensor_slices(rows).shuffle(1000)
    with pytest.warns(UserWarning, match="a resumed training differs"):
        trained(shuffled, rows[:50], checkpoint=tmp_path / "checkpoint.npz", epochs=1)


def test_scores_are_those_of_arrays(data, rows):
    of = model()
    of.compile()
    expected = training.evaluate(of, rows, 64)
    held = tf.data.Dataset.from_tensor_slices(rows)
    for stream in (data.train, held, held.batch(100)):
        np.testing.assert_allclose(training.log_probs(of, stream, 64), training.log_probs(of, rows, 64), rtol=1e-6)
        found = training.evaluate(of, stream, 64)
        assert found == pytest.approx(expected, rel=1e-6) and found["rows"] == len(rows)
    assert of.evaluate(data.train.once(64), verbose=0)[0] == pytest.approx(expected["nll"], rel=1e-5)


def test_parts_of_a_stream_are_all_scored(data, rows, monkeypatch):
    monkeypatch.setattr("tfar.training.streamed.PART_BYTES", 1)
    of = model()
    found = training.log_probs(of, data.train, 500, validate_args=True)
    np.testing.assert_allclose(found, training.log_probs(of, rows, 500), rtol=1e-6)


def test_contexts(rows):
    context = np.eye(2, dtype=np.float32)[rows[:, 0]]
    of = model(context_size=2)
    stream = tf.data.Dataset.from_tensor_slices((rows, context))
    fit = training.fit(of, stream, Split(rows, context), **SETTINGS)
    assert fit.history["val_nll"][-1] < fit.history["val_nll"][0]
    assert training.evaluate(of, stream)["nll"] == pytest.approx(training.evaluate(of, (rows, context))["nll"], rel=1e-5)
    by_name = stream.map(lambda x, context: {"context": context, "x": x}).batch(9)
    assert training.evaluate(of, by_name)["nll"] == pytest.approx(training.evaluate(of, stream)["nll"], rel=1e-6)


def test_datasets_that_cannot_be_read_are_refused(rows):
    good = tf.data.Dataset.from_tensor_slices(rows)
    for bad, message in (
        (good.repeat(), "must be finite"),
        (good.take(0), "there must be rows"),
        (tf.data.Dataset.range(5), "elements of a dataset must be"),
        (good.map(lambda x: (x, x, x)), "elements of a dataset must be"),
        (good.map(lambda x: 2 * x), "0 and 1|in the support|Received"),
    ):
        with pytest.raises(ValueError, match=message):
            trained(bad, rows)


def test_fit_refuses_a_stream_without_rows_to_validate_with(data, rows):
    with pytest.raises(ValueError, match="there must be rows"):
        trained(data.train, rows[:0])


def test_a_shard_that_is_gone_is_named(tmp_path):
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, binary(1000).x)
    gone = datasets.stream(tmp_path)
    (tmp_path / "b.npy").unlink()
    with pytest.raises((ValueError, FileNotFoundError), match="b.npy"):
        trained(gone.train, gone.validation)
    with pytest.raises((ValueError, FileNotFoundError), match="b.npy"):
        training.evaluate(model(), gone.train)
