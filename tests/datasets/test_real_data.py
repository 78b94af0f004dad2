"""Published data sets, where they are installed."""

import re
from pathlib import Path

import numpy as np
import pytest
from support.data import DATA_DIR, RAW, error_of, needs_raw, needs_tfds, savez

from tfar import datasets
from tfar.training.baselines import gaussian_nll


@pytest.mark.slow
@needs_tfds
def test_binarized_mnist_has_the_published_fractions_of_ones():
    data = datasets.load("binarized_mnist", DATA_DIR)
    assert (data.kind, data.event_shape) == ("binary", (28, 28, 1))
    assert [len(split.x) for split in data.splits.values()] == [50_000, 10_000, 10_000]
    fractions = [split.x.mean() for split in data.splits.values()]
    np.testing.assert_allclose(fractions, [0.130562, 0.131127, 0.132512], atol=5e-7)


@pytest.mark.slow
@needs_tfds
def test_mnist_holds_out_the_last_sixth(monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", DATA_DIR)
    data = datasets.load("mnist", context="label")
    assert [len(split.x) for split in data.splits.values()] == [50_000, 10_000, 10_000]
    assert (data.kind, data.levels, data.event_shape) == ("categorical", 256, (28, 28, 1))
    assert (data.train.x.min(), data.train.x.max()) == (0, 255) and data.train.x.dtype == np.int32
    # published class counts of the 60,000 training and the 10,000 test images
    train = data.train.context.sum(axis=0) + data.validation.context.sum(axis=0)
    assert train.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert data.test.context.sum(axis=0).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    config = data.to_config()
    assert config["data_dir"] == str(Path(DATA_DIR).resolve())
    monkeypatch.delenv("TFDS_DATA_DIR")
    assert np.array_equal(datasets.load_config(config).validation.x, data.validation.x)


@needs_tfds
def test_wine_quality_is_a_table_with_a_class():
    red = datasets.load("wine_quality/red", DATA_DIR, context="label")
    assert red.kind == "continuous" and red.columns == tuple(sorted(red.columns)) and len(red.columns) == 11
    assert [len(split.x) for split in red.splits.values()] == [1281, 159, 159]
    everything = np.concatenate([red.unstandardize(split.x) for split in red.splits.values()])
    means = dict(zip(red.columns, everything.mean(axis=0), strict=True))
    # the means that the data set's authors published
    assert means["fixed acidity"] == pytest.approx(8.3196, abs=1e-3)
    assert means["alcohol"] == pytest.approx(10.4230, abs=1e-3)
    # the published counts of the grades 3 to 8
    counts = sum(split.context.sum(axis=0) for split in red.splits.values())
    assert red.context_names == tuple("345678") and counts.tolist() == [10, 53, 681, 638, 199, 18]
    white = datasets.load("wine_quality", DATA_DIR)
    assert sum(len(split.x) for split in white.splits.values()) == 4898 and white.context_size is None


@needs_tfds
def test_tfds_errors_list_the_prepared_data():
    message = error_of(datasets.load, "iris", DATA_DIR)
    assert all(name in message for name in ("digits", "mnist", "wine_quality/red"))
    assert "no supervised input to model. Received: features ['text']" in error_of(datasets.load, "tiny_shakespeare", DATA_DIR)
    assert re.search(r"one of \['label'\]. Received: 'colour'", error_of(datasets.load, "mnist", DATA_DIR, context="colour"))


@needs_raw
def test_wine_csv_equals_its_tfds_form():
    csv = datasets.load(Path(RAW, "wine_quality", "winequality-red.csv"), context="quality")
    assert csv.columns[0] == "fixed acidity" and len(csv.columns) == 11
    rnade = datasets.load(Path(RAW, "wine_quality", "red_wine_rnade_order.npz"))
    for data in (csv, rnade):
        everything = np.concatenate([data.unstandardize(split.x) for split in data.splits.values()])
        assert everything.shape == (1599, 11) and everything[:, 0].mean() == pytest.approx(8.3196, abs=1e-3)


@needs_raw
@pytest.mark.parametrize(
    ("name", "dimensions", "gaussian"),
    [("parkinsons_telemonitoring", 15, -10.85), ("ionosphere", 32, -41.24), ("boston_housing", 10, -11.37)],
)
def test_uci_tables_give_the_gaussians_of_rnade_s_table(tmp_path, name, dimensions, gaussian):
    data = datasets.load(name, tmp_path, manual_dir=RAW)
    assert data.event_shape == (dimensions,)
    rows = savez(tmp_path / "rows.npz", x=np.concatenate([data.unstandardize(split.x) for split in data.splits.values()]))
    scores = []
    for fold in range(10):
        data = datasets.load(rows, fold=fold)
        known = np.concatenate([data.train.x, data.validation.x]).astype(np.float64)
        np.testing.assert_allclose(known.mean(axis=0), 0, atol=1e-5)
        covariance = np.cov(known.T, bias=True)
        x = data.test.x.astype(np.float64)
        quadratic = np.einsum("ij,jk,ik->i", x, np.linalg.inv(covariance), x)
        scores.append(-0.5 * (quadratic + np.linalg.slogdet(2 * np.pi * covariance)[1]).mean())
        assert -gaussian_nll(known, data.test.x) == pytest.approx(scores[-1], rel=1e-6)
    assert np.mean(scores) == pytest.approx(gaussian, rel=0.02)  # as far as another shuffle may move it


@needs_raw
@pytest.mark.parametrize(("name", "features", "sizes"), [("nltcs", 16, (16181, 2157, 3236)), ("plants", 69, (17412, 2321, 3482))])
def test_packed_benchmark_tables(name, features, sizes):
    data = datasets.load(Path(RAW, "debd_binary", f"{name}.npz"))
    assert data.kind == "binary" and data.event_shape == (features,)
    assert tuple(len(split.x) for split in data.splits.values()) == sizes


@needs_raw
def test_original_files_without_a_header():
    boston = datasets.load(Path(RAW, "boston_housing", "housing.data"), by_column=False)
    assert boston.event_shape == (14,) and boston.columns is None
    ionosphere = Path(RAW, "ionosphere", "ionosphere.data")
    x, labels = datasets.read_source(ionosphere, context="column 35").splits["all"]
    assert x.shape == (351, 34) and sorted(labels).count("g") == 225
    assert "Column 2 is constant" in error_of(datasets.load, ionosphere, context="column 35")
    assert "column 'column 35', row 1: must be a finite number. A column of words is left out" in error_of(
        datasets.load, ionosphere, by_column=False
    )
    assert datasets.load(ionosphere).schema["column 35"].values == ("b", "g")
    faces = datasets.load(Path(RAW, "frey_faces", "freyfaces.npz"))
    assert faces.levels == 256 and faces.event_shape == (28, 20, 1)
    pixels = np.concatenate([split.x for split in faces.splits.values()])
    assert pixels.shape[0] == 1965 and pixels.mean() == pytest.approx(154.4609, abs=1e-4)
