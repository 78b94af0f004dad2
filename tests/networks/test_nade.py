"""NADE and RNADE against their papers' equations, written out one dimension at a time."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.weights import randomize

import tfar
from tfar import heads
from tfar.networks import NADE, RNADE, DeepNADE
from tfar.networks.nade import _RUNS

ACTIVATIONS = {
    "sigmoid": lambda a: 1 / (1 + tf.exp(-a)),
    "relu": lambda a: tf.maximum(a, 0),
    "silu": lambda a: a / (1 + tf.exp(-a)),
}


def recurrence(network, weights, x, context=None):
    """Larochelle & Murray 2011, with rho of Uria et al. 2013, one dimension at a time: x `[B, D]` to parameters `[B, D, P]`."""
    size, units = network.event_size, network.hidden_units
    columns = tf.reshape(weights["input_kernel"], [size, -1, units])  # W_{., d}, for each value of a categorical x_d
    rows = tf.reshape(weights["output_kernel"], [size, -1, units])  # V_d
    activation = ACTIVATIONS[network.activation.__name__]
    a = tf.zeros([x.shape[0], units], tf.float64) + weights["hidden_bias"]
    if context is not None:
        a += context @ weights["context_kernel"]
    params = {}
    for d in network.order:
        rho = weights["rescaling"][d] if network.rescale else 1.0
        params[d] = weights["output_bias"][d] + activation(rho * a) @ tf.transpose(rows[d])
        a += tf.gather(columns[d], x[:, d]) if network.num_classes else x[:, d : d + 1] * columns[d]
    return tf.stack([params[d] for d in range(size)], axis=1)


def reference(network, x, context=None):
    """The recurrence's parameters in double precision."""
    weights = {weight.name: tf.constant(weight.numpy(), tf.float64) for weight in network.weights}
    flat = tf.constant(np.reshape(x, [len(x), -1]), tf.int32 if network.num_classes else tf.float64)
    return recurrence(network, weights, flat, None if context is None else tf.constant(context, tf.float64)).numpy()


def values(network, batch, seed=0):
    generator = np.random.default_rng(seed)
    if network.num_classes:
        return generator.integers(network.num_classes, size=(batch, *network.event_shape))
    return generator.normal(size=(batch, *network.event_shape)).astype(np.float32)


CASES = {
    "bernoulli": lambda: (NADE([7], hidden_units=5), heads.Bernoulli()),
    "order": lambda: (NADE([7], hidden_units=5, order=[3, 1, 6, 0, 5, 2, 4]), heads.Bernoulli()),
    "runs": lambda: (NADE([2, _RUNS], hidden_units=5, order="reversed"), heads.Bernoulli()),
    "padded": lambda: (NADE([2 * _RUNS + 1], hidden_units=5, rescale=True, order="reversed"), heads.Bernoulli()),
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


GRADIENT_CASES = {
    "mixture": lambda: RNADE([11], 6, hidden_units=5, dtype="float64"),
    "categorical": lambda: NADE([2, 3], 4, hidden_units=5, num_classes=4, context_size=3, dtype="float64"),
    "order": lambda: NADE([7], hidden_units=5, order=[3, 1, 6, 0, 5, 2, 4], activation="silu", context_size=2, dtype="float64"),
    "runs": lambda: NADE([3, _RUNS], 2, hidden_units=5, order="reversed", rescale=True, dtype="float64"),
    "padded": lambda: NADE([5 * _RUNS + 1], hidden_units=5, context_size=2, dtype="float64"),
    "short": lambda: NADE([_RUNS - 1], hidden_units=5, context_size=2, rescale=True, dtype="float64"),
    "single": lambda: NADE([1], 2, hidden_units=5, rescale=True, dtype="float64"),
}


def differentiable(network, batch=4):
    """The network and its recurrence as functions of the same tensors: weights by name, real values, context."""
    randomize(network)
    x = tf.constant(values(network, batch).reshape(batch, -1), tf.int32 if network.num_classes else tf.float64)
    tensors = {weight.name: weight.value for weight in network.weights}
    tensors.update({} if network.num_classes else {"x": x + tf.zeros_like(x)})
    if network.context_size:
        tensors["context"] = tf.constant(np.random.default_rng(3).normal(size=(batch, network.context_size)))

    def call(tensors):
        context = (tensors["context"],) if network.context_size else ()
        return tf.reshape(
            network(tf.reshape(tensors.get("x", x), [batch, *network.event_shape]), *context), [batch, network.event_size, -1]
        )

    def slow(tensors):
        weights = {name: tf.convert_to_tensor(tensor) for name, tensor in tensors.items()}
        return recurrence(network, weights, weights.get("x", x), weights.get("context"))

    return call, slow, tensors


@pytest.mark.parametrize("case", GRADIENT_CASES)
@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_gradients_are_those_of_the_recurrence(case, mode):
    """The backward pass is not a differentiation: compare with that of one position after the other, in double precision."""
    network = GRADIENT_CASES[case]()
    call, slow, tensors = differentiable(network)
    upstream = tf.constant(np.random.default_rng(1).normal(size=(4, network.event_size, network.params_size)))

    def gradients(function):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            params = function(tensors)
        return tape.gradient(params, tensors, upstream, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    expected = gradients(slow)
    compute = gradients if mode == "eager" else tf.function(gradients, jit_compile=mode == "xla", autograph=False)
    found = compute(call)
    for name in tensors:
        largest = np.abs(expected[name]).max()
        assert largest > 0 or network.event_size == 1, name
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-12 * max(largest, 1), err_msg=name)


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_second_derivatives_are_those_of_the_recurrence(mode):
    network = NADE([2 * _RUNS + 1], hidden_units=3, activation="silu", context_size=2, rescale=True, dtype="float64")
    call, slow, tensors = differentiable(network)

    def second(function):
        with tf.GradientTape() as outer:
            outer.watch(tensors)
            with tf.GradientTape() as inner:
                inner.watch(tensors)
                loss = tf.reduce_sum(tf.sin(function(tensors)))
            total = tf.add_n([tf.reduce_sum(gradient**2) for gradient in inner.gradient(loss, tensors).values()])
        return outer.gradient(total, tensors)

    expected = second(slow)
    found = (second if mode == "eager" else tf.function(second, jit_compile=mode == "xla", autograph=False))(call)
    for name in tensors:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-12 * np.abs(expected[name]).max(), err_msg=name)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_gradients_are_close(policy):
    """The sums have 200 terms, which are added one by one and subtracted again."""

    def gradients(policy):
        network = randomize(NADE([200], hidden_units=16, dtype=policy), scale=0.2)
        with tf.GradientTape() as tape:
            params = tf.cast(network(tf.constant(np.random.default_rng(0).integers(2, size=(8, 200)), tf.float32)), tf.float32)
            loss = tf.reduce_mean(tf.sin(params))
        return tape.gradient(loss, [weight.value for weight in network.trainable_weights])

    for one, other in zip(gradients(policy), gradients("float32"), strict=True):
        assert one.dtype == tf.float32
        assert np.linalg.norm(one - other) < 0.02 * np.linalg.norm(other)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_steps_add_up_in_single(policy):
    network = randomize(NADE([200], hidden_units=16, dtype=policy), scale=0.2)
    x = tf.constant(np.random.default_rng(0).integers(2, size=(8, 200)), tf.int32)
    state, previous = network.initial_state(8), tf.zeros([8], tf.int32)
    for index in range(200):
        params, state = network.step(state, tf.constant(index), previous)
        previous = x[:, index]
    assert params.dtype == network.compute_dtype
    kernel, bias = (np.asarray(network.cast(weight), np.float64) for weight in (network.input_kernel, network.hidden_bias))
    np.testing.assert_allclose(tf.transpose(state["a"]), bias + x[:, :-1].numpy() @ kernel[:-1], rtol=0, atol=1e-4)


def test_log_prob_of_a_row_alone_and_of_no_rows():
    network = randomize(NADE([2 * _RUNS + 1], hidden_units=5))
    x = np.random.default_rng(0).integers(2, size=(3, 2 * _RUNS + 1))
    call = tf.function(network, input_signature=[tf.TensorSpec([None, 2 * _RUNS + 1], tf.int32)], autograph=False)
    np.testing.assert_allclose(call(x[:1]), network(x)[:1], rtol=1e-5)
    assert call(x[:0]).shape == (0, 2 * _RUNS + 1, 1)


@pytest.mark.parametrize("options", [{}, {"order": [5, 2, 7, 0, 1, 4, 6, 3]}, {"activation": "relu", "rescale": True}])
def test_probabilities_sum_to_one(options):
    network = randomize(NADE([8], hidden_units=6, **options), scale=1.5)
    cube = np.array(list(itertools.product([0, 1], repeat=8)))
    log_prob = tfar.AutoregressiveDistribution(network, "bernoulli").log_prob(cube)
    np.testing.assert_allclose(np.exp(np.float64(log_prob)).sum(), 1, atol=1e-5)


@pytest.mark.parametrize("case", ["order", "runs", "context", "categorical", "mixture"])
def test_dependencies_are_exactly_the_orders(case):
    network, _, context = make(case)
    found = tfar.check_autoregressive(network, context=None if context is None else context[0])
    ranks = np.argsort(network.order)
    np.testing.assert_array_equal(found, ranks[:, None] < ranks[None, :])


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


@pytest.mark.slow
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


@pytest.mark.slow  # the contract has the like
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


@pytest.mark.parametrize("family", [NADE, DeepNADE])
def test_an_initializer_may_be_an_object_or_a_function(family):
    network = family([6], hidden_units=6, kernel_initializer=keras.initializers.RandomNormal(seed=3))
    network.build()
    kernels = [weight for weight in network.trainable_weights if weight.shape == (6, 6)]
    assert len(kernels) >= 2 and all(np.std(kernel) > 0 for kernel in kernels)
    network = family([6], hidden_units=6, kernel_initializer=lambda shape, dtype=None: tf.fill(shape, 0.25))
    network.build()
    assert all(np.all(weight == 0.25) for weight in network.trainable_weights if weight.shape == (6, 6))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: NADE([3], hidden_units=0), "hidden_units must be an integer of at least 1"),
        (lambda: NADE([3], hidden_units=(5,)), "hidden_units must be an integer of at least 1"),
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
