"""One network for each dimension, and NADE: samples, conditionals, the cost O(HD), and what the hidden units look for."""

import numpy as np
import tensorflow as tf

import tfar
from slides.protocol import MODEL, SEED, data, figure, images, milliseconds, plain, processor_seconds, shipped, table
from tfar import plotting

SIDE, SHOWN, FILTERS = 6, 8, 64  # images in a row of a grid, images with conditionals, hidden units
DIMENSIONS, UNITS, BASE = (196, 392, 784, 1568), (125, 250, 500, 1000), (784, 500)
ROWS = 100


def run(lecture):
    """Measure and draw."""
    rows = data("binarized_mnist")
    pictures = {
        title: images(shipped(f"{name}-binarized_mnist").sample(SIDE**2, seed=SEED).numpy())
        for title, name in {"one network for each dimension": "neural", "NADE": "nade"}.items()
    }
    lecture.draw("nade-samples", plotting.image_grids({"training data": images(rows.train.x[: SIDE**2]), **pictures}, SIDE))
    model = shipped("nade-binarized_mnist")
    x = rows.test.x[:SHOWN]
    ones = tf.sigmoid(model.network(x)).numpy()[..., 0, 0]
    sheet = np.stack([images(x), ones])
    lecture.draw("nade-conditionals", of_conditionals(sheet))
    lecture.draw("nade-filters", plotting.image_grids(dict(zip(("W, from pixels", "V, to pixels"), filters(model), strict=True)), 8))
    lecture.part("nade", "parameters", {"units": BASE[1]}, parameters)
    found = lecture.part("nade", "cost", {"dimensions": list(DIMENSIONS), "units": list(UNITS), "rows": ROWS}, cost)
    lecture.draw("nade-cost", of_cost(found))


def regions(found):
    """The tables of the page."""
    cost, counts = found["cost"], found["parameters"]
    rows = [(f"D = {size:,}, H = {BASE[1]}", milliseconds(seconds)) for size, seconds in zip(DIMENSIONS, cost["by_dimension"], strict=True)]
    rows += [(f"D = {BASE[0]}, H = {units:,}", milliseconds(seconds)) for units, seconds in zip(UNITS, cost["by_units"], strict=True)]
    grown = cost["by_dimension"][-1] / cost["by_dimension"][0], cost["by_units"][-1] / cost["by_units"][0]
    sentence = (
        f"Eight times the dimensions take {grown[0]:.1f} times as long; eight times the units take {grown[1]:.1f} times as long. "
        f"Without shared weights, {BASE[1]} units for each of 784 pixels have {counts['separate']:,} parameters; NADE has "
        f"{counts['shared']:,}."
    )
    return {"cost": table(["size", f"`log_prob` of {ROWS} rows"], rows), "grown": sentence}


def parameters():
    """Numbers of parameters with and without shared weights."""
    shared = tfar.NADE([BASE[0]], hidden_units=BASE[1]).network.effective_parameters()
    small = [tfar.NeuralAutoregressive([BASE[0]], hidden_units=units, direct=False).network.effective_parameters() for units in (1, 2)]
    return {"shared": shared, "separate": small[0] + (BASE[1] - 1) * (small[1] - small[0])}  # linear in the number of units


def filters(model):
    """The weights of the hidden units of greatest weight, as images, `[2, FILTERS, 28, 28]`."""
    weights = np.stack([model.network.input_kernel.numpy().T, model.network.output_kernel.numpy().T]).reshape(2, -1, 28, 28)
    chosen = weights[:, np.argsort(-np.square(weights[0]).sum(axis=(1, 2)))[:FILTERS]]
    scale = np.quantile(np.abs(chosen), 0.98, axis=(1, 2, 3), keepdims=True)
    return np.clip(0.5 + chosen / (2 * scale), 0, 1)


def cost():
    """Processor seconds of one `log_prob` at several sizes."""
    return {
        "by_dimension": [seconds(size, BASE[1]) for size in DIMENSIONS],
        "by_units": [seconds(BASE[0], units) for units in UNITS],
    }


def seconds(size, units):
    """Processor time of `log_prob` of ROWS rows by a NADE, compiled."""
    model = tfar.NADE([size], hidden_units=units)
    x = tf.constant(np.random.default_rng(SEED).integers(2, size=[ROWS, size]), tf.int32)
    score = tf.function(lambda: model.distribution().log_prob(x), jit_compile=True, autograph=False)
    return processor_seconds(lambda: score().numpy(), repeats=8)


def of_conditionals(sheet):
    """Draw test images above p(x_d = 1 | x_<d) of each of their pixels."""
    return plotting.image_grid(sheet.reshape(-1, 28, 28), SHOWN)


def of_cost(found):
    """Draw the time against D and against H, beside straight lines through the origin."""
    picture = figure(9, 3.6)
    panels = picture.subplots(1, 2, sharey=True)
    for axes, sizes, times, name, other in (
        (panels[0], DIMENSIONS, found["by_dimension"], "D", f"H = {BASE[1]}"),
        (panels[1], UNITS, found["by_units"], "H", f"D = {BASE[0]}"),
    ):
        times = 1000 * np.array(times)
        axes.plot([0, sizes[-1]], [0, times[-1]], ":", color="black", linewidth=1, label="proportional")
        axes.plot(sizes, times, "o", color=MODEL, label="measured")
        axes.set_xlabel(f"{name}  ({other})")
        axes.set_xlim(0)
        axes.set_ylim(0)
        plain(axes)
    panels[0].set_ylabel(f"log_prob of {ROWS} rows, ms of processor time")
    panels[0].legend(frameon=False)
    return picture
