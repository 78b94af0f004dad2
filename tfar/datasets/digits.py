"""The embedded data set: 1,797 handwritten digits of 8 x 8 pixels, which need no download.

Source: "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak, 1998), UCI Machine Learning Repository,
https://doi.org/10.24432/C50P49, licence CC BY 4.0, as distributed by scikit-learn. `scripts/make_digits.py` makes the file.
"""

from pathlib import Path

import numpy as np

from tfar.datasets.source import SPLITS, Source, Split

NAME = "digits"
LEVELS = 17  # a pixel counts the ink, 0 to 16, in a block of 4 x 4 pixels of the scan


def read_digits(context: str | None = None) -> Source:
    """Read the digits as scanned: uint8 `[N, 8, 8, 1]` in 0..16, 1,297 for training, 250 for validation, 250 for the test.

    Args:
        context: None, or "label" for the digit's class.

    Returns:
        A `Source`. `load` makes its images binary unless the user asks for other levels.

    Raises:
        ValueError: `context` is neither None nor "label".

    >>> read_digits().splits["train"].x.shape
    (1297, 8, 8, 1)
    """
    if context not in (None, "label"):
        raise ValueError(f'The digits have one context, "label". Received: context={context!r}')
    with np.load(Path(__file__).with_name("digits.npz")) as arrays:
        splits = {name: Split(arrays[name], arrays[f"{name}_labels"] if context else None) for name in SPLITS}
    return Source(splits, label_names=tuple("0123456789"), levels=LEVELS, default_levels=2)
