"""A dense layer whose connections follow from the degrees of its units."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfar import masks
from tfar.layers.masked import MaskedLayer
from tfar.validation import as_integers, check_counts, check_flags


@keras.saving.register_keras_serializable(package="tfar")
class MaskedDense(MaskedLayer):
    """A dense layer in which a unit sees only the inputs that its degree allows (Germain et al. 2015).

        y = activation((kernel * M) (x - mean) + (U * M) 1 + bias),   M[i, o] = in_degrees[i] <= out_degrees[o]   (`<` where `strict`)

    The mask is applied in each forward pass and is not a weight: it holds whatever values the kernel has.

    Args:
        in_degrees: degree of each input, integers `[I]`.
        out_degrees: degree of each unit, integers `[O]`.
        strict: whether a unit sees only smaller degrees, as an output layer must.
        activation: an activation, as Keras takes it; None for the identity.
        use_bias: whether to add a bias.
        conditioning: whether to add the connectivity-conditioning weights U (Germain et al. 2015, section 4.3), which tell a unit what
            it is connected to. The weight `conditioning_kernel` is sqrt(I) U: a step of Adam moves all of its entries at once, and would
            otherwise move a unit's sum too far.
        centred: whether to subtract `mean` `[I]`, a non-trainable weight that is zero until it is set. At the mean of the inputs it
            decorrelates the gradients of kernel and bias, and training takes fewer steps.
        kernel_initializer: initializer of the kernel `[I, O]`.
        window: how many degrees a unit sees, the largest of those allowed; None for all. The initial kernel is divided by the square
            root of the share of inputs that a unit sees, which gives it the scale of a layer with that many inputs.
        bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: as in `keras.layers.Dense`. Those of
            the kernel take the whole of it, without the mask.
        **kwargs: as in `keras.layers.Layer`, such as `activity_regularizer`.

    Call arguments:
        inputs: `[B, I]`, or with more axes before the last; the output is `[B, O]`.
        in_degrees, out_degrees: other degrees for this call, int32 `[I]` and `[O]`: another order or connectivity of the same weights.

    Raises:
        ValueError: an argument is not as above; the inputs do not have the size of `in_degrees`.

    >>> import numpy as np
    >>> layer = MaskedDense([1, 2, 3], [1, 2, 3], strict=True)
    >>> layer(np.ones([1, 3], "float32")).shape
    TensorShape([1, 3])
    """

    def __init__(
        self,
        in_degrees: Any,
        out_degrees: Any,
        strict: bool = False,
        activation: Any = None,
        use_bias: bool = True,
        conditioning: bool = False,
        centred: bool = False,
        kernel_initializer: Any = "glorot_uniform",
        window: int | None = None,
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        check_flags(strict=strict, conditioning=conditioning, centred=centred)
        if window is not None:
            check_counts(window=window)
        self.in_degrees, self.out_degrees = as_integers(in_degrees=in_degrees), as_integers(out_degrees=out_degrees)
        self.strict, self.window, self.conditioning, self.centred = strict, window, conditioning, centred
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: len(self.in_degrees)})

    def build(self, input_shape: Any = None) -> None:
        """Create the weights."""
        inputs, units = len(self.in_degrees), len(self.out_degrees)
        if input_shape is not None and input_shape[-1] != inputs:
            raise ValueError(f"inputs must have {inputs} features, as in_degrees has. Received: inputs.shape={input_shape}")
        self.add_kernel_and_bias((inputs, units), self._initial_kernel)
        if self.conditioning:
            self.conditioning_kernel = self.add_weight(name="conditioning_kernel", shape=(inputs, units), initializer="zeros")
        if self.centred:
            self.mean = self.add_weight(name="mean", shape=(inputs,), initializer="zeros", trainable=False)

    def _initial_kernel(self, shape: Sequence[int], dtype: Any = None) -> Any:
        kernel = self.kernel_initializer(shape, dtype)
        if self.window is None:
            return kernel
        seen = masks.dense_mask(self.in_degrees, self.out_degrees, self.strict, self.window).mean()
        return kernel / max(seen, 1 / shape[0]) ** 0.5

    def masked_kernel(self, in_degrees: Any = None, out_degrees: Any = None) -> tf.Tensor:
        """Return the kernel `[I, O]` with masked connections set to zero."""
        return self._masked(self.kernel, in_degrees, out_degrees)

    def offset(self, in_degrees: Any = None, out_degrees: Any = None, masked_kernel: tf.Tensor | None = None) -> tf.Tensor | None:
        """Return the sum of a unit whose inputs are all zero, bias + (U * M) 1 - (kernel * M) mean, `[O]`.

        Args:
            in_degrees, out_degrees: as in a call.
            masked_kernel: `masked_kernel(in_degrees, out_degrees)`, where the caller has it already.

        Returns:
            `[O]`, or None where the layer has none of these terms.
        """
        terms = []
        if self.use_bias:
            terms.append(self.cast(self.bias))
        if self.conditioning:
            connected = tf.reduce_sum(self._masked(self.conditioning_kernel, in_degrees, out_degrees), axis=0)
            terms.append(connected / len(self.in_degrees) ** 0.5)
        if self.centred:
            masked_kernel = self.masked_kernel(in_degrees, out_degrees) if masked_kernel is None else masked_kernel
            terms.append(-tf.linalg.matvec(masked_kernel, self.cast(self.mean), transpose_a=True))
        return tf.add_n(terms) if terms else None

    def _degrees(self, in_degrees: Any, out_degrees: Any) -> tuple[Any, Any]:
        """The degrees of a call; the layer's own where the call gives none."""
        return self.in_degrees if in_degrees is None else in_degrees, self.out_degrees if out_degrees is None else out_degrees

    def _masked(self, kernel: Any, in_degrees: Any, out_degrees: Any) -> tf.Tensor:
        in_degrees, out_degrees = self._degrees(in_degrees, out_degrees)
        mask = masks.dense_mask(tf.convert_to_tensor(in_degrees), tf.convert_to_tensor(out_degrees), self.strict, self.window)
        kernel = self.cast(kernel)
        return kernel * tf.cast(mask, kernel.dtype)

    def call(self, inputs: Any, in_degrees: Any = None, out_degrees: Any = None) -> tf.Tensor:
        """Map inputs `[B, I]`, of any numeric dtype, to `[B, O]`."""
        masked_kernel = self.masked_kernel(in_degrees, out_degrees)
        inputs = tf.cast(inputs, self.compute_dtype)  # discrete values are integers
        outputs = self._product(inputs, masked_kernel, in_degrees, out_degrees)  # (B, O)
        offset = self.offset(in_degrees, out_degrees, masked_kernel)
        return self.activation(outputs if offset is None else outputs + offset)

    def _product(self, inputs: Any, masked_kernel: tf.Tensor, in_degrees: Any, out_degrees: Any) -> tf.Tensor:
        """inputs @ masked_kernel. With a window and degrees known before the graph runs, blocks that are all zero are left out.

        Without a window about half of the kernel is zero: leaving that out saves less under XLA than it costs elsewhere.
        """
        in_degrees, out_degrees = self._degrees(in_degrees, out_degrees)
        if self.window is None or tf.is_tensor(in_degrees) or tf.is_tensor(out_degrees):
            return tf.matmul(inputs, masked_kernel)
        blocks = masks.dense_blocks(in_degrees, out_degrees, self.strict, self.window)
        columns = tf.split(masked_kernel, [stop - start for start, stop, *_ in blocks], axis=1)
        return tf.concat([tf.matmul(inputs[..., a:b], c[a:b]) for c, (_, _, a, b) in zip(columns, blocks, strict=True)], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return `(B, O)`."""
        return (*input_shape[:-1], len(self.out_degrees))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "in_degrees": self.in_degrees.tolist(),
            "out_degrees": self.out_degrees.tolist(),
            "strict": self.strict,
            "window": self.window,
            "conditioning": self.conditioning,
            "centred": self.centred,
        }
