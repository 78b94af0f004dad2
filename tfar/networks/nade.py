"""NADE: the neural autoregressive distribution estimator (Larochelle & Murray 2011)."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfar import config
from tfar.networks.base import AutoregressiveNetwork, Size, State, elementwise, fresh
from tfar.networks.scans.summing import summing_scan
from tfar.orders import inverse
from tfar.validation import MOST_UNITS, check_counts, check_flags, from_keras

# Few runs keep the sums in the cache, which is faster under XLA; many runs need fewer operations, which is faster in plain graphs. At
# D = 784, H = 500, batch 64, a training step with 4 runs takes 1.3 times as long in a plain graph and as long under XLA; with 28 runs it
# takes 0.8 times as long in a plain graph and 1.1 times as long under XLA.
_RUNS = 8


@keras.saving.register_keras_serializable(package="tfar")
class NADE(AutoregressiveNetwork):
    """One hidden layer with weights shared by all positions: each position adds its value to the pre-activation of the next.

        a_1 = c + U y,   a_{d+1} = a_d + W_{., o_d} x_{o_d}
        h_d = g(rho_d a_d),   params_{o_d} = b_{o_d} + V_{o_d} h_d

    where o is the order, x the values and y the context, which reaches every position through a_1 (Larochelle & Murray 2011; rho: Uria
    et al. 2013). It takes O(DH) time. With one parameter per position, no context and no rho it has 2 H D + H + D parameters.

    A call divides the order into a few runs of consecutive positions. One product gives what the earlier runs contribute at the start of
    each run, so one loop takes all runs through their positions side by side. The backward pass subtracts what that loop added, so no
    `[B, D, H]` array is ever held in memory.

    Args:
        event_shape, params_size, num_classes, context_size, encoding: as in `tfar.networks.AutoregressiveNetwork`.
        hidden_units: H.
        activation: g, elementwise, by its Keras name.
        order: "natural", "reversed", or a permutation of 0..D-1.
        rescale: whether to learn a factor rho_d for each position, initially 1. It keeps unbounded activations in range as d grows.
        kernel_initializer: initializer of W, V and U.
        **kwargs: as in `keras.layers.Layer`.

    Raises:
        ValueError: `hidden_units` is not a positive integer, or the activation is not elementwise.

    >>> network = NADE(event_shape=[4], hidden_units=8)
    >>> network(np.zeros([2, 4])).shape
    TensorShape([2, 4, 1])
    >>> network.effective_parameters() == 2 * 8 * 4 + 8 + 4
    True
    """

    family = config.NADE
    stride = 4
    takes_columns = True

    def __init__(
        self,
        event_shape: int | Iterable[int],
        params_size: int | Sequence[int] = 1,
        hidden_units: int = config.NADE.hidden_units,
        activation: Any = config.NADE.activation,
        order: config.Order = config.NADE.order,
        rescale: bool = config.NADE.rescale,
        kernel_initializer: Any = config.NADE.kernel_initializer,
        **kwargs: Any,
    ):
        super().__init__(event_shape, params_size, order, **kwargs)
        check_counts(most=MOST_UNITS, hidden_units=hidden_units)
        check_flags(rescale=rescale)
        self.hidden_units = int(hidden_units)
        self.activation: Callable[[Any], Any] = elementwise(activation)
        self.rescale = bool(rescale)
        self.kernel_initializer: Any = from_keras(keras.initializers.get, kernel_initializer=kernel_initializer)

    def build(self, x_shape: Any = None, context_shape: Any = None) -> None:
        """Create the weights."""
        size, units = self.event_size, self.hidden_units

        def kernel(name: str, rows: int) -> keras.Variable:
            return self.add_weight(name=name, shape=(rows, units), initializer=fresh(self.kernel_initializer))

        self.input_kernel = kernel("input_kernel", int(self.feature_sizes.sum()))  # W
        self.hidden_bias = self.add_weight(name="hidden_bias", shape=(units,), initializer="zeros")  # c
        self.output_kernel = kernel("output_kernel", int(self.params_sizes.sum()))  # V
        outputs = (int(self.params_sizes.sum()),) if self.per_column else (size, self.params_size)
        self.output_bias = self.add_weight(name="output_bias", shape=outputs, initializer="zeros")  # b
        self.rescaling = self.add_weight(name="rescaling", shape=(size,), initializer="ones") if self.rescale else None  # rho
        self.context_kernel = kernel("context_kernel", self.context_size) if self.context_size else None  # U

    def _first(self, context: Any) -> tf.Tensor:
        """a_1, `[H]`, or `[B, H]` where there is a context."""
        first = self.cast(self.hidden_bias)
        context = self.as_context(context)
        if context is None:
            return first
        return first + tf.matmul(context, self.cast(self.context_kernel))

    def _hidden(self, a: tf.Tensor, rescaling: Any) -> tf.Tensor:
        return self.activation(a if rescaling is None else a * rescaling)

    def call(self, x: Any, context: Any = None, training: bool = False) -> tf.Tensor:
        """Return the parameters `[B, *event_shape, P]`, or `[B, sum_d P_d]`."""
        if self.per_column:
            return self.by_steps(x, context)
        size, units, features, outputs = self.event_size, self.hidden_units, self.features, self.params_size
        length = -(-size // _RUNS)
        runs = -(-size // length)

        def steps(rows: Any, delay: int = 0) -> Any:  # (D, M, N) to (T, S, M, N)
            rows = tf.pad(rows[: size - delay], [[delay, runs * length - size], [0, 0], [0, 0]])
            return tf.transpose(tf.reshape(rows, [runs, length, -1, rows.shape[2]]), [1, 0, 2, 3])

        x = tf.reshape(self.encode(x), [-1, size, features])
        x = tf.gather(tf.transpose(x, [1, 0, 2]), self.order)  # (D, B, E)
        precise = self.sum_dtype
        # A position takes in the one before it, as in `step`.
        x = steps(tf.cast(x, precise), delay=1)  # (T, S, B, E)
        kernel = steps(tf.cast(self.in_order(self.input_kernel, features, units), precise), delay=1)  # (T, S, E, H)

        terms = tf.einsum("tsbe,tseh->sbh", x, kernel)  # what each run contributes to the later ones
        earlier = tf.constant(np.tril(np.ones((runs, runs)), -1), precise)
        start = tf.reshape(tf.matmul(earlier, tf.reshape(terms, [runs, -1])), tf.shape(terms))
        start += tf.cast(self._first(context), precise)  # (S, B, H)

        weights = [steps(self.in_order(self.output_kernel, outputs, units))]  # (T, S, P, H)
        if self.rescale:
            weights.append(steps(self.in_order(self.rescaling, 1, 1)))

        def output(a: tf.Tensor, output_kernel: tf.Tensor, rescaling: Any = None) -> tf.Tensor:
            h = self._hidden(tf.cast(a, self.compute_dtype), rescaling)
            return tf.matmul(h, output_kernel, transpose_b=True)

        params = summing_scan(output, start, x, kernel, weights)  # (T, S, B, P)
        params = tf.reshape(tf.transpose(params, [1, 0, 2, 3]), [runs * length, -1, outputs])
        params = params[:size] + self.in_order(self.output_bias, 1, outputs)
        params = tf.transpose(tf.gather(params, inverse(self.order)), [1, 0, 2])
        return tf.reshape(params, [-1, *self.event_shape, outputs])

    def initial_state(self, batch_size: Size, context: tf.Tensor | None = None, value_dtype: tf.DType = tf.float32, **member: Any) -> State:
        """Return the state before the first position: a_1 and the kernels, in the order of generation."""
        first = tf.cast(self._first(context), self.sum_dtype)
        state: State = {"a": tf.reshape(tf.transpose(first), [self.hidden_units, -1]) + tf.zeros([1, batch_size], first.dtype)}  # (H, B)
        if self.rescale:
            state["rescaling"] = self.in_order(self.rescaling)
        if self.per_column:
            return {**state, **self._kernels_of_columns()}
        kernel = tf.cast(self.in_order(self.input_kernel, self.features, self.hidden_units), self.sum_dtype)
        return {
            **state,
            # Row k belongs to the position before the k-th, whose value step k takes in; row 0 is empty.
            "input_kernel": tf.pad(kernel, [[1, 0], [0, 0], [0, 0]]),
            "output_kernel": self.in_order(self.output_kernel, self.params_size, self.hidden_units),
            "output_bias": self.in_order(self.output_bias, self.params_size),
        }

    def _kernels_of_columns(self) -> State:
        """As in the state of `initial_state`, with the rows of each column, whose numbers differ, in a list."""
        dimensions = self.order.tolist()
        inputs, outputs, bias = (
            tf.cast(self.cast(self.input_kernel), self.sum_dtype),
            self.cast(self.output_kernel),
            self.cast(self.output_bias),
        )
        return {
            "input_kernel": [inputs[:0], *(inputs[self.feature_rows(d)] for d in dimensions[:-1])],
            "output_kernel": [outputs[self.params_rows(d)] for d in dimensions],
            "output_bias": [bias[self.params_rows(d)] for d in dimensions],
        }

    def step(self, state: State, index: Any, previous: tf.Tensor) -> tuple[tf.Tensor, State]:
        """Add the previous value to a, and return the parameters `[B, P]` of the position."""
        a, before = state["a"], 0
        if self.per_column:
            index = int(tf.get_static_value(index))
            before = int(self.order[index - 1])
        if not (self.per_column and index == 0):
            value = tf.cast(self.encode_value(previous, before), self.sum_dtype)  # (E, B)
            a += tf.matmul(state["input_kernel"][index], value, transpose_a=True)  # (H, B)
        h = self._hidden(tf.cast(a, self.compute_dtype), state["rescaling"][index] if self.rescale else None)
        params = tf.matmul(state["output_kernel"][index], h) + state["output_bias"][index][:, None]  # (P, B)
        return tf.transpose(params), {**state, "a": a}

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "activation": keras.activations.serialize(self.activation),
            "rescale": self.rescale,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
