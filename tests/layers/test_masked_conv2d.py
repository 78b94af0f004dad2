"""Masks of convolutions, and the convolution that applies them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfar import masks
from tfar.layers import MaskedConv2D, MaskedDense


def test_mask_of_a_grey_image():
    expected = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0] * 5, [0] * 5])
    np.testing.assert_array_equal(masks.conv_mask(5, 1, 1, "A")[:, :, 0, 0], expected)
    expected[2, 2] = 1
    np.testing.assert_array_equal(masks.conv_mask(5, 1, 1, "B")[:, :, 0, 0], expected)


def test_mask_of_colours():
    a, b = masks.conv_mask(3, 3, 6, "A", colors=3), masks.conv_mask(3, 6, 3, "B", colors=3)
    np.testing.assert_array_equal(a[1, 1], [[0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1], [0] * 6])
    np.testing.assert_array_equal(b[1, 1].T, [[1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0], [1] * 6])
    assert a[0].all() and a[1, 0].all() and not a[1, 2].any() and not a[2].any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, 1, 1, "A"), r"kernel_size must be odd.*Received: kernel_size=4"),
        (((3, 2), 1, 1, "A"), r"kernel_size must be odd.*Received: kernel_size=\(3, 2\)"),
        ((3, 1, 1, "C"), "mask_type must be one of A, B. Received: mask_type='C'"),
        ((3, 3, 4, "B", 3), r"multiple of the 3 colours.*Received: in_channels=3, out_channels=4"),
    ],
)
def test_what_cannot_be_masked_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        masks.conv_mask(*arguments)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(("kernel_size", "mask_type", "colors"), [(3, "B", 1), (7, "A", 3), ((1, 5), "B", 3), (1, "B", 3), (1, "A", 3)])
def test_equals_a_whole_convolution_with_its_kernel_masked(kernel_size, mask_type, colors, jit):
    generator = np.random.default_rng(0)
    inputs = colors if mask_type == "A" else 2 * colors
    x = generator.normal(size=[2, 6, 5, inputs]).astype("float32")
    layer = MaskedConv2D(4 * colors, kernel_size, mask_type, colors)
    layer.build(x.shape)
    layer.bias.assign(generator.normal(size=layer.bias.shape))
    height, width = layer.kernel_size
    assert layer.kernel.shape == (height // 2 + 1, width, inputs, 4 * colors)
    whole = np.zeros([height, width, inputs, 4 * colors], "float32")
    whole[: height // 2 + 1] = layer.kernel
    whole *= masks.conv_mask(kernel_size, inputs, 4 * colors, mask_type, colors)
    expected = tf.nn.conv2d(x, whole, 1, "SAME") + layer.bias
    np.testing.assert_allclose(tf.function(layer, jit_compile=jit)(x), expected, atol=1e-5)


@pytest.mark.parametrize("layer", [MaskedConv2D(2, 3, "A"), MaskedDense([1, 2, 3], [1, 2])], ids=["conv", "dense"])
def test_integers_are_values_as_floats_are(layer):
    x = np.arange(12).reshape(2, 2, 3, 1) if isinstance(layer, MaskedConv2D) else np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(layer(x), layer(x.astype(np.float32)))


def test_mask_holds_after_assigning_a_kernel():
    layer = MaskedConv2D(3, 3, "A", colors=3)
    layer.build([None, 3, 3, 3])
    layer.kernel.assign(np.ones(layer.kernel.shape))
    x = tf.ones([1, 3, 3, 3])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    seen = np.abs(tape.jacobian(y, x)[0, :, :, :, 0]).reshape(27, 27).T > 0  # [from, to]
    assert not seen[np.tril_indices(27)].any()


def test_config_and_saving(tmp_path):
    inputs = keras.Input([4, 4, 3])
    layer = MaskedConv2D(6, (3, 5), "A", 3, use_bias=False, kernel_initializer="he_normal")
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.layers[1].get_config() == layer.get_config()
    x = np.ones([1, 4, 4, 3], "float32")
    np.testing.assert_array_equal(loaded(x), model(x))
    assert model.output_shape == (None, 4, 4, 6)


def test_bfloat16():
    layer = MaskedConv2D(4, 3, "A", dtype="mixed_bfloat16")
    assert layer(np.ones([1, 4, 4, 1], "float32")).dtype == tf.bfloat16
    assert layer.kernel.dtype == "float32"


def test_another_number_of_channels_is_refused():
    layer = MaskedConv2D(4, 3, "A")
    layer(np.zeros([1, 3, 3, 1], "float32"))
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 1"):
        layer(np.zeros([1, 3, 3, 2], "float32"))
