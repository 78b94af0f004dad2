"""Run folders and checkpoints that somebody damaged: every command says in one line which file is wrong."""

import json
import shutil

import keras
import numpy as np
import pytest
from support.commands import TINY, fails

from tfar.cli.main import main


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "run", ignore=shutil.ignore_patterns("*.png"))


def with_value(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"kind": 3}, "kind is 3"),
        ({"kind": "sounds"}, "kind must be binary, categorical or continuous"),
        ({"event_shape": [2, 2]}, r"its event shape and size of the context are ((2, 2), 0)"),
        ({"event_shape": "x"}, "event_shape must be integers"),
        ({"levels": None}, "levels must be an integer"),
        ({"context_size": 2}, "size of the context"),
        ({"context": 5}, "context is 5"),
        ({"checksums": {}}, "checksums"),
        ({"kind": "continuous"}, "standardization must be"),
        ({"kind": "continuous", "standardization": {"mean": "x"}}, "'scale' is missing"),
    ],
)
def test_a_description_that_was_tampered_with(copy, capsys, changes, fault):
    with_value(copy / "data.json", **changes)
    error = fails(capsys, "evaluate", copy)
    assert fault in error and f"Received: {copy / 'data.json'}" in error


def test_files_that_are_cut_short(copy, capsys):
    for name in ("data.json", "model.keras"):
        whole = (copy / name).read_bytes()
        (copy / name).write_bytes(whole[: len(whole) // 2])
        assert f"Received: {copy / name}" in fails(capsys, "sample", copy)
        (copy / name).write_bytes(whole)
    for content in ("{", "{}", '{"test": 3}'):
        (copy / "metrics.json").write_text(content)
        assert f"Received: {copy / 'metrics.json'}" in fails(capsys, "evaluate", copy)


def test_every_command_refuses_weights_that_are_not_finite(copy, capsys, tmp_path):
    model = keras.saving.load_model(copy / "model.keras")
    model.weights[0].assign(np.full(model.weights[0].shape, np.nan))
    model.save(copy / "model.keras")
    np.save(tmp_path / "rows.npy", np.zeros([2, 8, 8, 1]))
    for words in (["evaluate"], ["sample"], ["complete", "--data", tmp_path / "rows.npy"], ["export"]):
        error = fails(capsys, words[0], copy, *words[1:])
        assert "must be finite" in error and f"Received: {copy / 'model.keras'}" in error


def test_a_checkpoint_that_is_no_good_is_one_line(tmp_path, capsys):
    words = ["train", "logistic", "--data", "digits", "--out", tmp_path / "run", "--schedule", "plateau", *TINY[2:]]
    path = tmp_path / "run.checkpoint.npz"
    state = {"settings": {}, "epochs": 1, "seconds": 0.0}
    for arrays, fault in (
        ({"x": np.zeros(2)}, "it holds x"),
        ({"state": "[]"}, "type list"),
        ({"state": "{", "x": np.zeros(1)}, "Expecting property name"),
        ({"state": json.dumps({"settings": {}})}, "'history' is missing"),
        ({"state": json.dumps({**state, "epochs": "many", "history": {"history": {}}, "keep": {}})}, "'plateau' is missing"),
        ({"state": json.dumps(state), "model-0": np.array([np.nan])}, "the numbers of model-0 are not all finite"),
    ):
        np.savez(path, **arrays)
        error = fails(capsys, *words)
        assert fault in error and f"remove {path} to begin again" in error
    path.write_bytes(path.read_bytes()[:300])
    assert f"remove {path} to begin again" in fails(capsys, *words)
    path.unlink()
    assert main(words) == 0


def test_bad_orders_in_files_are_one_line(tmp_path, capsys):
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    (tmp_path / "b.npy").write_bytes(b"\x93NUMPY")
    for name in ("a.npy", "b.npy"):
        words = ["train", "made", "--data", "digits", "--order", tmp_path / name, "--out", tmp_path / "run", *TINY]
        assert "--order" in fails(capsys, *words, code=2)
