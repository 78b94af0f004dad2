"""A view of a network that steps without its cache, to compare samplers."""

from typing import Any

import tensorflow as tf

from tfar.networks.base import AutoregressiveNetwork, Size, State


class Stepwise:
    """A view of a network that steps without its cache: each position calls the whole network. For comparison.

    >>> import keras
    >>> from tfar.networks.wrapped import WrappedNetwork
    >>> inner = keras.Sequential([keras.Input([3]), keras.layers.Lambda(lambda x: 0 * x[..., None])])
    >>> network = Stepwise(WrappedNetwork(inner, event_shape=[3]))
    >>> network.step(network.initial_state(2), 0, tf.zeros([2]))[0].shape
    TensorShape([2, 1])
    """

    stride = AutoregressiveNetwork.stride

    def __init__(self, network: AutoregressiveNetwork):
        self._network = network

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._network(*args, **kwargs)

    @property
    def block_size(self) -> int:
        """D: all positions make one block."""
        return self._network.event_size

    def initial_state(self, batch_size: Size, context: tf.Tensor | None = None, value_dtype: tf.DType = tf.float32, **member: Any) -> State:
        """`AutoregressiveNetwork.initial_state`, as the base class has it."""
        return AutoregressiveNetwork.initial_state(self._network, batch_size, context, value_dtype, **member)

    def enter_block(self, state: State, block: tf.Tensor, previous: tf.Tensor) -> State:
        """`AutoregressiveNetwork.enter_block`, as the base class has it."""
        return AutoregressiveNetwork.enter_block(self._network, state, block, previous)

    def step(self, state: State, index: tf.Tensor, previous: tf.Tensor) -> tuple[tf.Tensor, State]:
        """`AutoregressiveNetwork.step`, as the base class has it."""
        return AutoregressiveNetwork.step(self._network, state, index, previous)
