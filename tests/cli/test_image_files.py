"""Models of folders and patterns of image files."""

import json

import numpy as np
import pytest
from support.commands import TINY, fails

import tfar
from tfar.cli.main import main


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """Images of two classes and of several sizes: cats are dark, and dogs bright."""
    import tensorflow as tf

    base, rng = tmp_path_factory.mktemp("faces"), np.random.default_rng(0)
    for i in range(60):
        height, width = rng.integers(8, 14, 2)
        pixels = rng.integers(0, 90, (height, width, 3)) + 160 * (i % 2)
        path = base / "data" / ("cat", "dog")[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tf.io.encode_png(pixels.astype(np.uint8)).numpy())
    words = ["--data", f"{base}/data/*/*.png", "--size", "4", "--gray", "--levels", "2", "--context", "label"]
    assert main(["train", "made", *words, "--out", base / "run", "--learning-rate", "0.1", *TINY]) == 0
    return base


def test_a_model_of_image_files(faces, tmp_path, capsys):
    run = tfar.load_run(faces / "run")
    stray = tmp_path / "data" / "x.png"
    stray.parent.mkdir()
    stray.write_bytes((faces / "data" / "cat" / "0.png").read_bytes())
    assert run.model.event_shape == (4, 4, 1) and run.preparation.context_names == ("cat", "dog") and len(run.data.train.x) == 48
    assert "['cat', 'dog']. Received: 'data'" in fails(capsys, "evaluate", faces / "run", "--data", stray)
    assert main(["evaluate", faces / "run", "--data", faces / "data", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 60
    assert main(["sample", faces / "run", "--context", "dog", "-n", "40", "--out", tmp_path / "dogs.npy"]) == 0
    assert main(["sample", faces / "run", "--context", "cat", "-n", "40", "--out", tmp_path / "cats.npy"]) == 0
    dogs, cats = np.load(tmp_path / "dogs.npy"), np.load(tmp_path / "cats.npy")
    assert dogs.shape == (40, 4, 4, 1) and dogs.mean() > cats.mean() + 0.5
    assert main(["complete", faces / "run", "--data", faces / "data" / "cat", "--rows", "3", "-n", "2", "--out", tmp_path / "c.npy"]) == 0
    assert np.load(tmp_path / "c.npy").shape == (3, 2, 4, 4, 1)


@pytest.mark.slow
def test_images_in_the_unit_interval_are_written_as_they_were(tmp_path, capsys):
    whole = np.random.default_rng(0).integers(0, 4, (40, 3, 3)) * 85
    unit = whole.astype(np.float32) / 255
    np.save(tmp_path / "unit.npy", unit)
    assert main(["train", "logistic", "--data", tmp_path / "unit.npy", "--out", tmp_path / "plain", *TINY[2:]]) == 0
    assert "--levels 256" in capsys.readouterr().out
    words = ["--levels", "256", "--out", tmp_path / "run", *TINY[2:]]
    assert main(["train", "logistic", "--data", tmp_path / "unit.npy", *words]) == 0
    assert main(["complete", tmp_path / "run", "--data", tmp_path / "unit.npy", "-n", "1", "--rows", "5", "--out", tmp_path / "c.npy"]) == 0
    drawn = np.load(tmp_path / "c.npy")
    assert drawn.shape == (5, 1, 3, 3) and drawn.max() <= 1
    np.testing.assert_allclose(drawn[:, 0, 0], unit[:5, 0], atol=1e-6)  # the first row of pixels is given
    holes = unit.copy()
    holes[:, 0, 0] = np.nan
    np.save(tmp_path / "holes.npy", holes)
    error = fails(capsys, "complete", tmp_path / "run", "--data", tmp_path / "holes.npy", "--out", tmp_path / "no.npy")
    assert "blanks must come last in the order" in error and "column 1" in error and "row 1" in error
