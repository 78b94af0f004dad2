"""The hash that divides the rows of a stream."""

import numpy as np

from tfar.datasets.streams.division import TEST, TRAIN, VALIDATION, Division

DEVIATIONS = 5  # of a binomial number that are a false alarm: less than 1e-6 each


def is_binomial(count, trials, share):
    return abs(count - trials * share) < DEVIATIONS * np.sqrt(trials * share * (1 - share))


def test_shares_are_those_that_are_asked_for():
    rows, held = 200_000, 5000
    counts = np.bincount(Division(rows, held, 1000).codes(0, rows), minlength=3)
    assert is_binomial(counts[VALIDATION], rows, held / rows) and is_binomial(counts[TEST], rows, held / rows)
    assert counts.sum() == rows and counts.argmax() == TRAIN


def test_few_rows_give_a_tenth_each():
    counts = np.bincount(Division(5000, 10_000, 1000).codes(0, 5000), minlength=3)
    assert is_binomial(counts[VALIDATION], 5000, 0.1) and is_binomial(counts[TEST], 5000, 0.1)


def test_a_row_does_not_depend_on_how_rows_are_cut():
    division = Division(10_000, 500, 1000, seed=3)
    parts = [division.codes(first, 7) for first in range(0, 10_000, 7)]
    np.testing.assert_array_equal(np.concatenate(parts)[:10_000], division.codes(0, 10_000))


def test_neighbours_seeds_and_the_sample_are_independent():
    rows = 100_000
    division, other = Division(rows, rows, rows // 4), Division(rows, rows, 1, seed=1)
    test, sampled, of_another = division.codes(0, rows) == TEST, division.sampled(0, rows), other.codes(0, rows) == TEST
    assert is_binomial(sampled.sum(), rows, 0.25)
    assert is_binomial((test[1:] & test[:-1]).sum(), rows - 1, 0.01)  # pairs overlap, which adds a fifth to the variance
    assert is_binomial((test & of_another).sum(), rows, 0.01)
    assert is_binomial((test & sampled).sum(), rows, 0.025)
