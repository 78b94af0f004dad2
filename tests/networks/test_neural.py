"""NeuralAutoregressive against Bengio & Bengio 2000, written out with NumPy: one network per dimension."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.weights import randomize

import tfar
from tfar import heads, noise
from tfar.distributions import sampling
from tfar.networks import LogisticAutoregressive, NeuralAutoregressive

ACTIVATIONS = {"tanh": np.tanh, "relu": lambda a: np.maximum(a, 0), "sigmoid": lambda a: 1 / (1 + np.exp(-a))}


def own_networks(network):
    """The weights of each dimension's own network, by position: W [H, k E], b [H], U [H, C], A [P, k E]."""
    units, features, outputs = network.hidden_units, network.features, network.params_size
    for k in range(network.event_size):
        block, place = divmod(k, network.block_size)
        kernel, bias = (np.asarray(w, np.float64) for w in network.hidden_layers[block].weights)
        columns = slice(place * units, (place + 1) * units)
        weights = {"W": kernel[: k * features, columns].T, "b": bias[columns]}
        if network.context_size:
            weights["U"] = np.asarray(network.context_layer.kernel, np.float64)[:, k * units : (k + 1) * units].T
        if network.direct:
            weights["A"] = np.asarray(network.direct_layer.kernel)[: k * features, k * outputs : (k + 1) * outputs].T
        yield weights


def reference(network, x, context=None):
    """h_i = g(W_i x_<i + U_i y + b_i), params_i = V_i h_i + c_i + A_i x_<i."""
    size, features = network.event_size, network.features
    output_kernel, output_bias = np.asarray(network.output_kernel, np.float64), np.asarray(network.output_bias)
    params = np.zeros((len(x), size, network.params_size))
    for row, example in enumerate(np.asarray(x).reshape(len(x), size)):
        example = example[network.order]
        inputs = np.eye(features)[example.astype(int)] if network.num_classes else example[:, None]
        for k, weights in enumerate(own_networks(network)):
            before = inputs[:k].ravel()
            a = weights["W"] @ before + weights["b"]
            if context is not None:
                a += weights["U"] @ context[row]
            h = ACTIVATIONS[network.activation.__name__](a)
            params[row, network.order[k]] = output_kernel[k] @ h + output_bias[network.order[k]]
            if network.direct:
                params[row, network.order[k]] += weights["A"] @ before
    return params


def values(network, batch, seed=0):
    generator = np.random.default_rng(seed)
    if network.num_classes:
        return generator.integers(network.num_classes, size=(batch, *network.event_shape))
    return generator.normal(size=(batch, *network.event_shape)).astype(np.float32)


CASES = {
    "bernoulli": lambda: (NeuralAutoregressive([9], hidden_units=3, direct=False), heads.Bernoulli()),
    "order": lambda: (NeuralAutoregressive([7], hidden_units=3, order=[3, 1, 6, 0, 5, 2, 4], direct=False), heads.Bernoulli()),
    "direct": lambda: (NeuralAutoregressive([7], hidden_units=3, direct=True, order="reversed"), heads.Bernoulli()),
    "context": lambda: (
        NeuralAutoregressive([5], hidden_units=3, context_size=2, activation="relu", direct=False),
        heads.Bernoulli(),
    ),
    "categorical": lambda: (
        NeuralAutoregressive([2, 4], 4, hidden_units=3, num_classes=4, direct=True, order=[3, 1, 0, 5, 7, 2, 6, 4]),
        heads.Categorical(4),
    ),
    "mixture": lambda: (
        NeuralAutoregressive([7], 6, hidden_units=3, context_size=2, direct=True),
        heads.NormalMixture(2),
    ),
    "single": lambda: (NeuralAutoregressive([1], hidden_units=3, direct=True), heads.Bernoulli()),
    "pair": lambda: (NeuralAutoregressive([2], hidden_units=3, order="reversed", direct=False), heads.Bernoulli()),
}


def make(case, batch=4):
    network, head = CASES[case]()
    randomize(network)
    context = np.random.default_rng(3).normal(size=(batch, network.context_size)).astype(np.float32)
    return network, head, context if network.context_size else None


@pytest.mark.parametrize("case", CASES)
def test_parameters_are_the_papers(case):
    network, _, context = make(case)
    x = values(network, 4)
    args = [tf.constant(x)] if context is None else [tf.constant(x), tf.constant(context)]
    expected = reference(network, x, context)
    for call in (network, tf.function(network, jit_compile=True, autograph=False)):
        params = call(*args)
        assert params.shape == (4, *network.event_shape, network.params_size)
        np.testing.assert_allclose(np.reshape(params, expected.shape), expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("case", ["bernoulli", "order", "direct", "context", "categorical", "mixture"])
def test_dependencies_are_exactly_the_orders(case):
    network, _, context = make(case)
    found = tfar.check_autoregressive(network, context=None if context is None else context[0])
    ranks = np.argsort(network.order)
    allowed = ranks[:, None] < ranks[None, :]
    assert not np.any(found & ~allowed)
    if case != "context":  # whose rectified units may all be off
        np.testing.assert_array_equal(found, allowed)


@pytest.mark.slow  # the contract has the like
@pytest.mark.parametrize("case", ["mixture", "single", "pair"])
def test_samplers_agree(case):
    network, head, context = make(case, batch=3)
    seeds = noise.row_seeds(noise.as_seed(5), 3)
    context = None if context is None else tf.constant(context)
    samples = []
    for method, compiled in (("stepping", False), ("stepping", True), ("naive", False), ("fixed_point", True)):

        def draw(method=method):
            return sampling.sample_rows(network, head, seeds, context, method=method)

        samples.append(tf.function(draw, jit_compile=compiled, autograph=False)().numpy())
    for other in samples[1:]:
        np.testing.assert_allclose(samples[0], other, atol=0 if head.dtype == tf.int32 else 1e-5)


def test_parameter_count():
    size, units = 7, 4
    pairs = size * (size - 1) // 2
    expected = pairs * units + size * units + size * units + size
    assert NeuralAutoregressive([size], hidden_units=units, direct=False).effective_parameters() == expected
    assert NeuralAutoregressive([size], hidden_units=units, direct=True).effective_parameters() == expected + pairs
    assert LogisticAutoregressive([size]).effective_parameters() == pairs + size


def test_stores_little_more_than_the_connections_that_exist():
    network = NeuralAutoregressive([784], hidden_units=16, direct=False)
    effective, stored = network.effective_parameters(), network.count_params()
    assert effective == 784 * 783 // 2 * 16 + 784 * 33
    assert stored < 1.04 * effective


@pytest.mark.slow
def test_learns_a_dependency():
    """x_2 = x_0 xor x_1, which a logistic autoregressive network cannot learn: log 4 nats instead of log 8."""
    x = np.random.default_rng(0).integers(2, size=(500, 3))
    x[:, 2] = x[:, 0] ^ x[:, 1]
    keras.utils.set_random_seed(0)
    model = tfar.NeuralAutoregressive([3], hidden_units=8, direct=False)
    model.compile(keras.optimizers.Adam(3e-2), jit_compile=True)
    history = model.fit(x, epochs=15, batch_size=50, verbose=0)
    assert history.history["nll"][-1] < np.log(4) + 0.1


def test_save_and_load(tmp_path):
    options = {"hidden_units": 4, "order": "reversed", "direct": True, "context_size": 2}
    model = tfar.NeuralAutoregressive([3, 2], heads.Categorical(3), **options)
    randomize(model.network)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    x, context = values(model.network, 5), np.random.default_rng(1).normal(size=(5, 2))
    np.testing.assert_array_equal(model.log_prob(x, context), loaded.log_prob(x, context))
    assert loaded.network.get_config() == model.network.get_config()


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: NeuralAutoregressive([3], hidden_units=0), "hidden_units must be an integer of at least 1"),
        (lambda: NeuralAutoregressive([3], hidden_units=2.5), "hidden_units must be an integer of at least 1"),
        (lambda: NeuralAutoregressive([3], order=[0, 0, 1]), "order must be"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=f"{message}.*Received: "):
        make()
