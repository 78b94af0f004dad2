"""A convolution over an image that looks at earlier pixels, and at earlier colours of its own, only."""

import keras
import numpy as np
import tensorflow as tf

from tfar import masks


@keras.saving.register_keras_serializable(package="tfar")
class MaskedConv2D(keras.layers.Layer):
    """A convolution whose units see only what comes before them in raster order, van den Oord et al. 2016, section 3.4.

        y = (kernel * M) x + bias          M: `tfar.masks.conv_mask`

    The rows below the centre are not in the kernel at all: it is `[height // 2 + 1, width, I, O]` over an image that is padded at the
    top and at the sides, so that a 3x3 mask costs 6 of 9 taps and a 7x7 mask 28 of 49. (A convolution of the rows above and one of the
    own row would cost 5 and 25; on a CPU the second convolution takes longer than it saves, and its gradient under XLA much longer.)

    Args:
        filters: number of output channels O, a multiple of `colors`.
        kernel_size: height and width, both odd; or one number for both.
        mask_type: "A" on the image itself, "B" on features.
        colors: number of channels of the image; input and output channels are divided into as many groups, see
            `tfar.masks.color_groups`.
        use_bias: whether to add a bias.
        kernel_initializer: initialiser of the kernel.

    Call arguments:
        inputs: `[B, H, W, I]`; the output is `[B, H, W, O]`.

    Raises:
        ValueError: a kernel that has no centre, an unknown mask type, or channels that are no multiple of `colors`.

    >>> layer = MaskedConv2D(8, kernel_size=3, mask_type="A")
    >>> layer(np.ones([1, 5, 5, 1], "float32")).shape
    TensorShape([1, 5, 5, 8])
    >>> MaskedConv2D(8, kernel_size=4, mask_type="A")
    Traceback (most recent call last):
    ...
    ValueError: kernel_size must be odd, so that there is a centre to mask. Received: kernel_size=(4, 4)
    """

    def __init__(self, filters, kernel_size, mask_type, colors=1, use_bias=True, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        size = kernel_size
        self.kernel_size = (size, size) if isinstance(size, int | np.integer) else tuple(int(n) for n in size)
        self.filters, self.mask_type, self.colors, self.use_bias = int(filters), mask_type, int(colors), use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        masks.conv_mask(self.kernel_size, self.colors, self.filters, mask_type, self.colors)  # refuses what cannot be masked

    def build(self, inputs_shape):
        (height, width), channels = self.kernel_size, inputs_shape[-1]
        self._mask = masks.conv_mask(self.kernel_size, channels, self.filters, self.mask_type, self.colors)[: height // 2 + 1]
        shape = (height // 2 + 1, width, channels, self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=self.kernel_initializer)
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros") if self.use_bias else None

    def masked_kernel(self):
        """The kernel `[height // 2 + 1, width, I, O]` with the taps that are not allowed set to zero; its last row is the own one."""
        kernel = tf.cast(tf.convert_to_tensor(self.kernel), self.compute_dtype)
        return kernel * tf.cast(self._mask, kernel.dtype)

    def call(self, inputs):
        above, aside = self.kernel_size[0] // 2, self.kernel_size[1] // 2
        kernel, inputs = self.masked_kernel(), tf.cast(inputs, self.compute_dtype)  # values of discrete data are integers
        if above or aside:
            inputs = tf.pad(inputs, [[0, 0], [above, 0], [aside, aside], [0, 0]])
            outputs = tf.nn.conv2d(inputs, kernel, 1, "VALID")
        else:
            outputs = tf.tensordot(inputs, kernel[0, 0], 1)  # XLA has no fast path for a 1x1 convolution
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, tf.cast(tf.convert_to_tensor(self.bias), outputs.dtype))  # a sum that broadcasts is slower
        return outputs

    def compute_output_shape(self, inputs_shape):
        return (*inputs_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": list(self.kernel_size),
            "mask_type": self.mask_type,
            "colors": self.colors,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
