"""Whether the first row of a table names its columns."""

import numpy as np
import pytest

from tfar.datasets.headers import has_header, has_units, is_number


def rows(text):
    return [line.split(",") for line in text.split()]


@pytest.mark.parametrize(
    "text",
    [
        "2019,2020,2021 1,2,3 4,5,6",
        "2019,2020 5,7 6,1",
        "2019,2020,2021 1.5,2.5,3.5",
        "100,250,500 0.3,0.5,0.2 0.1,0.2,0.3",
        "0,1,2 0,1,1 1,0,1",
        "0,1 0.5,-1.2 0.1,1.5",
        "city,2019,2020 Rome,3.5,4.5 Paris,1.5,2.5",
        "sex,city f,Rome m,Paris",
        "a,b 1,x 2,y",
        "a,b ,2 1,",
        "day,x 2024-01-31,oak 2024-02-01,elm",
        ",a 1,2 2,3",
        "a,b r1,1,2 r2,3,4",
    ],
)
def test_a_header(text):
    assert has_header(rows(text))


@pytest.mark.parametrize(
    "text",
    [
        "N/A,2.5 1.5,3 2.5,4",
        "?,2 1,3 2,4",
        "1,0.5,g 0,-0.5,b 1,0.25,g",
        "Male,Rome Female,Paris Male,Oslo",
        "g,3 b,4",
        "1,2,3 3,1,2 2,3,1",
        "3,4 1,5 5,1",
        "1.5,2.5 3.5,4.5",
        "2024-01-31,oak 2024-02-01,elm",
        "0,1 1,1",
        ",2.5 1.5,3",
    ],
)
def test_no_header(text):
    assert not has_header(rows(text))


def test_decimal_commas_are_numbers_where_the_delimiter_is_another():
    cells = [["height", "weight"], ["1,5", "60,2"]]
    assert has_header(cells, decimal_comma=True) and not has_header([["1,5", "60,2"], ["1,7", "70,1"]], decimal_comma=True)


def test_headerless_numbers_are_seldom_taken_for_a_header():
    random = np.random.RandomState(0)
    tables = [random.poisson(20, size=(200, 3)).astype(str).tolist() for _ in range(300)]
    tables += [random.normal(size=(200, 3)).round(2).astype(str).tolist() for _ in range(300)]
    assert not any(map(has_header, tables))


@pytest.mark.parametrize("first, units", [("cm,kg", True), ("cm,", True), ("170,kg", False), ("NA,kg", False)])
def test_units(first, units):
    assert has_units(rows(f"{first} 170,60 180,70")) is units
    assert not has_units(rows(f"{first} oak,elm elm,ash"))


@pytest.mark.parametrize("cell, number", [("1", True), ("-.5e-3", True), ("1.", True), ("10_000", False), ("0x1f", False), ("", False)])
def test_numbers(cell, number):
    assert is_number(cell) is number
