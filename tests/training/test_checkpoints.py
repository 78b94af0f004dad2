"""Trainings that are killed and go on."""

import json
import re

import keras
import numpy as np
import pytest
from support.training import Kill, Killed, binary, logistic

import tfar
from tfar import training
from tfar.training import loop
from tfar.training.checkpoints import Checkpoint


@pytest.mark.parametrize("schedule", [pytest.param("plateau", marks=pytest.mark.slow), "cosine"])
def test_a_killed_training_goes_on_as_if_nothing_had_been(tmp_path, monkeypatch, schedule):
    monkeypatch.setattr(loop, "Checkpoint", lambda *args: Checkpoint(*args, every=0.0))

    def train(name, hidden_units=(8,), **options):
        keras.utils.set_random_seed(3)
        model = tfar.DeepNADE([6], hidden_units=hidden_units)  # random patterns in each step
        options = {"epochs": 6, "epoch_steps": 10, "patience": 2, "jit": False, "learning_rate": 0.05, "schedule": schedule, **options}
        return training.fit(model, binary(), binary(seed=1), checkpoint=tmp_path / name, **options), model.get_weights()

    whole, expected = train("whole.npz")
    with pytest.raises(Killed):
        train("killed.npz", callbacks=[Kill(35)])
    with np.load(tmp_path / "killed.npz") as file:
        assert json.loads(str(file["state"]))["epochs"] == 3
    with pytest.raises(ValueError, match="learning_rate was 0.05, is 0.1"):
        train("killed.npz", learning_rate=0.1)
    was, now = ({"network": {"config": {"hidden_units": [units]}}} for units in (8, 9))
    with pytest.raises(ValueError, match=re.escape(f"Received: model was {was}, is {now}") + "$"):
        train("killed.npz", hidden_units=[9])
    resumed, weights = train("killed.npz")
    assert resumed.history == whole.history and resumed.best_epoch == whole.best_epoch
    for one, other in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("old", "was", "now"), [({}, "{}", "{'units': None}"), ({"units": 1}, "{'units': 1}", "{'units': None}")])
def test_a_checkpoint_tells_none_deep_inside_its_settings_from_others(tmp_path, old, was, now):
    np.savez(tmp_path / "old.npz", state=json.dumps({"settings": {"rate": 1, "model": old}, "epochs": 1, "seconds": 0.0}))
    checkpoint = Checkpoint(tmp_path / "old.npz", {"rate": 1, "model": {"units": None}}, {}, None)
    with pytest.raises(ValueError, match=f"Received: model was {was}, is {now}$"):
        checkpoint.read()


@pytest.mark.parametrize("policy", ["bfloat16", "mixed_bfloat16", "mixed_float16"])
def test_a_killed_training_goes_on_in_half_precision(tmp_path, monkeypatch, policy):
    monkeypatch.setattr(loop, "Checkpoint", lambda *args: Checkpoint(*args, every=0.0))
    keras.mixed_precision.set_global_policy(policy)
    try:
        found = []
        for name, options in (("whole.npz", {}), ("killed.npz", {"callbacks": [Kill(35)]}), ("killed.npz", {})):
            keras.utils.set_random_seed(3)
            model = logistic()
            try:
                options = {"epochs": 6, "epoch_steps": 10, "jit": False, **options}
                training.fit(model, binary(), binary(seed=1), checkpoint=tmp_path / name, **options)
                found.append(model.get_weights())
            except Killed:
                pass
    finally:
        keras.mixed_precision.set_global_policy("float32")
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_checkpoint_is_of_one_model_and_its_data(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "Checkpoint", lambda *args: Checkpoint(*args, every=0.0))

    def train(seed=0, held=1, activation="relu", **options):
        model = tfar.MADE([6], hidden_units=[8], activation=activation, direct=False)
        options = {"epochs": 5, "epoch_steps": 10, "jit": False, "seed": np.int64(2), **options}
        return training.fit(model, binary(seed=seed), binary(seed=held), checkpoint=tmp_path / "one", **options)

    with pytest.raises(Killed):
        train(callbacks=[Kill(35)])
    with pytest.raises(ValueError, match="model was"):
        train(activation="tanh")
    with pytest.raises(ValueError, match="data was"):
        train(seed=7)
    with pytest.raises(ValueError, match="validation was"):  # the best epoch is chosen by them
        train(held=7)
    assert train().epochs == 5


def test_a_checkpoint_that_cannot_be_written_is_one_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "Checkpoint", lambda *args: Checkpoint(*args, every=0.0))

    def full(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.warns(RuntimeWarning, match="cannot be written; training goes on without it: .*No space left") as seen:
        fit = training.fit(logistic(), binary(), binary(seed=1), epochs=4, epoch_steps=3, jit=False, checkpoint=tmp_path / "one.npz")
    assert fit.epochs == 4 and len([warning for warning in seen if warning.category is RuntimeWarning]) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "one.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(ValueError, match="must be a checkpoint, an .npz file; remove .*one.npz to begin again.*Received: .*one.npz"):
        training.fit(logistic(), binary(), binary(seed=1), epochs=4, jit=False, checkpoint=tmp_path / "one.npz")
