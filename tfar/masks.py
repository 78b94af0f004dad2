"""Degrees, and the masks that follow from them.

A *degree* counts how many dimensions a unit may look at: input d has degree ``rank[d] + 1`` (1..D; `tfar.orders` says what a rank is),
the context has degree 0, a hidden unit of degree m sees the first m dimensions (0..D-1), and the output of dimension d, which has the
degree of its input, may look at units of a smaller degree only. Masks are pure functions of degrees, and no weights.
"""

import numpy as np

from tfar.orders import inverse

BLOCK = 256  # units in a block of a masked matrix: smaller ones leave out more, and are more to cut out
WORTH = 0.8  # most that blocks may hold of a matrix: for what more would leave out they are not cut out
AWAY = 2  # most ranks by which a unit of `placed_degrees` is moved from its place: with 14 training takes many more steps than with 4


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

    >>> from tfar.orders import alternating_orders
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
