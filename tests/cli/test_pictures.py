"""`tfar train` draws as it trains: into the run's folder, and for TensorBoard."""

import numpy as np
import pytest
from support.pictures import events, names, stripes

from tfar.cli.main import main
from tfar.training import callbacks

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.pictures


def words(tmp_path, *more):
    np.savez(tmp_path / "stripes.npz", images=stripes().x, labels=np.argmax(stripes().context, axis=-1))
    small = ["--num-blocks", "1", "--filters", "4", "--kernel-size", "3", "--head-filters", "--epoch-steps", "5", "--epochs", "2"]
    return ["train", "pixelcnn", "--data", tmp_path / "stripes.npz", "--out", tmp_path / "run", *small, "--no-jit", "--quiet", *more]


@pytest.mark.slow
def test_train_draws_into_the_runs_folder(tmp_path):
    (tmp_path / "run.pictures").mkdir()
    (tmp_path / "run.pictures" / "epoch-0009.png").write_bytes(b"of another training")
    assert main(words(tmp_path, "--pictures-every", "1", "--context", "label")) == 0
    every = [f"epoch-000{n}{part}.png" for n in (1, 2) for part in ("-completions", "-nll", "")]
    assert names(tmp_path / "run" / "pictures") == every
    assert names(tmp_path) == ["run", "stripes.npz"] and (tmp_path / "run" / "nll.png").is_file()


@pytest.mark.slow
def test_train_writes_for_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    assert main(words(tmp_path, "--tensorboard", tmp_path / "logs")) == 0
    assert not (tmp_path / "run" / "pictures").exists()
    found = events(tmp_path / "logs" / "validation")
    history = np.genfromtxt(tmp_path / "run" / "history.csv", delimiter=",", names=True)
    np.testing.assert_allclose([found["epoch_nll", step] for step in (0, 1)], history["val_nll"], rtol=1e-6)
    assert set(events(tmp_path / "logs" / "pictures")) == {(name, 2) for name in ("samples", "completions", "nll")}


def test_train_says_that_tensorboard_is_missing_before_it_trains(tmp_path, monkeypatch, capsys):
    def missing():
        raise ImportError(callbacks.NO_TENSORBOARD)

    monkeypatch.setattr(callbacks, "require_tensorboard", missing)
    assert main(words(tmp_path, "--tensorboard", tmp_path / "logs")) == 1
    assert "tfar[tensorboard]" in capsys.readouterr().err and names(tmp_path) == ["stripes.npz"]
