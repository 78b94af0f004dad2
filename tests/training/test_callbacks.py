"""Pictures during training: when they are written, what they show, and where."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.pictures import events, names, stripes

import tfar
from tfar import plotting, training
from tfar.datasets import Split
from tfar.training import callbacks
from tfar.training.callbacks import SamplePictures

pytest.importorskip("matplotlib")


def pixel_cnn(**options):
    keras.utils.set_random_seed(1)
    return tfar.PixelCNN([4, 4, 1], num_blocks=1, filters=4, kernel_size=3, head_filters=(), **{"positions": False, **options})


def same(path, figure, title):
    """Whether a file is the picture of a figure, pixel by pixel."""
    plotting.save(figure, path.with_name("expected.png"), overwrite=True, title=title)
    return path.read_bytes() == path.with_name("expected.png").read_bytes()


def test_pictures_are_written_after_each_so_many_epochs(tmp_path):
    model, x = pixel_cnn(), stripes().x
    model.compile("adam")
    model.fit(x, epochs=5, callbacks=[SamplePictures(tmp_path, every=2, count=4)], verbose=0)
    assert names(tmp_path) == ["epoch-0002.png", "epoch-0004.png"]
    model.fit(x, epochs=1, callbacks=[SamplePictures(tmp_path / "end", every=0, count=4, reference=x[:3])], verbose=0)
    assert names(tmp_path / "end") == ["final-completions.png", "final-nll.png", "final.png"]


def test_a_picture_shows_the_averaged_weights(tmp_path):
    """Its samples are those of the averages, by which validation is scored, and not those of the weights being trained."""

    class Weights(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.raw = self.model.get_weights()

    train, model, raw = Split(stripes().x), pixel_cnn(), Weights()
    pictures = SamplePictures(tmp_path, count=9, reference=train.x[:2])
    options = {"epochs": 1, "epoch_steps": 20, "learning_rate": 0.05, "ema": 0.95, "jit": False, "callbacks": [pictures, raw]}
    training.fit(model, train, train, **options)  # of one epoch the weights are the best ones, which the model has now
    assert same(tmp_path / "epoch-0001.png", plotting.image_grid(model.sample(9, seed=1).numpy()[..., 0]), "samples, epoch 1")
    log_prob = model.distribution().position_log_prob(train.x[:2])
    assert same(tmp_path / "epoch-0001-nll.png", plotting.nll_maps(train.x[:2, ..., 0], log_prob), "nll, epoch 1")
    model.set_weights(raw.raw)
    assert not same(tmp_path / "epoch-0001.png", plotting.image_grid(model.sample(9, seed=1).numpy()[..., 0]), "samples, epoch 1")


def test_completions_keep_the_upper_half_and_draw_the_lower_one(monkeypatch):
    shown = {}
    monkeypatch.setattr(plotting, "completions", lambda *parts: shown.update(zip(("originals", "observed", "draws"), parts, strict=True)))
    x, model = stripes().x[:3], pixel_cnn()
    callback = SamplePictures("unused", reference=x)
    callback.set_model(model)
    callback.pictures()
    assert shown["draws"].shape == (3, callbacks.DRAWS, 4, 4) and (shown["originals"] == x[..., 0]).all()
    assert shown["observed"][:, :2].all() and not shown["observed"][:, 2:].any()
    assert (shown["draws"][:, :, :2] == x[:, None, :2, :, 0]).all() and (shown["draws"][:, 0] != shown["draws"][:, 1]).any()


def test_samples_of_classes_are_in_rows_of_them():
    train, model = stripes(), pixel_cnn(context_size=2)
    rows = train.take(train.context.argmax(axis=0))  # one of each class
    contexts = np.eye(2, dtype=np.float32)[[0, 1, 0, 1]]
    callback = SamplePictures("unused", count=4, context=contexts, labels=["down", "across"] * 2, reference=rows)
    callback.set_model(model)
    found = callback.pictures()
    assert [label.get_text() for label in found["samples"].axes[0].get_yticklabels()] == ["down", "across"]
    expected = model.log_prob(*rows).numpy() / -np.log(2)
    assert [axes.get_title() for axes in found["nll"].axes[:2]] == [f"{bits:.1f} bits" for bits in expected]


def test_tables_and_mixtures_of_orders_have_the_pictures_that_make_sense():
    table = tfar.MADE([3], head="normal", hidden_units=[4], direct=False)
    mixture = tfar.MADE([4, 4, 1], hidden_units=[8], num_masks=2, order="random", direct=False)
    for model, reference, expected in (
        (table, np.zeros([5, 3], np.float32), {"samples"}),
        (mixture, stripes().x[:2], {"samples", "completions"}),
    ):
        callback = SamplePictures("unused", count=4, reference=reference)
        callback.set_model(model)
        assert set(callback.pictures()) == expected


def test_a_diverged_model_is_not_drawn(tmp_path):
    model = pixel_cnn()
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    callback = SamplePictures(tmp_path, count=4, reference=stripes().x[:2])
    callback.set_model(model)
    callback.on_epoch_end(0)
    assert names(tmp_path) == []


def test_bad_arguments_are_refused(monkeypatch):
    with pytest.raises(ValueError, match="Received: folder=None"):
        SamplePictures()
    with pytest.raises(ValueError, match="Received: every=-1"):
        SamplePictures("unused", every=-1)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "tensorboard" else True)
    with pytest.raises(ImportError, match=r"tfar\[tensorboard\]"):
        SamplePictures(log_dir="unused")


def test_images_are_read_back_from_tensorboards_files(tmp_path):
    pytest.importorskip("tensorboard")
    model, x = pixel_cnn(), stripes().x
    model.compile("adam")
    model.fit(x, epochs=2, callbacks=[SamplePictures(log_dir=tmp_path, count=4, reference=x[:2])], verbose=0)
    found = events(tmp_path)
    assert set(found) == {(name, step) for name in ("samples", "completions", "nll") for step in (1, 2)}
    shown = tf.io.decode_png(found["samples", 2][2]).numpy()  # after its width and height
    expected = plotting.rendered(plotting.image_grid(model.sample(4, seed=1).numpy()[..., 0]))
    np.testing.assert_array_equal(shown[..., :3], expected)


def test_models_of_text_are_refused(tmp_path):
    with pytest.raises(ValueError, match="a model of text"):
        SamplePictures(tmp_path).set_model(tfar.CharRNN("ab", units=4, num_layers=1, dropout=0.0))
