"""RNADE: the real-valued neural autoregressive density estimator (Uria, Murray & Larochelle 2013)."""

import keras
import numpy as np
import tensorflow_probability as tfp

from tfar.networks.nade import NADE


@keras.saving.register_keras_serializable(package="tfar")
class RNADE(NADE):
    """NADE for real values: rectified units with a factor rho_d for each position, and a mixture of k densities.

        a_1 = c + U y,   a_{d+1} = a_d + W_{., o_d} x_{o_d}
        h_d = max(0, rho_d a_d),   params_{o_d} = b_{o_d} + V_{o_d} h_d

    The P = 3k parameters are the logits, locations and raw scales of the components (`tfar.heads.NormalMixture`,
    `LaplaceMixture`). At first the components cover the range of each dimension evenly, as in the authors' code: with
    a range from l to u the locations are l + s, l + 2s, ..., l + ks, and the scales s = (u - l) / (k + 1), besides what the head
    adds. `tfar.training.fit` begins with quantiles of the training rows instead. Uria et al. 2013.

    Args:
        hidden_units: H; the paper has 50.
        means_range: range of the values, in units of the data: (lowest, highest), or one pair per dimension `[D, 2]`.
            The default suits standardised data.
        activation, order, rescale, kernel_initializer: as in `NADE`.

    Raises:
        ValueError: `params_size` is no multiple of 3; or `means_range` is no finite range, with lowest < highest.

    >>> RNADE(event_shape=[4], params_size=6)(np.zeros([2, 4])).shape
    TensorShape([2, 4, 6])
    """

    def __init__(
        self,
        event_shape,
        params_size=30,
        hidden_units=50,
        means_range=(-2.0, 2.0),
        activation="relu",
        order="natural",
        rescale=True,
        **kwargs,
    ):
        super().__init__(event_shape, params_size, hidden_units, activation, order, rescale, **kwargs)
        if self.params_size % 3:
            raise ValueError(f"RNADE needs a mixture head, 3 parameters per component. Received: params_size={params_size}")
        bounds, size = np.asarray(means_range, np.float64), self.event_size
        if bounds.shape not in ((2,), (size, 2)) or not np.all(np.isfinite(bounds) & (bounds[..., :1] < bounds[..., 1:])):
            raise ValueError(
                "means_range must be (lowest, highest), or a pair of them per dimension, "
                f"[{size}, 2]. Received: means_range={means_range!r}"
            )
        self.means_range = bounds.tolist()

    def build(self, x_shape=None, context_shape=None):
        super().build(x_shape, context_shape)
        components = self.params_size // 3
        lowest, highest = np.broadcast_to(self.means_range, [self.event_size, 2]).T[..., None]  # each (D, 1)
        spacing = (highest - lowest) / (components + 1)
        locations = lowest + spacing * np.arange(1, components + 1)  # (D, k)
        raw_scales = np.zeros_like(locations) + tfp.math.softplus_inverse(spacing).numpy()
        self.output_bias.assign(np.concatenate([np.zeros_like(locations), locations, raw_scales], axis=1))

    def get_config(self):
        return {**super().get_config(), "means_range": self.means_range}
