"""What the training loop is fed, whatever the data are."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

Batch = dict[str, tf.Tensor]


@dataclass(frozen=True)
class Feed:
    """Data as `tfar.training.loop` takes them.

    A global batch is a dict of tensors with one row for each example: `x`, and `context` where the model takes one. A batch is a function
    of its number alone, so that a training can be resumed at any of them.

    Attributes:
        batches: function of the number of the first batch that returns an endless stream of global batches from it on.
        batch_size: rows of a global batch.
        pass_steps: batches in one pass over the data.
        validation: function that returns the validation batches, all but the last of `batch_size` rows.
        validation_rows: number of validation rows.
        identity: what must be the same when a training is resumed, besides its settings: a dict that JSON can hold.
        carry: whether each batch begins in the state in which the one before it ended, and each pass in fresh states
            (`tfar.networks.SequenceNetwork`).
    """

    batches: Callable[[int], tf.data.Dataset]
    batch_size: int
    pass_steps: int
    validation: Callable[[], tf.data.Dataset]
    validation_rows: int
    identity: dict[str, Any] = field(default_factory=dict)
    carry: bool = False
