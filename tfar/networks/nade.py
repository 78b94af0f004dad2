"""NADE: the neural autoregressive distribution estimator (Larochelle & Murray 2011)."""

import keras
import numpy as np
import tensorflow as tf

from tfar import masks
from tfar.networks.base import AutoregressiveNetwork
from tfar.networks.checkpointing import checkpointed_map

# Longer chunks take more arithmetic, shorter ones more iterations; the best at D = 784, H = 500 on two CPU cores.
_CHUNK = 24


@keras.saving.register_keras_serializable(package="tfar")
class NADE(AutoregressiveNetwork):
    """One hidden layer that all positions share: each position adds its value to the pre-activation of the ones before.

        a_1 = c + U y,   a_{d+1} = a_d + W_{., o_d} x_{o_d}
        h_d = g(rho_d a_d),   params_{o_d} = b_{o_d} + V_{o_d} h_d

    where o is the order, x the values and y the context, which so reaches every position (Larochelle & Murray 2011;
    rho: Uria et al. 2013). O(DH) time. With one parameter per position, no context and no rho it has 2 H D + H + D
    parameters.

    A call takes the positions in chunks: what all earlier chunks contribute to a chunk is one product, and so is what
    the chunk contributes to itself. Chunks follow each other in a loop and are computed again in the backward pass, so
    that `[B, D, H]` is never held.

    Args:
        hidden_units: H.
        activation: g, "sigmoid", "relu" or another that Keras knows.
        order: "natural", "reversed", or a permutation of 0..D-1.
        rescale: whether to learn a factor rho_d for each position, 1 at first, which keeps units without an upper bound
            in range as d grows.
        kernel_initializer: initialiser of W, V and U.

    Raises:
        ValueError: `hidden_units` is no positive integer.

    >>> network = NADE(event_shape=[4], hidden_units=8)
    >>> network(np.zeros([2, 4])).shape
    TensorShape([2, 4, 1])
    >>> network.effective_parameters() == 2 * 8 * 4 + 8 + 4
    True
    """

    def __init__(
        self,
        event_shape,
        params_size=1,
        hidden_units=500,
        activation="sigmoid",
        order="natural",
        rescale=False,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(event_shape, params_size, order, **kwargs)
        if isinstance(hidden_units, bool) or not isinstance(hidden_units, int | np.integer) or hidden_units < 1:
            raise ValueError(f"hidden_units must be a positive integer. Received: hidden_units={hidden_units!r}")
        self.hidden_units = int(hidden_units)
        self.activation = keras.activations.get(activation)
        self.rescale = bool(rescale)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, x_shape=None, context_shape=None):
        size, units = self.event_size, self.hidden_units

        def kernel(name, rows):
            # A copy for each: one initialiser gives the same values each time.
            return self.add_weight(name=name, shape=(rows, units), initializer=self.kernel_initializer.clone())

        self.input_kernel = kernel("input_kernel", size * self.features)  # W
        self.hidden_bias = self.add_weight(name="hidden_bias", shape=(units,), initializer="zeros")  # c
        self.output_kernel = kernel("output_kernel", size * self.params_size)  # V
        self.output_bias = self.add_weight(name="output_bias", shape=(size, self.params_size), initializer="zeros")  # b
        self.rescaling = self.add_weight(name="rescaling", shape=(size,), initializer="ones") if self.rescale else None  # rho
        self.context_kernel = kernel("context_kernel", self.context_size) if self.context_size else None  # U

    def _in_order(self, weight, *shape):
        """A weight with one row (or several) per dimension, `[D, *shape]` in the order of generation."""
        weight = tf.reshape(tf.cast(tf.convert_to_tensor(weight), self.compute_dtype), [self.event_size, *shape])
        natural = np.array_equal(self.order, np.arange(self.event_size))
        return weight if natural else tf.gather(weight, self.order)

    def _first(self, context):
        """a_1, `[H]`, or `[B, H]` where there is a context."""
        first = tf.cast(tf.convert_to_tensor(self.hidden_bias), self.compute_dtype)
        context = self.as_context(context)
        if context is None:
            return first
        return first + tf.matmul(context, tf.cast(tf.convert_to_tensor(self.context_kernel), self.compute_dtype))

    def _hidden(self, a, rescaling):
        return self.activation(a if rescaling is None else a * rescaling)

    def call(self, x, context=None, training=False):
        size, units, features, outputs = self.event_size, self.hidden_units, self.features, self.params_size
        length = min(_CHUNK, size)
        count = -(-size // length)

        def chunks(rows):  # [D, ...] to [N, T, ...]
            rows = tf.pad(rows, [[0, count * length - size]] + [[0, 0]] * (rows.shape.rank - 1))
            return tf.reshape(rows, [count, length, *rows.shape[1:]])

        x = tf.reshape(self.encode(x), [-1, size, features])
        x = x if np.array_equal(self.order, np.arange(size)) else tf.gather(x, self.order, axis=1)
        x = tf.pad(x, [[0, 0], [0, count * length - size], [0, 0]])
        x = tf.transpose(tf.reshape(x, [-1, count, length * features]), [1, 0, 2])  # (N, B, T * E)
        kernel = tf.reshape(chunks(self._in_order(self.input_kernel, features, units)), [count, length * features, units])

        terms = tf.matmul(x, kernel)  # (N, B, H), what each chunk contributes to the later ones
        earlier = tf.constant(np.tril(np.ones((count, count)), -1), terms.dtype)
        starts = self._first(context) + tf.reshape(tf.matmul(earlier, tf.reshape(terms, [count, -1])), tf.shape(terms))

        arguments = [starts, x, kernel, chunks(self._in_order(self.output_kernel, outputs, units))]
        if self.rescale:
            arguments.append(chunks(self._in_order(self.rescaling)))
        mask = masks.dense_mask(np.repeat(np.arange(length), features), np.arange(length), strict=True)  # (T * E, T)

        def chunk(start, x, kernel, output_kernel, rescaling=None):
            seen = x * tf.constant(mask.T[:, None], x.dtype)  # (T, B, T * E)
            a = tf.matmul(tf.reshape(seen, [-1, length * features]), kernel)
            a = start + tf.reshape(a, [length, -1, units])  # (T, B, H)
            h = self._hidden(a, None if rescaling is None else rescaling[:, None, None])
            return tf.matmul(h, output_kernel, transpose_b=True)  # (T, B, P)

        params = checkpointed_map(chunk, arguments)  # (N, T, B, P)
        params = tf.reshape(params, [count * length, -1, outputs])[:size]
        params = params + self._in_order(self.output_bias, 1, outputs)
        params = tf.transpose(tf.gather(params, masks.inverse(self.order)), [1, 0, 2])
        return tf.reshape(params, [-1, *self.event_shape, outputs])

    def initial_state(self, batch_size, context=None, value_dtype=None):
        kernel = self._in_order(self.input_kernel, self.features, self.hidden_units)
        first = self._first(context)
        state = {
            "a": tf.reshape(tf.transpose(first), [self.hidden_units, -1]) + tf.zeros([1, batch_size], first.dtype),  # (H, B)
            # Row k is of the position before the k-th, whose value the k-th step takes in; the first has none.
            "input_kernel": tf.pad(kernel, [[1, 0], [0, 0], [0, 0]]),
            "output_kernel": self._in_order(self.output_kernel, self.params_size, self.hidden_units),
            "output_bias": self._in_order(self.output_bias, self.params_size),
        }
        return {**state, "rescaling": self._in_order(self.rescaling)} if self.rescale else state

    def step(self, state, index, previous):
        a = state["a"] + tf.matmul(state["input_kernel"][index], self.encode_value(previous), transpose_a=True)  # (H, B)
        h = self._hidden(a, state["rescaling"][index] if self.rescale else None)
        params = tf.matmul(state["output_kernel"][index], h) + state["output_bias"][index][:, None]  # (P, B)
        return tf.transpose(params), {**state, "a": a}

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "activation": keras.activations.serialize(self.activation),
            "rescale": self.rescale,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
