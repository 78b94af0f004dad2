"""The report on synthetic rows."""

import numpy as np
import pytest

from tfar import plotting
from tfar.plotting.tables import association, associations


def columns(rows, dependent=True, seed=0):
    rng = np.random.default_rng(seed)
    number = rng.normal(size=rows)
    other = number if dependent else rng.normal(size=rows)
    words = np.where(other > 0, "high", "low").astype(object)
    words[rng.random(rows) < 0.1] = None
    dates = np.datetime64("2020-01-01", "ms") + (1000 * rng.random(rows)).astype("timedelta64[D]")
    return {"number": number, "word": words, "count": np.where(rng.random(rows) < 0.2, np.nan, rng.integers(0, 4, rows)), "date": dates}


def test_cramers_v_with_bergsmas_correction():
    """Of counts [[30, 10], [10, 30]]: phi^2 = 0.25 - 1 / 79 and r' = c' = 2 - 1 / 79."""
    one, other = np.repeat([0, 0, 1, 1], [30, 10, 10, 30]), np.repeat([0, 1, 0, 1], [30, 10, 10, 30])
    assert association(one, other) == pytest.approx(np.sqrt((0.25 - 1 / 79) / (1 - 1 / 79)))
    assert association(one, np.zeros(80, int)) == 0.0 and association(np.arange(3), np.arange(3)) == 0.0


def test_associations_tell_dependent_columns_from_others():
    """Without dependence chi^2 / N is above its mean by 0.04 for 20 groups of 2,000 rows at a rate far below 1e-4."""
    dependent, independent = (associations(columns(2000, kind)) for kind in (True, False))
    assert dependent[0, 1] > 0.5 and independent[0, 1] < 0.2
    assert np.array_equal(dependent, dependent.T) and (np.diag(dependent) == 1).all()
    assert dependent[0, 2:].max() < 0.2
    shifted = {name: values + 100 if name == "number" else values for name, values in columns(2000).items()}
    assert associations(shifted, columns(2000))[0, 1] == 0.0  # cut where the real rows are: all are in one group


@pytest.mark.parametrize("rows", [0, 1, 300])
def test_the_report_is_drawn_of_any_rows(rows):
    (picture,) = plotting.table_report(columns(rows, False), columns(400))
    pixels = plotting.rendered(picture)
    assert pixels.shape[2] == 3 and len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20


def test_every_column_is_on_a_page_and_all_are_in_the_maps():
    many = {f"column {i}": values for i, values in enumerate(np.random.default_rng(0).normal(size=(50, 60)))}
    pages = plotting.table_report(many, many)
    shown = [axes.get_title() for page in pages for axes in page.axes if axes.get_title().startswith("column")]
    assert shown == list(many)
    assert [axes.images[0].get_array().shape for page in pages for axes in page.axes if axes.images] == [(50, 50)] * 3
    titles = [[part.get_suptitle() for part in (page.subfigs or [page])][-1] for page in pages]
    assert [title.partition("; ")[2] for title in titles] == [f"columns {first} of 50" for first in ("1 to 24", "25 to 48", "49 to 50")]
    assert all(plotting.rendered(page).any() for page in pages)


def test_one_column_has_no_associations():
    (picture,) = plotting.table_report({"x": np.zeros(5)}, {"x": np.full(5, np.nan)})
    assert plotting.rendered(picture).any() and not any(axes.images for axes in picture.axes)
