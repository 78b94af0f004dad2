"""The neural autoregressive network with weights of its own for each dimension (Bengio & Bengio 2000)."""

import keras
import numpy as np
import tensorflow as tf

from tfar.layers import MaskedDense
from tfar.networks.base import AutoregressiveNetwork, elementwise
from tfar.orders import inverse
from tfar.validation import check_counts


@keras.saving.register_keras_serializable(package="tfar")
class NeuralAutoregressive(AutoregressiveNetwork):
    """A network with one hidden layer for each dimension; they share nothing.

        h_i = g(W_i x_<i + U_i y + b_i),   params_i = V_i h_i + c_i (+ sum_{j<i} A_ij x_j)

    where x_<i are the values before dimension i in the order and y the context. Bengio & Bengio 2000.

    With one number per value, one parameter per position and no context it has D (D - 1) H / 2 + D H (hidden layers) +
    D H + D (outputs) parameters, and D (D - 1) / 2 more with direct connections: cost and size grow as D^2 H, where
    NADE's grow as D H. Choose few units at a large D: 5 million parameters at D = 784, H = 16.

    The positions are divided into blocks. The hidden layers of a block are one masked product with the inputs up to its
    end, so that the connections that are stored and multiplied are those that exist, and one part in (number of blocks)
    more.

    Args:
        hidden_units: H, of each dimension.
        activation: g; tanh in the paper.
        direct: whether inputs are connected to the outputs directly, A.
        order: "natural", "reversed", or a permutation of 0..D-1.

    Raises:
        ValueError: `hidden_units` is no positive integer, or the activation one that mixes units, such as softmax.

    >>> network = NeuralAutoregressive(event_shape=[4], hidden_units=3)
    >>> network(np.zeros([2, 4])).shape
    TensorShape([2, 4, 1])
    >>> network.effective_parameters() == 6 * 3 + 4 * 3 + 4 * 3 + 4
    True
    """

    def __init__(self, event_shape, params_size=1, hidden_units=16, activation="tanh", direct=False, order="natural", **kwargs):
        super().__init__(event_shape, params_size, order, **kwargs)
        check_counts(hidden_units=hidden_units)
        self.hidden_units = int(hidden_units)
        self.activation = elementwise(activation)
        self.direct = bool(direct)

        policy = {"dtype": self.dtype_policy}
        degrees = np.arange(1, self.event_size + 1)  # of the inputs, in the order of generation
        self.hidden_layers = []  # one per block
        for start in range(0, self.event_size, self.block_size):
            seen = degrees[: start + self.block_size]
            units = np.repeat(seen[start:] - 1, self.hidden_units)  # those of a position see the inputs before it
            self.hidden_layers.append(MaskedDense(np.repeat(seen, self.features), units, name=f"hidden_{start}", **policy))
        outputs = np.repeat(degrees, self.params_size)
        self.direct_layer = (
            MaskedDense(np.repeat(degrees, self.features), outputs, strict=True, use_bias=False, name="direct", **policy)
            if self.direct
            else None
        )
        self.context_layer = (
            keras.layers.Dense(self.event_size * self.hidden_units, use_bias=False, name="context", **policy) if self.context_size else None
        )

    stride = 2

    @property
    def block_size(self):
        return max(1, round(self.event_size**0.5))

    def build(self, x_shape=None, context_shape=None):
        size, units, outputs = self.event_size, self.hidden_units, self.params_size
        for layer in self.hidden_layers:
            layer.build((None, len(layer.in_degrees)))
        if self.direct:
            self.direct_layer.build((None, size * self.features))
        if self.context_size:
            self.context_layer.build((None, self.context_size))
        # Glorot's limit for H inputs and P outputs; Keras would count those of all D networks together.
        limit = (6 / (units + outputs)) ** 0.5
        glorot = keras.initializers.RandomUniform(-limit, limit)
        self.output_kernel = self.add_weight(name="output_kernel", shape=(size, outputs, units), initializer=glorot)  # V
        self.output_bias = self.add_weight(name="output_bias", shape=(size, outputs), initializer="zeros")  # c, in event layout

    def call(self, x, context=None, training=False):
        size, units, outputs = self.event_size, self.hidden_units, self.params_size
        context = self.as_context(context)
        x = tf.gather(tf.reshape(self.encode(x), [-1, size, self.features]), self.order, axis=1)
        x = tf.reshape(x, [-1, size * self.features])
        a = tf.concat([layer(x[:, : len(layer.in_degrees)]) for layer in self.hidden_layers], axis=1)  # (B, D * H)
        a = a if context is None else a + self.context_layer(context)
        h = tf.transpose(tf.reshape(self.activation(a), [-1, size, units]), [1, 0, 2])  # (D, B, H)
        params = tf.matmul(h, self.cast(self.output_kernel), transpose_b=True) + self.in_order(self.output_bias, 1, outputs)
        params = tf.transpose(params, [1, 0, 2])  # (B, D, P)
        if self.direct:
            params += tf.reshape(self.direct_layer(x), [-1, size, outputs])
        params = tf.gather(params, inverse(self.order), axis=1)
        return tf.reshape(params, [-1, *self.event_shape, outputs])

    def initial_state(self, batch_size, context=None, value_dtype=None):
        size, units, features, dtype = self.event_size, self.hidden_units, self.features, self.compute_dtype
        context = self.as_context(context)
        block = self.block_size * units
        state = {
            # Input k is in slot k + 1, so that step k takes in slot k.
            "x": tf.zeros([(size + 1) * features, batch_size], dtype),
            "output_kernel": self.cast(self.output_kernel),
            "output_bias": self.in_order(self.output_bias, self.params_size),
            "sums": tf.zeros([block, batch_size], dtype),  # pre-activations of this block
            "inner": tf.zeros([self.block_size * features, block], dtype),  # from the inputs that this block's steps take in
            "block": tf.constant(0),
        }
        if context is not None:
            padding = len(self.hidden_layers) * block - size * units
            state["context"] = tf.pad(tf.transpose(self.context_layer(context)), [[0, padding], [0, 0]])
        if self.direct:
            kernel = tf.pad(self.direct_layer.masked_kernel(), [[features, 0], [0, 0]])  # (slots, D * P)
            state["direct"] = tf.reshape(tf.transpose(kernel), [size, self.params_size, (size + 1) * features])
        return state

    def enter_block(self, state, block, previous):
        """Add up what all inputs that were taken in before contribute to the block's units: one product."""
        rows, columns = self.block_size * self.features, self.block_size * self.hidden_units

        def enter(number):
            layer, start = self.hidden_layers[number], number * rows
            padding = [[0, 0], [0, columns - len(layer.out_degrees)]]
            kernel = tf.pad(layer.masked_kernel(), [[self.features, 0], padding[1]])
            sums = tf.matmul(kernel[:start], state["x"][:start], transpose_a=True)
            sums += tf.pad(self.cast(layer.bias), padding[1:])[:, None]
            inner = kernel[start : start + rows]
            inner = tf.pad(inner, [[0, rows - inner.shape[0]], [0, 0]])
            return sums, inner

        branches = [lambda number=number: enter(number) for number in range(len(self.hidden_layers))]
        sums, inner = branches[0]() if len(branches) == 1 else tf.switch_case(block, branches)
        if "context" in state:
            sums += tf.slice(state["context"], [block * columns, 0], [columns, tf.shape(sums)[1]])
        return {**state, "sums": sums + tf.zeros_like(state["sums"]), "inner": inner, "block": block}

    def step(self, state, index, previous):
        value, features, units = self.encode_value(previous), self.features, self.hidden_units
        rows = index * features + tf.range(features)
        x = tf.tensor_scatter_nd_update(state["x"], rows[:, None], value)
        offset = index - state["block"] * self.block_size
        kernel = tf.slice(state["inner"], [offset * features, 0], [features, self.block_size * units])
        sums = state["sums"] + tf.matmul(kernel, value, transpose_a=True)
        a = tf.slice(sums, [offset * units, 0], [units, tf.shape(sums)[1]])  # (H, B)
        params = tf.matmul(state["output_kernel"][index], self.activation(a)) + state["output_bias"][index][:, None]
        if self.direct:
            params += tf.matmul(state["direct"][index], x)
        return tf.transpose(params), {**state, "x": x, "sums": sums}

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "activation": keras.activations.serialize(self.activation),
            "direct": self.direct,
        }
