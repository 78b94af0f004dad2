"""Write tfar/datasets/digits.npz, the data set that is shipped with tfar: python scripts/make_digits.py [OUT.npz]

Source: "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak, 1998), UCI Machine Learning Repository,
https://doi.org/10.24432/C50P49, licence CC BY 4.0; the 1,797 images that scikit-learn distributes as `load_digits`.
Needs scikit-learn, on which tfar itself does not depend. Every run writes the same file.
"""

import argparse
import os
from pathlib import Path

import numpy as np

HELD_OUT = 250  # images in each of the two held-out sets, validation and test
DEFAULT = Path(__file__).parents[1] / "tfar" / "datasets" / "digits.npz"


def split(labels, seed=0):
    """Return row numbers `(train, validation, test)` of a stratified split: every class has nearly its overall share in each.

    The rows are shuffled and then sorted by label. The held-out rows are taken from that sequence at even distances.
    """
    rng = np.random.RandomState(seed)  # its stream is frozen by NumPy's compatibility policy, unlike default_rng's
    shuffled = rng.permutation(len(labels))
    by_label = shuffled[np.argsort(labels[shuffled], kind="stable")]
    test = np.arange(HELD_OUT) * len(labels) // HELD_OUT
    validation = test + len(labels) // HELD_OUT // 2
    train = np.setdiff1d(np.arange(len(labels)), np.concatenate([validation, test]))
    return tuple(rng.permutation(by_label[chosen]) for chosen in (train, validation, test))


def main(path=DEFAULT):
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8, 1).astype(np.uint8)
    arrays = {}
    for name, rows in zip(("train", "validation", "test"), split(labels), strict=True):
        arrays[name] = images[rows]
        arrays[f"{name}_labels"] = labels[rows].astype(np.uint8)

    path = Path(path)
    temporary = path.with_name(f".{path.name}.tmp")
    with open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)
    os.replace(temporary, path)
    print(f"{path}: " + ", ".join(f"{k} {v.shape}" for k, v in arrays.items()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("path", nargs="?", metavar="OUT.npz", default=DEFAULT, help="file to write (default: that of tfar)")
    main(parser.parse_args().path)
