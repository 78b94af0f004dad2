"""Diagonal BiLSTM (van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel recurrent neural networks", section 3.2)."""

import math
from typing import Any

import keras
import tensorflow as tf

from tfar.networks.base import Size, State
from tfar.networks.images.base import shift_down
from tfar.networks.images.pixel_rnn import PixelRNN
from tfar.networks.images.stepping import Pixel
from tfar.networks.scans.checkpointed import checkpointed_scan


def skew(x: Any) -> tf.Tensor:
    """Shift row i of an image `[H, W, ...]` right by i, so that diagonals become columns: `[H, H + W - 1, ...]`.

    >>> skew(tf.constant([[1, 2], [3, 4]])).numpy().tolist()
    [[1, 2, 0], [0, 3, 4]]
    """
    height, width = x.shape[:2]
    rest = tf.shape(x)[2:]
    x = tf.pad(x, [[0, 0], [0, height], *[[0, 0]] * (x.shape.rank - 2)])
    x = tf.reshape(x, tf.concat([[height * (width + height)], rest], axis=0))[:-height]
    return tf.reshape(x, tf.concat([[height, width + height - 1], rest], axis=0))


def unskew(x: Any) -> tf.Tensor:
    """Undo `skew`: `[H, H + W - 1, ...]` to `[H, W, ...]`.

    >>> unskew(skew(tf.constant([[1, 2], [3, 4]]))).numpy().tolist()
    [[1, 2], [3, 4]]
    """
    height, wide = x.shape[:2]
    rest = tf.shape(x)[2:]
    x = tf.reshape(x, tf.concat([[height * wide], rest], axis=0))
    x = tf.pad(x, [[0, height], *[[0, 0]] * (x.shape.rank - 1)])
    return tf.reshape(x, tf.concat([[height, wide + 1], rest], axis=0))[:, : wide + 1 - height]


@keras.saving.register_keras_serializable(package="tfar")
class DiagonalBiLSTM(PixelRNN):
    """A PixelRNN whose states run along the diagonals from both upper corners: a pixel sees everything before it.

        [o, f, i, g]_{r,j} = K_up h_{r-1,j} + K_side h_{r,j-1} + K_is y_{r,j}       K_is: 1x1, mask B
        c_{r,j} = sigmoid(f) c_{r,j-1} + sigmoid(i) tanh(g),   h_{r,j} = sigmoid(o) tanh(c_{r,j})        (eq. 3)

    and the same from right to left, with j + 1 for j - 1 and separate weights. The output of a layer is h + h', where h' is that of the
    right-to-left direction shifted down by a row, so that no pixel sees one to its right. Residual layers are those of
    `tfar.networks.images.pixel_rnn.PixelRNN`. States outside the image are learned initial states.

    The features of a pixel depend on what is before it. In the first layer h' reads y_{r,j+1} for y_{r,j}, where y has one column beyond
    the image. It therefore depends on the whole row above, including the last pixel, and with the shift by a row on no later value.

    The arguments are those of `tfar.networks.images.pixel_rnn.PixelRNN`; dropout is of the channels of h + h'.


    >>> import numpy as np
    >>> network = DiagonalBiLSTM(event_shape=[5, 5, 1], filters=8, num_layers=2, head_filters=[8])
    >>> network(np.zeros([2, 5, 5, 1])).shape
    TensorShape([2, 5, 5, 1, 1])
    """

    taps, directions, beyond = 2, 2, 1

    @staticmethod
    def chains(batch_size: int | None, terms: tf.Tensor) -> int:
        """Return the number of parts of a batch that go through the loop one after the other.

        A skewed image has W + H - 1 diagonals of H pixels, of which some are outside the image. With images side by side in a chain, the
        diagonals that leave one image enter the next, so only those at the two ends of the chain are computed in vain. A step keeps at
        least 16 images, since smaller products are inefficient.
        """
        if batch_size is None or batch_size % 16 or terms.shape[1] != 1:  # a context has terms for each image, which a step would mix
            return 1
        return math.gcd(batch_size // 16, 4)

    def recurrence(self, n: int, y: Any, terms: tf.Tensor, kernels: tf.Tensor, starts: tf.Tensor) -> tf.Tensor:
        """Return h `[B, H, W, h]` of the n-th layer; see `PixelRNN.recurrence`."""
        height, width = self.event_shape[:2]
        chains = self.chains(y.shape[0], terms)
        y = tf.transpose(y, [1, 2, 0, 3])  # (H, W, B, 2h)
        both = tf.stack([y[:, :width], y[:, -width:][:, ::-1]], axis=2)  # in the first layer, the second is one pixel to the right
        both = tf.reshape(both, [height, width, 2, chains, -1, self.filters])
        both = tf.transpose(both, [0, 3, 1, 2, 4, 5])  # (H, N, W, 2, B / N, 2h)
        both = tf.reshape(both, [height, chains * width, 2, -1, self.filters])
        inputs = tf.transpose(skew(both), [1, 2, 0, 3, 4])  # (NW + H - 1, 2, H, B / N, 2h)
        own = tf.stack([layer.masked_kernel()[0, 0] for layer in self.to_state[2 * n : 2 * n + 2]])  # (2, 2h, 4h)
        bias = tf.stack([tf.cast(layer.bias, y.dtype) for layer in self.to_state[2 * n : 2 * n + 2]])
        kernels, terms = tf.concat([kernels, own], axis=1), terms[:, None] + bias[:, None, None]
        zeros = tf.zeros([2, height, tf.shape(inputs)[3], self.units], y.dtype)
        initial = tf.unstack(starts, axis=1)

        def diagonal(number: tf.Tensor, state: list[Any], inputs: tf.Tensor, *weights: tf.Tensor) -> list[tf.Tensor]:
            kernels, terms, h_0, c_0 = weights
            outside = (h_0[:, None, None], c_0[:, None, None])
            above = tf.concat([tf.zeros_like(state[0][:, :1]) + outside[0], state[0][:, :-1]], axis=1)
            first = ((number - tf.range(height)) % width == 0)[:, None, None]  # in its row: no pixel of the same image is beside it
            before = [tf.where(first, start, value) for value, start in zip(state, outside, strict=True)]
            seen = tf.concat([above, before[0], inputs], axis=3)  # (2, H, B / N, 4h)
            sums = tf.matmul(tf.reshape(seen, [2, -1, 4 * self.units]), kernels)
            return self.cells(tf.reshape(sums, tf.shape(seen)) + terms, before)

        h, _ = checkpointed_scan(diagonal, [zeros, zeros], inputs, [kernels, terms, *initial])
        h = unskew(tf.transpose(h, [2, 0, 1, 3, 4]))  # (H, NW, 2, B / N, h)
        h = tf.reshape(h, [height, chains, width, 2, -1, self.units])
        h = tf.reshape(tf.transpose(h, [3, 1, 4, 0, 2, 5]), [2, -1, height, width, self.units])
        return tf.ensure_shape(h[0] + shift_down(h[1][:, :, ::-1], 1), [None, height, width, self.units])

    def initial_state(self, batch_size: Size, context: tf.Tensor | None = None, value_dtype: tf.DType = tf.float32, **member: Any) -> State:
        """Return the state before the first row: the weights by colour, an empty view, and the initial states of both directions."""
        (_, width, colors), dtype, units = self.event_shape, self.compute_dtype, self.units
        biases = tf.expand_dims(self.stacked([layer.bias for layer in self.to_state]), -1)  # (L, 2, 4h, 1)
        terms = tf.transpose(self.context_terms(self.as_context(context)), [0, 1, 3, 2])
        inputs = tf.reshape(self.kernels(self.to_state), [self.num_layers, 2, self.filters, 4 * units])
        kernels, starts = self.stacked(self.state_kernels), self.stacked(self.starts)
        zeros = tf.zeros([self.num_layers, units, batch_size], dtype)
        h, c = starts[:, 0, 0, :, None] + zeros, starts[:, 0, 1, :, None] + zeros
        y = tf.zeros([self.num_layers, self.filters, batch_size], dtype)
        features = (self.filters + 3 * units) * self.num_layers + self.filters + sum(self.head_filters)
        return {
            "first": self.matrices([self.first]),
            "own": self.stacked_by_color(inputs[:, 0]),
            "side": self.stacked_by_color(kernels[:, 0, units:]),  # (C, L, 4h / C, h)
            "up": tf.transpose(kernels[:, :, :units], [1, 0, 3, 2]),  # (2, L, 4h, h)
            "widen": self.matrices(self.widen),
            "head": self.matrices(self.head),
            "back": tf.transpose(inputs[:, 1], [0, 2, 1]),  # (L, 4h, 2h)
            "back_side": tf.transpose(kernels[:, 1, units:], [0, 2, 1]),  # (L, 4h, h)
            "offsets": biases + terms,  # (L, 2, 4h, B)
            "start": (h, c),
            "back_start": (starts[:, 1, 0, :, None] + zeros, starts[:, 1, 1, :, None] + zeros),
            "view": self.blank(self.kernel_size // 2, self.kernel_size // 2, batch_size),
            "beyond": tf.zeros([self.kernel_size // 2 + 1, 1, colors, batch_size], dtype),  # further columns of the view, outside the image
            "y": self.row_array(y).unstack(tf.tile(y[None], [width, 1, 1, 1])),  # of this row
            "h": self.row_array(h).unstack(tf.tile(h[None], [width, 1, 1, 1])),
            "back_h": tf.tile((starts[:, 1, 0, :, None] + zeros)[None], [width, 1, 1, 1]),  # h' of the row two above
            "back_map": tf.tile(zeros[None], [width, 1, 1, 1]),  # h' of the row above, zero where there is none
            "sums": tf.zeros([width, self.num_layers, 4 * units, batch_size], dtype),  # what the row above adds to the gates of this one
            "before": (h, c),  # of the pixel to the left
            "here": (h, c),  # of this pixel
            "pixel": tf.zeros([colors, features // colors, batch_size], dtype),
            "block": tf.constant(0),
            **self.position_table(),
        }

    def backwards(self, state: State, view: tf.Tensor) -> tf.Tensor:
        """Return h' of the row that the view has completed, from right to left, `[W, L, h, B]`."""
        width = self.event_shape[1]
        window = self.window(tf.concat([view, state["beyond"]], axis=1), width, self.kernel_size // 2)
        firsts = [self.layers_of(state["first"], color)[0] for color in range(self.colors)]
        beyond = tf.concat([self.product(first, window) for first in firsts], axis=0)  # (2h, B)
        y = state["y"].stack()  # (W, L, 2h, B)
        y = tf.concat([tf.concat([y[1:, :1], beyond[None, None]], axis=0), y[:, 1:]], axis=1)
        sums = tf.matmul(state["back"], y) + state["offsets"][:, 1]
        sums += tf.matmul(state["up"][1], state["back_h"])
        shape = tf.shape(state["start"][0])  # (L, h, B)
        split = [shape[0], self.colors, self.units // self.colors, shape[2]]

        def pixel(column: tf.Tensor, h: tf.Tensor, c: tf.Tensor, out: Any) -> tuple[Any, tf.Tensor, tf.Tensor, Any]:
            gates = tf.gather(sums, column) + tf.matmul(state["back_side"], h)
            gates = tf.reshape(gates, [shape[0], self.colors, 4, split[2], shape[2]])
            o, f, i, g = tf.unstack(gates, axis=2)
            new = self.cell(o, f, i, g, tf.reshape(c, split))
            h, c = (tf.ensure_shape(tf.reshape(value, shape), h.shape) for value in new)
            return column - 1, h, c, out.write(column, h)

        loop = (tf.constant(width - 1), *state["back_start"], self.row_array(state["back_start"][0]))
        return tf.while_loop(lambda column, *_: column >= 0, pixel, loop, maximum_iterations=width)[3].stack()

    def enter_block(self, state: State, block: tf.Tensor, previous: tf.Tensor) -> State:
        """Compute h' of the row above, and what h of the row above adds to the gates of a row."""
        known = self.take_in(state["view"], state["block"], block * self.block_size, previous)
        back = tf.where(block > 0, self.backwards(state, known), state["back_h"])
        sums = tf.matmul(state["up"][0], state["h"].stack()) + state["offsets"][:, 0]
        rows = {
            "back_h": back,
            "back_map": tf.where(block > 0, back, tf.zeros_like(back)),
            "y": self.row_array(tf.concat([state["start"][0]] * 2, axis=1)),
            "h": self.row_array(state["start"][0]),
            "view": self.next_row(state["view"]),
        }
        return {**state, **rows, "sums": sums, "before": state["start"], "here": state["start"], "block": block}

    def step(self, state: State, index: tf.Tensor, previous: tf.Tensor) -> tuple[tf.Tensor, State]:
        """Compute one sub-pixel, and return its parameters `[B, P]`."""
        _, column, color = self.place(index)
        view = self.take_in(state["view"], state["block"], index, previous)
        pixel, before = Pixel(state["pixel"], color), state["here"]
        if self.colors > 1:
            before = tuple(tf.where(color == 0, here, old) for here, old in zip(state["here"], state["before"], strict=True))
        sums = self.of_color(tf.gather(state["sums"], column), color) + tf.matmul(self.take(state["side"], color), before[0])
        back = self.of_color(tf.gather(state["back_map"], column), color)  # (L, h / C, B)
        sums, back, old_c = tf.unstack(sums), tf.unstack(back), tf.unstack(self.of_color(before[1], color))
        ys, hs, cs = [], [], []
        (first,), widen = self.layers_of(state["first"], color), self.layers_of(state["widen"], color)
        own = tf.unstack(self.take(state["own"], color))
        y = self.placed(self.product(first, self.window(view, column, self.kernel_size // 2)), state, index)
        for n in range(self.num_layers):
            ys.append(pixel(y))
            gates = tf.matmul(own[n], ys[n]) + sums[n]  # (4h / C, B)
            o, f, i, g = tf.split(gates, 4)
            h, c = self.cell(o, f, i, g, old_c[n])
            hs.append(pixel(h))
            cs.append(pixel(c))
            y += self.product(widen[n], pixel(h + back[n]))
        params = self.last(state["head"], y, pixel, view, column, color)
        here = (tf.stack(hs), tf.stack(cs))
        rows = {"y": state["y"].write(column, tf.stack(ys)), "h": state["h"].write(column, here[0])}
        return params, {**state, **rows, "view": view, "before": before, "here": here, "pixel": pixel.table}
