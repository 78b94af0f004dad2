"""Conditions on a column in its own values, as encoded ones: ranges, sets, single values, blanks, and what is refused."""

import datetime

import numpy as np
import pandas as pd
import pytest

from tfar.datasets.conditions import encoded
from tfar.datasets.schema import Category, Grid, Real

WARP = {"x": (0.0, 9.0), "z": (-1.0, 1.0)}
SEX = Category(name="sex", dtype="str", values=("f", "m"), blank=True)
CITY = Category(name="city", dtype="str", values=("Bern", "Basel"), rare=("Chur", "Brig"), rare_counts=(3, 1))
AGE = Grid(name="age", dtype="int64", start=20, step=5, size=10, **WARP)  # 20, 25, ..., 65
PRICE = Grid(name="price", dtype="float64", start=1, step=1, size=100, decimals=1, blank=True, **WARP)  # 0.1, 0.2, ..., 10.0
BORN = Grid(name="born", dtype="datetime64[us]", start=0, step=1, size=31, unit="D", **WARP)  # January 1970
WHEN = Grid(name="when", dtype="datetime64[us, UTC]", start=0, step=60, size=24, unit="m", **WARP)
LASTED = Grid(name="lasted", dtype="timedelta64[us]", start=0, step=1, size=100, unit="s", **WARP)
WRITTEN = Grid(name="written", dtype="str", start=0, step=1, size=31, unit="D", form="%d.%m.%Y", **WARP)
HEIGHT = Real(name="height", dtype="float64", blank=True, **WARP)

NEW_YEAR = pd.Timestamp("1970-01-01")


@pytest.mark.parametrize(
    ("column", "ends", "expected"),
    [
        (AGE, (30, 40), [2, 4]),
        (AGE, (26, 44.9), [2, 4]),
        (AGE, (None, 20), [0, 0]),
        (AGE, (60, None), [8, 9]),
        (AGE, (None, None), [0, 9]),
        (AGE, (-np.inf, np.inf), [0, 9]),
        (AGE, (np.int8(30), "40"), [2, 4]),
        (AGE, (70, 90), [9, 9]),  # beyond the grid: what its end stands for, as in `encode`
        (AGE, (1, 3), [0, 0]),
        (AGE, (1, 10**30), [0, 9]),
        (PRICE, (0.3, 0.7), [2, 6]),  # 0.3 * 10 is above 3, 0.7 * 10 below 7
        (PRICE, (np.float32(0.3), np.float32(0.7)), [2, 6]),
        (PRICE, (1.1, 1.1), [10, 10]),
        (BORN, (NEW_YEAR + pd.Timedelta(3, "D"), "1970-01-10"), [3, 9]),
        (BORN, (datetime.date(1970, 1, 4), np.datetime64("1970-01-10")), [3, 9]),
        (BORN, (datetime.datetime(1970, 1, 4, 1), datetime.datetime(1970, 1, 10, 23)), [4, 9]),
        (BORN, ("1600-01-01", "2900-01-01"), [0, 30]),
        (WHEN, ("1970-01-01T02:00", pd.Timestamp("1970-01-01T05:30", tz="Europe/Zurich")), [2, 4]),
        (LASTED, (pd.Timedelta("00:00:03"), datetime.timedelta(seconds=7.5)), [3, 7]),
        (WRITTEN, ("04.01.1970", datetime.date(1970, 1, 10)), [3, 9]),
        (HEIGHT, (1.5, 2), [1.5, 2]),
        (HEIGHT, (None, 2), [-np.inf, 2]),
    ],
)
def test_a_range_is_closed_and_of_the_columns_own_values(column, ends, expected):
    intervals, blank = encoded(column, ends)
    assert intervals.dtype == np.float64 and intervals.tolist() == [expected] and not blank


@pytest.mark.parametrize(("column", "ends"), [(AGE, (26, 29)), (PRICE, (0.31, 0.39)), (BORN, ("1970-01-03T01", "1970-01-03T02"))])
def test_a_range_between_two_points_has_none(column, ends):
    assert encoded(column, ends)[0].shape == (0, 2)


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        (AGE, 30, [[2, 2]]),
        (AGE, [30, 20, 30], [[2, 2], [0, 0]]),
        (AGE, np.array([30, 20]), [[2, 2], [0, 0]]),
        (AGE, pd.Series([30, 20]), [[2, 2], [0, 0]]),
        (AGE, range(20, 31, 5), [[0, 0], [1, 1], [2, 2]]),
        (PRICE, {0.3}, [[2, 2]]),
        (BORN, pd.Timestamp("1970-01-04"), [[3, 3]]),
        (BORN, [datetime.date(1970, 1, 4), "1970-01-10"], [[3, 3], [9, 9]]),
        (WRITTEN, ["04.01.1970", datetime.date(1970, 1, 10)], [[3, 3], [9, 9]]),
        (HEIGHT, 1.8, [[1.8, 1.8]]),
    ],
)
def test_numbers_are_intervals_of_one_value(column, values, expected):
    intervals, blank = encoded(column, values)
    assert intervals.tolist() == expected and not blank


def test_categories_are_shares_of_classes():
    assert encoded(SEX, "m")[0].tolist() == [0, 1]
    assert encoded(SEX, {"m", "f"})[0].tolist() == [1, 1]
    for values, expected in (("Chur", [0, 0, 3 / 5]), (["Bern", "Brig", "Brig"], [1, 0, 1 / 5]), (["Chur", "Brig", "?"], [0, 0, 1])):
        np.testing.assert_allclose(encoded(CITY, values)[0], expected, rtol=1e-12)  # 1 of 5 is for values that no row has


@pytest.mark.parametrize("blank", [None, np.nan, pd.NA, pd.NaT], ids=str)
def test_blanks_are_asked_for(blank):
    for column, value in ((SEX, "m"), (PRICE, 0.3), (HEIGHT, 1.8)):
        alone, with_blank = encoded(column, [value]), encoded(column, [value, blank])
        assert not alone[1] and with_blank[1] and alone[0].tolist() == with_blank[0].tolist()
        only = encoded(column, blank)
        assert only[1] and not only[0].any()


@pytest.mark.parametrize(
    ("column", "condition", "message"),
    [
        (SEX, ("f", "m"), "column 'sex' has categories, which have no range: give a list of values. Received: .'f', 'm'."),
        (SEX, "x", "column 'sex', row 1: must be one of 'f', 'm'. Received: 'x'"),
        (SEX, [], r"column 'sex' must have at least one value. Received: \[\]"),
        (SEX, [["f"]], r"column 'sex' must have a value, a list of values, or a tuple \(low, high\). Received: \[\['f'\]\]"),
        (SEX, {"f": 1}, "column 'sex' must have a value, a list of values, or a tuple .low, high.. Received: {'f': 1}"),
        (AGE, (40, 30), r"the range of column 'age' must have low <= high. Received: \(40, 30\)"),
        (AGE, (30,), r"column 'age' must have a range \(low, high\), with None for an open end. Received: \(30,\)"),
        (AGE, ("a", 30), r"the range of column 'age' must be of numbers. Received: \('a', 30\)"),
        (AGE, (np.nan, 30), "the range of column 'age' must be of numbers. Received: "),
        (AGE, (np.inf, None), "the range of column 'age' must be of numbers. Received: "),
        (AGE, ([1], 30), "the range of column 'age' must be of numbers. Received: "),
        (AGE, 31, "column 'age', row 1: must be on its grid, 20 to 65 in steps of 5. Received: 31"),
        (AGE, "x", "column 'age', row 1: must be a finite number. Received: 'x'"),
        (AGE, [30, None], r"column 'age' must have a value, since it had no blanks. Received: \[30, None\]"),
        (BORN, (3, 4), r"the range of column 'born' must be of dates. Received: \(3, 4\)"),
        (BORN, ("x", None), r"the range of column 'born' must be of dates. Received: \('x', None\)"),
        (BORN, (pd.NaT, None), "the range of column 'born' must be of dates. Received: "),
        (LASTED, ("1970-01-01", None), "the range of column 'lasted' must be of dates. Received: "),
        (HEIGHT, ("tall", None), "the range of column 'height' must be of numbers. Received: "),
        (HEIGHT, "tall", "column 'height', row 1: must be a finite number. Received: 'tall'"),
    ],
)
def test_what_is_no_condition_of_a_column_is_refused(column, condition, message):
    with pytest.raises(ValueError, match=message):
        encoded(column, condition)
