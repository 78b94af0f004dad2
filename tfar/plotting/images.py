"""Pictures of images: grids, grids of classes, completions, and the NLL of each pixel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tfar.plotting.figures import figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MISSING_COLOUR = (0.80, 0.25, 0.20)


def as_images(x: npt.ArrayLike, levels: int | None = None) -> np.ndarray | None:
    """Values as images from 0 to 1, grey `[N, H, W]` or coloured `[N, H, W, 3]`; None where events do not have the shape of images.

    Images are events `[H, W]`, `[H, W, 1]` and `[H, W, 3]`.

    Args:
        x: values `[N, *event]`; NaN stays NaN.
        levels: number of levels of discrete values 0..levels-1. None scales from the least to the greatest of all values.

    >>> as_images(np.array([[[0, 1], [2, 3]]]), levels=4).round(2).tolist()
    [[[0.0, 0.33], [0.67, 1.0]]]
    """
    x = np.asarray(x, np.float64)
    if x.ndim not in (3, 4) or (x.ndim == 4 and x.shape[3] not in (1, 3)):
        return None
    x = x[..., 0] if x.shape[3:] == (1,) else x
    if levels is not None:
        return x / (levels - 1)
    return (x - np.nanmin(x)) / max(np.nanmax(x) - np.nanmin(x), 1e-12)


def _rgb(images: npt.ArrayLike, axes: str = "N") -> np.ndarray:
    """Images with values from 0 to 1, `[*axes, H, W]` grey or `[*axes, H, W, 3]`, as `[*axes, H, W, 3]`."""
    images = np.asarray(images, np.float64)
    grey = len(axes) + 2
    if images.ndim == grey:
        return np.repeat(images[..., None], 3, axis=-1)
    if images.ndim != grey + 1 or images.shape[-1] != 3:
        shape = ", ".join(axes)
        raise ValueError(f"images must be [{shape}, H, W] or [{shape}, H, W, 3]. Received: shape {images.shape}")
    return images


def _tiles(images: np.ndarray, fill: float = 0.5, gap: int = 1) -> np.ndarray:
    """Images `[R, C, H, W, 3]` as one `[R * (H + gap) + gap, C * (W + gap) + gap, 3]`, with lines between them."""
    rows, columns, height, width, _ = images.shape
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), fill)
    for r in range(rows):
        for c in range(columns):
            top, left = r * (height + gap) + gap, c * (width + gap) + gap
            sheet[top : top + height, left : left + width] = images[r, c]
    return sheet


def _sheet(images: npt.ArrayLike, columns: int | None) -> np.ndarray:
    """Images as one image, row by row; `columns` None for a square."""
    images = _rgb(images)
    count, height, width, _ = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = np.full((rows * columns, height, width, 3), 0.5)
    sheet[:count] = images
    return _tiles(sheet.reshape(rows, columns, height, width, 3))


def image_grid(images: npt.ArrayLike, columns: int | None = None) -> Figure:
    """Draw a grid of images, row by row.

    Args:
        images: `[N, H, W]` (0 black, 1 white) or `[N, H, W, 3]`.
        columns: number of images in a row; None for a square.

    Raises:
        ValueError: the images have another shape.
    """
    sheet = _sheet(images, columns)
    picture = figure(8, 8 * sheet.shape[0] / sheet.shape[1])
    layout: Any = picture.get_layout_engine()
    layout.set(w_pad=0, h_pad=0)
    axes = picture.add_subplot()
    axes.imshow(sheet, interpolation="nearest", vmin=0, vmax=1)
    axes.set_axis_off()
    return picture


def image_grids(images: Mapping[str, npt.ArrayLike], columns: int | None = None) -> Figure:
    """Draw grids beside each other, each under its title.

    Args:
        images: a dict of title: `[N, H, W]` (0 black, 1 white) or `[N, H, W, 3]`.
        columns: number of images in a row of a grid; None for squares.

    Raises:
        ValueError: the images have another shape.
    """
    sheets = {title: _sheet(grid, columns) for title, grid in images.items()}
    widths = [sheet.shape[1] for sheet in sheets.values()]
    picture = figure(10, 0.4 + 10 * max(sheet.shape[0] for sheet in sheets.values()) / sum(widths))
    panels = picture.subplots(1, len(sheets), squeeze=False, width_ratios=widths)[0]
    for axes, (title, sheet) in zip(panels, sheets.items(), strict=True):
        axes.imshow(sheet, interpolation="nearest", vmin=0, vmax=1)
        axes.set_title(title, fontsize=11)
        axes.set_axis_off()
    return picture


def class_grid(images: npt.ArrayLike, labels: Sequence[Any]) -> Figure:
    """Draw images of several classes: each class in rows of its own, with its name beside them.

    Args:
        images: `[N, H, W]` (0 black, 1 white) or `[N, H, W, 3]`.
        labels: the class of each image, N names.

    Raises:
        ValueError: the images have another shape, or the number of labels is not N.
    """
    images = _rgb(images)
    if len(labels) != len(images):
        raise ValueError(f"each image needs a label. Received: {len(labels)} labels for {len(images)} images")
    runs, columns = _rows_of_classes(labels)
    sheet = np.full((len(runs), columns, *images.shape[1:]), 0.5)
    for row, (_, run) in enumerate(runs):
        sheet[row, : len(run)] = images[run]
    sheet = _tiles(sheet)
    ratio = sheet.shape[0] / sheet.shape[1]
    height = min(7.2 * ratio, 12)  # inches
    picture = figure(0.8 + height / ratio, 0.3 + height)
    axes = picture.add_subplot()
    axes.imshow(sheet, interpolation="nearest", vmin=0, vmax=1)
    step, first = sheet.shape[0] / len(runs), [row for row, (name, _) in enumerate(runs) if row == 0 or runs[row - 1][0] != name]
    axes.set_yticks([step * (row + 0.5) for row in first], [str(runs[row][0]) for row in first])
    axes.tick_params(length=0, labelsize=min(11, 60 * height / len(runs)))
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    return picture


def _rows_of_classes(labels: Sequence[Any]) -> tuple[list[tuple[Any, list[int]]], int]:
    """Divide images of several classes into rows, so that the whole is about a square.

    Returns:
        For each row its class and the numbers of its images, and the number of images in a full row.
    """
    names = list(dict.fromkeys(labels))
    members = [[i for i, label in enumerate(labels) if label == name] for name in names]
    most = max(map(len, members))
    columns = math.ceil(most / max(1, round(math.sqrt(most / len(names)))))
    rows = [(name, part[k : k + columns]) for name, part in zip(names, members, strict=True) for k in range(0, len(part), columns)]
    return rows, columns


def completions(originals: npt.ArrayLike, observed: npt.ArrayLike, draws: npt.ArrayLike) -> Figure:
    """Draw one row for each image: the original, its observed pixels, and its completions.

    Args:
        originals: `[B, H, W]` or `[B, H, W, 3]` from 0 to 1; NaN where nothing is known.
        observed: bool `[B, H, W]`; the other pixels are red.
        draws: `[B, K, H, W]` or `[B, K, H, W, 3]`.

    Raises:
        ValueError: the images have another shape.
    """
    observed = np.asarray(observed, bool)[..., None]
    originals, draws = _rgb(originals), _rgb(draws, "BK")
    count = draws.shape[1]
    originals = np.where(np.isnan(originals), MISSING_COLOUR, originals)
    given = np.where(observed, originals, MISSING_COLOUR)
    sheet = _tiles(np.concatenate([originals[:, None], given[:, None], draws], axis=1))
    width = max(6.0, 0.9 * (2 + count))
    picture = figure(width, width * sheet.shape[0] / sheet.shape[1] + 0.5)
    axes = picture.add_subplot()
    axes.imshow(sheet, interpolation="nearest", vmin=0, vmax=1)
    step = sheet.shape[1] / (2 + count)
    axes.set_xticks([step * (k + 0.5) for k in range(2 + count)], ["original", "given", *(f"draw {k + 1}" for k in range(count))])
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=9)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    return picture


def nll_maps(images: npt.ArrayLike, log_prob: npt.ArrayLike) -> Figure:
    """Draw images, each beside a map of the NLL of its pixels.

    The NLL of a pixel is -log2 p(pixel | earlier pixels), in bits. That of a density can be negative.

    Args:
        images: `[N, H, W]` or `[N, H, W, 3]` from 0 to 1.
        log_prob: nats `[N, H, W]` or `[N, H, W, C]`, such as `AutoregressiveDistribution.position_log_prob`; the colours C are summed.

    Raises:
        ValueError: the images have another shape, or there is not one log-probability for each pixel.
    """
    images = _rgb(images)
    bits = -np.asarray(log_prob, np.float64) / math.log(2)
    bits = bits.sum(axis=-1) if bits.ndim == 4 else bits
    if bits.shape != images.shape[:3]:
        raise ValueError(f"each pixel needs a log-probability. Received: images {images.shape}, log_prob {np.shape(log_prob)}")
    count, height, width = bits.shape
    columns = max(1, round(math.sqrt(count * height / (2 * width))))
    rows = math.ceil(count / columns)
    picture = figure(8, 0.1 + rows * (0.3 + 7 / columns * height / (2.04 * width)))
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    # the NLL of a few pixels may be so high, or so low, that all others would look alike
    finite = bits[np.isfinite(bits)]
    low, high = np.quantile(finite, [0.002, 0.998]) if finite.size else (0.0, 0.0)
    scale = ScalarMappable(Normalize(low, high if high > low else low + 1), "inferno")
    layout: Any = picture.get_layout_engine()
    layout.set(wspace=0.1)
    panels = picture.subplots(rows, columns, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for axes, image, nll in zip(panels.flat, images, bits, strict=False):
        axes.imshow(image, extent=(0, width, height, 0), interpolation="nearest")
        axes.imshow(scale.to_rgba(nll), extent=(1.04 * width, 2.04 * width, height, 0), interpolation="nearest")
        axes.set_xlim(0, 2.04 * width)
        axes.set_title(f"{nll.sum():.1f} bits", fontsize=9)
    picture.colorbar(scale, ax=panels, label="bits per pixel", aspect=40, extend="both")
    return picture
