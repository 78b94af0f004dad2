"""The units of real values in a SavedModel: those of the model, or the data's own, where the standardisation is in the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from tfar.datasets import Standardization
    from tfar.models.autoregressive import AutoregressiveModel


class Units:
    """The values `x` of endpoints, in the data's own units, and z of the model, which are standardised.

        z = (x - mean) / scale,   log p(x) = log p(z) - sum log scale

    Without a standardization both are the same.

    Attributes:
        dtype: of x, float64 in the data's own units: float32 has no room for small differences of large numbers.

    Args:
        model: of z.
        standardization: of the data, or None.

    Raises:
        ValueError: the model is not one of real values of this shape.
    """

    def __init__(self, model: AutoregressiveModel, standardization: Standardization | None = None):
        self.standardization, self.modelled_dtype = standardization, model.head.dtype
        self.dtype = self.modelled_dtype if standardization is None else tf.float64
        if standardization is None:
            return
        if model.head.discrete or model.network.per_column or standardization.mean.shape != tuple(model.event_shape):
            raise ValueError(
                "a standardization is for models of real values of its shape. Received: a standardization of shape "
                f"{standardization.mean.shape}, and values {list(model.event_shape)} of {model.head!r}"
            )

    def modelled(self, x: Any) -> tf.Tensor:
        """z `[B, *event]` of x."""
        s = self.standardization
        return x if s is None else tf.cast((x - s.mean) / s.scale, self.modelled_dtype)

    def own(self, z: Any) -> tf.Tensor:
        """x `[B, *event]` of z."""
        s = self.standardization
        return z if s is None else s.mean + s.scale * tf.cast(z, self.dtype)

    def log_prob(self, log_prob: Any) -> Any:
        """log p(x) of log p(z), nats `[B]`."""
        return log_prob if self.standardization is None else log_prob + self.standardization.log_jacobian

    @property
    def example(self) -> dict[str, Any]:
        """A row that is likely, by name."""
        return {} if self.standardization is None else {"x": [self.standardization.mean.tolist()]}
