"""The scan that keeps some states and computes the others again."""

import numpy as np
import pytest
import tensorflow as tf

from tfar.networks.scans.checkpointed import checkpointed_scan


@pytest.mark.parametrize("jit", [False, True])
def test_checkpointed_scan_has_the_gradients_of_a_scan(jit):
    generator = np.random.default_rng(2)
    inputs, h, c, w = (tf.constant(generator.normal(size=size), tf.float32) for size in ([5, 2, 3], [2, 3], [2, 3], [3, 3]))
    weight_of = tf.constant(generator.normal(size=[5, 2, 3]), tf.float32)

    def cell(number, state, x, w):
        c = tf.tanh(state[0] @ w) * state[1] + x / tf.cast(number + 1, x.dtype)
        return [tf.sin(c) + x, c]

    def checkpointed(inputs, h, c, w):
        return checkpointed_scan(cell, [h, c], inputs, [w])

    def plain(inputs, h, c, w):
        return tf.scan(lambda state, e: cell(e[0], state, e[1], w), (tf.range(5), inputs), [h, c])

    def gradients(run):
        with tf.GradientTape() as tape:
            tape.watch([inputs, h, c, w])
            hs, cs = run(inputs, h, c, w)
            total = tf.reduce_sum(weight_of * hs) + tf.reduce_sum(cs[-1] ** 2)
        return [total, *tape.gradient(total, [inputs, h, c, w])]

    for one, other in zip(tf.function(lambda: gradients(checkpointed), jit_compile=jit)(), gradients(plain), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
