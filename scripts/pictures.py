"""Draw samples of an exported image model beside their nearest training images and test images, and completions.

    python scripts/pictures.py [saved_models/NAME] [--data binarized_mnist] [--levels L] [--context label] [--out docs/pictures] [--seed 0]
                               [--overwrite]

Writes NAME-samples.png and NAME-completions.png. A conditional model samples given the contexts of test images. Completions are of the
lower half given the upper half, which needs a model in raster order. The nearest training image has the least squared Euclidean distance
to the sample: a model that had memorised images would draw them again. The model is read from the SavedModel alone; tfar loads the data.
TFDS_DATA_DIR names the folder of prepared data sets.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from query_saved_model import saved_model_folder

from tfar import datasets, plotting
from tfar.files import refuse_existing

ROOT = Path(__file__).resolve().parent.parent
SIDE, COMPLETED, DRAWS = 6, 8, 6


def nearest(x, among):
    """Return for each row of x the row of `among` at the least Euclidean distance."""
    flat, others = (rows.reshape(len(rows), -1).astype(np.float32) for rows in (x, among))
    return among[np.argmin(np.square(others).sum(1) - 2 * flat @ others.T, axis=1)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "model", nargs="?", type=Path, default=ROOT / "saved_models" / "pixelcnn-binarized_mnist", help="folder of the model"
    )
    parser.add_argument("--data", default="binarized_mnist", help="--data of the training (default: binarized_mnist)")
    parser.add_argument("--levels", type=int, help="--levels of the training")
    parser.add_argument("--context", help="--context of the training")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures", help="folder to write to (default: docs/pictures)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draws (default: 0)")
    parser.add_argument("--overwrite", action="store_true", help="replace pictures that exist")
    args = parser.parse_args()
    paths = {what: refuse_existing(args.out / f"{args.model.name}-{what}.png", args.overwrite) for what in ("samples", "completions")}
    served = tf.saved_model.load(str(saved_model_folder(args.model))).signatures
    data = datasets.load(args.data, levels=args.levels, context=args.context)
    args.out.mkdir(parents=True, exist_ok=True)

    def images(x):
        return plotting.as_images(x, data.levels)

    def drawn(endpoint, rows, **given):
        context = {} if data.context_size is None else {"context": data.test.context[rows]}
        given |= context | {"seed": np.stack([np.full(len(rows), args.seed), np.arange(len(rows))], axis=1).astype(np.int32)}
        return served[endpoint](**{name: tf.constant(value) for name, value in given.items()})["x"].numpy()

    samples = drawn("sample", np.arange(SIDE**2))
    learned = nearest(samples, data.train.x)
    grids = {"samples": samples, "the training image nearest to each": learned, "test images": data.test.x[: SIDE**2]}
    picture = plotting.image_grids({title: images(x) for title, x in grids.items()}, SIDE)
    plotting.save(picture, paths["samples"], args.overwrite)

    x = data.test.x[:COMPLETED]
    observed = np.zeros(x.shape, bool)
    observed[:, : x.shape[1] // 2] = True
    rows = np.repeat(np.arange(COMPLETED), DRAWS)
    draws = images(drawn("complete", rows, x=x[rows], observed=observed[rows]))
    draws = draws.reshape(COMPLETED, DRAWS, *draws.shape[1:])
    plotting.save(plotting.completions(images(x), observed[..., 0], draws), paths["completions"], args.overwrite)
    print(*paths.values(), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
