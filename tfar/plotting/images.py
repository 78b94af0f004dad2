"""Pictures of images: grids, classes, completions, and what each pixel costs."""

import math

import numpy as np

from tfar.plotting.figures import figure

MISSING_COLOUR = (0.80, 0.25, 0.20)


def as_images(x, levels=None):
    """Values `[N, *event]` as images from 0 to 1, grey `[N, H, W]` or coloured `[N, H, W, 3]`; None where they are no images.

    Events `[H, W]`, `[H, W, 1]` and `[H, W, 3]` are images.

    Args:
        x: the values; NaN stays NaN.
        levels: number of levels of values 0..levels-1; None to scale from the least of all values to the greatest.

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


def _rgb(images, axes="N"):
    """Images with values from 0 to 1, `[*axes, H, W]` grey or `[*axes, H, W, 3]`, as `[*axes, H, W, 3]`."""
    images, grey = np.asarray(images, np.float64), len(axes) + 2
    if images.ndim == grey:
        return np.repeat(images[..., None], 3, axis=-1)
    if images.ndim != grey + 1 or images.shape[-1] != 3:
        shape = ", ".join(axes)
        raise ValueError(f"images must be [{shape}, H, W] or [{shape}, H, W, 3]. Received: shape {images.shape}")
    return images


def _tiles(images, fill=0.5, gap=1):
    """Images `[R, C, H, W, 3]` as one `[R * (H + gap) + gap, C * (W + gap) + gap, 3]`, with lines between them."""
    rows, columns, height, width, _ = images.shape
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), fill)
    for r in range(rows):
        for c in range(columns):
            top, left = r * (height + gap) + gap, c * (width + gap) + gap
            sheet[top : top + height, left : left + width] = images[r, c]
    return sheet


def _sheet(images, columns):
    """Images as one, row by row; `columns` None for a square."""
    images = _rgb(images)
    count, height, width, _ = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = np.full((rows * columns, height, width, 3), 0.5)
    sheet[:count] = images
    return _tiles(sheet.reshape(rows, columns, height, width, 3))


def image_grid(images, columns=None):
    """A grid of images, row by row.

    Args:
        images: `[N, H, W]` (0 black, 1 white) or `[N, H, W, 3]`.
        columns: how many in a row; None for a square.
    """
    sheet = _sheet(images, columns)
    picture = figure(8, 8 * sheet.shape[0] / sheet.shape[1], layout=None)
    axes = picture.add_axes((0, 0, 1, 1))
    axes.imshow(sheet, interpolation="nearest", vmin=0, vmax=1, aspect="auto")
    axes.set_axis_off()
    return picture


def image_grids(images, columns=None):
    """Grids beside each other, each with its title above it.

    Args:
        images: dict of title: `[N, H, W]` (0 black, 1 white) or `[N, H, W, 3]`.
        columns: how many in a row; None for squares.
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


def class_grid(images, labels):
    """Images of several classes: those of a class in a row of their own, or in several where they are many, with its name beside it.

    Args:
        images: `[N, H, W]` (0 black, 1 white) or `[N, H, W, 3]`.
        labels: the class of each, N words.
    """
    images, names = _rgb(images), list(dict.fromkeys(labels))
    if len(labels) != len(images):
        raise ValueError(f"each image needs a label. Received: {len(labels)} labels for {len(images)} images")
    members = [[i for i, label in enumerate(labels) if label == name] for name in names]
    most = max(map(len, members))
    columns = math.ceil(most / max(1, round(math.sqrt(most / len(names)))))
    runs = [(name, part[k : k + columns]) for name, part in zip(names, members, strict=True) for k in range(0, len(part), columns)]
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


def completions(originals, observed, draws):
    """One row for each image: the original, what was shown of it, and its completions.

    Args:
        originals: `[B, H, W]` or `[B, H, W, 3]` from 0 to 1; NaN where nothing is known.
        observed: bool `[B, H, W]`; the rest is shown red.
        draws: `[B, K, H, W]` or `[B, K, H, W, 3]`.
    """
    observed = np.asarray(observed, bool)[..., None]
    originals, draws = _rgb(originals), _rgb(draws, "BK")
    count = draws.shape[1]
    originals = np.where(np.isnan(originals), MISSING_COLOUR, originals)
    shown = np.where(observed, originals, MISSING_COLOUR)
    sheet = _tiles(np.concatenate([originals[:, None], shown[:, None], draws], axis=1))
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


def nll_maps(images, log_prob):
    """Images, each beside the map of what its pixels cost: -log2 p(pixel | those before), in bits; of a density, it can be below 0.

    Args:
        images: `[N, H, W]` from 0 to 1, or `[N, H, W, 3]`.
        log_prob: nats `[N, H, W]` or `[N, H, W, C]`, as of `AutoregressiveDistribution.position_log_prob`; colours are added up.
    """
    images, bits = _rgb(images), -np.asarray(log_prob, np.float64) / math.log(2)
    bits = bits.sum(axis=-1) if bits.ndim == 4 else bits
    if bits.shape != images.shape[:3]:
        raise ValueError(f"each pixel needs a log-probability. Received: images {images.shape}, log_prob {np.shape(log_prob)}")
    count, height, width = bits.shape
    columns = max(1, round(math.sqrt(count * height / (2 * width))))
    rows = math.ceil(count / columns)
    picture = figure(8, 0.1 + rows * (0.3 + 7 / columns * height / (2.04 * width)))
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    # a few pixels may cost far more, or less, than all others, which would then look alike
    finite = bits[np.isfinite(bits)]
    low, high = np.quantile(finite, [0.002, 0.998]) if finite.size else (0.0, 0.0)
    scale = ScalarMappable(Normalize(low, high if high > low else low + 1), "inferno")
    picture.get_layout_engine().set(wspace=0.1)
    panels = picture.subplots(rows, columns, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for axes, image, cost in zip(panels.flat, images, bits, strict=False):
        axes.imshow(image, extent=(0, width, height, 0), interpolation="nearest")
        axes.imshow(scale.to_rgba(cost), extent=(1.04 * width, 2.04 * width, height, 0), interpolation="nearest")
        axes.set_xlim(0, 2.04 * width)
        axes.set_title(f"{cost.sum():.1f} bits", fontsize=9)
    picture.colorbar(scale, ax=panels, label="bits per pixel", aspect=40, extend="both")
    return picture
