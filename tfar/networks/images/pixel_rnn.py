"""What the two PixelRNNs share: residual layers of convolutional LSTMs between masked convolutions (van den Oord et al. 2016)."""

from collections.abc import Iterable, Sequence
from typing import Any

import tensorflow as tf

from tfar import config
from tfar.networks.images.base import ImageNetwork
from tfar.validation import MOST_LAYERS, MOST_UNITS, check_counts


class PixelRNN(ImageNetwork):
    """A 7x7 convolution with mask A, residual layers of LSTMs over the image, and 1x1 convolutions at the head (table 1).

        y^0 = conv7x7_A(x)
        y^{l+1} = y^l + W^l h^l,   h^l = LSTM^l(K_is * y^l)       (figure 5, right)
        params = W relu(W'' relu(W' relu(y^L)))

    with masked convolutions, 2h channels y and h channels h. A subclass implements `recurrence` and the stepping protocol, and sets the
    attributes below. The channels of gates are laid out colour by colour, `[C, 4, h / C]`, in the paper's order o, f, i, g.

    Args:
        event_shape, params_size, num_classes, context_size: as in `tfar.networks.ImageNetwork`. The context adds to the gates.
        filters: 2h, channels of the residual stream.
        num_layers: number of LSTM layers.
        kernel_size: size of the first convolution, odd, at least 3.
        head_filters: channels of the 1x1 convolutions at the head before the last; () for none.
        dropout: share of the channels of h that training drops in each layer.
        positions, linear_means: as in `tfar.networks.ImageNetwork`; so is `activation`, that of the head.
        **kwargs: as in `keras.layers.Layer`.

    Attributes:
        taps: number of earlier states that a state depends on.
        directions: number of maps of states in a layer.
        side: width of the kernel of K_is.
        beyond: number of columns to the right of the image for which y^0 is computed.

    Raises:
        ValueError: as `tfar.networks.ImageNetwork`, or a size is not a positive integer.
    """

    family = config.PixelRNN
    taps, directions, side, beyond = 1, 1, 1, 0

    def __init__(
        self,
        event_shape: int | Iterable[int],
        params_size: int = 1,
        filters: int = config.PixelRNN.filters,
        num_layers: int = config.PixelRNN.num_layers,
        kernel_size: int = config.PixelRNN.kernel_size,
        head_filters: int | Iterable[int] = config.PixelRNN.head_filters,
        dropout: float = config.PixelRNN.dropout,
        positions: bool = config.PixelRNN.positions,
        linear_means: bool = config.PixelRNN.linear_means,
        **kwargs: Any,
    ):
        super().__init__(event_shape, params_size, kernel_size, head_filters, dropout, positions, linear_means, **kwargs)
        check_counts(most=MOST_LAYERS, num_layers=num_layers)
        check_counts(most=MOST_UNITS, filters=filters)
        self.filters, self.num_layers = self.rounded(filters, 2), num_layers
        layers, self.units = range(num_layers), self.filters // 2
        self.pairs = [(n, d) for n in layers for d in range(self.directions)]  # (layer, direction) of each map of states
        self.first = self.conv(self.filters, kernel_size, "first", "A")
        self.to_state = [self.conv(4 * self.units, (1, self.side), f"to_state_{n}_{d}") for n, d in self.pairs]
        self.widen = [self.conv(self.filters, 1, f"widen_{n}") for n in layers]
        self.dropouts, self.conditioning = self.dropouts_for(num_layers), self.conditioning_for(len(self.pairs) * 4 * self.units)

    def build(self, x_shape: Any = None, context_shape: Any = None) -> None:
        """Create the weights."""
        shape = (None, *self.event_shape[:2])
        self.first.build((*shape, self.colors))
        for layer in self.to_state:
            layer.build((*shape, self.filters))
        for layer in self.widen:
            layer.build((*shape, self.units))
        self.build_positions(self.filters)
        self.build_head(self.filters)
        kernel: dict[str, Any] = {"shape": (self.taps * self.units, 4 * self.units), "initializer": "glorot_uniform"}
        start: dict[str, Any] = {"shape": (2, self.units), "initializer": "zeros"}
        self.state_kernels = [self.add_weight(name=f"state_kernel_{n}_{d}", **kernel) for n, d in self.pairs]
        self.starts = [self.add_weight(name=f"start_{n}_{d}", **start) for n, d in self.pairs]  # h and c outside the image

    def stacked(self, weights: Sequence[Any]) -> tf.Tensor:
        """Return the weights of each layer and direction as one tensor of the network's dtype, `[L, directions, ...]`."""
        stack = tf.stack([self.cast(w) for w in weights])
        return tf.reshape(stack, [self.num_layers, self.directions, *stack.shape[1:]])

    def context_terms(self, context: tf.Tensor | None) -> tf.Tensor:
        """Return what the context adds to the gates, `[L, directions, B, 4h]`; without one, zeros that broadcast."""
        if context is None:
            return tf.zeros([self.num_layers, self.directions, 1, 1], self.compute_dtype)
        terms = tf.reshape(self.conditioning(context), [-1, self.num_layers, self.directions, 4 * self.units])
        return tf.transpose(terms, [1, 2, 0, 3])

    @staticmethod
    def cell(o: tf.Tensor, f: tf.Tensor, i: tf.Tensor, g: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return h and c of an LSTM (eq. 3) from the sums of its gates and the previous c."""
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        return tf.sigmoid(o) * tf.tanh(c), c

    def cells(self, sums: tf.Tensor, state: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Return `cell` for all colours, channels last, from sums of the gates `[..., 4h]` and a state (h, c), each `[..., h]`."""
        parts = tf.split(sums, 4 * self.colors, axis=-1)  # slices: with an axis of colours and gates, steps under XLA take 8 % longer
        o, f, i, g = (tf.concat(parts[gate::4], axis=-1) for gate in range(4))
        return list(self.cell(o, f, i, g, state[1]))

    def recurrence(self, n: int, y: Any, terms: tf.Tensor, kernels: tf.Tensor, starts: tf.Tensor) -> tf.Tensor:
        """Return h `[B, H, W, h]` of the n-th layer.

        Args:
            n: number of the layer.
            y: `[B, H, W, 2h]`; in the first layer `[B, H, W + beyond, 2h]`.
            terms: what the context adds to the gates, `[directions, B or 1, 4h]`.
            kernels: kernels of the states, `[directions, taps * h, 4h]`.
            starts: h and c outside the image, `[directions, 2, h]`.
        """
        raise NotImplementedError

    def features_of(self, x: tf.Tensor, context: tf.Tensor | None, training: bool) -> Any:
        """Return features `[B, H, W, 2h]` of scaled images `[B, H, W, C]`."""
        terms, kernels, starts = self.context_terms(context), self.stacked(self.state_kernels), self.stacked(self.starts)
        width = self.event_shape[1]
        y: Any = self.first(tf.pad(x, [[0, 0], [0, 0], [0, self.beyond], [0, 0]]))  # (B, H, W + beyond, 2h)
        if self.positions:
            y += tf.pad(tf.cast(self.position, y.dtype), [[0, 0], [0, self.beyond], [0, 0]])
        for n in range(self.num_layers):
            h = self.recurrence(n, y, terms[n], kernels[n], starts[n])  # (B, H, W, h)
            y = y[:, :, :width] + self.widen[n](self.dropouts[n](h, training=training))
        return y

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "filters": self.filters, "num_layers": self.num_layers}
