"""The order in which a stream gives its training rows."""

import itertools
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from support import ROOT

from tfar import datasets, training
from tfar.datasets.streams import rows

ROWS, COLUMNS = 3000, 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Shards of rows that are the bits of their numbers."""
    folder = tmp_path_factory.mktemp("stream")
    x = np.arange(ROWS)[:, None] >> np.arange(COLUMNS) & 1
    for number, part in enumerate(np.split(x, 3)):
        table = pa.table({f"x{i}": part[:, i] for i in range(COLUMNS)})
        parquet.write_table(table, folder / f"{number}.parquet", row_group_size=100)
    return folder


@pytest.fixture(scope="module")
def small(folder):
    """A stream whose buffer holds few rows."""
    return datasets.stream(folder, buffer=250).train


def numbers(x):
    return (np.asarray(x) << np.arange(COLUMNS)).sum(axis=-1)


def taken(stream, count, **options):
    return np.concatenate([window.x for window in itertools.islice(stream.windows(**options), count)])


def test_each_pass_has_every_row_once_in_another_order(small):
    windows = -(-len(small) // 250)
    first, second = np.split(numbers(taken(small, 2 * windows, seed=1)), 2)
    in_order = numbers(np.concatenate(list(small.once(100).as_numpy_iterator())))
    assert (np.diff(in_order) > 0).all()
    np.testing.assert_array_equal(np.sort(first), in_order)
    np.testing.assert_array_equal(np.sort(second), in_order)
    assert (first == second).sum() < 20 and (first == in_order).sum() < 20  # 1 is expected, were the orders uniform
    np.testing.assert_array_equal(first, numbers(taken(small, windows, seed=1)))
    assert (first == numbers(taken(small, windows, seed=2))).sum() < 20


def test_shards_are_mixed(small):
    order = numbers(taken(small, 3, seed=0))
    assert {0, 1, 2} == set(order // 1000)  # the first third of a pass has parts of all three shards


@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_begin_anywhere(folder, shuffle):
    stream = datasets.stream(folder, buffer=250, shuffle=shuffle).train
    batches = list(stream.batches(70, seed=3).take(80).as_numpy_iterator())  # more than two passes
    for start in (0, 1, 17, 33, 34, 35, 70):
        found = next(iter(stream.batches(70, seed=3, start=start).as_numpy_iterator()))
        np.testing.assert_array_equal(found, batches[start])


def test_a_buffer_for_all_rows_gives_the_order_of_arrays(folder):
    stream = datasets.stream(folder).train
    x = np.concatenate(list(stream.once(1000).as_numpy_iterator()))
    expected = training.batches(x, 64, seed=5).take(90).as_numpy_iterator()
    for one, other in zip(stream.batches(64, seed=5).take(90).as_numpy_iterator(), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_rows_are_handed_on_in_parts_of_few_bytes(small, monkeypatch):
    whole = [next(small.windows(seed=2, first=first)).x for first in (0, 113)]
    monkeypatch.setattr(rows, "PART_BYTES", 4 * COLUMNS * 60)
    parts = list(itertools.islice(small.windows(seed=2), 5))
    assert [len(part.x) for part in parts] == [60, 60, 60, 60, 10]
    np.testing.assert_array_equal(np.concatenate([part.x for part in parts]), whole[0])
    np.testing.assert_array_equal(next(small.windows(seed=2, first=113)).x, whole[1][:60])


def test_parts_before_the_first_row_are_not_read(folder, monkeypatch):
    stream = datasets.stream(folder, buffer=250).train
    read, blocks = [], stream._shards.blocks
    monkeypatch.setattr(stream._shards, "blocks", lambda number: read.append(number) or blocks(number))
    next(stream.windows(first=len(stream) - 10))
    assert 1 <= len(read) <= 5


def test_python_exits_while_rows_are_read(folder):
    code = f"""
import tfar
batches = iter(tfar.datasets.stream({str(folder)!r}, buffer=50).train.batches(10))
next(batches)
raise RuntimeError("the end")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "the end" in done.stderr
