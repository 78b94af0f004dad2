"""Random weights."""

import numpy as np


def randomize(network, seed=0, scale=0.5, trainable=False):
    """Give a network random weights, biases too; with `trainable` the trainable ones alone."""
    if not network.built:
        network.build()
    generator = np.random.default_rng(seed)
    for weight in network.trainable_weights if trainable else network.weights:
        weight.assign(generator.normal(size=weight.shape, scale=scale))
    return network
