"""Figures that belong to no window: creating, rendering and saving them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfar.files import atomic

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

MISSING = "pictures need matplotlib: pip install 'tfar[plot]'"


def available() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def require() -> None:
    """Check that matplotlib is installed.

    Raises:
        ImportError: it is not; the message says what to install.
    """
    if not available():
        raise ImportError(MISSING)


def figure(width: float, height: float) -> Figure:
    """A new, empty figure, with matplotlib's constrained layout.

    Args:
        width, height: in inches.

    Raises:
        ImportError: matplotlib is not installed.
    """
    require()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=100, layout="constrained")


def integer_ticks(axis: Axis, **options: Any) -> None:
    """Put the ticks of an axis at integers; `options` are those of matplotlib's `MaxNLocator`."""
    locator: Any = axis.get_major_locator()
    locator.set_params(integer=True, **options)


def save(picture: Figure, path: str | Path, overwrite: bool = False, title: str | None = None) -> None:
    """Write a figure to a new file, atomically.

    Args:
        picture: the figure.
        path: the file; its ending says the format.
        overwrite: whether to replace a file that exists.
        title: a line above the figure, and above the title that it has.

    Raises:
        FileExistsError: the file exists, and `overwrite` is False.
    """
    if title is not None:
        layout: Any = picture.get_layout_engine()
        layout.set(h_pad=0.04)
        picture.set_figheight(picture.get_figheight() + 0.35)
        picture.suptitle("\n".join(filter(None, (title, picture.get_suptitle()))), fontsize=11)
    with atomic(path, overwrite) as temporary:
        picture.savefig(temporary)


def rendered(picture: Figure) -> np.ndarray:
    """The pixels of a figure, uint8 `[height, width, 3]`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(picture)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
