"""Networks of the user's own: any Keras network that is autoregressive."""

from collections.abc import Callable, Iterable
from typing import Any

import keras
import tensorflow as tf

from tfar.networks.base import AutoregressiveNetwork
from tfar.validation import check_flags, of_class


@keras.saving.register_keras_serializable(package="tfar")
class WrappedNetwork(AutoregressiveNetwork):
    """Any Keras network that is autoregressive, as an `AutoregressiveNetwork`.

    The inner network maps `x [B, *event_shape]` (and `context [B, C]`) to `[B, *event_shape, P]`. Stepping calls the whole of it. Its x
    is of the network's floating-point dtype, for discrete values too, or int32 where `num_classes` is given.

    Args:
        network: the inner network, a callable; a Keras network is saved as part of this one.
        event_shape, params_size, order, num_classes, context_size: as in `AutoregressiveNetwork`.
        check_dependencies: whether `fit` and `export` check once that the network is autoregressive.

    Raises:
        ValueError: in a call, the result of the inner network has another shape.

    >>> inner = keras.Sequential([keras.Input([3]), keras.layers.Lambda(lambda x: 0 * x[..., None])])
    >>> WrappedNetwork(inner, event_shape=[3])(tf.constant([[0, 1, 1]])).shape
    TensorShape([1, 3, 1])
    """

    def __init__(
        self, network: Any, event_shape: int | Iterable[int], params_size: int = 1, check_dependencies: bool = True, **kwargs: Any
    ):
        check_flags(check_dependencies=check_dependencies)
        inner: Any = of_class(Callable, network=network)
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = getattr(inner, "dtype_policy", None)
        super().__init__(event_shape, params_size, **kwargs)
        self.network = inner
        self.check_dependencies = check_dependencies

    def build(self, x_shape: Any = None, context_shape: Any = None) -> None:
        """Build the inner network."""
        context = (tf.zeros([1, self.context_size]),) if self.context_size else ()
        self.network(self._as_input(tf.zeros([1, *self.event_shape])), *context)

    def _as_input(self, x: tf.Tensor) -> tf.Tensor:
        """Values as the inner network takes them: most of Keras' layers refuse integers."""
        if self.num_classes is not None:
            return tf.cast(x, tf.int32)
        return tf.cast(x, self.compute_dtype)

    def call(self, x: Any, context: Any = None, training: bool = False) -> tf.Tensor:
        """Return the parameters `[B, *event_shape, P]`."""
        expected = (*self.event_shape, self.params_size)
        x = self._as_input(self.as_values(x))
        params = tf.convert_to_tensor(self.network(x) if context is None else self.network(x, context))
        if not params.shape[1:].is_compatible_with(expected):
            raise ValueError(f"the network must map x to [B, {', '.join(map(str, expected))}]. Received: shape={params.shape}")
        return params

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "network": keras.saving.serialize_keras_object(self.network),
            **({} if self.check_dependencies else {"check_dependencies": False}),
        }

    def density_settings(self) -> dict[str, Any]:
        """Return what determines the density besides the weights and the inner network, whose settings are the user's."""
        return self._settings_in(super().get_config())


def is_own(network: AutoregressiveNetwork) -> bool:
    """Whether a network is one of tfar's families, which its tests hold to the contract, rather than a user's."""
    return type(network).__module__.startswith("tfar.networks.") and not isinstance(network, WrappedNetwork)
