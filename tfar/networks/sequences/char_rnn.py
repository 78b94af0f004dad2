"""Character models: recurrent networks that read a sequence symbol by symbol (Sutskever et al. 2011; Graves 2013)."""

import keras
import numpy as np
import tensorflow as tf

from tfar.layers import Dropout
from tfar.networks.scans.recurrent import recurrent_scan
from tfar.networks.sequences.base import SequenceNetwork
from tfar.validation import check_counts

CELLS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}


def lstm(state, x, product):
    """The state (h, c) after a step (Hochreiter & Schmidhuber 1997, Gers et al. 2000), of x = W x_t and product = U h_{t-1} + b."""
    i, f, g, o = tf.split(x + product, 4, axis=-1)
    c = tf.sigmoid(f) * state[1] + tf.sigmoid(i) * tf.tanh(g)
    return [tf.sigmoid(o) * tf.tanh(c), c]


def gru(state, x, product):
    """The state (h,) after a step (Cho et al. 2014, the reset gate after the product), of x = W x_t + b and product = U h_{t-1} + b'."""
    (of_z, of_r, of_n), (z, r, n) = tf.split(x, 3, axis=-1), tf.split(product, 3, axis=-1)
    z, r = tf.sigmoid(of_z + z), tf.sigmoid(of_r + r)
    return [z * state[0] + (1 - z) * tf.tanh(of_n + r * n)]


def rnn(state, x, product):
    """The state (h,) after a step (Elman 1990), of x = W x_t and product = U h_{t-1} + b."""
    return [tf.tanh(x + product)]


STEPS = {"lstm": lstm, "gru": gru, "rnn": rnn}


@keras.saving.register_keras_serializable(package="tfar")
class CharRNN(SequenceNetwork):
    """Recurrent layers whose state, after t symbols, says all that the next one depends on.

        h_t = f(h_{t-1}, e(x_{t-1}), y),   params_t = V h_t + b

    where f is a stack of LSTM, GRU or simple recurrent cells, e(x) a learned vector or the one-hot code of a symbol,
    e(x_0) a learned vector that stands for the beginning, and y the context. The weights do not know the length:
    `scan` takes sequences of any length and continues from any state, in memory that does not grow with what it has
    read already; `event_shape` is the length that `call` and the distribution have. The weights are those of Keras'
    recurrent layers, whose results it gives.

    Args:
        event_shape: `[T]`.
        cell: "lstm", "gru" or "rnn".
        units: size of each layer's state.
        num_layers: how many recurrent layers.
        dropout: share of each layer's outputs that training drops.
        embedding: size of e(x); None for one-hot codes, or numbers where `num_classes` is None.
        memory: how many steps the longest memory lasts before training (after Tallec & Ollivier 2018): the biases of the gates
            that forget begin at log(T - 1), so that a unit loses 1 / T of what it holds in a step, with T spread evenly on
            a logarithmic scale from 2 to `memory` over the units of a layer; those of an LSTM's input gates at the
            opposite. None for Keras' biases, of a memory of 2 to 4 steps.

    Raises:
        ValueError: an event of more than one axis, another order than the natural one, an unknown cell, an embedding
            without `num_classes`, or a memory of less than 2 steps, without end, or of a cell that has no gates.

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

    def __init__(
        self, event_shape, params_size=1, cell="lstm", units=512, num_layers=3, dropout=0.0, embedding=None, memory=None, **kwargs
    ):
        super().__init__(event_shape, params_size, **kwargs)
        if len(self.event_shape) != 1 or not np.array_equal(self.order, np.arange(self.event_size)):
            raise ValueError(f"a sequence has one axis and its natural order. Received: event_shape={event_shape!r}, order={self.order}")
        if cell not in CELLS:
            raise ValueError(f"cell must be one of {tuple(CELLS)}. Received: cell={cell!r}")
        check_counts(units=units, num_layers=num_layers)
        if embedding is not None:
            check_counts(embedding=embedding)
            if self.num_classes is None:
                raise ValueError(
                    f"an embedding is of integers 0..K-1: it needs num_classes. Received: embedding={embedding}, num_classes=None"
                )
        if memory is not None and (cell == "rnn" or not 2 <= memory < np.inf):
            raise ValueError(f"memory must be a number of 2 or more, of an lstm or gru. Received: memory={memory!r}, cell={cell!r}")
        self.cell, self.units, self.num_layers, self.dropout, self.embedding = cell, units, num_layers, float(dropout), embedding
        self.memory = None if memory is None else float(memory)
        options = {"dtype": self.dtype_policy}
        if memory is not None:
            options["bias_initializer"] = self._long_biases
            if cell == "lstm":
                options["unit_forget_bias"] = False  # which would put ones in their place
        # `scan` and `step` compute with their weights and cells; none is called
        self.layers = [CELLS[cell](units, name=f"{cell}_{k}", **options) for k in range(num_layers)]
        self.drop = Dropout(dropout)
        self.last = keras.layers.Dense(self.params_size, name="outputs", dtype=self.dtype_policy)

    def build(self, x_shape=None, context_shape=None):
        width = self.embedding or self.features
        self.start = self.add_weight(name="start", shape=(width,), initializer="glorot_uniform")
        self.embeddings = None
        if self.embedding:
            self.embeddings = self.add_weight(name="embeddings", shape=(self.num_classes, width), initializer="uniform")
        for k, layer in enumerate(self.layers):
            layer.build((None, None, self.units if k else width + self.context_size))
        self.last.build((None, None, self.units))

    def _long_biases(self, shape, dtype=None):
        """An initializer: the biases of a layer whose units remember for 2 to `memory` steps."""
        forget, biases = np.log(np.geomspace(2, self.memory, self.units) - 1), np.zeros(shape)
        if self.cell == "lstm":
            biases[: 2 * self.units] = np.concatenate([-forget, forget])
        else:
            biases[0, : self.units] = forget
        return tf.cast(biases, dtype)

    @property
    def output_bias(self):
        """The bias of the parameters `[P]`, which all positions share."""
        return self.last.bias

    def _codes(self, x):
        """e(x): `[..., E]` from symbols `[...]`."""
        if self.num_classes is None:
            return tf.cast(x, self.compute_dtype)[..., None]
        if self.embeddings is None:
            return tf.one_hot(tf.cast(x, tf.int32), self.num_classes, dtype=self.compute_dtype)
        return tf.cast(tf.gather(tf.convert_to_tensor(self.embeddings), tf.cast(x, tf.int32)), self.compute_dtype)

    def _first_code(self, state):
        """The code of the symbol before the first one, `[B, E]`."""
        start = self.cast(self.start)
        return tf.where(state["started"], self._codes(state["last"]), start)

    def initial_state(self, batch_size, context=None, value_dtype=tf.int32):
        """The state before the first symbol: `last [B]`, the symbol before, which counts where `started`, and the cells' states."""
        states = [layer.cell.get_initial_state(batch_size) for layer in self.layers]
        states = [[tf.cast(s, self.compute_dtype) for s in (state if isinstance(state, list | tuple) else [state])] for state in states]
        state = {"last": tf.zeros([batch_size], value_dtype), "started": tf.constant(False), "states": states}
        context = self.as_context(context)
        return state if context is None else {**state, "context": context}

    def after(self, state, last):
        """The state that goes on after the symbol `last [B]`, from that of the step which gave its parameters."""
        return {**state, "last": tf.cast(last, state["last"].dtype), "started": tf.constant(True)}

    def scan(self, x, state, training=False):
        """Read symbols `[B, T]`, T of any size: their parameters `[B, T, P]`, and the state after them."""
        state = tf.nest.map_structure(tf.convert_to_tensor, state)
        codes = tf.concat([self._first_code(state)[:, None], self._codes(x[:, :-1])], axis=1)  # (B, T, E)
        h = codes
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
        return self.last(tf.transpose(h, [1, 0, 2])), self.after({**state, "states": states}, x[:, -1])

    def step(self, state, index, previous):
        code = tf.where(index > 0, self._codes(previous), self._first_code(state))  # (B, E)
        h = tf.concat([code, state["context"]], axis=-1) if "context" in state else code
        states = []
        for layer, before in zip(self.layers, state["states"], strict=True):
            h, after = layer.cell(h, before)
            states.append(list(after) if isinstance(after, list | tuple) else [after])
        return self.last(h), {**state, "states": states}

    def get_config(self):
        names = ("cell", "units", "num_layers", "dropout", "embedding", "memory")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
