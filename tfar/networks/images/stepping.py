"""One sub-pixel at a time through masked convolutions: what a step sees of the image, and its share of each layer's weights.

Arrays are position-major, `[channels, B]`, so that a layer is one small matrix product. What the rows above add to a row is computed for
the whole row at once; a step adds what the pixels to the left and the earlier colours of its own pixel contribute.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfar.layers import MaskedConv2D
from tfar.networks.base import AutoregressiveNetwork, Size, State

Matrix = tuple[tf.Tensor, tf.Tensor]  # weights and bias of a 1x1 convolution
Matrices = tuple[tf.Tensor, tf.Tensor]  # those of several that are alike, by colour


class PixelStepping(AutoregressiveNetwork):
    """The parts of the stepping protocol that networks of images share. A row of pixels is a block.

    A *view* holds the scaled values of a row and of the rows above it that a convolution sees, zero outside the image and where nothing is
    known yet, as the padding of a convolution is.

    Attributes:
        activation: the elementwise activation of the head.
        positions: whether there are features of positions.
        position: these features, `[H, W, n]`, or None.
    """

    activation: Callable[[Any], Any]
    positions: bool
    position: Any

    @property
    def colors(self) -> int:
        """C, the number of channels of the image."""
        return self.event_shape[2]

    @property
    def block_size(self) -> int:
        """W C, a row of sub-pixels."""
        return self.event_shape[1] * self.colors

    def scale(self, x: Any) -> tf.Tensor:
        """Return values in the network's dtype; integers 0..K-1 are scaled to [-1, 1]."""
        x = tf.cast(x, self.compute_dtype)
        return x if self.num_classes is None else x * (2.0 / (self.num_classes - 1)) - 1.0

    def as_params(self, outputs: tf.Tensor, earlier: tf.Tensor) -> tf.Tensor:
        """Return parameters `[..., P]` from outputs `[..., Q]` and the values of the pixel's earlier colours `[..., C - 1]`."""
        raise NotImplementedError

    def place(self, index: Any) -> tuple[Any, Any, Any]:
        """Return row, column and colour of a position."""
        row, inside = index // self.block_size, index % self.block_size
        return row, inside // self.colors, inside % self.colors

    def blank(self, above: int, aside: int, batch_size: Size) -> tf.Tensor:
        """Return the view of a row and of `above` rows above it before anything is known, `[above + 1, aside + W + aside, C, B]`."""
        return tf.zeros([above + 1, self.event_shape[1] + 2 * aside, self.colors, batch_size], self.compute_dtype)

    def row_array(self, values: tf.Tensor) -> Any:
        """Return an array for values `[..., B]` of each pixel of a row, which a loop writes without a copy."""
        return tf.TensorArray(values.dtype, self.event_shape[1], element_shape=values.shape)

    def next_row(self, view: tf.Tensor) -> tf.Tensor:
        """Move a view down by a row."""
        return tf.concat([view[1:], tf.zeros_like(view[:1])], axis=0)

    def take_in(self, view: Any, block: Any, index: Any, previous: tf.Tensor) -> Any:
        """Write the value of the position before `index` into the view of row `block`."""
        above, aside = view.shape[0] - 1, (view.shape[1] - self.event_shape[1]) // 2
        row, column, color = self.place(index - 1)
        value = tf.where(index > 0, self.scale(previous), tf.zeros([], self.compute_dtype))
        return tf.tensor_scatter_nd_update(view, [[row - block + above, column + aside, color]], value[None])

    def window(self, view: Any, column: Any, aside: int) -> tf.Tensor:
        """Return the part of a view that a convolution at a column sees, flat: `[taps * C, B]`."""
        batch = tf.shape(view)[3]
        part = tf.slice(view, [0, column, 0, 0], [view.shape[0], 2 * aside + 1, self.colors, batch])
        return tf.reshape(part, [view.shape[0] * (2 * aside + 1) * self.colors, batch])

    def earlier_colors_of(self, view: Any, column: Any, color: Any) -> tf.Tensor:
        """Return the values of the earlier colours of one sub-pixel in the view's row, `[B, C - 1]`, zero for the others."""
        values = tf.gather(view[-1], column + (view.shape[1] - self.event_shape[1]) // 2)[:-1]  # (C - 1, B)
        return tf.transpose(tf.where(tf.range(self.colors - 1)[:, None] < color, values, tf.zeros_like(values)))

    def kernels(self, layers: Sequence[MaskedConv2D]) -> tf.Tensor:
        """Return the masked kernels of L layers that are alike, `[L, height // 2 + 1, width, I, O]`.

        All layers at once take few operations, which are most of the time of a first sample.
        """
        kernels = tf.stack([self.cast(layer.kernel) for layer in layers])
        return kernels * tf.cast(layers[0].mask, kernels.dtype)

    def by_color(self, weights: Any) -> tf.Tensor:
        """Return weights of L layers `[L, ..., I, O]` as one matrix per colour of the outputs, `[L, C, O / C, taps * I]`.

        For one colour, `[L, O, taps * I]`.
        """
        layers, size = weights.shape[0], weights.shape[-1]
        if self.colors == 1:
            return tf.transpose(tf.reshape(weights, [layers, -1, size]), [0, 2, 1])
        return tf.transpose(tf.reshape(weights, [layers, -1, self.colors, size // self.colors]), [0, 2, 3, 1])

    def stacked_by_color(self, weights: Any) -> tf.Tensor:
        """Return `by_color` of the weights of L layers as a table for `take`, `[C, L, O / C, taps * I]` or `[L, O, taps * I]`."""
        weights = self.by_color(weights)
        return weights if self.colors == 1 else tf.transpose(weights, [1, 0, 2, 3])

    def take(self, table: tf.Tensor, color: Any) -> tf.Tensor:
        """Return the entry of one colour in a table of `stacked_by_color`, `[L, O / C, taps * I]`."""
        return table if self.colors == 1 else tf.gather(table, color)

    def matrices(self, layers: Sequence[MaskedConv2D]) -> list[Matrices]:
        """Return weights and biases of 1x1 convolutions by colour, for `layers_of`. Consecutive layers that are alike share a table."""
        found: list[Matrices] = []
        for _, group in itertools.groupby(layers, lambda layer: (layer.mask_type, *layer.kernel.shape)):
            alike = list(group)
            biases = tf.stack([self.cast(layer.bias) for layer in alike])
            found.append((self.stacked_by_color(self.kernels(alike)), self.stacked_by_color(biases)))
        return found

    def layers_of(self, tables: list[Matrices], color: Any) -> list[Matrix]:
        """Return the weights `[O / C, I]` and biases `[O / C, 1]` of one colour, layer by layer."""
        layers: list[Matrix] = []
        for weights, biases in tables:
            layers += zip(tf.unstack(self.take(weights, color)), tf.unstack(self.take(biases, color)), strict=True)
        return layers

    def product(self, matrix: Matrix, values: tf.Tensor) -> tf.Tensor:
        """Return the units `[O / C, B]` of one colour in a layer of `layers_of`, from values `[I, B]`."""
        return tf.matmul(matrix[0], values) + matrix[1]

    def of_color(self, values: Any, color: Any) -> tf.Tensor:
        """Return the channels of one colour, `[L, n / C, B]`, from those of all, `[L, n, B]`."""
        if self.colors == 1:
            return values
        layers, size, _ = values.shape
        return tf.gather(tf.reshape(values, [layers, self.colors, size // self.colors, tf.shape(values)[2]]), color, axis=1)

    def position_table(self) -> dict[str, tf.Tensor]:
        """Return the features of positions `[D, n / C]` as an entry of the state, or no entry."""
        if not self.positions:
            return {}
        return {"position": tf.reshape(self.cast(self.position), [self.event_size, -1])}

    def placed(self, y: tf.Tensor, state: State, index: tf.Tensor) -> tf.Tensor:
        """Add the features of its position to the features `[n / C, B]` of a sub-pixel."""
        return y + tf.gather(state["position"], index)[:, None] if "position" in state else y

    def last(self, head: list[Matrices], y: tf.Tensor, pixel: "Pixel", view: tf.Tensor, column: Any, color: Any) -> tf.Tensor:
        """Return the parameters `[B, P]` of a sub-pixel from its features `[n, B]` and the weights of the head."""
        for matrix in self.layers_of(head, color):
            y = self.product(matrix, pixel(self.activation(y)))
        return self.as_params(tf.transpose(y), self.earlier_colors_of(view, column, color))


class Pixel:
    """The features of one pixel while its colours are computed, one after the other.

    A call with the new features of a colour, `[n, B]`, returns those of all colours, `[C * n, B]`. Those of later colours are arbitrary
    finite numbers, which masks hide. `table` holds everything that it was called with, for the pixel's next colour.

    Args:
        table: the table after the colour before, `[C, N, B]`.
        color: number of the colour.
    """

    def __init__(self, table: tf.Tensor, color: Any):
        self._table: Any = table
        self._color, self._size = color, 0
        self._new: list[tf.Tensor] = []

    def __call__(self, new: Any) -> tf.Tensor:
        colors, size = self._table.shape[0], new.shape[0]
        if colors == 1:
            return new
        old = self._table[:, self._size : self._size + size]
        self._new.append(new)
        self._size += size
        here = tf.range(colors)[:, None, None] == self._color
        return tf.reshape(tf.where(here, new[None], old), [colors * size, -1])

    @property
    def table(self) -> tf.Tensor:
        """The features of all colours so far, `[C, N, B]`."""
        if not self._new:
            return self._table
        return tf.tensor_scatter_nd_update(self._table, [[self._color]], tf.concat(self._new, axis=0)[None])
