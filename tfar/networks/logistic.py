"""The logistic autoregressive network, or fully visible sigmoid belief network (Frey 1998; Neal 1992)."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras

from tfar import config
from tfar.networks.made import MADE


@keras.saving.register_keras_serializable(package="tfar")
class LogisticAutoregressive(MADE):
    """Each position is a generalised linear model of the positions before it.

        params_d = b_d + sum_{d' before d} A_{d' d} (x_{d'} - mean_{d'}) + C_d c

    With a Bernoulli head, p(x_d = 1 | x_<d) = sigmoid(params_d): a logistic regression for each dimension, of D (D - 1) / 2 + D
    parameters in all. This is the `MADE` without hidden layers, and `mean` is as there.

    Args:
        event_shape, params_size, num_classes, context_size, encoding: as in `tfar.networks.AutoregressiveNetwork`.
        order, num_masks, seed, masks_per_step: as in `MADE`.
        **kwargs: as in `keras.layers.Layer`.

    Raises:
        ValueError: as `MADE`, or an argument that concerns hidden layers is given.

    >>> import numpy as np
    >>> network = LogisticAutoregressive(event_shape=[4])
    >>> network(np.zeros([2, 4])).shape
    TensorShape([2, 4, 1])
    >>> network.effective_parameters()
    10
    """

    family = config.LogisticAutoregressive

    def __init__(
        self,
        event_shape: int | Iterable[int],
        params_size: int | Sequence[int] = 1,
        order: config.Order = config.LogisticAutoregressive.order,
        num_masks: int = config.LogisticAutoregressive.num_masks,
        seed: int = config.LogisticAutoregressive.seed,
        masks_per_step: int = config.LogisticAutoregressive.masks_per_step,
        **kwargs: Any,
    ):
        masked = {"order": order, "num_masks": num_masks, "masks_per_step": masks_per_step, "seed": seed}
        super().__init__(event_shape, params_size, hidden_units=(), direct=True, **masked, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        hidden = ("hidden_units", "activation", "direct", "connectivity")
        return {name: value for name, value in super().get_config().items() if name not in hidden}
