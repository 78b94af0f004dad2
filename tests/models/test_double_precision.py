"""A network in double precision is double from its inputs to its samples."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfar
from tfar.models.inputs import exact, parts

tfd = tfp.distributions
NORMALS, LAPLACES = tfar.heads.NormalMixture(2), tfar.heads.LaplaceMixture(2)
FAR = 2.0**30 + 2.0**-8  # a number that float32 rounds by 2^-8


def made(head="normal", **options):
    keras.utils.set_random_seed(1)
    return tfar.MADE([3], head=head, hidden_units=[4], dtype="float64", **options)


def far(**options):
    """A model of numbers near `FAR`, whose scores differ between it and what float32 makes of it."""
    model = made(tfar.heads.Normal(min_scale=2.0**-8), **options)
    for weight in model.network.trainable_variables:
        weight.assign(np.zeros(weight.shape))
    model.network.output_bias.assign(np.tile([FAR, -50], 3))
    return model


@pytest.mark.parametrize(
    "make",
    [
        lambda: made("normal").distribution(),
        lambda: made(NORMALS).distribution(),
        lambda: made(LAPLACES).distribution(),
        lambda: made("normal", num_masks=2, order="random").distribution(),
        lambda: tfar.DeepNADE([3], head="normal", hidden_units=[4], dtype="float64").distribution(num_orders=2),
    ],
    ids=["normal", "normals", "laplaces", "ensemble", "deepnade"],
)
def test_samples_and_scores_are_double(make):
    distribution = make()
    x = distribution.sample(4, seed=1)
    assert {distribution.dtype, x.dtype, distribution.log_prob(x).dtype} == {tf.float64}
    assert np.any(x.numpy() != x.numpy().astype(np.float32))
    np.testing.assert_array_equal(distribution.complete(x, True, seed=1), x)


@pytest.mark.parametrize("dtype", [None, "mixed_float16", "float64"])
def test_discrete_values_and_other_networks_keep_their_types(dtype):
    model = tfar.MADE([3], head="bernoulli", hidden_units=[4], dtype=dtype)
    assert model.distribution().dtype == tf.int32
    if dtype != "float64":
        assert tfar.MADE([3], head=NORMALS, hidden_units=[4], dtype=dtype).sample(1, seed=1).dtype == tf.float32
    assert NORMALS.dtype == tf.float32  # a head of several models is each one's own


def test_inside_other_distributions():
    base, two = made().distribution(), tf.zeros([2], tf.float64)
    others = [
        tfd.Mixture(tfd.Categorical(logits=two), [base, made(NORMALS).distribution()]),
        tfd.TransformedDistribution(base, tfp.bijectors.Scale(tf.constant(2.0, tf.float64))),
        tfd.Sample(base, 2),
    ]
    for other in others:
        x = other.sample(3, seed=[1, 2])
        assert x.dtype == other.log_prob(x).dtype == tf.float64
    conditional = made(context_size=2)
    joint = tfd.JointDistributionSequential([tfd.MultivariateNormalDiag(two), lambda z: conditional.distribution(z)])
    assert joint.log_prob(joint.sample(seed=[1, 2])).dtype == tf.float64


def test_files_and_endpoints_are_double(tmp_path):
    model = made()
    x = model.sample(2, seed=1)
    model.save(tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras").sample(2, seed=1).dtype == tf.float64
    model.export(tmp_path / "1")
    signatures = tf.saved_model.load(tmp_path / "1").signatures
    np.testing.assert_allclose(signatures["log_prob"](x=x)["log_prob"], model.log_prob(x), rtol=1e-12)


def test_rows_of_single_precision_check_an_exported_model(tmp_path):
    model, x = made(), np.ones([2, 3], np.float32)
    model.export(tmp_path / "1", test_rows={"x": x, "log_prob": model.log_prob(x).numpy()})
    other = made()
    tfar.load_weights_from_saved_model(other, tmp_path / "1")
    np.testing.assert_array_equal(other.log_prob(x), model.log_prob(x))


def test_a_wrapped_network_has_the_precision_of_the_inner_one():
    inner = tfar.networks.MADE([3], 2, hidden_units=[4], dtype="float64")
    for model in (
        tfar.AutoregressiveModel(tfar.networks.WrappedNetwork(inner, [3], 2), "normal").distribution(),
        tfar.AutoregressiveDistribution(tf.function(inner, autograph=False), "normal", event_shape=[3]),
    ):
        assert model.network.compute_dtype == ("float64" if model.network.network is inner else "float32")
    assert tfar.networks.WrappedNetwork(inner, [3], 2, dtype="float32").compute_dtype == "float32"


FORMS = {
    "array": lambda x, c: (x,) if c is None else ((x, c),),
    "tensor": lambda x, c: (tf.constant(x),) if c is None else ((tf.constant(x), tf.constant(c)),),
    "dictionary": lambda x, c: ({"x": x} if c is None else {"x": x, "context": c},),
}


@pytest.mark.parametrize("context_size", [pytest.param(0, marks=pytest.mark.slow), 1])
@pytest.mark.parametrize("form", FORMS)
def test_no_method_of_keras_rounds_the_values(form, context_size):
    model, x = far(context_size=context_size), np.full([8, 3], FAR)
    given = FORMS[form](x, np.ones([8, 1]) if context_size else None)
    expected = 3 * tfd.Normal(FAR, np.float64(2.0**-8)).log_prob(FAR).numpy()
    assert abs(expected - 3 * tfd.Normal(FAR, np.float64(2.0**-8)).log_prob(np.float64(np.float32(FAR))).numpy()) > 1
    np.testing.assert_allclose(model.predict(*given, verbose=0), np.full(8, expected), rtol=1e-6)
    model.compile(keras.optimizers.SGD(0.0))
    assert model.evaluate(*given, verbose=0)[0] == pytest.approx(-expected, rel=1e-6)
    weights = np.arange(8.0)
    history = model.fit(*given, validation_split=0.5, sample_weight=weights, verbose=0).history
    assert history["nll"] + history["val_nll"] == pytest.approx([-expected] * 2, rel=1e-6)
    history = model.fit(*given, validation_data=(*given, None, weights), verbose=0).history
    assert history["nll"] + history["val_nll"] == pytest.approx([-expected] * 2, rel=1e-6)


def test_a_table_keeps_whole_numbers_that_float32_has_not():
    column = tfar.heads.Columns([tfar.heads.GridColumn(2**26, x=(0.0, 2.0**26), z=(-1.0, 1.0), num_components=1), "bernoulli"])
    model = tfar.MADE([2], head=column, hidden_units=[4])
    x = np.array([[2**26 - 1, 1], [2**25 + 1, 0]], np.float64)
    np.testing.assert_allclose(model.predict(x, verbose=0), model.log_prob(x), rtol=1e-6)


def test_bits_are_numbers_again():
    x, context = np.array([[0.1, np.nan]]), np.array([[1, 2]])
    for given in (x, tf.constant(x), x[:, ::-1]):
        packed = exact(given, context)
        assert packed["x_bits"].dtype in (np.int64, tf.int64) and packed["context"] is context
        np.testing.assert_array_equal(parts(packed)[0], given)
    assert exact(x.astype("float32"), None)["x"].dtype == np.float32
