"""NADE and RNADE against their papers' equations, written out with NumPy."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfar
from tfar import heads, noise, sampling
from tfar.networks import NADE, RNADE
from tfar.networks.checkpointing import checkpointed_map
from tfar.networks.nade import _CHUNK

ACTIVATIONS = {"sigmoid": lambda a: 1 / (1 + np.exp(-a)), "relu": lambda a: np.maximum(a, 0)}


def randomize(network, seed=0, scale=0.5):
    """Give a network random weights, biases too."""
    if not network.built:
        network.build()
    generator = np.random.default_rng(seed)
    for weight in network.weights:
        weight.assign(generator.normal(size=weight.shape, scale=scale))
    return network


def reference(network, x, context=None):
    """Larochelle & Murray 2011, with rho of Uria et al. 2013: one example and one dimension at a time."""
    size, units = network.event_size, network.hidden_units
    weights = {weight.name: np.asarray(weight, np.float64) for weight in network.weights}
    columns = weights["input_kernel"].reshape(size, -1, units)  # W_{., d}, for each value of a categorical x_d
    rows = weights["output_kernel"].reshape(size, -1, units)  # V_d
    activation = ACTIVATIONS[network.activation.__name__]
    params = np.zeros((len(x), size, network.params_size))
    for b, example in enumerate(np.asarray(x).reshape(len(x), size)):
        a = weights["hidden_bias"].copy()
        if context is not None:
            a += context[b] @ weights["context_kernel"]
        for k in range(size):
            d = network.order[k]
            rho = weights["rescaling"][d] if network.rescale else 1.0
            params[b, d] = weights["output_bias"][d] + rows[d] @ activation(rho * a)
            a += columns[d, int(example[d])] if network.num_classes else columns[d, 0] * example[d]
    return params


def values(network, batch, seed=0):
    generator = np.random.default_rng(seed)
    if network.num_classes:
        return generator.integers(network.num_classes, size=(batch, *network.event_shape))
    return generator.normal(size=(batch, *network.event_shape)).astype(np.float32)


CASES = {
    "bernoulli": lambda: (NADE([7], hidden_units=5), heads.Bernoulli()),
    "order": lambda: (NADE([7], hidden_units=5, order=[3, 1, 6, 0, 5, 2, 4]), heads.Bernoulli()),
    "chunks": lambda: (NADE([2, _CHUNK], hidden_units=5, order="reversed"), heads.Bernoulli()),
    "padded": lambda: (NADE([2 * _CHUNK + 1], hidden_units=5, rescale=True, order="reversed"), heads.Bernoulli()),
    "context": lambda: (NADE([7], hidden_units=5, context_size=3, order="reversed"), heads.Bernoulli()),
    "categorical": lambda: (
        NADE([2, 3], 4, hidden_units=5, num_classes=4, order=[3, 1, 0, 5, 2, 4], activation="relu"),
        heads.Categorical(4),
    ),
    "mixture": lambda: (RNADE([7], 6, hidden_units=5, order=[3, 1, 6, 0, 5, 2, 4]), heads.NormalMixture(2)),
    "laplace": lambda: (RNADE([4], 6, hidden_units=5, context_size=2), heads.LaplaceMixture(2)),
    "single": lambda: (NADE([1], hidden_units=5), heads.Bernoulli()),
}


def make(case, batch=4):
    network, head = CASES[case]()
    randomize(network)
    context = np.random.default_rng(3).normal(size=(batch, network.context_size)).astype(np.float32)
    return network, head, context if network.context_size else None


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_parameters_are_the_papers(case, mode):
    network, _, context = make(case)
    x = values(network, 4)
    call = network if mode == "eager" else tf.function(network, jit_compile=mode == "xla", autograph=False)
    params = call(*([tf.constant(x)] if context is None else [tf.constant(x), tf.constant(context)]))
    assert params.shape == (4, *network.event_shape, network.params_size)
    expected = reference(network, x, context)
    np.testing.assert_allclose(np.reshape(params, expected.shape), expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("case", ["padded", "context", "categorical", "mixture"])
@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_gradients_are_those_of_the_recurrence(case, mode):
    """The backward pass computes chunks again: compare with plain differentiation of one step after the other."""
    network, head, context = make(case)
    if not network.num_classes and head.dtype == tf.int32:
        x = tf.constant(np.random.default_rng(0).integers(2, size=(4, *network.event_shape)), tf.float32)
    else:
        x = tf.constant(values(network, 4))
    args = [x] if context is None else [x, tf.constant(context)]

    def stepped(x, context=None):
        state, params = network.initial_state(4, context), {}
        flat = tf.reshape(x, [4, -1])
        for k, d in enumerate(network.order):
            previous = flat[:, network.order[k - 1]] if k else tf.zeros([4], x.dtype)
            params[d], state = network.step(state, k, previous)
        return tf.reshape(tf.stack([params[d] for d in range(network.event_size)], axis=1), [4, *network.event_shape, -1])

    def gradients(call, *args):
        sources = [w.value for w in network.trainable_weights] + [a for a in args if a.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch([a for a in args if a.dtype.is_floating])
            loss = tf.reduce_sum(head.log_prob(call(*args), tf.stop_gradient(args[0]), len(network.event_shape)))
        return loss, tape.gradient(loss, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    expected_loss, expected = gradients(stepped, *args)
    compute = gradients if mode == "eager" else tf.function(gradients, jit_compile=mode == "xla", autograph=False)
    loss, found = compute(network, *args)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-5)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4 * max(np.abs(other).max(), 1e-3))


def test_checkpointed_map_has_second_derivatives():
    x = tf.constant([0.5, -1.0, 2.0])
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.reduce_sum(checkpointed_map(lambda a: a**3, [x]))
        gradient = inner.gradient(y, x)
    np.testing.assert_allclose(gradient, 3 * x**2, rtol=1e-6)
    np.testing.assert_allclose(outer.gradient(gradient, x), 6 * x, rtol=1e-6)


@pytest.mark.parametrize("options", [{}, {"order": [5, 2, 7, 0, 1, 4, 6, 3]}, {"activation": "relu", "rescale": True}])
def test_probabilities_sum_to_one(options):
    network = randomize(NADE([8], hidden_units=6, **options), scale=1.5)
    cube = np.array(list(itertools.product([0, 1], repeat=8)))
    log_prob = tfar.AutoregressiveDistribution(network, "bernoulli").log_prob(cube)
    np.testing.assert_allclose(np.exp(np.float64(log_prob)).sum(), 1, atol=1e-5)


@pytest.mark.parametrize("case", ["order", "chunks", "context", "categorical", "mixture"])
def test_dependencies_are_exactly_the_orders(case):
    network, _, context = make(case)
    found = tfar.check_autoregressive(network, context=None if context is None else context[0])
    ranks = np.argsort(network.order)
    np.testing.assert_array_equal(found, ranks[:, None] < ranks[None, :])


def test_context_reaches_every_position():
    network, _, context = make("context")
    x = values(network, 1)
    one, other = network(x, context[:1]), network(x, context[1:2])
    assert np.all(np.abs(one - other) > 1e-6)


@pytest.mark.parametrize("case", ["order", "padded", "context", "categorical", "mixture", "laplace", "single"])
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


def test_parameter_count_is_the_papers():
    size, units = 6, 4
    assert NADE([size], hidden_units=units).effective_parameters() == 2 * units * size + units + size
    assert NADE([size], hidden_units=units, rescale=True).effective_parameters() == 2 * units * size + units + 2 * size
    per_position = 9
    expected = size * units + units + size * per_position * (units + 1) + size
    assert RNADE([size], per_position, hidden_units=units).effective_parameters() == expected


def test_rnade_starts_with_components_that_cover_the_range():
    network = RNADE([2], 9, means_range=[(-2, 2), (0, 8)])
    network.build()
    network.output_kernel.assign(np.zeros(network.output_kernel.shape))
    density = heads.NormalMixture(3, min_scale=1e-6)(network(np.zeros([1, 2])))
    np.testing.assert_allclose(density.mixture_distribution.probs_parameter()[0], np.full((2, 3), 1 / 3), rtol=1e-5)
    components = density.components_distribution
    np.testing.assert_allclose(components.loc[0], [[-1, 0, 1], [2, 4, 6]], rtol=1e-5)
    np.testing.assert_allclose(components.scale[0], [[1] * 3, [2] * 3], rtol=1e-5)
    model = tfar.RNADE([3])
    assert model.head == heads.NormalMixture(10) and model.network.rescale and model.network.hidden_units == 50


def test_rnade_learns_a_bimodal_density():
    """Two narrow modes: 1.42 + 0.69 - 0.88 nats in all, where a Gaussian takes 3.25."""
    generator = np.random.default_rng(0)
    first = generator.normal(size=1000)
    x = np.stack([first, np.where(generator.uniform(size=1000) < 0.5, -1.5, 1.5) + 0.1 * generator.normal(size=1000)], 1)
    keras.utils.set_random_seed(0)
    model = tfar.RNADE([2], heads.NormalMixture(3), hidden_units=20)
    model.compile(keras.optimizers.Adam(1e-2))
    history = model.fit(x.astype(np.float32), epochs=12, batch_size=50, verbose=0)
    assert history.history["nll"][-1] < 1.23 + 0.4


def test_save_and_load(tmp_path):
    model = tfar.NADE([3, 2], heads.Categorical(3), hidden_units=4, order="reversed", rescale=True, context_size=2)
    randomize(model.network)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    x, context = values(model.network, 5), np.random.default_rng(1).normal(size=(5, 2))
    np.testing.assert_array_equal(model.log_prob(x, context), loaded.log_prob(x, context))
    assert loaded.network.get_config() == model.network.get_config()

    model = tfar.RNADE([3], means_range=[(0, 1), (0, 2), (-1, 1)])
    model.save(tmp_path / "r.keras")
    loaded = keras.saving.load_model(tmp_path / "r.keras")
    np.testing.assert_array_equal(model.log_prob(np.ones([1, 3])), loaded.log_prob(np.ones([1, 3])))


def test_fit_is_the_same_under_xla():
    x = np.random.default_rng(0).integers(2, size=(64, 30))
    histories = []
    for compiled in (False, True):
        keras.utils.set_random_seed(0)
        model = tfar.NADE([30], hidden_units=8)
        model.compile(keras.optimizers.Adam(1e-2), jit_compile=compiled)
        histories.append(model.fit(x, epochs=3, batch_size=32, shuffle=False, verbose=0).history["nll"])
    np.testing.assert_allclose(*histories, rtol=1e-4)
    assert histories[0][-1] < histories[0][0]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: NADE([3], hidden_units=0), "hidden_units must be a positive integer"),
        (lambda: NADE([3], hidden_units=(5,)), "hidden_units must be a positive integer"),
        (lambda: NADE([3], order="random"), "order must be"),
        (lambda: RNADE([3], 2), "mixture head"),
        (lambda: RNADE([3], means_range=(1, 1)), "means_range must be"),
        (lambda: RNADE([3], means_range=[(0, 1)] * 2), "means_range must be"),
        (lambda: RNADE([3], means_range=(0, np.inf)), "means_range must be"),
        (lambda: tfar.RNADE([3], "bernoulli"), "mixture head"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=f"{message}.*Received: "):
        make()
