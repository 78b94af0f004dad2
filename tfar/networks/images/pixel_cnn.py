"""PixelCNN (van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel recurrent neural networks")."""

from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf

from tfar import config
from tfar.networks.base import Size, State
from tfar.networks.images.base import ImageNetwork
from tfar.networks.images.stepping import Pixel
from tfar.validation import MOST_LAYERS, MOST_UNITS, check_counts


@keras.saving.register_keras_serializable(package="tfar")
class PixelCNN(ImageNetwork):
    """Masked convolutions over an image: one of 7x7 with mask A, residual blocks with mask B, and 1x1 convolutions at the head (table 1).

        y^0 = conv7x7_A(x)
        y^l = y^{l-1} + W_3 g(conv3x3_B(u) + C^l c),   u = g(W_1 g(y^{l-1}))       (figure 5, left; g = relu)
        params = W g(W'' g(W' g(y^L)))

    with 1x1 mask-B convolutions W, 2h channels y, h channels u, and the context c, which reaches every block. A pixel sees the rows above
    within a widening triangle, which leaves a blind spot above to the right (`tfar.networks.GatedPixelCNN` has none). The window of the
    first convolution has no blind spot, so a wide window leaves little of it, at few weights where the image has few channels.

    Args:
        event_shape, params_size, num_classes, context_size: as in `tfar.networks.ImageNetwork`.
        filters: 2h, channels of the residual stream.
        num_blocks: number of residual blocks.
        kernel_size: size of the first convolution, odd, at least 3.
        head_filters: channels of the 1x1 convolutions at the head before the last; () for none.
        dropout: share of the h channels that training drops in each block.
        activation: g, elementwise, by its Keras name.
        positions, linear_means: as in `tfar.networks.ImageNetwork`.
        **kwargs: as in `keras.layers.Layer`.

    Raises:
        ValueError: as `tfar.networks.ImageNetwork`, or a size is not a positive integer.

    >>> import numpy as np
    >>> network = PixelCNN(event_shape=[5, 5, 1], filters=8, num_blocks=2, head_filters=[8])
    >>> network(np.zeros([2, 5, 5, 1])).shape
    TensorShape([2, 5, 5, 1, 1])
    """

    family = config.PixelCNN

    def __init__(
        self,
        event_shape: int | Iterable[int],
        params_size: int = 1,
        filters: int = config.PixelCNN.filters,
        num_blocks: int = config.PixelCNN.num_blocks,
        kernel_size: int = config.PixelCNN.kernel_size,
        head_filters: int | Iterable[int] = config.PixelCNN.head_filters,
        dropout: float = config.PixelCNN.dropout,
        positions: bool = config.PixelCNN.positions,
        linear_means: bool = config.PixelCNN.linear_means,
        activation: Any = config.PixelCNN.activation,
        **kwargs: Any,
    ):
        super().__init__(event_shape, params_size, kernel_size, head_filters, dropout, positions, linear_means, activation, **kwargs)
        check_counts(most=MOST_LAYERS, num_blocks=num_blocks)
        check_counts(most=MOST_UNITS, filters=filters)
        self.filters, self.num_blocks = self.rounded(filters, 2), num_blocks
        blocks, half = range(num_blocks), self.filters // 2
        self.first = self.conv(self.filters, kernel_size, "first", "A")
        self.narrow = [self.conv(half, 1, f"narrow_{n}") for n in blocks]
        self.spread = [self.conv(half, 3, f"spread_{n}") for n in blocks]
        self.widen = [self.conv(self.filters, 1, f"widen_{n}") for n in blocks]
        self.dropouts, self.conditioning = self.dropouts_for(num_blocks), self.conditioning_for(num_blocks * half)

    def build(self, x_shape: Any = None, context_shape: Any = None) -> None:
        """Create the weights."""
        height, width, colors = self.event_shape
        self.first.build((None, height, width, colors))
        for narrow, spread, widen in zip(self.narrow, self.spread, self.widen, strict=True):
            narrow.build((None, height, width, self.filters))
            spread.build((None, height, width, self.filters // 2))
            widen.build((None, height, width, self.filters // 2))
        self.build_positions(self.filters)
        self.build_head(self.filters)

    def context_terms(self, context: tf.Tensor) -> Any:
        """Return what the context `[B, C]` adds in each block, `[B, L, h]`."""
        return tf.reshape(self.conditioning(context), [-1, self.num_blocks, self.filters // 2])

    def features_of(self, x: tf.Tensor, context: tf.Tensor | None, training: bool) -> Any:
        """Return features `[B, H, W, 2h]` of scaled images `[B, H, W, C]`."""
        terms = None if context is None else self.context_terms(context)[:, None, None]
        g = self.activation
        y: Any = self.first(x)  # (B, H, W, 2h)
        y = y + tf.cast(self.position, y.dtype) if self.positions else y
        for n, (narrow, spread, widen) in enumerate(zip(self.narrow, self.spread, self.widen, strict=True)):
            u = spread(g(narrow(g(y))))  # (B, H, W, h)
            u = g(u if terms is None else u + terms[..., n, :])
            y += widen(self.dropouts[n](u, training=training))
        return y

    def initial_state(self, batch_size: Size, context: tf.Tensor | None = None, value_dtype: tf.DType = tf.float32, **member: Any) -> State:
        """Return the state before the first row: the weights by colour, an empty view, and u of each pixel of a row."""
        colors, dtype = self.colors, self.compute_dtype
        width, blocks, half = self.event_shape[1], self.num_blocks, self.filters // 2
        context = self.as_context(context)
        kernels: Any = self.kernels(self.spread)  # (L, 2, 3, h, h)
        offsets = tf.stack([self.cast(layer.bias) for layer in self.spread])[..., None]  # (L, h, 1)
        if context is not None:
            offsets += tf.transpose(self.context_terms(context), [1, 2, 0])
        features = sum(layer.kernel.shape[2] for layer in [*self.narrow, *self.spread, *self.widen, *self.head])
        weights = {
            "first": self.matrices([self.first]),
            "narrow": self.matrices(self.narrow),
            "above": tf.transpose(tf.reshape(kernels[:, 0], [blocks, -1, half]), [0, 2, 1]),  # (L, h, 3h)
            "left": self.stacked_by_color(kernels[:, 1, 0]),  # (C, L, h / C, h)
            "own": self.stacked_by_color(kernels[:, 1, 1]),
            "widen": self.matrices(self.widen),
            "head": self.matrices(self.head),
            "offsets": offsets,
            **self.position_table(),
        }
        zeros = tf.zeros([blocks, half, batch_size], dtype)
        return {
            "weights": weights,
            "view": self.blank(self.kernel_size // 2, self.kernel_size // 2, batch_size),
            "row": self.row_array(zeros).unstack(tf.tile(zeros[None], [width, 1, 1, 1])),
            "sums": tf.zeros([width, blocks, half, batch_size], dtype),  # what the rows above add to the 3x3 convolutions of this row
            "before": zeros,  # u of the pixel to the left
            "here": zeros,  # u of this pixel
            "pixel": tf.zeros([colors, features // colors, batch_size], dtype),
            "block": tf.constant(0),
        }

    def enter_block(self, state: State, block: tf.Tensor, previous: tf.Tensor) -> State:
        """Compute what the row above adds to the 3x3 convolutions of a row."""
        weights, width = state["weights"], self.event_shape[1]
        row = tf.pad(state["row"].stack(), [[1, 1], [0, 0], [0, 0], [0, 0]])
        taps = tf.concat([row[n : n + width] for n in range(3)], axis=2)  # (W, L, 3h, B)
        sums = tf.matmul(weights["above"], taps) + weights["offsets"]
        zeros = tf.zeros_like(state["here"])
        rows = {"view": self.next_row(state["view"]), "row": self.row_array(zeros)}
        return {**state, **rows, "sums": sums, "before": zeros, "here": zeros, "block": block}

    def step(self, state: State, index: tf.Tensor, previous: tf.Tensor) -> tuple[tf.Tensor, State]:
        """Compute one sub-pixel, and return its parameters `[B, P]`."""
        weights, g = state["weights"], self.activation
        _, column, color = self.place(index)
        view = self.take_in(state["view"], state["block"], index, previous)
        pixel = Pixel(state["pixel"], color)
        before = state["here"] if self.colors == 1 else tf.where(color == 0, state["here"], state["before"])
        sums = self.of_color(tf.gather(state["sums"], column), color) + tf.matmul(self.take(weights["left"], color), before)
        sums, here = tf.unstack(sums), []
        (first,), narrow, widen = (self.layers_of(weights[name], color) for name in ("first", "narrow", "widen"))
        own = tf.unstack(self.take(weights["own"], color))
        y = self.placed(self.product(first, self.window(view, column, self.kernel_size // 2)), weights, index)
        for n in range(self.num_blocks):
            here.append(pixel(g(self.product(narrow[n], pixel(g(y))))))
            u = g(tf.matmul(own[n], here[n]) + sums[n])
            y += self.product(widen[n], pixel(u))
        params = self.last(weights["head"], y, pixel, view, column, color)
        here = tf.stack(here)
        now = {"view": view, "row": state["row"].write(column, here), "before": before, "here": here, "pixel": pixel.table}
        return params, {**state, **now}

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "filters": self.filters, "num_blocks": self.num_blocks}
