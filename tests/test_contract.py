"""The contract that every family keeps. A new family joins by one line in CASES."""

import copy
import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.cases import CASES, by_dimension, context_of, discrete, every_value, fine_grid, heads_of, levels, members, some_values
from support.chi_square import assert_frequencies

import tfar
from tfar import noise
from tfar.distributions import sampling
from tfar.testing import randomize

# One case or two of each family pass every test in CI. The others, whose code is the same for other settings, pass there those of
# `EVERY_CASE`, and all with `.ci/run --full`.
WHOLE = (
    *("made-deep", "made-normals", "made-ensemble", "neural", "nade-categorical"),
    *("deepnade", "deepnade-orders", "nadek", "pixelcnn", "gated-pixelcnn", "row-lstm", "diagonal-bilstm"),
    *("char-lstm", "columns-made", "columns-deepnade", "user-network"),
)
EVERY_CASE = (
    "test_probabilities_sum_to_one",
    "test_dependencies_are_exactly_triangular",
    "test_stepping_gives_the_same_parameters",
    "test_frequencies_match_probabilities",
)


def pytest_generate_tests(metafunc):
    if "spec" in metafunc.fixturenames:
        slow = {name: name not in WHOLE and metafunc.function.__name__ not in EVERY_CASE for name in CASES}
        cases = [pytest.param(case, id=name, marks=[pytest.mark.slow] * slow[name]) for name, case in CASES.items()]
        metafunc.parametrize("spec", cases, scope="module")


@pytest.fixture(scope="module")
def model(spec):
    model = spec.model()
    randomize(model.network)
    return model


def test_probabilities_sum_to_one(model, spec):
    distribution = model.distribution(context_of(model), **spec.options)
    if discrete(model):
        total = tf.reduce_sum(tf.exp(tf.cast(distribution.log_prob(every_value(model)), tf.float64)))
    else:
        grid, volume = fine_grid(model)
        density = [tf.exp(distribution.log_prob(part)) for part in np.array_split(grid, 16)]
        total = np.sum(np.concatenate(density), dtype=np.float64) * volume
    # The quadrature's own error, from kinks of Laplace densities, is below 2e-3 at this step; enumeration has rounding alone.
    assert abs(float(total) - 1) < (1e-5 if discrete(model) else 2e-3)


def test_dependencies_are_exactly_triangular(model, spec, tmp_path):
    fresh, reloaded_path = spec.model(), str(tmp_path / "model.keras")
    model.save(reloaded_path)
    context = context_of(model)
    for network, full in ((fresh.network, False), (model.network, True), (keras.saving.load_model(reloaded_path).network, True)):
        for member in members(model, spec):
            found = tfar.check_autoregressive(network, context=context, **member)
            if full and not spec.blind:
                rank = np.argsort(network.generation_order(**member))
                np.testing.assert_array_equal(found, rank[:, None] < rank[None, :])


def test_context_reaches_every_position(model, spec):
    if not model.network.context_size:
        pytest.skip("the model takes no context")
    x = tf.repeat(some_values(model, 1), 2, axis=0)
    for member in members(model, spec):
        params = by_dimension(model, model.network(x, context_of(model, rows=2), **member))
        assert all(np.abs(one - other).max() > 1e-6 for one, other in params)


def test_stepping_gives_the_same_parameters(model, spec):
    network, rows = model.network, 3
    x, context = some_values(model, rows), context_of(model, rows)
    args = (x,) if context is None else (x, context)
    flat = tf.constant(x.reshape(rows, -1))
    for member in members(model, spec):
        expected = by_dimension(model, network(*args, **member))
        order = np.asarray(network.generation_order(**member))
        state = network.initial_state(rows, context, value_dtype=model.head.dtype, **member)
        previous = tf.zeros([rows], model.head.dtype)
        for index in range(network.event_size):
            if index % network.block_size == 0:
                state = network.enter_block(state, tf.constant(index // network.block_size), previous)
            params, state = network.step(state, tf.constant(index), previous)
            np.testing.assert_allclose(params, expected[order[index]], rtol=1e-4, atol=1e-5)
            previous = flat[:, order[index]]


def test_all_samplers_draw_the_same(model, spec):
    context, drawn = context_of(model), {}
    first = model.distribution(context, method="stepping", **spec.options).sample(9, seed=[3, 4]).numpy()
    for method in sampling.METHODS:
        distribution = model.distribution(context, method=method, **spec.options)
        function = tf.function(lambda d=distribution: d.sample(9, seed=tf.constant([3, 4])), autograph=False)
        traced = function.get_concrete_function()
        drawn[method, "graph"] = traced().numpy()
        if method != "naive":  # a loop around the call that XLA compiles for "fixed_point" too
            drawn[method, "xla"] = tf.function(lambda f=traced: f(), jit_compile=True, autograph=False)().numpy()
    assert model.network.event_size == 1 or len(np.unique(first.reshape(9, -1), axis=0)) > 1
    for which, other in drawn.items():
        if discrete(model):
            np.testing.assert_array_equal(other, first, err_msg=str(which))
        else:
            np.testing.assert_allclose(other, first, rtol=1e-3, atol=1e-4, err_msg=str(which))


def test_frequencies_match_probabilities(model, spec):
    context, count = context_of(model), 20_000
    distribution = model.distribution(context, **spec.options)
    x = distribution.sample(count, seed=21)
    if discrete(model):
        values = every_value(model)
        cells = np.ravel_multi_index(x.numpy().reshape(count, -1).T.astype(int), levels(model))
        observed = np.bincount(cells, minlength=len(values))
        expected = distribution.prob(values).numpy() * count
    elif model.network.per_column:  # by quadrature, whose error is small beside that of counting
        grid, volume = fine_grid(model)
        edges = np.quantile(x.numpy()[:, 1], np.arange(1, 8) / 8)
        edges = grid[:1601, 1].min() + 0.05 * (np.round((edges - grid[:, 1].min()) / 0.05) + 0.5)  # between two points of the grid

        def cell(values):
            return np.ravel_multi_index([values[:, 0].astype(int), np.digitize(values[:, 1], edges), values[:, 2].astype(int)], (3, 8, 2))

        observed = np.bincount(cell(x.numpy()), minlength=48)
        expected = np.bincount(cell(grid), distribution.prob(grid).numpy() * volume * count, minlength=48)
    else:  # each conditional distribution function, at its own value, is uniform and independent of the others
        args = (x,) if context is None else (x, tf.repeat(context[None], count, axis=0))
        params = model.network(*args, **members(model, spec)[0])
        cells = np.minimum((model.head(params).cdf(x).numpy() * 8).astype(int), 7)
        observed = np.bincount(cells @ [8, 1], minlength=64)
        expected = np.full(64, count / 64)
    assert_frequencies(observed, expected)


def test_a_row_does_not_depend_on_its_batch(model, spec):
    seeds, context = noise.row_seeds(noise.as_seed(8), 6), context_of(model, rows=6)

    def rows(pick):
        return model.distribution(None if context is None else context[pick], **spec.options)

    together = rows(slice(None)).sample_rows(seeds).numpy()
    for pick in (slice(2, 3), slice(4, 6), [5, 0, 3]):
        alone = rows(pick).sample_rows(tf.gather(seeds, range(6)[pick] if isinstance(pick, slice) else pick)).numpy()
        np.testing.assert_allclose(alone, together[pick], rtol=0, atol=0 if discrete(model) else 1e-4)


def cloned(model):
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    return clone


def reloaded(model, path):
    model.save(path)
    return keras.saving.load_model(path)


def test_every_way_of_saving_gives_the_same_density(model, spec, tmp_path):
    context, seeds = context_of(model, rows=3), noise.row_seeds(noise.as_seed(2), 3)
    x = model.sample(3, seeds, context).numpy()
    log_prob = model.log_prob(x, context).numpy()

    def is_the_same(other):  # weights bit for bit; densities but for rounding, which depends on where the memory of a graph lies
        values = [(other.log_prob(x, context), log_prob), (other.sample(3, seeds, context), x)]
        same = all(np.allclose(found, expected, rtol=1e-5, atol=1e-5) for found, expected in values)
        return same and all(map(np.array_equal, other.get_weights(), model.get_weights()))

    other, paths = spec.model(), {name: str(tmp_path / name) for name in ("model.weights.h5", "model", "distribution")}
    model.save_weights(paths["model.weights.h5"])
    tf.train.Checkpoint(model=model).write(paths["model"])
    tf.train.Checkpoint(distribution=model.distribution(context_of(model), **spec.options)).write(paths["distribution"])
    for name, path in paths.items():  # into one model, whose graphs are traced once
        for weight in other.weights:
            weight.assign(np.ones(weight.shape))
        assert not is_the_same(other)
        if name == "model.weights.h5":
            other.load_weights(path)
        elif name == "model":
            tf.train.Checkpoint(model=other).read(path).assert_existing_objects_matched().assert_consumed()
        else:
            distribution = other.distribution(context_of(other), **spec.options)
            tf.train.Checkpoint(distribution=distribution).read(path).assert_existing_objects_matched().assert_consumed()
        assert is_the_same(other), name

    # A copy of a copy: what any of them loses is missing at the end, and graphs are traced once.
    for name, way in {
        "clone_model": cloned,
        "pickle": lambda model: pickle.loads(pickle.dumps(model)),
        "deepcopy": copy.deepcopy,
        "keras": lambda model: reloaded(model, tmp_path / "model.keras"),
    }.items():
        last, other = other, way(other)
        assert other is not last and other.network is not last.network
        assert all(map(np.array_equal, other.get_weights(), model.get_weights())), name
    assert is_the_same(other)


def test_the_exported_model_gives_the_same_density(model, spec, tmp_path):
    x, seeds = some_values(model, 5), noise.row_seeds(noise.as_seed(2), 5)
    context = context_of(model, rows=5)
    log_prob, sample = model.log_prob(x, context).numpy(), model.sample(5, seeds, context).numpy()
    model.export(tmp_path / "1")
    signatures = tf.saved_model.load(tmp_path / "1").signatures
    given = {} if context is None else {"context": tf.constant(context)}
    served = signatures["sample"](seed=seeds, **given)
    if discrete(model):
        np.testing.assert_array_equal(served["x"], sample)
    else:
        np.testing.assert_allclose(served["x"], sample, atol=1e-4)
    np.testing.assert_allclose(signatures["serving_default"](x=tf.constant(x), **given)["log_prob"], log_prob, rtol=1e-5)
    empty = signatures["sample"](seed=tf.zeros([0, 2], tf.int32), **{k: v[:0] for k, v in given.items()})
    assert empty["x"].shape == (0, *model.event_shape)


def test_compiled_log_prob_is_the_same_and_gradients_are_finite_and_reach_every_weight(model, spec):
    x, distribution = tf.constant(some_values(model, 32)), model.distribution(context_of(model), **spec.options)
    for jit in (False, True):

        @tf.function(jit_compile=jit, autograph=False)
        def scores(x):
            with tf.GradientTape() as tape:
                log_prob = distribution.log_prob(x)
                loss = -tf.reduce_mean(log_prob)
            return log_prob, tape.gradient(loss, [v.value for v in model.trainable_variables])

        log_prob, gradients = scores(x)
        np.testing.assert_allclose(log_prob, distribution.log_prob(x), rtol=1e-4, atol=1e-5)
        for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
            assert gradient is not None, variable.path
            gradient = tf.convert_to_tensor(gradient).numpy()
            assert np.isfinite(gradient).all(), variable.path
            if np.all(gradient == 0):  # of weights that see nothing, as for the rows above in an image of one row, or of a unit that is off
                value = variable.numpy()
                variable.assign(value + 1e-3 * np.random.default_rng(0).normal(size=value.shape))
                np.testing.assert_array_equal(scores(x)[0], log_prob, err_msg=variable.path)
                variable.assign(value)

        bad = x.numpy()
        whole = heads_of(model)[-1].discrete
        bad.reshape(32, -1)[:2, -1] = [-1, 300] if whole else [np.inf, np.nan]
        marked, gradients = scores(tf.constant(bad))
        for found in (marked.numpy(), distribution.log_prob(bad).numpy()):
            np.testing.assert_array_equal(found[:2], [-np.inf, -np.inf if whole else np.nan])
            np.testing.assert_allclose(found[2:], log_prob[2:], rtol=1e-5)  # no other row notices
        assert all(np.isfinite(tf.convert_to_tensor(gradient)).all() for gradient in gradients)


def test_fit_lowers_the_loss(spec):
    model = spec.model()
    rows, size = 64, model.network.event_size
    whole = [head.discrete for head in heads_of(model)]
    x = np.where(whole, np.arange(size) % 2, np.random.default_rng(0).normal(3, 0.2, [rows, size]))
    x = x.reshape(rows, *model.event_shape).astype(model.head.dtype.as_numpy_dtype)
    data = (x,) if context_of(model) is None else (x, context_of(model, rows))
    model.compile(keras.optimizers.Adam(0.02), jit_compile=False)
    loss = model.fit(*data, epochs=8, verbose=0).history["loss"]
    assert loss[-1] < loss[0] - 0.1
