"""Draw the picture at the top of README: samples and completions of a shipped PixelCNN, and Adult beside a synthetic table of it.

    python scripts/overview.py TABLE_RUN [--out docs/pictures/overview.png] [--seed 0] [--overwrite]

TABLE_RUN is a run folder of `tfar train made --data adult-train.csv`, such as `scripts/benchmark_tables.py synthetic --defaults` makes.
Adult is read from TFAR_RAW_DATA, binarized MNIST from TFDS_DATA_DIR.
"""

import argparse
import os
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tensorflow as tf
from query_saved_model import saved_model_folder

import tfar
from tfar.files import refuse_existing

ROOT = Path(__file__).resolve().parent.parent
ROWS, COLUMNS = 4, 7
REAL, SYNTHETIC = "#4c566a", "#d08770"


def images(endpoints, seed):
    """Samples `[ROWS * COLUMNS, 28, 28]`; and for some test images what is given, and completions, `[ROWS, COLUMNS, 28, 28]`."""
    count = ROWS * COLUMNS
    seeds = tf.constant([[seed, row] for row in range(count)], tf.int32)
    samples = endpoints["sample"](seed=seeds)["x"].numpy()[..., 0]
    x = tfar.datasets.load("binarized_mnist").test.x[:ROWS]
    repeated = np.repeat(x, COLUMNS, axis=0)
    observed = np.zeros(repeated.shape, bool)
    observed[:, : x.shape[1] // 2] = True
    drawn = endpoints["complete"](x=tf.constant(repeated), observed=tf.constant(observed), seed=seeds)["x"].numpy()[..., 0]
    drawn = drawn.reshape(ROWS, COLUMNS, *drawn.shape[1:]).astype(float)
    drawn[:, 0, x.shape[1] // 2 :] = 0.35  # the first shows what is given
    return samples, drawn


def grid(axes, pictures, title):
    """Show pictures `[R, C, H, W]` side by side."""
    rows, columns, height, width = pictures.shape
    canvas = np.full([rows * (height + 2), columns * (width + 2)], 0.6)
    for r in range(rows):
        for c in range(columns):
            canvas[r * (height + 2) + 1 :, c * (width + 2) + 1 :][:height, :width] = pictures[r, c]
    axes.imshow(1 - canvas, cmap="gray", vmin=0, vmax=1)
    axes.set_title(title, fontsize=11)
    axes.axis("off")


def marginals(figure, run, seed):
    """Histograms of some columns of Adult, real and synthetic."""
    real = pd.read_csv(Path(os.environ["TFAR_RAW_DATA"]) / "adult" / "adult-train.csv.gz", skipinitialspace=True)
    drawn = tfar.load_run(run).model.sample(len(real), seed=seed)
    names = ("age", "hours.per.week", "education.num", "marital.status")
    figure.suptitle("a table, and as many synthetic rows", fontsize=11)
    for number, (axes, name) in enumerate(zip(figure.subplots(2, 2).flat, names, strict=True)):
        if pd.api.types.is_numeric_dtype(real[name]):
            bins = np.linspace(real[name].min() - 0.5, real[name].max() + 0.5, min(40, int(np.ptp(real[name])) + 2))
            heights = [np.histogram(table[name].astype(float), bins)[0] / len(table) for table in (real, drawn)]
            at, width = (bins[1:] + bins[:-1]) / 2, np.diff(bins)[0]
        else:
            classes = real[name].value_counts().index
            heights = [table[name].value_counts(normalize=True).reindex(classes, fill_value=0).to_numpy() for table in (real, drawn)]
            at, width = np.arange(len(classes)), 1.0
        for shift, height, colour, label in ((-0.2, heights[0], REAL, "real"), (0.2, heights[1], SYNTHETIC, "synthetic")):
            axes.bar(at + shift * width, height, 0.4 * width, color=colour, label=label)
        axes.set_title(name, fontsize=9)
        axes.set_yticks([])
        axes.tick_params(labelsize=7)
        if not pd.api.types.is_numeric_dtype(real[name]):
            axes.set_xticks([])
        if number == 0:
            axes.legend(fontsize=7, frameon=False)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="TABLE_RUN", help="run folder of a model of Adult")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures" / "overview.png", help="the picture")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draws (default: 0)")
    parser.add_argument("--overwrite", action="store_true", help="replace a picture that exists")
    args = parser.parse_args()
    out = refuse_existing(args.out, args.overwrite)
    folder = saved_model_folder(ROOT / "saved_models" / "pixelcnn-binarized_mnist")
    samples, completions = images(tf.saved_model.load(str(folder)).signatures, args.seed)
    figure = plt.figure(figsize=(15, 3.3), layout="constrained")
    first, second, third = figure.subfigures(1, 3, width_ratios=(6, 6, 7))
    grid(first.subplots(), samples.reshape(ROWS, COLUMNS, *samples.shape[1:]), "samples of a PixelCNN")
    grid(second.subplots(), completions, "the upper half given, and exact completions")
    marginals(third, args.run, args.seed)
    figure.savefig(out, dpi=110)
    return 0


if __name__ == "__main__":
    sys.exit(main())
