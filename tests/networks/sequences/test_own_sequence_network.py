"""A sequence network as a user would write it: a Transformer with a window, used as text through everything that a `CharRNN` is used by."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfar
from tfar.heads import Categorical
from tfar.networks import SequenceNetwork

WINDOW = 4


@keras.saving.register_keras_serializable(package="test")
class WindowTransformer(SequenceNetwork):
    """Pre-norm Transformer layers that attend to the last `WINDOW` symbols, with one learned bias for each distance."""

    def __init__(self, event_shape, params_size, units=8, num_layers=2, **kwargs):
        super().__init__(event_shape, params_size, **kwargs)
        self.units, self.num_layers = units, num_layers
        self.norms = [keras.layers.LayerNormalization(name=f"norm_{n}") for n in range(num_layers)]
        self.attend = [keras.layers.Dense(3 * units, name=f"attend_{n}") for n in range(num_layers)]
        self.feed = [keras.layers.Dense(units, "gelu", name=f"feed_{n}") for n in range(num_layers)]
        self.last = keras.layers.Dense(params_size, name="outputs")

    def build(self, x_shape=None, context_shape=None):
        self.codes = self.add_weight(name="codes", shape=(self.num_classes + 1, self.units))  # the last one stands for the beginning
        self.bias = self.add_weight(name="bias", shape=(self.num_layers, WINDOW), initializer="zeros")
        for layer in [*self.norms, *self.attend, *self.feed, self.last]:
            layer.build((None, None, self.units))

    def initial_state(self, batch_size, context=None, value_dtype=tf.int32):
        memory = tf.zeros([self.num_layers, 2, batch_size, WINDOW, self.units])  # keys and values of the last symbols
        return {"last": tf.fill([batch_size], self.num_classes), "memory": memory, "read": tf.constant(0)}

    def after(self, state, last):
        return {**state, "last": tf.cast(last, tf.int32)}

    def _read(self, before, state):
        """Parameters `[B, T, P]` from the symbols before each position `[B, T]`, and the state that has read them."""
        h, count, memory = tf.gather(tf.convert_to_tensor(self.codes), before), tf.shape(before)[1], []
        distance = WINDOW + tf.range(count)[:, None] - tf.range(WINDOW + count)[None]  # of each position to each key
        seen = (distance >= 0) & (distance < WINDOW) & (tf.range(WINDOW + count) >= WINDOW - state["read"])
        for n in range(self.num_layers):
            query, key, value = tf.split(self.attend[n](self.norms[n](h)), 3, axis=-1)
            keys, values = (tf.concat([old, new], axis=1) for old, new in zip(tf.unstack(state["memory"][n]), (key, value), strict=True))
            scores = tf.matmul(query, keys, transpose_b=True) / self.units**0.5 + tf.gather(self.bias[n], tf.clip_by_value(distance, 0, 3))
            h += tf.matmul(tf.nn.softmax(tf.where(seen, scores, -1e9)), values)
            h += self.feed[n](h)
            memory.append(tf.stack([keys[:, -WINDOW:], values[:, -WINDOW:]]))
        return self.last(h), {**state, "memory": tf.stack(memory), "read": tf.minimum(state["read"] + count, WINDOW)}

    def scan(self, x, state, training=False):
        before = tf.concat([tf.convert_to_tensor(state["last"])[:, None], tf.cast(x[:, :-1], tf.int32)], axis=1)
        params, state = self._read(before, {**state, "memory": tf.convert_to_tensor(state["memory"])})
        return params, self.after(state, x[:, -1])

    def step(self, state, index, previous):
        before = tf.where(index > 0, tf.cast(previous, tf.int32), state["last"])
        params, state = self._read(before[:, None], state)
        return params[:, 0], state

    def get_config(self):
        return {**super().get_config(), "units": self.units, "num_layers": self.num_layers}


@pytest.fixture(scope="module")
def model():
    vocabulary = tfar.datasets.Vocabulary("abcd ")
    network = WindowTransformer([12], 5, num_classes=5)
    model = tfar.CharacterModel(network, Categorical(5), vocabulary)
    tfar.testing.randomize(network, scale=0.5)
    return model


def test_pieces_are_read_as_the_whole(model):
    x = tf.constant(np.random.default_rng(0).integers(5, size=[3, 11]), tf.int32)
    whole, _ = model.network.scan(x, model.network.initial_state(3))
    state, parts = model.network.initial_state(3), []
    for piece in (x[:, :1], x[:, 1:7], x[:, 7:]):
        params, state = model.network.scan(piece, state)
        parts.append(params)
    np.testing.assert_allclose(tf.concat(parts, axis=1), whole, atol=1e-5)


def test_samplers_agree_and_the_order_holds(model):
    tfar.check_autoregressive(model.network)
    first = model.distribution().sample(6, seed=3)
    np.testing.assert_array_equal(model.distribution(method="naive").sample(6, seed=3), first)
    written = model.sample(2, seed=5, length=100, prompt="ab")
    assert written == model.sample(2, seed=5, length=100, prompt="ab") and all(len(text) == 102 for text in written)
    assert model.log_prob(written[0]) < 0


@pytest.mark.slow
def test_it_is_trained_with_carried_states_scored_saved_and_served(model, tmp_path):
    text = "abcd abcd dcba " * 300
    codes = model.vocabulary.encode(text)
    copy = tfar.CharacterModel.from_config(model.get_config())
    before = tfar.training.evaluate(copy, codes[:2000])["nll"]
    fit = tfar.training.fit(copy, codes, codes[:1500], epochs=2, epoch_steps=60, batch_size=8, sequence_length=16, learning_rate=1e-2)
    after = tfar.training.evaluate(copy, codes[:2000])["nll"]
    assert fit.epochs == 2 and after < before - 0.3
    copy.save(tmp_path / "model.keras")
    loaded = tfar.load_model(tmp_path / "model.keras")
    assert loaded.sample(1, seed=1, length=30) == copy.sample(1, seed=1, length=30)
    copy.export(tmp_path / "1")
    served = tf.saved_model.load(tmp_path / "1").signatures
    given = {"prompt": tf.constant(["ab"]), "seed": tf.constant([[1, 2]]), "length": tf.constant([20]), "temperature": tf.constant([1.0])}
    expected = copy.sample(1, seed=np.array([[1, 2]], np.int32), length=20, prompt="ab")
    assert served["sample"](**given)["text"].numpy()[0].decode() == expected[0]
    np.testing.assert_allclose(served["log_prob"](text=tf.constant(expected))["log_prob"], copy.log_prob(expected), rtol=1e-5)
