"""The layers pass Keras' own test of a layer, and take what Keras' layers of the same kind take."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.testing import TestCase

from tfar.layers import Dropout, MaskedConv2D, MaskedDense

DENSE = (MaskedDense, {"in_degrees": [1, 2, 3], "out_degrees": [1, 2]}, (2, 3))
CONV = (MaskedConv2D, {"filters": 4, "kernel_size": 3, "mask_type": "A"}, (2, 4, 5, 1))
OPTIONS = {
    "activation": "tanh",
    "bias_initializer": "ones",
    "kernel_initializer": "he_normal",
    "kernel_regularizer": keras.regularizers.L2(0.5),
    "bias_regularizer": "l1",
    "activity_regularizer": keras.regularizers.L1(0.1),
    "kernel_constraint": "non_neg",
    "bias_constraint": keras.constraints.MaxNorm(0.25),
}
both = pytest.mark.parametrize("kind", [DENSE, CONV], ids=lambda kind: kind[0].__name__)


@both
@pytest.mark.parametrize("options", [{}, OPTIONS, {"use_bias": False}], ids=["plain", "all", "no bias"])
def test_keras_test_of_a_layer(kind, options):
    layer, arguments, shape = kind
    TestCase().run_layer_test(
        layer,
        init_kwargs={**arguments, **options},
        input_shape=shape,
        expected_output_shape=(*shape[:-1], 2 if layer is MaskedDense else 4),
        expected_num_trainable_weights=1 if "use_bias" in options else 2,
        expected_num_non_trainable_weights=0,
        expected_num_losses=3 if options is OPTIONS else 0,
        supports_masking=False,
    )


def test_keras_test_of_dropout():
    TestCase().run_layer_test(
        Dropout,
        init_kwargs={"rate": 0.5, "row_axis": 1},
        input_shape=(2, 3),
        call_kwargs={"training": True},
        expected_output_shape=(2, 3),
        expected_num_non_trainable_variables=1,
        expected_num_seed_generators=1,
        supports_masking=True,
        run_mixed_precision_check=False,  # it keeps the dtype of what it is given
    )


@both
def test_options_do_what_those_of_keras_do(kind):
    layer, arguments, shape = kind
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    plain, full = layer(**arguments), layer(**arguments, **OPTIONS)
    for one in (plain, full):
        one.build(shape)
    assert (full.bias.numpy() == 1).all()
    for one, other in zip(plain.weights, full.weights, strict=True):
        one.assign(other)
    np.testing.assert_allclose(full(x), np.tanh(plain(x)), rtol=1e-5)
    penalty = 0.5 * tf.reduce_sum(full.kernel.value**2) + 0.01 * tf.reduce_sum(abs(full.bias.value)) + 0.1 * tf.reduce_sum(abs(full(x))) / 2
    full(x)
    assert float(sum(full.losses)) == pytest.approx(float(penalty), rel=1e-5)
    full.optimizer = keras.optimizers.SGD(1.0)
    full.optimizer.apply([tf.ones(weight.shape) for weight in full.weights], full.trainable_variables)
    assert (full.kernel.numpy() >= 0).all() and np.linalg.norm(full.bias) <= 0.25 + 1e-6


@both
def test_other_inputs_are_refused_as_keras_does(kind):
    layer, arguments, shape = kind
    with pytest.raises(ValueError, match="is incompatible with the layer: expected .*ndim"):
        layer(**arguments)(np.zeros(shape[-1:]))
    built = layer(**arguments)
    built(np.zeros(shape))
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value"):
        built(np.zeros([*shape[:-1], 7]))


@both
@pytest.mark.parametrize("name", ["activation", "bias_initializer", "kernel_regularizer", "bias_constraint"])
def test_unknown_options_are_refused(kind, name):
    layer, arguments, _ = kind
    with pytest.raises(ValueError, match=f"{name} must be one that Keras knows .* Received: {name}='magic'"):
        layer(**arguments, **{name: "magic"})


def test_more_axes_before_the_last():
    x = np.random.default_rng(0).normal(size=[2, 4, 3]).astype("float32")
    for window in (None, 1):
        layer = MaskedDense([1, 2, 3], [1, 2, 3], window=window)
        np.testing.assert_allclose(layer(x), tf.reshape(layer(x.reshape(8, 3)), [2, 4, 3]), rtol=1e-5)
        assert layer.compute_output_shape((2, 4, 3)) == (2, 4, 3)
