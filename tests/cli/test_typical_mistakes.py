"""Commands and calls as people get them wrong: the answer is one line, names the mistake, and says the way out.

Each case has the words of a command, and what its error must say: the mistake as it was made, and a way out.
"""

import json
import time

import numpy as np
import pytest
from support.commands import TINY, fails
from support.data import error_of

import tfar
from tfar import datasets
from tfar.cli.main import main

LONGEST = 340  # characters, two lines of a wide terminal


@pytest.fixture(scope="session")
def mess(tmp_path_factory, folder):
    """A folder of data, such as people have."""
    import tensorflow as tf

    base = tmp_path_factory.mktemp("mess")
    rng = np.random.default_rng(0)
    sizes = {"cat/1.png": (8, 8), "cat/2.png": (8, 9), **{f"dog/{i}.png": (8, 8) for i in range(5)}}
    for name, (height, width) in sizes.items():
        (base / "faces" / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
        (base / "faces" / name).write_bytes(tf.io.encode_png(pixels).numpy())
    (base / "broken").mkdir()
    (base / "broken" / "a.jpg").write_bytes(b"<html>404</html>")
    (base / "empty").mkdir()
    (base / "taken").mkdir()
    (base / "table.csv").write_text("age,city\n" + "".join(f"{20 + i % 50},{'Rome' if i % 3 else 'Oslo'}\n" for i in range(60)))
    (base / "table.xlsx").write_text("")
    (base / "words.txt").write_text("hello world. " * 400)
    np.save(base / "first.npy", rng.integers(0, 256, (20, 3, 8, 8)).astype(np.uint8))
    np.save(base / "unit.npy", rng.random((20, 8, 8)))
    np.save(base / "wide.npy", np.zeros((5, 9, 8, 1), np.int32))
    np.savez(base / "odd.npz", a=np.zeros((9, 4)), b=np.zeros((9, 4)))
    return base


TRAIN = ["--out", "new", *TINY]
COMMANDS = {
    # data of a training
    "no such file": (["train", "made", "--data", "tabel.csv", *TRAIN], 1, ["no such file", "tabel.csv"]),
    "a name with a slip": (["train", "made", "--data", "digitz", "--data-dir", ".", *TRAIN], 1, ["'digitz'", "Did you mean digits?"]),
    "a name that is not prepared": (["train", "made", "--data", "mnist", "--data-dir", ".", *TRAIN], 1, ["not prepared", "digits"]),
    "an ending that nothing reads": (["train", "made", "--data", "table.xlsx", *TRAIN], 1, ["table.xlsx", ".csv", ".png"]),
    "a folder without images": (["train", "made", "--data", "./empty", *TRAIN], 1, ["empty", ".png", "--stream"]),
    "a pattern of nothing": (["train", "pixelcnn", "--data", "face/*.png", *TRAIN[:2]], 1, ["There must be images", "face/*.png"]),
    "images of several sizes": (["train", "pixelcnn", "--data", "faces", *TRAIN[:2]], 1, ["2.png, 8 x 9", "--size 32"]),
    "a picture that is none": (["train", "pixelcnn", "--data", "broken", *TRAIN[:2]], 1, ["a.jpg", "a PNG or JPEG image"]),
    "a class without a folder": (
        ["train", "pixelcnn", "--data", "faces/dog", "--context", "label", *TRAIN[:2]],
        1,
        ["Received: dog", "the name of its folder"],
    ),
    "channels first": (["train", "made", "--data", "first.npy", *TRAIN], 1, ["shape (20, 3, 8, 8)", "--channels-first"]),
    "size of a table": (["train", "made", "--data", "table.csv", "--size", "8", *TRAIN], 1, ["(--size) is for a folder", "table.csv"]),
    "levels of words": (["train", "made", "--data", "table.csv", "--levels", "4", *TRAIN], 1, ["'city'", "--drop", "--levels"]),
    "a column that is not there": (["train", "made", "--data", "table.csv", "--drop", "town", *TRAIN], 1, ["'town'", "city"]),
    "a context that is no column": (["train", "made", "--data", "table.csv", "--context", "label", *TRAIN], 1, ["'label'", "'city'"]),
    "a text for a table": (["train", "made", "--data", "words.txt", *TRAIN], 1, ["words.txt", "no rows"]),
    "names of arrays": (["train", "made", "--data", "odd.npz", *TRAIN], 1, ["['a', 'b']", "x_train"]),
    "real values for a binary head": (["train", "nadek", "--data", "table.csv", *TRAIN], 1, ["'city'"]),
    # settings of a training
    "a model with a slip": (["train", "maed", "--data", "digits", *TRAIN], 2, ["'maed'", "made"]),
    "an option with a slip": (
        ["train", "made", "--data", "digits", "--epoch", "3", *TRAIN],
        2,
        ["--epoch 3", "Did you mean --epochs?", "tfar train made --help"],
    ),
    "an option with an underscore": (["sample", "RUN", "--top_k", "3"], 2, ["--top_k", "Did you mean --top-k?"]),
    "an output that exists": (["train", "made", "--data", "digits", "--out", "taken"], 1, ["taken", "nothing is overwritten"]),
    "a rate of zero": (["train", "made", "--data", "digits", "--learning-rate", "0", *TRAIN], 1, ["learning_rate", "(0, inf)"]),
    "a start that is no run": (["train", "made", "--data", "digits", "--init-from", "empty", *TRAIN], 1, ["--init-from", "tfar train"]),
    # use of a model
    "a run that is not there": (["evaluate", "runs/made"], 1, ["runs/made", "tfar train"]),
    "a folder that is no run": (["sample", "empty"], 1, ["empty", "model.keras"]),
    "rows of another shape": (["evaluate", "RUN", "--data", "wide.npy"], 1, ["(9, 8, 1)", "(8, 8, 1)"]),
    "an ensemble of one": (["evaluate", "RUN", "--ensemble"], 1, ["--ensemble", "several"]),
    "orders of a model of one": (["evaluate", "RUN", "--num-orders", "4"], 1, ["num_orders", "order-agnostic"]),
    "a label of a model without": (["sample", "RUN", "--context", "3"], 1, ["--context 3", "trained with one"]),
    "a class that is not there": (["sample", "LABELLED", "--context", "ten"], 1, ["--context ten", "0, 1, 2"]),
    "a picture in another format": (["sample", "RUN", "--out", "x.gif"], 1, ["x.gif", ".npy", ".png"]),
    "no samples": (["sample", "RUN", "-n", "0"], 1, ["-n 0", "at least 1"]),
    "a prompt for images": (["sample", "RUN", "--prompt", "a"], 1, ["--prompt", "models of text"]),
    "a file to complete that is not there": (["complete", "RUN", "--data", "hole.npy"], 1, ["no such file", "hole.npy"]),
    "a recipe with a slip": (["reproduce", "mad"], 1, ["Received: mad", "Did you mean made?", "'tfar reproduce' lists"]),
    "an export into a file": (["export", "RUN", "--out", "table.csv"], 1, ["table.csv", "a new name"]),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_commands(case, mess, folder, labelled, monkeypatch, capsys):
    words, code, said = COMMANDS[case]
    monkeypatch.chdir(mess)
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    before = sorted(path.name for path in mess.iterdir())
    places = {"RUN": folder, "LABELLED": labelled}
    error = fails(capsys, *(places.get(word, word) for word in words), code=code)
    assert all(part in error for part in said), error
    assert len(error) < LONGEST, error
    assert sorted(path.name for path in mess.iterdir()) == before  # nothing is left behind


CALLS = {
    "a name with a slip": (lambda base: datasets.load("digitz", base), ["'digitz'", "Did you mean digits?"]),
    "three parts of a pair": (lambda base: datasets.load((np.zeros((9, 4)),) * 3), ["(x, context)", "3 parts"]),
    "images in the unit interval, and more": (lambda base: datasets.load(np.full((9, 4, 4), 1.5), levels=256), ["[0, 1]", "1.5"]),
    "an option with a slip": (lambda base: datasets.load("digits", level=2), ["options must be among", "level"]),
    "rows by names that are unknown": (
        lambda base: tfar.training.fit(tfar.MADE([3], hidden_units=[4]), {"x": np.eye(99, 3, dtype=int), "y": [0] * 99}, None),
        ["'x'", "'context'", "'y'"],
    ),
    "labels for a context": (
        lambda base: tfar.training.fit(tfar.MADE([3], hidden_units=[4], context_size=2), (np.eye(3, dtype=int), [0, 1, 0]), None),
        ["one_hot", "shape (3,)"],
    ),
    "a setting with a slip": (
        lambda base: tfar.training.fit(tfar.MADE([3], hidden_units=[4]), np.eye(3, dtype=int), np.eye(3, dtype=int), epoch=3),
        ["epoch", "epochs"],
    ),
    "values that are not binary": (lambda base: tfar.MADE([3], hidden_units=[4]).log_prob(np.full((2, 3), 7)), ["0 or 1", "7"]),
    "another shape": (lambda base: tfar.MADE([3], hidden_units=[4]).log_prob(np.zeros((2, 4), int)), ["[..., 3]", "(2, 4)"]),
}


@pytest.mark.parametrize("case", CALLS)
def test_calls(case, mess):
    call, said = CALLS[case]
    error = error_of(call, mess)
    assert all(part in error for part in said) and len(error) < LONGEST, error


def test_a_missing_extra_is_named_before_anything_else(folder, mess, monkeypatch, capsys):
    monkeypatch.chdir(mess)
    monkeypatch.setattr("tfar.cli.opening.import_tensorflow", lambda: pytest.fail("it is refused before TensorFlow is loaded"))
    monkeypatch.setattr("tfar.plotting.figures.available", lambda: False)
    assert "pip install 'tfar[plot]'" in fails(capsys, "sample", folder, "--out", "x.png")
    assert "pip install 'tfar[plot]'" in fails(capsys, "train", "made", "--data", "digits", "--pictures-every", "1", *TRAIN)


def test_what_needs_no_tensorflow_is_refused_at_once(mess, folder, labelled, mixed, monkeypatch, capsys):
    """Processor time of the command itself in one process; what it imports beside NumPy is measured by `test_main`."""
    monkeypatch.chdir(mess)
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    for case in ("no such file", "a name with a slip", "a folder without images", "an output that exists", "a run that is not there"):
        words, code, _ = COMMANDS[case]
        began = time.process_time()
        fails(capsys, *words, code=code)
        assert time.process_time() - began < 0.5, case
    monkeypatch.setattr("tfar.cli.opening.import_tensorflow", lambda: pytest.fail("it is refused before TensorFlow is loaded"))
    for words in (["evaluate", folder, "--data", "gone.npy"], ["score", folder, "--data", "gone.npy"], ["complete", "empty"]):
        fails(capsys, *words)
    fails(capsys, "evaluate", folder, "empty")
    for words in (["--prompt", "a"], ["--given", "sex=f"], ["--context", "3"]):
        fails(capsys, "sample", folder, *words)
    assert "--context ten" in fails(capsys, "sample", labelled, "--context", "ten")
    assert "'town=Rome'" in fails(capsys, "sample", mixed[0], "--given", "'town=Rome'")
    assert "of the same data" in fails(capsys, "evaluate", folder, mixed[0])
    assert "of the same data" in fails(capsys, "ensemble", folder, mixed[0], "--out", "new")
    assert "scores.txt" in fails(capsys, "score", folder, "--out", "scores.txt")
    (folder / "samples-99.npy").write_bytes(b"")
    assert "samples-99.npy" in fails(capsys, "sample", folder, "--seed", "99")
    (folder / "samples-99.npy").unlink()
    (mess / "taken" / "rows.csv").write_text("")
    fails(capsys, "evaluate", folder, "--out", "taken/rows.csv")
    (mess / "taken" / "rows.csv").unlink()


def test_a_model_of_another_table_is_named(mixed, folder, capsys):
    assert "of the same data" in fails(capsys, "evaluate", folder, mixed[0])
    assert main(["evaluate", folder, folder, "--json", "--rows", "5"]) == 0
    assert len(json.loads(capsys.readouterr().out)["models"]) == 2


def test_what_no_network_has_is_refused_before_tensorflow(monkeypatch, capsys):
    """TensorFlow is imported by the job's `build`."""
    monkeypatch.setattr("tfar.cli.array_job.ArrayJob.build", lambda job: pytest.fail("the network was made"))
    start = ["train", "made", "--data", "digits", *TRAIN]
    assert "dropout must be a number in [0, 1). Received: dropout=50.0" in fails(capsys, *start, "--dropout", "50")
    assert "hidden_units must be integers of at least 1" in fails(capsys, *start, "--hidden-units", "0")
    assert "num_masks must be integers of at least 1" in fails(capsys, *start, "--num-masks", "0")
    assert "permutation of the integers 0..63. Received: order=[0, 1, 1]" in fails(capsys, *start, "--order", "0,1,1")
    assert "num_blocks" in fails(capsys, "train", "pixelcnn", "--data", "digits", "--out", "new", "--num-blocks", "-1")
