"""The contract of networks that read and write sequences of any length."""

from typing import Any

import tensorflow as tf

from tfar.heads.base import Head
from tfar.networks.base import AutoregressiveNetwork

State = Any  # a nest of tensors


class SequenceNetwork(AutoregressiveNetwork):
    """A network of sequences whose weights do not know the length; `event_shape` `[T]` is only the length that `call` has by default.

    Beside the stepping protocol of `AutoregressiveNetwork`, in one block, a subclass writes

        params, state = network.scan(x, state)       reads x [B, T], T of any size: params [B, T, P], and the state after x
        state = network.after(state, last)           the state after the symbol last [B], from that of the step that gave its parameters

    where every state, of `initial_state`, `scan`, `step` and `after`, has the same structure and shapes, whatever was read. So a long text
    is scored and written a piece at a time in constant memory, and a training batch goes on where the one before it ended (truncated
    backpropagation through time). A state is an argument and a result, never an attribute of the network.

    `tfar.CharacterModel`, `tfar.training.fit` and the endpoints of text take any such network.
    """

    def scan(self, x: tf.Tensor, state: State, training: bool = False) -> tuple[tf.Tensor, State]:
        """Read symbols `[B, T]`, T of any size: their parameters `[B, T, P]`, and the state after them."""
        raise NotImplementedError

    def after(self, state: State, last: tf.Tensor) -> State:
        """The state that goes on after the symbol `last [B]`, from that of the step which gave its parameters."""
        raise NotImplementedError

    def call(self, x: Any, context: Any = None, training: bool = False) -> tf.Tensor:
        x = tf.convert_to_tensor(x)
        return self.scan(x, self.initial_state(tf.shape(x)[0], context, x.dtype), training)[0]

    def continued_objective(self, x: tf.Tensor, state: State, head: Head, training: bool = False) -> tuple[tf.Tensor, State]:
        """Nats per example `[B]` of symbols `[B, T]` that follow those of a state, and the state after them."""
        params, state = self.scan(x, state, training)
        return -head.log_prob(params, x, event_ndims=1), state
