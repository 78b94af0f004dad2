"""Write patches of two colour photographs for `tfar train`: python scripts/make_photographs.py OUT.npz [--images DIR]

Source: china.jpg (danielbuechele, https://www.flickr.com/photos/danielbuechele/6061409035) and flower.jpg (vultilion,
https://www.flickr.com/photos/vultilion/6056698931), both CC BY 2.0, which scikit-learn distributes as `load_sample_images`. Needs
scikit-learn, on which tfar itself does not depend, or a folder with its two files. Every run writes the same arrays, uint8 [N, 16, 16, 3]:

    train       columns 0 to 223 and 432 to 639 of both photographs, patches at every third pixel, which overlap
    test        columns 240 to 335, side by side
    validation  columns 352 to 415, side by side

A band of 16 columns between two splits is in neither, so that no pixel of a test patch adjoins a training pixel.
"""

import argparse
import importlib.util
import sys
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tfar.files import atomic

NAMES = ("china.jpg", "flower.jpg")
SIDE, STRIDE = 16, 3
COLUMNS = {"train": ((0, 224), (432, 640)), "validation": ((352, 416),), "test": ((240, 336),)}


def patches(image, stride):
    """Cut an image `[H, W, 3]` into patches `[N, SIDE, SIDE, 3]`, row by row.

    >>> patches(np.zeros([40, 32, 3], np.uint8), SIDE).shape, patches(np.zeros([19, 32, 3], np.uint8), STRIDE).shape
    ((4, 16, 16, 3), (12, 16, 16, 3))
    """
    windows = sliding_window_view(image, (SIDE, SIDE), axis=(0, 1))[::stride, ::stride]  # (rows, columns, 3, SIDE, SIDE)
    return np.moveaxis(windows, 2, -1).reshape(-1, SIDE, SIDE, image.shape[-1])


def splits(images):
    """Return the patches of each split by its name, of images `[H, 640, 3]`."""
    return {
        name: np.concatenate([patches(image[:, first:last], STRIDE if name == "train" else SIDE) for image in images for first, last in of])
        for name, of in COLUMNS.items()
    }


def photographs(folder):
    """Read the two photographs, uint8 `[427, 640, 3]`, from a folder; None: from the installed scikit-learn.

    Raises:
        ValueError: there is no scikit-learn, or the files are not in the folder.
    """
    from PIL import Image

    if folder is None:
        spec = importlib.util.find_spec("sklearn")
        if spec is None or spec.origin is None:
            raise ValueError(f"{' and '.join(NAMES)} are files of scikit-learn; install it, or name their folder by --images")
        folder = Path(spec.origin).parent / "datasets" / "images"
    try:
        return [np.asarray(Image.open(folder / name).convert("RGB")) for name in NAMES]
    except OSError as error:
        raise ValueError(f"{' and '.join(NAMES)} must be images in {folder} ({error})") from None


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, metavar="OUT.npz", help="file to write")
    parser.add_argument("--images", type=Path, metavar="DIR", help="folder of the two photographs (default: that of scikit-learn)")
    args = parser.parse_args(words)
    try:
        arrays = splits(photographs(args.images))
        with atomic(args.path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
    except (ValueError, OSError) as error:
        print(f"make_photographs: error: {error}", file=sys.stderr)
        return 1
    print(f"{args.path}: " + ", ".join(f"{name} {list(x.shape)}" for name, x in arrays.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
