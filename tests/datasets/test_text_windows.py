"""The windows of a text that a model is trained on."""

import numpy as np
import pytest
from support.data import error_of

from tfar.datasets import steps_per_pass, windows


def batches(count, *args, **kwargs):
    return list(windows(*args, **kwargs).take(count).as_numpy_iterator())


@pytest.mark.parametrize(("n", "length", "size"), [(1000, 7, 5), (700, 7, 5), (35, 7, 5), (36, 7, 5), (500, 1, 3), (300, 10, 1)])
def test_each_pass_covers_every_character_at_most_once_and_nearly_all(n, length, size):
    codes, steps = np.arange(n), steps_per_pass(n, length, size)
    found = batches(3 * steps, codes, length, size, seed=4)
    orders = []
    for number in range(3):
        x = np.stack(found[number * steps : (number + 1) * steps])
        assert x.shape == (steps, size, length) and x.dtype == np.int32
        rows = x.reshape(-1, length)
        assert np.array_equal(rows, rows[:, :1] + np.arange(length))
        assert len(np.unique(rows)) == rows.size > n - (size + 2) * length
        orders.append(rows[:, 0].tolist())
    assert n < 40 or (orders[0] != orders[1] != orders[2] and orders[0] != sorted(orders[0]))


def test_passes_begin_at_all_phases_and_leave_nothing_out_for_good():
    n, length, size = 200, 5, 2
    steps = steps_per_pass(n, length, size)
    starts = np.stack(batches(60 * steps, np.arange(n), length, size)).reshape(60, -1, length)
    assert {int(s) for s in starts[:, :, 0].min(axis=1) % length} == set(range(length))
    assert all(len({int(v) % length for v in rows[:, 0]}) == 1 for rows in starts)
    counts = np.bincount(starts.ravel(), minlength=n)
    assert counts.min() >= 5 and counts[length:-length].min() > 40 and counts.max() <= 60


def test_shuffling_depends_on_seed_and_pass_only():
    codes = np.arange(1000, dtype=np.uint16)
    first = np.stack(batches(60, codes, 7, 5, seed=1))
    assert np.array_equal(first, batches(60, codes, 7, 5, seed=1))
    for seed in (0, 2, 1 + 2**32, 2**62):
        assert not np.array_equal(first[:5], batches(5, codes, 7, 5, seed=seed))
    for start in (1, 27, 28, 29, 57):
        assert np.array_equal(first[start:], batches(60 - start, codes, 7, 5, seed=1, start_step=start))


def test_a_late_start_costs_nothing():
    import tensorflow as tf

    x = next(iter(windows(np.arange(1000), 7, 5, start_step=10**12)))
    assert x.shape == (5, 7) and x.dtype == tf.int32
    assert windows(np.arange(1000), 7, 5).cardinality() == tf.data.INFINITE_CARDINALITY
    assert windows(np.arange(1000), 7, 5).element_spec == tf.TensorSpec([5, 7], tf.int32)


@pytest.mark.parametrize(("n", "length", "size"), [(1000, 7, 5), (1003, 7, 4), (35, 7, 5), (64, 4, 1)])
def test_carried_rows_are_contiguous(n, length, size):
    codes, steps = np.arange(n).astype(np.uint16), steps_per_pass(n, length, size)
    found = batches(2 * steps + 1, codes, length, size, carry=True)
    assert [bool(reset) for _, reset in found] == [s % steps == 0 for s in range(2 * steps + 1)]
    for b in range(size):
        row = np.concatenate([x[b] for x, _ in found[:steps]])
        assert np.array_equal(row, b * (n // size) + np.arange(steps * length))
        assert n // size - len(row) < 2 * length
    for s in range(steps + 1):
        assert np.array_equal(found[s][0], found[s + steps][0]) and found[s][0].dtype == np.int32
    (x, reset), *_ = batches(1, codes, length, size, carry=True, start_step=steps - 1)
    assert np.array_equal(x, found[steps - 1][0]) and bool(reset) == (steps == 1)


def test_windows_errors():
    codes = np.arange(34)
    message = error_of(windows, codes, 7, 5)
    assert message == "A batch of 5 x 7 needs 35 characters. Received: 34" == error_of(steps_per_pass, 34, 7, 5)
    assert error_of(windows, codes, 7, 5, carry=True) == message
    assert "length must be an integer of at least 1. Received: length=0" in error_of(windows, codes, 0, 5)
    assert "batch_size must be an integer of at least 1. Received: batch_size=2.0" in error_of(windows, codes, 7, 2.0)
    assert "seed must be an integer of at least 0. Received: seed=-1" in error_of(windows, codes, 7, 2, seed=-1)
    assert "start_step must be an integer of at least 0. Received: start_step=-1" in error_of(windows, codes, 7, 2, start_step=-1)
    assert "integers [n]. Received: float64 [4]" in error_of(windows, np.ones(4), 2, 2)
    assert "integers [n]. Received: int64 [2, 17]" in error_of(windows, codes.reshape(2, 17), 2, 2)
