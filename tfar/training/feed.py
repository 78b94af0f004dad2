"""What the training loop is fed, whatever the data are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import tensorflow as tf


@dataclass(frozen=True)
class Feed:
    """Data as `tfar.training.loop` takes them.

    Attributes:
        batches: function of the number of the first batch that returns an endless `tf.data` stream from it on. A batch is a function of
            its number alone.
        pass_steps: batches in one pass over the data.
        validation: Keras' arguments `validation_data` and the like.
        identity: dict of what must be the same when a training is resumed, besides its settings.
        arguments: further arguments of `model.fit`.
        callbacks: Keras callbacks that the data need.
        variables: variables that a checkpoint keeps.
    """

    batches: Callable[[int], tf.data.Dataset]
    pass_steps: int
    validation: dict[str, Any]
    identity: dict[str, Any]
    arguments: dict[str, Any] = field(default_factory=dict)
    callbacks: Sequence[keras.callbacks.Callback] = ()
    variables: Sequence[tf.Variable] = ()
