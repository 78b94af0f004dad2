"""Completion of any pattern: frequencies and scores against conditional probabilities found by enumeration."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.chi_square import assert_frequencies

from tfar import models, noise
from tfar.distributions import AutoregressiveEnsemble
from tfar.orders import random_orders

D = 8
CUBE = np.array(list(itertools.product([0, 1], repeat=D)))
# With the natural order, or any other single one, at most one of these could be completed.
PATTERNS = np.array([[0, 0, 1, 0, 0, 1, 0, 1], [1, 0, 0, 0, 1, 1, 0, 0], [0, 1, 0, 1, 0, 0, 1, 1], [0] * D], bool)
GIVEN = np.array([[1, 1, 0, 1, 0, 1, 1, 1], [0, 1, 1, 1, 1, 0, 0, 1], [1, 0, 1, 1, 0, 0, 0, 1], [1] * D])


def randomised(model, seed=0, scale=0.7):
    generator = np.random.default_rng(seed)
    for weight in model.network.trainable_variables:
        weight.assign(generator.normal(0, scale, weight.shape))
    return model


@pytest.fixture(scope="module")
def model():
    return randomised(models.DeepNADE([D], hidden_units=[10, 8]))


def front(order, observed):
    """The order with the observed dimensions first, as lists."""
    return [i for i in order if observed[i]] + [i for i in order if not observed[i]]


def enumerated(model, orders, observed, given):
    """p(x | x_observed = given) for each x of the cube, the mean over the orders, from all joint probabilities."""
    joint = np.mean([model.distribution(order=front(order, observed)).prob(CUBE) for order in orders], axis=0)
    joint = np.where((CUBE[:, observed] == given[observed]).all(axis=1), joint, 0.0)
    return joint / joint.sum()


def assert_drawn(drawn, probabilities):
    """Draws `[n, D]` against the probabilities of the cube's corners."""
    assert_frequencies(np.bincount(drawn @ (1 << np.arange(D)[::-1]), minlength=2**D), probabilities * len(drawn))


@pytest.mark.parametrize("num_orders", [None, 3])
def test_frequencies_of_a_pattern_per_row(model, num_orders):
    n, options = 4000, {} if num_orders is None else {"num_orders": num_orders, "seed": 5}
    orders = [np.arange(D)] if num_orders is None else random_orders(D, num_orders, seed=5)
    which = np.arange(n * len(PATTERNS)) % len(PATTERNS)
    observed, x = PATTERNS[which], GIVEN[which].astype("float32")
    x[~observed] = np.nan
    drawn = model.distribution(**options).complete(x, observed, seed=2).numpy()
    assert drawn.dtype == np.int32 and np.array_equal(drawn[observed], x[observed])
    for k, (pattern, given) in enumerate(zip(PATTERNS, GIVEN, strict=True)):
        assert_drawn(drawn[which == k], enumerated(model, orders, pattern, given))


@pytest.mark.parametrize("num_orders", [None, 3])
def test_conditional_log_prob_is_that_of_the_completions(model, num_orders):
    options = {} if num_orders is None else {"num_orders": num_orders, "seed": 5}
    orders = [np.arange(D)] if num_orders is None else random_orders(D, num_orders, seed=5)
    density = model.distribution(**options)
    for pattern, given in zip(PATTERNS, GIVEN, strict=True):
        expected = enumerated(model, orders, pattern, given)
        possible = expected > 0
        scores = density.conditional_log_prob(CUBE[possible], pattern).numpy()
        np.testing.assert_allclose(np.exp(scores), expected[possible], rtol=1e-3)
        assert abs(np.exp(scores).sum() - 1) < 1e-5
    np.testing.assert_allclose(density.conditional_log_prob(CUBE, np.zeros(D, bool)), density.log_prob(CUBE), rtol=1e-5)
    np.testing.assert_allclose(density.conditional_log_prob(CUBE, np.ones(D, bool)), np.zeros(len(CUBE)), atol=1e-5)
    rows = np.random.default_rng(0).uniform(size=CUBE.shape) < 0.5
    each = [float(density.conditional_log_prob(CUBE[k : k + 1], rows[k])[0]) for k in range(0, 256, 51)]
    np.testing.assert_allclose(density.conditional_log_prob(CUBE, rows).numpy()[::51], each, rtol=1e-4)


def test_rows_depend_on_their_own_seed_and_inputs_only(model):
    seeds = noise.row_seeds(noise.as_seed(4), 4)
    x = GIVEN.astype("int32")
    together = model.complete(x, PATTERNS, seeds).numpy()
    for row in (3, 1):
        alone = model.complete(x[row : row + 1], PATTERNS[row], seeds[row : row + 1]).numpy()
        np.testing.assert_array_equal(alone[0], together[row])


@pytest.mark.slow
def test_graph_of_unknown_batch_size_and_xla(model, tmp_path):
    seeds = noise.row_seeds(noise.as_seed(4), 4)
    x, observed = tf.constant(GIVEN, tf.float32), tf.constant(PATTERNS)
    density = model.distribution(num_orders=2)

    def run(x, observed, seeds):
        return {"x": density.complete(x, observed, seeds), "log_prob": density.conditional_log_prob(x, observed)}

    expected = run(x, observed, seeds)
    signature = [tf.TensorSpec([None, D]), tf.TensorSpec([None, D], tf.bool), tf.TensorSpec([None, 2], tf.int32)]
    module = tf.Module()
    module.run = tf.function(run, input_signature=signature, autograph=False)
    module.model = model
    tf.saved_model.save(module, str(tmp_path), signatures=module.run)
    served = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    names = dict(zip(("x", "observed", "seeds"), (x, observed, seeds), strict=True))
    for found in (served(**names), tf.function(run, jit_compile=True, autograph=False)(x, observed, seeds)):
        np.testing.assert_array_equal(found["x"], expected["x"])
        np.testing.assert_allclose(found["log_prob"], expected["log_prob"], rtol=1e-5)


def test_with_context_and_other_heads():
    generator = np.random.default_rng(0)
    x = generator.normal(size=[6, D]).astype("float32")
    context = generator.normal(size=[6, 2]).astype("float32")
    observed = generator.uniform(size=[6, D]) < 0.5
    model = randomised(models.DeepNADE([D], "normal", hidden_units=[8], context_size=2))
    drawn = model.complete(np.where(observed, x, np.nan), observed, seed=1, context=context).numpy()
    assert np.array_equal(drawn[observed], x[observed]) and np.all(np.isfinite(drawn))
    score = model.conditional_log_prob(x, observed, context).numpy()
    for row in range(6):
        density = model.distribution(context[row], order=front(range(D), observed[row]))
        given = density.conditional_log_prob(x[row : row + 1], observed[row])
        # log p(x_observed), from the parameters of the observed dimensions, which come first
        params = model.network(x[row : row + 1], context[row : row + 1], order=front(range(D), observed[row]))
        marginal = np.where(observed[row], model.head(params).log_prob(x[row]), 0).sum()
        np.testing.assert_allclose(score[row], density.log_prob(x[row]) - marginal, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(score[row], given[0], rtol=1e-4)


def test_nade_k_completes_too():
    model = randomised(models.NADEK([D], hidden_units=[6], num_steps=2))
    drawn = model.complete(np.tile(GIVEN[:1], [4000, 1]), PATTERNS[0], seed=3).numpy()
    assert_drawn(drawn, enumerated(model, [range(D)], PATTERNS[0], GIVEN[0]))


def test_fixed_order_scores_prefixes_and_refuses_the_rest():
    model = randomised(models.MADE([D], hidden_units=[12], order="reversed", direct=False))
    observed = np.arange(D) >= 5  # first in the reversed order
    joint = np.exp(model.log_prob(CUBE))
    scores = model.conditional_log_prob(CUBE, observed).numpy()
    for given in CUBE[:8]:
        here = (CUBE[:, observed] == given[observed]).all(axis=1)
        np.testing.assert_allclose(np.exp(scores[here]), joint[here] / joint[here].sum(), rtol=1e-3)
    for refuse in (model.complete, model.conditional_log_prob):
        with pytest.raises(ValueError, match="observed positions must come first .* Received: another pattern in rows"):
            refuse(CUBE[:2], ~observed)
    with pytest.raises(ValueError, match="observed must be bool"):
        model.conditional_log_prob(CUBE[:2], observed.astype(int))
    with pytest.raises(ValueError, match="0 or 1. Received: "):
        model.conditional_log_prob(CUBE[:2] + 0.5, observed)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must come first"):
        tf.function(lambda x: model.conditional_log_prob(x, ~observed))(tf.constant(CUBE[:2]))


def test_ensemble_of_fixed_masks_uses_the_members_that_can():
    model = randomised(models.MADE([D], hidden_units=[12], order="random", num_masks=5, direct=False))
    orders = model.network.orders
    observed = np.zeros(D, bool)
    observed[orders[1][:2]] = True
    able = [k for k in range(5) if set(orders[k][:2]) == set(orders[1][:2])]
    joint = np.mean([model.distribution(member=k).prob(CUBE) for k in able], axis=0)
    joint = np.where((CUBE[:, observed] == GIVEN[0][observed]).all(axis=1), joint, 0)
    joint /= joint.sum()
    possible = joint > 0
    scores = model.conditional_log_prob(CUBE[possible], observed)
    np.testing.assert_allclose(np.exp(scores), joint[possible], rtol=1e-3)
    drawn = model.complete(np.tile(GIVEN[:1], [4000, 1]), observed, seed=3).numpy()
    assert_drawn(drawn, joint)
    impossible = next(p for p in CUBE[:, ::-1].astype(bool) if p.sum() == 4 and all(not p[o[:4]].all() for o in orders))
    with pytest.raises(ValueError, match="no member of the ensemble .* Received: another pattern in rows"):
        model.complete(CUBE[:2], impossible)
    served = tf.function(lambda pattern: model.complete(CUBE[:2], pattern, seed=1), autograph=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match="no member of the ensemble"):
        served(tf.constant(impossible))
    nothing = model.conditional_log_prob(CUBE, np.zeros(D, bool))
    np.testing.assert_allclose(nothing, model.log_prob(CUBE), rtol=1e-5)


@pytest.mark.slow
def test_what_is_not_observed_may_be_nan():
    model = randomised(models.MADE([D], hidden_units=[12], activation="tanh", num_masks=3, connectivity="random", direct=False), scale=3.0)
    x, observed, seeds = np.tile(GIVEN[:1], [200, 1]).astype("float32"), np.arange(D) < 4, noise.row_seeds(noise.as_seed(6), 200)
    expected = model.complete(x, observed, seeds)
    assert (expected.numpy() != model.distribution(member=0).complete(x, observed, seeds).numpy()).any()
    given = tf.constant(np.where(observed, x, np.nan)), tf.constant(np.tile(observed, [200, 1]))
    np.testing.assert_array_equal(model.distribution().sample_rows(seeds, observed=given[1], values=given[0]), expected)


def test_weights_of_the_mixture_follow_the_observed_values():
    """Two members that disagree on what is observed: the completion comes from the one that explains it."""
    model = randomised(models.DeepNADE([D], hidden_units=[10]), scale=3.0)
    orders = random_orders(D, 2, seed=8)
    density = AutoregressiveEnsemble(model.network, model.head, members={"order": orders})
    expected = enumerated(model, orders, PATTERNS[0], GIVEN[0])
    drawn = density.complete(np.tile(GIVEN[:1], [4000, 1]), PATTERNS[0], seed=3).numpy()
    assert_drawn(drawn, expected)


@pytest.mark.slow
def test_conditioning_weights_tell_the_masks_apart(tmp_path):
    """Germain et al. 2015, section 4.3: h = g(b + (W * M) x + (U * M) 1), where the weight is sqrt(I) U."""
    model = models.MADE([D], hidden_units=[9], order="random", num_masks=3, conditioning=True, direct=False)
    assert len(model.network.trainable_variables) == 6
    layers = models.MADE([D], hidden_units=[9, 9], order="random", num_masks=3, conditioning=True, direct=False).network.masked_layers
    assert [layer.conditioning for layer in layers] == [True, False, True]  # between hidden layers all pairs have the same mask
    assert not models.MADE([D], conditioning=True, direct=False).network.masked_layers[0].conditioning
    randomised(model)
    hidden, output = model.network.masked_layers
    for member in range(3):
        inputs, units, outputs = model.network.degrees(member)
        M, N = inputs[:, None] <= units[None], units[:, None] < outputs[None]
        W, U = hidden.kernel.numpy(), hidden.conditioning_kernel.numpy()
        V, T = output.kernel.numpy(), output.conditioning_kernel.numpy()
        h = np.maximum(hidden.bias + CUBE @ (W * M) + np.ones(D) @ (U * M) / D**0.5, 0)
        expected = output.bias + h @ (V * N) + np.ones(9) @ (T * N) / 3
        np.testing.assert_allclose(model.network(CUBE, member=member)[..., 0], expected, rtol=1e-4, atol=1e-4)
        drawn = model.distribution(member=member, method="stepping").sample(50, seed=1)
        np.testing.assert_array_equal(drawn, model.distribution(member=member, method="fixed_point").sample(50, seed=1))
    assert abs(float(tf.reduce_sum(model.distribution().prob(CUBE))) - 1) < 1e-5
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.log_prob(CUBE), model.log_prob(CUBE))
