"""DeepNADE against the paper's formulas in plain loops, and the objective against the mean over all orders."""

import itertools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.chi_square import assert_frequencies

import tfar
from tfar import heads, models, noise, testing, training
from tfar.datasets import Split
from tfar.distributions import sampling
from tfar.models.starting import start_at_marginals
from tfar.networks import DeepNADE, order_agnostic
from tfar.orders import inverse, random_orders


def randomised(network, seed=0, scale=0.7):
    if not network.built:
        network.build()
    generator = np.random.default_rng(seed)
    for weight in [*network.trainable_variables, network.mean]:
        weight.assign(generator.normal(0, scale, weight.shape))
    return network


def cube(size, levels=2):
    return np.array(list(itertools.product(range(levels), repeat=size)))


def paper_params(network, x, observed, i, context=None):
    """The parameters at i given the observed values of one example: the paper's equations, one unit at a time."""
    E, P, D = network.features, network.params_size, network.event_size
    weights = network.kernel, network.mask_kernel, network.bias, network.mean
    W, U, b, mean = (w.numpy().astype(np.float64) for w in weights)
    b = b - U.sum(axis=0) / 2  # from our coordinates to the paper's
    U = U - np.stack([mean[j * E : (j + 1) * E] @ W[j * E : (j + 1) * E] for j in range(D)])
    V, d = network.output_kernel.numpy().astype(np.float64), network.output_bias.numpy().astype(np.float64)
    h = []
    for unit in range(len(b)):
        a = b[unit]
        for j in range(D):
            if not observed[j]:
                continue
            a += U[j, unit]
            if E == 1:
                a += W[j, unit] * x[j]
            else:
                a += W[j * E + int(x[j]), unit]
        if context is not None:
            a += sum(c * w for c, w in zip(context, network.context_kernel.numpy()[:, unit], strict=True))
        h.append(max(a, 0.0))
    for layer in network.hidden_layers:
        kernel, bias = layer.kernel.numpy().astype(np.float64), layer.bias.numpy().astype(np.float64)
        h = [max(sum(h[n] * kernel[n, m] for n in range(len(h))) + bias[m], 0.0) for m in range(len(bias))]
    return [sum(h[n] * V[i * P + p, n] for n in range(len(h))) + d[i * P + p] for p in range(P)]


def paper_rows(network, x, orders, context=None):
    """The parameters `[B, D, P]` of all positions, one order per row."""
    params = np.zeros([*x.shape, network.params_size])
    for row, order in enumerate(orders):
        observed = np.zeros(network.event_size, bool)
        for i in order:
            params[row, i] = paper_params(network, x[row], observed, i, None if context is None else context[row])
            observed[i] = True
    return params


ORDERS = random_orders(6, 5, seed=3)
CASES = {
    "binary": (dict(hidden_units=[5]), heads.Bernoulli()),
    "deep, context": (dict(hidden_units=[5, 4, 3], context_size=2), heads.Bernoulli()),
    "categorical": (dict(hidden_units=[5, 4], num_classes=3), heads.Categorical(3)),
    "real": (dict(hidden_units=[5, 4]), heads.NormalMixture(2)),
}


def case(name, batch=5):
    options, head = CASES[name]
    network = randomised(DeepNADE([6], head.params_size, **options))
    generator = np.random.default_rng(1)
    x = generator.integers(0, head.num_classes or 2, [batch, 6])
    x = generator.normal(size=[batch, 6]).astype("float32") if name == "real" else x
    context = generator.normal(size=[batch, 2]).astype("float32") if network.context_size else None
    return network, head, x, context


@pytest.mark.parametrize("name", CASES)
def test_equals_the_papers_formulas(name, monkeypatch):
    network, _, x, context = case(name)
    for order in (None, ORDERS[0], ORDERS):
        expected = paper_rows(network, x, np.broadcast_to(network.order if order is None else order, [5, 6]), context)
        for rows in (4096, 1):  # the second takes one position at a time
            monkeypatch.setattr(order_agnostic, "ROWS", rows)
            np.testing.assert_allclose(network(x, context, order=order), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_training_centres_the_inputs():
    x = np.random.default_rng(0).integers(0, 3, [5000, 2, 2])
    model = models.DeepNADE([2, 2], heads.Categorical(3), hidden_units=[4])
    start_at_marginals(model, x)
    np.testing.assert_allclose(model.network.mean, np.eye(3)[x].mean(axis=0).ravel(), rtol=1e-5)
    model = models.DeepNADE([4], hidden_units=[4])
    training.fit(model, Split((x.reshape(-1, 4) == 1).astype("int32")), Split(np.zeros([5, 4], "int32")), epochs=1, epoch_steps=1)
    np.testing.assert_allclose(model.network.mean, (x.reshape(-1, 4) == 1).mean(axis=0), rtol=1e-5)


def test_number_of_parameters():
    network = DeepNADE([7], hidden_units=[5, 4])
    network.build()
    assert sum(math.prod(w.shape) for w in network.trainable_variables) == 2 * 7 * 5 + 5 + 5 * 4 + 4 + 4 * 7 + 7
    kernels = [w.numpy() for w in network.trainable_variables if w.ndim == 2]
    assert len({float(kernel[0, 0]) for kernel in kernels}) == len(kernels) == 4  # each is drawn for itself


def test_depends_on_earlier_positions_only():
    network = randomised(DeepNADE([6], hidden_units=[20, 20]))
    for order in ORDERS[:2]:
        found = testing.check_autoregressive(lambda x, order=order: network(x, order=order), order, event_shape=[6], num_classes=2)
        rank = inverse(order)
        np.testing.assert_array_equal(found, rank[:, None] < rank[None, :])


def test_each_order_and_the_ensemble_sum_to_one():
    model = models.DeepNADE([6], hidden_units=[8, 8])
    randomised(model.network)
    x = cube(6)
    for order in [None, "reversed", *ORDERS[:3]]:
        assert abs(float(tf.reduce_sum(model.distribution(order=order).prob(x))) - 1) < 1e-5
    ensemble = model.distribution(num_orders=4, seed=7)
    assert abs(float(tf.reduce_sum(ensemble.prob(x))) - 1) < 1e-5
    orders = random_orders(6, 4, seed=7)
    mean = np.mean([np.exp(model.distribution(order=order).log_prob(x)) for order in orders], axis=0)
    np.testing.assert_allclose(ensemble.prob(x), mean, rtol=1e-4)


def test_masked_nll_averages_to_the_mean_over_all_orders():
    """The objective's expectation, from all subsets, is the mean over all 24 orders of the exact NLL."""
    network, head = randomised(DeepNADE([4], hidden_units=[6, 5])), heads.Bernoulli()
    x = cube(4)[[0, 5, 11, 14]]
    orders = np.array(list(itertools.permutations(range(4))), np.int32)
    exact = np.mean([-head.log_prob(network(x, order=order), x, 1) for order in orders], axis=0)
    expectation = np.zeros(4)
    for pattern in cube(4)[:-1].astype(bool):
        chance = 1 / (4 * math.comb(4, int(pattern.sum())))
        loss = network.masked_nll(x, np.broadcast_to(pattern, [1, 4, 4]), None, head)[0].numpy()
        logits = np.array([[paper_params(network, row, pattern, i)[0] for i in range(4)] for row in x])
        bits = np.logaddexp(0, np.where(x == 1, -logits, logits))
        by_hand = bits[:, ~pattern].sum(axis=1) * 4 / (4 - pattern.sum())
        np.testing.assert_allclose(loss, by_hand, rtol=1e-5)
        expectation += chance * loss
    np.testing.assert_allclose(expectation, exact, rtol=1e-5)


@pytest.mark.parametrize("count", [1, 4])
def test_patterns_are_uniform_in_size_and_given_their_size(count):
    network = DeepNADE([4])
    seeds = noise.row_seeds(noise.as_seed(11), 40_000 // count)
    drawn = network.random_patterns(seeds, count).numpy().reshape(-1, 4)
    found = np.bincount(drawn @ [8, 4, 2, 1], minlength=16)
    assert found[15] == 0
    expected = np.array([len(drawn) / (4 * math.comb(4, int(p.sum()))) for p in cube(4)[:-1]])
    # The patterns of one row share out the range of t, which can only make the counts less scattered.
    assert_frequencies(found[:-1], expected)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_steps_add_up_in_single(policy):
    """As in one product, which training takes: small terms are not lost in a large sum."""
    network = DeepNADE([300], hidden_units=[16], dtype=policy)
    randomised(network, scale=0.2)
    network.kernel.assign(np.full([300, 16], 0.01))
    network.mask_kernel.assign(np.full([300, 16], 0.02))
    network.mean.assign(np.zeros(300))
    network.bias.assign(np.full(16, 5.0))
    state, previous = network.initial_state(2), tf.ones([2], tf.int32)
    for index in range(300):
        params, state = network.step(state, tf.constant(index), previous)
    assert params.dtype == network.compute_dtype
    np.testing.assert_allclose(state["sums"], np.full([2, 16], 5.0 - 300 * 0.01 + 299 * 0.03), rtol=1e-4)
    x = tf.ones([2, 300], tf.int32)
    np.testing.assert_allclose(network(x)[:, -1], params, rtol=2e-2, atol=2e-2)


def test_training_patterns_weigh_each_subset_as_the_paper_does():
    """The weights of a subset of d observed positions add up to 1 / (D C(D, d)) of the rows, as if d were uniform."""
    network, rows = DeepNADE([4]), 20
    draw = tf.function(lambda seed: network.training_patterns(noise.row_seeds(seed, rows)), autograph=False)
    drawn = [draw(noise.as_seed(k)) for k in range(2_000)]
    weights = np.stack([weight for _, weight in drawn])
    found = np.stack([np.bincount(observed[0].numpy() @ [8, 4, 2, 1], weight, 16) for observed, weight in drawn]) / rows  # (2000, 16)
    expected = np.array([1 / (4 * math.comb(4, int(p.sum()))) for p in cube(4)[:-1]])
    assert (found[:, 15] == 0).all()
    assert abs((found[:, :15].mean(axis=0) - expected) / found[:, :15].std(axis=0)).max() < 4.6 / len(drawn) ** 0.5  # false alarm 6e-5
    # Each batch has all parts of the range of v, and v of any one row is uniform: so is half its weight (Kolmogorov's bound, 1e-5).
    np.testing.assert_array_equal(np.sort(np.floor(weights / 2 * rows + 1e-3) % rows, axis=1), np.tile(np.arange(rows), (len(drawn), 1)))
    for row in (0, 7):
        gap = np.sort(weights[:, row] / 2) - (np.arange(len(drawn)) + 0.5) / len(drawn)
        assert abs(gap).max() < 2.48 / len(drawn) ** 0.5


def test_objective_is_unbiased_and_the_same_under_xla():
    network, head = randomised(DeepNADE([4], hidden_units=[6])), heads.Bernoulli()
    x = np.repeat(cube(4)[[6]], 20_000, axis=0)
    drawn = network.objective(x, None, head, training=True).numpy()
    orders = np.array(list(itertools.permutations(range(4))), np.int32)
    exact = np.mean([-head.log_prob(network(x[:1], order=order), x[:1], 1) for order in orders])
    assert abs(drawn.mean() - exact) < 4 * drawn.std() / len(drawn) ** 0.5  # false alarm 6e-5
    assert abs(network.objective(x, None, head, training=True).numpy() - drawn).max() > 0.1  # each step draws anew

    def held_out(x):
        return network.objective(x, None, head)

    x = cube(4)
    compiled = tf.function(held_out, jit_compile=True)(x)
    np.testing.assert_allclose(compiled, held_out(x), rtol=1e-5)
    np.testing.assert_allclose(held_out(x[3:9]), held_out(x)[3:9], rtol=1e-5)  # an example always has the same patterns


def test_hash_tells_binary_rows_apart():
    network = DeepNADE([12])
    assert len(np.unique(network._hash(cube(12)).numpy(), axis=0)) == 2**12


def samples(network, head, methods, order, context=None):
    seeds, member = noise.row_seeds(noise.as_seed(3), 5), {"order": tf.constant(order)}
    for method, jit in methods:

        def draw(method=method):
            return sampling.sample_rows(network, head, seeds, context, member=member, method=method)

        yield tf.function(draw, jit_compile=jit)().numpy()


@pytest.mark.slow  # the contract has the like
def test_samplers_agree_in_graph_and_xla():
    network, head, _, context = case("deep, context")
    methods = [("stepping", False), ("stepping", True), ("naive", False), ("fixed_point", True)]
    first, *others = samples(network, head, methods, ORDERS, context)
    for other in others:
        np.testing.assert_array_equal(other, first)
    for row in (0, 3):  # a row's sample is that of its own order, whatever the others are
        (alone,) = samples(network, head, methods[:1], ORDERS[row], context)
        np.testing.assert_array_equal(alone[row], first[row])


@pytest.mark.parametrize("name", ["categorical", "real"])
def test_samplers_agree_for_other_heads(name):
    network, head, _, _ = case(name)
    stepping, fixed_point = samples(network, head, [("stepping", False), ("fixed_point", False)], ORDERS[0])
    np.testing.assert_allclose(stepping, fixed_point, rtol=1e-4, atol=1e-4)


def test_ensemble_samples_are_samples_of_its_members():
    model = models.DeepNADE([6], hidden_units=[8])
    randomised(model.network)
    ensemble = model.distribution(num_orders=3, seed=1)
    seeds = noise.row_seeds(noise.as_seed(5), 3000)
    drawn = ensemble.sample_rows(seeds).numpy()
    orders = random_orders(6, 3, seed=1)
    members = np.stack([model.distribution(order=order).sample_rows(seeds) for order in orders])
    choice = np.minimum((noise.uniform(seeds, 1, noise.MEMBERS)[:, 0].numpy() * 3).astype(int), 2)
    np.testing.assert_array_equal(drawn, members[choice, np.arange(3000)])
    assert_frequencies(np.bincount(drawn @ [32, 16, 8, 4, 2, 1], minlength=64), ensemble.prob(cube(6)).numpy() * 3000)


def test_unknown_batch_size_xla_and_gradients():
    network, head, x, _ = case("binary")
    x = tf.constant(x, tf.int32)
    expected = head.log_prob(network(x, order=ORDERS[0]), x, 1)

    def nll(x):
        with tf.GradientTape() as tape:
            loss = -head.log_prob(network(x, order=ORDERS[0]), x, 1)
        return loss, tape.gradient(loss, network.trainable_variables[0])

    unknown = tf.function(nll, input_signature=[tf.TensorSpec([None, 6], tf.int32)])
    for loss, gradient in (unknown(x), tf.function(nll, jit_compile=True)(x)):
        np.testing.assert_allclose(-loss, expected, rtol=1e-5)
        assert np.all(np.isfinite(gradient)) and np.any(gradient != 0)


@pytest.mark.slow  # the contract has the like
def test_fit_is_reproducible_learns_and_survives_saving(tmp_path):
    x = np.random.default_rng(0).integers(0, 2, [400, 6])
    x[:, 4] = x[:, 1]  # one bit of six is known from another: 5 ln 2 nats are left
    runs = []
    for _ in range(2):
        keras.utils.set_random_seed(1)
        model = models.DeepNADE([6], hidden_units=[16, 16])
        model.compile(keras.optimizers.Adam(0.02))
        history = model.fit(x, validation_data=(x[:100],), epochs=8, batch_size=50, verbose=0).history
        runs.append([*history["loss"], *history["val_nll_over_orders"]])
    assert runs[0] == runs[1]
    exact = -np.mean([model.distribution(order=order).log_prob(x) for order in ORDERS])
    assert exact < 5 * math.log(2) + 0.35  # of 6 ln 2 without it
    assert abs(model.evaluate(x, verbose=0, return_dict=True)["nll_over_orders"] - exact) < 0.3
    np.testing.assert_allclose(model.predict(x[:9], verbose=0), model.log_prob(x[:9]), rtol=1e-5)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    for order in (None, ORDERS[2]):
        np.testing.assert_array_equal(loaded.distribution(order=order).log_prob(x[:9]), model.distribution(order=order).log_prob(x[:9]))
    np.testing.assert_array_equal(loaded.sample(5, seed=1), model.sample(5, seed=1))


def test_bad_arguments_are_refused():
    model = models.DeepNADE([6], hidden_units=[4])
    for options in ({"order": [0, 1]}, {"num_orders": 0}, {"order": ORDERS[0], "num_orders": 2}):
        with pytest.raises(ValueError, match="Received: "):
            model.distribution(**options)
    with pytest.raises(ValueError, match="order-agnostic networks. Received: "):
        tfar.MADE([6], hidden_units=[4], direct=False).distribution(num_orders=2)
    with pytest.raises(ValueError, match="at least one layer. Received: "):
        DeepNADE([6], hidden_units=[])
