"""NADE-k: the missing half of an image after each step of inference."""

import numpy as np
import tensorflow as tf

from slides.protocol import SEED, data, figure, images, shipped, table
from tfar import plotting

IMAGES = (1, 2, 3, 5)  # test images of the picture
ROWS = 200  # the first test rows


def run(lecture):
    """Measure and draw."""
    model, test = shipped("nadek-binarized_mnist"), data("binarized_mnist").test.x
    observed = np.broadcast_to((np.arange(28) < 14)[:, None, None], [28, 28, 1])
    x = test[list(IMAGES)]
    steps = inferred(model, x, observed)
    draws = model.complete(x, observed, seed=SEED).numpy()
    lecture.draw("nadek-steps", of_steps(images(x), observed[..., 0], steps, images(draws)))
    scattered = np.random.default_rng(SEED).permutation(np.arange(784) < 392).reshape(28, 28, 1)
    lecture.part(
        "nadek",
        "steps",
        {"rows": ROWS},
        lambda: {name: cross_entropy(model, test[:ROWS], seen) for name, seen in {"half": observed, "scattered": scattered}.items()},
        f"lecture: cross-entropy of NADE-k's steps, first {ROWS} test rows",
    )


def regions(found):
    """The table of the page."""
    parts = [found["steps"][name] for name in ("half", "scattered")]
    columns = [[f"{nats:.1f} ± {error:.1f}" for nats, error in zip(part["nats"], part["error"], strict=True)] for part in parts]
    rows = [(f"v<{step}>", *cells) for step, cells in enumerate(zip(*columns, strict=True))]
    return {"steps": table(["after step", "the lower half is missing", "half of the pixels, at random, are missing"], rows)}


def inferred(model, x, observed):
    """The probabilities v<0> to v<k> of images of which some pixels are observed, `[k + 1, B, 28, 28]`."""
    network = model.network
    seen = tf.constant(observed.reshape(1, 1, -1))
    kernel, of_seen, bias = network.first_layer()
    known = tf.cast(seen[0], kernel.dtype)
    sums = tf.matmul(tf.cast(x.reshape(len(x), -1), kernel.dtype) * known, kernel) + tf.matmul(known, of_seen) + bias
    h, outputs = network.inference(sums[None], tf.repeat(seen, len(x), axis=1))
    start = np.broadcast_to(network.mean.numpy(), [len(x), network.event_size])
    steps = [start, *(tf.sigmoid(part).numpy() for part in [*outputs, network.outputs(h)])]
    return np.stack([np.where(observed.reshape(-1), x.reshape(len(x), -1), step) for step in steps]).reshape(-1, *x.shape[:3])


def cross_entropy(model, x, observed):
    """Mean cross-entropy of the missing pixels under the probabilities of each step, as if they were independent."""
    values, missing = x[..., 0], ~observed[..., 0]
    probs = np.clip(inferred(model, x, observed).astype(np.float64), 1e-7, 1 - 1e-7)
    nats = -(np.where(values, np.log(probs), np.log1p(-probs)) * missing).sum(axis=(2, 3))  # (k + 1, N)
    return {"nats": nats.mean(axis=1).tolist(), "error": (nats.std(axis=1, ddof=1) / len(x) ** 0.5).tolist()}


def of_steps(x, observed, steps, draws):
    """Draw each image: whole, as it is given, its steps, and a sample."""
    grey = np.repeat(np.stack([x, x, *steps, draws], axis=1)[..., None], 3, axis=-1)  # (B, columns, H, W, 3)
    grey[:, 1][:, ~observed] = plotting.MISSING_COLOUR
    picture = figure(11, 5.0)
    panels = picture.subplots(len(x), grey.shape[1])
    names = ["image", "given", *(f"$v^{{\\langle {step} \\rangle}}$" for step in range(len(steps))), "a sample"]
    for row, column in np.ndindex(panels.shape):
        panels[row, column].imshow(grey[row, column], vmin=0, vmax=1, interpolation="nearest")
        panels[row, column].set_axis_off()
        if not row:
            panels[row, column].set_title(names[column], fontsize=11)
    return picture
