"""Schemas of mixed tables: kinds, encoding, decoding, and what is refused."""

import dataclasses
import decimal
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from support.data import error_of, needs_raw

from tfar.columns import BLANK
from tfar.datasets import conditions, inference
from tfar.datasets.frames import read_frame, write_frame
from tfar.datasets.schema import Category, Constant, Dropped, Grid, Identifier, Real, Schema

N = 2000


def draws(seed=0):
    return np.random.RandomState(seed)


def mixed():
    """A table with a column of each kind and dtype."""
    random = draws()
    some = random.uniform(size=N) < 0.1
    days = np.datetime64("2020-01-01") + random.randint(0, 1000, N)
    seconds = pd.Series(days.astype("datetime64[us]")) + pd.to_timedelta(random.randint(0, 86_400, N), unit="s")
    words = pd.Series(random.choice(["red", "green", "blue"], N))
    return pd.DataFrame(
        {
            "words": words,
            "words or blank": words.mask(some),
            "kind": pd.Categorical(words, categories=["blue", "green", "red", "never"], ordered=True),
            "flag": random.uniform(size=N) < 0.3,
            "flag or blank": pd.Series(random.uniform(size=N) < 0.3).astype("boolean").mask(some),
            "count": random.poisson(3, N).astype(np.int32),
            "count or blank": pd.Series(random.poisson(3, N)).astype("Int64").mask(some),
            "whole float": random.randint(17, 90, N).astype(np.float64),
            "whole float or blank": np.where(some, np.nan, random.randint(-5, 90, N)),
            "price": random.randint(0, 10_000, N) / 100,
            "single": (random.randint(-500, 500, N) / 10).astype(np.float32),
            "real": np.exp(3 * random.normal(size=N)),
            "real or blank": np.where(some, np.nan, np.where(random.uniform(size=N) < 0.5, 0.0, random.normal(size=N))),
            "day": pd.Series(days.astype("datetime64[us]")),
            "time": seconds.mask(some),
            "zoned": seconds.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"),
            "duration": pd.to_timedelta(random.randint(0, 500, N), unit="min").as_unit("ns"),
            "iso": pd.Series(days.astype(str)).mask(some),
            "european": seconds.dt.strftime("%d.%m.%Y %H:%M"),
            "constant": 7,
            "none": np.nan,
        }
    )


KINDS = dict.fromkeys(("words", "words or blank", "kind", "flag", "flag or blank"), Category)
KINDS |= dict.fromkeys(("count", "count or blank", "whole float", "whole float or blank", "price", "single"), Grid)
KINDS |= {"real": Real, "real or blank": Real}
KINDS |= dict.fromkeys(("day", "time", "zoned", "duration", "iso", "european"), Grid) | {"constant": Constant, "none": Constant}


@pytest.fixture(scope="module")
def table():
    return mixed()


@pytest.fixture(scope="module")
def schema(table):
    return Schema.infer(table)


def test_kinds(table, schema):
    assert {column.name: type(column) for column in schema.columns} == KINDS
    assert {column.name for column in schema.modelled if column.blank} == {name for name in schema.names if table[name].isna().any()}
    units = {name: schema[name].unit for name in ("day", "time", "zoned", "duration", "iso", "european")}
    assert units == {"day": "D", "time": "s", "zoned": "s", "duration": "m", "iso": "D", "european": "m"}
    assert [schema[name].decimals for name in ("count", "whole float", "price", "single")] == [0, 0, 2, 1]


def test_encode_and_decode_are_inverse(table, schema):
    encoded = schema.encode(table)
    assert encoded.shape == (N, len(schema.modelled)) and encoded.dtype == np.float64
    pd.testing.assert_frame_equal(schema.decode(encoded), table)
    np.testing.assert_array_equal(encoded == BLANK, table[list(schema.names)].isna().to_numpy())


def test_encoded_values_are_classes_and_points_of_the_grid(table, schema):
    for column, values in zip(schema.modelled, schema.encode(table).T, strict=True):
        values = values[values != BLANK]
        if isinstance(column, Real):
            continue
        size = column.num_classes if isinstance(column, Category) else column.size
        assert (values == np.round(values)).all() and values.min() >= 0 and values.max() < size
        assert not isinstance(column, Grid) or all(0 <= atom < size for atom in column.atoms)


def test_any_point_is_decoded_in_range_and_in_the_dtype(table, schema):
    random = draws(1)
    sizes = [column.num_classes if isinstance(column, Category) else getattr(column, "size", 1) for column in schema.modelled]
    decoded = schema.decode(np.floor(random.uniform(size=(500, len(sizes))) * sizes))
    for name in ("count", "price", "whole float"):
        assert decoded[name].min() >= 0 and decoded[name].dtype == table[name].dtype
    assert (decoded["price"] == (decoded["price"] * 100).round() / 100).all()
    assert schema.decode(schema.encode(decoded)).equals(decoded)


def test_json_is_stable(tmp_path, schema):
    assert Schema.from_json(schema.to_json()) == schema
    schema.save(tmp_path / "schema.json")
    loaded = Schema.load(tmp_path / "schema.json")
    assert loaded == schema and hash(loaded) == hash(schema)
    loaded.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == (tmp_path / "schema.json").read_text()
    assert "version 1" in error_of(Schema.from_json, {"version": 2, "columns": []})
    assert "one of the kinds" in error_of(Schema.from_json, {"version": 1, "columns": [{"kind": "text", "name": "a"}]})


def test_a_text_file_decodes_to_itself(tmp_path, table):
    names = ["words or blank", "count or blank", "price", "iso", "european", "constant"]
    write_frame(table[names], tmp_path / "t.csv")
    frame = read_frame(tmp_path / "t.csv").frame
    schema = Schema.infer(frame)
    assert [column.kind for column in schema.columns] == ["category", "grid", "grid", "grid", "grid", "constant"]
    write_frame(schema.decode(schema.encode(frame)), tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "t.csv").read_bytes()


def infer_one(values, **options):
    return Schema.infer(pd.DataFrame({"x": values, "other": np.resize(["a", "b"], len(values))}), **options)["x"]


def test_two_values_are_a_category_and_never_a_third():
    assert infer_one(np.resize([0, 1, 1], 6)) == Category(name="x", dtype="int64", values=(0, 1))
    assert infer_one(np.resize([10.0, 20.0, 20.0], 40)).values == (10.0, 20.0)
    assert isinstance(infer_one([10, 12, 12]), Grid)  # too few rows to say
    assert isinstance(infer_one(np.resize([0, 1, 1], 60), numeric=["x"]), Grid)


def test_a_number_with_one_value_and_blanks_is_a_category():
    assert infer_one([3.0, np.nan, 3.0]) == Category(name="x", dtype="float64", values=(3.0,), blank=True)
    assert infer_one([3.0, np.nan, 3.0], numeric=["x"]).blank


IDENTIFIERS = {
    "a counter": range(1, 101),
    "a shuffled counter": draws().permutation(100),
    "a part of a counter": draws().permutation(300)[:150],
    "long keys": draws().randint(10**11, 10**12, 100),
    "names": [f"person {i}" for i in range(100)],
    "codes": [f"{i:05d}" for i in range(100)],
}


@pytest.mark.parametrize("values", IDENTIFIERS.values(), ids=list(IDENTIFIERS))
def test_identifiers_are_named_and_regenerated(values):
    frame = pd.DataFrame({"x": list(values), "y": np.resize([1, 2, 3], len(values))})
    schema = Schema.infer(frame)
    column = schema["x"]
    assert isinstance(column, Identifier) and column.reason in str(schema) and schema.names == ("y",)
    decoded = schema.decode(schema.encode(frame[["y"]]))
    assert list(decoded) == ["x", "y"]
    if isinstance(frame["x"][0], str):
        assert decoded["x"].isna().all()
    else:
        assert decoded["x"].tolist() == (max(values) + 1 + np.arange(len(values))).tolist() and decoded["x"].dtype == np.int64
    overridden = Schema.infer(frame, categorical=["x"])["x"]
    assert isinstance(overridden, Category)


MEASUREMENTS = {
    "reals": draws().normal(size=1000),
    "lengths with two decimals": draws().choice(10**7, 200, replace=False) / 100,
    "whole weights, distinct": draws().choice(10**6, 200, replace=False),
    "counts": draws().poisson(1000, 500),
    "bytes": np.exp(draws().normal(18, 3, 300)).astype(np.int64),
    "days": pd.date_range("2020-01-01", periods=100).to_series().reset_index(drop=True),
    "days as strings": [str(day) for day in np.arange("2020-01-01", "2020-04-01", dtype="datetime64[D]")],
    "few words": ["a", "b", "c"],
}


@pytest.mark.parametrize("values", MEASUREMENTS.values(), ids=list(MEASUREMENTS))
def test_measurements_are_no_identifiers(values):
    assert not isinstance(infer_one(values), Identifier)


def test_a_name_tells_of_a_key():
    keys = draws().choice(10**6, 200, replace=False)
    frame = pd.DataFrame({"customer_id": keys, "customerId": keys, "paid": keys, "humid": keys, "kind": np.resize(["a", "b"], 200)})
    kinds = {column.name: column.kind for column in Schema.infer(frame).columns}
    assert kinds == {"customer_id": "identifier", "customerId": "identifier", "paid": "grid", "humid": "grid", "kind": "category"}


def test_atoms_are_frequent_values():
    random = draws()
    gains = np.where(random.uniform(size=N) < 0.9, 0, np.where(random.uniform(size=N) < 0.2, 99_999, random.randint(1, 50_000, N)))
    column = infer_one(gains)
    assert [column.start + int(atom) for atom in column.atoms] == [0, 99_999]
    others = gains[(gains > 0) & (gains < 99_999)]
    assert abs(column.warp(np.median(others) - column.start)) < 0.5  # most of z is theirs, though nine of ten rows are 0
    real = infer_one(np.where(random.uniform(size=N) < 0.5, 0.25, random.normal(size=N)))
    assert isinstance(real, Real) and real.atoms == (0.25,)
    assert len(infer_one(np.repeat(np.arange(500), 40)).atoms) <= inference.MOST_ATOMS


def test_the_grid_is_widened_but_keeps_the_sign_and_the_dtype():
    ages = infer_one(draws().randint(10, 60, N))
    assert (ages.start, ages.size) == (5, 60) and ages.step == 1  # a tenth of 49, rounded up, at both ends
    assert infer_one(np.append(draws().randint(2, 60, N), [0])).start == 0
    small = infer_one(pd.Series(draws().randint(0, 256, N)).astype(np.uint8))
    assert (small.start, small.size) == (0, 256)
    loss = infer_one(-draws().randint(1, 60, N))
    assert loss.start < -60 and loss.start + loss.size - 1 == 0
    assert infer_one(draws().randint(0, 60, N) * 250).step == 250
    assert infer_one(draws().randint(0, 60, 50) * 250).step == 1  # too few rows to say


def test_a_value_beyond_the_grid_is_its_end():
    frame = pd.DataFrame({"x": draws().randint(10, 60, N)})
    schema = Schema.infer(frame)
    assert schema.encode(pd.DataFrame({"x": [-100, 5, 64, 10**9]}))[:, 0].tolist() == [0, 0, 59, 59]


def test_numbers_of_five_decimals_are_on_a_grid_if_they_repeat():
    random = draws()
    assert isinstance(infer_one(random.normal(size=N).round(6)), Real)
    assert infer_one(random.randint(0, 500, N) * 1e-5).decimals == 5
    assert infer_one(random.normal(size=N).round(3)).decimals == 3
    assert isinstance(infer_one(random.normal(size=N) * 1e30), Real)


def test_dates_in_strings_need_one_reading():
    days = pd.Series(pd.date_range("2024-01-01", periods=40))
    assert infer_one(days.dt.strftime("%d/%m/%Y")).form == "%d/%m/%Y"
    assert infer_one(days.dt.strftime("%m/%d/%Y")).form == "%m/%d/%Y"
    assert infer_one(days.dt.strftime("%Y-%m-%dT%H:%M:%S")).unit == "D"
    assert isinstance(infer_one(["01/02/2024", "03/04/2024", "01/02/2024"]), Category)
    assert isinstance(infer_one(["2024-01-01", "2024-13-01", "2024-01-01"]), Category)


def test_times_are_widened_within_their_dtype():
    ends = {
        "ns": pd.to_datetime(pd.Series(np.resize(["1900-01-01", "2261-12-31"], 40))).astype("datetime64[ns]"),
        "form": np.resize(["2001-05-05", "9999-12-31"], 40),
        "us": pd.Series(np.resize(["2001-05-05", "9999-12-31"], 40)).astype("datetime64[us]"),
    }
    schema = Schema.infer(pd.DataFrame(ends))
    extremes = np.array([[0.0] * 3, [column.size - 1 for column in schema.modelled]])
    np.testing.assert_array_equal(schema.encode(schema.decode(extremes)), extremes)
    assert schema["form"].start + schema["form"].size - 1 == (np.datetime64("9999-12-31") - np.datetime64("1970-01-01")).astype(int)
    wide = pd.Series(np.array([0, 2**60 + 1], "M8[ns]"))
    assert "span less than 2^53 ns" in error_of(infer_one, wide)


def test_whole_numbers_too_wide_for_the_array_are_categories():
    column = infer_one(np.resize([0, 2**60, 2**60 + 1], 60))
    assert isinstance(column, Category) and column.values == (0, 2**60, 2**60 + 1)


def rare_table():
    random = draws()
    words = np.concatenate(
        [np.repeat([f"often {i}" for i in range(150)], 20), np.repeat([f"rare {i}" for i in range(50)], 1 + np.arange(50) % 4)]
    )
    return pd.DataFrame({"x": random.permutation(words), "y": random.choice(["a", "b"], len(words))})


def test_rare_values_share_a_class_by_their_frequency():
    frame = rare_table()
    schema = Schema.infer(frame)
    column = schema["x"]
    assert (column.num_classes, len(column.values), len(column.rare)) == (151, 150, 50)
    assert dict(zip(column.rare, column.rare_counts, strict=True)) == frame["x"][frame["x"].str.startswith("rare")].value_counts().to_dict()
    drawn = schema.decode(np.full((20_000, 2), [150.0, 0.0]), draws(1).uniform(size=(20_000, 2)))["x"]
    counts = drawn.value_counts()
    assert set(counts.index) == set(column.rare)
    shares = np.array(column.rare_counts) / sum(column.rare_counts)
    statistic = ((counts[list(column.rare)] - 20_000 * shares) ** 2 / (20_000 * shares)).sum()
    assert statistic < 94.0  # the 1 - 1e-4 quantile of chi-square with 49 degrees of freedom is 93.9
    ends = (np.cumsum([0, *column.rare_counts[:-1]]) + 0.5) / sum(column.rare_counts)  # one in the range of each member, in their order
    assert schema.decode(np.full((50, 2), [150.0, 0.0]), np.stack([ends, ends], axis=1))["x"].tolist() == list(column.rare)
    assert schema.decode(np.full((9, 2), 150.0)).equals(schema.decode(np.full((9, 2), 150.0)))
    assert "uniform must have the shape" in error_of(schema.decode, np.zeros((3, 2)), np.zeros((2, 2)))


def test_the_shares_of_the_rare_class_sum_to_one():
    frame = rare_table()
    schema = Schema.infer(frame)
    members = pd.DataFrame({"x": [*schema["x"].rare, "unseen", "often 3"], "y": "a"})
    share = schema.log_share(members)
    assert np.exp(share[:-1, 0]).sum() == pytest.approx(1) and share[-1, 0] == 0 and (share[:, 1] == 0).all()
    total = sum(schema["x"].rare_counts)
    assert share[-2, 0] == pytest.approx(-np.log(total + 1)) and schema.encode(members)[-2, 0] == 150


def test_the_user_overrides(table):
    schema = Schema.infer(table, categorical=["count"], numeric=["price"], drop=["words"], columns=["words", "count", "price", "real"])
    assert [column.name for column in schema.modelled] == ["count", "price", "real"]
    assert isinstance(schema["count"], Category) and isinstance(schema["words"], Dropped)
    assert list(schema.decode(schema.encode(table))) == ["count", "price", "real"]
    pd.testing.assert_frame_equal(schema.decode(schema.encode(table)), table[["count", "price", "real"]])
    for option in ("categorical", "numeric", "drop", "columns"):
        assert f"{option} must name columns" in error_of(Schema.infer, table, **{option: ["cuont"]})
    assert "once among" in error_of(Schema.infer, table, categorical=["count"], numeric=["count"])
    assert "column 'words', row 1: must be a finite number" in error_of(Schema.infer, table, numeric=["words"], columns=["words"])


def test_columns_can_be_edited(schema):
    edited = schema.replace(dataclasses.replace(schema["count"], atoms=()))
    assert edited["count"].atoms == () and edited != schema and edited.replace(schema["count"]) == schema
    with pytest.raises(KeyError, match="Received: 'cuont'"):
        schema.replace(dataclasses.replace(schema["count"], name="cuont"))


def test_it_prints_as_a_table(schema):
    lines = str(schema).splitlines()
    assert len(lines) == 1 + len(schema.columns) and lines[0].split() == ["column", "kind", "blanks", "details"]
    assert any("0 to " in line and "0.01" in line for line in lines if line.startswith("price"))


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("words", "purple", "must be one of 'blue', 'green', 'red'. Received: 'purple'"),
        ("count", "many", "must be a finite number. Received: 'many'"),
        ("real", np.inf, "must be a finite number. Received: inf"),
        ("count", 2.5, "must be on its grid, 0 to"),
        ("price", 0.125, "in steps of 0.01"),
        ("iso", "31.01.2020", "written as %Y-%m-%d. Received: '31.01.2020'"),
        ("day", "soon", "must be on its grid"),
        ("constant", 8, "must be 7, its only value. Received: 8"),
    ],
)
def test_a_wrong_cell_is_named(table, schema, name, value, message):
    wrong = table.astype({name: object}).copy()
    wrong.loc[4, name] = value
    wrong[name] = wrong[name].map(str) if isinstance(value, str) else wrong[name]
    error = error_of(schema.encode, wrong)
    assert f"column {name!r}, row 5: " in error and message in error and "\n" not in error


def test_other_faults_are_refused(table, schema):
    assert "without ['count', 'price']" in error_of(schema.encode, table.drop(columns=["count", "price"]))
    blank = table.astype({"count": "Int64"})
    blank.loc[2, "count"] = pd.NA
    assert schema.encode(blank)[2, schema.names.index("count")] == BLANK
    assert "column 'count', row 3: must have a value" in error_of(schema.encode, blank, blanks=False)
    assert "shape [N, 19]" in error_of(schema.decode, np.zeros((3, 2)))
    assert "a column to model" in error_of(Schema.infer, pd.DataFrame({"a": [1, 1], "b": [None, None]}))
    assert "must be a finite number. Received: inf" in error_of(Schema.infer, pd.DataFrame({"a": [1.5, np.inf]}))
    assert "row 2" in error_of(Schema.infer, pd.DataFrame({"a": [1.5, np.inf]}))
    assert "Received: dtype complex128" in error_of(Schema.infer, pd.DataFrame({"a": [1j, 2j]}))


def test_a_sampled_blank_needs_a_dtype_that_has_it():
    frame = pd.DataFrame({"count": np.resize([1, 2, 3], 60), "flag": np.resize([True, False], 60)})
    decoded = Schema.infer(frame).decode(np.array([[BLANK, np.nan], [1.0, 0.0]]))
    assert [str(dtype) for dtype in decoded.dtypes] == ["Int64", "boolean"] and decoded.isna().sum().tolist() == [1, 1]


def test_new_files_may_be_read_in_other_types():
    frame = pd.DataFrame({"code": ["007", "10115", "200"], "two": [0, 1, 1], "flag": [True, False, True], "n": [1, 2, 5]})
    schema = Schema.infer(frame)
    other = pd.DataFrame({"code": [10115, 200], "two": [1.0, np.nan], "flag": ["True", "false"], "n": ["2", "5"]})
    encoded = schema.encode(other)
    assert encoded[:, :3].tolist() == [[1, 1, 1], [2, BLANK, 0]]
    assert schema.decode(encoded)["n"].tolist() == [2, 5]


def test_intervals_and_periods_are_words():
    frame = pd.DataFrame(
        {"age": pd.cut(np.arange(30), 3), "year": pd.period_range("2020", periods=30, freq="Y").repeat(1), "n": np.arange(30) % 7}
    )
    schema = Schema.infer(frame, categorical=["year"])
    assert schema["age"].num_classes == 3 and schema["year"].values[0] == "2020"
    encoded = schema.encode(frame)
    assert Schema.from_json(schema.to_json()) == schema and np.array_equal(schema.encode(schema.decode(encoded)), encoded)


def test_categoricals_of_numbers_are_categories_of_their_dtype():
    table = pd.DataFrame({"stars": pd.Categorical([3, 1, 2, 3] * 10, categories=[1, 2, 3, 5], ordered=True), "x": np.arange(40) / 7})
    schema = Schema.infer(table)
    assert isinstance(schema["stars"], Category) and schema["stars"].levels == (1, 2, 3, 5)
    pd.testing.assert_series_equal(schema.decode(schema.encode(table))["stars"], table["stars"])
    assert isinstance(
        Schema.infer(pd.DataFrame({"k": pd.Categorical([f"u{i}" for i in range(40)]), "x": np.arange(40) / 7}))["k"], Identifier
    )


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.date32(), pd.to_datetime(["2020-01-01", "2021-05-03", None, "2020-01-01"])),
        (pa.timestamp("s"), pd.to_datetime(["2020-01-01 10:00", "2021-05-03 07:30", None, "2020-01-01 00:00"])),
        (
            pa.timestamp("us", "Europe/Berlin"),
            pd.to_datetime(["2020-06-01 10:00", None, "2021-05-03 07:30", "2020-01-01 00:00"]).tz_localize("Europe/Berlin"),
        ),
        (pa.duration("s"), pd.to_timedelta([3, 8, None, 3], "s")),
    ],
    ids=str,
)
def test_times_of_arrow_are_times(kind, values):
    column = pd.Series(values).astype(pd.ArrowDtype(kind))
    table = read_frame(pd.DataFrame({"t": column, "x": [1.5, 2.25, 3.0, 4.0]})).frame
    schema = Schema.infer(table)
    assert isinstance(schema["t"], Grid) and schema["t"].unit in ("D", "m", "s") and schema["t"].is_duration == (kind == pa.duration("s"))
    decoded = schema.decode(schema.encode(table))["t"]
    assert decoded.dtype == pd.ArrowDtype(kind)
    pd.testing.assert_series_equal(decoded, table["t"])


def test_arrow_dtypes_without_a_name_of_their_own_are_pandas_dtypes():
    decimals = pd.array([decimal.Decimal("1.25"), None, decimal.Decimal("3.50")], dtype=pd.ArrowDtype(pa.decimal128(8, 2)))
    words = pd.array(["a", "b", "a"], dtype=pd.ArrowDtype(pa.string())).astype(pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string())))
    frame = read_frame(pd.DataFrame({"price": decimals, "word": words})).frame
    assert str(frame["price"].dtype) == "float64" and frame["price"].tolist()[::2] == [1.25, 3.5]
    schema = Schema.infer(frame)
    assert isinstance(schema["word"], Category) and schema.decode(schema.encode(frame))["word"].tolist() == ["a", "b", "a"]


@needs_raw
def test_adult():
    folder = Path(os.environ["TFAR_RAW_DATA"]) / "adult"
    if not folder.is_dir():
        pytest.skip("Adult is not installed")
    frame, notes = read_frame(folder / "adult-train.csv.gz")
    schema = Schema.infer(frame)
    numbers = {"age", "fnlwgt", "education.num", "capital.gain", "capital.loss", "hours.per.week"}
    assert {column.name for column in schema.columns if isinstance(column, Grid)} == numbers and notes == ()
    assert sum(isinstance(column, Category) for column in schema.columns) == 9
    assert {column.name for column in schema.modelled if column.blank} == {"workclass", "occupation", "native.country"}
    assert schema["sex"].values == ("Female", "Male") and schema["income"].values == ("<=50K", ">50K")
    assert {schema[name].decimals for name in numbers} == {0} and {schema[name].step for name in numbers} == {1}
    gains = schema["capital.gain"]
    assert {0, 99_999} <= {gains.start + atom for atom in gains.atoms}
    hours = schema["hours.per.week"]
    assert 40 in {hours.start + atom for atom in hours.atoms}
    for name in ("adult-train.csv.gz", "adult-test.csv.gz"):
        rows = read_frame(folder / name).frame
        pd.testing.assert_frame_equal(schema.decode(schema.encode(rows)), rows)


@pytest.mark.parametrize(
    ("form", "unit"),
    [
        ("%Y-%m-%dT%H:%M:%SZ", "m"),
        ("%Y-%m-%dT%H:%M:%S.%LZ", "m"),
        ("%Y-%m-%d %H:%M:%S+01:00", "m"),
        ("%Y-%m-%dT%H:%M:%S-0330", "m"),
        ("%Y-%m-%d %H:%M:%S.%L", "m"),
        ("%-m/%-d/%Y %-H:%M", "m"),
        ("%-m/%-d/%Y %-I:%M:%S %p", "m"),
        ("%m/%d/%Y %I:%M %p", "m"),
        ("%d-%b-%Y", "D"),
        ("%b %-d, %Y", "D"),
        ("%-d.%-m.%Y", "D"),
    ],
)
def test_dates_are_read_and_written_in_the_format_that_they_have(form, unit):
    times = pd.Series(pd.date_range("2024-01-01 00:07", periods=400, freq="17h11min"))
    hour = {"%-I": times.dt.hour.sub(1).mod(12).add(1), "%-H": times.dt.hour, "%-m": times.dt.month, "%-d": times.dt.day}
    cells = pd.Series([""] * 400)
    for code in re.findall("%-?.|[^%]", form):
        one = hour[code].astype(str) if code in hour else "000" if code == "%L" else times.dt.strftime(code) if "%" in code else code
        cells = cells + one
    found = infer_one(cells)
    assert isinstance(found, Grid) and (found.form, found.unit) == (form, unit)
    schema = Schema.infer(pd.DataFrame({"x": cells}))
    encoded = schema.encode(pd.DataFrame({"x": cells}))
    assert schema.decode(encoded)["x"].tolist() == cells.tolist()
    with pytest.raises(ValueError, match="column 'x', row 2: must be on its grid, .*, written as"):
        schema.encode(pd.DataFrame({"x": [cells[0], cells[1] + " "]}))


def test_times_with_an_offset_are_local():
    cells = pd.Series(pd.date_range("2024-01-01", periods=40).strftime("%Y-%m-%dT%H:%M:%S") + "+02:00")
    column = infer_one(cells)
    assert (column.unit, column.form) == ("D", "%Y-%m-%dT%H:%M:%S+02:00")
    given = pd.Timestamp("2024-01-03", tz="Etc/GMT-2")
    assert conditions.encoded(column, given)[0].tolist() == conditions.encoded(column, "2024-01-03T00:00:00+02:00")[0].tolist()
    for value in (given, given.tz_convert("UTC"), pd.Timestamp("2024-01-03")):
        assert conditions.encoded(column, (value, None))[0][0, 0] == conditions.encoded(column, given)[0][0, 0]
