"""The dropout layer: a share of the units, in training alone."""

import numpy as np
import pytest
import tensorflow as tf

import tfar
from tfar.layers import Dropout
from tfar.models import model_of


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


IMAGE = {"filters": 8, "kernel_size": 3, "head_filters": [], "positions": False}
FAMILIES = {
    tfar.networks.MADE: {"event_shape": [6], "hidden_units": [40, 40], "direct": False},
    tfar.networks.DeepNADE: {"event_shape": [6], "hidden_units": [40, 40]},
    tfar.networks.NADEK: {"event_shape": [6], "hidden_units": [40, 40]},
    tfar.networks.CharRNN: {"event_shape": [6], "units": 20, "num_layers": 2},
    tfar.networks.PixelCNN: {"event_shape": [2, 3, 1], "num_blocks": 1, **IMAGE},
    tfar.networks.GatedPixelCNN: {"event_shape": [2, 3, 1], "num_layers": 2, **IMAGE},
    tfar.networks.RowLSTM: {"event_shape": [2, 3, 1], "num_layers": 1, **IMAGE},
    tfar.networks.DiagonalBiLSTM: {"event_shape": [2, 3, 1], "num_layers": 1, **IMAGE},
}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_dropout_is_for_training_alone(family):
    """The same weights, patterns and rows with and without dropout: an objective of training differs, a density does not."""
    x = np.random.default_rng(0).integers(2, size=[4, *FAMILIES[family]["event_shape"]])
    with_dropout, without = (model_of(family, head="bernoulli", **FAMILIES[family], dropout=rate) for rate in (0.5, 0.0))
    generator = np.random.default_rng(1)
    for one, other in zip(with_dropout.trainable_variables, without.trainable_variables, strict=True):
        other.assign(generator.normal(size=other.shape, scale=0.5))
        one.assign(other)
    np.testing.assert_array_equal(with_dropout.log_prob(x), without.log_prob(x))
    with_dropout, without = (model.network.objective(x, None, model.head, training=True) for model in (with_dropout, without))
    assert np.abs(with_dropout - without).max() > 1e-3


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_dropout_is_a_part_of_the_settings(family):
    network = family(**FAMILIES[family], dropout=0.25)
    assert type(network).from_config(network.get_config()).get_config()["dropout"] == 0.25
