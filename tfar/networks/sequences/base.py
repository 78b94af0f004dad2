"""The contract of networks that read and write sequences of any length."""

from typing import Any

import tensorflow as tf

from tfar.heads.base import Head
from tfar.networks.base import AutoregressiveNetwork, State


class SequenceNetwork(AutoregressiveNetwork):
    """A network of sequences whose weights do not depend on the length.

    `event_shape` `[T]` is the length of the distribution. `scan` reads any length, from any state:

        params, state = network.scan(x, state)       reads x [B, T], T of any size: params [B, T, P], and the state after x
        state = network.after(state, last)           the state after the symbol last [B], from the state that the step for it returned

    A state is a nest of tensors whose structure, dtypes and shapes are the same wherever it comes from: `initial_state`, `scan`, `step` or
    `after`. It is an argument and a result, never an attribute of the network. A long text is therefore scored and written a piece at a
    time in constant memory, and a training batch continues where the one before ended (truncated backpropagation through time).

    The stepping protocol has one block. Its index counts from the state that the loop starts with: at index 0, `step` ignores `previous`
    and follows the last symbol that the state has read.

    A subclass implements `initial_state`, `scan`, `step` and `after`. `tfar.CharacterModel`, `tfar.training.fit` and the endpoints of text
    accept any such network.
    """

    def scan(self, x: tf.Tensor, state: State, training: bool = False) -> tuple[tf.Tensor, State]:
        """Read symbols from a state.

        Args:
            x: symbols `[B, T]`, T of any size.
            state: a state of B rows; its leaves may be variables.
            training: whether this is part of a training step.

        Returns:
            Their parameters `[B, T, P]`, and the state after them.
        """
        raise NotImplementedError

    def after(self, state: State, last: tf.Tensor) -> State:
        """Return the state after the symbol `last` `[B]`, from the state that the step for it returned."""
        raise NotImplementedError

    def call(self, x: Any, context: Any = None, training: bool = False) -> tf.Tensor:
        """Return the parameters `[B, T, P]` of symbols `[B, T]`, T of any size."""
        x = tf.convert_to_tensor(x)
        return self.scan(x, self.initial_state(tf.shape(x)[0], context, x.dtype), training)[0]

    def density_settings(self) -> dict[str, Any]:
        """Return what determines the density of sequences of any length."""
        return {name: value for name, value in super().density_settings().items() if name not in ("event_shape", "order")}

    def continued_objective(self, x: tf.Tensor, state: State, head: Head, training: bool = False) -> tuple[tf.Tensor, State]:
        """Return what training minimises where a batch continues the one before.

        Args:
            x: symbols `[B, T]` that follow those of the state.
            state: a state of B rows; its leaves may be variables.
            head: the head of the model.
            training: whether this is a training step.

        Returns:
            Nats per example `[B]`, and the state after the symbols.
        """
        params, state = self.scan(x, state, training)
        return -head.log_prob(params, x, event_ndims=1), state
