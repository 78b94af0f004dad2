"""Distributions take part in TFP as its own do: references, slices, gradients of samples, bijectors, unknown ranks."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
import tf_keras

import tfar
from tfar.testing import randomize

tfd, tfb = tfp.distributions, tfp.bijectors
X = np.array([[0, 1, 1], [1, 0, 1]])
CONTEXT = np.array([[0.5, -1.0], [0.25, 2.0]], np.float32)


def made(head="bernoulli", **options):
    keras.utils.set_random_seed(1)
    model = tfar.MADE([3], head=head, **{"hidden_units": [8], "activation": "tanh", **options})
    randomize(model.network)
    return model


@pytest.fixture(scope="module")
def conditional():
    return made(context_size=2)


@pytest.fixture(scope="module")
def normal():
    return made("normal")


# Contexts that are references

REFERENCES = {
    "variable": (tf.Variable, lambda given: given),
    "keras variable": (keras.Variable, lambda given: given.value),
    "transformed": (lambda value: tfp.util.TransformedVariable(value, tfb.Scale(2.0)), lambda given: given.trainable_variables[0]),
}


@pytest.mark.parametrize("kind", REFERENCES)
def test_a_variable_as_context_stays_one(conditional, kind):
    make, variable_of = REFERENCES[kind]
    given = make(CONTEXT)
    variable, distribution = variable_of(given), conditional.distribution(given)
    assert distribution.batch_shape == (2,)
    assert any(v is variable for v in distribution.trainable_variables)
    assert len(distribution.trainable_variables) == len(conditional.trainable_variables) + 1
    before = distribution.log_prob(X).numpy()
    np.testing.assert_allclose(before, conditional.log_prob(X, CONTEXT), rtol=1e-5)
    for score in (distribution.log_prob, tf.function(distribution.log_prob, autograph=False)):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(score(X))
        assert np.abs(tape.gradient(loss, variable)).max() > 1e-4
    variable.assign(variable + 1)
    changed = conditional.log_prob(X, tf.convert_to_tensor(given))
    assert np.abs(changed - before).max() > 1e-3
    np.testing.assert_allclose(distribution.log_prob(X), changed, rtol=1e-5)
    np.testing.assert_array_equal(distribution.sample(3, seed=1), conditional.distribution(tf.convert_to_tensor(given)).sample(3, seed=1))


def test_variables_that_do_not_train_and_contexts_that_are_none(conditional):
    fixed = tf.Variable(CONTEXT, trainable=False)
    distribution = conditional.distribution(fixed)
    assert len(distribution.trainable_variables) == len(conditional.trainable_variables)
    assert any(v is fixed for v in distribution.variables)
    checked = conditional.distribution(fixed, validate_args=True)
    fixed.assign(np.full([2, 2], np.nan))
    with pytest.raises(ValueError, match="context must be finite numbers"):
        checked.log_prob(X)
    assert np.isnan(distribution.log_prob(X)).all()


# Slices


@pytest.mark.parametrize("index", [0, slice(None), (0, 1), tf.newaxis, (Ellipsis, tf.newaxis)], ids=str)
def test_a_distribution_without_a_batch_has_no_parts(index):
    with pytest.raises(ValueError, match=r"an index must be of an axis of the batch, whose shape is \(\)"):
        made().distribution()[index]


def test_parts_of_a_batch(conditional):
    distribution = conditional.distribution(CONTEXT)
    assert distribution[0].batch_shape == distribution[..., 1].batch_shape == ()
    assert distribution[:1].batch_shape == (1,) and distribution[:, tf.newaxis].batch_shape == (2, 1)
    np.testing.assert_allclose(distribution[1].log_prob(X[1]), distribution.log_prob(X)[1], rtol=1e-5)
    with pytest.raises(ValueError, match=r"whose shape is \(2,\). Received: \(0, 0\)"):
        distribution[0, 0]
    with pytest.raises(tf.errors.InvalidArgumentError, match="out of bounds"):
        distribution[7]
    assert made().distribution()[...].batch_shape == ()


# Gradients of samples


def finite_difference(function, variable, at, step=1e-5):
    value, found = variable.numpy(), []
    for sign in (1, -1):
        changed = value.copy()
        changed[at] += sign * step
        variable.assign(changed)
        found.append(function().numpy())
    variable.assign(value)
    return (found[0] - found[1]) / (2 * step)


@pytest.mark.parametrize(("family", "method"), [(tfar.MADE, "stepping"), (tfar.MADE, "fixed_point"), (tfar.DeepNADE, "stepping")])
def test_samples_of_normals_have_pathwise_gradients(family, method):
    """Against central differences in double precision, whose error is of the order of 1e-9."""
    keras.utils.set_random_seed(1)
    model = family([3], head="normal", hidden_units=[6], activation="tanh", context_size=1, dtype="float64")
    randomize(model.network)
    context = tf.Variable(np.array([0.3]))
    distribution = model.distribution(context, method=method)
    assert distribution.reparameterization_type is tfd.FULLY_REPARAMETERIZED
    weights = tf.constant([1.0, -2.0, 3.0], tf.float64)  # of the dimensions, so that errors of several do not cancel

    def loss():
        return tf.reduce_sum(distribution.sample(4, seed=[1, 2]) * weights)

    variables = [*distribution.trainable_variables]
    with tf.GradientTape() as tape:
        value = loss()
    gradients = tape.gradient(value, variables)
    for variable, gradient in zip(variables, gradients, strict=True):
        gradient = tf.convert_to_tensor(gradient).numpy()
        at = np.unravel_index(np.argmax(np.abs(gradient)), gradient.shape)
        assert finite_difference(loss, variable, at) == pytest.approx(gradient[at], rel=1e-5, abs=1e-7)


def test_other_samples_have_no_such_gradients(normal):
    several = made("normal", num_masks=2, order="random").distribution()  # a sample picks one of two orders
    for other in (made(), made(tfar.heads.NormalMixture(2)), made(tfar.heads.LaplaceMixture(2))):
        assert other.distribution().reparameterization_type is tfd.NOT_REPARAMETERIZED
    assert several.reparameterization_type is tfd.NOT_REPARAMETERIZED
    assert normal.distribution().reparameterization_type is tfd.FULLY_REPARAMETERIZED


def test_variational_losses_use_the_gradients(normal):
    target = tfd.MultivariateNormalDiag(tf.ones(3))
    with tf.GradientTape() as tape:
        loss = tfp.vi.monte_carlo_variational_loss(target.log_prob, normal.distribution(), sample_size=8, seed=[1, 2])
    assert all(gradient is not None for gradient in tape.gradient(loss, normal.distribution().trainable_variables))


# Bijectors


@pytest.mark.parametrize("head", ["normal", tfar.heads.NormalMixture(2), tfar.heads.LaplaceMixture(2)], ids=str)
def test_real_values_have_the_identity_as_bijector(head):
    bijector = made(head).distribution().experimental_default_event_space_bijector()
    np.testing.assert_array_equal(bijector.forward([1.0, -2.0, 3.0]), [1.0, -2.0, 3.0])
    assert bijector.inverse_log_det_jacobian([1.0, 2.0], event_ndims=1) == 0


@pytest.mark.parametrize("head", ["bernoulli", tfar.heads.Categorical(3)], ids=str)
def test_discrete_values_have_none(head):
    with pytest.raises(NotImplementedError, match="have no bijector from real numbers"):
        made(head).distribution().experimental_default_event_space_bijector()


def joint():
    conditional = made("normal", context_size=1)
    return tfd.JointDistributionNamedAutoBatched(
        {"scale": tfd.HalfNormal(1.0), "x": lambda scale: conditional.distribution(scale[..., tf.newaxis])}, batch_ndims=0
    )


def test_joint_bijectors():
    bijector = joint().experimental_default_event_space_bijector()
    x = {"scale": tf.constant(-1.0), "x": tf.constant([1.0, 2.0, 3.0])}
    y = bijector.forward(x)
    assert y["scale"] > 0
    np.testing.assert_allclose(y["x"], x["x"])


@pytest.mark.slow
def test_samplers_and_surrogates_of_tfp():
    model = joint().experimental_pin(x=tf.constant([0.1, 0.2, 0.3]))
    draws, _ = tfp.experimental.mcmc.windowed_adaptive_nuts(5, model, n_chains=2, num_adaptation_steps=30, max_tree_depth=2, seed=[1, 2])
    assert draws["scale"].shape == (5, 2) and (draws["scale"].numpy() > 0).all()
    base = made("normal").distribution()
    surrogate = tfp.experimental.vi.build_factored_surrogate_posterior(
        event_shape=base.event_shape, bijector=base.experimental_default_event_space_bijector()
    )
    losses = tfp.vi.fit_surrogate_posterior(base.log_prob, surrogate, tf_keras.optimizers.Adam(0.1), num_steps=20, seed=[1, 2])
    assert losses[-1] < losses[0]


# Unknown ranks


def test_values_of_unknown_rank(conditional):
    distribution = conditional.distribution(CONTEXT)
    score = tf.function(distribution.log_prob, input_signature=[tf.TensorSpec(None, tf.int32)], autograph=False)
    for x in (X[0], X, np.tile(X, (4, 1, 1))):
        np.testing.assert_allclose(score(x), distribution.log_prob(x), rtol=1e-5)
    for bad in (X[:, :2], np.zeros([], np.int32)):
        with pytest.raises(tf.errors.InvalidArgumentError):
            score(bad)
    terms = tf.function(made().distribution().position_log_prob, input_signature=[tf.TensorSpec(None, tf.int32)], autograph=False)
    assert terms(X).shape == (2, 3)


def test_contexts_of_unknown_rank(conditional):
    @tf.function(input_signature=[tf.TensorSpec(None, tf.float32)], autograph=False)
    def score(context):
        return conditional.distribution(context).log_prob(X), conditional.distribution(context).sample(2, seed=[1, 2])

    for context in (CONTEXT[0], CONTEXT):
        log_prob, x = score(context)
        np.testing.assert_allclose(log_prob, conditional.log_prob(X, context), rtol=1e-5)
        np.testing.assert_array_equal(x, conditional.distribution(context).sample(2, seed=[1, 2]))


def test_models_take_values_of_unknown_rank():
    model = made()
    for method in (model.log_prob, model, lambda x: model.complete(x, True, seed=tf.constant([1, 2]))):
        found = tf.function(method, input_signature=[tf.TensorSpec(None, tf.int32)], autograph=False)(X)
        np.testing.assert_allclose(found, method(X), rtol=1e-5)


# What has no closed form


@pytest.mark.parametrize("name", ["mean", "variance", "stddev", "covariance", "entropy", "mode"])
def test_what_has_no_closed_form_says_so(normal, name):
    with pytest.raises(NotImplementedError, match=r"of an autoregressive distribution has no closed form. An estimate is .*sample"):
        getattr(normal.distribution(), name)()


def test_distribution_functions_are_refused(normal):
    for name in ("cdf", "log_cdf", "survival_function"):
        with pytest.raises(NotImplementedError, match="the cdf of an autoregressive distribution has no closed form"):
            getattr(normal.distribution(), name)(np.zeros(3, np.float32))
    with pytest.raises(NotImplementedError, match="has no quantiles"):
        normal.distribution().quantile(0.5)


@pytest.mark.parametrize("head", ["normal", "bernoulli"])
def test_the_estimates_that_the_refusals_name_run(head):
    distribution, n = made(head).distribution(), 4
    for name in ("mean", "variance", "stddev", "covariance", "entropy"):
        with pytest.raises(NotImplementedError) as error:
            getattr(distribution, name)()
        found = eval(str(error.value).rpartition("An estimate is ")[2], {"tf": tf, "tfp": tfp, "distribution": distribution, "n": n})
        assert found.shape == {"entropy": (), "covariance": (3, 3)}.get(name, (3,))
