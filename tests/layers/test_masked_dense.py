"""The masked dense layer: its initial scale, and products in blocks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfar import masks
from tfar.layers import MaskedDense


def test_a_unit_that_sees_a_window_begins_with_a_sum_as_large_as_one_of_so_many_inputs():
    degrees, window = np.arange(1, 201), 20  # a unit sees 20 inputs, the first ones fewer: 19.05 on average
    layer = MaskedDense(degrees, degrees, window=window, kernel_initializer=keras.initializers.HeNormal(seed=1))
    layer.build()
    sums = np.linalg.norm(layer.masked_kernel().numpy()[:, window:], axis=0) ** 2  # He's rule: 2 on average, with variance 8 / 20
    assert abs(sums.mean() - 2 * 20 / 19.05) < 4 * (0.4 / 180) ** 0.5  # false alarm 6e-5


@pytest.mark.parametrize("window", [None, 9])
def test_blocks_of_a_masked_matrix_are_all_of_it(window):
    """Degrees that are tensors are multiplied whole, known ones with a window in blocks: values and gradients are the same."""
    inputs, units = masks.hidden_degrees(300, 40), masks.hidden_degrees(600, 40)
    assert len(masks.dense_blocks(inputs, units, window=window)) == 3
    layer = MaskedDense(inputs, units, window=window)
    x = np.random.default_rng(0).normal(size=[5, 300]).astype("float32")
    layer(x)
    results = []
    for degrees in ((), (tf.constant(inputs), tf.constant(units))):
        with tf.GradientTape() as tape:
            values = layer(x, *degrees)
            loss = tf.reduce_sum(values**2)
        results.append([values, *tape.gradient(loss, [layer.kernel.value, layer.bias.value])])
    for blocks, whole in zip(*results, strict=True):
        np.testing.assert_allclose(blocks, whole, rtol=1e-4, atol=1e-5)
