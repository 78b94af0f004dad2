"""Pictures: what they show, that they are files, and that they touch no global state."""

import ast
import sys

import numpy as np
import pytest
from support import ROOT

from tfar import networks, plotting

pytest.importorskip("matplotlib")


def pixels(figure):
    """What the figure looks like, `[H, W, 3]` from 0 to 1."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba(), np.float64)[..., :3] / 255


def texts(figure):
    """All words in the figure."""
    from matplotlib.text import Text

    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def nothing_is_clipped(figure):
    """Whether all that is drawn lies inside the figure."""
    figure.draw_without_rendering()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return box.x0 > -0.02 and box.y0 > -0.02 and box.x1 < width + 0.02 and box.y1 < height + 0.02


def test_image_grid_is_upright_and_in_order():
    images = np.zeros((4, 8, 8))
    images[0, 0, :] = 1  # a line on top of the first image, which stands top left
    shown = pixels(plotting.image_grid(images)).mean(axis=-1)
    white = np.argwhere(shown > 0.95)
    assert len(white) and white[:, 0].max() < shown.shape[0] / 4 and white[:, 1].max() < 0.55 * shown.shape[1]


def test_image_grids_are_those_of_their_images():
    rng = np.random.default_rng(0)
    grids = {"a": rng.uniform(size=(4, 3, 3)), "b": rng.uniform(size=(4, 3, 3))}
    panels = plotting.image_grids(grids).axes
    assert [axes.get_title() for axes in panels] == ["a", "b"]
    for axes, images in zip(panels, grids.values(), strict=True):
        alone = plotting.image_grid(images).axes[0].images[0].get_array()
        np.testing.assert_array_equal(axes.images[0].get_array(), alone)
    assert plotting.image_grids(grids, columns=4).axes[0].images[0].get_array().shape == (5, 17, 3)


def test_image_grid_of_colours_and_of_a_number_that_fills_no_square():
    images = np.zeros((5, 4, 6, 3))
    images[..., 0] = 1
    shown = pixels(plotting.image_grid(images, columns=5))
    red = (shown[..., 0] > 0.95) & (shown[..., 1] < 0.05)
    assert 0.5 < red.mean() < 0.9
    assert pixels(plotting.image_grid(images)).shape[0] > 100
    with pytest.raises(ValueError, match="Received: shape"):
        plotting.image_grid(np.zeros(3))


def test_a_picture_is_saved_with_a_title(tmp_path):
    picture = plotting.image_grid(np.zeros((4, 8, 8)))
    height = pixels(picture).shape[0]
    plotting.save(picture, tmp_path / "a.png", title="MADE on digits: samples")
    assert picture.get_suptitle() == "MADE on digits: samples" and nothing_is_clipped(picture)
    assert (pixels(picture)[: pixels(picture).shape[0] - height] < 0.5).any()  # words above the images, which keep their size
    table = plotting.table(np.random.default_rng(0).normal(size=(20, 2)))
    plotting.save(table, tmp_path / "b.png", title="MADE on it")
    assert table.get_suptitle() == "MADE on it\nsamples blue"


def test_commands_and_callbacks_title_every_picture():
    calls = []
    for path in [*(ROOT / "tfar" / "cli").glob("*.py"), ROOT / "tfar" / "training" / "callbacks.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "plotting.save":
                calls.append((path.name, node.lineno, any(keyword.arg == "title" for keyword in node.keywords)))
    assert len(calls) >= 8 and all(titled for *_, titled in calls), calls


def test_values_as_images():
    assert plotting.as_images(np.full((2, 4, 6, 1), 2), levels=3).tolist() == np.ones((2, 4, 6)).tolist()
    assert plotting.as_images(np.zeros((2, 4, 6, 3)), levels=3).shape == (2, 4, 6, 3)
    assert np.nanmax(plotting.as_images(np.array([[[-1.0, np.nan, 3.0]]]))) == 1
    assert plotting.as_images(np.zeros((2, 6))) is None and plotting.as_images(np.zeros((2, 4, 6, 2))) is None


def labels(figure):
    """The names beside the rows with the heights at which they stand, and the values of the image, `[H, W]`."""
    axes = figure.axes[0]
    return dict(zip([t.get_text() for t in axes.get_yticklabels()], axes.get_yticks(), strict=True)), axes.get_images()[0].get_array()[
        ..., 0
    ]


def test_class_grid_puts_each_class_into_a_row_with_its_name():
    brightness = {"cat": 0.25, "dog": 0.75, "owl": 1.0}
    words = ["dog", "cat", "owl", "dog", "cat", "dog"]
    figure = plotting.class_grid(np.ones((6, 4, 4)) * [[[brightness[word]]] for word in words], words)
    heights, sheet = labels(figure)
    assert list(heights) == ["dog", "cat", "owl"] and nothing_is_clipped(figure)
    for (word, height), count in zip(heights.items(), (3, 2, 1), strict=True):
        assert (sheet[round(height)] == brightness[word]).sum() == 4 * count
    with pytest.raises(ValueError, match="Received: 5 labels for 6 images"):
        plotting.class_grid(np.ones((6, 4, 4)), words[:5])


def test_class_grid_of_many_classes_is_a_page():
    figure = plotting.class_grid(np.ones((64, 4, 4)), [f"class {n}" for n in range(64)])
    assert figure.get_figheight() < 13


def test_class_grid_of_one_class_and_of_many_of_two():
    heights, sheet = labels(plotting.class_grid(np.ones((64, 4, 4)), ["3"] * 64))
    assert list(heights) == ["3"] and sheet.shape[0] == sheet.shape[1]
    heights, sheet = labels(plotting.class_grid(np.ones((64, 4, 4)), ["3", "7"] * 32))
    assert sheet.shape[0] == sheet.shape[1] and heights["7"] - heights["3"] == pytest.approx(sheet.shape[0] / 2)


def test_nll_maps_show_the_costly_pixels_in_bits():
    log_prob = np.full((3, 5, 4, 3), -np.log(2) / 3)
    log_prob[1, 2, 3] *= 10
    figure = plotting.nll_maps(np.zeros((3, 5, 4, 3)), log_prob)
    assert [axes.get_title() for axes in figure.axes[:3]] == ["20.0 bits", "29.0 bits", "20.0 bits"]
    assert "bits per pixel" in texts(figure) and nothing_is_clipped(figure)
    brightness = figure.axes[1].get_images()[1].get_array()[..., :3].sum(axis=-1)
    assert np.argwhere(brightness > brightness.min() + 0.5).tolist() == [[2, 3]]
    assert np.isfinite(pixels(plotting.nll_maps(np.zeros((2, 4, 4)), np.full((2, 4, 4), -np.inf)))).all()
    with pytest.raises(ValueError, match="Received: images"):
        plotting.nll_maps(np.zeros((3, 5, 4)), log_prob[:2])


def test_completions_show_what_is_missing():
    rng = np.random.default_rng(0)
    originals = rng.integers(0, 2, (3, 8, 8))
    observed = np.zeros((3, 8, 8), bool)
    observed[:, :4] = True
    figure = plotting.completions(originals, observed, rng.integers(0, 2, (3, 4, 8, 8)))
    assert {"original", "given", "draw 1", "draw 4"} <= set(texts(figure)) and nothing_is_clipped(figure)
    missing = np.abs(pixels(figure) - plotting.MISSING_COLOUR).max(axis=-1) < 0.02
    assert 0.03 < missing.mean() < 1 / 6


def test_completions_of_images_that_are_not_known():
    originals = np.full((2, 4, 4), np.nan)
    figure = plotting.completions(originals, np.zeros((2, 4, 4), bool), np.zeros((2, 1, 4, 4)))
    assert np.isfinite(pixels(figure)).all()


def test_learning_curve_shows_the_end_of_training():
    history = {"nll": [900.0, *np.linspace(120, 80, 30)], "val_nll": [800.0, *np.linspace(121, 90, 30)]}
    figure = plotting.learning_curve(history, baseline=206.8)
    assert any("best: 90.00 in epoch 31" in text for text in texts(figure)) and nothing_is_clipped(figure)
    assert figure.axes[0].get_ylim()[1] < 300
    assert "independent positions: 206.80, above" in texts(figure)
    assert "independent positions: 100.00" in texts(plotting.learning_curve(history, baseline=100.0))
    assert plotting.learning_curve({"nll": [1.0], "val_nll": [1.0]}).axes


def test_no_learning_curve_leaves_the_picture_unsaid():
    short = plotting.learning_curve({"nll": [24.1, 22.5, 21.9], "val_nll": [23.1, 22.4, 22.0]})
    assert short.axes[0].get_ylim()[1] > 24.1 and "training" in texts(short)
    history = {"nll": [900.0, *np.linspace(120, 80, 30)], "val_nll": [800.0, *np.linspace(121, 90, 30)]}
    assert {"training, from 900.00", "validation, from 800.00"} <= set(texts(plotting.learning_curve(history)))


def test_masks_are_those_of_the_network():
    network = networks.MADE([6], hidden_units=[12], direct=True)
    network.build()
    figure = plotting.masks(network)
    assert len(figure.axes) == 3 and nothing_is_clipped(figure)
    shown = figure.axes[2].get_images()[0].get_array()
    assert np.array_equal(shown, np.triu(np.ones((6, 6)), 1))
    assert any("15 of 36" in text for text in texts(figure))
    with pytest.raises(ValueError, match="Received: network="):
        plotting.masks(networks.NADE([6]))


@pytest.mark.parametrize("width", [1, 3, 9])
def test_table_compares_columns(width):
    rng = np.random.default_rng(0)
    names = [f"a rather long name {i}" for i in range(width)]
    figure = plotting.table(rng.normal(size=(64, width)), rng.integers(0, 3, (80, width)), names)
    assert len(figure.axes) == min(width, 6) ** 2 and nothing_is_clipped(figure)
    assert plotting.table(rng.integers(0, 2, (10, width))).axes  # without names and data


def test_save_writes_a_file_once(tmp_path):
    figure = plotting.image_grid(np.zeros((1, 4, 4)))
    plotting.save(figure, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(FileExistsError, match="Received: .*a.png"):
        plotting.save(figure, tmp_path / "a.png")
    plotting.save(figure, tmp_path / "a.png", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_no_window_and_no_global_figure():
    plotting.image_grid(np.zeros((1, 4, 4)))
    if "matplotlib.pyplot" in sys.modules:
        assert sys.modules["matplotlib.pyplot"].get_fignums() == []


def test_a_missing_matplotlib_is_named(monkeypatch):
    monkeypatch.setattr("tfar.plotting.figures.available", lambda: False)
    with pytest.raises(ImportError, match="pip install"):
        plotting.image_grid(np.zeros((1, 4, 4)))


def test_grey_images_three_pixels_wide_have_no_colours():
    grey = np.arange(2 * 5 * 4 * 3).reshape(2, 5, 4, 3) / 120  # (B, K, H, W), not (B, H, W, 3)
    coloured, observed = np.repeat(grey[..., None], 3, axis=-1), np.ones([2, 4, 3], bool)
    one, other = (pixels(plotting.completions(images[:, 0], observed, images)) for images in (grey, coloured))
    np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match=r"images must be \[B, K, H, W\] or \[B, K, H, W, 3\]"):
        plotting.completions(grey[:, 0], observed, grey[:, 0])
