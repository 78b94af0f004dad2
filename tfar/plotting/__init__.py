"""Pictures of samples, completions, likelihoods, learning curves and masks, by matplotlib, which is imported when it is first used.

Every function returns a matplotlib `Figure` that belongs to no window and to no global state; `save` writes it to a file.
"""

from tfar.plotting.charts import learning_curve, masks, table
from tfar.plotting.figures import MISSING, available, rendered, require, save
from tfar.plotting.images import MISSING_COLOUR, as_images, class_grid, completions, image_grid, image_grids, nll_maps
from tfar.plotting.tables import table_report

__all__ = [
    "MISSING",
    "MISSING_COLOUR",
    "as_images",
    "available",
    "class_grid",
    "completions",
    "image_grid",
    "image_grids",
    "learning_curve",
    "masks",
    "nll_maps",
    "rendered",
    "require",
    "save",
    "table",
    "table_report",
]
