"""Orders and ranks."""

import numpy as np
import pytest

from tfar.orders import alternating_orders, as_order, inverse, random_orders, scan_orders


def test_order_and_rank_are_inverse():
    order = random_orders(9, 1, seed=3)[0]
    ranks = inverse(order)
    np.testing.assert_array_equal(ranks[order], np.arange(9))
    np.testing.assert_array_equal(inverse(ranks), order)


@pytest.mark.parametrize("order", [[0, 1, 1], [1, 2, 3], [0, 1], [0.0, 1.0, 2.0], "sideways", [[0, 1], [2, 2]]])
def test_what_is_no_permutation_is_refused(order):
    with pytest.raises(ValueError, match="order must be .* Received: order="):
        as_order(order, 3)


def test_random_orders_of_a_larger_count_extend_a_smaller_one():
    np.testing.assert_array_equal(random_orders(6, 5, 1)[:2], random_orders(6, 2, 1))


def test_alternating_orders_go_to_and_fro():
    orders = alternating_orders(5, 3, seed=0)
    assert orders.tolist() == [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [0, 1, 2, 3, 4]]
    np.testing.assert_array_equal(alternating_orders(5, 2, seed=7), orders[1:])


def test_a_scan_goes_line_by_line_away_from_where_it_begins():
    orders = scan_orders([7, 6, 2], 20, seed=0)
    np.testing.assert_array_equal(orders[0], np.arange(84))
    np.testing.assert_array_equal(scan_orders([7, 6, 2], 3, seed=5), orders[5:8])
    place = np.array([[row, column] for row in range(7) for column in range(6)])
    for number, order in enumerate(orders):
        pixels = order.reshape(42, 2) // 2
        np.testing.assert_array_equal(order.reshape(42, 2) % 2, np.tile([0, 1], (42, 1)))
        np.testing.assert_array_equal(pixels[:, 0], pixels[:, 1])
        np.testing.assert_array_equal(np.sort(pixels[:, 0]), np.arange(42))
        angle = number * np.pi * (3 - 5**0.5)
        travelled = place[pixels[:, 0]] @ [np.cos(angle), np.sin(angle)]
        assert (travelled - np.maximum.accumulate(travelled) > -1).all()  # no line begins before the one before it has ended
    angles = np.sort(np.arange(20) * (3 - 5**0.5) / 2 % 1)
    assert np.diff(angles).max() < 2 / 20  # and the directions are all around


@pytest.mark.parametrize("shape", [[10], [2, 3, 4, 5]])
def test_only_an_image_is_scanned(shape):
    with pytest.raises(ValueError, match="only images, .* Received: event_shape="):
        scan_orders(shape, 1, 0)
