"""The neural autoregressive network with separate weights for each dimension (Bengio & Bengio 2000)."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfar import config
from tfar.layers import MaskedDense
from tfar.networks.base import AutoregressiveNetwork, Size, State, elementwise
from tfar.orders import inverse
from tfar.validation import MOST_UNITS, check_counts, check_flags


@keras.saving.register_keras_serializable(package="tfar")
class NeuralAutoregressive(AutoregressiveNetwork):
    """One hidden layer for each dimension, without shared weights (Bengio & Bengio 2000).

        h_i = g(W_i x_<i + U_i y + b_i),   params_i = V_i h_i + c_i (+ sum_{j<i} A_ij x_j)

    where x_<i are the values before dimension i in the order and y the context.

    With one number per value, one parameter per position and no context it has D (D - 1) H / 2 + D H parameters in hidden layers, D H + D
    in outputs, and D (D - 1) / 2 in direct connections. Cost and size grow as D^2 H, where NADE's grow as D H, so use few units for a
    large D: D = 784, H = 16 has 5 million parameters.

    The positions are divided into blocks. The hidden layers of a block are one masked product with the inputs up to its end. The share
    of stored and multiplied connections that do not exist is therefore only about one in the number of blocks.

    Args:
        event_shape, params_size, num_classes, context_size, encoding: as in `tfar.networks.AutoregressiveNetwork`.
        hidden_units: H, the hidden units of each dimension.
        activation: g, elementwise, by its Keras name; tanh in the paper.
        direct: whether to connect the inputs to the outputs directly, A.
        order: "natural", "reversed", or a permutation of 0..D-1.
        **kwargs: as in `keras.layers.Layer`.

    Raises:
        ValueError: `hidden_units` is not a positive integer, or the activation is not elementwise.

    >>> network = NeuralAutoregressive(event_shape=[4], hidden_units=3, direct=False)
    >>> network(np.zeros([2, 4])).shape
    TensorShape([2, 4, 1])
    >>> network.effective_parameters() == 6 * 3 + 4 * 3 + 4 * 3 + 4
    True
    """

    family = config.NeuralAutoregressive
    stride = 2
    takes_columns = True

    def __init__(
        self,
        event_shape: int | Iterable[int],
        params_size: int | Sequence[int] = 1,
        hidden_units: int = config.NeuralAutoregressive.hidden_units,
        activation: Any = config.NeuralAutoregressive.activation,
        direct: bool = config.NeuralAutoregressive.direct,
        order: config.Order = config.NeuralAutoregressive.order,
        **kwargs: Any,
    ):
        super().__init__(event_shape, params_size, order, **kwargs)
        check_counts(most=MOST_UNITS, hidden_units=hidden_units)
        check_flags(direct=direct)
        self.hidden_units = int(hidden_units)
        self.activation: Callable[[Any], Any] = elementwise(activation)
        self.direct = bool(direct)

        policy: dict[str, Any] = {"dtype": self.dtype_policy}
        degrees = np.arange(1, self.event_size + 1)  # of the inputs, in the order of generation
        self.hidden_layers: list[MaskedDense] = []  # one per block
        for start in range(0, self.event_size, self.block_size):
            seen = degrees[: start + self.block_size]
            units = np.repeat(seen[start:] - 1, self.hidden_units)  # the units of a position see the inputs before it
            inputs = np.repeat(seen, self.feature_sizes[self.order][: len(seen)])
            self.hidden_layers.append(MaskedDense(inputs, units, name=f"hidden_{start}", **policy))
        outputs = np.repeat(degrees, self.params_sizes[self.order])
        self.direct_layer = self.context_layer = None
        if self.direct:
            inputs = np.repeat(degrees, self.feature_sizes[self.order])
            self.direct_layer = MaskedDense(inputs, outputs, strict=True, use_bias=False, name="direct", **policy)
        if self.context_size:
            self.context_layer = keras.layers.Dense(self.event_size * self.hidden_units, use_bias=False, name="context", **policy)

    @property
    def block_size(self) -> int:
        """About sqrt(D), which balances the products on entering blocks and those inside them."""
        return max(1, round(self.event_size**0.5))

    def build(self, x_shape: Any = None, context_shape: Any = None) -> None:
        """Create the weights."""
        size, units, outputs = self.event_size, self.hidden_units, self.params_size
        for layer in self.hidden_layers:
            layer.build((None, len(layer.in_degrees)))
        if self.direct_layer is not None:
            self.direct_layer.build((None, int(self.feature_sizes.sum())))
        if self.context_layer is not None:
            self.context_layer.build((None, self.context_size))
        # Glorot's limit for H inputs and P outputs; Keras would count the inputs and outputs of all D networks together.
        limit = (6 / (units + float(self.params_sizes.mean()))) ** 0.5
        glorot = keras.initializers.RandomUniform(-limit, limit)
        rows = (int(self.params_sizes.sum()),) if self.per_column else (size, outputs)
        self.output_kernel = self.add_weight(name="output_kernel", shape=(*rows, units), initializer=glorot)  # V
        self.output_bias = self.add_weight(name="output_bias", shape=rows, initializer="zeros")  # c, in event layout

    def _context_terms(self, context: Any) -> tf.Tensor | None:
        """What the context `[B, C]` adds to the pre-activations, `[B, D * H]`; None without a context."""
        context = self.as_context(context)
        return None if self.context_layer is None else self.context_layer(context)

    def call(self, x: Any, context: Any = None, training: bool = False) -> tf.Tensor:
        """Return the parameters `[B, *event_shape, P]`, or `[B, sum_d P_d]`."""
        if self.per_column:
            return self.by_steps(x, context)
        size, units, outputs = self.event_size, self.hidden_units, self.params_size
        terms = self._context_terms(context)
        x = tf.gather(tf.reshape(self.encode(x), [-1, size, self.features]), self.order, axis=1)
        x = tf.reshape(x, [-1, size * self.features])
        a = tf.concat([layer(x[:, : len(layer.in_degrees)]) for layer in self.hidden_layers], axis=1)  # (B, D * H)
        a = a if terms is None else a + terms
        h = tf.transpose(tf.reshape(self.activation(a), [-1, size, units]), [1, 0, 2])  # (D, B, H)
        params = tf.matmul(h, self.cast(self.output_kernel), transpose_b=True) + self.in_order(self.output_bias, 1, outputs)
        params = tf.transpose(params, [1, 0, 2])  # (B, D, P)
        if self.direct_layer is not None:
            params += tf.reshape(self.direct_layer(x), [-1, size, outputs])
        params = tf.gather(params, inverse(self.order), axis=1)
        return tf.reshape(params, [-1, *self.event_shape, outputs])

    def initial_state(self, batch_size: Size, context: tf.Tensor | None = None, value_dtype: tf.DType = tf.float32, **member: Any) -> State:
        """Return the state before the first position: no inputs, and the weights of the outputs."""
        size, units, features, dtype = self.event_size, self.hidden_units, self.features, self.compute_dtype
        terms = self._context_terms(context)
        if self.per_column:
            return {"terms": terms, "batch_size": batch_size, "values": []}
        block = self.block_size * units
        state = {
            # Input k is in slot k + 1, so that step k takes in slot k.
            "x": tf.zeros([(size + 1) * features, batch_size], dtype),
            "output_kernel": self.cast(self.output_kernel),
            "output_bias": self.in_order(self.output_bias, self.params_size),
            "sums": tf.zeros([block, batch_size], dtype),  # pre-activations of this block
            "inner": tf.zeros([self.block_size * features, block], dtype),  # kernel of the inputs that this block's steps take in
            "block": tf.constant(0),
        }
        if terms is not None:
            padding = len(self.hidden_layers) * block - size * units
            state["context"] = tf.pad(tf.transpose(terms), [[0, padding], [0, 0]])
        if self.direct_layer is not None:
            kernel = tf.pad(self.direct_layer.masked_kernel(), [[features, 0], [0, 0]])  # (slots, D * P)
            state["direct"] = tf.reshape(tf.transpose(kernel), [size, self.params_size, (size + 1) * features])
        return state

    def enter_block(self, state: State, block: tf.Tensor, previous: tf.Tensor) -> State:
        """Sum what all inputs taken in so far contribute to the block's units, in one product."""
        if self.per_column:
            return state
        rows, columns = self.block_size * self.features, self.block_size * self.hidden_units

        def enter(number: int) -> tuple[tf.Tensor, tf.Tensor]:
            layer, start = self.hidden_layers[number], number * rows
            padding = [[0, 0], [0, columns - len(layer.out_degrees)]]
            kernel = tf.pad(layer.masked_kernel(), [[self.features, 0], padding[1]])
            sums = tf.matmul(kernel[:start], state["x"][:start], transpose_a=True)
            sums += tf.pad(self.cast(layer.bias), padding[1:])[:, None]
            inner = kernel[start : start + rows]
            known: Any = inner.shape[0]
            inner = tf.pad(inner, [[0, rows - known], [0, 0]])
            return sums, inner

        branches = [lambda number=number: enter(number) for number in range(len(self.hidden_layers))]
        sums, inner = branches[0]() if len(branches) == 1 else tf.switch_case(block, branches)
        if "context" in state:
            sums += tf.slice(state["context"], [block * columns, 0], [columns, tf.shape(sums)[1]])
        return {**state, "sums": sums + tf.zeros_like(state["sums"]), "inner": inner, "block": block}

    def step(self, state: State, index: tf.Tensor, previous: tf.Tensor) -> tuple[tf.Tensor, State]:
        """Add the previous value to the block's sums, and return the parameters `[B, P]` of the position."""
        if self.per_column:
            return self._column_step(state, int(tf.get_static_value(index)), previous)
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

    def _column_step(self, state: State, index: int, previous: tf.Tensor) -> tuple[tf.Tensor, State]:
        """`step` of a column: the products of its hidden layer and outputs with the columns before it, which are slices of the kernels."""
        values, units, (block, place) = [*state["values"]], self.hidden_units, divmod(index, self.block_size)
        if index > 0:
            values.append(self.encode_value(previous, int(self.order[index - 1])))
        x = tf.concat(values, axis=0) if values else None  # (sum_d E_d, B)
        here = slice(place * units, (place + 1) * units)
        layer, rows = self.hidden_layers[block], self.params_rows(int(self.order[index]))
        a = self.cast(layer.bias)[here, None] + tf.zeros([1, state["batch_size"]], self.compute_dtype)  # (H, B)
        params = self.cast(self.output_bias)[rows, None]
        if x is not None:
            a += tf.matmul(self.cast(layer.kernel)[: x.shape[0], here], x, transpose_a=True)
        if state["terms"] is not None:
            a += tf.transpose(state["terms"][:, index * units : (index + 1) * units])
        params += tf.matmul(self.cast(self.output_kernel)[rows], self.activation(a))
        if self.direct_layer is not None and x is not None:
            end = int(self.params_sizes[self.order][: index + 1].sum())
            kernel = self.cast(self.direct_layer.kernel)[: x.shape[0], end - (rows.stop - rows.start) : end]
            params += tf.matmul(kernel, x, transpose_a=True)
        return tf.transpose(params), {**state, "values": values}

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "activation": keras.activations.serialize(self.activation),
            "direct": self.direct,
        }
