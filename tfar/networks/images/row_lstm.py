"""Row LSTM (van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel recurrent neural networks", section 3.1)."""

import keras
import tensorflow as tf

from tfar.networks.images.pixel_rnn import PixelRNN
from tfar.networks.images.stepping import Pixel
from tfar.networks.scans.checkpointed import checkpointed_scan


@keras.saving.register_keras_serializable(package="tfar")
class RowLSTM(PixelRNN):
    """A PixelRNN whose states run down the image, row by row: a pixel sees a triangle above it.

        [o, f, i, g]_r = K_ss * h_{r-1} + K_is * y_r        K_ss: 3 taps of the row above; K_is: 1x3, mask B
        c_r = sigmoid(f) c_{r-1} + sigmoid(i) tanh(g),   h_r = sigmoid(o) tanh(c_r)        (eq. 3)

    in residual layers as `tfar.networks.images.pixel_rnn.PixelRNN` has it. States outside the image are the learned initial states.

    Args:
        filters: 2h, channels of the residual stream.
        num_layers: number of LSTM layers.
        kernel_size: of the first convolution, odd, at least 3.
        head_filters: channels of each 1x1 convolution at the head.
        dropout: share of the channels of h that training drops in each layer.
        positions, linear_means, num_classes, context_size, activation (of the head): as in `tfar.networks.images.base.ImageNetwork`; the context
            adds to the gates.

    Raises:
        ValueError: a size that is no positive integer, an even kernel, or what `tfar.networks.images.base.ImageNetwork` refuses.

    >>> import numpy as np
    >>> network = RowLSTM(event_shape=[5, 5, 1], filters=8, num_layers=2, head_filters=[8])
    >>> network(np.zeros([2, 5, 5, 1])).shape
    TensorShape([2, 5, 5, 1, 1])
    """

    taps, side = 3, 3

    def recurrence(self, n, y, terms, kernels, starts):
        width = self.event_shape[1]
        inputs = tf.transpose(self.to_state[n](y) + terms[0, :, None, None], [1, 0, 2, 3])  # (H, B, W, 4h)
        zeros = tf.zeros([tf.shape(inputs)[1], width, self.units], inputs.dtype)
        initial = tf.unstack(starts[0])

        def row(number, state, inputs, kernel, h_0):
            edge = tf.zeros_like(state[0][:, :1]) + h_0
            padded = tf.concat([edge, state[0], edge], axis=1)
            taps = tf.concat([padded[:, k : k + width] for k in range(3)], axis=2)  # (B, W, 3h)
            return self.cells(inputs + tf.tensordot(taps, kernel, 1), state)

        h, _ = checkpointed_scan(row, [zeros + value for value in initial], inputs, [kernels[0], initial[0]])
        return tf.transpose(h, [1, 0, 2, 3])

    def initial_state(self, batch_size, context=None, value_dtype=None):
        (_, width, colors), dtype = self.event_shape, self.compute_dtype
        kernels = [layer.masked_kernel()[0] for layer in self.to_state]  # L x (3, 2h, 4h): left, own, and one to the right
        biases = tf.stack([self.cast(layer.bias)[:, None] for layer in self.to_state])
        starts = self.stacked(self.starts)[:, 0]  # (L, 2, h)
        zeros = tf.zeros([self.num_layers, self.units, batch_size], dtype)
        start = [starts[:, n, :, None] + zeros for n in range(2)]
        left = tf.zeros([self.num_layers, self.filters, batch_size], dtype)
        features = sum(layer.kernel.shape[2] for layer in [*self.to_state, *self.widen, *self.widen, *self.head])
        return {
            "first": self.matrices([self.first])[0],
            "left": self.stacked_by_color(kernel[0] for kernel in kernels),  # (C, L, 4h / C, 2h)
            "own": [self.by_color(kernel[1]) for kernel in kernels],
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

    def enter_block(self, state, block, previous):
        width, edge = self.event_shape[1], state["start"][None]
        row = tf.concat([edge, state["h"].stack(), edge], axis=0)
        taps = tf.concat([row[n : n + width] for n in range(3)], axis=2)  # (W, L, 3h, B)
        sums = tf.matmul(state["kernels"], taps) + state["offsets"]
        left = tf.zeros_like(state["here"])
        rows = {"h": self.row_array(state["start"]), "c": self.row_array(state["start"]), "above": state["c"].stack()}
        view = self.next_row(state["view"])
        return {**state, **rows, "view": view, "sums": sums, "before": left, "here": left, "block": block}

    def step(self, state, index, previous):
        _, column, color = self.place(index)
        view = self.take_in(state["view"], state["block"], index, previous)
        pixel = Pixel(state["pixel"], color)
        before = state["here"] if self.colors == 1 else tf.where(color == 0, state["here"], state["before"])
        sums = self.of_color(tf.gather(state["sums"], column), color) + tf.matmul(self.take(state["left"], color), before)
        above = self.of_color(tf.gather(state["above"], column), color)  # (L, h / C, B)
        sums, above, here, h, c = tf.unstack(sums), tf.unstack(above), [], [], []
        y = self.placed(self.product(state["first"], self.window(view, column, self.kernel_size // 2), color), state, index)
        for n in range(self.num_layers):
            here.append(pixel(y))
            gates = tf.matmul(self.take(state["own"][n], color), here[n]) + sums[n]  # (4h / C, B)
            new_h, new_c = self.cell(*tf.split(gates, 4), above[n])
            h.append(pixel(new_h))
            c.append(pixel(new_c))
            y += self.product(state["widen"][n], h[n], color)
        params = self.last(state["head"], y, pixel, view, column, color)
        rows = {"h": state["h"].write(column, tf.stack(h)), "c": state["c"].write(column, tf.stack(c))}
        return params, {**state, **rows, "view": view, "before": before, "here": tf.stack(here), "pixel": pixel.table}
