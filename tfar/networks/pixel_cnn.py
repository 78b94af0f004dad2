"""PixelCNN (van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel recurrent neural networks")."""

import keras
import tensorflow as tf

from tfar.layers import MaskedConv2D
from tfar.networks.image import ImageNetwork, Pixel, by_color, take


@keras.saving.register_keras_serializable(package="tfar")
class PixelCNN(ImageNetwork):
    """Masked convolutions over an image: a 7x7 one with mask A, residual blocks with mask B, and 1x1 ones at the head (table 1).

        y^0 = conv7x7_A(x)
        y^l = y^{l-1} + W_3 relu(conv3x3_B(u) + C^l c),   u = relu(W_1 relu(y^{l-1}))       (figure 5, left)
        params = W relu(W'' relu(W' relu(y^L)))

    with 1x1 mask-B convolutions W, 2h channels y, h channels u, and the context c, which reaches every block. A pixel sees the rows above
    within a widening triangle: there is a blind spot above to the right (`tfar.networks.GatedPixelCNN` has none).

    Args:
        filters: 2h, channels of the residual stream.
        num_blocks: number of residual blocks.
        kernel_size: of the first convolution, odd.
        head_filters: channels of each 1x1 convolution at the head; () for none but the last.
        dropout: share of the h channels that training drops in each block.
        linear_means, num_classes, context_size: as in `tfar.networks.image.ImageNetwork`.

    Raises:
        ValueError: a size that is no positive integer, an even kernel, or what `tfar.networks.image.ImageNetwork` refuses.

    >>> import numpy as np
    >>> network = PixelCNN(event_shape=[5, 5, 1], filters=8, num_blocks=2, head_filters=[8])
    >>> network(np.zeros([2, 5, 5, 1])).shape
    TensorShape([2, 5, 5, 1, 1])
    """

    def __init__(
        self,
        event_shape,
        params_size=1,
        filters=32,
        num_blocks=15,
        kernel_size=7,
        head_filters=(32, 32),
        dropout=0.0,
        linear_means=False,
        **kwargs,
    ):
        super().__init__(event_shape, params_size, linear_means=linear_means, **kwargs)
        self.check_counts(num_blocks=num_blocks, filters=filters, head_filters=head_filters)
        self.check_counts(3, kernel_size=kernel_size)
        self.filters, self.num_blocks, self.kernel_size = self.rounded(filters, 2), num_blocks, kernel_size
        self.head_filters, self.dropout = tuple(map(self.rounded, head_filters)), float(dropout)

        def conv(size, kernel, name, mask_type="B"):
            return MaskedConv2D(size, kernel, mask_type, self.colors, name=name, dtype=self.dtype_policy)

        blocks, half = range(self.num_blocks), self.filters // 2
        self.first = conv(self.filters, kernel_size, "first", "A")
        self.narrow = [conv(half, 1, f"narrow_{n}") for n in blocks]
        self.spread = [conv(half, 3, f"spread_{n}") for n in blocks]
        self.widen = [conv(self.filters, 1, f"widen_{n}") for n in blocks]
        sizes = [*self.head_filters, self.colors * self.outputs_size]
        self.head = [conv(size, 1, f"head_{n}") for n, size in enumerate(sizes)]
        self.dropouts = [keras.layers.Dropout(self.dropout, name=f"dropout_{n}") for n in blocks] if dropout else []
        self.conditioning = None
        if self.context_size:
            self.conditioning = keras.layers.Dense(self.num_blocks * half, use_bias=False, name="context", dtype=self.dtype_policy)

    def build(self, x_shape=None, context_shape=None):
        height, width, colors = self.event_shape
        self.first.build((None, height, width, colors))
        for narrow, spread, widen in zip(self.narrow, self.spread, self.widen, strict=True):
            narrow.build((None, height, width, self.filters))
            spread.build((None, height, width, self.filters // 2))
            widen.build((None, height, width, self.filters // 2))
        for layer, size in zip(self.head, [self.filters, *self.head_filters], strict=True):
            layer.build((None, height, width, size))
        if self.conditioning is not None:
            self.conditioning.build((None, self.context_size))

    def context_terms(self, context):
        """What the context `[B, C]` adds in each block, `[B, L, h]`."""
        return tf.reshape(self.conditioning(context), [-1, self.num_blocks, self.filters // 2])

    def call(self, x, context=None, training=False):
        context, x = self.as_context(context), self.as_images(x)
        terms = None if self.conditioning is None else self.context_terms(context)[:, None, None]
        y = self.first(x)  # (B, H, W, 2h)
        for n, (narrow, spread, widen) in enumerate(zip(self.narrow, self.spread, self.widen, strict=True)):
            u = spread(tf.nn.relu(narrow(tf.nn.relu(y))))  # (B, H, W, h)
            u = tf.nn.relu(u if terms is None else u + terms[..., n, :])
            y += widen(self.dropouts[n](u, training=training) if self.dropouts else u)
        for layer in self.head:
            y = layer(tf.nn.relu(y))
        return self.as_params(tf.reshape(y, [-1, *self.event_shape, self.outputs_size]), self.earlier_colors(x))

    def initial_state(self, batch_size, context=None, value_dtype=None):
        colors, dtype = self.colors, self.compute_dtype
        context = self.as_context(context)

        kernels = [layer.masked_kernel() for layer in self.spread]  # L x (2, 3, h, h)
        offsets = tf.stack([tf.cast(layer.bias, dtype)[:, None] for layer in self.spread])  # (L, h, 1)
        if context is not None:
            offsets += tf.transpose(self.context_terms(context), [1, 2, 0])
        features = sum(layer.kernel.shape[2] for layer in [*self.narrow, *self.spread, *self.widen, *self.head])
        state = {
            "first": self.matrices([self.first])[0],
            "narrow": self.matrices(self.narrow),
            "above": tf.stack([tf.reshape(kernel[0], [-1, kernel.shape[-1]]) for kernel in kernels]),  # (L, 3 h, h)
            "left": tf.stack([by_color(kernel[1, 0], colors) for kernel in kernels], axis=1),  # (C, L, h / C, h)
            "own": [by_color(kernel[1, 1], colors) for kernel in kernels],
            "widen": self.matrices(self.widen),
            "head": self.matrices(self.head),
            "offsets": offsets,
        }
        width, blocks, half = self.event_shape[1], self.num_blocks, self.filters // 2
        zeros = tf.zeros([blocks, half, batch_size], dtype)
        return {
            "weights": state,
            "view": self.blank(self.kernel_size // 2, self.kernel_size // 2, batch_size),
            "row": self.row_array(zeros).unstack(tf.tile(zeros[None], [width, 1, 1, 1])),
            "sums": tf.zeros([width, blocks, half, batch_size], dtype),  # what the rows above add to the 3x3 convolutions of this row
            "before": zeros,  # u of the pixel to the left
            "here": zeros,  # u of this pixel
            "pixel": tf.zeros([colors, features // colors, batch_size], dtype),
            "block": tf.constant(0),
        }

    def enter_block(self, state, block):
        weights, width = state["weights"], self.event_shape[1]
        row = tf.pad(state["row"].stack(), [[1, 1], [0, 0], [0, 0], [0, 0]])
        taps = tf.concat([row[n : n + width] for n in range(3)], axis=2)  # (W, L, 3 h, B)
        sums = tf.einsum("lio,wlib->wlob", weights["above"], taps) + weights["offsets"]
        zeros = tf.zeros_like(state["here"])
        rows = {"view": self.next_row(state["view"]), "row": self.row_array(zeros)}
        return {**state, **rows, "sums": sums, "before": zeros, "here": zeros, "block": block}

    def step(self, state, index, previous):
        weights = state["weights"]
        _, column, color = self.place(index)
        view = self.take_in(state["view"], state["block"], index, previous)
        pixel = Pixel(state["pixel"], color)
        before = state["here"] if self.colors == 1 else tf.where(color == 0, state["here"], state["before"])
        sums = self.of_color(tf.gather(state["sums"], column), color) + tf.matmul(take(weights["left"], color), before)
        here = []
        y = self.product(weights["first"], self.window(view, column, self.kernel_size // 2), color)
        for n in range(self.num_blocks):
            here.append(pixel(tf.nn.relu(self.product(weights["narrow"][n], pixel(tf.nn.relu(y)), color))))
            u = tf.nn.relu(tf.matmul(take(weights["own"][n], color), here[n]) + sums[n])
            y += self.product(weights["widen"][n], pixel(u), color)
        for matrix in weights["head"]:
            y = self.product(matrix, pixel(tf.nn.relu(y)), color)
        params = self.as_params(tf.transpose(y), self.earlier_colors_of(view, column, color))
        here = tf.stack(here)
        now = {"view": view, "row": state["row"].write(column, here), "before": before, "here": here, "pixel": pixel.table}
        return params, {**state, **now}

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "num_blocks": self.num_blocks,
            "kernel_size": self.kernel_size,
            "head_filters": list(self.head_filters),
            "dropout": self.dropout,
        }
