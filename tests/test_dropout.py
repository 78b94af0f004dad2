"""The dropout layer: a share of the units, in training alone."""

import numpy as np
import pytest
import tensorflow as tf

import tfar
from tfar.layers import Dropout


@pytest.mark.parametrize("jit_compile", [False, True])
def test_units_are_dropped_at_the_rate_and_independently(jit_compile):
    layer = Dropout(0.25, seed=3)
    call = tf.function(lambda x: layer(x, training=True), jit_compile=jit_compile)
    values = np.stack([call(tf.ones([200, 100])) for _ in range(2)])
    np.testing.assert_allclose(np.unique(values), [0.0, 1 / 0.75], rtol=1e-6)
    kept = values > 0
    # 40,000 units, each with a standard deviation of 0.433: 5 standard errors, a false alarm in 2 million
    assert abs(kept.mean() - 0.75) < 5 * 0.433 / 200
    # both kept with probability 0.5625, of 20,000 pairs: other units at the second call
    assert abs((kept[0] & kept[1]).mean() - 0.5625) < 5 * 0.4961 / 20000**0.5


def test_values_keep_their_type():
    assert Dropout(0.5)(tf.ones([2, 3], tf.bfloat16), training=True).dtype == tf.bfloat16


@pytest.mark.parametrize("rate", [-0.1, 1.0])
@pytest.mark.parametrize("family", [tfar.MADE, tfar.PixelCNN])
def test_a_rate_that_drops_everything_or_less_than_nothing_is_refused(family, rate):
    with pytest.raises(ValueError, match="dropout must be"):
        family([2, 2, 1], dropout=rate)


def test_dropout_of_made_is_for_training_alone():
    with_dropout, without = (tfar.MADE([6], hidden_units=[40, 40], dropout=rate).network for rate in (0.5, 0.0))
    x = np.random.default_rng(0).integers(2, size=[4, 6])
    without(x), with_dropout(x)
    with_dropout.set_weights([*without.get_weights(), *with_dropout.get_weights()[len(without.get_weights()) :]])
    np.testing.assert_array_equal(with_dropout(x), without(x))
    assert np.abs(with_dropout(x, training=True) - without(x)).max() > 1e-3
    assert with_dropout.get_config()["dropout"] == 0.5
