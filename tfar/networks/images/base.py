"""What the networks of images share: raster order, scaled values, the convolutions at the head, and means that depend on other colours."""

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfar import config, masks
from tfar.layers import Dropout, MaskedConv2D
from tfar.networks.base import elementwise
from tfar.networks.images.stepping import PixelStepping
from tfar.validation import MOST_KERNEL, as_counts, check_counts, check_flags, check_numbers


class ImageNetwork(PixelStepping):
    """A network of images `[H, W, C]` in raster order: row by row, pixel by pixel, and the colours of a pixel one after the other.

        params = W g(W^n ... g(W^1 g(features_of(x))))        W: 1x1 convolutions with mask B

    A subclass implements `features_of`, whose units of colour c see the colours before c at their own pixel, and the stepping protocol
    with a row of pixels as a block. Numbers of channels are rounded up to a multiple of the number of colours.

    Args:
        event_shape: H, W, C.
        params_size: P.
        kernel_size: size of the first convolution, odd, at least 3.
        head_filters: channels of the 1x1 convolutions before the last; () for none.
        dropout: share of the channels that training drops in each layer.
        positions: whether to add a learned position embedding to the features of each pixel. The papers' networks have none: they know
            their place in the image only from the zeros around it, as far as convolutions reach.
        linear_means: whether the means of a mixture also depend linearly on the earlier colours of the pixel (Salimans et al. 2017,
            section 2.2): loc_c + sum_{c' < c} tanh(a_{c c'}) x_{c'}, with an `a` for each component. For heads whose parameters are the
            logits, locations and raw scales of k components, P = 3k.
        activation: g, elementwise, by its Keras name; relu in the papers.
        order: None or "natural".
        num_classes: K for integers 0..K-1, which are scaled to [-1, 1]; None for numbers.
        context_size: number of features that the density is conditioned on; 0 for none.
        **kwargs: as in `keras.layers.Layer`.

    Raises:
        ValueError: the event is not an image, the order is not the natural one, the activation is not elementwise, a size is invalid, or
            P is not a multiple of 3 where `linear_means`.
    """

    family = config.ImageFamily

    def __init__(
        self,
        event_shape: int | Iterable[int],
        params_size: int = 1,
        kernel_size: int = config.ImageFamily.kernel_size,
        head_filters: int | Iterable[int] = config.ImageFamily.head_filters,
        dropout: float = config.ImageFamily.dropout,
        positions: bool = config.ImageFamily.positions,
        linear_means: bool = config.ImageFamily.linear_means,
        activation: Any = config.PixelCNN.activation,
        order: config.Order = None,
        **kwargs: Any,
    ):
        super().__init__(event_shape, params_size, order, **kwargs)
        if len(self.event_shape) != 3:
            raise ValueError(f"event_shape must be [height, width, channels]. Received: event_shape={event_shape!r}")
        if self.order.tolist() != list(range(self.event_size)):
            raise ValueError(f"images are generated in their natural order. Received: order={order!r}")
        check_flags(positions=positions, linear_means=linear_means)
        check_numbers("[0, 1)", dropout=dropout)
        if linear_means and self.params_size % 3:
            raise ValueError(f"linear_means needs the 3k parameters of a mixture. Received: params_size={params_size}")
        check_counts(3, MOST_KERNEL, kernel_size=kernel_size)
        self.kernel_size, self.linear_means, self.dropout = kernel_size, bool(linear_means), float(dropout)
        self.positions = bool(positions)
        self.activation: Callable[[Any], Any] = elementwise(activation)
        self.conditioning: Any = None  # `conditioning_for` in a subclass
        self.head_filters = tuple(map(self.rounded, as_counts(head_filters=head_filters)))
        sizes = [*self.head_filters, self.colors * self.outputs_size]
        self.head = [self.conv(size, 1, f"head_{n}") for n, size in enumerate(sizes)]

    @property
    def features(self) -> int:
        """1: convolutions are fed scaled values."""
        return 1

    @property
    def outputs_size(self) -> int:
        """Q, the numbers per sub-pixel from which `as_params` makes the P parameters."""
        return self.params_size + (self.params_size // 3 * (self.colors - 1) if self.linear_means else 0)

    def rounded(self, size: int, parts: int = 1) -> int:
        """Return a number of channels, rounded up to a multiple of `parts` times the number of colours."""
        return -(-size // (parts * self.colors)) * parts * self.colors

    def as_images(self, x: Any) -> tf.Tensor:
        """Return images `[B, H, W, C]` as scaled values, or raise a ValueError if `x` has another shape."""
        return self.scale(self.as_values(x))

    def as_params(self, outputs: tf.Tensor, earlier: tf.Tensor) -> tf.Tensor:
        """Return parameters `[..., P]` from outputs `[..., Q]` and the values of the pixel's earlier colours `[..., C - 1]`."""
        if not self.linear_means:
            return outputs
        logits, loc, raw, *slopes = tf.split(outputs, self.colors + 2, axis=-1)
        values: Any = earlier
        loc += sum(tf.tanh(slope) * values[..., c, None] for c, slope in enumerate(slopes))
        return tf.concat([logits, loc, raw], axis=-1)

    def earlier_colors(self, x: Any) -> tf.Tensor:
        """Return the values of the earlier colours of each sub-pixel's pixel, `[B, H, W, C, C - 1]`, zero for the others."""
        colors = np.arange(self.colors)
        earlier = masks.dense_mask(colors, colors, strict=True).T[:, :-1]
        return x[..., None, :-1] * tf.cast(earlier, x.dtype)

    def conv(self, filters: int, kernel_size: int | tuple[int, int], name: str, mask_type: str = "B", **options: Any) -> MaskedConv2D:
        """Return a masked convolution with the network's colours and dtype policy."""
        return MaskedConv2D(filters, kernel_size, mask_type, self.colors, name=name, dtype=self.dtype_policy, **options)

    def dropouts_for(self, layers: int) -> list[Dropout]:
        """Return one dropout layer for each of some layers."""
        return [Dropout(self.dropout, name=f"dropout_{n}") for n in range(layers)]

    def conditioning_for(self, size: int) -> keras.layers.Dense | None:
        """Return a layer that maps the context to `size` terms, or None without a context."""
        policy: dict[str, Any] = {"dtype": self.dtype_policy}
        return keras.layers.Dense(size, use_bias=False, name="context", **policy) if self.context_size else None

    def build_positions(self, size: int) -> None:
        """Create the features of positions, `[H, W, size]`, if the network has them."""
        shape = (*self.event_shape[:2], size)
        self.position = self.add_weight(name="position", shape=shape, initializer="zeros") if self.positions else None

    def build_head(self, size: int) -> None:
        """Build the head over features of `size` channels, and the layer for the context."""
        for layer, inputs in zip(self.head, [size, *self.head_filters], strict=True):
            layer.build((None, *self.event_shape[:2], inputs))
        if self.conditioning is not None:
            self.conditioning.build((None, self.context_size))

    def features_of(self, x: tf.Tensor, context: tf.Tensor | None, training: bool) -> Any:
        """Return features `[B, H, W, n]` of scaled images `[B, H, W, C]`."""
        raise NotImplementedError

    def call(self, x: Any, context: Any = None, training: bool = False) -> tf.Tensor:
        """Return the parameters `[B, H, W, C, P]`."""
        context, x = self.as_context(context), self.as_images(x)
        rows = tf.shape(x)[0]
        if not x.shape[0]:  # oneDNN's convolutions return the wrong shape for an empty batch
            x, context = at_least_one(x), None if context is None else at_least_one(context)
        y = self.features_of(x, context, training)
        for layer in self.head:
            y = layer(self.activation(y))
        return self.as_params(tf.reshape(y, [-1, *self.event_shape, self.outputs_size]), self.earlier_colors(x))[:rows]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "head_filters": list(self.head_filters),
            "dropout": self.dropout,
            "positions": self.positions,
            "activation": keras.activations.serialize(self.activation),
            "linear_means": self.linear_means,
        }


def at_least_one(rows: tf.Tensor) -> tf.Tensor:
    """Add a row of zeros to a batch that is empty.

    >>> at_least_one(tf.ones([2, 3])).shape[0], at_least_one(tf.ones([0, 3])).shape[0]
    (2, 1)
    """
    paddings: Any = [[0, tf.maximum(1 - tf.shape(rows)[0], 0)], *[[0, 0]] * (rows.shape.rank - 1)]
    return tf.pad(rows, paddings)


def shift_down(x: tf.Tensor, rows: int) -> tf.Tensor:
    """Move images `[B, H, W, C]` down by some rows, with zeros at the top.

    >>> shift_down(tf.reshape(tf.constant([1, 2, 3]), [1, 3, 1, 1]), 1).numpy().ravel().tolist()
    [0, 1, 2]
    """
    return tf.pad(x[:, :-rows], [[0, 0], [rows, 0], [0, 0], [0, 0]])
