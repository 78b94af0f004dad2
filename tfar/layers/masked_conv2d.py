"""A convolution over an image that sees only earlier pixels, and earlier colours of its own pixel."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfar import masks
from tfar.layers.masked import MaskedLayer
from tfar.validation import MOST_UNITS, check_counts


@keras.saving.register_keras_serializable(package="tfar")
class MaskedConv2D(MaskedLayer):
    """A convolution whose units see only what comes before them in raster order (van den Oord et al. 2016, section 3.4).

        y = (kernel * M) x + bias          M: `tfar.masks.conv_mask`

    The kernel leaves out the rows below the centre: it is `[height // 2 + 1, width, I, O]`, over an image padded at the top and at the
    sides, so a 3x3 mask costs 6 of 9 taps and a 7x7 mask 28 of 49. (Two convolutions, of the rows above and of the unit's own row, would
    cost 5 and 25. On a CPU the second convolution takes longer than it saves, and its gradient under XLA much longer.)

    Args:
        filters: number of output channels O, a multiple of `colors`.
        kernel_size: height and width, both odd; or one number for both.
        mask_type: "A" where the input is the image itself, "B" where it is features.
        colors: number of channels of the image; `tfar.masks.color_groups` divides input and output channels into that many groups.
        use_bias: whether to add a bias.
        kernel_initializer: initializer of the kernel.
        activation, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: as in
            `keras.layers.Conv2D`. Those of the kernel take the whole of it, without the mask.
        **kwargs: as in `keras.layers.Layer`, such as `activity_regularizer`.

    Call arguments:
        inputs: `[B, H, W, I]`; the output is `[B, H, W, O]`.

    Raises:
        ValueError: `kernel_size` is even, `mask_type` is unknown, or a number of channels is not a multiple of `colors`.

    >>> import numpy as np
    >>> layer = MaskedConv2D(8, kernel_size=3, mask_type="A")
    >>> layer(np.ones([1, 5, 5, 1], "float32")).shape
    TensorShape([1, 5, 5, 8])
    >>> MaskedConv2D(8, kernel_size=4, mask_type="A")
    Traceback (most recent call last):
    ...
    ValueError: kernel_size must be odd, so that there is a centre to mask. Received: kernel_size=4
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        mask_type: str,
        colors: int = 1,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        activation: Any = None,
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
        check_counts(most=MOST_UNITS, filters=filters, colors=colors)
        self.kernel_size = masks.checked_kernel_size(kernel_size)
        self.filters, self.mask_type, self.colors = int(filters), mask_type, int(colors)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        masks.conv_mask(self.kernel_size, self.colors, self.filters, mask_type, self.colors)  # checks the arguments

    def build(self, input_shape: Any) -> None:
        """Create the weights for inputs `[B, H, W, I]`."""
        (height, width), channels = self.kernel_size, input_shape[-1]
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: channels})  # conv2d takes a multiple of the channels as groups
        self.mask = masks.conv_mask(self.kernel_size, channels, self.filters, self.mask_type, self.colors)[: height // 2 + 1]
        self.add_kernel_and_bias((height // 2 + 1, width, channels, self.filters))

    def masked_kernel(self) -> tf.Tensor:
        """Return the kernel `[height // 2 + 1, width, I, O]` with masked taps set to zero. Its last row is that of the centre."""
        kernel = self.cast(self.kernel)
        return kernel * tf.cast(self.mask, kernel.dtype)

    def call(self, inputs: Any) -> tf.Tensor:
        """Convolve images or features `[B, H, W, I]`, of any numeric dtype."""
        above, aside = self.kernel_size[0] // 2, self.kernel_size[1] // 2
        kernel, inputs = self.masked_kernel(), tf.cast(inputs, self.compute_dtype)  # discrete values are integers
        if above or aside:
            inputs = tf.pad(inputs, [[0, 0], [above, 0], [aside, aside], [0, 0]])
            outputs = tf.nn.conv2d(inputs, kernel, 1, "VALID")
        else:
            outputs = tf.tensordot(inputs, kernel[0, 0], 1)  # XLA has no fast path for 1x1 convolutions
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, self.cast(self.bias))  # faster than a broadcast sum
        return self.activation(outputs)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return `(B, H, W, O)`."""
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": list(self.kernel_size),
            "mask_type": self.mask_type,
            "colors": self.colors,
        }
