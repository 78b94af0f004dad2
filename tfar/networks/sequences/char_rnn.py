"""CharRNN: recurrent networks that read a sequence symbol by symbol (Sutskever et al. 2011; Graves 2013)."""

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfar import config
from tfar.layers import Dropout
from tfar.networks.base import Size, State
from tfar.networks.scans.recurrent import recurrent_scan
from tfar.networks.sequences.base import SequenceNetwork
from tfar.validation import MOST_LAYERS, MOST_UNITS, check_choices, check_counts, check_numbers


def lstm(state: Any, x: Any, product: Any) -> list[tf.Tensor]:
    """Return the state (h, c) after a step, from x = W x_t and product = U h_{t-1} + b (Gers et al. 2000)."""
    gates = x + product
    # Both functions of all blocks: under XLA, two passes over a whole tensor take less time than one over each slice.
    third = tf.range(tf.shape(gates)[-1]) // tf.shape(state[0])[-1] == 2
    i, f, g, o = tf.split(tf.where(third, tf.tanh(gates), tf.sigmoid(gates)), 4, axis=-1)
    c = f * state[1] + i * g
    return [o * tf.tanh(c), c]


def gru(state: Any, x: Any, product: Any) -> list[tf.Tensor]:
    """Return the state (h,) after a step, from x = W x_t + b and product = U h_{t-1} + b' (Cho et al. 2014; reset after the product)."""
    (of_z, of_r, of_n), (z, r, n) = tf.split(x, 3, axis=-1), tf.split(product, 3, axis=-1)
    z, r = tf.sigmoid(of_z + z), tf.sigmoid(of_r + r)
    return [z * state[0] + (1 - z) * tf.tanh(of_n + r * n)]


def rnn(state: Any, x: Any, product: Any) -> list[tf.Tensor]:
    """Return the state (h,) after a step, from x = W x_t and product = U h_{t-1} + b (Elman 1990)."""
    return [tf.tanh(x + product)]


# by the names in `tfar.config.CELLS`
LAYERS: dict[str, Any] = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}
STEPS: dict[str, Callable[[Any, Any, Any], list[tf.Tensor]]] = {"lstm": lstm, "gru": gru, "rnn": rnn}


@keras.saving.register_keras_serializable(package="tfar")
class CharRNN(SequenceNetwork):
    """Recurrent layers whose state summarises the symbols read so far.

        h_t = f(h_{t-1}, e(x_{t-1}), y),   params_t = V h_t + b

    where f is a stack of LSTM, GRU or simple recurrent cells; e(x) a learned embedding of a symbol, its one-hot code, or another encoding;
    e(x_0) a learned vector for the start; and y the context. `scan` reads sequences of any length and continues from any state, in
    memory that does not grow with what it has read (`SequenceNetwork`). The weights and results are those of Keras' recurrent layers.

    Args:
        event_shape: `[T]`.
        params_size, num_classes, context_size, encoding: as in `tfar.networks.AutoregressiveNetwork`.
        cell: "lstm", "gru" or "rnn".
        units: size of each layer's state.
        num_layers: number of recurrent layers.
        dropout: share of each layer's outputs that training drops.
        embedding: size of e(x), learned for each of `num_classes` symbols; None for the `encoding`.
        memory: longest memory in steps at initialisation, at least 2 (chrono initialisation, Tallec & Ollivier 2018). The biases of forget
            gates start at log(t - 1), with which a unit loses 1 / t of its content in a step, and those of an LSTM's input gates at the
            negative of that; t is spread over the units of a layer from 2 to `memory`, evenly on a logarithmic scale. None for Keras'
            biases, whose memory is 2 to 4 steps.
        **kwargs: as in `keras.layers.Layer`.

    Raises:
        ValueError: the event has more than one axis; the order is not the natural one; `cell` is unknown; a size is not a positive
            integer; `embedding` is given without `num_classes`; or `memory` is below 2, infinite, or given for a cell without gates.

    >>> network = CharRNN([5], params_size=3, num_classes=3, units=8, num_layers=2)
    >>> x = tf.constant([[0, 1, 2, 2, 1]])
    >>> network(x).shape
    TensorShape([1, 5, 3])
    >>> whole, _ = network.scan(x, network.initial_state(1))
    >>> first, state = network.scan(x[:, :2], network.initial_state(1))
    >>> rest, _ = network.scan(x[:, 2:], state)
    >>> bool(tf.reduce_max(tf.abs(whole - tf.concat([first, rest], axis=1))) < 1e-6)
    True
    """

    family = config.CharRNN

    def __init__(
        self,
        event_shape: int | Iterable[int],
        params_size: int = 1,
        cell: config.Cell = config.CharRNN.cell,
        units: int = config.CharRNN.units,
        num_layers: int = config.CharRNN.num_layers,
        dropout: float = config.CharRNN.dropout,
        embedding: int | None = config.CharRNN.embedding,
        memory: float | None = config.CharRNN.memory,
        **kwargs: Any,
    ):
        super().__init__(event_shape, params_size, **kwargs)
        if len(self.event_shape) != 1 or not np.array_equal(self.order, np.arange(self.event_size)):
            raise ValueError(
                f"a sequence must have one axis and its natural order. Received: event_shape={event_shape!r}, order={self.order.tolist()}"
            )
        check_choices(config.CELLS, cell=cell)
        check_counts(most=MOST_UNITS, units=units)
        check_counts(most=MOST_LAYERS, num_layers=num_layers)
        check_numbers("[0, 1)", dropout=dropout)
        if embedding is not None:
            check_counts(most=MOST_UNITS, embedding=embedding)
            if self.num_classes is None:
                raise ValueError(f"embedding needs num_classes. Received: embedding={embedding}, num_classes=None")
        if memory is not None:
            check_numbers("[2, inf)", memory=memory)
            if cell == "rnn":
                raise ValueError(f"memory is of an lstm or a gru. Received: memory={memory!r}, cell={cell!r}")
        self.cell, self.units, self.num_layers, self.dropout, self.embedding = cell, units, num_layers, float(dropout), embedding
        self.memory = None if memory is None else float(memory)
        options: dict[str, Any] = {"dtype": self.dtype_policy}
        if memory is not None:
            options["bias_initializer"] = self._long_biases
            if cell == "lstm":
                options["unit_forget_bias"] = False  # Keras would overwrite the biases with ones
        # Never called: `scan` and `step` compute with their weights and cells.
        self.layers: list[Any] = [LAYERS[cell](units, name=f"{cell}_{k}", **options) for k in range(num_layers)]
        self.drop = Dropout(dropout, row_axis=1)  # the scan is time-major
        self.last = keras.layers.Dense(self.params_size, name="outputs", dtype=self.dtype_policy)

    def build(self, x_shape: Any = None, context_shape: Any = None) -> None:
        """Create the weights."""
        width = self.embedding or self.features
        self.start = self.add_weight(name="start", shape=(width,), initializer="glorot_uniform")
        self.embeddings = None
        if self.embedding:
            self.embeddings = self.add_weight(name="embeddings", shape=(self.num_classes, width), initializer="uniform")
        for k, layer in enumerate(self.layers):
            layer.build((None, None, self.units if k else width + self.context_size))
        self.last.build((None, None, self.units))

    def _long_biases(self, shape: Any, dtype: Any = None) -> tf.Tensor:
        """An initializer: the biases of a layer whose units remember for 2 to `memory` steps."""
        forget, biases = np.log(np.geomspace(2, self.memory or 2, self.units) - 1), np.zeros(shape)
        if self.cell == "lstm":
            biases[: 2 * self.units] = np.concatenate([-forget, forget])
        else:
            biases[0, : self.units] = forget
        return tf.cast(biases, dtype)

    @property
    def output_bias(self) -> Any:
        """The bias of the parameters, `[P]`, which all positions share."""
        return self.last.bias

    def _codes(self, x: tf.Tensor) -> tf.Tensor:
        """e(x): `[..., E]` from symbols `[...]`."""
        if self.embeddings is None:
            return self.encoding(x, self.compute_dtype)
        return tf.cast(tf.gather(tf.convert_to_tensor(self.embeddings), tf.cast(x, tf.int32)), self.compute_dtype)

    def _first_code(self, state: State) -> tf.Tensor:
        """The code of the symbol that the state has read last, `[B, E]`; that of the start where it has read none."""
        start = self.cast(self.start)
        return tf.where(state["started"], self._codes(state["last"]), start)

    def initial_state(self, batch_size: Size, context: tf.Tensor | None = None, value_dtype: tf.DType = tf.int32, **member: Any) -> State:
        """Return the state before the first symbol: the cells' states, and `last [B]`, the symbol read last, valid where `started`."""
        states = [layer.cell.get_initial_state(batch_size) for layer in self.layers]
        states = [[tf.cast(s, self.compute_dtype) for s in (state if isinstance(state, list | tuple) else [state])] for state in states]
        state: State = {"last": tf.zeros([batch_size], value_dtype), "started": tf.constant(False), "states": states}
        context = self.as_context(context)
        return state if context is None else {**state, "context": context}

    def after(self, state: State, last: tf.Tensor) -> State:
        """Return the state after the symbol `last` `[B]`, from the state that the step for it returned."""
        return {**state, "last": tf.cast(last, state["last"].dtype), "started": tf.constant(True)}

    def scan(self, x: tf.Tensor, state: State, training: bool = False) -> tuple[tf.Tensor, State]:
        """Read symbols `[B, T]`, T of any size, from a state: their parameters `[B, T, P]`, and the state after them."""
        state = tf.nest.map_structure(tf.convert_to_tensor, state)
        codes = tf.concat([self._first_code(state)[:, None], self._codes(x[:, :-1])], axis=1)  # (B, T, E)
        h: Any = codes
        if "context" in state:
            steps = tf.ones([1, tf.shape(x)[1], 1], codes.dtype)
            h = tf.concat([codes, state["context"][:, None] * steps], axis=-1)
        states = []
        h = tf.transpose(h, [1, 0, 2])  # (T, B, E)
        for layer, before in zip(self.layers, state["states"], strict=True):
            kernel, recurrent, bias = (tf.cast(tf.convert_to_tensor(weight), h.dtype) for weight in layer.weights)
            x_bias, bias = tf.unstack(bias) if self.cell == "gru" else (0, bias)
            before = [tf.cast(values, h.dtype) for values in before]
            after = recurrent_scan(STEPS[self.cell], before, tf.tensordot(h, kernel, 1) + x_bias, recurrent, bias)
            states.append([values[-1] for values in after])
            h = self.drop(after[0], training=training)
        params: Any = self.last(tf.transpose(h, [1, 0, 2]))
        return params, self.after({**state, "states": states}, x[:, -1])

    def step(self, state: State, index: tf.Tensor, previous: tf.Tensor) -> tuple[tf.Tensor, State]:
        """Read the previous symbol, and return the parameters `[B, P]` of the next."""
        code = tf.where(index > 0, self._codes(previous), self._first_code(state))  # (B, E)
        h: Any = tf.concat([code, state["context"]], axis=-1) if "context" in state else code
        states = []
        for layer, before in zip(self.layers, state["states"], strict=True):
            h, after = layer.cell(h, before)
            states.append(list(after) if isinstance(after, list | tuple) else [after])
        params: Any = self.last(h)
        return params, {**state, "states": states}

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        names = ("cell", "units", "num_layers", "dropout", "embedding", "memory")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
