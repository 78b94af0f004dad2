"""The masked autoencoder: degrees and masks, samples, and passes."""

import numpy as np
import tensorflow as tf

import tfar
from slides.protocol import (
    COLOURS,
    SEED,
    data,
    figure,
    images,
    milliseconds,
    number,
    processor_seconds,
    result_of,
    run_of,
    shipped,
    table,
)
from tfar import plotting
from tfar.masks import dense_mask

SIDE, FRAMES, BATCH = 6, 8, 16  # images in a row of a grid, of the strip, and rows of the timing
DIM, HIDDEN = 4, (6, 6)  # of the small network
LAYERS = {"one layer": "made", "two layers": "made-2-layers"}  # recipes


def run(lecture):
    """Measure and draw."""
    small, model, rows = small_network(), shipped("made-binarized_mnist"), data("binarized_mnist")
    lecture.draw("made-network", of_network(small))
    lecture.draw("made-masks", plotting.masks(small))
    lecture.draw("made-strip", of_strip(model, model.sample(SIDE**2, seed=SEED).numpy()[2]))
    samples, test = samples_of_two_layers(lecture), rows.test.x[: SIDE**2]
    near = nearest(samples, rows.train.x)
    grids = {"samples": samples, "the training image nearest to each": near, "test images": test}
    lecture.draw("made-samples", plotting.image_grids({title: images(x) for title, x in grids.items()}, SIDE))
    scored = {name: {key: result_of(recipe)[key] for key in ("nll", "nll_error", "paper")} for name, recipe in LAYERS.items()}
    apart = {"samples": differing(samples, near), "test": differing(test, nearest(test, rows.train.x))}
    lecture.part("made", "layers", {"models": scored, "pixels": apart}, dict)
    lecture.part("made", "masks", {"dim": DIM, "hidden": list(HIDDEN)}, lambda: masks(small))
    lecture.part("made", "passes", {"rows": BATCH}, lambda: passes(model, rows.test.x[:BATCH]))


def regions(found):
    """The tables of the page."""
    names = {
        "log_prob": "`log_prob`: one pass",
        "sample": "`sample`: cached steps",
        "naive": "D passes, one for each pixel",
        "fixed_point": "`sample`, fixed-point iteration",
    }
    passes = found["passes"]
    rows = [(name, milliseconds(passes[key]), number(passes[key] / passes["log_prob"], 1)) for key, name in names.items()]
    layers = [
        (name, number(of["paper"]), f"{number(of['nll'])} ± {number(of['nll_error'])}") for name, of in found["layers"]["models"].items()
    ]
    apart = {name: number(count, 0) for name, count in found["layers"]["pixels"].items()}
    same = "All three samples are equal." if passes["equal"] else f"The samples differ in {passes['different']} values."
    return {
        "degrees": table(["layer", "degrees"], [(name, " ".join(map(str, of))) for name, of in found["masks"]["degrees"]]),
        "passes": table([f"{passes['rows']} images", "processor time", "relative to `log_prob`"], rows),
        "equal": same,
        "layers": table(["MADE, one mask, binarized MNIST", "published, nats", "here, nats"], layers),
        "apart": f"A sample differs from its nearest training image in {apart['samples']} of 784 pixels in the mean, a test image in "
        f"{apart['test']}.",
    }


def small_network():
    """A MADE of two hidden layers that a page can show."""
    network = tfar.networks.MADE([DIM], hidden_units=HIDDEN, direct=False, order=[2, 0, 3, 1])
    network.ensure_built()
    return network


def masks(network):
    """The degrees of each layer."""
    names = ["input", *(f"hidden {n + 1}" for n in range(len(HIDDEN))), "output"]
    return {"degrees": [[name, np.asarray(of).tolist()] for name, of in zip(names, network.degrees(0), strict=True)]}


def samples_of_two_layers(lecture):
    """Samples `[SIDE ** 2, 28, 28, 1]` of a network that is not in the repository: drawn once, and kept as bits."""
    recipe, shape = LAYERS["two layers"], (SIDE**2, 28, 28, 1)

    def draw():
        return {"samples": np.packbits(run_of(recipe).sample(SIDE**2, seed=SEED).numpy().astype(bool)).tobytes().hex()}

    kept = lecture.training("made", recipe, {"nll": result_of(recipe)["nll"], "seed": SEED}, draw, minutes=10)
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(kept["samples"]), np.uint8))
    return bits.reshape(shape).astype(np.int32)


def differing(x, others):
    """The mean number of values in which a row differs from the row beside it."""
    return float((x != others).reshape(len(x), -1).sum(axis=1).mean())


def nearest(x, among):
    """For each row of x the row of `among` at the least Euclidean distance."""
    flat, others = (rows.reshape(len(rows), -1).astype(np.float32) for rows in (x, among))
    return among[np.argmin(np.square(others).sum(1) - 2 * flat @ others.T, axis=1)]


def passes(model, x):
    """Processor seconds of one pass, and of samples by each method."""
    x, times, samples = tf.constant(x), {}, {}
    score = tf.function(lambda: model.distribution().log_prob(x), jit_compile=True, autograph=False)
    times["log_prob"] = processor_seconds(score)
    for name, method in {"sample": "stepping", "naive": "naive", "fixed_point": "fixed_point"}.items():
        draw = tf.function(
            lambda method=method: model.distribution(method=method).sample(BATCH, seed=SEED), jit_compile=True, autograph=False
        )
        times[name], samples[name] = processor_seconds(draw, 3), draw().numpy()
    different = sum(int((samples["sample"] != samples[name]).sum()) for name in ("naive", "fixed_point"))
    return {**times, "different": different, "equal": different == 0}


def of_network(network):
    """Draw the units of a MADE with their degrees, and the connections that its masks leave."""
    degrees = [np.asarray(of) for of in network.degrees(0)]
    picture = figure(9, 4.6)
    axes = picture.add_subplot()
    places = [(np.arange(len(of)) - (len(of) - 1) / 2) for of in degrees]
    for layer, source, target in network.connections:
        mask = np.asarray(dense_mask(degrees[source], degrees[target], layer.strict))
        for i, j in np.argwhere(mask):
            colour = COLOURS[degrees[source][i] - 1]
            axes.plot([places[source][i], places[target][j]], [source, target], color=colour, linewidth=1, alpha=0.7, zorder=1)
    for level, (of, at) in enumerate(zip(degrees, places, strict=True)):
        ends = level in (0, len(degrees) - 1)
        axes.scatter(at, [level] * len(at), s=620, color="white", edgecolor=[COLOURS[d - 1] for d in of], linewidth=2, zorder=2)
        for unit, (place, degree) in enumerate(zip(at, of, strict=True)):
            axes.text(place, level, str(degree), ha="center", va="center", fontsize=12, zorder=3)
            if ends:
                name = f"$x_{unit + 1}$" if level == 0 else f"$p(x_{unit + 1} \\mid \\cdot)$"
                axes.text(place, level + (0.3 if level else -0.38), name, ha="center", fontsize=12)
    axes.set_xlim(-3.2, 3.2)
    axes.set_ylim(-0.6, len(degrees) - 0.5)
    axes.set_axis_off()
    return picture


def of_strip(model, sample):
    """Draw a sample as it grows: its pixels so far, and below p(x_d = 1 | x_<d) of all pixels given those, with zeros for the rest."""
    size = model.network.event_size
    counts = np.linspace(0, size, FRAMES).astype(int)
    ranks = np.argsort(model.network.order).reshape(sample.shape)
    drawn = np.stack([np.where(ranks < count, sample, 0) for count in counts])
    ones = tf.sigmoid(model.network(drawn)).numpy()[..., 0, 0]
    grey = np.stack([images(drawn), ones])[..., None] * np.ones(3)
    for frame, count in enumerate(counts):
        grey[0, frame][ranks[..., 0] >= count] = plotting.MISSING_COLOUR
    return plotting.image_grid(grey.reshape(-1, 28, 28, 3), FRAMES)
