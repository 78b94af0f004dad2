"""The contract that every family keeps. A new family joins by one line in CASES."""

import dataclasses
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from chi_square import assert_frequencies

import tfar
from tfar import noise
from tfar.distributions import sampling
from tfar.orders import random_orders


@dataclasses.dataclass
class Case:
    """A tiny model and what is to be expected of it.

    `blind` is for networks that do not look at all earlier positions; `options` select the distribution.
    """

    family: object
    event_shape: list
    head: object = "bernoulli"
    arguments: dict = dataclasses.field(default_factory=dict)
    options: dict = dataclasses.field(default_factory=dict)
    blind: bool = False

    def model(self):
        if isinstance(self.family, type):  # a network
            return tfar.models.family(self.family)(self.event_shape, head=self.head, **self.arguments)
        return self.family(self.event_shape, head=self.head, **self.arguments)


def user_network(event_shape, head):
    """A network as a user would write it: Keras layers, nothing of ours but the contract."""
    inputs = keras.Input(event_shape)
    size = event_shape[0]
    before = keras.ops.convert_to_tensor(np.triu(np.ones((size, size)), 1), "float32")
    terms = [keras.layers.Dense(1)(keras.ops.cast(inputs, "float32") * before[:, k]) for k in range(size)]
    outputs = keras.layers.Reshape((size, 1))(keras.layers.Concatenate()(terms))
    network = keras.Model(inputs, outputs)
    return tfar.AutoregressiveModel(tfar.networks.WrappedNetwork(network, event_shape), head)


def case(family, event_shape, head="bernoulli", options=None, blind=False, **arguments):
    return Case(family, event_shape, head, arguments, options or {}, blind)


NORMALS, LAPLACES = tfar.heads.NormalMixture(3, min_scale=0.1), tfar.heads.LaplaceMixture(2, min_scale=0.1)
CASES = {
    "logistic": case(tfar.LogisticAutoregressive, [10], order="reversed"),
    "logistic-context": case(tfar.LogisticAutoregressive, [2, 4], context_size=3),
    "made": case(tfar.MADE, [10], hidden_units=[40], activation="tanh"),
    "made-few-units": case(tfar.MADE, [10], hidden_units=[7], blind=True),
    "made-deep": case(tfar.MADE, [10], hidden_units=[24, 17], direct=True, order="random", connectivity="random", context_size=2),
    "made-window": case(tfar.MADE, [10], hidden_units=[24, 31], window=3, num_masks=2, order="random", direct=True, options={"member": 1}),
    "made-scan": case(tfar.MADE, [3, 3], hidden_units=[24], num_masks=3, order="scan", seed=1),
    "made-placed": case(
        tfar.MADE, [8], hidden_units=[24, 20], num_masks=3, order="alternating", connectivity="placed", conditioning=True, direct=True
    ),
    "made-one-dimension": case(tfar.MADE, [1], hidden_units=[3]),
    "made-categorical": case(tfar.MADE, [2, 2], tfar.heads.Categorical(5), hidden_units=[32], order=[3, 1, 0, 2]),
    "made-normal": case(tfar.MADE, [2], "normal", hidden_units=[16], order=[1, 0]),
    "made-normals": case(tfar.MADE, [2], NORMALS, hidden_units=[16], context_size=1),
    "made-laplaces": case(tfar.MADE, [2], LAPLACES, hidden_units=[16]),
    "made-member": case(tfar.MADE, [8], hidden_units=[16], activation="sigmoid", num_masks=3, order="random", options={"member": 2}),
    "made-ensemble": case(tfar.MADE, [8], hidden_units=[24], activation="tanh", num_masks=3, order="random", context_size=2),
    "neural": case(tfar.NeuralAutoregressive, [8], hidden_units=4, context_size=2),
    "neural-categorical": case(
        tfar.NeuralAutoregressive, [2, 2], tfar.heads.Categorical(5), hidden_units=4, direct=True, order=[3, 1, 0, 2]
    ),
    "nade": case(tfar.NADE, [10], hidden_units=12, order="reversed"),
    "nade-categorical": case(tfar.NADE, [2, 2], tfar.heads.Categorical(5), hidden_units=12, context_size=2),
    "rnade": case(tfar.RNADE, [2], NORMALS, hidden_units=12),
    "rnade-laplaces": case(tfar.RNADE, [2], LAPLACES, hidden_units=12, order=[1, 0], context_size=2),
    "deepnade": case(tfar.DeepNADE, [7], hidden_units=[12, 11], context_size=2),
    "deepnade-order": case(tfar.DeepNADE, [7], hidden_units=[12], options={"order": [3, 6, 1, 0, 2, 5, 4]}),
    "deepnade-orders": case(tfar.DeepNADE, [6], hidden_units=[12], options={"num_orders": 3, "seed": 5}),
    "deepnade-normals": case(tfar.DeepNADE, [2], NORMALS, hidden_units=[12], options={"order": [1, 0]}),
    "nadek": case(tfar.NADEK, [7], hidden_units=[12], context_size=2),
    "pixelcnn": case(tfar.PixelCNN, [2, 3, 1], num_blocks=1, filters=4, kernel_size=3, head_filters=(6,), blind=True),
    "gated-pixelcnn": case(tfar.GatedPixelCNN, [2, 3, 1], num_layers=2, filters=4, kernel_size=3, context_size=2, positions=True),
    "gated-pixelcnn-colour": case(tfar.GatedPixelCNN, [1, 2, 3], tfar.heads.Categorical(3), num_layers=2, filters=6, kernel_size=3),
    "row-lstm": case(tfar.RowLSTM, [2, 3, 1], num_layers=1, filters=4, kernel_size=5, positions=True),
    "diagonal-bilstm": case(tfar.DiagonalBiLSTM, [2, 3, 1], num_layers=1, filters=4, kernel_size=5, context_size=2),
    "char-lstm": case(tfar.networks.CharRNN, [4], tfar.heads.Categorical(4), units=9, num_layers=2, embedding=5, context_size=2),
    "char-gru": case(tfar.networks.CharRNN, [4], tfar.heads.Categorical(4), cell="gru", units=9, num_layers=2),
    "char-rnn": case(tfar.networks.CharRNN, [6], cell="rnn", units=9, num_layers=1),
    "rnn-normals": case(tfar.networks.CharRNN, [2], NORMALS, cell="gru", units=9, num_layers=1),
    "user-network": case(user_network, [6]),
}


@pytest.fixture(scope="module", params=list(CASES))
def spec(request):
    return CASES[request.param]


@pytest.fixture(scope="module")
def model(spec):
    model = spec.model()
    randomize(model.network)
    return model


def randomize(network, scale=0.9):
    """Weights large enough for strong dependencies."""
    generator = np.random.default_rng(11)
    for variable in network.trainable_variables:
        fan_in = max(1, variable.shape[0] if len(variable.shape) == 1 else int(np.prod(variable.shape[:-1])))
        variable.assign(generator.normal(size=variable.shape) * scale * (4 / fan_in) ** 0.5)


def context_of(model, rows=None):
    """A context for each row, or one for all; None for models without."""
    size = model.network.context_size
    if not size:
        return None
    context = np.random.default_rng(5).normal(size=[rows or 1, size]).astype("float32")
    return context if rows else context[0]


def members(model, spec):
    """Every member that the distribution is made of."""
    if "order" in spec.options:
        return [{"order": np.array(spec.options["order"], np.int32)}]
    if "num_orders" in spec.options:
        orders = random_orders(model.network.event_size, spec.options["num_orders"], spec.options["seed"])
        return [{"order": order} for order in orders]
    if "member" in spec.options:
        return [model.network.member(spec.options["member"])]
    return [model.network.member(k) for k in range(model.network.num_members)]


def some_values(model, rows, seed=1):
    return model.distribution(context_of(model)).sample(rows, seed=seed).numpy()


def every_value(model):
    """All values of a discrete event, `[K^D, *event]`."""
    values = range(model.head.num_classes or 2)
    size = model.network.event_size
    return np.array(list(itertools.product(values, repeat=size)), np.int32).reshape(-1, *model.event_shape)


def discrete(model):
    return model.head.dtype.is_integer


def test_probabilities_sum_to_one(model, spec):
    distribution = model.distribution(context_of(model), **spec.options)
    if discrete(model):
        total = tf.reduce_sum(tf.exp(tf.cast(distribution.log_prob(every_value(model)), tf.float64)))
    else:
        axis = np.linspace(-40, 40, 1601, dtype=np.float32)
        grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
        density = [tf.exp(distribution.log_prob(part)) for part in np.array_split(grid, 16)]
        total = np.sum(np.concatenate(density), dtype=np.float64) * (axis[1] - axis[0]) ** 2
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
        one, other = model.network(x, context_of(model, rows=2), **member).numpy().reshape(2, model.network.event_size, -1)
        assert (np.abs(one - other).max(axis=-1) > 1e-6).all()


def test_stepping_gives_the_same_parameters(model, spec):
    network, rows = model.network, 3
    x, context = some_values(model, rows), context_of(model, rows)
    args = (x,) if context is None else (x, context)
    flat = tf.constant(x.reshape(rows, -1))
    for member in members(model, spec):
        expected = tf.reshape(network(*args, **member), [rows, network.event_size, -1]).numpy()
        order = np.asarray(network.generation_order(**member))
        state = network.initial_state(rows, context, value_dtype=model.head.dtype, **member)
        previous = tf.zeros([rows], model.head.dtype)
        for index in range(network.event_size):
            if index % network.block_size == 0:
                state = network.enter_block(state, tf.constant(index // network.block_size), previous)
            params, state = network.step(state, tf.constant(index), previous)
            np.testing.assert_allclose(params, expected[:, order[index]], rtol=1e-4, atol=1e-5)
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
        radix = (model.head.num_classes or 2) ** np.arange(model.network.event_size)[::-1]
        observed = np.bincount(x.numpy().reshape(count, -1) @ radix, minlength=len(values))
        expected = distribution.prob(values).numpy() * count
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


def test_round_trips(model, spec, tmp_path):
    x, seeds = some_values(model, 5), noise.row_seeds(noise.as_seed(2), 5)
    context = context_of(model, rows=5)
    log_prob, sample = model.log_prob(x, context).numpy(), model.sample(5, seeds, context).numpy()
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    weights, copy = spec.model(), keras.saving.load_model(tmp_path / "model.keras")
    weights.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(weights.log_prob(x, context), log_prob)
    np.testing.assert_array_equal(copy.log_prob(x, context), log_prob)
    np.testing.assert_array_equal(copy.sample(5, seeds, context), sample)
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


def test_fit_lowers_the_loss(spec):
    model = spec.model()
    rows, size = 64, model.network.event_size
    if discrete(model):
        x = np.tile(np.arange(size) % 2, (rows, 1)).reshape(rows, *model.event_shape).astype(np.int32)
    else:
        x = np.random.default_rng(0).normal(3, 0.2, [rows, *model.event_shape]).astype(np.float32)
    data = (x,) if context_of(model) is None else (x, context_of(model, rows))
    model.compile(keras.optimizers.Adam(0.02))
    history = model.fit(*data, epochs=8, verbose=0).history
    assert history["nll"][-1] < history["nll"][0] - 0.1
