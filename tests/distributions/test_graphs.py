"""Eager calls run as graphs that the network keeps: traced once, equal to direct calls, and aware of all that can change."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfar
from tfar import noise
from tfar.distributions import AutoregressiveDistribution, sampling
from tfar.networks.base import TRACED
from tfar.networks.stepwise import Stepwise


@pytest.fixture(scope="module")
def made():
    return tfar.MADE([5], hidden_units=[16])


def bits(rows, seed=0):
    return np.random.default_rng(seed).integers(0, 2, [rows, 5])


def traces(model):
    return sum(function.experimental_get_tracing_count() for function in model.network.__dict__["compiled"].values())


def test_one_trace_serves_all_batch_sizes_seeds_and_distributions(made):
    for rows in (1, 2):  # the second shape makes the graph one of any batch size
        made.log_prob(bits(rows)), made.sample(rows, seed=1), made.complete(bits(rows), made.first(0.5), seed=1)
    before = traces(made)
    for rows in (3, 7, 50):
        made.log_prob(bits(rows)), made.sample(rows, seed=rows), made.complete(bits(rows), made.first(0.5), seed=rows)
        made.distribution().log_prob(tf.constant(bits(rows)))
    assert traces(made) == before > 0


def test_a_graph_reads_weights_that_have_changed(made):
    x = bits(4)
    before = made.log_prob(x)
    saved = made.get_weights()
    made.set_weights([weight + 0.1 for weight in saved])
    assert np.abs(made.log_prob(x) - before).max() > 1e-3
    made.set_weights(saved)
    np.testing.assert_array_equal(made.log_prob(x), before)


@pytest.mark.parametrize("options", [{}, {"num_masks": 3}], ids=["one order", "a mixture of masks"])
def test_a_function_of_the_user_may_come_first_and_is_not_rewritten(options, caplog):
    model, x = tfar.MADE([5], hidden_units=[16], **options), bits(4)
    tf.get_logger().addHandler(caplog.handler)

    @tf.function
    def scored_and_drawn():
        drawn = model.sample(4, seed=tf.constant([1, 2]))
        return model.log_prob(x), drawn

    scores, drawn = scored_and_drawn()
    tf.get_logger().removeHandler(caplog.handler)
    np.testing.assert_allclose(model.log_prob(x), scores, rtol=1e-5)
    np.testing.assert_array_equal(model.sample(4, seed=[1, 2]), drawn)
    assert "AutoGraph" not in caplog.text


def test_weights_of_a_stateless_scope_are_seen(made):
    x = tf.constant(bits(4))
    made.log_prob(x)  # has a graph now
    with keras.StatelessScope([(variable, variable.value + 0.1) for variable in made.network.trainable_variables]):
        inside = made.distribution().log_prob(x)
    assert np.abs(inside - made.log_prob(x)).max() > 1e-3


def test_gradients_are_those_of_a_direct_call(made):
    x, variables = tf.constant(bits(4)), made.trainable_variables

    def gradients():
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(made.distribution().log_prob(x))
        return [np.array(gradient) for gradient in tape.gradient(total, [variable.value for variable in variables])]

    graph = gradients()
    tf.config.run_functions_eagerly(True)
    try:
        direct = gradients()
    finally:
        tf.config.run_functions_eagerly(False)
    for one, other in zip(graph, direct, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_gradients_of_real_values_and_of_a_context():
    model = tfar.RNADE([3], hidden_units=8, context_size=2)
    x, context = tf.random.normal([4, 3], seed=1), tf.Variable(np.ones([4, 2], np.float32))
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(model.distribution(context).log_prob(x))
    assert all(np.abs(gradient).min() > 0 for gradient in tape.gradient(total, [x, context]))


@pytest.mark.parametrize("method", ["log_prob", "sample", "complete", "conditional_log_prob"])
def test_xla_gives_the_same(made, method):
    x, observed = bits(6), made.first(0.4)
    arguments = {"log_prob": (x,), "sample": (6, 3), "complete": (x, observed, 3), "conditional_log_prob": (x, observed)}[method]
    plain, compiled = (getattr(made.distribution(jit_compile=jit), method)(*arguments) for jit in (False, True))
    np.testing.assert_allclose(plain, compiled, atol=1e-5)


def test_the_jit_of_a_distribution_is_a_flag(made):
    with pytest.raises(ValueError, match="jit_compile must be"):
        made.distribution(jit_compile="yes")


def test_refusals_are_those_of_the_values(made):
    with pytest.raises(ValueError, match="values must be 0 or 1. Received: 7"):
        made.log_prob([[0, 1, 7, 0, 1]])
    with pytest.raises(ValueError, match="values must be 0 or 1. Received: 0.5"):
        made.log_prob([[0, 1, 0.5, 0, 1]])
    assert made.distribution().log_prob([0, 1, 0.5, 0, 1]) == -np.inf


def test_a_supported_value_without_a_finite_score_is_no_refusal():
    model = tfar.MADE([2], hidden_units=[4], head="normal")
    assert model.log_prob([[1e30, 0.0]]) == -np.inf  # its square is more than float32 holds


def test_a_wrapped_function_is_called_anew():
    shift = [0.0]
    distribution = tfar.AutoregressiveDistribution(lambda x: 0.0 * tf.cumsum(x, 1)[..., None] + shift[0], "bernoulli", event_shape=[2])
    before = distribution.log_prob([1.0, 1.0])
    shift[0] = 1.0
    assert distribution.log_prob([1.0, 1.0]) > before


def test_a_network_keeps_a_bounded_number_of_graphs():
    network = tfar.networks.MADE(event_shape=[3], hidden_units=[4])
    for key in range(TRACED + 10):
        network.traced(key, tf.identity)
    first, last = network.traced(10, tf.identity), network.traced(TRACED + 9, tf.identity)
    assert len(network.__dict__["compiled"]) == TRACED
    assert network.traced(10, tf.identity) is first and network.traced(TRACED + 9, tf.identity) is last


def test_a_graph_is_of_one_kind_of_arguments():
    network, one = tfar.networks.MADE(event_shape=[3], hidden_units=[4]), tf.constant(1)

    def total(*arguments):
        return sum(tf.cast(part, tf.float32) * (2.0 if name == "b" else 1.0) for argument in arguments for name, part in argument.items())

    kinds = [({"a": one},), ({"b": one},), ({"a": tf.constant(1.0)},), ({"a": tf.ones([2])},), ({"a": one}, {"b": one}), ({"a": 3},)]
    for _ in range(2):
        for arguments in kinds:
            np.testing.assert_array_equal(network.graph("total", total, arguments)(*arguments), total(*arguments))
    assert len(network.__dict__["graphs"]) == len(kinds)


@pytest.mark.parametrize("make", [lambda: tfar.MADE([9], hidden_units=[8]), lambda: tfar.PixelCNN([3, 3, 1], filters=4, num_blocks=1)])
def test_a_sampler_traces_a_step_once(make, monkeypatch):
    model, traced = make(), []
    kind = type(model.network)
    for name in ("step", "enter_block"):
        method = getattr(kind, name)
        monkeypatch.setattr(kind, name, lambda *args, method=method: traced.append(method.__name__) or method(*args))
    model.sample(2, seed=1)
    assert sorted(traced) == ["enter_block", "step"]


def test_a_state_may_hold_numbers_of_python():
    model = tfar.MADE([6], hidden_units=[8], num_masks=2, order="natural")
    tfar.testing.randomize(model.network)
    distribution = AutoregressiveDistribution(model.network, model.head, member={"member": 1}, method="naive")
    expected = AutoregressiveDistribution(model.network, model.head, member={"member": 1}).sample(20, seed=1)
    np.testing.assert_array_equal(distribution.sample(20, seed=1), expected)
    np.testing.assert_array_equal(tf.function(lambda: distribution.sample(20, seed=1), autograph=False)(), expected)


class Counting(Stepwise):
    """Steps that count themselves in a number of Python, and read from it how far they are."""

    def initial_state(self, *args, **options):
        return {"whole": super().initial_state(*args, **options), "read": 0}

    def step(self, state, index, previous):
        params, whole = super().step(state["whole"], state["read"], previous)
        return params, {"whole": whole, "read": state["read"] + 1}


def test_a_number_of_python_may_change_in_a_state():
    model = tfar.MADE([6], hidden_units=[8])
    tfar.testing.randomize(model.network)
    expected = model.sample(20, seed=1)
    uniforms = noise.uniform(noise.row_seeds(noise.as_seed(1), 20), 6)
    uniforms = tf.transpose(uniforms)[..., None]

    def draw():
        return tf.transpose(sampling.generate(Counting(model.network), model.head, uniforms))

    np.testing.assert_array_equal(draw(), expected)
    np.testing.assert_array_equal(tf.function(draw, autograph=False)(), expected)
