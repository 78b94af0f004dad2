"""What masked layers share: a kernel, some of whose entries are left out, and a bias."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfar.validation import check_flags, from_keras


class MaskedLayer(keras.layers.Layer):
    """A layer whose kernel a subclass multiplies by a mask in each call. The mask is no weight, and holds whatever values the kernel has.

    Args:
        activation: an activation, as Keras takes it; None for the identity.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: as in
            `keras.layers.Dense`. Those of the kernel take the whole of it, without the mask.
        **kwargs: as in `keras.layers.Layer`.
    """

    kernel: Any
    bias: Any = None

    def __init__(
        self,
        *,
        activation: Any,
        use_bias: bool,
        kernel_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        bias_regularizer: Any,
        kernel_constraint: Any,
        bias_constraint: Any,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_flags(use_bias=use_bias)
        self.use_bias = use_bias
        self.activation: Callable[[Any], Any] = from_keras(keras.activations.get, activation=activation)
        self.kernel_initializer: Any = from_keras(keras.initializers.get, kernel_initializer=kernel_initializer)
        self.bias_initializer: Any = from_keras(keras.initializers.get, bias_initializer=bias_initializer)
        self.kernel_regularizer: Any = from_keras(keras.regularizers.get, kernel_regularizer=kernel_regularizer)
        self.bias_regularizer: Any = from_keras(keras.regularizers.get, bias_regularizer=bias_regularizer)
        self.kernel_constraint: Any = from_keras(keras.constraints.get, kernel_constraint=kernel_constraint)
        self.bias_constraint: Any = from_keras(keras.constraints.get, bias_constraint=bias_constraint)

    def add_kernel_and_bias(self, shape: Sequence[int], initializer: Any = None) -> None:
        """Create the weights; the last axis of the kernel is that of the units."""
        self.kernel = self.add_weight(
            name="kernel",
            shape=shape,
            initializer=self.kernel_initializer if initializer is None else initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=shape[-1:],
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def cast(self, weight: Any) -> tf.Tensor:
        """A weight in the dtype of the computation."""
        return tf.cast(tf.convert_to_tensor(weight), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
        }
