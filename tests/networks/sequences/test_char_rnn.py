"""CharRNN against the equations of its cells, written out with NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.texts import randomize

from tfar import networks


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm(x, state, w, u, b):
    """Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000: gates i, f, candidate g, gate o."""
    h, c = state
    i, f, g, o = np.split(x @ w + h @ u + b, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru(x, state, w, u, b):
    """Cho et al. 2014, with the reset gate after the recurrent product: gates z, r, candidate n."""
    (h,) = state
    (xz, xr, xn), (hz, hr, hn) = np.split(x @ w + b[0], 3), np.split(h @ u + b[1], 3)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    return (z * h + (1 - z) * np.tanh(xn + r * hn),)


def simple(x, state, w, u, b):
    """Elman 1990."""
    return (np.tanh(x @ w + state[0] @ u + b),)


@pytest.mark.parametrize(("cell", "equation", "states"), [("lstm", lstm, 2), ("gru", gru, 1), ("rnn", simple, 1)])
@pytest.mark.parametrize("embedding", [None, 3])
def test_parameters_follow_the_equations(cell, equation, states, embedding):
    units, classes, length = 6, 4, 7
    network = networks.CharRNN(
        [length], classes, num_classes=classes, cell=cell, units=units, num_layers=2, embedding=embedding, context_size=2, dropout=0.0
    )
    randomize(network)
    generator = np.random.default_rng(1)
    x, context = generator.integers(0, classes, [3, length]), generator.normal(size=[3, 2])
    found = network(x.astype(np.int32), context.astype(np.float32)).numpy()
    codes = np.eye(classes) if embedding is None else np.asarray(network.embeddings, np.float64)
    layers = [[np.asarray(weight, np.float64) for weight in layer.weights] for layer in network.layers]
    v, b = (np.asarray(weight, np.float64) for weight in network.last.weights)
    for row, features, params in zip(x, context, found, strict=True):
        memory = [(np.zeros(units),) * states for _ in layers]
        code = np.asarray(network.start, np.float64)
        for t in range(length):
            h = np.concatenate([code, features])
            for k, weights in enumerate(layers):
                memory[k] = equation(h, memory[k], *weights)
                h = memory[k][0]
            np.testing.assert_allclose(params[t], h @ v + b, rtol=1e-4, atol=1e-5)
            code = codes[row[t]]


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_scan_has_the_values_and_gradients_of_the_layers_of_keras(cell, jit):
    network = randomize(networks.CharRNN([6], 4, num_classes=4, cell=cell, units=5, num_layers=2, dropout=0.0))
    generator = np.random.default_rng(3)
    x = tf.constant(generator.integers(0, 4, [3, 6]), tf.int32)
    start = network.initial_state(3)
    states = tf.nest.map_structure(lambda s: tf.constant(generator.normal(size=s.shape), tf.float32), start["states"])
    factor = tf.constant(generator.normal(size=[3, 6, 4]), tf.float32)
    of_keras = [keras.layers.RNN(layer.cell, return_sequences=True, return_state=True) for layer in network.layers]

    def scan():
        params, after = network.scan(x, {**start, "states": states})
        return params, after["states"]

    def layers():
        code = tf.concat([tf.tile(network.start[None, None], [3, 1, 1]), tf.one_hot(x[:, :-1], 4)], axis=1)
        after = []
        for layer, before in zip(of_keras, states, strict=True):
            code, *state = layer(code, initial_state=before)
            after.append(state)
        return network.last(code), after

    def gradients(run):
        sources = [w.value for w in network.trainable_weights] + tf.nest.flatten(states)
        with tf.GradientTape() as tape:
            tape.watch(sources)
            params, after = run()
            total = tf.reduce_sum(factor * params) + sum(tf.reduce_sum(tf.sin(s)) for s in tf.nest.flatten(after))
        found = tape.gradient(total, sources)
        assert not any(gradient is None for gradient in found)
        return [params, *tf.nest.flatten(after), *found]

    for one, other in zip(tf.function(lambda: gradients(scan), jit_compile=jit)(), gradients(layers), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_memory_is_what_units_keep_before_training(cell):
    """With no input to the gates, unit j keeps 1 - 1 / T_j of its state in a step, and T_j goes from 2 to `memory` by equal factors."""
    network = networks.CharRNN([3], 4, num_classes=4, cell=cell, units=5, num_layers=2, memory=162, dropout=0.0)
    network.build()
    kept = np.array([1 - 1 / T for T in (2, 6, 18, 54, 162)])
    for layer in network.layers:
        kernel, recurrent, bias = (np.asarray(weight, np.float64) for weight in layer.weights)
        state = (np.zeros(5), np.ones(5)) if cell == "lstm" else (np.ones(5),)
        after = (lstm if cell == "lstm" else gru)(np.zeros(len(kernel)), state, 0 * kernel, 0 * recurrent, bias)
        np.testing.assert_allclose(after[-1], kept, rtol=1e-6)
    again = networks.CharRNN(**network.get_config())
    assert again.memory == 162


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("dtype", ["float64", "mixed_bfloat16"])
def test_a_network_of_another_dtype_reads_as_it_steps(cell, dtype):
    network = randomize(networks.CharRNN([3], 4, num_classes=4, cell=cell, units=5, num_layers=2, dropout=0.1, dtype=dtype))
    x, state, params = np.array([[0, 1, 2], [3, 3, 0]], np.int32), network.initial_state(2), []
    read, _ = network.scan(tf.constant(x), tf.nest.map_structure(lambda s: s.numpy(), state))
    for t in range(3):
        out, state = network.step(state, tf.constant(t), tf.constant(x[:, t - 1]))
        params.append(out)
    read, stepped = (tf.cast(values, tf.float64) for values in (read, tf.stack(params, axis=1)))
    np.testing.assert_allclose(read, stepped, atol=0.05 if "16" in dtype else 1e-12)


def test_memory_of_a_network_that_is_built_in_a_graph():
    network = networks.CharRNN([3], 4, num_classes=4, units=5, num_layers=1, memory=162, dropout=0.0)
    tf.function(network)(tf.constant([[0, 1, 2]]))
    np.testing.assert_allclose(network.layers[0].cell.bias[5:10], np.log([1, 5, 17, 53, 161]), rtol=1e-5)


def test_second_derivatives():
    """A product of the Hessian and a vector, against differences of gradients."""
    network = randomize(networks.CharRNN([5], 4, num_classes=4, units=5, num_layers=1, dropout=0.0))
    x, weight = tf.constant([[0, 1, 2, 3, 1]]), network.layers[0].cell.recurrent_kernel
    direction = tf.constant(np.random.default_rng(1).normal(size=weight.shape), tf.float32)

    def gradient():
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(network(x) ** 2)
        return tape.gradient(total, weight.value)

    @tf.function
    def product():
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(gradient() * direction)
        return tape.gradient(total, weight.value)

    found, here, step = product(), weight.numpy(), 3e-3
    weight.assign(here + step * direction)
    above = gradient()
    weight.assign(here - step * direction)
    difference = (above - gradient()) / (2 * step)
    np.testing.assert_allclose(found, difference, atol=2e-3 * np.abs(difference).max())


def test_sizes():
    """4 (n m + n^2 + n) weights of an LSTM with n units and m inputs, 3 (n m + n^2 + 2 n) of this GRU, n m + n^2 + n of a simple one."""
    k, n = 65, 32
    for cell, size in (
        ("lstm", lambda m: 4 * (n * m + n * n + n)),
        ("gru", lambda m: 3 * (n * m + n * n + 2 * n)),
        ("rnn", lambda m: n * m + n * n + n),
    ):
        network = networks.CharRNN([10], k, num_classes=k, cell=cell, units=n, num_layers=3, dropout=0.0)
        assert network.effective_parameters() == size(k) + 2 * size(n) + n * k + k + k  # the last k: the code of the beginning


@pytest.mark.parametrize(
    "options",
    [
        {"event_shape": [2, 2]},
        {"order": "reversed"},
        {"cell": "transformer"},
        {"units": 0},
        {"num_layers": 1.5},
        {"embedding": 3},
        {"memory": 1},
        {"memory": np.inf},
        {"memory": 9, "cell": "rnn"},
    ],
)
def test_what_no_sequence_has_is_refused(options):
    with pytest.raises(ValueError, match="Received: "):
        networks.CharRNN(**{"event_shape": [4], **options})
