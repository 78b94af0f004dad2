"""One sub-pixel at a time through masked convolutions: what a step sees of the image, and its share of each layer's weights.

Arrays are position-major, `[channels, B]`, so that a layer is one small matrix product. What the rows above add to a row is computed for
the row at once; a step adds what the pixels to the left and the earlier colours of its own pixel do.
"""

import tensorflow as tf


class PixelStepping:
    """Parts of the stepping protocol for networks of images, as a mixin of `tfar.networks.images.base.ImageNetwork`.

    A *view* holds the scaled values of a row and of the rows above that a convolution sees, with zeros outside the image.
    """

    @property
    def block_size(self):
        return self.event_shape[1] * self.colors

    def place(self, index):
        """Row, column and colour of a position."""
        row, inside = index // self.block_size, index % self.block_size
        return row, inside // self.colors, inside % self.colors

    def blank(self, above, aside, batch_size):
        """The view of a row and of the rows above it before anything is known, `[above + 1, aside + W + aside, C, B]`.

        Values are scaled, and zero outside the image and where nothing is known yet, as the padding of a convolution is.
        """
        return tf.zeros([above + 1, self.event_shape[1] + 2 * aside, self.colors, batch_size], self.compute_dtype)

    def row_array(self, values):
        """An array for the values `[..., B]` of each pixel of a row, which a loop writes to without a copy."""
        return tf.TensorArray(values.dtype, self.event_shape[1], element_shape=values.shape)

    def next_row(self, view):
        """Move a view down by a row."""
        return tf.concat([view[1:], tf.zeros_like(view[:1])], axis=0)

    def take_in(self, view, block, index, previous):
        """Enter the value of the position before `index` into the view of a row."""
        above, aside = view.shape[0] - 1, (view.shape[1] - self.event_shape[1]) // 2
        row, column, color = self.place(index - 1)
        value = tf.where(index > 0, self.scale(previous), tf.zeros([], self.compute_dtype))
        return tf.tensor_scatter_nd_update(view, [[row - block + above, column + aside, color]], value[None])

    def window(self, view, column, aside):
        """The part of a view that a convolution sees from a column, flat: `[taps * C, B]`."""
        batch = tf.shape(view)[3]
        part = tf.slice(view, [0, column, 0, 0], [view.shape[0], 2 * aside + 1, self.colors, batch])
        return tf.reshape(part, [view.shape[0] * (2 * aside + 1) * self.colors, batch])

    def earlier_colors_of(self, view, column, color):
        """`earlier_colors` of one sub-pixel of the view's row, `[B, C - 1]`."""
        values = tf.gather(view[-1], column + (view.shape[1] - self.event_shape[1]) // 2)[:-1]  # (C - 1, B)
        return tf.transpose(tf.where(tf.range(self.colors - 1)[:, None] < color, values, tf.zeros_like(values)))

    def by_color(self, weights):
        """Weights `[..., I, O]` as one matrix per colour of the outputs, `[C, O / C, taps * I]`; without the first axis for one colour."""
        weights = tf.reshape(weights, [-1, self.colors, weights.shape[-1] // self.colors])
        return tf.transpose(weights[:, 0]) if self.colors == 1 else tf.transpose(weights, [1, 2, 0])

    def stacked_by_color(self, weights):
        """`by_color` of the weights of L layers, `[C, L, O / C, taps * I]` or `[L, O, taps * I]`."""
        return tf.stack([self.by_color(w) for w in weights], axis=min(self.colors - 1, 1))

    def take(self, table, color):
        """What is in a table of `by_color` for one colour."""
        return table if self.colors == 1 else tf.gather(table, color)

    def matrices(self, layers):
        """Weights and biases of 1x1 convolutions by colour, for `product`."""
        biases = [self.cast(layer.bias) for layer in layers]
        return [(self.by_color(layer.masked_kernel()), self.by_color(b)) for layer, b in zip(layers, biases, strict=True)]

    def product(self, matrix, values, color):
        """A colour's units `[O / C, B]` of a layer of `matrices` from values `[I, B]`."""
        return tf.matmul(self.take(matrix[0], color), values) + self.take(matrix[1], color)

    def of_color(self, values, color):
        """The channels of one colour, `[L, n / C, B]`, from those of all `[L, n, B]`."""
        if self.colors == 1:
            return values
        layers, size, _ = values.shape
        return tf.gather(tf.reshape(values, [layers, self.colors, size // self.colors, tf.shape(values)[2]]), color, axis=1)

    def position_table(self):
        """The features of positions `[D, n / C]` as an entry of the state, or no entry."""
        if not self.positions:
            return {}
        return {"position": tf.reshape(self.cast(self.position), [self.event_size, -1])}

    def placed(self, y, state, index):
        """Features `[n / C, B]` of a sub-pixel with those of its position."""
        return y + tf.gather(state["position"], index)[:, None] if "position" in state else y

    def last(self, head, y, pixel, view, column, color):
        """Parameters `[B, P]` of a sub-pixel from the features `[n, B]` before the head, whose weights are `head`."""
        for matrix in head:
            y = self.product(matrix, pixel(self.activation(y)), color)
        return self.as_params(tf.transpose(y), self.earlier_colors_of(view, column, color))


class Pixel:
    """The features of one pixel as its colours are computed, one after the other.

    Calling it with the new features of a colour, `[n, B]`, gives those of all colours `[C * n, B]`; those of later colours are anything
    finite, and masks keep them out. `table` holds all that it was called with, for the pixel's next colour.
    """

    def __init__(self, table, color):
        self._table, self._color, self._new, self._size = table, color, [], 0  # (C, N, B)

    def __call__(self, new):
        colors, size = self._table.shape[0], new.shape[0]
        if colors == 1:
            return new
        old = self._table[:, self._size : self._size + size]
        self._new.append(new)
        self._size += size
        here = tf.range(colors)[:, None, None] == self._color
        return tf.reshape(tf.where(here, new[None], old), [colors * size, -1])

    @property
    def table(self):
        if not self._new:
            return self._table
        return tf.tensor_scatter_nd_update(self._table, [[self._color]], tf.concat(self._new, axis=0)[None])
