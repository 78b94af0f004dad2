"""What the networks of images share: raster order, scaled values, and the view of earlier pixels that a step needs."""

import numpy as np
import tensorflow as tf

from tfar import masks
from tfar.networks.base import AutoregressiveNetwork


class ImageNetwork(AutoregressiveNetwork):
    """A network of images `[H, W, C]` in raster order: row by row, pixel by pixel, and the colours of a pixel one after the other.

    A subclass maps images to `outputs_size` numbers per sub-pixel, whose units of colour c see the colours before c at their own pixel.
    Its numbers of channels are rounded up so that all colours have equally many. A block of the stepping protocol is a row of pixels.

    Args:
        event_shape: H, W, C.
        params_size: P.
        linear_means: whether the means of a mixture also depend on the earlier colours of the pixel by a linear term of their own
            (Salimans et al. 2017, section 2.2): loc_c + sum_{c' < c} tanh(a_{c c'}) x_{c'}, each component with its own a. For heads whose
            parameters are logits, locations and raw scales of k components, P = 3k.
        num_classes: None for values that are used as numbers; K for integers 0..K-1, which are scaled to [-1, 1].
        context_size: number of features that the density is conditioned on.

    Raises:
        ValueError: an event that is no image, an order that is not the natural one, or linear means where P is no multiple of 3.
    """

    def __init__(self, event_shape, params_size=1, order=None, linear_means=False, **kwargs):
        super().__init__(event_shape, params_size, order, **kwargs)
        if len(self.event_shape) != 3:
            raise ValueError(f"event_shape must be [height, width, channels]. Received: event_shape={event_shape!r}")
        if self.order.tolist() != list(range(self.event_size)):
            raise ValueError(f"images are generated in their natural order. Received: order={order!r}")
        if linear_means and self.params_size % 3:
            raise ValueError(f"linear_means needs the 3k parameters of a mixture. Received: params_size={params_size}")
        self.linear_means = bool(linear_means)

    features = 1

    @property
    def colors(self):
        """C, the number of channels of the image."""
        return self.event_shape[2]

    @property
    def block_size(self):
        return self.event_shape[1] * self.colors

    @property
    def outputs_size(self):
        """Numbers per sub-pixel from which `as_params` makes the P parameters."""
        return self.params_size + (self.params_size // 3 * (self.colors - 1) if self.linear_means else 0)

    @staticmethod
    def check_counts(least=1, **counts):
        """Raise where a number, or one of several, is no integer of at least `least`."""
        for name, values in counts.items():
            for value in values if isinstance(values, list | tuple) else [values]:
                if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                    raise ValueError(f"{name} must be an integer of at least {least}. Received: {name}={values!r}")

    def rounded(self, size, parts=1):
        """A number of channels, rounded up so that the colours, and `parts` of each, have equally many."""
        return -(-size // (parts * self.colors)) * parts * self.colors

    def scale(self, x):
        """Values as numbers of the network's dtype, integers 0..K-1 scaled to [-1, 1]."""
        x = tf.cast(x, self.compute_dtype)
        return x if self.num_classes is None else x * (2.0 / (self.num_classes - 1)) - 1.0

    def as_images(self, x):
        """Check the shape of `x [B, H, W, C]`, and scale it."""
        x = tf.convert_to_tensor(x)
        if x.shape.rank != 4 or not x.shape[1:].is_compatible_with(self.event_shape):
            raise ValueError(f"x must be [B, {', '.join(map(str, self.event_shape))}]. Received: x.shape={x.shape}")
        return self.scale(x)

    def as_params(self, outputs, earlier):
        """Parameters `[..., P]` from outputs `[..., Q]` and the values of the pixel's earlier colours `[..., C - 1]`, zero elsewhere."""
        if not self.linear_means:
            return outputs
        logits, loc, raw, *slopes = tf.split(outputs, self.colors + 2, axis=-1)
        loc += sum(tf.tanh(slope) * earlier[..., c, None] for c, slope in enumerate(slopes))
        return tf.concat([logits, loc, raw], axis=-1)

    def earlier_colors(self, x):
        """For each sub-pixel of images `[B, H, W, C]`, the values of its pixel's earlier colours, `[B, H, W, C, C - 1]`."""
        return x[..., None, :-1] * tf.cast(masks.dense_mask(*[np.arange(self.colors)] * 2, strict=True).T[:, :-1], x.dtype)

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

    def matrices(self, layers):
        """Weights and biases of 1x1 convolutions by colour, see `by_color` and `product`."""
        biases = [tf.cast(layer.bias, self.compute_dtype) for layer in layers]
        return [(by_color(layer.masked_kernel(), self.colors), by_color(b, self.colors)) for layer, b in zip(layers, biases, strict=True)]

    @staticmethod
    def product(matrix, values, color):
        """A colour's units `[O / C, B]` of a layer of `matrices` from values `[I, B]`."""
        return tf.matmul(take(matrix[0], color), values) + take(matrix[1], color)

    def of_color(self, values, color):
        """The channels of one colour, `[L, n / C, B]`, from those of all `[L, n, B]`."""
        if self.colors == 1:
            return values
        layers, size, _ = values.shape
        return tf.gather(tf.reshape(values, [layers, self.colors, size // self.colors, tf.shape(values)[2]]), color, axis=1)

    def get_config(self):
        return {**super().get_config(), "linear_means": self.linear_means}


def shift_down(x, rows):
    """Move images `[B, H, W, C]` down by some rows, with zeros at the top."""
    return tf.pad(x[:, :-rows], [[0, 0], [rows, 0], [0, 0], [0, 0]])


def by_color(weights, colors):
    """Weights `[..., I, O]` as one matrix per colour of the outputs, `[C, O / C, taps * I]`."""
    weights = tf.reshape(weights, [-1, colors, weights.shape[-1] // colors])
    return tf.transpose(weights, [1, 2, 0])


def take(table, color):
    """The part of a table `[C, ...]` for one colour."""
    return table[0] if table.shape[0] == 1 else tf.gather(table, color)


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
