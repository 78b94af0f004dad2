"""NADE-k against the paper's formulas in plain loops."""

import itertools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfar import heads, models, noise
from tfar.distributions import sampling
from tfar.networks import NADEK
from tfar.orders import random_orders

ORDERS = random_orders(6, 4, seed=3)


def randomised(network, seed=0):
    if not network.built:
        network.build()
    generator = np.random.default_rng(seed)
    for weight in network.trainable_variables:
        weight.assign(generator.normal(0, 0.7, weight.shape))
    network.mean.assign(generator.uniform(0.1, 0.9, network.event_size))
    return network


def sigmoid(a):
    return 1 / (1 + math.exp(-a))


def paper_steps(network, x, observed, context=None):
    """v^<1>..v^<k> of one example before the observed values are put back, from the equations, one unit at a time."""
    W, c = network.kernel.numpy().astype(np.float64), network.bias.numpy().astype(np.float64)
    V, b = network.output_kernel.numpy().astype(np.float64), network.output_bias.numpy().astype(np.float64)
    mean, D = network.mean.numpy().astype(np.float64), network.event_size
    c = c - mean @ W  # the paper's bias
    v = [x[i] if observed[i] else mean[i] for i in range(D)]
    steps = []
    for _ in range(network.num_steps):
        h = []
        for unit in range(len(c)):
            a = c[unit] + sum(W[i, unit] * v[i] for i in range(D))
            if context is not None:
                a += sum(value * network.context_kernel.numpy()[n, unit] for n, value in enumerate(context))
            h.append(math.tanh(a))
        for layer in network.hidden_layers:
            T, t = layer.kernel.numpy().astype(np.float64), layer.bias.numpy().astype(np.float64)
            h = [math.tanh(t[m] + sum(h[n] * T[n, m] for n in range(len(h)))) for m in range(len(t))]
        p = [sigmoid(b[i] + sum(V[i, n] * h[n] for n in range(len(h)))) for i in range(D)]
        v = [x[i] if observed[i] else p[i] for i in range(D)]
        steps.append(p)
    return np.array(steps)


@pytest.mark.parametrize("options", [{"hidden_units": [5]}, {"hidden_units": [5, 4], "num_steps": 3, "context_size": 2}])
def test_equals_the_papers_formulas(options):
    network = randomised(NADEK([6], **options))
    generator = np.random.default_rng(1)
    x = generator.integers(0, 2, [4, 6])
    context = generator.normal(size=[4, 2]).astype("float32") if network.context_size else None
    for order in (None, ORDERS):
        expected = np.zeros([4, 6])
        for row, row_order in enumerate(np.broadcast_to(network.order if order is None else order, [4, 6])):
            observed = np.zeros(6, bool)
            for i in row_order:
                p = paper_steps(network, x[row], observed, None if context is None else context[row])[-1, i]
                expected[row, i] = math.log(p / (1 - p))
                observed[i] = True
        np.testing.assert_allclose(network(x, context, order=order)[..., 0], expected, rtol=1e-4, atol=1e-5)


def test_segments_of_an_order_leave_out_only_what_is_observed():
    network = randomised(NADEK([50], hidden_units=[5, 4]))
    x, order = np.random.default_rng(0).integers(0, 2, [3, 50]), random_orders(50, 1, seed=0)[0]
    whole = network(x, order=np.tile(order, (3, 1)))  # with an order for each row there are no segments
    np.testing.assert_allclose(network(x, order=order), whole, rtol=1e-4, atol=1e-5)


def test_cost_is_the_mean_over_the_steps():
    network = randomised(NADEK([6], hidden_units=[5, 4], num_steps=3))
    x = np.array([[0, 1, 1, 0, 1, 0], [1, 1, 0, 0, 0, 1]])
    observed = np.array([[True, False, False, True, False, False], [False, True, True, True, True, False]])
    expected = []
    for row, pattern in zip(x, observed, strict=True):
        steps = paper_steps(network, row, pattern)
        bits = -np.log(np.where(row == 1, steps, 1 - steps))[:, ~pattern]
        expected.append(6 / (6 - pattern.sum()) * bits.sum(axis=1).mean())
    np.testing.assert_allclose(network.masked_nll(x, observed[None], None, heads.Bernoulli())[0], expected, rtol=1e-5)


def test_one_step_is_a_network_of_one_pass_and_parameters_are_counted():
    network = NADEK([7], hidden_units=[5, 4], num_steps=1)
    network.build()
    assert sum(math.prod(w.shape) for w in network.trainable_variables) == 2 * 7 * 4 + 7 * (5 - 4) + 5 + 5 * 4 + 4 + 7
    assert network.inference(tf.zeros([1, 2, 5]), tf.zeros([1, 2, 7], tf.bool))[1] == []


def test_each_order_and_the_ensemble_sum_to_one():
    model = models.NADEK([6], hidden_units=[8, 8], num_steps=3)
    randomised(model.network)
    x = np.array(list(itertools.product([0, 1], repeat=6)))
    for options in [{}, *({"order": order} for order in ORDERS[:2]), {"num_orders": 3}]:
        assert abs(float(tf.reduce_sum(model.distribution(**options).prob(x))) - 1) < 1e-5


@pytest.mark.slow  # the contract has the like
def test_samplers_agree_in_graph_and_xla():
    network, head = randomised(NADEK([6], hidden_units=[5, 4], num_steps=3)), heads.Bernoulli()
    seeds, member, drawn = noise.row_seeds(noise.as_seed(3), 4), {"order": tf.constant(ORDERS)}, []
    for method, jit in [("stepping", False), ("stepping", True), ("naive", False), ("fixed_point", False)]:

        def draw(method=method):
            return sampling.sample_rows(network, head, seeds, member=member, method=method)

        drawn.append(tf.function(draw, jit_compile=jit)().numpy())
    for other in drawn[1:]:
        np.testing.assert_array_equal(other, drawn[0])


@pytest.mark.slow  # the contract has the like
def test_running_mean_learns_and_survives_saving(tmp_path):
    x = (np.random.default_rng(0).uniform(size=[400, 6]) < [0.1, 0.3, 0.5, 0.5, 0.8, 0.9]).astype("int32")
    x[:, 2] = x[:, 3]
    keras.utils.set_random_seed(1)
    model = models.NADEK([6], hidden_units=[16, 16], num_steps=3, kernel_initializer="glorot_uniform")
    model.compile(keras.optimizers.Adam(0.02))
    model.fit(x, epochs=40, batch_size=100, verbose=0)
    np.testing.assert_allclose(model.network.mean, x.mean(0), rtol=1e-4)
    entropy = sum(-p * math.log(p) - (1 - p) * math.log(1 - p) for p in (x.mean(0)[[0, 1, 2, 4, 5]]))
    assert -float(tf.reduce_mean(model.log_prob(x))) < entropy + 0.3  # the repeated bit would cost 0.69 nats
    before = model.network.mean.numpy()
    model.evaluate(x[:50], verbose=0)
    np.testing.assert_array_equal(model.network.mean, before)  # evaluation does not move it
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.log_prob(x[:9]), model.log_prob(x[:9]))
    np.testing.assert_array_equal(loaded.sample(5, seed=1), model.sample(5, seed=1))


def test_given_mean_is_kept_and_starts_the_biases():
    mean = [[0.1, 0.5], [0.9, 1.0]]
    network = NADEK([2, 2], hidden_units=[3], data_mean=mean)
    network = NADEK.from_config(network.get_config())
    network.build()
    network.objective(np.ones([3, 2, 2]), None, heads.Bernoulli(), training=True)
    np.testing.assert_allclose(network.mean, np.ravel(mean))
    np.testing.assert_allclose(tf.sigmoid(network.output_bias), [0.1, 0.5, 0.9, 0.999], rtol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"params_size": 2},
        {"num_classes": 2},
        {"num_steps": 0},
        {"data_mean": [0.5]},
        {"data_mean": [0.1, 0.2, 0.3, 1.4]},
    ],
)
def test_bad_arguments_are_refused(options):
    with pytest.raises(ValueError, match="Received: "):
        NADEK([4], **options)
