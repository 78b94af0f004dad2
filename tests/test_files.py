"""Files are written whole or not at all."""

import math

import pytest

from tfar import files


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    with pytest.raises(RuntimeError), files.atomic(tmp_path / "a") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    with pytest.raises(RuntimeError), files.atomic(tmp_path / "folder") as temporary:
        temporary.mkdir()
        (temporary / "part").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    files.write_json(tmp_path / "a.json", {"x": [1.5, math.nan]})
    assert (tmp_path / "a.json").read_text().split() == ["{", '"x":', "[", "1.5,", "null", "]", "}"]
    with pytest.raises(FileExistsError, match="Received: "):
        files.write_json(tmp_path / "a.json", {})
