"""Pictures of numbers: the course of training, the columns of tables, and the masks of a network."""

import numpy as np

from tfar.plotting.figures import figure

DATA, MODEL = "#7f7f7f", "#1f77b4"


def learning_curve(history, baseline=None):
    """NLL of the training and the validation rows after each epoch.

    Args:
        history: dict of `nll` and `val_nll`, nats, one number per epoch.
        baseline: NLL of independent positions, or None.
    """
    train, validation = np.asarray(history["nll"]), np.asarray(history["val_nll"])
    epochs = np.arange(1, len(validation) + 1)
    picture = figure(7, 4.5)
    axes = picture.add_subplot()
    axes.plot(epochs, train, color=DATA, label="training")
    axes.plot(epochs, validation, color=MODEL, label="validation")
    best = int(np.nanargmin(validation)) if np.isfinite(validation).any() else 0
    axes.plot(epochs[best], validation[best], "o", color=MODEL, label=f"best: {validation[best]:.2f} in epoch {epochs[best]}")
    values = np.concatenate([train, validation])
    values = values[np.isfinite(values)]
    if len(values):
        # the first epochs, and often the baseline, are far above the rest, which is what one wants to see
        lowest, highest = values.min(), np.quantile(values, 0.9)
        margin = 0.06 * (highest - lowest) or 1.0
        axes.set_ylim(lowest - margin, highest + margin)
    if baseline is not None:
        low, high = axes.get_ylim() if len(values) else (baseline, baseline)
        where = ", above" if baseline > high else ", below" if baseline < low else ""
        axes.axhline(baseline, color="black", linewidth=1, linestyle=":", label=f"independent positions: {baseline:.2f}{where}")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("epoch")
    axes.set_ylabel("NLL (nats)")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return picture


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
    picture = figure(max(4.0, 1.7 * size), max(4.0, 1.7 * size))
    panels = picture.subplots(size, size, squeeze=False)
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
    picture.suptitle(f"{shown}samples blue" + (", data grey" if len(data) else ""), fontsize=10)
    return picture


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
    picture = figure(3.4 * len(network.connections), 3.6)
    panels = picture.subplots(1, len(network.connections), squeeze=False)[0]
    for axes, (layer, source, target) in zip(panels, network.connections, strict=True):
        mask = dense_mask(degrees[source], degrees[target], layer.strict, layer.window)
        axes.imshow(mask, cmap="gray_r", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        axes.set_title(f"{names[source]} to {names[target]}\n{int(mask.sum()):,} of {mask.size:,}", fontsize=10)
        axes.set_ylabel(f"{names[source]} ({mask.shape[0]})", fontsize=9)
        axes.set_xlabel(f"{names[target]} ({mask.shape[1]})", fontsize=9)
        axes.tick_params(labelsize=8)
        for axis in (axes.xaxis, axes.yaxis):
            axis.get_major_locator().set_params(integer=True, nbins=4)
    return picture
