"""Row LSTM (van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel recurrent neural networks", section 3.1)."""

from typing import Any

import keras
import tensorflow as tf

from tfar.networks.base import Size, State
from tfar.networks.images.pixel_rnn import PixelRNN
from tfar.networks.images.stepping import Pixel
from tfar.networks.scans.checkpointed import checkpointed_scan


@keras.saving.register_keras_serializable(package="tfar")
class RowLSTM(PixelRNN):
    """A PixelRNN whose states run down the image, row by row: a pixel sees a triangle above it.

        [o, f, i, g]_r = K_ss * h_{r-1} + K_is * y_r        K_ss: 3 taps of the row above; K_is: 1x3, mask B
        c_r = sigmoid(f) c_{r-1} + sigmoid(i) tanh(g),   h_r = sigmoid(o) tanh(c_r)        (eq. 3)

    in the residual layers of `tfar.networks.images.pixel_rnn.PixelRNN`. States outside the image are learned initial states.

    The arguments are those of `tfar.networks.images.pixel_rnn.PixelRNN`; dropout is of the channels of h.


    >>> import numpy as np
    >>> network = RowLSTM(event_shape=[5, 5, 1], filters=8, num_layers=2, head_filters=[8])
    >>> network(np.zeros([2, 5, 5, 1])).shape
    TensorShape([2, 5, 5, 1, 1])
    """

    taps, side = 3, 3

    def recurrence(self, n: int, y: Any, terms: tf.Tensor, kernels: tf.Tensor, starts: tf.Tensor) -> tf.Tensor:
        """Return h `[B, H, W, h]` of the n-th layer; see `PixelRNN.recurrence`."""
        width = self.event_shape[1]
        gates: Any = self.to_state[n](y)
        inputs = tf.transpose(gates + terms[0, :, None, None], [1, 0, 2, 3])  # (H, B, W, 4h)
        zeros = tf.zeros([tf.shape(inputs)[1], width, self.units], inputs.dtype)
        initial = tf.unstack(starts[0])

        def row(number: tf.Tensor, state: list[tf.Tensor], inputs: tf.Tensor, kernel: tf.Tensor, h_0: tf.Tensor) -> list[tf.Tensor]:
            edge = tf.zeros_like(state[0][:, :1]) + h_0
            padded = tf.concat([edge, state[0], edge], axis=1)
            taps = tf.concat([padded[:, k : k + width] for k in range(3)], axis=2)  # (B, W, 3h)
            return self.cells(inputs + tf.tensordot(taps, kernel, 1), state)

        h, _ = checkpointed_scan(row, [zeros + value for value in initial], inputs, [kernels[0], initial[0]])
        return tf.transpose(h, [1, 0, 2, 3])

    def initial_state(self, batch_size: Size, context: tf.Tensor | None = None, value_dtype: tf.DType = tf.float32, **member: Any) -> State:
        """Return the state before the first row: the weights by colour, an empty view, and the initial states."""
        (_, width, colors), dtype = self.event_shape, self.compute_dtype
        kernels: Any = self.kernels(self.to_state)[:, 0]  # (L, 3, 2h, 4h): left, own, and one to the right
        biases = tf.stack([self.cast(layer.bias) for layer in self.to_state])[..., None]
        starts = self.stacked(self.starts)[:, 0]  # (L, 2, h)
        zeros = tf.zeros([self.num_layers, self.units, batch_size], dtype)
        start = [starts[:, n, :, None] + zeros for n in range(2)]
        left = tf.zeros([self.num_layers, self.filters, batch_size], dtype)
        features = sum(layer.kernel.shape[2] for layer in [*self.to_state, *self.widen, *self.widen, *self.head])
        return {
            "first": self.matrices([self.first]),
            "left": self.stacked_by_color(kernels[:, 0]),  # (C, L, 4h / C, 2h)
            "own": self.stacked_by_color(kernels[:, 1]),
            "widen": self.matrices(self.widen),
            "head": self.matrices(self.head),
            "kernels": tf.transpose(self.stacked(self.state_kernels)[:, 0], [0, 2, 1]),  # (L, 4h, 3h)
            "offsets": biases + tf.transpose(self.context_terms(self.as_context(context))[:, 0], [0, 2, 1]),  # (L, 4h, B)
            "start": start[0],
            "view": self.blank(self.kernel_size // 2, self.kernel_size // 2, batch_size),
            "h": self.row_array(start[0]).unstack(tf.tile(start[0][None], [width, 1, 1, 1])),  # of this row
            "c": self.row_array(start[0]).unstack(tf.tile(start[1][None], [width, 1, 1, 1])),
            "sums": tf.zeros([width, self.num_layers, 4 * self.units, batch_size], dtype),  # what the row above adds to this one
            "above": tf.tile(start[1][None], [width, 1, 1, 1]),  # c of the row above
            "before": left,  # y of the pixel to the left
            "here": left,  # y of this pixel
            "pixel": tf.zeros([colors, features // colors, batch_size], dtype),
            "block": tf.constant(0),
            **self.position_table(),
        }

    def enter_block(self, state: State, block: tf.Tensor, previous: tf.Tensor) -> State:
        """Compute what the states of the row above add to the gates of a row."""
        width, edge = self.event_shape[1], state["start"][None]
        row = tf.concat([edge, state["h"].stack(), edge], axis=0)
        taps = tf.concat([row[n : n + width] for n in range(3)], axis=2)  # (W, L, 3h, B)
        sums = tf.matmul(state["kernels"], taps) + state["offsets"]
        left = tf.zeros_like(state["here"])
        rows = {"h": self.row_array(state["start"]), "c": self.row_array(state["start"]), "above": state["c"].stack()}
        view = self.next_row(state["view"])
        return {**state, **rows, "view": view, "sums": sums, "before": left, "here": left, "block": block}

    def step(self, state: State, index: tf.Tensor, previous: tf.Tensor) -> tuple[tf.Tensor, State]:
        """Compute one sub-pixel, and return its parameters `[B, P]`."""
        _, column, color = self.place(index)
        view = self.take_in(state["view"], state["block"], index, previous)
        pixel = Pixel(state["pixel"], color)
        before = state["here"] if self.colors == 1 else tf.where(color == 0, state["here"], state["before"])
        sums = self.of_color(tf.gather(state["sums"], column), color) + tf.matmul(self.take(state["left"], color), before)
        above = self.of_color(tf.gather(state["above"], column), color)  # (L, h / C, B)
        sums, above, here, h, c = tf.unstack(sums), tf.unstack(above), [], [], []
        (first,), widen = self.layers_of(state["first"], color), self.layers_of(state["widen"], color)
        own = tf.unstack(self.take(state["own"], color))
        y = self.placed(self.product(first, self.window(view, column, self.kernel_size // 2)), state, index)
        for n in range(self.num_layers):
            here.append(pixel(y))
            gates = tf.matmul(own[n], here[n]) + sums[n]  # (4h / C, B)
            o, f, i, g = tf.split(gates, 4)
            new_h, new_c = self.cell(o, f, i, g, above[n])
            h.append(pixel(new_h))
            c.append(pixel(new_c))
            y += self.product(widen[n], h[n])
        params = self.last(state["head"], y, pixel, view, column, color)
        rows = {"h": state["h"].write(column, tf.stack(h)), "c": state["c"].write(column, tf.stack(c))}
        return params, {**state, **rows, "view": view, "before": before, "here": tf.stack(here), "pixel": pixel.table}
