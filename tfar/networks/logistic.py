"""The logistic autoregressive network, or fully visible sigmoid belief network (Frey 1998; Neal 1992)."""

import keras

from tfar.networks.made import MADE


@keras.saving.register_keras_serializable(package="tfar")
class LogisticAutoregressive(MADE):
    """Each position is a generalised linear model of the positions before it.

        params_d = b_d + sum_{d' before d} A_{d' d} (x_{d'} - mean_{d'}) + C_d c

    With a Bernoulli head: p(x_d = 1 | x_<d) = sigmoid(params_d), a logistic regression per dimension, D (D - 1) / 2 + D parameters. It
    is the MADE that has direct connections only, and `mean` is as there.

    Args:
        order, num_masks, masks_per_step, seed: as in `MADE`.

    Raises:
        ValueError: what `MADE` refuses, and whatever is of hidden layers.

    >>> import numpy as np
    >>> LogisticAutoregressive(event_shape=[4])(np.zeros([2, 4])).shape
    TensorShape([2, 4, 1])
    """

    def __init__(self, event_shape, params_size=1, order="natural", num_masks=1, seed=0, **kwargs):
        super().__init__(event_shape, params_size, hidden_units=(), direct=True, order=order, num_masks=num_masks, seed=seed, **kwargs)

    def get_config(self):
        config = super().get_config()
        return {k: v for k, v in config.items() if k not in ("hidden_units", "activation", "direct", "connectivity")}
