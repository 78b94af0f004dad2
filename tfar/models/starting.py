"""Where training starts: at the marginal distributions of the positions."""

from typing import Any

import numpy as np
import tensorflow as tf


def start_at_marginals(model: Any, x: np.ndarray) -> None:
    """Centre the inputs of a model's network, and set its output bias to the marginals of the training values.

    Training then needs to learn only what the positions say about each other. Networks that have no `centre`, or no `output_bias` of
    D * P numbers (or P, shared by all positions), and heads without `initial_params`, are left alone.

    Args:
        model: a `tfar.AutoregressiveModel`.
        x: training values `[N, *event]`, or of a text `[n]`.
    """
    network = model.network
    if hasattr(network, "centre"):
        parts = [tf.reduce_sum(tf.cast(network.encode(x[row : row + 256]), tf.float64), axis=0) for row in range(0, len(x), 256)]
        network.centre(tf.add_n(parts) / len(x))
    bias = network.output_bias
    if bias is None:
        return
    size = int(np.prod(bias.shape))
    if x.ndim == 1 and size == network.params_size:  # of a sequence, whose positions share it
        found = model.head.initial_params(x[:, None])
    elif size == int(network.params_sizes.sum()):
        found = model.head.initial_params(x)
    else:
        return
    if found is not None:
        bias.assign(found.reshape(bias.shape))
