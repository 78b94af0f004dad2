"""Pictures of samples, completions, training and masks, by matplotlib, which is imported when the first one is drawn.

Every function returns a matplotlib `Figure` that belongs to no window and to no global state; `save` writes one.
"""

import importlib.util
import math

import numpy as np

from tfar.files import atomic

MISSING = "pictures need matplotlib: pip install 'tfar[plot]'"
MISSING_COLOUR = (0.80, 0.25, 0.20)
DATA, MODEL = "#7f7f7f", "#1f77b4"


def available():
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def require():
    """Raise an ImportError that says what to install, where matplotlib is missing."""
    if not available():
        raise ImportError(MISSING)


def _figure(width, height, layout="constrained"):
    require()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=100, layout=layout)


def save(figure, path, overwrite=False):
    """Write a figure to a new file, whole or not at all; the ending of `path` says in which format."""
    with atomic(path, overwrite) as temporary:
        figure.savefig(temporary)


def _tiles(images, fill=0.5, gap=1):
    """Images `[R, C, H, W, 3]` as one `[R * (H + gap) + gap, C * (W + gap) + gap, 3]`, with lines between them."""
    rows, columns, height, width, _ = images.shape
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), fill)
    for r in range(rows):
        for c in range(columns):
            top, left = r * (height + gap) + gap, c * (width + gap) + gap
            sheet[top : top + height, left : left + width] = images[r, c]
    return sheet


def _rgb(images):
    """Images with values from 0 to 1, `[..., H, W]` grey or `[..., H, W, 3]`, as `[..., H, W, 3]`."""
    images = np.asarray(images, np.float64)
    if images.ndim < 3:
        raise ValueError(f"images must be [N, H, W] or [N, H, W, 3]. Received: shape {images.shape}")
    colour = images.ndim > 3 and images.shape[-1] == 3
    return images if colour else np.repeat(images[..., None], 3, axis=-1)


def image_grid(images, columns=None):
    """A grid of images, row by row.

    Args:
        images: `[N, H, W]` (0 black, 1 white) or `[N, H, W, 3]`.
        columns: how many in a row; None for a square.
    """
    images = _rgb(images)
    count, height, width, _ = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = np.full((rows * columns, height, width, 3), 0.5)
    sheet[:count] = images
    sheet = _tiles(sheet.reshape(rows, columns, height, width, 3))
    figure = _figure(8, 8 * sheet.shape[0] / sheet.shape[1], layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(sheet, interpolation="nearest", vmin=0, vmax=1, aspect="auto")
    axes.set_axis_off()
    return figure


def completions(originals, observed, draws):
    """One row for each image: the original, what was shown of it, and its completions.

    Args:
        originals: `[B, H, W]` or `[B, H, W, 3]` from 0 to 1; NaN where nothing is known.
        observed: bool `[B, H, W]`; the rest is shown red.
        draws: `[B, K, H, W]` or `[B, K, H, W, 3]`.
    """
    observed = np.asarray(observed, bool)[..., None]
    draws = np.asarray(draws)
    count = draws.shape[1]
    originals, draws = _rgb(originals), _rgb(draws)
    originals = np.where(np.isnan(originals), MISSING_COLOUR, originals)
    shown = np.where(observed, originals, MISSING_COLOUR)
    sheet = _tiles(np.concatenate([originals[:, None], shown[:, None], draws], axis=1))
    width = max(6.0, 0.9 * (2 + count))
    figure = _figure(width, width * sheet.shape[0] / sheet.shape[1] + 0.5)
    axes = figure.add_subplot()
    axes.imshow(sheet, interpolation="nearest", vmin=0, vmax=1)
    step = sheet.shape[1] / (2 + count)
    axes.set_xticks([step * (k + 0.5) for k in range(2 + count)], ["original", "given", *(f"draw {k + 1}" for k in range(count))])
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=9)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    return figure


def learning_curve(history, baseline=None):
    """NLL of the training and the validation rows after each epoch.

    Args:
        history: dict of `nll` and `val_nll`, nats, one number per epoch.
        baseline: NLL of independent positions, or None.
    """
    train, validation = np.asarray(history["nll"]), np.asarray(history["val_nll"])
    epochs = np.arange(1, len(validation) + 1)
    figure = _figure(7, 4.5)
    axes = figure.add_subplot()
    axes.plot(epochs, train, color=DATA, label="training")
    axes.plot(epochs, validation, color=MODEL, label="validation")
    best = int(np.nanargmin(validation)) if np.isfinite(validation).any() else 0
    axes.plot(epochs[best], validation[best], "o", color=MODEL, label=f"best: {validation[best]:.2f} in epoch {epochs[best]}")
    values = np.concatenate([train, validation])
    values = values[np.isfinite(values)]
    if baseline is not None:
        label = f"independent positions: {baseline:.2f}"
        axes.axhline(baseline, color="black", linewidth=1, linestyle=":", label=label)
    if len(values):
        # the first epochs, and often the baseline, are far above the rest, which is what one wants to see
        lowest, highest = values.min(), np.quantile(values, 0.9)
        margin = 0.06 * (highest - lowest) or 1.0
        axes.set_ylim(lowest - margin, highest + margin)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("epoch")
    axes.set_ylabel("NLL (nats)")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def masks(network, member=0):
    """The masks of a network of masked dense layers: black where an input (row) is connected to a unit (column).

    Args:
        network: such as `tfar.networks.MADE`, which has `connections` and `degrees`.
        member: which of its sets of masks.

    Raises:
        ValueError: a network of another kind.
    """
    from tfar.masks import dense_mask

    if not hasattr(network, "connections"):
        raise ValueError(f"a network of masked dense layers is needed, such as MADE. Received: network={network!r}")
    degrees = [np.asarray(part) for part in network.degrees(member)]
    names = ["input", *(f"hidden {n + 1}" for n in range(len(degrees) - 2)), "output"]
    figure = _figure(3.4 * len(network.connections), 3.6)
    panels = figure.subplots(1, len(network.connections), squeeze=False)[0]
    for axes, (layer, source, target) in zip(panels, network.connections, strict=True):
        mask = dense_mask(degrees[source], degrees[target], layer.strict)
        axes.imshow(mask, cmap="gray_r", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        axes.set_title(f"{names[source]} to {names[target]}\n{int(mask.sum()):,} of {mask.size:,}", fontsize=10)
        axes.set_ylabel(f"{names[source]} ({mask.shape[0]})", fontsize=9)
        axes.set_xlabel(f"{names[target]} ({mask.shape[1]})", fontsize=9)
        axes.tick_params(labelsize=8)
        for axis in (axes.xaxis, axes.yaxis):
            axis.get_major_locator().set_params(integer=True, nbins=4)
    return figure


def table(samples, data=None, columns=None, most=6):
    """Columns and pairs of columns: histograms on the diagonal, data above it and samples below it.

    Args:
        samples: `[N, D]`.
        data: rows to compare with `[M, D]`, or None.
        columns: names of the columns.
        most: how many columns to show, the first ones.
    """
    samples, data = np.asarray(samples, np.float64), samples[:0] if data is None else np.asarray(data, np.float64)
    names = columns or [f"column {i + 1}" for i in range(samples.shape[1])]
    size = min(samples.shape[1], most)
    figure = _figure(max(4.0, 1.7 * size), max(4.0, 1.7 * size))
    panels = figure.subplots(size, size, squeeze=False)
    both = np.concatenate([samples, data])
    low, high = np.quantile(both, 0.002, axis=0), np.quantile(both, 0.998, axis=0)
    margin = np.where(high > low, 0.05 * (high - low), 0.5)
    low, high = low - margin, high + margin
    jitter = np.random.default_rng(0)
    whole = (both == np.round(both)).all(axis=0) & (high - low < 30)  # few values: points would hide each other

    def points(axes, values, i, j, colour):
        shift = jitter.uniform(-0.3, 0.3, (len(values), 2)) * whole[[j, i]]
        axes.plot(*(values[:, [j, i]] + shift).T, ".", color=colour, markersize=2, alpha=0.6)

    for i in range(size):
        for j in range(size):
            axes = panels[i, j]
            axes.set_xlim(low[j], high[j])
            if i == j:
                edges = np.arange(np.floor(low[i]), np.ceil(high[i]) + 1) - 0.5 if whole[i] else np.linspace(low[i], high[i], 30)
                if len(data):
                    axes.hist(data[:, i], edges, density=True, color=DATA, alpha=0.6)
                axes.hist(samples[:, i], edges, density=True, histtype="step", color=MODEL, linewidth=1.5)
                axes.set_yticks([])
            else:
                axes.set_ylim(low[i], high[i])
                above = i < j and len(data)
                points(axes, data if above else samples, i, j, DATA if above else MODEL)
                axes.set_yticks([])
            axes.tick_params(labelsize=7)
            if i < size - 1:
                axes.set_xticklabels([])
            else:
                axes.set_xlabel(names[j], fontsize=8)
            if j == 0:
                axes.set_ylabel(names[i], fontsize=8)
    shown = f"first {size} of {samples.shape[1]} columns; " if samples.shape[1] > size else ""
    figure.suptitle(f"{shown}samples blue" + (", data grey" if len(data) else ""), fontsize=10)
    return figure
