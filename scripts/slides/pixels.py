"""PixelRNN and PixelCNN: masks, receptive fields, and completions."""

import numpy as np
import tensorflow as tf

import tfar
from slides.protocol import MODEL, SEED, data, figure, images, shipped, table
from tfar import masks, plotting

SIDE, TARGET = 11, (6, 5)  # of the images of the small networks; the pixel whose field is drawn
FIELDS = {  # small networks with random weights, whose convolutions are 3x3
    "PixelCNN": (tfar.networks.PixelCNN, {"num_blocks": 2, "kernel_size": 3, "activation": "swish"}),
    "Gated PixelCNN": (tfar.networks.GatedPixelCNN, {"num_layers": 4, "kernel_size": 3, "skip_filters": 8}),
    "Row LSTM": (tfar.networks.RowLSTM, {"num_layers": 1, "kernel_size": 3}),
    "Diagonal BiLSTM": (tfar.networks.DiagonalBiLSTM, {"num_layers": 1, "kernel_size": 3}),
}
EXAMPLES, ROUNDING = 4, 1e-13  # random images; what counts as zero in double precision, relative to the largest gradient
COMPLETED, DRAWS = 6, 4  # test images and completions of each
MODELS = {"PixelCNN": "pixelcnn", "Row LSTM": "rowlstm", "Diagonal BiLSTM": "diagonal_bilstm"}


def run(lecture):
    """Measure and draw."""
    lecture.draw("pixels-masks", of_masks())
    settings = {"side": SIDE, "target": list(TARGET)}
    found = {name: lecture.part("pixels", f"field of {name}", settings, lambda name=name: field(name)) for name in FIELDS}
    lecture.draw("pixels-fields", of_fields(found))
    x = data("binarized_mnist").test.x[:COMPLETED]
    grids = {name: completed(shipped(f"{model}-binarized_mnist"), x) for name, model in MODELS.items()}
    lecture.draw("pixels-completions", plotting.image_grids(grids, DRAWS + 2))


def regions(found):
    """The table of the page."""
    parts = {name: found[f"field of {name}"] for name in FIELDS}
    rows = [
        (
            name,
            part["earlier"],
            part["seen"],
            f"{part['seen'] / part['earlier']:.0%}",
            f"{part['pairs']:,}",
            f"{part['found']:,}",
            part["outside"],
        )
        for name, part in parts.items()
    ]
    header = [
        "network",
        "pixels before the target",
        "seen",
        "share",
        "pairs by gradients",
        "pairs by `check_autoregressive`",
        "of them not by gradients",
    ]
    return {"fields": table(header, rows)}


def field(name):
    """The receptive fields of a small network: by gradients, and by `check_autoregressive`, which changes values."""
    family, options = FIELDS[name]
    network = family([SIDE, SIDE, 1], filters=8, head_filters=[8], positions=False, dtype="float64", **options)
    tfar.testing.randomize(network, seed=SEED)
    x = tf.constant(np.random.default_rng(SEED).normal(size=[EXAMPLES, SIDE, SIDE, 1]))

    @tf.function(jit_compile=True, autograph=False)
    def gradient(target):
        with tf.GradientTape() as tape:
            tape.watch(x)
            params = tf.reshape(network(x), [EXAMPLES, -1])
            total = tf.reduce_sum(tf.gather(params, target, axis=1))
        return tf.reduce_max(tf.abs(tf.reshape(tape.gradient(total, x), [EXAMPLES, -1])), axis=0)

    sizes = np.stack([gradient(tf.constant(target)).numpy() for target in range(SIDE**2)], axis=1)  # (from, to)
    changes = tfar.check_autoregressive(network, seed=SEED)
    seen, target = sizes > ROUNDING * sizes.max(), TARGET[0] * SIDE + TARGET[1]
    return {
        "gradient": sizes[:, target].reshape(SIDE, SIDE).round(6).tolist(),
        "field": seen[:, target].reshape(SIDE, SIDE).astype(int).tolist(),
        "seen": int(seen[:, target].sum()),
        "earlier": target,
        "pairs": int(seen.sum()),
        "found": int(changes.sum()),
        "outside": int((changes & ~seen).sum()),
    }


def completed(model, x):
    """Rows of an image: its upper half, completions, the whole. `[N * (DRAWS + 2), 28, 28, 3]`."""
    observed = model.first(0.5)
    draws = images(model.complete(np.repeat(x, DRAWS, axis=0), observed, seed=SEED).numpy()).reshape(len(x), DRAWS, 28, 28)
    grey = np.concatenate([images(x)[:, None], draws, images(x)[:, None]], axis=1)[..., None] * np.ones(3)
    grey[:, 0][:, ~observed[..., 0]] = plotting.MISSING_COLOUR
    return grey.reshape(-1, 28, 28, 3)


def of_masks():
    """Draw the taps of masks A and B, and which colours of the own pixel they show to which."""
    picture = figure(9, 5.2)
    panels = picture.subplots(2, 2, width_ratios=[1.2, 1])
    for row, kind in enumerate("AB"):
        mask = masks.conv_mask(7, 3, 3, kind, colors=3)
        taps, own = mask[:, :, 0, 0].astype(float), mask[3, 3].astype(int)
        taps[3, 3] = 0.5
        axes = panels[row, 0]
        axes.imshow(taps, cmap="Blues", vmin=0, vmax=1.3)
        for (top, left), value in np.ndenumerate(taps):
            axes.text(left, top, "own" if value == 0.5 else int(value), ha="center", va="center", fontsize=9)
        axes.set_title(f"mask {kind}: taps of a 7x7 kernel", fontsize=11)
        axes.set_ylabel("")
        axes.set_xticks([])
        axes.set_yticks([])
        axes = panels[row, 1]
        axes.imshow(own, cmap="Blues", vmin=0, vmax=1.3)
        for (source, target), value in np.ndenumerate(own):
            axes.text(target, source, value, ha="center", va="center", fontsize=10)
        axes.set_xticks(range(3), ["R", "G", "B"])
        axes.set_yticks(range(3), ["R", "G", "B"])
        axes.set_xlabel("to colour")
        axes.set_ylabel("from colour")
        axes.set_title(f"mask {kind}: the own pixel", fontsize=11)
    return picture


def of_fields(found):
    """Draw the receptive field of the target in each network: darker where the gradient is larger."""
    picture = figure(11, 3.3)
    for axes, (name, part) in zip(picture.subplots(1, len(found)), found.items(), strict=True):
        gradient, seen = np.array(part["gradient"]), np.array(part["field"], bool)
        shade = np.where(seen, 0.25 + 0.75 * (gradient / gradient.max()) ** 0.25, 0)
        axes.imshow(shade, cmap="Blues", vmin=0, vmax=1.2)
        axes.plot(TARGET[1], TARGET[0], "s", color="#d62728", markersize=12)
        for top, left in np.argwhere(~seen):
            if top * SIDE + left < part["earlier"]:
                axes.plot(left, top, "x", color="#d62728", markersize=6)
        axes.set_xticks(np.arange(SIDE) - 0.5, [])
        axes.set_yticks(np.arange(SIDE) - 0.5, [])
        axes.grid(color="#cccccc", linewidth=0.5)
        axes.tick_params(length=0)
        axes.set_title(name, fontsize=11, color=MODEL)
    return picture
