"""RNADE: the real-valued neural autoregressive density estimator (Uria, Murray & Larochelle 2013)."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow_probability as tfp

from tfar import config
from tfar.networks.nade import NADE
from tfar.validation import as_reals


@keras.saving.register_keras_serializable(package="tfar")
class RNADE(NADE):
    """NADE for real values: rectified units with a factor rho_d for each position, and a mixture of k densities (Uria et al. 2013).

        a_1 = c + U y,   a_{d+1} = a_d + W_{., o_d} x_{o_d}
        h_d = max(0, rho_d a_d),   params_{o_d} = b_{o_d} + V_{o_d} h_d

    The P = 3k parameters are the logits, locations and raw scales of the components (`tfar.heads.NormalMixture`, `LaplaceMixture`). The
    initial components cover the range of each dimension evenly, as in the authors' code: for a range from l to u the locations are l + s,
    l + 2s, ..., l + ks, and the scales s = (u - l) / (k + 1), plus the smallest scale of the head. `tfar.training.fit` starts at quantiles
    of the training rows instead. With a head for each column the initial biases are zero.

    Args:
        event_shape, params_size, num_classes, context_size, encoding: as in `tfar.networks.AutoregressiveNetwork`.
        hidden_units: H; 50 in the paper.
        means_range: range of the values, in units of the data: (lowest, highest), or one pair per dimension `[D, 2]`. The default suits
            standardised data.
        activation, order, rescale, kernel_initializer: as in `NADE`.
        **kwargs: as in `keras.layers.Layer`.

    Raises:
        ValueError: as `NADE`; `params_size` is not a multiple of 3; or `means_range` is not finite with lowest < highest.

    >>> RNADE(event_shape=[4], params_size=6)(np.zeros([2, 4])).shape
    TensorShape([2, 4, 6])
    """

    family = config.RNADE

    def __init__(
        self,
        event_shape: int | Iterable[int],
        params_size: int | Sequence[int] = 3 * config.HeadSettings.num_components,
        hidden_units: int = config.RNADE.hidden_units,
        means_range: Any = config.RNADE.means_range,
        activation: Any = config.RNADE.activation,
        order: config.Order = config.RNADE.order,
        rescale: bool = config.RNADE.rescale,
        kernel_initializer: Any = config.RNADE.kernel_initializer,
        **kwargs: Any,
    ):
        super().__init__(event_shape, params_size, hidden_units, activation, order, rescale, kernel_initializer, **kwargs)
        if not self.per_column and self.params_size % 3:
            raise ValueError(f"RNADE needs a mixture head, 3 parameters per component. Received: params_size={params_size}")
        bounds, size = as_reals(means_range=means_range), self.event_size
        if bounds.shape not in ((2,), (size, 2)) or not np.all(np.isfinite(bounds) & (bounds[..., :1] < bounds[..., 1:])):
            raise ValueError(
                f"means_range must be (lowest, highest), or one pair per dimension, [{size}, 2]. Received: means_range={means_range!r}"
            )
        self.means_range = bounds.tolist()

    def build(self, x_shape: Any = None, context_shape: Any = None) -> None:
        """Create the weights, and spread the initial components over `means_range`."""
        super().build(x_shape, context_shape)
        if self.per_column:
            return
        components = self.params_size // 3
        lowest, highest = np.broadcast_to(self.means_range, [self.event_size, 2]).T[..., None]  # each (D, 1)
        spacing = (highest - lowest) / (components + 1)
        locations = lowest + spacing * np.arange(1, components + 1)  # (D, k)
        raw_scales = np.zeros_like(locations) + tfp.math.softplus_inverse(spacing).numpy()
        self.output_bias.assign(np.concatenate([np.zeros_like(locations), locations, raw_scales], axis=1))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "means_range": self.means_range}
