"""What the networks of images share: raster order, scaled values, the convolutions at the head, and means that depend on other colours."""

import keras
import numpy as np
import tensorflow as tf

from tfar import masks
from tfar.layers import Dropout, MaskedConv2D
from tfar.networks.base import AutoregressiveNetwork, elementwise
from tfar.networks.images.stepping import PixelStepping
from tfar.validation import as_counts, check_counts


class ImageNetwork(PixelStepping, AutoregressiveNetwork):
    """A network of images `[H, W, C]` in raster order: row by row, pixel by pixel, and the colours of a pixel one after the other.

        params = W g(W^n ... g(W^1 g(features_of(x))))        W: 1x1 convolutions with mask B

    A subclass writes `features_of`, whose units of colour c see the colours before c at their own pixel, and a cache for stepping, with a
    row of pixels as a block. Its numbers of channels are rounded up so that all colours have equally many.

    Args:
        event_shape: H, W, C.
        params_size: P.
        kernel_size: of the first convolution, odd, at least 3.
        head_filters: channels of the 1x1 convolutions before the last.
        dropout: share of channels that training drops in each layer.
        positions: whether each pixel has learned features of its own, which are added to those of the first convolution. The networks of
            the papers have none: they know where in the image they are by the zeros around it alone, as far as convolutions reach.
        linear_means: whether the means of a mixture also depend on the earlier colours of the pixel by a linear term of their own
            (Salimans et al. 2017, section 2.2): loc_c + sum_{c' < c} tanh(a_{c c'}) x_{c'}, each component with its own a. For heads whose
            parameters are logits, locations and raw scales of k components, P = 3k.
        activation: g, by its Keras name; relu in the papers.
        num_classes: None for values that are used as numbers; K for integers 0..K-1, which are scaled to [-1, 1].
        context_size: number of features that the density is conditioned on.

    Raises:
        ValueError: an event that is no image, an order that is not the natural one, an activation that mixes units, such as softmax, or
            linear means where P is no multiple of 3.
    """

    def __init__(
        self,
        event_shape,
        params_size=1,
        kernel_size=7,
        head_filters=(),
        dropout=0.0,
        positions=False,
        linear_means=False,
        activation="relu",
        order=None,
        **kwargs,
    ):
        super().__init__(event_shape, params_size, order, **kwargs)
        if len(self.event_shape) != 3:
            raise ValueError(f"event_shape must be [height, width, channels]. Received: event_shape={event_shape!r}")
        if self.order.tolist() != list(range(self.event_size)):
            raise ValueError(f"images are generated in their natural order. Received: order={order!r}")
        if linear_means and self.params_size % 3:
            raise ValueError(f"linear_means needs the 3k parameters of a mixture. Received: params_size={params_size}")
        check_counts(3, kernel_size=kernel_size)
        self.kernel_size, self.linear_means, self.dropout = kernel_size, bool(linear_means), float(dropout)
        self.positions, self.activation = bool(positions), elementwise(activation)
        self.head_filters = tuple(map(self.rounded, as_counts(head_filters=head_filters)))
        sizes = [*self.head_filters, self.colors * self.outputs_size]
        self.head = [self.conv(size, 1, f"head_{n}") for n, size in enumerate(sizes)]

    features = 1

    @property
    def colors(self):
        """C, the number of channels of the image."""
        return self.event_shape[2]

    @property
    def outputs_size(self):
        """Numbers per sub-pixel from which `as_params` makes the P parameters."""
        return self.params_size + (self.params_size // 3 * (self.colors - 1) if self.linear_means else 0)

    def rounded(self, size, parts=1):
        """A number of channels, rounded up so that the colours, and `parts` of each, have equally many."""
        return -(-size // (parts * self.colors)) * parts * self.colors

    def scale(self, x):
        """Values as numbers of the network's dtype, integers 0..K-1 scaled to [-1, 1]."""
        x = tf.cast(x, self.compute_dtype)
        return x if self.num_classes is None else x * (2.0 / (self.num_classes - 1)) - 1.0

    def as_images(self, x):
        """Check the shape of `x [B, H, W, C]`, and scale it."""
        return self.scale(self.as_values(x))

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

    def conv(self, filters, kernel_size, name, mask_type="B", **options):
        """A masked convolution with the network's colours and dtype."""
        return MaskedConv2D(filters, kernel_size, mask_type, self.colors, name=name, dtype=self.dtype_policy, **options)

    def dropouts_for(self, layers):
        """One dropout for each of some layers."""
        return [Dropout(self.dropout, name=f"dropout_{n}") for n in range(layers)]

    def conditioning_for(self, size):
        """A layer that maps the context to `size` terms, or None without a context."""
        return keras.layers.Dense(size, use_bias=False, name="context", dtype=self.dtype_policy) if self.context_size else None

    def build_positions(self, size):
        """Build the features of each pixel's position, `[H, W, size]`, if the network has them."""
        shape = (*self.event_shape[:2], size)
        self.position = self.add_weight(name="position", shape=shape, initializer="zeros") if self.positions else None

    def build_head(self, size):
        """Build the head over features of `size` channels, and the layer for the context."""
        for layer, inputs in zip(self.head, [size, *self.head_filters], strict=True):
            layer.build((None, *self.event_shape[:2], inputs))
        if self.conditioning is not None:
            self.conditioning.build((None, self.context_size))

    def features_of(self, x, context, training):
        """Features `[B, H, W, n]` of scaled images `[B, H, W, C]`."""
        raise NotImplementedError

    def call(self, x, context=None, training=False):
        context, x = self.as_context(context), self.as_images(x)
        rows = tf.shape(x)[0]
        if not x.shape[0]:  # of no images at all, oneDNN's convolutions have the wrong shape
            x, context = at_least_one(x), None if context is None else at_least_one(context)
        y = self.features_of(x, context, training)
        for layer in self.head:
            y = layer(self.activation(y))
        return self.as_params(tf.reshape(y, [-1, *self.event_shape, self.outputs_size]), self.earlier_colors(x))[:rows]

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "head_filters": list(self.head_filters),
            "dropout": self.dropout,
            "positions": self.positions,
            "activation": keras.activations.serialize(self.activation),
            "linear_means": self.linear_means,
        }


def at_least_one(rows):
    """Add a row of zeros to a batch that is empty."""
    return tf.pad(rows, [[0, tf.maximum(1 - tf.shape(rows)[0], 0)], *[[0, 0]] * (rows.shape.rank - 1)])


def shift_down(x, rows):
    """Move images `[B, H, W, C]` down by some rows, with zeros at the top."""
    return tf.pad(x[:, :-rows], [[0, 0], [rows, 0], [0, 0], [0, 0]])
