"""What endpoints take as the context of a conditional model: its numbers, or the name of a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfar.networks import SequenceNetwork
from tfar.validation import as_list

if TYPE_CHECKING:
    from tfar.models.autoregressive import AutoregressiveModel
    from tfar.serving.endpoints import Inputs

SHOWN = 20  # names that a message lists


class Condition:
    """The context `[B, C]` of endpoints: as it is, or one-hot of class labels.

    A label is the name of its class, or its number, "0" to "C - 1", where no name is such a number.

    Attributes:
        inputs: specs of what endpoints take: nothing, `context [B, C]` float32, or `label [B]` string.
        example: values of one row, by name, for which zeros are not a good request.

    Args:
        model: an `AutoregressiveModel`.
        labels: names of the classes in the order of the context's columns; None for contexts of numbers.

    Raises:
        ValueError: the labels are not C different strings, or the model takes no context or is one of text.

    >>> import tfar
    >>> condition = Condition(tfar.MADE([4], hidden_units=[8], context_size=2), ["oak", "elm"])
    >>> condition.context(label=tf.constant(["elm", "0"])).numpy().tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """

    def __init__(self, model: AutoregressiveModel, labels: Sequence[str] | None = None):
        size = model.network.context_size
        self.labels = None if labels is None else as_list(labels=labels)
        self.inputs: Inputs = {}
        self.example: dict[str, Any] = {}
        if self.labels is None:
            if size:
                self.inputs = {"context": tf.TensorSpec([None, size], tf.float32, name="context")}
            return
        if not size or isinstance(model.network, SequenceNetwork):
            raise ValueError(f"labels are for models of vectors and images with a context. Received: {model!r}")
        texts = {label for label in self.labels if isinstance(label, str)}
        if isinstance(labels, str) or not len(texts) == len(self.labels) == size:
            raise ValueError(f"labels must be {size} different strings, as the context has {size} numbers. Received: labels={labels!r}")
        self.inputs = {"label": tf.TensorSpec([None], tf.string, name="label")}
        self.example = {"label": self.labels[:1]}

    def context(self, context: tf.Tensor | None = None, label: Any = None) -> tf.Tensor | None:
        """The context of what an endpoint was given.

        Raises:
            InvalidArgumentError: a label is not one of the known.
        """
        if self.labels is None:
            return context
        numbers = [str(number) for number in range(len(self.labels))]
        matches = label[:, None] == tf.constant(self.labels)
        if set(numbers).isdisjoint(self.labels):
            matches |= label[:, None] == tf.constant(numbers)
        known = tf.reduce_any(matches, axis=1)
        more = f" and {len(self.labels) - SHOWN} others" if len(self.labels) > SHOWN else ""
        expected = f"label must be one of {', '.join(self.labels[:SHOWN])}{more}. Received:"
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(known), [expected, tf.boolean_mask(label, ~known)[:1]])]):
            return tf.cast(matches, tf.float32)

    def given(self, context: np.ndarray | None) -> dict[str, np.ndarray]:
        """What an endpoint must be given for a context `[N, C]`, arrays by name."""
        if context is None:
            return {}
        if self.labels is None:
            return {"context": context}
        return {"label": np.array([label.encode() for label in self.labels])[np.argmax(context, axis=-1)]}
