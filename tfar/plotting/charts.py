"""Charts: the learning curve, columns of tables against each other, and the masks of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tfar.plotting.figures import figure, integer_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tfar.networks import MADE

DATA, MODEL = "#7f7f7f", "#1f77b4"  # the colours of data and of the model, grey and blue


def learning_curve(history: Mapping[str, npt.ArrayLike], baseline: float | None = None) -> Figure:
    """Plot the NLL of the training and the validation rows after each epoch.

    Args:
        history: a dict of `nll` and `val_nll`, nats, one number per epoch.
        baseline: NLL of independent positions, nats, or None.
    """
    train, validation = np.asarray(history["nll"]), np.asarray(history["val_nll"])
    epochs = np.arange(1, len(validation) + 1)
    picture = figure(7, 4.5)
    axes = picture.add_subplot()
    (trained,) = axes.plot(epochs, train, color=DATA, label="training")
    (validated,) = axes.plot(epochs, validation, color=MODEL, label="validation")
    best = int(np.nanargmin(validation)) if np.isfinite(validation).any() else 0
    axes.plot(epochs[best], validation[best], "o", color=MODEL, label=f"best: {validation[best]:.2f} in epoch {epochs[best]}")
    values = np.concatenate([train, validation])
    values = values[np.isfinite(values)]
    if len(values):
        # the NLL of the first epochs, and often the baseline, may be so far above that of the others that they would look flat
        lowest, most, highest = values.min(), np.quantile(values, 0.9), values.max()
        highest = highest if highest - lowest <= 3 * (most - lowest) else most
        margin = 0.06 * (highest - lowest) or 1.0
        axes.set_ylim(lowest - margin, highest + margin)
        for line, nll in ((trained, train), (validated, validation)):
            if nll[0] > highest + margin:
                line.set_label(f"{line.get_label()}, from {nll[0]:.2f}")
    if baseline is not None:
        low, high = axes.get_ylim() if len(values) else (baseline, baseline)
        where = ", above" if baseline > high else ", below" if baseline < low else ""
        axes.axhline(baseline, color="black", linewidth=1, linestyle=":", label=f"independent positions: {baseline:.2f}{where}")
    integer_ticks(axes.xaxis)
    axes.set_xlabel("epoch")
    axes.set_ylabel("NLL (nats)")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return picture


def table(samples: npt.ArrayLike, data: npt.ArrayLike | None = None, columns: Sequence[str] | None = None, most: int = 6) -> Figure:
    """Plot the columns of a table, and each against each: histograms on the diagonal, data above it and samples below it.

    Args:
        samples: rows drawn from a model, `[N, D]`.
        data: rows to compare them with, `[M, D]`, or None.
        columns: names of the columns, or None.
        most: the number of columns to show, the first ones.
    """
    samples = np.asarray(samples, np.float64)
    data = samples[:0] if data is None else np.asarray(data, np.float64)
    width = samples.shape[1]
    names, size = columns or [f"column {i + 1}" for i in range(width)], min(width, most)
    both = np.concatenate([samples, data])
    low, high = _limits(both)
    whole = (both == np.round(both)).all(axis=0) & (high - low < 30)  # few values: points would hide each other
    jitter = np.random.default_rng(0)
    picture = figure(max(4.0, 1.7 * size), max(4.0, 1.7 * size))
    panels = picture.subplots(size, size, squeeze=False)
    for i in range(size):
        for j in range(size):
            axes = panels[i, j]
            axes.set_xlim(low[j], high[j])
            if i == j:
                edges = np.arange(np.floor(low[i]), np.ceil(high[i]) + 1) - 0.5 if whole[i] else np.linspace(low[i], high[i], 30)
                _histograms(axes, samples[:, i], data[:, i], edges)
            else:
                axes.set_ylim(low[i], high[i])
                rows, colour = (data, DATA) if i < j and len(data) else (samples, MODEL)
                shift = jitter.uniform(-0.3, 0.3, (len(rows), 2)) * whole[[j, i]]
                axes.plot(*(rows[:, [j, i]] + shift).T, ".", color=colour, markersize=2, alpha=0.6)
            _label(axes, names[j] if i == size - 1 else None, names[i] if j == 0 else None)
    shown = f"first {size} of {width} columns; " if width > size else ""
    picture.suptitle(f"{shown}samples blue" + (", data grey" if len(data) else ""), fontsize=10)
    return picture


def _limits(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The limits of the axis of each column, `[D]`: a few outliers are left out."""
    low, high = np.quantile(rows, 0.002, axis=0), np.quantile(rows, 0.998, axis=0)
    margin = np.where(high > low, 0.05 * (high - low), 0.5)
    return low - margin, high + margin


def _histograms(axes: Axes, samples: np.ndarray, data: np.ndarray, edges: Any) -> None:
    """Plot a column of the samples, and that of the data where there are any."""
    if len(data):
        axes.hist(data, edges, density=True, color=DATA, alpha=0.6)
    axes.hist(samples, edges, density=True, histtype="step", color=MODEL, linewidth=1.5)


def _label(axes: Axes, below: str | None, beside: str | None) -> None:
    """Label a panel of a table: only the lowest ones and the leftmost ones bear the name of a column."""
    axes.set_yticks([])
    axes.tick_params(labelsize=7)
    if below is None:
        axes.set_xticklabels([])
    else:
        axes.set_xlabel(below, fontsize=8)
    if beside is not None:
        axes.set_ylabel(beside, fontsize=8)


def masks(network: MADE, member: int = 0) -> Figure:
    """Plot the masks of a MADE: black where an input (row) is connected to a unit (column).

    Args:
        network: a `tfar.networks.MADE`, built.
        member: the number of the set of masks, for a network with several.

    Raises:
        ValueError: the network is not a MADE.
    """
    from tfar.masks import dense_mask

    if not hasattr(network, "connections"):
        raise ValueError(f"network must be a MADE, whose dense layers have masks. Received: network={network!r}")
    degrees = [np.asarray(part) for part in network.degrees(member)]
    names = ["input", *(f"hidden {n + 1}" for n in range(len(degrees) - 2)), "output"]
    picture = figure(3.4 * len(network.connections), 3.6)
    panels = picture.subplots(1, len(network.connections), squeeze=False)[0]
    for axes, (layer, source, target) in zip(panels, network.connections, strict=True):
        mask = np.asarray(dense_mask(degrees[source], degrees[target], layer.strict, layer.window))
        axes.imshow(mask, cmap="gray_r", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        axes.set_title(f"{names[source]} to {names[target]}\n{int(mask.sum()):,} of {mask.size:,}", fontsize=10)
        axes.set_ylabel(f"{names[source]} ({mask.shape[0]})", fontsize=9)
        axes.set_xlabel(f"{names[target]} ({mask.shape[1]})", fontsize=9)
        axes.tick_params(labelsize=8)
        for axis in (axes.xaxis, axes.yaxis):
            integer_ticks(axis, nbins=4)
    return picture
