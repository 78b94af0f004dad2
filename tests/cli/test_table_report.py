"""The picture of a table and its synthetic rows: as many files as its columns need."""

import numpy as np
import pandas as pd
import pytest

from tfar.cli.tables import write_report
from tfar.datasets.schema import Schema


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    words = {f"word {i}": rng.choice(["a", "b", "c"], 80) for i in range(10)}
    return pd.DataFrame({**words, **{f"number {i}": rng.normal(size=80) for i in range(20)}})


def test_a_table_wider_than_a_page_has_several_files(frame, tmp_path):
    schema = Schema.infer(frame)
    paths = [tmp_path / "report.png", tmp_path / "report-2.png"]
    assert write_report(paths[0], "MADE on words: samples", schema, frame, frame[:40], overwrite=False) == paths
    assert all(path.stat().st_size > 5000 for path in paths)
    paths[0].unlink()
    with pytest.raises(FileExistsError, match="report-2.png"):
        write_report(paths[0], "again", schema, None, frame, overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["report-2.png"]


def test_a_narrow_one_has_one(frame, tmp_path):
    narrow = frame[["word 0", "number 0"]]
    path = tmp_path / "report.png"
    assert write_report(path, "samples", Schema.infer(narrow), None, narrow, overwrite=False) == [path] == list(tmp_path.iterdir())
