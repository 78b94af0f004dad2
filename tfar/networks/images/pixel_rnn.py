"""What the two PixelRNNs share (van den Oord et al. 2016): residual layers of convolutional LSTMs between masked convolutions."""

import tensorflow as tf

from tfar.networks.images.base import ImageNetwork
from tfar.validation import check_counts


class PixelRNN(ImageNetwork):
    """A 7x7 convolution with mask A, residual layers of LSTMs over the image, and 1x1 convolutions at the head (table 1).

        y^0 = conv7x7_A(x)
        y^{l+1} = y^l + W^l h^l,   h^l = LSTM^l(K_is * y^l)       (figure 5, right)
        params = W relu(W'' relu(W' relu(y^L)))

    with masked convolutions, 2h channels y and h channels h. A subclass writes `recurrence`, says by `taps` how many earlier states a
    state looks at, by `directions` how many maps of states there are, by `side` how wide the kernel of K_is is, and by `beyond` for how
    many columns to the right of the image y^0 is computed.

    The channels of gates are laid out colour by colour, `[C, 4, h / C]`, in the paper's order o, f, i, g.
    """

    taps, directions, side, beyond = 1, 1, 1, 0

    def __init__(
        self,
        event_shape,
        params_size=1,
        filters=32,
        num_layers=7,
        kernel_size=7,
        head_filters=(32, 32),
        dropout=0.0,
        positions=False,
        linear_means=False,
        **kwargs,
    ):
        super().__init__(event_shape, params_size, kernel_size, head_filters, dropout, positions, linear_means, **kwargs)
        check_counts(num_layers=num_layers, filters=filters)
        self.filters, self.num_layers = self.rounded(filters, 2), num_layers
        layers, self.units = range(num_layers), self.filters // 2
        self.pairs = [(n, d) for n in layers for d in range(self.directions)]  # of the lists with an entry for each map of states
        self.first = self.conv(self.filters, kernel_size, "first", "A")
        self.to_state = [self.conv(4 * self.units, (1, self.side), f"to_state_{n}_{d}") for n, d in self.pairs]
        self.widen = [self.conv(self.filters, 1, f"widen_{n}") for n in layers]
        self.dropouts, self.conditioning = self.dropouts_for(num_layers), self.conditioning_for(len(self.pairs) * 4 * self.units)

    def build(self, x_shape=None, context_shape=None):
        shape = (None, *self.event_shape[:2])
        self.first.build((*shape, self.colors))
        for layer in self.to_state:
            layer.build((*shape, self.filters))
        for layer in self.widen:
            layer.build((*shape, self.units))
        self.build_positions(self.filters)
        self.build_head(self.filters)
        kernel = {"shape": (self.taps * self.units, 4 * self.units), "initializer": "glorot_uniform"}
        start = {"shape": (2, self.units), "initializer": "zeros"}
        self.state_kernels = [self.add_weight(name=f"state_kernel_{n}_{d}", **kernel) for n, d in self.pairs]
        self.starts = [self.add_weight(name=f"start_{n}_{d}", **start) for n, d in self.pairs]  # h and c outside the image

    def stacked(self, weights):
        """Weights of each layer and direction in one tensor of the network's dtype, `[L, directions, ...]`."""
        weights = tf.stack([self.cast(w) for w in weights])
        return tf.reshape(weights, [self.num_layers, self.directions, *weights.shape[1:]])

    def context_terms(self, context):
        """What the context adds to the gates, `[L, directions, B, 4h]`, or zeros that broadcast."""
        if context is None:
            return tf.zeros([self.num_layers, self.directions, 1, 1], self.compute_dtype)
        terms = tf.reshape(self.conditioning(context), [-1, self.num_layers, self.directions, 4 * self.units])
        return tf.transpose(terms, [1, 2, 0, 3])

    @staticmethod
    def cell(o, f, i, g, c):
        """h and c of an LSTM (eq. 3) from the sums of its gates and the c before."""
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        return tf.sigmoid(o) * tf.tanh(c), c

    def cells(self, sums, state):
        """`cell` for all colours, channels last: sums of the gates `[..., 4h]`, state (h, c), each `[..., h]`."""
        parts = tf.split(sums, 4 * self.colors, axis=-1)  # slices: an axis of colours and gates makes steps under XLA 8 % longer
        return list(self.cell(*(tf.concat(parts[gate::4], axis=-1) for gate in range(4)), state[1]))

    def recurrence(self, n, y, terms, kernels, starts):
        """h `[B, H, W, h]` of the n-th layer.

        Args:
            y: `[B, H, W, 2h]`, in the first layer `[B, H, W + beyond, 2h]`.
            terms: what the context adds to the gates, `[directions, B or 1, 4h]`.
            kernels, starts: of the states, `[directions, taps * h, 4h]` and `[directions, 2, h]`.
        """
        raise NotImplementedError

    def features_of(self, x, context, training):
        terms, kernels, starts = self.context_terms(context), self.stacked(self.state_kernels), self.stacked(self.starts)
        y, width = self.first(tf.pad(x, [[0, 0], [0, 0], [0, self.beyond], [0, 0]])), self.event_shape[1]  # (B, H, W + beyond, 2h)
        if self.positions:
            y += tf.pad(tf.cast(self.position, y.dtype), [[0, 0], [0, self.beyond], [0, 0]])
        for n in range(self.num_layers):
            h = self.recurrence(n, y, terms[n], kernels[n], starts[n])  # (B, H, W, h)
            y = y[:, :, :width] + self.widen[n](self.dropouts[n](h, training=training))
        return y

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "num_layers": self.num_layers}
