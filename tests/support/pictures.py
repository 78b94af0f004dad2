"""What the tests of pictures during training share."""

import numpy as np
import tensorflow as tf

from tfar.datasets import Split


def stripes(rows=60, seed=0):
    """Images `[rows, 4, 4, 1]` of stripes, and the direction of the stripes as a context."""
    across = np.random.default_rng(seed).integers(0, 2, rows)
    image = np.tile(np.arange(4) % 2, (4, 1))
    return Split(np.where(across[:, None, None], image, image.T)[..., None].astype(np.int32), np.eye(2, dtype=np.float32)[across])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def events(folder):
    """What the event files of a folder hold: dict of (tag, step) -> tensor."""
    found = {}
    for path in sorted(folder.glob("events*")):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            found |= {(value.tag, event.step): tf.make_ndarray(value.tensor) for value in event.summary.value}
    return found
