"""Degrees and masks."""

import itertools

import numpy as np
import pytest

from tfar import masks
from tfar.orders import inverse, random_orders


@pytest.mark.parametrize("units, size, lowest", [(500, 784, 1), (2000, 784, 0), (3, 90, 1), (4, 1, 0), (4, 1, 1)])
def test_placed_degrees_are_the_even_ones_and_near_a_units_place(units, size, lowest):
    several = [masks.placed_degrees(units, np.arange(size), lowest, seed=s) for s in (1, 2)]
    reverse = masks.placed_degrees(units, np.arange(size)[::-1], lowest, seed=3)
    even = masks.hidden_degrees(units, size, lowest)
    for degrees in (*several, reverse):
        np.testing.assert_array_equal(np.sort(degrees), even)
    reach = 2 * masks.AWAY + 1  # two units that are moved towards each other, and the rounding of degrees
    assert np.abs(several[0] - even).max() <= reach and np.abs(reverse - even[::-1]).max() <= reach
    assert np.any(several[0] != several[1]) == (1 < size < 2 * masks.AWAY * units)  # fewer units lie too far apart to change places


def test_a_unit_has_about_the_rank_of_its_place_under_any_order():
    order = random_orders(200, 1, seed=4)[0]
    units = masks.placed_degrees(200, order, lowest=0)
    assert np.abs(units - inverse(order)).max() <= 2 * masks.AWAY


@pytest.mark.parametrize("seed", [None, 0, 7])
@pytest.mark.parametrize(
    "units, size, lowest", [(500, 784, 1), (500, 784, 0), (8000, 784, 1), (5, 3, 1), (3, 784, 1), (1, 9, 0), (4, 1, 0), (4, 1, 1)]
)
def test_hidden_degrees_are_even_and_in_range(units, size, lowest, seed):
    degrees = masks.hidden_degrees(units, size, lowest, seed)
    levels = max(size - lowest, 1)
    counts = np.bincount(degrees, minlength=size)
    assert degrees.min() == min(lowest, size - 1) and degrees.max() <= size - 1
    assert counts.max() <= -(-units // levels) + 1
    if seed is None:
        assert (np.diff(degrees) >= 0).all()


def test_masks_compose_to_the_triangle():
    """The product of all masks counts paths from input to output: there are some exactly where the order allows."""
    order = np.array([2, 0, 3, 1])
    inputs = inverse(order) + 1
    hidden = [masks.hidden_degrees(12, 4, seed=s) for s in (1, 2)]
    first, second = masks.dense_mask(inputs, hidden[0]), masks.dense_mask(hidden[0], hidden[1])
    paths = first.astype(int) @ second.astype(int) @ masks.dense_mask(hidden[1], inputs, strict=True).astype(int)
    np.testing.assert_array_equal(paths > 0, inputs[:, None] < inputs[None, :])


@pytest.mark.parametrize("width", [1, 3, 100])
@pytest.mark.parametrize("window", [None, 2, 5])
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("ascending", [False, True])
def test_blocks_hold_every_connection(ascending, strict, window, width):
    rng = np.random.default_rng(window or 0)
    inputs, outputs = rng.integers(0, 12, 30), rng.integers(1, 12, 40)
    if ascending:
        inputs, outputs = np.sort(inputs), np.sort(outputs)
    blocks = masks.dense_blocks(inputs, outputs, strict, window, width)
    held = np.zeros([30, 40], int)
    for start, stop, first, last in blocks:
        held[first:last, start:stop] += 1
    assert [start for start, *_ in blocks] == [0, *(stop for _, stop, *_ in blocks[:-1])]  # the units, in their order
    assert blocks[-1][1] == 40
    assert held.max() == 1
    assert np.all(held[masks.dense_mask(inputs, outputs, strict, window)])


def test_blocks_leave_out_what_is_empty():
    degrees = np.arange(1024)
    area = sum((stop - start) * (last - first) for start, stop, first, last in masks.dense_blocks(degrees, degrees, width=128))
    assert area == 1024 * (1024 + 128) // 2  # the triangle, and half of the squares on its diagonal
    shuffled = np.random.default_rng(0).permutation(degrees)
    assert masks.dense_blocks(degrees, shuffled, width=128) == [(0, 1024, 0, 1024)]


def test_a_block_that_sees_nothing_has_an_input():
    """A product of no inputs with a bias is one that oneDNN refuses by ending the process."""
    assert masks.dense_blocks(np.array([1, 2, 3]), np.array([0, 0, 3]), width=2) == [(0, 2, 0, 1), (2, 3, 0, 3)]


@pytest.mark.parametrize("mask_type", ["A", "B"])
@pytest.mark.parametrize("kernel_size, colors, inputs, outputs", [((3, 5), 3, 6, 9), ((5, 1), 1, 2, 3), ((1, 3), 2, 2, 2)])
def test_a_convolution_sees_what_comes_before_in_raster_order(kernel_size, colors, inputs, outputs, mask_type):
    height, width = kernel_size
    mask = masks.conv_mask(kernel_size, inputs, outputs, mask_type, colors)
    assert mask.shape == (height, width, inputs, outputs)
    for row, column, source, target in itertools.product(*map(range, mask.shape)):
        tap = (row, column, source * colors // inputs)
        last = (height // 2, width // 2, target * colors // outputs)
        assert mask[row, column, source, target] == (tap < last or (mask_type == "B" and tap == last))
