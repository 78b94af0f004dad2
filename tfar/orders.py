"""Orders and ranks.

An *order* is a permutation of the D dimensions of an event: ``order[k]`` is the dimension that is generated k-th. Its inverse is the
*rank*: ``rank[d]`` is the position at which dimension d is generated. `inverse` is the one place that turns one into the other.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfar.validation import MOST_MEMBERS, MOST_UNITS, are_orders, as_array, as_counts, as_integers, check_counts, check_seeds


def as_order(order: Any, event_size: int) -> np.ndarray:
    """Return an order of `event_size` dimensions, int32 `[D]`.

    Args:
        order: None or "natural" for 0, 1, 2, ...; "reversed"; or a permutation of 0..D-1.
        event_size: D.

    Raises:
        ValueError: `order` is not one of these, or `event_size` is not a count.

    >>> as_order("reversed", 4).tolist()
    [3, 2, 1, 0]
    """
    check_counts(most=MOST_UNITS, event_size=event_size)
    if order is None or (isinstance(order, str) and order == "natural"):
        return np.arange(event_size, dtype=np.int32)
    if isinstance(order, str) and order == "reversed":
        return np.arange(event_size, dtype=np.int32)[::-1].copy()
    array = None if isinstance(order, str) else as_array("order", order)
    if array is None or not are_orders(array.ravel(), event_size):
        raise ValueError(
            f"order must be 'natural', 'reversed' or a permutation of the integers 0..{event_size - 1}. Received: order={order!r}"
        )
    return array.ravel().astype(np.int32)


def inverse(order: Any) -> np.ndarray:
    """Turn an order `[D]` into ranks, or ranks into an order, int32: `inverse(order)[order[k]] = k`.

    >>> inverse([2, 0, 1]).tolist()
    [1, 2, 0]
    """
    return np.argsort(as_integers(order=order)).astype(np.int32)


def random_orders(event_size: int, count: int, seed: int) -> np.ndarray:
    """Return `count` random orders, int32 `[count, D]`. A larger `count` with the same seed extends them.

    >>> bool((random_orders(5, 2, seed=0) == random_orders(5, 3, seed=0)[:2]).all())
    True
    """
    _check_drawn(event_size, count, seed)
    generator = np.random.default_rng(seed)
    return np.stack([generator.permutation(event_size).astype(np.int32) for _ in range(count)])


def alternating_orders(event_size: int, count: int, seed: int) -> np.ndarray:
    """Return `count` orders, int32 `[count, D]`: the natural order and its reverse in turn. An odd `seed` starts with the reverse.

    >>> alternating_orders(3, 2, seed=0).tolist()
    [[0, 1, 2], [2, 1, 0]]
    """
    _check_drawn(event_size, count, seed)
    both = as_order("natural", event_size), as_order("reversed", event_size)
    return np.stack([both[number % 2] for number in range(seed, seed + count)])


def scan_orders(event_shape: Sequence[int], count: int, seed: int) -> np.ndarray:
    """Return `count` orders that scan an image line by line, int32 `[count, D]`, each in a different direction.

    The direction of scan n is n golden angles from "down the rows". Consecutive scans therefore cover the circle evenly: the gap between
    two neighbouring directions is less than twice the even share. Lines are one pixel wide, and every other scan traverses its lines
    backwards. Scan 0 is the natural order. The channels of a pixel stay together.

    Args:
        event_shape: `[height, width]` or `[height, width, channels]`.
        count: number of orders.
        seed: number n of the first scan; the others are n + 1, n + 2, ...

    Raises:
        ValueError: the event is not an image.

    >>> scan_orders([2, 3], 2, seed=0).tolist()
    [[0, 1, 2, 3, 4, 5], [3, 4, 0, 1, 5, 2]]
    """
    shape = as_counts(event_shape=event_shape)
    if len(shape) not in (2, 3):
        raise ValueError(
            f"only images, [height, width] or [height, width, channels], can be scanned. Received: event_shape={event_shape!r}"
        )
    _check_drawn(math.prod(shape), count, seed)
    height, width, *channels = shape
    row, column = np.divmod(np.arange(height * width), width)
    orders = []
    for number in range(seed, seed + count):
        angle = math.pi * (3 - math.sqrt(5)) * number
        down, along = math.cos(angle) * row + math.sin(angle) * column, math.cos(angle) * column - math.sin(angle) * row
        orders.append(np.lexsort((-along if number % 2 else along, np.floor(down))))
    depth = math.prod(channels)
    return (np.stack(orders)[:, :, None] * depth + np.arange(depth)).reshape(count, -1).astype(np.int32)


def _check_drawn(event_size: int, count: int, seed: int) -> None:
    check_counts(most=MOST_UNITS, event_size=event_size)
    check_counts(most=MOST_MEMBERS, count=count)
    check_seeds(seed=seed)


DRAWN: dict[str, Callable[[Sequence[int], int, int], np.ndarray]] = {  # (event_shape, count, seed) -> orders that the seed decides
    "random": lambda event_shape, count, seed: random_orders(math.prod(event_shape), count, seed),
    "alternating": lambda event_shape, count, seed: alternating_orders(math.prod(event_shape), count, seed),
    "scan": scan_orders,
}


def is_drawn(order: Any) -> bool:
    """Whether `order` is the name of a family of orders that a seed decides, a key of `DRAWN`.

    >>> is_drawn("random"), is_drawn("natural"), is_drawn([1, 0])
    (True, False, False)
    """
    return isinstance(order, str) and order in DRAWN
