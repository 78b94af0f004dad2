"""The distribution behaves as a user of TFP expects."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from support.chi_square import assert_frequencies

import tfar
from tfar.distributions import sampling

tfd = tfp.distributions


@pytest.fixture(scope="module")
def model():
    return tfar.MADE([2, 3], hidden_units=[16], activation="tanh", direct=False)


@pytest.fixture(scope="module")
def conditional():
    return tfar.MADE([3], hidden_units=[16], context_size=2, direct=False)


def test_no_samples_of_a_model_that_has_drawn_none():
    assert tfar.MADE([2, 3], hidden_units=[4], direct=False).distribution().sample(0, seed=1).shape == (0, 2, 3)


@pytest.mark.parametrize("shape", [[0], [], 1, 5, [2, 3], [0, 4]])
def test_sample_shapes(model, shape):
    x = model.distribution().sample(shape, seed=1)
    assert x.shape == (*np.atleast_1d(np.array(shape, int)), 2, 3) and x.dtype == tf.int32
    assert model.distribution().log_prob(x).shape == x.shape[:-2]


def test_batch_shape_comes_from_the_context(conditional):
    context = np.random.default_rng(0).normal(size=[4, 5, 2]).astype("float32")
    distribution = conditional.distribution(context)
    assert distribution.batch_shape == (4, 5) and distribution.event_shape == (3,)
    x = distribution.sample([6], seed=2)
    assert x.shape == (6, 4, 5, 3) and distribution.log_prob(x).shape == (6, 4, 5)
    assert distribution.log_prob(x[0, 0, 0]).shape == (4, 5)
    one = conditional.distribution(context[1, 2]).log_prob(x[:, 1, 2])
    np.testing.assert_allclose(distribution.log_prob(x)[:, 1, 2], one, rtol=1e-5)
    assert distribution[1:3, 0].batch_shape == (2,)
    np.testing.assert_allclose(distribution[1, 2].log_prob(x[:, 1, 2]), one, rtol=1e-5)


def test_position_log_prob_is_that_of_each_value_given_those_before():
    """Against ratios of marginal probabilities, by enumeration."""
    model, order = tfar.MADE([4], hidden_units=[16], activation="tanh", order=[2, 0, 3, 1], direct=False), [2, 0, 3, 1]
    for variable in model.trainable_variables:
        variable.assign(np.random.default_rng(1).normal(size=variable.shape))
    cube = np.array(np.meshgrid(*[[0, 1]] * 4)).reshape(4, -1).T
    probability, found = model.distribution().prob(cube).numpy(), model.distribution().position_log_prob(cube).numpy()
    for x, terms in zip(cube, found, strict=True):
        marginals = [probability[(cube[:, order[:k]] == x[order[:k]]).all(axis=1)].sum() for k in range(5)]
        np.testing.assert_allclose(terms[order], np.diff(np.log(marginals)), rtol=1e-4, atol=1e-6)


def test_position_log_prob_has_the_shapes_of_log_prob(conditional):
    context = np.random.default_rng(0).normal(size=[4, 1, 2]).astype("float32")
    distribution, x = conditional.distribution(context), np.random.default_rng(1).integers(0, 2, [6, 1, 5, 3])
    terms = distribution.position_log_prob(x)
    assert terms.shape == (6, 4, 5, 3)
    np.testing.assert_allclose(tf.reduce_sum(terms, axis=-1), distribution.log_prob(x), rtol=1e-5)
    unknown = tf.function(distribution.position_log_prob, input_signature=[tf.TensorSpec([None, None, None, 3], tf.int64)])
    np.testing.assert_allclose(unknown(x), terms, rtol=1e-5)
    with pytest.raises(ValueError, match=r"values must be \[..., 3\]. Received: shape="):
        distribution.position_log_prob(x[..., :2])
    assert (distribution.position_log_prob(x + 5).numpy() == -np.inf).all()


@pytest.mark.parametrize("head", ["bernoulli", tfar.heads.DiscretizedLogisticMixture(2, levels=5)])
def test_position_log_prob_of_colour_images(head):
    model = tfar.PixelCNN([3, 2, 3], head=head, num_blocks=1, filters=6, kernel_size=3, positions=False)
    x = model.sample(4, seed=1)
    terms = model.distribution().position_log_prob(x)
    assert terms.shape == x.shape
    np.testing.assert_allclose(tf.reduce_sum(terms, axis=[1, 2, 3]), model.log_prob(x), rtol=1e-5)


def test_inside_other_distributions(model, conditional):
    base = model.distribution()
    plate = tfd.Sample(base, 4)
    x = plate.sample(2, seed=[1, 2])
    assert x.shape == (2, 4, 2, 3)
    np.testing.assert_allclose(plate.log_prob(x), tf.reduce_sum(base.log_prob(x), axis=1), rtol=1e-5)
    rows = tfd.Independent(conditional.distribution(np.eye(2, dtype="float32")), 1)
    assert rows.event_shape == (2, 3) and rows.log_prob(rows.sample(seed=[1, 2])).shape == ()
    joint = tfd.JointDistributionSequential([tfd.MultivariateNormalDiag([0.0, 0.0]), lambda context: conditional.distribution(context)])
    parts = joint.sample(seed=[3, 4])
    assert parts[1].shape == (3,) and np.isfinite(joint.log_prob(parts))


@pytest.mark.slow
@pytest.mark.parametrize("family", [tfar.MADE, tfar.DeepNADE])
def test_in_a_joint_distribution_that_batches_by_itself(family):
    model = family([3], context_size=2)
    parts = {"z": tfd.MultivariateNormalDiag(tf.zeros([2])), "x": lambda z: model.distribution(z)}
    joint = tfd.JointDistributionNamedAutoBatched(parts)
    draws = joint.sample(4, seed=3)
    assert draws["x"].shape == (4, 3)
    expected = parts["z"].log_prob(draws["z"]) + model.log_prob(draws["x"], draws["z"])
    np.testing.assert_allclose(joint.log_prob(draws), expected, rtol=1e-5)


def test_a_mixture_of_models_is_tfps(model):
    several = [model, tfar.MADE([2, 3], hidden_units=[9], order="scan", seed=1, direct=False)]
    mixture = tfd.Mixture(tfd.Categorical(logits=[0.0, 0.0]), [one.distribution() for one in several])
    cube = np.indices([2] * 6).reshape(6, 64).T.reshape(64, 2, 3)
    np.testing.assert_allclose(mixture.prob(cube), np.mean([np.exp(one.log_prob(cube)) for one in several], axis=0), rtol=1e-4)
    assert mixture.sample(4, seed=1).shape == (4, 2, 3)


def test_sample_and_log_prob_agree(model):
    x, log_prob = model.distribution().experimental_sample_and_log_prob(7, seed=[5, 6])
    np.testing.assert_allclose(log_prob, model.distribution().log_prob(x), rtol=1e-6)


def test_copy_and_repr(model, conditional):
    distribution = conditional.distribution(np.zeros([4, 2], "float32"))
    copy = distribution.copy(context=np.ones([3, 2], "float32"))
    assert copy.batch_shape == (3,) and copy.network is distribution.network
    assert "event_shape=[2, 3]" in str(model.distribution())


def test_trainable_variables_train():
    model = tfar.MADE([2, 3], hidden_units=[16], activation="tanh", direct=False)
    distribution = model.distribution()
    variables = distribution.trainable_variables
    assert len(variables) == len(model.trainable_variables) > 0
    x, optimizer, losses = np.ones([20, 2, 3], int), keras.optimizers.SGD(0.5), []
    for _ in range(5):
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(distribution.log_prob(x))
        optimizer.apply(tape.gradient(loss, variables), model.trainable_variables)
        losses.append(float(loss))
    assert losses[-1] < losses[0] - 0.5


def test_the_same_seed_in_every_form_and_place(model):
    first = model.sample(6, seed=9).numpy()
    np.testing.assert_array_equal(model.sample(6, seed=[9, 0]), first)
    np.testing.assert_array_equal(model.sample(3, seed=9), first[:3])
    np.testing.assert_array_equal(model.distribution().sample(6, seed=9), first)
    assert (model.sample(6, seed=10).numpy() != first).any()
    tf.random.set_seed(1)  # two draws are the same with probability 2^-180 or so
    assert (model.sample(30).numpy() != model.sample(30).numpy()).any()


def test_a_network_of_ones_own():
    """Any callable that keeps the contract; without a cache of its own it is sampled by fixed-point iteration."""
    kernel = tf.constant(np.triu(np.full([4, 4], 0.7), 1), tf.float32)

    def network(x):
        return (tf.cast(x, tf.float32) @ kernel)[..., None]

    distribution = tfar.AutoregressiveDistribution(network, "bernoulli", event_shape=[4])
    cube = np.array(np.meshgrid(*[[0, 1]] * 4)).reshape(4, -1).T
    np.testing.assert_allclose(tf.reduce_sum(distribution.prob(cube)), 1.0, rtol=1e-5)
    assert distribution.sample(5, seed=1).shape == (5, 4)
    for check in (lambda: tfar.AutoregressiveDistribution(network, "bernoulli"), lambda: tfar.check_autoregressive(network)):
        with pytest.raises(ValueError, match="event_shape is needed"):
            check()
    doubles = tfar.AutoregressiveDistribution(lambda x: tf.repeat((x @ kernel)[..., None], 2, axis=-1), "normal", event_shape=[4])
    assert np.isfinite(doubles.log_prob(np.random.default_rng(0).normal(size=[3, 4]))).all()


def test_a_context_by_mistake_leaves_a_network_as_it_was():
    model = tfar.AutoregressiveModel(tfar.networks.WrappedNetwork(lambda x: 0 * x[..., None], [3]))
    with pytest.raises(ValueError, match="context of size 0"):
        model.log_prob(np.zeros([4, 3]), np.ones([4, 2]))
    np.testing.assert_allclose(model.log_prob(np.zeros([4, 3])), [-3 * np.log(2)] * 4, rtol=1e-6)
    given = tfar.AutoregressiveDistribution(
        lambda x, context: 0 * x[..., None] + context[:, :1, None], context=np.ones([2]), event_shape=[3]
    )
    assert given.network.context_size == 2 and given.sample(5, seed=1).shape == (5, 3)


class OfLayers(keras.layers.Layer):
    """A network as a user may subclass it, of layers that know no integers."""

    def __init__(self, *inner):
        super().__init__()
        self.inner = inner

    def call(self, x):
        for layer in self.inner:
            x = layer(x)
        return x


@pytest.mark.parametrize("kind", ["convolution", "masked", "embedding"])
def test_a_network_of_ones_own_may_take_floats_alone_or_integers(kind):
    shift = keras.layers.Lambda(lambda x: tf.pad(x[:, :-1], [[0, 0], [1, 0]])[..., None])
    if kind == "convolution":
        network, options = OfLayers(shift, keras.layers.Conv1D(4, 3, padding="causal"), keras.layers.Dense(1)), {}
    elif kind == "masked":
        masked = tfar.layers.MaskedDense(np.arange(1, 6), np.arange(1, 6), strict=True)
        network, options = OfLayers(masked, keras.layers.Reshape((5, 1))), {}
    else:

        def embedded(x):
            return tf.pad(tf.gather([[0.0], [1.0]], x)[:, :-1], [[0, 0], [1, 0], [0, 0]])

        network, options = embedded, {"num_classes": 2}
    wrapped = tfar.networks.WrappedNetwork(network, [5], **options)
    tfar.check_autoregressive(wrapped)
    model = tfar.AutoregressiveModel(wrapped)
    distributions = [model.distribution()]
    if not options:
        tfar.check_autoregressive(network, event_shape=[5], num_classes=2)
        distributions.append(tfar.AutoregressiveDistribution(network, "bernoulli", event_shape=[5]))
    for distribution in distributions:
        x = distribution.sample(7, seed=1)
        np.testing.assert_allclose(distribution.log_prob(x), distribution.log_prob(tf.cast(x, tf.float32)), rtol=1e-6)
    if kind != "embedding":
        model.compile("adam")
        model.fit(x.numpy(), epochs=1, verbose=0)


def test_completion_keeps_what_is_given_and_draws_the_conditional():
    """Frequencies of the completions against the conditional probabilities, by enumeration; false alarm 1e-4."""
    model = tfar.MADE([4], hidden_units=[16], activation="tanh", order=[2, 0, 3, 1], direct=False)
    for variable in model.trainable_variables:
        variable.assign(np.random.default_rng(1).normal(size=variable.shape))
    observed, x = np.array([True, False, True, False]), np.array([1, -5, 0, -5])
    drawn = model.complete(np.tile(x, (20_000, 1)), observed, seed=3).numpy()
    assert (drawn[:, 0] == 1).all() and (drawn[:, 2] == 0).all()
    cells = np.array([[1, a, 0, b] for a in (0, 1) for b in (0, 1)])
    probability = model.distribution().prob(cells).numpy()
    assert_frequencies(np.bincount(drawn[:, 1] * 2 + drawn[:, 3], minlength=4), probability / probability.sum() * len(drawn))
    np.testing.assert_array_equal(model.complete(cells, True, seed=1), cells)


@pytest.mark.parametrize("graph", [False, True])
def test_completion_refuses_what_it_cannot_do_exactly(model, graph):
    x, observed = tf.zeros([2, 2, 3], tf.int32), np.zeros([2, 2, 3], bool)
    observed[1, 1, 2] = True
    if not graph:
        with pytest.raises(ValueError, match=r"must come first .* order-agnostic .* rows \[1\]"):
            model.complete(x, observed, seed=1)
    else:
        with pytest.raises(tf.errors.InvalidArgumentError, match="must come first"):
            tf.function(lambda: model.complete(x, observed, seed=tf.constant([1, 2])))()


SCORES = ["log_prob", "prob", "unnormalized_log_prob"]


@pytest.mark.parametrize("value", [np.zeros([3, 2]), np.zeros([4])])
@pytest.mark.parametrize("score", SCORES)
def test_bad_shapes_are_refused(model, score, value):
    with pytest.raises(ValueError, match="values must be .* Received: "):
        getattr(model.distribution(), score)(value)


@pytest.mark.parametrize("value", [0.5, np.nan, 2])
@pytest.mark.parametrize("score", SCORES)
def test_bad_values_are_refused_where_arguments_are_validated(model, score, value):
    x = np.full([2, 3], value)
    with pytest.raises(ValueError, match="values must be 0 or 1. Received: "):
        getattr(model.distribution(validate_args=True), score)(x)
    expected = np.nan if np.isnan(value) else 0.0 if score == "prob" else -np.inf
    np.testing.assert_array_equal(getattr(model.distribution(), score)(x), expected)


def test_bools_are_binary_values(model):
    x = np.random.default_rng(0).integers(0, 2, [4, 2, 3])
    np.testing.assert_array_equal(model.log_prob(x.astype(bool)), model.log_prob(x))
    np.testing.assert_array_equal(model.complete(x.astype(bool), True, seed=1), x)
    np.testing.assert_array_equal(model.distribution(member=np.int64(0)).log_prob(x), model.log_prob(x))


def test_validate_args_checks_inside_graphs(model):
    checked = tf.function(model.distribution(validate_args=True).log_prob)
    with pytest.raises(tf.errors.InvalidArgumentError, match="values must be 0 or 1"):
        checked(tf.fill([2, 3], 2))


def ordered(**options):
    network = tfar.DeepNADE([3], hidden_units=[4]).network
    return (tfar.AutoregressiveEnsemble if "members" in options else tfar.AutoregressiveDistribution)(network, **options)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda m, c: m.distribution(np.zeros([2, 2])), "context of size 0"),
        (lambda m, c: c.distribution(), "context of size 2"),
        (lambda m, c: c.distribution(np.zeros([2, 5])), "context must be"),
        (lambda m, c: m.distribution(method="magic"), "method must be"),
        (lambda m, c: m.distribution(member=3), "member must be from 0 to 0"),
        (lambda m, c: m.sample(-1), "n must be"),
        (lambda m, c: m.sample(3, seed=np.zeros([2, 2], "int32")), "one seed per row"),
        (lambda m, c: m.complete(np.zeros([1, 2, 3]), np.ones([2, 3])), "observed must be bool"),
        (lambda m, c: m.complete(np.zeros([2, 3]), True), "x must be"),
        (lambda m, c: m.complete(np.zeros([1, 2, 3]), np.ones([7], bool)), "observed must broadcast"),
        (lambda m, c: m.complete(np.zeros([4, 2, 3]), True, np.zeros([3, 2], "int32")), r"one seed per row must be \[4, 2\]"),
        (lambda m, c: m.complete(np.zeros([1, 2, 3]), True, np.zeros([4, 2], "int32")), r"one seed per row must be \[1, 2\]"),
        (lambda m, c: c.complete(np.zeros([4, *c.event_shape]), True, 1, np.zeros([3, 2])), r"one context per row must be \[4, C\]"),
        (lambda m, c: c.conditional_log_prob(np.zeros([4, *c.event_shape]), True, np.zeros([3, 2])), "one context per row"),
        (lambda m, c: c.sample(2, 1, 3.0), r"context must be \[..., 2\]. Received: context.shape=\(\)"),
        (lambda m, c: c.sample(2, 1, np.zeros([2, 1])), r"context must be \[..., 2\]. Received: context.shape=\(2, 1\)"),
        (lambda m, c: c.sample(4, 1, np.zeros([3, 2])), r"one context per row must be \[4, C\]"),
        (lambda m, c: c.distribution(np.array([0, np.nan]), validate_args=True), "context must be finite numbers. Received: nan"),
        (lambda m, c: tfar.AutoregressiveDistribution(m.network, "normal"), "needs 2 parameters"),
        (lambda m, c: tfar.AutoregressiveDistribution(m.network, event_shape=[6]), "knows its own"),
        (lambda m, c: tfar.AutoregressiveEnsemble(m.network, "normal"), "Received: "),
        (lambda m, c: m.distribution().sample(3, seed=np.zeros([3, 2], "int32")), r"takes one seed, an int32 pair \[2\]. Received: "),
        (lambda m, c: sampling.sample_rows(m.network, m.head, np.zeros([3, 2], "int32"), method="magic"), "method must be one of"),
        (lambda m, c: ordered(member={"order": [0, 0, 1]}), r"permutations of the integers 0..2. Received: order=\[0, 0, 1\]"),
        (lambda m, c: ordered(member={"order": tf.constant([0, 1])}), r"permutations of the integers 0..2. Received: order=\[0, 1\]"),
        (lambda m, c: ordered(members={"order": [[2, 0, 1], [1, 2, 2]]}), "permutations of the integers 0..2. Received: order="),
    ],
)
def test_bad_arguments_are_refused(model, conditional, make, message):
    with pytest.raises(ValueError, match=message):
        make(model, conditional)


def test_check_autoregressive_names_what_is_broken():
    with pytest.raises(ValueError, match=r"order \[0, 1, 2\]. Received: 0 on 0; 0 on 1"):
        tfar.check_autoregressive(keras.Sequential([keras.layers.Dense(3), keras.layers.Reshape((3, 1))]), event_shape=[3])
    network = tfar.networks.MADE([3], hidden_units=[9], activation="tanh", order=[1, 2, 0], direct=False)
    tfar.check_autoregressive(network)
    with pytest.raises(ValueError, match=r"order \[0, 1, 2\]. Received: 0 on 1; 0 on 2"):
        tfar.check_autoregressive(network, order="natural")


@pytest.mark.parametrize("size", [16, 9])  # of 16 positions a round of the loop takes several, of 9 one
@pytest.mark.parametrize("family", [tfar.MADE, tfar.LogisticAutoregressive, tfar.NADE, tfar.NeuralAutoregressive])
def test_rounds_of_several_steps_draw_what_single_steps_do(family, size, monkeypatch):
    model = family([size])
    generator = np.random.default_rng(size)
    for variable in model.trainable_variables:
        variable.assign(generator.normal(size=variable.shape) / variable.shape[0] ** 0.5)
    strides, loop = [], sampling._loop
    monkeypatch.setattr(sampling, "_loop", lambda *args: strides.append(args[7] if len(args) > 7 else 1) or loop(*args))
    found = model.sample(20, seed=3).numpy()
    assert (max(strides) > 1) == (size == 16)
    strides.clear()
    monkeypatch.setattr(type(model.network), "stride", 1)
    for kept in ("compiled", "graphs"):  # or the loop that was traced would run again
        model.network.__dict__[kept].clear()
    np.testing.assert_array_equal(found, model.sample(20, seed=3))
    assert max(strides) == 1
    assert len(np.unique(found, axis=0)) > 1
