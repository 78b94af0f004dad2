"""Draw what a served model of images writes: samples beside their nearest training images and test images, and completions.

    python scripts/pictures.py [saved_models/NAME] [--data binarized_mnist] [--out docs/pictures] [--seed 0] [--overwrite]

Writes NAME-samples.png and NAME-completions.png. A sample's nearest training image is the one that differs from it least, in the sum of
squares over its pixels: a model that had learned images by heart would draw them again. The model is the SavedModel alone, the data are
loaded by tfar; where prepared data sets lie says TFDS_DATA_DIR.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfar import datasets, plotting
from tfar.files import refuse_existing

ROOT = Path(__file__).resolve().parent.parent
SIDE, COMPLETED, DRAWS = 6, 8, 6


def newest(folder):
    """The version with the highest number."""
    versions = [path for path in folder.iterdir() if path.name.isdigit()]
    if not versions:
        raise FileNotFoundError(f"{folder} must hold a version, a folder whose name is a number. Received: none")
    return max(versions, key=lambda path: int(path.name))


def nearest(x, among):
    """For each row of x the row of `among` at the least Euclidean distance."""
    flat, others = (rows.reshape(len(rows), -1).astype(np.float32) for rows in (x, among))
    return among[np.argmin(np.square(others).sum(1) - 2 * flat @ others.T, axis=1)]


def seeds(count, seed):
    return tf.stack([tf.fill([count], seed), tf.range(count)], axis=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, default=ROOT / "saved_models" / "pixelcnn-binarized_mnist")
    parser.add_argument("--data", default="binarized_mnist", help="what the model was trained on, as tfar train takes it")
    parser.add_argument("--levels", type=int, help="likewise")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--overwrite", action="store_true")
    args = parser.parse_args()
    paths = {what: refuse_existing(args.out / f"{args.model.name}-{what}.png", args.overwrite) for what in ("samples", "completions")}
    served = tf.saved_model.load(str(newest(args.model))).signatures
    data = datasets.load(args.data, levels=args.levels)
    args.out.mkdir(parents=True, exist_ok=True)

    def images(x):
        return plotting.as_images(x, data.levels)

    samples = served["sample"](seed=seeds(SIDE**2, args.seed))["x"].numpy()
    learned = nearest(samples, data.train.x)
    grids = {"samples": samples, "the training image nearest to each": learned, "test images": data.test.x[: SIDE**2]}
    picture = plotting.image_grids({title: images(x) for title, x in grids.items()}, SIDE)
    plotting.save(picture, paths["samples"], args.overwrite)

    x = data.test.x[:COMPLETED]
    observed = np.zeros(x.shape, bool)
    observed[:, : x.shape[1] // 2] = True
    given = {"x": np.repeat(x, DRAWS, axis=0), "observed": np.repeat(observed, DRAWS, axis=0)}
    draws = served["complete"](**{name: tf.constant(value) for name, value in given.items()}, seed=seeds(len(x) * DRAWS, args.seed))["x"]
    drawn = images(draws.numpy()).reshape(len(x), DRAWS, *images(x).shape[1:])
    plotting.save(plotting.completions(images(x), observed[..., 0], drawn), paths["completions"], args.overwrite)
    print(*paths.values(), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
