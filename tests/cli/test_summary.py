"""What is printed of a network before its training."""

import numpy as np
import pytest

import tfar
from tfar.cli.summary import connected, layers


def frozen():
    model = NETWORKS["made"]()
    model.network.masked_layers[0].trainable = False
    return model


NETWORKS = {
    "made": lambda: tfar.MADE([9], hidden_units=[8, 8], activation="linear"),
    "window": lambda: tfar.MADE([9], hidden_units=[8, 8], activation="linear", window=4),
    "logistic": lambda: tfar.LogisticAutoregressive([9]),
    "a frozen layer": frozen,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_that_are_not_masked_are_those_that_the_output_depends_on(name):
    """Of a linear network each of whose units is used, a gradient at random inputs is zero where a mask is, and nowhere else."""
    import tensorflow as tf

    network, rng = NETWORKS[name]().network, np.random.default_rng(0)
    for weight in network.trainable_weights:
        weight.assign(rng.normal(size=weight.shape))
    with tf.GradientTape() as tape:
        params = network(tf.constant(rng.normal(size=(4, 9)), tf.float32))
        total = tf.reduce_sum(params * rng.normal(size=params.shape).astype(np.float32))
    gradients = tape.gradient(total, [weight.value for weight in network.trainable_weights])
    assert connected(network) == sum(int(np.count_nonzero(gradient)) for gradient in gradients)


def test_networks_with_several_sets_of_masks_have_no_such_number():
    assert connected(tfar.MADE([9], hidden_units=[7], num_masks=3, order="random").network) is None


def test_layers_that_are_alike_share_a_line():
    lines = layers(tfar.PixelCNN([6, 6, 1], filters=4, num_blocks=3).network)
    (spread,) = [line.split() for line in lines if "spread" in line]
    assert spread[:3] == ["3", "x", "spread"] and spread[-1] == "78"  # three times 2 x 3 taps of 2 x 2 channels, and 2 biases
    sizes = [int(line.split()[-1].replace(",", "")) for line in lines]
    assert sum(sizes) == sum(int(np.prod(w.shape)) for w in tfar.PixelCNN([6, 6, 1], filters=4, num_blocks=3).network.trainable_weights)


def test_networks_without_masks_have_no_such_line():
    assert connected(tfar.NADE([5], hidden_units=3).network) is None
    assert [line.split()[-1] for line in layers(tfar.NADE([5], hidden_units=3).network)] == ["15", "3", "15", "5"]
