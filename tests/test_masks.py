"""Orders, degrees and masks."""

import numpy as np
import pytest

from tfar import masks


def test_order_and_rank_are_inverse():
    order = masks.random_orders(9, 1, seed=3)[0]
    ranks = masks.inverse(order)
    np.testing.assert_array_equal(ranks[order], np.arange(9))
    np.testing.assert_array_equal(masks.inverse(ranks), order)


@pytest.mark.parametrize("order", [[0, 1, 1], [1, 2, 3], [0, 1], [0.0, 1.0, 2.0], "sideways", [[0, 1], [2, 2]]])
def test_what_is_no_permutation_is_refused(order):
    with pytest.raises(ValueError, match="order must be .* Received: order="):
        masks.as_order(order, 3)


def test_random_orders_of_a_larger_count_extend_a_smaller_one():
    np.testing.assert_array_equal(masks.random_orders(6, 5, 1)[:2], masks.random_orders(6, 2, 1))


@pytest.mark.parametrize("seed", [None, 0, 7])
@pytest.mark.parametrize("units, size, lowest", [(500, 784, 1), (500, 784, 0), (8000, 784, 1), (5, 3, 1), (4, 1, 0), (4, 1, 1)])
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
    inputs = masks.inverse(order) + 1
    hidden = [masks.hidden_degrees(12, 4, seed=s) for s in (1, 2)]
    first, second = masks.dense_mask(inputs, hidden[0]), masks.dense_mask(hidden[0], hidden[1])
    paths = first.astype(int) @ second.astype(int) @ masks.dense_mask(hidden[1], inputs, strict=True).astype(int)
    np.testing.assert_array_equal(paths > 0, inputs[:, None] < inputs[None, :])
