"""Orders, degrees and the masks that follow from them.

An *order* is a permutation of the D dimensions of an event: ``order[k]`` is the dimension that is generated k-th. Its inverse is the
*rank*: ``rank[d]`` says when dimension d is generated. A *degree* counts how many dimensions a unit may look at: input d has degree
``rank[d] + 1`` (1..D), the context has degree 0, a hidden unit of degree m sees the first m dimensions (0..D-1), and the output of
dimension d, which has the degree of its input, may look at units of a smaller degree only.
"""

import math

import numpy as np

BLOCK = 256  # units in a block of a masked matrix: smaller ones leave out more, and are more to cut out
WORTH = 0.8  # most that blocks may hold of a matrix: for what more would leave out they are not cut out
AWAY = 2  # most ranks by which a unit of `placed_degrees` is moved from its place: with 14 training takes many more steps than with 4


def as_order(order, event_size):
    """Return an order of `event_size` dimensions as an int32 array `[D]`.

    Args:
        order: None or "natural" (0, 1, 2, ...), "reversed", or a permutation of 0..D-1.
        event_size: D.

    Raises:
        ValueError: `order` is no permutation.

    >>> as_order("reversed", 4).tolist()
    [3, 2, 1, 0]
    """
    if order is None or (isinstance(order, str) and order == "natural"):
        return np.arange(event_size, dtype=np.int32)
    if isinstance(order, str) and order == "reversed":
        return np.arange(event_size, dtype=np.int32)[::-1].copy()
    array = None if isinstance(order, str) else np.asarray(order)
    if array is None or not are_orders(array.ravel(), event_size):
        raise ValueError(
            f"order must be 'natural', 'reversed' or a permutation of the integers 0..{event_size - 1}. Received: order={order!r}"
        )
    return array.ravel().astype(np.int32)


def are_orders(array, event_size):
    """Whether an array `[..., D]` holds permutations of 0..D-1, D = `event_size`."""
    fits = array.dtype.kind in "iu" and array.ndim > 0 and array.shape[-1] == event_size
    return fits and bool((np.sort(array, axis=-1) == np.arange(event_size)).all())


def inverse(order):
    """Turn an order into ranks, or ranks into an order: `inverse(order)[order[k]] = k`.

    >>> inverse([2, 0, 1]).tolist()
    [1, 2, 0]
    """
    return np.argsort(order).astype(np.int32)


def random_orders(event_size, count, seed):
    """Return `count` random orders, int32 `[count, D]`; the same seed gives the same orders, and a larger count extends them."""
    generator = np.random.default_rng(seed)
    return np.stack([generator.permutation(event_size).astype(np.int32) for _ in range(count)])


def alternating_orders(event_size, count, seed):
    """Return `count` orders, int32 `[count, D]`: the natural one and its reverse in turn, where an odd `seed` begins with the reverse.

    >>> alternating_orders(3, 2, seed=0).tolist()
    [[0, 1, 2], [2, 1, 0]]
    """
    both = as_order("natural", event_size), as_order("reversed", event_size)
    return np.stack([both[number % 2] for number in range(seed, seed + count)])


def scan_orders(event_shape, count, seed):
    """Return `count` orders that scan an image line by line, int32 `[count, D]`, each in another direction.

    The direction of scan n is n golden angles from "down the rows": scans that follow each other point all around, and between two
    neighbours among them is less than twice the even share of the circle. Lines are one pixel wide, and every other scan runs along its
    lines backwards. Scan 0 is the natural order. The channels of a pixel stay together.

    Args:
        event_shape: `[height, width]` or `[height, width, channels]`.
        count: number of orders.
        seed: number n of the first one; those that follow are n + 1, n + 2, ...

    Raises:
        ValueError: an event that is no image.

    >>> scan_orders([2, 3], 2, seed=0).tolist()
    [[0, 1, 2, 3, 4, 5], [3, 4, 0, 1, 5, 2]]
    """
    if len(event_shape) not in (2, 3):
        raise ValueError(
            f"only images, [height, width] or [height, width, channels], can be scanned. Received: event_shape={event_shape!r}"
        )
    height, width, *channels = event_shape
    row, column = np.divmod(np.arange(height * width), width)
    orders = []
    for number in range(seed, seed + count):
        angle = math.pi * (3 - math.sqrt(5)) * number
        down, along = math.cos(angle) * row + math.sin(angle) * column, math.cos(angle) * column - math.sin(angle) * row
        orders.append(np.lexsort((-along if number % 2 else along, np.floor(down))))
    depth = math.prod(channels)
    return (np.stack(orders)[:, :, None] * depth + np.arange(depth)).reshape(count, -1).astype(np.int32)


DRAWN = {  # orders that a seed decides, by name: (event_shape, count, seed) -> orders
    "random": lambda event_shape, count, seed: random_orders(math.prod(event_shape), count, seed),
    "alternating": lambda event_shape, count, seed: alternating_orders(math.prod(event_shape), count, seed),
    "scan": scan_orders,
}


def is_drawn(order):
    """Whether an order, as a user gives it, is the name of one of `DRAWN`."""
    return isinstance(order, str) and order in DRAWN


def hidden_degrees(units, event_size, lowest=1, seed=None):
    """Return degrees for a layer of hidden units, int32 `[units]`, as even as can be over `lowest`..D-1.

    Germain et al. 2015 draw the degrees at random. Here they are a systematic sample of the same uniform distribution, so that no
    degree has more than one unit over its share, and `seed` shuffles which unit has which degree. One unit always has the lowest.

    Args:
        units: number of hidden units H.
        event_size: D.
        lowest: 0 where the units also see a context, 1 otherwise: a unit of degree 0 without a context would be a constant.
        seed: None for ascending degrees, an integer for a random connectivity.

    >>> hidden_degrees(6, 4).tolist()
    [1, 1, 2, 2, 3, 3]
    """
    levels = max(event_size - lowest, 1)
    lowest = min(lowest, event_size - 1)
    if seed is None:
        return lowest + (np.arange(units) * levels // units).astype(np.int32)
    generator = np.random.default_rng(seed)
    positions = (np.arange(units) + generator.uniform()) * levels / units
    positions[0] = 0
    return generator.permutation(lowest + positions.astype(np.int32)).astype(np.int32)


def placed_degrees(units, order, lowest=1, seed=0):
    """Return degrees for a layer of hidden units, int32 `[units]`, by which each unit keeps its place among the dimensions.

    Unit i has the place i D / units. The units take the even degrees of `hidden_degrees` in the sequence in which `order` comes to their
    places, where `seed` moves each by up to `AWAY` ranks. Under two orders that are each other's reverse a unit so sees the two sides of
    its place, by different weights.

    Args:
        units: number of hidden units H.
        order: `[D]`.
        lowest: as that of `hidden_degrees`.
        seed: an integer, or several.

    >>> natural, reverse = alternating_orders(100, 2, seed=0)
    >>> placed_degrees(4, natural).tolist(), placed_degrees(4, reverse).tolist()
    ([1, 25, 50, 75], [75, 50, 25, 1])
    """
    places = np.arange(units) * len(order) // units
    ranks = inverse(order)[places] + np.random.default_rng(seed).uniform(-AWAY, AWAY, units)
    return hidden_degrees(units, len(order), lowest)[inverse(np.argsort(ranks))]


def dense_mask(in_degrees, out_degrees, strict=False, window=None):
    """Return which inputs each unit may use, bool `[I, O]`: `in <= out`, or `in < out` where `strict` (an output layer).

    Works alike for NumPy arrays and for tensors, Germain et al. 2015, eqs. 8 and 9. With a `window` a unit uses only inputs of the last
    so many degrees of those.

    >>> dense_mask(np.array([1, 2]), np.array([1, 2]), strict=True).astype(int).tolist()
    [[0, 1], [0, 0]]
    >>> dense_mask(np.array([1, 2, 3]), np.array([1, 2, 3]), window=2).astype(int).tolist()
    [[1, 1, 0], [0, 1, 1], [0, 0, 1]]
    """
    inputs, last = in_degrees[:, None], (out_degrees - 1 if strict else out_degrees)[None, :]
    return inputs <= last if window is None else (inputs <= last) & (inputs > last - window)


def dense_blocks(in_degrees, out_degrees, strict=False, window=None, width=BLOCK):
    """Return blocks that hold all connections of a `dense_mask`, as (first unit, end, first input, end): all units, in their order.

    A block has up to `width` units, and the inputs from the first to the last that any of them uses, or one where they use none. Where
    degrees ascend most of a mask is outside of the blocks; where the blocks would hold nearly all of it there is one block, of
    everything.

    >>> dense_blocks(np.arange(4), np.arange(4), width=2)
    [(0, 2, 0, 2), (2, 4, 0, 4)]
    >>> dense_blocks(np.arange(4), np.arange(4), window=1, width=2)
    [(0, 2, 0, 2), (2, 4, 2, 4)]
    """
    mask = dense_mask(np.asarray(in_degrees), np.asarray(out_degrees), strict, window)
    inputs, units = mask.shape
    blocks = []
    for start in range(0, units, width):
        stop = min(start + width, units)
        used = np.flatnonzero(mask[:, start:stop].any(axis=1))
        first, last = (int(used[0]), int(used[-1])) if used.size else (0, 0)  # oneDNN aborts where a product has no inputs
        blocks.append((start, stop, first, last + 1))
    held = sum((stop - start) * (last - first) for start, stop, first, last in blocks)
    return blocks if held <= WORTH * inputs * units else [(0, units, 0, inputs)]


def color_groups(channels, colors):
    """Return the colour to which each of a layer's channels belongs, `[channels]`: equal, contiguous groups.

    >>> color_groups(6, 3).tolist()
    [0, 0, 1, 1, 2, 2]
    """
    return np.arange(channels) * colors // channels


def conv_mask(kernel_size, in_channels, out_channels, mask_type, colors=1):
    """Return which taps a convolution over an image in raster order may use, bool `[height, width, in_channels, out_channels]`.

    A unit sees all channels of the rows above and of the pixels to its left. At its own pixel it sees the colours before its own and,
    with mask type B, its own: R, then G given R, then B given R and G (van den Oord et al. 2016, section 3.4).

    Args:
        kernel_size: height and width, both odd; or one number for both.
        in_channels, out_channels: channels, which belong to colours as `color_groups` says.
        mask_type: "A" where the inputs are the image itself, "B" where they are features that were masked before.
        colors: number of colours, the channels of the image.

    Raises:
        ValueError: an even kernel, which has no centre; an unknown mask type; groups that are not equal.

    >>> conv_mask(3, 1, 1, "A")[:, :, 0, 0].astype(int).tolist()
    [[1, 1, 1], [1, 0, 0], [0, 0, 0]]
    """
    height, width = (kernel_size, kernel_size) if isinstance(kernel_size, int | np.integer) else kernel_size
    if min(height, width) < 1 or height % 2 == 0 or width % 2 == 0:
        raise ValueError(f"kernel_size must be odd, so that there is a centre to mask. Received: kernel_size={kernel_size!r}")
    if mask_type not in ("A", "B"):
        raise ValueError(f"mask_type must be 'A' or 'B'. Received: mask_type={mask_type!r}")
    if in_channels % colors or out_channels % colors:
        raise ValueError(
            f"channels must be a multiple of the {colors} colours. Received: in_channels={in_channels}, out_channels={out_channels}"
        )
    sources, targets = color_groups(in_channels, colors)[:, None], color_groups(out_channels, colors)[None, :]
    mask = np.zeros([height, width, in_channels, out_channels], bool)
    mask[: height // 2] = mask[height // 2, : width // 2] = True
    mask[height // 2, width // 2] = sources < targets if mask_type == "A" else sources <= targets
    return mask
