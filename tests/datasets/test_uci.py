"""TFDS's builders for the tables of UCI."""

import gzip
import hashlib

import numpy as np
import pytest
from support.data import error_of, write

from tfar import datasets


@pytest.mark.parametrize(
    ("name", "where", "delimiter", "header"),
    [
        ("ParkinsonsTelemonitoring", "below/parkinsons_updrs.data.gz", ",", True),
        ("Ionosphere", "ionosphere.data", ",", False),
        ("BostonHousing", "below/housing.data", "  ", False),
    ],
)
def test_uci_tables_are_made_of_their_original_files(tmp_path, monkeypatch, name, where, delimiter, header):
    from tfar.datasets import uci

    builder = getattr(uci, name)
    names = builder.COLUMNS.split()
    values = np.random.RandomState(0).normal(size=(20, len(names))).round(4)
    kept = values[:, [names.index(column) for column in sorted(builder.kept())]]
    cells = values.astype(str)
    cells[:, names.index(builder.LABEL)] = np.resize(builder.CLASSES, 20)
    text = "".join(f" {delimiter.join(row)}\n" for row in [*([names] if header else []), *cells]).encode()
    monkeypatch.setattr(builder, "SHA256", hashlib.sha256(text).hexdigest())
    path = tmp_path / "originals" / where
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(text) if where.endswith(".gz") else text)

    data = datasets.load(builder.name, tmp_path, context="label", manual_dir=tmp_path / "originals")
    assert (data.kind, data.columns, data.context_names) == ("continuous", tuple(sorted(builder.kept())), builder.CLASSES)
    read = np.concatenate([data.unstandardize(split.x) for split in data.splits.values()])
    np.testing.assert_allclose(np.sort(read, axis=0), np.sort(kept, axis=0), atol=1e-5)
    second = np.concatenate([split.context for split in data.splits.values()])[:, 1] == 1
    np.testing.assert_allclose(np.sort(read[second], axis=0), np.sort(kept[1::2], axis=0), atol=1e-5)
    # prepared now, and read without the original
    path.unlink()
    assert builder.name in datasets.available(tmp_path)
    assert np.array_equal(datasets.load_config(data.to_config()).test.x, data.test.x)
    assert len(datasets.load(builder.name, tmp_path, fold=0).test.x) == 2


def test_uci_errors_say_which_file_is_needed(tmp_path):
    wanted = "Put ionosphere.data (or ionosphere.data.gz) of https://archive.ics.uci.edu/"
    message = error_of(datasets.load, "ionosphere", tmp_path)
    assert "not prepared in" in message and "manual_dir" in message and wanted in message
    folder = tmp_path / "originals"
    message = error_of(datasets.load, "ionosphere", tmp_path, manual_dir=folder)
    assert f"Manual directory {folder} does not exist or is empty" in message and wanted in message
    folder.mkdir()
    write(folder / "other.data", "1,2\n")
    message = error_of(datasets.load, "ionosphere", tmp_path, manual_dir=folder)
    assert "original file is missing" in message and wanted in message and str(folder) in message
    write(folder / "ionosphere.data", "1,2\n")
    message = error_of(datasets.load, "ionosphere", tmp_path, manual_dir=folder)
    assert "must be the original" in message and "Received: SHA-256 " in message
