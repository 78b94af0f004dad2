"""Figures that belong to no window: making one, what it looks like, and writing it."""

import importlib.util

import numpy as np

from tfar.files import atomic

MISSING = "pictures need matplotlib: pip install 'tfar[plot]'"


def available():
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def require():
    """Raise an ImportError that says what to install, where matplotlib is missing."""
    if not available():
        raise ImportError(MISSING)


def figure(width, height, layout="constrained"):
    """A new, empty figure of that many inches."""
    require()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=100, layout=layout)


def save(picture, path, overwrite=False):
    """Write a figure to a new file, whole or not at all; the ending of `path` says in which format."""
    with atomic(path, overwrite) as temporary:
        picture.savefig(temporary)


def rendered(picture):
    """What a figure looks like, uint8 `[height, width, 3]`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(picture)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
