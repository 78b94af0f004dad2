"""`scripts/make_photographs.py`: patches of disjoint regions, every run the same."""

import make_photographs as photographs
import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two images whose red is the column, modulo 256, and whose blue counts the 256s."""
    folder = tmp_path_factory.mktemp("images")
    for number, name in enumerate(photographs.NAMES):
        columns = np.broadcast_to(np.arange(640), [40, 640])
        image = np.stack([columns % 256, np.full([40, 640], number), columns // 256], axis=-1).astype(np.uint8)
        Image.fromarray(image).save(folder / name, "PNG")  # a reader goes by the content, and PNG keeps it
    return folder


def test_no_pixel_of_a_split_is_near_another_split(folder):
    columns = {}
    for name, x in photographs.splits(photographs.photographs(folder)).items():
        assert x.shape[1:] == (16, 16, 3) and x.dtype == np.uint8 and set(np.unique(x[..., 1])) == {0, 1}
        columns[name] = np.unique(x[..., 0] + 256 * x[..., 2].astype(int))
    for name, other in (("train", "test"), ("train", "validation"), ("validation", "test")):
        assert np.abs(columns[name][:, None] - columns[other]).min() > 16  # 16 columns are between them
    assert len(columns["test"]) == 6 * 16 and len(columns["validation"]) == 4 * 16


def test_a_file_is_written_once(folder, tmp_path, capsys):
    path = tmp_path / "p.npz"
    assert photographs.main([str(path), "--images", str(folder)]) == 0
    with np.load(path) as arrays:
        assert {name: len(arrays[name]) for name in arrays.files} == {
            "train": 2 * 9 * (70 + 65),
            "validation": 2 * 2 * 4,
            "test": 2 * 2 * 6,
        }
    assert photographs.main([str(path), "--images", str(folder)]) == 1
    assert "nothing is overwritten" in capsys.readouterr().err
    assert photographs.main([str(tmp_path / "q.npz"), "--images", str(tmp_path)]) == 1
    assert "china.jpg and flower.jpg must be images in" in capsys.readouterr().err
