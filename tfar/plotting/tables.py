"""A report on synthetic rows: the marginals and the pairwise associations of real and of synthetic rows, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfar.plotting.charts import DATA, MODEL
from tfar.plotting.figures import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Columns = Mapping[str, np.ndarray]

MOST_MARGINALS, ACROSS = 24, 4  # panels of columns on a page, and how many stand side by side
MOST_CLASSES, LONGEST_NAME = 8, 16  # bars of a category, and characters of a name
NUM_BINS = 30  # of a histogram
GROUPS = 5  # quantile groups of a column of numbers, when its association with others is measured
FEW_COLUMNS = 25  # named in the maps of associations


def table_report(real: Columns, synthetic: Columns) -> list[Figure]:
    """Plot the columns of real and of synthetic rows, and how strongly columns depend on each other in either.

    A page has `MOST_MARGINALS` columns; the associations of all columns are on the first.

    The association of two columns is Cramer's V, from 0 to 1, with the bias correction of Bergsma (2013). Numbers are cut at the quintiles
    of the real rows, and blank is a value of its own.

    Args:
        real: columns of real rows by name, `[N]`: strings and None for categories, numbers and NaN, or datetime64. Without any rows the
            synthetic rows are shown alone.
        synthetic: the same columns of synthetic rows, `[M]`.

    Returns:
        The pages.
    """
    names, there = list(synthetic), bool(len(next(iter(real.values()))))
    pages = [names[first : first + MOST_MARGINALS] for first in range(0, len(names), MOST_MARGINALS)]
    return [_page(real, synthetic, shown, there, maps=shown is pages[0] and len(names) > 1) for shown in pages]


def _page(real: Columns, synthetic: Columns, shown: list[str], there: bool, maps: bool) -> Figure:
    """A page of the columns `shown`, below the maps of associations of all columns where they are asked for.

    `there` says whether there are real rows.
    """
    names = list(synthetic)
    lines = -(-len(shown) // ACROSS)
    top = 4.4 if maps else 0.0
    picture = figure(12, top + 2.1 * lines + 0.4)
    if maps:
        halves: Any = picture.subfigures(2, 1, height_ratios=[top, 2.1 * lines])
        upper, lower = halves
        _draw_maps(upper, real if there else None, synthetic)
    else:
        lower: Any = picture
    panels = lower.subplots(lines, ACROSS, squeeze=False).ravel()
    for axes, name in zip(panels, shown, strict=False):
        _draw_marginal(axes, name, real[name], synthetic[name])
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    first = names.index(shown[0]) + 1
    of_all = f"; columns {first} to {first + len(shown) - 1} of {len(names)}" if len(shown) < len(names) else ""
    lower.suptitle(f"synthetic rows blue{', real rows grey' if there else ''}{of_all}", fontsize=10)
    return picture


def association(one: np.ndarray, other: np.ndarray) -> float:
    """Cramer's V of class numbers `[N]` and `[N]`, with the bias correction of Bergsma (2013): 0 for independence, 1 for a function.

        phi^2 = max(0, chi^2 / N - (r - 1)(c - 1) / (N - 1)),   V^2 = phi^2 / (min(r', c') - 1),   r' = r - (r - 1)^2 / (N - 1)

    A column of one class has no association, 0.

    >>> association(np.array([0, 1] * 50), np.array([1, 0] * 50)), association(np.array([0, 1] * 50), np.array([0, 0, 1, 1] * 25))
    (1.0, 0.0)
    """
    return _association(*(np.unique(values, return_inverse=True)[1] for values in (one, other)))


def _association(one: np.ndarray, other: np.ndarray) -> float:
    """`association` of class numbers of which each from 0 to the largest occurs."""
    r, c = one.max() + 1, other.max() + 1
    counts = np.bincount(one * c + other, minlength=r * c).reshape(r, c)
    total = counts.sum()
    if min(r, c) < 2 or total < 3:
        return 0.0
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total
    phi = max(0.0, float(((counts - expected) ** 2 / expected).sum() / total - (r - 1) * (c - 1) / (total - 1)))
    smaller = min(n - (n - 1) ** 2 / (total - 1) for n in (r, c)) - 1
    return min(1.0, float(np.sqrt(phi / smaller))) if smaller > 0 else 0.0


def associations(columns: Columns, reference: Columns | None = None) -> np.ndarray:
    """The associations of all pairs of columns, `[D, D]`, with ones on the diagonal.

    Args:
        columns: by name, as for `table_report`.
        reference: the rows at whose quintiles numbers are cut; None for the same.
    """
    numbers = (_classes(values, values if reference is None else reference[name]) for name, values in columns.items())
    classes = [np.unique(values, return_inverse=True)[1] for values in numbers]
    found = np.eye(len(classes))
    for i, one in enumerate(classes):
        for j, other in enumerate(classes[:i]):
            found[i, j] = found[j, i] = _association(one, other)
    return found


def _classes(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Class numbers `[N]` of a column."""
    if values.dtype == object:
        return np.unique(np.array(["" if value is None else f"={value}" for value in values]), return_inverse=True)[1]
    numbers, known = _numbers(values), _numbers(reference)
    known = known[~np.isnan(known)]
    edges = np.unique(np.quantile(known, np.arange(1, GROUPS) / GROUPS)) if len(known) else np.zeros(1)
    return np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers, side="left"))


def _numbers(values: np.ndarray) -> np.ndarray:
    """A column of numbers, or of times as days since 1970, float64; NaN where it is blank."""
    if values.dtype.kind != "M":
        return values.astype(np.float64)
    milliseconds = values.astype("datetime64[ms]")
    return np.where(np.isnat(milliseconds), np.nan, milliseconds.astype(np.int64) / 86_400_000)


def _draw_maps(upper: Any, real: Columns | None, synthetic: Columns) -> None:
    """Draw the associations of real and of synthetic rows, and their difference."""
    names, parts = list(synthetic), {"synthetic": associations(synthetic, real)}
    if real is not None:
        known = associations({name: real[name] for name in names})
        pairs = ~np.eye(len(names), dtype=bool)
        mean = np.abs(parts["synthetic"] - known)[pairs].mean()
        parts = {"real": known, **parts, f"synthetic - real, mean size {mean:.3f}": parts["synthetic"] - known}
    panels = upper.subplots(1, 3, squeeze=False)[0]
    for axes in panels[len(parts) :]:
        axes.set_axis_off()
    for number, (axes, (title, values)) in enumerate(zip(panels, parts.items(), strict=False)):
        difference = number == 2
        options = {"cmap": "RdBu_r", "vmin": -0.5, "vmax": 0.5} if difference else {"cmap": "viridis", "vmin": 0, "vmax": 1}
        image = axes.imshow(values, **options)
        axes.set_title(f"associations, {title}" if not difference else title, fontsize=10)
        axes.set_xticks([])
        axes.set_yticks([])
        if number == 0 and len(names) <= FEW_COLUMNS:
            axes.set_yticks(range(len(names)), [_short(name) for name in names], fontsize=8)
        if len(names) <= FEW_COLUMNS:
            axes.set_xticks(range(len(names)), [_short(name) for name in names], fontsize=7, rotation=90)
        bar = upper.colorbar(image, ax=axes, shrink=0.8)
        bar.ax.tick_params(labelsize=7)


def _draw_marginal(axes: Axes, name: str, real: np.ndarray, synthetic: np.ndarray) -> None:
    """Draw one column: shares of classes as bars, or histograms."""
    if synthetic.dtype == object:
        _draw_classes(axes, real, synthetic)
        blank = ""
    else:
        blank = _draw_histogram(axes, real, synthetic)
    axes.set_title(_short(name, 30) + blank, fontsize=9)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_classes(axes: Axes, real: np.ndarray, synthetic: np.ndarray) -> None:
    """Draw the shares of the most frequent classes of the real rows, of all others together, and of the blank."""
    both = [[("blank",) if value is None else value for value in values] for values in (real, synthetic)]
    counted = both[0] or both[1]
    classes = sorted({value for value in both[0] + both[1] if isinstance(value, str)}, key=lambda value: (-counted.count(value), value))
    kept = classes if len(classes) <= MOST_CLASSES else classes[: MOST_CLASSES - 1]
    labels = [_short(one) for one in kept]
    shares = [[values.count(one) / max(len(values), 1) for one in kept] for values in both]
    blanks = [values.count(("blank",)) / max(len(values), 1) for values in both]
    if len(kept) < len(classes):
        labels.append(f"{len(classes) - len(kept)} others")
        shares = [[*share, 1 - sum(share) - blank] for share, blank in zip(shares, blanks, strict=True)]
    if any(blanks):
        labels.append("(blank)")
        shares = [[*share, blank] for share, blank in zip(shares, blanks, strict=True)]
    places = np.arange(len(labels))
    if both[0]:
        axes.barh(places - 0.2, shares[0], 0.4, color=DATA)
    axes.barh(places + (0.2 if both[0] else 0), shares[1], 0.4, color=MODEL)
    axes.set_yticks(places, labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)


def _draw_histogram(axes: Any, real: np.ndarray, synthetic: np.ndarray) -> str:
    """Draw histograms of numbers; return the shares of blanks in words."""
    columns = [_numbers(values) for values in (real, synthetic)]
    present = [values[~np.isnan(values)] for values in columns]
    known = present[0] if len(present[0]) else present[1]
    if len(known):
        edges = _edges(known)
        for values, style in zip(present, ({"color": DATA}, {"color": MODEL, "histtype": "step", "linewidth": 1.5}), strict=True):
            if len(values):
                axes.hist(values.clip(edges[0], edges[-1]), edges, weights=np.full(len(values), 1 / len(values)), **style)
    axes.set_yticks([])
    if synthetic.dtype.kind == "M":
        axes.xaxis_date()
        axes.tick_params(axis="x", rotation=20)
    else:
        axes.locator_params(axis="x", nbins=5)
        axes.ticklabel_format(axis="x", scilimits=(-3, 5))
        axes.xaxis.get_offset_text().set_fontsize(7)
    shares = [np.isnan(values).mean() for values in columns if len(values)]
    return f" (blank: {', '.join(f'{share:.0%}' for share in shares)})" if any(shares) else ""


def _edges(known: np.ndarray) -> np.ndarray:
    """Edges of the bins of a histogram; outliers are counted in the outer bins. Bins of whole numbers hold equally many of them."""
    low, high = np.quantile(known, [0.005, 0.995])
    count = int(np.clip(2 * np.sqrt(len(known)), 8, NUM_BINS))
    if np.all(known == np.round(known)):
        low, high = np.floor(low), np.ceil(high)
        width = max(1, -(-(high - low + 1) // count))
        return np.arange(low, high + width + 1, width) - 0.5
    margin = 0.02 * (high - low) or 0.5
    return np.linspace(low - margin, high + margin, count + 1)


def _short(name: str, most: int = LONGEST_NAME) -> str:
    return name if len(name) <= most else name[: most - 1] + "\u2026"
