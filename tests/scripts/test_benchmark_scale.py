"""The benchmark of scale: its shards, its file, its page, and what it refuses."""

import json
import re

import benchmark_scale
import numpy as np
import pandas as pd
import pytest
from scale import bulk, loop, record, render, shards

from tfar import config


def entry(**other):
    return {"cpus": 2, "date": "2026-01-02", **other}


def way(rows, train, peaks):
    peak = {"reading": 1, "passes": peaks, "scoring": 4}
    return {"rows": rows, "train_rows": train, "score_rows": 50_000, "epoch_over_bare": 1.25, "peak_mib": peak}


FOUND = {
    "stream": {
        "900 x 5 binary": entry(
            stream=way(890, 9000, [1100, 1101]), memory=way(800, 10_000, [2, 3]), ratio={"train_rows": 0.9, "score_rows": 1.0}
        )
    },
    "loop": {"made": entry(xla=True, bare_ms=2.5, tfar_over_bare=1.02, Keras_over_bare=1.3, tfar_over_Keras=0.78)},
    "bulk": {
        "900 x 5": entry(
            settings={"processes": 2},
            loop={"rows_per_second": 12_345},
            beam={"rows_per_second": 99, "difference": 0.0, "relative": 1.5e-7},
        )
    },
}


def test_full_shards_depend_on_their_number_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "SHARD_ROWS", 40)
    shards.write_shards(tmp_path / "a", 90, 5)
    shards.write_shards(tmp_path / "b", 120, 5, numbered=True)
    a, b = pd.read_parquet(tmp_path / "a"), pd.read_parquet(tmp_path / "b")
    assert len(list((tmp_path / "a").iterdir())) == 3 and b.pop("row").tolist() == list(range(1, 121))
    pd.testing.assert_frame_equal(a[:80], b[:80])
    assert set(np.unique(a)) == {0, 1} and 0.1 < a.corr().abs().to_numpy()[np.triu_indices(5, 1)].max() < 1


def test_every_family_has_its_loop():
    assert set(loop.cases()) == set(config.FAMILIES)


def test_entries_are_added_to_the_file_and_shown_on_the_page(tmp_path):
    path, page = tmp_path / "scale.json", tmp_path / "scale.md"
    for section, entries in FOUND.items():
        for name, one in entries.items():
            record.update(section, name, one, path)
    assert {section: list(entries) for section, entries in record.read(path).items()} == {
        name: list(found) for name, found in FOUND.items()
    }
    path.write_text(json.dumps(FOUND))
    marks = [f"<!-- {render.MARKS} {section} {end} -->" for section in render.TABLES for end in ("begins", "ends")]
    page.write_text("\n".join(["before", *marks, "after"]))
    benchmark_scale.main(["render", "--results", str(path), "--page", str(page)])
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter")
    assert "| 900 x 5 binary | files | 9,000 | 50,000 | 1.25 | 1; 1,100, 1,101; 4 |" in text and "| files / memory | 0.90 | 1.00 |" in text
    assert "| made | XLA | 2.50 | 1.02 | 1.30 | 0.78 |" in text
    assert "| `tfar.beam.Score`, 2 processes | 99 | 0.0e+00 | 1.5e-07 |" in text and "Measured 2026-01-02, 2 CPUs." in text


def test_the_page_has_a_place_for_each_table():
    text = render.PAGE.read_text(encoding="utf-8")
    assert re.findall(rf"<!-- {render.MARKS} (\w+) begins -->", text) == list(render.TABLES)


def test_scores_that_lack_a_row_are_refused(tmp_path):
    pd.DataFrame({"row": [2, 1], "log_prob": [-2.0, -1.5]}).to_parquet(tmp_path / "a.parquet")
    assert bulk.compared(tmp_path, np.array([-1.0, -2.0])) == {"difference": 0.5, "relative": 0.5}
    with pytest.raises(AssertionError):
        bulk.compared(tmp_path, np.array([-1.0, -2.0, -3.0]))


def test_parts_that_do_not_exist_are_refused():
    for part in benchmark_scale.PARTS:
        assert f"\n    {part} " in benchmark_scale.__doc__
    with pytest.raises(SystemExit, match="PART must be one of stream, .*Received: all"):
        benchmark_scale.main(["all"])
