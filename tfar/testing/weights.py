"""Weights with which a test means something."""

from typing import Any

import numpy as np


def randomize(network: Any, scale: float = 0.9, seed: int = 11) -> Any:
    """Draw the trainable weights of a network from normals wide enough that positions depend strongly on each other.

    Weights as they are initialised leave the values nearly independent, so that a test could not tell one model from another. The
    standard deviation is 2 `scale` / sqrt(F), with the fan-in F of a kernel, or the size of a vector.

    Args:
        network: a Keras layer or model; a `tfar` network is built first.
        scale: larger for stronger dependencies.
        seed: seed of the weights.

    Returns:
        The network.

    >>> import tfar
    >>> network = randomize(tfar.networks.MADE([3], hidden_units=[4]))
    >>> round(float(network.trainable_variables[0][0, 0]), 3)
    0.036
    """
    if hasattr(network, "ensure_built"):
        network.ensure_built()
    generator = np.random.default_rng(seed)
    for variable in network.trainable_variables:
        fan_in = max(1, variable.shape[0] if len(variable.shape) == 1 else int(np.prod(variable.shape[:-1])))
        variable.assign(generator.normal(size=variable.shape) * scale * (4 / fan_in) ** 0.5)
    return network
