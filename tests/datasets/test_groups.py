"""Rows of one group stay in one split."""

import json

import numpy as np
import pandas as pd
import pytest

from tfar import datasets
from tfar.datasets.source import Source, Split, fold_splits, group_chunks, three_splits, with_test

PATIENTS, VISITS = 30, 200


@pytest.fixture(scope="module")
def visits():
    """A table whose column `code` tells the patient, so that splits can be compared after it is left out."""
    random = np.random.default_rng(0)
    patient = random.integers(PATIENTS, size=VISITS)
    return pd.DataFrame({"patient": [f"p{k}" for k in patient], "code": 10.0 * patient, "age": random.normal(size=VISITS).round(2)})


def codes(data):
    """The codes of the patients of each split; every row is one of the table."""
    rows = {name: split.x for name, split in data.splits.items()}
    if data.kind != "table":
        found = {name: data.preparation.standardization.invert(x)[:, 0] for name, x in rows.items()}
    else:
        found = {name: data.schema.decode(x)["code"] for name, x in rows.items()}
    return {name: set(np.rint(values).astype(int).tolist()) for name, values in found.items()}


def assert_apart(found):
    assert all(found.values()) and sum(map(len, found.values())) == len(set().union(*found.values()))


@pytest.mark.parametrize("options", [{}, {"by_column": False}, {"fold": 3}, {"fold": 3, "by_column": False, "folds": 5}], ids=str)
def test_no_group_is_in_two_splits(visits, options):
    data = datasets.load(visits, groups="patient", **options)
    assert tuple(data.columns) == ("code", "age")
    assert any("'patient' is left out" in note for note in data.notes)
    assert_apart(codes(data))
    assert not sum(len(split.x) for split in data.splits.values()) - VISITS
    again = datasets.load_config(json.loads(json.dumps(data.to_config())), visits)
    assert codes(again) == codes(data)
    with pytest.raises(AssertionError):
        assert_apart(codes(datasets.load(visits.drop(columns="patient"), **options)))


def test_another_seed_divides_otherwise(visits):
    one, other = (codes(datasets.load(visits, groups="patient", seed=seed)) for seed in (0, 1))
    assert one["test"] != other["test"]


def test_chunks_hold_all_rows_and_are_of_about_equal_size():
    groups = np.random.default_rng(1).integers(97, size=5000)
    chunks = group_chunks(groups, 10, seed=4, least=10)
    np.testing.assert_array_equal(np.sort(np.concatenate(chunks)), np.arange(5000))
    largest = np.bincount(groups).max()
    sizes = [len(rows) for rows in chunks]
    assert max(sizes) - min(sizes) <= largest  # as each group went to the chunk with the fewest rows


def test_each_group_is_tested_in_one_fold():
    groups = np.arange(60) // 4
    source = Source({"all": Split(groups[:, None])}, groups=groups)
    tested = [set(fold_splits(source, fold, folds=5)["test"].x[:, 0]) for fold in range(5)]
    assert sum(map(len, tested)) == 15 and set().union(*tested) == set(range(15))


def test_test_rows_of_another_file_leave_groups_to_hold_out(visits, tmp_path):
    visits[:150].to_csv(tmp_path / "train.csv", index=False)
    visits[150:].drop(columns="patient").to_csv(tmp_path / "test.csv", index=False)  # rows that are not divided need no groups
    data = datasets.load(tmp_path / "train.csv", test=tmp_path / "test.csv", groups="patient", by_column=False)
    found = codes(data)
    assert not found["train"] & found["validation"] and len(data.test.x) == 50
    assert datasets.prepare(tmp_path / "test.csv", data.to_config()).x.shape == (50, 2)
    source = with_test(Source({"all": Split(np.arange(6)[:, None])}, groups=np.arange(6) // 2), Split(np.zeros([1, 1], int)))
    splits = three_splits(source)
    assert len(splits["validation"].x) == 2 and len(set(splits["validation"].x[:, 0] // 2)) == 1


@pytest.mark.parametrize(
    ("source", "options", "told"),
    [
        ({"a": [1, 2, 3, 4], "g": [1, 1, 2, 2]}, {"groups": "h"}, "groups must be one of the columns .*'h'"),
        ({"a": [1, 2, 3, 4], "g": [1, 1, 2, 2]}, {"groups": "g"}, "At least 3 groups are needed.* Received: 2 groups"),
        ({"a": [1, 2, 3, 4], "g": [1, 2, 3, 4]}, {"groups": "g", "fold": 0}, "At least 10 rows|At least 10 groups"),
        ({"a": [1, 2, 3, 4], "g": ["x", None, "y", "z"]}, {"groups": "g"}, "a blank cell in column 'g', row 2"),
        ({"g": [1, 2, 3, 4]}, {"groups": "g"}, "a column must be left beside the groups"),
        ("digits", {"groups": "g"}, "groups are for tables"),
    ],
)
def test_what_cannot_be_grouped_is_refused(source, options, told):
    with pytest.raises(ValueError, match=told):
        datasets.load(source, **options)


def test_a_stream_is_not_divided_by_groups(tmp_path, visits):
    visits.to_parquet(tmp_path / "visits.parquet")
    with pytest.raises(ValueError, match=r"options must be among .*Received: groups"):
        datasets.stream(tmp_path / "visits.parquet", groups="patient")
