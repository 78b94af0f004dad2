"""The normal density of full covariance."""

import numpy as np
import pytest

from tfar.training.baselines import gaussian_nll


def test_it_is_the_density_of_its_formula():
    generator = np.random.default_rng(0)
    train, x = (generator.normal(size=[n, 2, 3]) @ generator.normal(size=[3, 3]) + 5 for n in (200, 40))
    rows, known = x.reshape(40, 6), train.reshape(200, 6)
    covariance = np.einsum("ni,nj->ij", known - known.mean(axis=0), known - known.mean(axis=0)) / 200
    distance = np.einsum("ni,ij,nj->n", rows - known.mean(axis=0), np.linalg.inv(covariance), rows - known.mean(axis=0))
    expected = 0.5 * (distance.mean() + np.linalg.slogdet(covariance)[1] + 6 * np.log(2 * np.pi))
    assert gaussian_nll(train, x) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_there_is_none_where_columns_depend_on_each_other_but_for_rounding(seed):
    a, b = np.random.default_rng(seed).normal(size=[2, 300])
    rows = np.stack([a, b, a + b], axis=1)
    rows = ((rows - rows.mean(axis=0)) / rows.std(axis=0)).astype(np.float32)
    assert gaussian_nll(rows, rows) is None and gaussian_nll(rows[:, :2], rows[:, :2]) is not None
    assert gaussian_nll(rows[:2, :2], rows[:, :2]) is None  # no more rows than columns


def test_more_columns_than_rows_take_no_memory_for_a_covariance():
    wide = np.zeros([3, 2_000_000], np.float32)  # whose covariance would have 32 terabytes
    assert gaussian_nll(wide, wide) is None
