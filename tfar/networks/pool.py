"""A pool: the conditionals of several networks of one order, multiplied and renormalised at every position."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfar.heads.base import Head
from tfar.heads.discrete import Bernoulli, Categorical
from tfar.networks.base import AutoregressiveNetwork, Size, State
from tfar.validation import as_list, check_flags


@keras.saving.register_keras_serializable(package="tfar")
class Pool(AutoregressiveNetwork):
    """The logarithmic pool of the conditionals of M trained networks that share one order.

        p(x_d | x_<d)  proportional to  prod_m p_m(x_d | x_<d)^w_m

    For binary and categorical values that is a weighted sum of logits, so that each conditional is normalised and the pool is an
    autoregressive network like any other: it is scored, sampled and completed exactly, saved and exported. (The mean of the probabilities
    of whole examples is another density; `tfd.Mixture` and `tfar evaluate --ensemble` have it.) Its steps run the members' caches side by
    side.

    The weights w start at 1/M and are variables; the members are frozen. So `fit` on validation rows fits the weights alone, which is a
    convex problem. With `by_row` every row of an image (the first axis of the event) has weights of its own.

    Args:
        networks: M networks of the same event, order, parameters and context. Those with blocks of several positions, such as networks of
            images, have blocks of the same size.
        by_row: whether each entry of the first axis of the event has its own weights.
        **kwargs: of a Keras layer.

    Raises:
        ValueError: there are no networks, one is no network or has several members, or they differ.

    >>> import tfar
    >>> networks = [tfar.networks.NADE(event_shape=[4], hidden_units=3), tfar.networks.MADE(event_shape=[4], hidden_units=[5])]
    >>> model = tfar.AutoregressiveModel(Pool(networks))
    >>> cube = np.indices([2] * 4).reshape(4, -1).T
    >>> round(float(tf.reduce_sum(tf.exp(model.log_prob(cube)))), 4)
    1.0
    """

    def __init__(self, networks: Sequence[AutoregressiveNetwork], by_row: bool = False, **kwargs: Any):
        check_flags(by_row=by_row)
        networks = as_list(networks=networks)
        _check_alike(networks)
        first = networks[0]
        own = ("event_shape", "params_size", "order", "num_classes", "context_size")  # which a configuration repeats
        kwargs = {name: value for name, value in kwargs.items() if name not in own}
        super().__init__(first.event_shape, first.params_size, first.order, first.num_classes, first.context_size, **kwargs)
        self.networks, self.by_row = networks, bool(by_row)
        for network in networks:
            network.ensure_built()
            network.trainable = False
        self.pool_weights: Any = None

    @property
    def block_size(self) -> int:
        """That of the members with the smallest blocks."""
        return min(network.block_size for network in self.networks)

    def build(self, x_shape: Any = None, context_shape: Any = None) -> None:
        """Create the weights, `[M, rows]`."""
        rows = self.event_shape[0] if self.by_row else 1
        initial = keras.initializers.Constant(1 / len(self.networks))
        self.pool_weights = self.add_weight(shape=[len(self.networks), rows], initializer=initial, name="pool_weights")
        self.built = True

    def check_head(self, head: Head) -> None:
        """Raise a ValueError if the head's parameters are no logits, or of another number."""
        super().check_head(head)
        if not isinstance(head, Bernoulli | Categorical):
            raise ValueError(f"a pool is of binary or categorical values, whose parameters are logits. Received: head={head!r}")

    def call(self, x: Any, context: Any = None, training: bool = False) -> tf.Tensor:
        """Return the pooled logits `[B, *event_shape, P]`."""
        params = tf.stack([tf.cast(network(x, context), self.sum_dtype) for network in self.networks])  # [M, B, *event, P]
        weights = tf.cast(self.pool_weights, params.dtype)
        ones = [1] * (len(self.event_shape) - 1)
        return tf.reduce_sum(params * tf.reshape(weights, [len(self.networks), 1, -1, *ones, 1]), axis=0)

    def initial_state(self, batch_size: Size, context: tf.Tensor | None = None, value_dtype: tf.DType = tf.float32, **member: Any) -> State:
        """Return the states of the members. Those of one block enter it here."""
        states = []
        for network in self.networks:
            state = network.initial_state(batch_size, context, value_dtype)
            if network.block_size != self.block_size:
                state = network.enter_block(state, tf.constant(0), tf.zeros([batch_size], value_dtype))
            states.append(state)
        return {"members": states}

    def enter_block(self, state: State, block: tf.Tensor, previous: tf.Tensor) -> State:
        """Enter the block in the members that have blocks of this size."""
        pairs = zip(self.networks, state["members"], strict=True)
        return {"members": [one.enter_block(s, block, previous) if one.block_size == self.block_size else s for one, s in pairs]}

    def step(self, state: State, index: tf.Tensor, previous: tf.Tensor) -> tuple[tf.Tensor, State]:
        """Return the pooled logits `[B, P]` of the index-th position, and the next state."""
        stepped = [network.step(one, index, previous) for network, one in zip(self.networks, state["members"], strict=True)]
        params = tf.stack([tf.cast(params, self.sum_dtype) for params, _ in stepped])  # [M, B, P]
        row = tf.gather(self.order, index) // (self.event_size // self.event_shape[0]) if self.by_row else 0
        weights = tf.gather(tf.cast(self.pool_weights, params.dtype), row, axis=1)  # [M]
        return tf.reduce_sum(params * weights[:, tf.newaxis, tf.newaxis], axis=0), {"members": [new for _, new in stepped]}

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        networks = [keras.saving.serialize_keras_object(network) for network in self.networks]
        return {**super().get_config(), "networks": networks, "by_row": self.by_row}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "Pool":
        networks = [keras.saving.deserialize_keras_object(network, custom_objects) for network in config["networks"]]
        return cls(**{**config, "networks": networks})


def _check_alike(networks: list[Any]) -> None:
    """Raise a ValueError if networks cannot be pooled."""
    if not networks or not all(isinstance(network, AutoregressiveNetwork) for network in networks):
        raise ValueError(f"networks must be at least one AutoregressiveNetwork. Received: networks={networks!r}")
    first = networks[0]
    for network in networks:
        if network.num_members > 1 or network.per_column:
            raise ValueError(f"a member of a pool must be one distribution, of one head. Received: {network!r}")
        for what in ("event_shape", "params_size", "num_classes", "context_size"):
            if getattr(network, what) != getattr(first, what):
                raise ValueError(
                    f"the networks of a pool must have the same {what}. Received: {getattr(first, what)}, {getattr(network, what)}"
                )
        if not np.array_equal(network.order, first.order):
            raise ValueError(f"the networks of a pool must have the same order. Received: {first.order}, {network.order}")
    sizes = {network.block_size for network in networks} - {first.event_size}
    if len(sizes) > 1:
        raise ValueError(f"the networks of a pool must have blocks of one size, or one block. Received: blocks of {sorted(sizes)}")
