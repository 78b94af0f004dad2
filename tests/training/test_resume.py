"""Keras' own `fit`, killed and resumed."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.training import Kill, Killed, binary, logistic

import tfar
from tfar import training
from tfar.training import Resume

STEPS = 5


RANDOM = {"dropout": 0.3, "num_masks": 4, "order": "random"}  # two draws in each step


def model_of(optimizer="adam", draws=RANDOM):
    keras.utils.set_random_seed(3)
    model = tfar.MADE([6], hidden_units=[8], **draws)
    model.compile(keras.optimizers.Adam(0.05) if optimizer == "adam" else optimizer)
    return model


def own_stream(start):
    return training.batches(binary(), 20, seed=1, start=start)


def shuffled_stream(start):
    """A pipeline of the user's own, which shuffles each pass anew."""
    return tf.data.Dataset.from_tensor_slices(binary().x).shuffle(50, seed=1).batch(20).repeat().skip(start)


def train(path, stream, callbacks=(), epochs=4, **options):
    model, resume = model_of(**options), Resume(path)
    lower = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.7)
    model.fit(
        stream(resume.epoch * STEPS),
        steps_per_epoch=STEPS,
        epochs=epochs,
        initial_epoch=resume.epoch,
        callbacks=[lower, resume, *callbacks],
        verbose=0,
    )
    return model


@pytest.mark.parametrize("stream", [own_stream, shuffled_stream])
@pytest.mark.parametrize("step", [13, 10])  # within an epoch, and at its very end, before its state is saved
def test_a_killed_fit_is_resumed_bit_for_bit(stream, step, tmp_path):
    whole = train(tmp_path / "whole.npz", stream)
    with pytest.raises(Killed):
        train(tmp_path / "killed.npz", stream, [Kill(step)])
    assert Resume(tmp_path / "killed.npz").epoch == (step - 1) // STEPS
    resumed = train(tmp_path / "killed.npz", stream)
    for one, other in zip([*whole.variables, *whole.optimizer.variables], [*resumed.variables, *resumed.optimizer.variables], strict=True):
        np.testing.assert_array_equal(one, other)
    restored = train(tmp_path / "killed.npz", stream)  # there is nothing left to do
    for one, other in zip(whole.get_weights(), restored.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("draws", [{}, RANDOM], ids=["without draws", "with draws"])
def test_keras_own_callback_does_not_resume_draws(draws, tmp_path):
    """Which is why there is another one."""

    def backed_up(folder, callbacks=()):
        model = model_of(draws=draws)
        backup = keras.callbacks.BackupAndRestore(folder, delete_checkpoint=False)
        start = 2 * STEPS if callbacks is None else 0
        model.fit(own_stream(start), steps_per_epoch=STEPS, epochs=4, callbacks=[backup, *(callbacks or ())], verbose=0)
        return model.get_weights()

    expected = backed_up(tmp_path / "whole")
    with pytest.raises(Killed):
        backed_up(tmp_path / "killed", [Kill(13)])
    found = backed_up(tmp_path / "killed", None)
    assert any((one != other).any() for one, other in zip(expected, found, strict=True)) == bool(draws)


def test_what_does_not_fit_is_refused(tmp_path):
    path = tmp_path / "state.npz"
    train(path, own_stream, epochs=2)
    with pytest.raises(ValueError, match="initial_epoch=resume.epoch, here 2. Received: epoch 0"):
        model_of().fit(own_stream(0), steps_per_epoch=STEPS, epochs=4, callbacks=[Resume(path)], verbose=0)
    other = logistic()
    other.compile("adam")
    with pytest.raises(ValueError, match="the same model and optimizer"):
        other.fit(own_stream(0), steps_per_epoch=STEPS, epochs=4, initial_epoch=2, callbacks=[Resume(path)], verbose=0)
    with pytest.raises(ValueError, match="the same model and optimizer"):
        train(path, own_stream, optimizer="sgd")
    path.write_text("no checkpoint")
    with pytest.raises(ValueError, match="must be a checkpoint, an .npz file"):
        Resume(path)
    np.savez(path, x=np.zeros(3))
    with pytest.raises(ValueError, match="must be a checkpoint.*it holds x, and no state of a training.*Received: "):
        Resume(path)


def test_files_of_one_kind_are_not_taken_for_the_other(tmp_path, monkeypatch):
    train(tmp_path / "keras.npz", own_stream, epochs=1)
    with pytest.raises(ValueError, match="one of tfar.training.fit. Received: .*keras.npz, a file of Resume"):
        training.fit(logistic(), binary(), binary(), epochs=1, checkpoint=tmp_path / "keras.npz")
    np.savez(tmp_path / "ours.npz", state='{"epochs": 3}')
    with pytest.raises(ValueError, match="one of Resume, for Keras' fit"):
        Resume(tmp_path / "ours.npz")


def test_a_file_that_cannot_be_written_is_one_warning(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.warns(RuntimeWarning, match="the checkpoint cannot be written; training goes on") as seen:
        resume = Resume(tmp_path / "file" / "state.npz")
        model_of().fit(own_stream(0), steps_per_epoch=STEPS, epochs=3, callbacks=[resume], verbose=0)
    assert len([warning for warning in seen if warning.category is RuntimeWarning]) == 1
