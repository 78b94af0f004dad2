"""Degrees, and the masks that follow from them.

A *degree* counts how many dimensions a unit may look at. Input d has degree ``rank[d] + 1``, 1..D (`tfar.orders` defines ranks); the
context has degree 0; a hidden unit of degree m, 0..D-1, sees the first m dimensions of the order; the output of dimension d has the
degree of its input and sees only units of smaller degree. Masks are pure functions of degrees, never weights.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfar.orders import inverse
from tfar.validation import MOST_KERNEL, MOST_UNITS, as_counts, as_integers, check_choices, check_counts, check_flags, check_seeds

BLOCK = 256  # units in a block of a masked matrix: smaller blocks leave out more zeros but cost more operations
WORTH = 0.8  # cut a matrix into blocks only if they hold at most this share of it: beyond that, cutting costs more than it saves
AWAY = 2  # how many ranks `placed_degrees` may move a unit from its place: with 14, training takes many more steps than with 4


def hidden_degrees(units: int, event_size: int, lowest: int = 1, seed: int | Sequence[int] | None = None) -> np.ndarray:
    """Return degrees for a layer of hidden units, int32 `[units]`, spread evenly over `lowest`..D-1.

    Germain et al. (2015) draw the degrees from a uniform distribution. Here they are a systematic sample of that distribution, so that
    no degree has more than one unit above its share; `seed` shuffles the units. One unit always has the lowest degree.

    Args:
        units: number of hidden units H.
        event_size: D.
        lowest: 0 where the units also see a context, 1 otherwise: without a context, a unit of degree 0 would be a constant.
        seed: None for ascending degrees; an integer, or several, for a random connectivity.

    >>> hidden_degrees(6, 4).tolist()
    [1, 1, 2, 2, 3, 3]
    """
    _check_layer(units, lowest)
    check_counts(most=MOST_UNITS, event_size=event_size)
    if seed is not None:
        _check_seed(seed)
    levels = max(event_size - lowest, 1)
    lowest = min(lowest, event_size - 1)
    if seed is None:
        return lowest + (np.arange(units) * levels // units).astype(np.int32)
    generator = np.random.default_rng(seed)
    positions = (np.arange(units) + generator.uniform()) * levels / units
    positions[0] = 0
    return generator.permutation(lowest + positions.astype(np.int32)).astype(np.int32)


def placed_degrees(units: int, order: Any, lowest: int = 1, seed: int | Sequence[int] = 0) -> np.ndarray:
    """Return degrees for a layer of hidden units, int32 `[units]`, in which each unit keeps its place among the dimensions.

    The place of unit i is dimension i D / units. The units are sorted by the rank of their place, which `seed` moves by up to `AWAY`
    ranks, and take the even degrees of `hidden_degrees` in that sequence. Under an order and its reverse, a unit therefore sees the two
    sides of its place, through different weights.

    Args:
        units: number of hidden units H.
        order: integers `[D]`.
        lowest: as in `hidden_degrees`.
        seed: an integer, or several.

    >>> from tfar.orders import alternating_orders
    >>> natural, reverse = alternating_orders(100, 2, seed=0)
    >>> placed_degrees(4, natural).tolist(), placed_degrees(4, reverse).tolist()
    ([1, 25, 50, 75], [75, 50, 25, 1])
    """
    _check_layer(units, lowest)
    _check_seed(seed)
    order = as_integers(order=order)
    places = np.arange(units) * len(order) // units
    ranks = inverse(order)[places] + np.random.default_rng(seed).uniform(-AWAY, AWAY, units)
    return hidden_degrees(units, len(order), lowest)[inverse(np.argsort(ranks))]


def _check_layer(units: int, lowest: int) -> None:
    check_counts(most=MOST_UNITS, units=units)
    check_counts(0, 1, lowest=lowest)


def _check_seed(seed: int | Sequence[int]) -> None:
    for one in seed if isinstance(seed, list | tuple) else [seed]:
        check_seeds(seed=one)


def _degrees(**degrees: Any) -> Any:
    """Degrees as an array; a tensor as it is."""
    ((_, value),) = degrees.items()
    return value if hasattr(value, "get_shape") else as_integers(**degrees)


def dense_mask(in_degrees: Any, out_degrees: Any, strict: bool = False, window: int | None = None) -> Any:
    """Return which inputs each unit may use, bool `[I, O]` (Germain et al. 2015, eqs. 8 and 9).

        M[i, o] = in[i] <= out[o],   or in[i] < out[o] where `strict`

    Args:
        in_degrees, out_degrees: integers `[I]` and `[O]`, both NumPy arrays or both tensors; the mask is of the same kind.
        strict: whether a unit sees only smaller degrees, as an output layer must.
        window: how many degrees a unit sees, the largest of those allowed; None for all.

    >>> dense_mask(np.array([1, 2]), np.array([1, 2]), strict=True).astype(int).tolist()
    [[0, 1], [0, 0]]
    >>> dense_mask(np.array([1, 2, 3]), np.array([1, 2, 3]), window=2).astype(int).tolist()
    [[1, 1, 0], [0, 1, 1], [0, 0, 1]]
    """
    check_flags(strict=strict)
    if window is not None:
        check_counts(window=window)
    in_degrees, out_degrees = _degrees(in_degrees=in_degrees), _degrees(out_degrees=out_degrees)
    inputs, last = in_degrees[:, None], (out_degrees - 1 if strict else out_degrees)[None, :]
    return inputs <= last if window is None else (inputs <= last) & (inputs > last - window)


def dense_blocks(
    in_degrees: Any, out_degrees: Any, strict: bool = False, window: int | None = None, width: int = BLOCK
) -> list[tuple[int, int, int, int]]:
    """Return blocks that contain all connections of a `dense_mask`, as (first unit, end, first input, end).

    A block has up to `width` consecutive units, and the inputs from the first to the last that any of them uses (one input where they use
    none). Where degrees ascend, the blocks leave out most of a mask's zeros. Where they would leave out little, there is a single block of
    everything.

    >>> dense_blocks(np.arange(4), np.arange(4), width=2)
    [(0, 2, 0, 2), (2, 4, 0, 4)]
    >>> dense_blocks(np.arange(4), np.arange(4), window=1, width=2)
    [(0, 2, 0, 2), (2, 4, 2, 4)]
    """
    check_counts(width=width)
    mask = dense_mask(np.asarray(in_degrees), np.asarray(out_degrees), strict, window)
    inputs, units = mask.shape
    blocks = []
    for start in range(0, units, width):
        stop = min(start + width, units)
        used = np.flatnonzero(mask[:, start:stop].any(axis=1))
        first, last = (int(used[0]), int(used[-1])) if used.size else (0, 0)  # oneDNN aborts on a product without inputs
        blocks.append((start, stop, first, last + 1))
    held = sum((stop - start) * (last - first) for start, stop, first, last in blocks)
    return blocks if held <= WORTH * inputs * units else [(0, units, 0, inputs)]


def color_groups(channels: int, colors: int) -> np.ndarray:
    """Return the colour of each channel of a layer, integers `[channels]`: equal, contiguous groups.

    >>> color_groups(6, 3).tolist()
    [0, 0, 1, 1, 2, 2]
    """
    check_counts(most=MOST_UNITS, channels=channels, colors=colors)
    return np.arange(channels) * colors // channels


def checked_kernel_size(kernel_size: int | Sequence[int]) -> tuple[int, int]:
    """Return the height and width of a kernel.

    Raises:
        ValueError: they are not two odd integers, or one for both.

    >>> checked_kernel_size(3), checked_kernel_size([1, 5])
    ((3, 3), (1, 5))
    """
    sides = as_counts(most=MOST_KERNEL, kernel_size=kernel_size)
    if len(sides) == 1 and not isinstance(kernel_size, Sequence):
        sides = 2 * sides
    if len(sides) != 2 or not all(side % 2 for side in sides):
        raise ValueError(f"kernel_size must be odd, so that there is a centre to mask. Received: kernel_size={kernel_size!r}")
    return sides[0], sides[1]


def conv_mask(kernel_size: int | Sequence[int], in_channels: int, out_channels: int, mask_type: str, colors: int = 1) -> np.ndarray:
    """Return which taps a convolution over an image in raster order may use, bool `[height, width, in_channels, out_channels]`.

    A unit sees all channels of the rows above and of the pixels to its left. At its own pixel it sees the colours before its own and,
    with mask type B, its own: R, then G given R, then B given R and G (van den Oord et al. 2016, section 3.4).

    Args:
        kernel_size: height and width, both odd; or one number for both.
        in_channels, out_channels: numbers of channels, divided into colours by `color_groups`.
        mask_type: "A" where the input is the image itself, "B" where it is features that a mask has been applied to.
        colors: number of colours, the channels of the image.

    Raises:
        ValueError: `kernel_size` is even, `mask_type` is unknown, or a number of channels is not a multiple of `colors`.

    >>> conv_mask(3, 1, 1, "A")[:, :, 0, 0].astype(int).tolist()
    [[1, 1, 1], [1, 0, 0], [0, 0, 0]]
    """
    height, width = checked_kernel_size(kernel_size)
    check_counts(most=MOST_UNITS, in_channels=in_channels, out_channels=out_channels, colors=colors)
    check_choices(("A", "B"), mask_type=mask_type)
    if in_channels % colors or out_channels % colors:
        raise ValueError(
            f"channels must be a multiple of the {colors} colours. Received: in_channels={in_channels}, out_channels={out_channels}"
        )
    sources, targets = color_groups(in_channels, colors)[:, None], color_groups(out_channels, colors)[None, :]
    mask = np.zeros([height, width, in_channels, out_channels], bool)
    mask[: height // 2] = mask[height // 2, : width // 2] = True
    mask[height // 2, width // 2] = sources < targets if mask_type == "A" else sources <= targets
    return mask
