"""Streams of files: what is found in one pass is what `load` finds in memory, splits are disjoint and complete, bad files are named."""

import gzip

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from tfar import datasets
from tfar.datasets import Standardization
from tfar.datasets.schema import Schema

ROWS = 2000


def binary(rows=ROWS, columns=6):
    """Rows that are told apart by their first 11 columns, the bits of their number."""
    numbers = np.arange(rows)[:, None] >> np.arange(11) & 1
    return np.concatenate([numbers, np.random.default_rng(0).integers(2, size=[rows, columns])], axis=1)


def people(rows=ROWS):
    generator = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "sex": generator.choice(["f", "m", None], rows),
            "age": generator.integers(18, 90, rows),
            "height": generator.normal(1.7, 0.1, rows),
            "price": np.where(generator.random(rows) < 0.1, np.nan, generator.integers(0, 500, rows) / 100),
            "number": np.arange(rows) + 1000,
        }
    )


def write(frame, folder, shards, kind="parquet", **options):
    folder.mkdir(exist_ok=True)
    for number, rows in enumerate(np.array_split(np.arange(len(frame)), shards)):
        path, part = folder / f"part-{number}.{kind}", frame.iloc[rows]
        part.to_parquet(path, index=False, **options) if kind == "parquet" else part.to_csv(path, index=False, **options)
    return folder


def table(x):
    return pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])])


def rows_of(stream):
    return np.concatenate(list(stream.once(100).as_numpy_iterator()))


def numbers(x):
    return (x[:, :11] << np.arange(11)).sum(axis=1)


def test_splits_are_disjoint_and_complete(tmp_path):
    data = datasets.stream(write(table(binary()), tmp_path / "a", 3, row_group_size=150))
    found = [numbers(rows) for rows in (rows_of(data.train), data.validation.x, data.test.x)]
    assert sorted(np.concatenate(found)) == list(range(ROWS)) and len(data.train) == len(found[0])
    assert data.kind == "binary" and data.train.sample.x.dtype == np.int32


def test_rows_keep_their_split_in_other_shards_and_formats(tmp_path):
    frame, x = table(binary()), binary().astype(np.uint8)
    np.save(tmp_path / "x.npy", x)
    expected = datasets.stream(write(frame, tmp_path / "a", 3)).to_config()["checksums"]
    found = [
        datasets.stream(write(frame, tmp_path / "b", 5, row_group_size=77)),
        datasets.stream(write(frame, tmp_path / "c", 4, "csv")),
        datasets.stream(tmp_path / "x.npy"),
    ]
    assert [data.to_config()["checksums"] for data in found] == [expected] * 3
    assert datasets.stream(tmp_path / "x.npy", seed=1).to_config()["checksums"] != expected


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_schema_is_that_of_all_rows_in_memory(tmp_path, kind):
    frame = people()
    data = datasets.stream(write(frame, tmp_path / "a", 3, kind))
    train = np.sort(np.setdiff1d(np.arange(ROWS), held_rows(data)))
    in_memory = Schema.infer(frame).refit(frame.iloc[train])
    assert data.schema == in_memory
    np.testing.assert_array_equal(rows_of(data.train), in_memory.encode(frame.iloc[train]))


def held_rows(data):
    """The numbers of the rows that do not train, by the division itself."""
    return np.flatnonzero(data.train._division.codes(0, ROWS) != 0)


def test_values_that_no_sample_shows_are_in_the_schema(tmp_path):
    frame = people()
    frame["rare"] = np.where(np.arange(ROWS) == 777, "once", "often")
    frame["blank"] = pd.Series(np.where(np.arange(ROWS) == 778, np.nan, np.arange(ROWS) % 7))
    frame["range"] = np.where(np.arange(ROWS) == 779, 10**6, np.arange(ROWS) % 9)
    data = datasets.stream(write(frame, tmp_path / "a", 2), held=20, sample=100)
    assert len(data.train.sample.x) < 200
    assert data.schema["rare"].values == ("often", "once") or data.schema["rare"].values == ("once", "often")
    assert data.schema["blank"].blank and not data.schema["age"].blank
    assert np.isfinite(rows_of(data.train)).all()


def test_more_values_than_are_remembered(tmp_path, monkeypatch):
    monkeypatch.setattr("tfar.datasets.streams.table_facts.MOST_DISTINCT", 50)
    frame = people()
    frame["cents"] = np.where(np.arange(ROWS) == 780, 3.25, np.arange(ROWS) % 300)  # the only one with decimals
    data = datasets.stream(write(frame.drop(columns="number"), tmp_path / "a", 2), held=20, sample=100)
    assert (data.schema["cents"].kind, data.schema["cents"].decimals) == ("grid", 2)
    assert rows_of(data.train).shape == (len(data.train), 5)
    frame["word"] = [f"w{i % 1000}" for i in range(ROWS)]
    with pytest.raises(ValueError, match="at most 50 values in a stream.*'word'"):
        datasets.stream(write(frame, tmp_path / "b", 2), categorical=["word"])


def test_means_and_deviations_are_those_of_the_training_rows(tmp_path, monkeypatch):
    monkeypatch.setattr("tfar.datasets.streams.arrays.BLOCK_BYTES", 8000)  # 333 rows
    x = np.random.default_rng(0).normal(3, [1e-3, 1.0, 1e5], [ROWS, 3])
    x[:, 1] += np.arange(ROWS) / 100  # blocks that differ
    np.save(tmp_path / "x.npy", x)
    data = datasets.stream(tmp_path / "x.npy", sample=50)
    train = np.setdiff1d(np.arange(ROWS), held_rows(data))
    expected = Standardization.fit(x[train])
    np.testing.assert_allclose(data.standardization.mean, expected.mean, rtol=1e-12)
    np.testing.assert_allclose(data.standardization.scale, expected.scale, rtol=1e-12)
    np.testing.assert_allclose(rows_of(data.train), expected.apply(x[train]), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtypes", [("int8", "float32", "int64", "int16"), ("int8", "int32", "int64", "int16")])
def test_whole_numbers_of_any_type_are_real_numbers(tmp_path, dtypes):
    x = np.random.default_rng(2).integers(-9, 9, size=[ROWS, 3])
    for number, (rows, dtype) in enumerate(zip(np.split(x, 4), dtypes, strict=True)):
        table(rows).astype({"x0": "int8", "x1": dtype}).to_parquet(tmp_path / f"{number}.parquet")
    data = datasets.stream(tmp_path, by_column=False)
    train = rows_of(data.train)
    assert data.kind == "continuous"
    np.testing.assert_allclose([train.mean(axis=0), train.std(axis=0)], [[0] * 3, [1] * 3], atol=1e-5)
    found = data.preparation.standardization.invert(np.concatenate([train, data.validation.x, data.test.x])).round()
    np.testing.assert_array_equal(found[np.lexsort(found.T)], x[np.lexsort(x.T)])


def test_a_whole_number_that_float64_does_not_hold_is_located(tmp_path):
    x = np.random.default_rng(2).integers(-9, 9, size=[ROWS, 3])
    x[1500, 1] = -(2**60) - 1
    with pytest.raises(ValueError, match=r"part-1.parquet, part 1, .*column 'x1', row 501: whole numbers must be at most 2\^53"):
        datasets.stream(write(table(x), tmp_path / "a", 2), by_column=False)


def test_images_and_levels(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 256, [ROWS, 3, 4], np.uint8))
    data = datasets.stream(tmp_path / "x.npy")
    assert (data.kind, data.levels, data.event_shape) == ("categorical", 256, (3, 4, 1))
    assert datasets.stream(tmp_path / "x.npy", levels=4).train.sample.x.max() == 3


def test_records(tmp_path):
    import tensorflow as tf

    x = binary()
    write_records(tmp_path / "a.tfrecord", [{"x": row} for row in x[:900]])
    write_records(tmp_path / "b.tfrecord", [{"x": row} for row in x[900:]])
    data = datasets.stream(tmp_path / "*.tfrecord")
    np.save(tmp_path / "x.npy", x)
    assert data.to_config()["checksums"] == datasets.stream(tmp_path / "x.npy").to_config()["checksums"]
    rows = people().drop(columns="number").dropna()
    write_records(tmp_path / "c.tfrecords", rows.to_dict("records"))
    found = datasets.stream(tmp_path / "c.tfrecords", features={name: tf.io.FixedLenFeature([], kind) for name, kind in KINDS.items()})
    assert found.schema["sex"].values == ("f", "m") and found.schema["age"].kind == "grid"


KINDS = {"sex": "string", "age": "int64", "price": "float32"}


def write_records(path, rows):
    import tensorflow as tf

    def feature(value):
        if isinstance(value, str):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
        values = np.atleast_1d(value)
        if values.dtype.kind == "i":
            return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))

    with tf.io.TFRecordWriter(str(path)) as writer:
        for row in rows:
            features = {name: feature(value) for name, value in row.items()}
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


def test_a_description_loads_the_same_rows_again(tmp_path):
    folder = write(people(), tmp_path / "a", 3)
    data = datasets.stream(folder, held=100, sample=300, seed=2, drop=["number"])
    again = datasets.load_config(data.to_config())
    assert again.schema == data.schema and again.to_config() == data.to_config()
    (folder / "part-1.parquet").unlink()
    with pytest.raises(ValueError, match="The data have changed"):
        datasets.load_config(data.to_config())


def test_text_is_compressed_and_its_columns_have_one_type_in_all_shards(tmp_path):
    (tmp_path / "a.csv").write_text("k,v\n" + "\n".join(f"{i % 5},{i}" for i in range(500)) + "\n")
    with gzip.open(tmp_path / "b.csv.gz", "wt") as file:
        file.write("v,k\n" + "\n".join(f"{i}.5,word" for i in range(500)) + "\n")
    data = datasets.stream(tmp_path, numeric=["v"])
    assert data.schema["k"].values == ("0", "1", "2", "3", "4", "word") and data.schema["v"].decimals == 1


# Bad files


def test_a_damaged_shard_is_named_or_left_out(tmp_path):
    folder = write(table(binary()), tmp_path / "a", 4)
    (folder / "part-2.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(ValueError, match="a Parquet file .*part-2.parquet.*skip-damaged"):
        datasets.stream(folder)
    data = datasets.stream(folder, skip_damaged=True)
    assert len(data.notes) == 1 and "part-2.parquet skipped" in data.notes[0]
    assert len(data.train) + len(data.validation.x) + len(data.test.x) == ROWS * 3 // 4


def test_of_a_damaged_part_the_rows_before_are_kept(tmp_path):
    folder = write(table(binary()), tmp_path / "a", 2, row_group_size=250)
    path = folder / "part-1.parquet"
    content = bytearray(path.read_bytes())
    column = parquet.ParquetFile(path).metadata.row_group(2).column(5)
    content[column.data_page_offset : column.data_page_offset + 8] = b"\xff" * 8
    path.write_bytes(content)
    with pytest.raises(ValueError, match="part-1.parquet"):
        datasets.stream(folder)
    data = datasets.stream(folder, skip_damaged=True)
    found = np.concatenate([numbers(x) for x in (rows_of(data.train), data.validation.x, data.test.x)])
    assert set(found) == {*range(1500), *range(1750, ROWS)} and len(set(found)) == len(found)
    assert data.notes and all("rows of part" in note and "part-1.parquet" in note for note in data.notes)
    assert datasets.load_config(data.to_config()).to_config() == data.to_config()


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_shards_with_other_columns_are_named(tmp_path, kind):
    folder = write(people(), tmp_path / "a", 2, kind)
    write(people().rename(columns={"age": "years"}), tmp_path / "b", 1, kind)
    (tmp_path / "b" / f"part-0.{kind}").rename(folder / f"part-2.{kind}")
    with pytest.raises(ValueError, match="shards must have the columns .*'age'.*Received: .*'years'.*part-2"):
        datasets.stream(folder, skip_damaged=True)


def test_a_row_of_text_with_another_number_of_cells(tmp_path):
    folder = write(people().drop(columns="sex"), tmp_path / "a", 2, "csv")
    with open(folder / "part-1.csv", "a", encoding="utf-8") as file:
        file.write("1,2\n3,4,5,6\n")
    with pytest.raises(ValueError, match="Expected 4 columns, got 2: 1,2.*part-1.csv"):
        datasets.stream(folder)
    data = datasets.stream(folder, skip_damaged=True)
    assert len(data.train) + len(data.validation.x) + len(data.test.x) == ROWS + 1
    assert data.notes == (f"1 rows of shard {folder / 'part-1.csv'} skipped: they have another number of cells, the first is '1,2'",)


def test_damaged_records(tmp_path):
    rows = [{"x": row} for row in binary(400)]
    write_records(tmp_path / "a.tfrecord", [*rows[:100], {"y": np.ones(2, int)}, *rows[100:200]])
    with pytest.raises(ValueError, match="record 101 is no example with .*a.tfrecord"):
        datasets.stream(tmp_path)
    assert sum(map(len, splits(datasets.stream(tmp_path, skip_damaged=True)))) == 200
    write_records(tmp_path / "b.tfrecord", rows[200:])
    path = tmp_path / "b.tfrecord"
    content = bytearray(path.read_bytes())
    size = len(content) // 200
    content[size * 150 + size // 2] ^= 255
    path.write_bytes(content)
    with pytest.raises(ValueError, match="record 151 of shard .*b.tfrecord is damaged"):
        datasets.stream(path)
    data = datasets.stream(tmp_path, skip_damaged=True)
    assert sum(map(len, splits(data))) == 350
    assert "1 records of shard" in data.notes[0] and "from record 151 on" in data.notes[1]


def splits(data):
    return rows_of(data.train), data.validation.x, data.test.x


def test_an_empty_shard_of_text_is_refused_and_one_without_rows_is_none(tmp_path):
    folder = write(table(binary()), tmp_path / "a", 2, "csv")
    (folder / "part-2.csv").write_text("")
    with pytest.raises(ValueError, match="The shard is empty. Received: .*part-2.csv"):
        datasets.stream(folder)
    folder = write(table(binary()), tmp_path / "b", 2)
    table(binary()[:0]).to_parquet(folder / "part-2.parquet")
    assert sum(map(len, splits(datasets.stream(folder)))) == ROWS


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_no_number_is_located(tmp_path, value):
    x = np.random.default_rng(0).normal(size=[ROWS, 3])
    x[1234, 1] = value
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(ValueError, match="x.npy, part 1, in the block after 0 rows: values must be finite. .* in row 1234"):
        datasets.stream(tmp_path / "x.npy")


def test_what_is_no_stream_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must be files that end in .*Received: .*nothing"):
        datasets.stream(tmp_path / "nothing")
    write(table(binary()), tmp_path / "a", 1)
    np.save(tmp_path / "a" / "x.npy", binary())
    with pytest.raises(ValueError, match="of one format"):
        datasets.stream(tmp_path / "a")
    with pytest.raises(ValueError, match="numeric are for tables"):
        datasets.stream(tmp_path / "a" / "x.npy", numeric=["a"])
    np.save(tmp_path / "few.npy", binary(1))
    with pytest.raises(ValueError, match="1 rows are too few"):
        datasets.stream(tmp_path / "few.npy")


def test_a_file_that_changes_while_it_is_read_is_named(tmp_path):
    folder = write(table(binary()), tmp_path / "a", 2)
    data = datasets.stream(folder)
    table(binary(10)).to_parquet(folder / "part-1.parquet")
    with pytest.raises(ValueError, match="part-1.parquet has changed"):
        list(data.train._read(np.arange(2), 0))
