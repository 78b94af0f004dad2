"""`tfar score` and `tfar sample` into folders of Parquet shards."""

import functools
import json
import os

import numpy as np
import pandas as pd
import pyarrow.dataset
import pytest
from pyarrow import parquet
from support.commands import fails

import tfar
from tfar.cli import bulk, shards
from tfar.cli.main import main

load_run = functools.cache(tfar.load_run)


@pytest.fixture(autouse=True)
def opened_once(monkeypatch):
    """Each model is read and traced once for all commands."""
    for command in ("score", "sample"):
        monkeypatch.setattr(f"tfar.cli.{command}.open_run", load_run)


@pytest.fixture
def run(mixed):
    return load_run(mixed[0])


@pytest.fixture(scope="module")
def parts(mixed, tmp_path_factory):
    """The table of `mixed` in three Parquet files of 50, 40 and 30 rows, with row groups of 16."""
    folder = tmp_path_factory.mktemp("parts")
    table = pd.read_csv(mixed[1], dtype={"kids": "Int64"})
    for number, (first, end) in enumerate(((0, 50), (50, 90), (90, 120))):
        table[first:end].to_parquet(folder / f"{number}.parquet", row_group_size=16, index=False)
    return folder


def contents(folder):
    """The bytes of the shards of a folder, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("part-*.parquet"))}


def test_scores_in_shards_are_those_in_one_file(mixed, parts, tmp_path, capsys):
    assert main(["score", mixed[0], "--data", mixed[1], "--columns", "--out", tmp_path / "one.parquet"]) == 0
    one = pd.read_parquet(tmp_path / "one.parquet")
    for data, name in ((mixed[1], "of-text"), (parts, "of-parquet"), (f"{parts}/*.parquet", "of-a-pattern")):
        out = tmp_path / name
        assert main(["score", mixed[0], "--data", data, "--columns", "--out", out, "--shard-rows", "35"]) == 0
        assert list(contents(out)) == [f"part-0000{k}-of-00004.parquet" for k in range(4)]
        assert [parquet.read_metadata(path).num_rows for path in sorted(out.glob("part-*"))] == [35, 35, 35, 15]
        found = pd.read_parquet(out)  # the manifest, which begins with an underscore, is left out
        assert list(found) == list(one) and found["row"].tolist() == list(range(1, 121))
        np.testing.assert_allclose(found, one, rtol=1e-5, atol=1e-5)
        assert pyarrow.dataset.dataset(out).count_rows() == 120
    printed = capsys.readouterr().out
    assert "part-00003-of-00004.parquet: 120 of 120 rows, " in printed and str(tmp_path / "of-text") in printed
    assert main(["score", mixed[0], "--data", parts, "--out", tmp_path / "plain"]) == 0
    np.testing.assert_allclose(pd.read_parquet(tmp_path / "plain"), one[["row", "log_prob"]], rtol=1e-5, atol=1e-5)


def test_shares_and_resumed_work_give_the_same_bytes(mixed, parts, tmp_path, capsys, monkeypatch):
    for number, words in enumerate((["score", mixed[0], "--data", parts, "--columns"], ["sample", mixed[0], "-n", "100", "--seed", "3"])):
        whole, shared, broken = (tmp_path / f"{name}-{number}" for name in ("whole", "shared", "broken"))
        words = [*words, "--shard-rows", "30", "--out"]
        assert main([*words, whole]) == 0
        assert main([*words, shared, "--shard", "2/2"]) == 0
        assert list(contents(shared)) == ["part-00001-of-00004.parquet", "part-00003-of-00004.parquet"]
        assert "2 of 4 shards are still to be made" in capsys.readouterr().out
        assert main([*words, shared, "--shard", "1/2"]) == 0 and contents(shared) == contents(whole)

        with monkeypatch.context() as patch:
            patch.setattr(shards, "_groups", stops_at(3, shards._groups))
            with pytest.raises(RuntimeError, match="power"):
                main([*words, broken])
        assert len(contents(broken)) == 2 and not list(broken.glob(".*"))
        (broken / ".0123abcd.part-00002-of-00004.parquet").write_text("of a process that was killed")
        times = {path: os.stat(path).st_mtime_ns for path in broken.glob("part-*")}
        assert main([*words, broken]) == 0 and contents(broken) == contents(whole)
        assert all(os.stat(path).st_mtime_ns == time for path, time in times.items()) and not list(broken.glob(".*"))


def stops_at(count, function):
    """The function, whose call of this number fails half-way."""
    calls = []

    def groups(tables):
        calls.append(1)
        for group in function(tables):
            if len(calls) == count:
                raise RuntimeError("no power")
            yield group

    return groups


def test_samples_in_shards_are_those_of_the_model(mixed, run, tmp_path, monkeypatch):
    monkeypatch.setattr(bulk, "DRAWN_BYTES", 8 * 4 * 7)  # seven rows at a time
    words = ["sample", mixed[0], "-n", "50", "--seed", "4"]
    for given, expected in ((["--given", "sex=m", "sex=f"], {"sex": ["m", "f"] * 25}), ([], {})):
        out = tmp_path / f"drawn-{len(given)}"
        assert main([*words, *given, "--shard-rows", "17", "--out", out]) == 0
        found = pd.read_parquet(out)
        pd.testing.assert_frame_equal(found, run.model.sample(50, 4, given=expected), check_dtype=False)
        assert str(found["kids"].dtype) == "Int64"


@pytest.mark.slow
def test_samples_of_arrays_and_images(table, folder, labelled, tmp_path):
    assert main(["sample", table[0], "-n", "20", "--out", tmp_path / "rows", "--shard-rows", "8"]) == 0
    run = load_run(table[0])
    np.testing.assert_allclose(pd.read_parquet(tmp_path / "rows"), run.own_units(run.model.sample(20, 1)), rtol=1e-5)
    assert main(["sample", folder, "-n", "6", "--out", tmp_path / "images", "--shard-rows", "4"]) == 0
    found = pyarrow.dataset.dataset(tmp_path / "images").to_table()
    shape = json.loads(found.schema.field("x").metadata[b"shape"])
    values = found["x"].combine_chunks().flatten().to_numpy().reshape(6, *shape)
    np.testing.assert_array_equal(values, load_run(folder).model.sample(6, 1))
    assert main(["sample", labelled, "-n", "7", "--context", "3,5", "--out", tmp_path / "classes", "--shard-rows", "3"]) == 0
    assert pd.read_parquet(tmp_path / "classes")["label"].tolist() == ["3", "5", "3", "5", "3", "5", "3"]


@pytest.mark.slow
def test_scores_of_arrays_and_images(table, folder, tmp_path):
    digits = tfar.datasets.load("digits").test.x
    np.save(tmp_path / "digits.npy", digits)
    cases = (("digits", folder, tmp_path / "digits.npy"), ("rows", table[0], table[1]))
    for name, model, data in cases:
        assert main(["score", model, "--data", data, "--columns", "--out", tmp_path / f"{name}.parquet"]) == 0
        assert main(["score", model, "--data", data, "--columns", "--out", tmp_path / name, "--shard-rows", "77"]) == 0
        one, found = pd.read_parquet(tmp_path / f"{name}.parquet"), pd.read_parquet(tmp_path / name)
        assert list(found) == list(one)
        np.testing.assert_allclose(found, one, rtol=1e-5, atol=1e-5)


def test_a_folder_takes_one_result_alone(mixed, table, parts, tmp_path, capsys):
    words = ["sample", mixed[0], "-n", "6", "--out", tmp_path / "drawn"]
    assert main([*words, "--shard-rows", "4"]) == 0 and main([*words, "--shard-rows", "4"]) == 0
    for more, message in (
        (["--seed", "2"], "seed 1 for 2; shard_rows 4 for 1000000"),
        (["--given", "sex=f"], "given None for ['sex=f']"),
        (["-n", "7"], "rows 6 for 7"),
    ):
        assert message in fails(capsys, *words, *more)
    other = fails(capsys, "sample", table[0], *words[2:], "--shard-rows", "4")
    assert "must be of the same model, data and options" in other and "with model " in other
    assert "command sample for score" in fails(capsys, "score", mixed[0], "--data", parts, "--out", tmp_path / "drawn")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    assert "a new folder, or one that this command began" in fails(capsys, *words[:-1], tmp_path / "mine")
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["notes.txt"]


def test_wrong_requests_are_refused_before_anything_is_written(mixed, written, folder, parts, tmp_path, capsys):
    out = ["--out", tmp_path / "no"]
    score, sample = ["score", mixed[0], "--data", parts], ["sample", mixed[0], "-n", "5"]
    for share in ("0/2", "3/2", "1", "a/b", "1/0"):
        assert f"expected i/n, with i from 1 to n. Received: '{share}'" in fails(capsys, *sample, *out, "--shard", share, code=2)
    assert "--shard-rows must be an integer of at least 1" in fails(capsys, *sample, *out, "--shard-rows", "0")
    assert "an --out without an ending" in fails(capsys, *sample, "--out", tmp_path / "s.csv", "--shard", "1/2")
    assert "--sort is for one output file" in fails(capsys, *score, *out, "--sort")
    assert "--data must name the rows" in fails(capsys, *score[:2], *out)
    assert "-n must say how many rows" in fails(capsys, *sample[:2], *out)
    assert "the columns income, sex, born, kids. Received: --given town=Rome" in fails(capsys, *sample, *out, "--given", "town=Rome")
    assert "a model of text" in fails(capsys, "sample", written[0], *out, "--shard", "1/2")
    assert "must end in one of" in fails(capsys, "score", written[0], *out)
    error = fails(capsys, "score", folder, "--data", parts, *out)
    assert "0.parquet, part 1" in error and "column 'key'" in error
    assert not (tmp_path / "no").exists()


def test_shards_with_other_columns_or_values_are_named(mixed, parts, tmp_path, capsys):
    data, words = tmp_path / "data", ["score", mixed[0], "--data", tmp_path / "data", "--shard-rows", "50", "--out", tmp_path / "scores"]
    data.mkdir()
    table = pd.read_parquet(parts / "0.parquet")
    table.to_parquet(data / "a.parquet")
    table.drop(columns="sex").to_parquet(data / "b.parquet")
    assert f"in {data / 'b.parquet'}" in fails(capsys, *words) and not (tmp_path / "scores").exists()
    table.assign(sex=["f"] * 49 + ["x"]).to_parquet(data / "b.parquet")
    error = fails(capsys, *words)
    assert f"{data / 'b.parquet'}, part 1" in error and "must be one of 'f', 'm'. Received: 'x'" in error
    assert list(contents(tmp_path / "scores")) == ["part-00000-of-00002.parquet"]  # those before stay, and the command can be given again
    (data / "b.parquet").write_bytes(b"PAR1 no more")
    error = fails(capsys, *words)
    assert f"{data / 'b.parquet'}" in error and "skip" not in error  # a row that is left out would have no score
