"""Gated PixelCNN (van den Oord et al. 2016b, "Conditional image generation with PixelCNN decoders")."""

from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf

from tfar import config
from tfar.networks.base import Size, State
from tfar.networks.images.base import ImageNetwork, shift_down
from tfar.networks.images.stepping import Pixel
from tfar.validation import MOST_LAYERS, MOST_UNITS, check_counts


@keras.saving.register_keras_serializable(package="tfar")
class GatedPixelCNN(ImageNetwork):
    """Two stacks of gated convolutions without a blind spot: v sees all rows above, h also the pixels to the left (figure 2).

        a^l = conv_{k x k}(v^l) + V^l c                    over the pixel's row and those above; v^0 = x shifted down by a row
        b^l = conv_{1 x k, masked}(h^l) + U^l a^l + H^l c   mask A on h^0 = x, mask B on the others
        v^{l+1} = tanh(a^l_1) sigmoid(a^l_2)
        g^l     = tanh(b^l_1) sigmoid(b^l_2)               (eqs. 2 and 4)
        h^{l+1} = h^l + R^l g^l                            without h^l in the first layer
        params  = W relu(W' relu(sum_l S^l g^l))

    with 1x1 convolutions R, S, W with mask B, U without a mask, and the context c, which reaches every layer: a one-hot label, or an
    embedding.

    Args:
        event_shape, params_size, num_classes, context_size: as in `tfar.networks.ImageNetwork`.
        filters: p, channels of v, g and h.
        num_layers: number of layers, at least 2. v spreads by kernel_size // 2 + num_layers - 1 pixels to either side.
        kernel_size: k of the first layer, odd, at least 3; the other layers have k = 3.
        skip_filters: channels of the sum of the skip connections.
        head_filters: channels of the 1x1 convolutions at the head before the last; () for none.
        dropout: share of the channels of g that training drops in each layer.
        positions, linear_means: as in `tfar.networks.ImageNetwork`; so is `activation`, that of the head.
        **kwargs: as in `keras.layers.Layer`.

    Raises:
        ValueError: as `tfar.networks.ImageNetwork`, a size is not a positive integer, or there are fewer than two layers.

    >>> import numpy as np
    >>> network = GatedPixelCNN(event_shape=[5, 5, 1], filters=8, num_layers=2, context_size=10)
    >>> network(np.zeros([2, 5, 5, 1]), np.zeros([2, 10])).shape
    TensorShape([2, 5, 5, 1, 1])
    """

    family = config.GatedPixelCNN

    def __init__(
        self,
        event_shape: int | Iterable[int],
        params_size: int = 1,
        filters: int = config.GatedPixelCNN.filters,
        num_layers: int = config.GatedPixelCNN.num_layers,
        kernel_size: int = config.GatedPixelCNN.kernel_size,
        skip_filters: int = config.GatedPixelCNN.skip_filters,
        head_filters: int | Iterable[int] = config.GatedPixelCNN.head_filters,
        dropout: float = config.GatedPixelCNN.dropout,
        positions: bool = config.GatedPixelCNN.positions,
        linear_means: bool = config.GatedPixelCNN.linear_means,
        **kwargs: Any,
    ):
        super().__init__(event_shape, params_size, kernel_size, head_filters, dropout, positions, linear_means, **kwargs)
        check_counts(2, MOST_LAYERS, num_layers=num_layers)
        check_counts(most=MOST_UNITS, filters=filters, skip_filters=skip_filters)
        self.filters, self.num_layers, self.skip_filters = self.rounded(filters), num_layers, self.rounded(skip_filters)
        layers, both = range(num_layers), 2 * self.filters
        policy: dict[str, Any] = {"dtype": self.dtype_policy}
        sides = [kernel_size, *[3] * (num_layers - 1)]
        self.across = [self.conv(both, (1, k), f"across_{n}", "B" if n else "A") for n, k in enumerate(sides)]
        self.down = [
            keras.layers.Conv2D(both, (k // 2 + 1, k), data_format="channels_last", name=f"down_{n}", **policy) for n, k in enumerate(sides)
        ]
        self.link = [keras.layers.Dense(both, use_bias=False, name=f"link_{n}", **policy) for n in layers]
        self.residual = [self.conv(self.filters, 1, f"residual_{n}") for n in layers[:-1]]
        self.skip = [self.conv(self.skip_filters, 1, f"skip_{n}", use_bias=n == 0) for n in layers]
        self.dropouts, self.conditioning = self.dropouts_for(num_layers), self.conditioning_for(num_layers * 2 * both)

    def build(self, x_shape: Any = None, context_shape: Any = None) -> None:
        """Create the weights."""
        shape = (None, *self.event_shape[:2])
        sources = [self.colors, *[self.filters] * (self.num_layers - 1)]
        for across, down, link, size in zip(self.across, self.down, self.link, sources, strict=True):
            across.build((*shape, size))
            down.build((None, None, None, size))
            link.build((*shape, 2 * self.filters))
        for layer in [*self.residual, *self.skip]:
            layer.build((*shape, self.filters))
        self.build_positions(2 * self.filters)
        self.build_head(self.skip_filters)

    def context_terms(self, context: tf.Tensor | None) -> tf.Tensor:
        """Return what the context `[B, C]` adds to a and to b in each layer, `[L, 2, B, 1, 1, 2p]`; without one, zeros that broadcast."""
        if context is None:
            return tf.zeros([self.num_layers, 2, 1, 1, 1, 1], self.compute_dtype)
        terms = tf.reshape(self.conditioning(context), [-1, self.num_layers, 2, 1, 1, 2 * self.filters])
        return tf.transpose(terms, [1, 2, 0, 3, 4, 5])

    def gate(self, sums: Any) -> tf.Tensor:
        """Return tanh of one half of each colour's channels times sigmoid of the other: `[B, H, W, 2p]` to `[B, H, W, p]`."""
        sums = tf.reshape(sums, [-1, *sums.shape[1:3], self.colors, 2, self.filters // self.colors])
        gated = tf.tanh(sums[..., 0, :]) * tf.sigmoid(sums[..., 1, :])
        return tf.reshape(gated, [-1, *sums.shape[1:3], self.filters])

    def vertical(self, n: int, v: tf.Tensor, term: tf.Tensor) -> Any:
        """Return a of the n-th layer from v, which is padded at the top but not at the sides."""
        side = self.down[n].kernel_size[1] // 2
        return self.down[n](tf.pad(v, [[0, 0], [0, 0], [side, side], [0, 0]])) + term

    def features_of(self, x: tf.Tensor, context: tf.Tensor | None, training: bool) -> Any:
        """Return features `[B, H, W, n]` of scaled images `[B, H, W, C]`."""
        terms = self.context_terms(context)
        v: Any = shift_down(x, 1)
        h: Any = x
        skips: Any = 0.0
        for n in range(self.num_layers):
            above = self.down[n].kernel_size[0] - 1
            term = terms[n, 0] + tf.cast(self.position, terms.dtype) if self.positions and n == 0 else terms[n, 0]
            a = self.vertical(n, tf.pad(v, [[0, 0], [above, 0], [0, 0], [0, 0]]), term)  # (B, H, W, 2p)
            g = self.gate(self.across[n](h) + self.link[n](a) + terms[n, 1])  # (B, H, W, p)
            g = self.dropouts[n](g, training=training)
            skips += self.skip[n](g)
            if n < self.num_layers - 1:
                v = self.gate(a)
                h = self.residual[n](g) + (h if n else 0.0)
        return skips

    def initial_state(self, batch_size: Size, context: tf.Tensor | None = None, value_dtype: tf.DType = tf.float32, **member: Any) -> State:
        """Return the state before the first row: the weights by colour, an empty view, and v of each layer in the row above."""
        (_, width, colors), filters, dtype = self.event_shape, self.filters, self.compute_dtype
        kernels: Any = self.kernels(self.across[1:])[:, 0]  # (L - 1, 2, p, 2p): left and own, and one to the right
        weights = {
            "first": self.stacked_by_color(self.kernels(self.across[:1])),
            "left": self.stacked_by_color(kernels[:, 0]),
            "own": self.stacked_by_color(kernels[:, 1]),
            "residual": self.matrices(self.residual),
            "skip": self.stacked_by_color(self.kernels(self.skip)),
            "skip_bias": self.stacked_by_color(self.cast(self.skip[0].bias)[None]),
            "head": self.matrices(self.head),
            "terms": self.context_terms(self.as_context(context)),
            **self.position_table(),
        }
        inner, features = self.num_layers - 1, (2 * self.num_layers - 1) * filters + self.skip_filters + sum(self.head_filters)
        return {
            "weights": weights,
            "view": self.blank(self.kernel_size // 2 + 1, self.kernel_size // 2, batch_size),
            "above": [tf.zeros([batch_size, 1, width, filters], dtype) for _ in range(inner)],  # v in the row above
            "sums": tf.zeros([width, self.num_layers, 2 * filters, batch_size], dtype),  # b of this row without its convolutions
            "before": tf.zeros([inner, filters, batch_size], dtype),  # h of the pixel to the left
            "here": tf.zeros([inner, filters, batch_size], dtype),  # h of this pixel
            "pixel": tf.zeros([colors, features // colors, batch_size], dtype),
            "block": tf.constant(0),
        }

    def enter_block(self, state: State, block: tf.Tensor, previous: tf.Tensor) -> State:
        """Move the view down by a row."""
        zeros = tf.zeros_like(state["here"])
        return {**state, "view": self.next_row(state["view"]), "before": zeros, "here": zeros, "block": block}

    def vertical_row(self, weights: dict[str, Any], view: Any, above: list[Any], block: Any) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Run the vertical stack for a row, once all values above it are known.

        Args:
            weights: those of the state.
            view: view of the row.
            above: v of the layers after the first in the row above, each `[B, 1, W, p]`.
            block: number of the row.

        Returns:
            v of these layers in this row, and b of all layers without their convolutions, `[W, L, 2p, B]`.
        """
        side, width = self.kernel_size // 2, self.event_shape[1]
        v = tf.transpose(view[:-1, side : side + width], [3, 0, 1, 2])  # (B, rows, W, C)
        rows, sums = [], []
        for n in range(self.num_layers):
            term = weights["terms"][n, 0]
            if n == 0 and self.positions:
                term += tf.gather(tf.reshape(weights["position"], [-1, width, 2 * self.filters]), block)
            a = self.vertical(n, v, term)  # (B, 1, W, 2p)
            bias = tf.cast(self.across[n].bias, a.dtype)
            sums.append((self.link[n](a) + weights["terms"][n, 1] + bias)[:, 0])
            if n < self.num_layers - 1:
                rows.append(self.gate(a))
                v = tf.concat([above[n], rows[n]], axis=1)
        return rows, tf.transpose(tf.stack(sums), [2, 0, 3, 1])  # (W, L, 2p, B)

    def step(self, state: State, index: tf.Tensor, previous: tf.Tensor) -> tuple[tf.Tensor, State]:
        """Compute one sub-pixel, and return its parameters `[B, P]`."""
        weights, colors = state["weights"], self.colors
        _, column, color = self.place(index)
        view = self.take_in(state["view"], state["block"], index, previous)
        # Here rather than in `enter_block`, because the last value of the row above has only just been taken in. As a loop of at most
        # one round, which XLA runs in place; a `tf.cond` would copy the whole row in every step.
        _, above, sums = tf.while_loop(
            lambda first, *_: first,
            lambda first, above, _: (tf.constant(False), *self.vertical_row(weights, view, above, state["block"])),
            (tf.math.floormod(index, self.block_size) == 0, state["above"], state["sums"]),
        )
        pixel = Pixel(state["pixel"], color)
        before = state["here"] if colors == 1 else tf.where(color == 0, state["here"], state["before"])
        b = self.of_color(tf.gather(sums, column), color)  # (L, 2p / C, B)
        b = [b[0], *tf.unstack(b[1:] + tf.matmul(self.take(weights["left"], color), before))]
        residual, skip = self.layers_of(weights["residual"], color), tf.unstack(self.take(weights["skip"], color))
        first, own = self.take(weights["first"], color)[0], tf.unstack(self.take(weights["own"], color))
        y, here = self.take(weights["skip_bias"], color)[0], []
        h: Any = 0.0
        for n in range(self.num_layers):
            if n == 0:
                convolved = tf.matmul(first, self.window(view[-1:], column, self.kernel_size // 2))
            else:
                convolved = tf.matmul(own[n - 1], here[-1])
            one, two = tf.split(convolved + b[n], 2)
            g = pixel(tf.tanh(one) * tf.sigmoid(two))
            y += tf.matmul(skip[n], g)
            if n < self.num_layers - 1:
                h += self.product(residual[n], g)
                here.append(pixel(h))
        params = self.last(weights["head"], y, pixel, view, column, color)
        now = {"view": view, "above": above, "sums": sums, "before": before, "here": tf.stack(here), "pixel": pixel.table}
        return params, {**state, **now}

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        own = {"filters": self.filters, "num_layers": self.num_layers, "skip_filters": self.skip_filters}
        return {**super().get_config(), **own}
