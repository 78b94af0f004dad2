"""The states that one batch of a text hands to the next."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

EXCHANGED = (tf.float32, tf.float64, tf.int32, tf.int64)  # types that collectives of every device take


class CarriedStates:
    """The state in which each batch begins: that in which the one before ended, or a fresh one at the start of a pass.

    Every replica keeps the states of its own rows.

    Args:
        network: a `tfar.networks.SequenceNetwork`.
        strategy: the distribution strategy.
        batch_size: rows of a global batch.
        pass_steps: batches in one pass over the text.

    Raises:
        ValueError: the number of replicas does not divide `batch_size`.
    """

    def __init__(self, network: Any, strategy: Any, batch_size: int, pass_steps: int):
        self.network, self.strategy, self.pass_steps = network, strategy, pass_steps
        self.replicas = strategy.num_replicas_in_sync
        self.rows = batch_size // self.replicas
        if self.rows * self.replicas != batch_size:
            raise ValueError(
                f"the batch size of a text that carries states must be a multiple of the {self.replicas} replicas. "
                f"Received: batch_size={batch_size}"
            )
        fresh = tf.nest.map_structure(tf.convert_to_tensor, network.initial_state(self.rows))
        options = {"trainable": False, "synchronization": tf.VariableSynchronization.ON_READ}
        with strategy.scope():
            self.variables = tf.nest.map_structure(lambda state: tf.Variable(state, **options), fresh)
        self._gathered = tf.function(self._gather, autograph=False)

    @property
    def _flat(self) -> list[Any]:
        return tf.nest.flatten(self.variables)

    # On one replica

    def begin(self, number: Any) -> Any:
        """The state in which the step `number` begins."""
        begins = tf.equal(number % self.pass_steps, 0)
        fresh = self.network.initial_state(self.rows)
        return tf.nest.map_structure(lambda new, old: tf.where(begins, new, tf.convert_to_tensor(old)), fresh, self.variables)

    def keep(self, state: Any) -> None:
        """Remember the state in which a step ended."""
        for variable, value in zip(self._flat, tf.nest.flatten(state), strict=True):
            variable.assign(value)

    # For checkpoints

    def read(self) -> list[np.ndarray]:
        """The states of all replicas, each array `[replicas, ...]`. All workers must call it at the same point."""

        values = self._of_replica() if self.replicas == 1 else self._gathered()
        return [value.numpy() for value in values]

    def _gather(self) -> list[tf.Tensor]:
        return [self.strategy.gather(value, axis=0) for value in self.strategy.run(self._of_replica)]

    def _of_replica(self) -> list[tf.Tensor]:
        values = [tf.convert_to_tensor(variable)[None] for variable in self._flat]
        return [value if value.dtype in EXCHANGED else tf.cast(value, tf.float32) for value in values]

    def assign(self, arrays: Sequence[np.ndarray]) -> None:
        """Set the states to those that `read` returned.

        Raises:
            ValueError: they are those of another number of replicas.
        """
        if any(len(array) != self.replicas for array in arrays):
            raise ValueError(
                "a text that carries states must be trained on by as many replicas as before. "
                f"Received: {self.replicas} replicas, where there were {len(arrays[0])}"
            )

        def of_replica() -> None:
            context: Any = tf.distribute.get_replica_context()
            for variable, array in zip(self._flat, arrays, strict=True):
                value = tf.gather(tf.constant(array), context.replica_id_in_sync_group)
                variable.assign(tf.cast(value, variable.dtype))

        if self.replicas == 1:
            of_replica()
        else:
            tf.function(lambda: self.strategy.run(of_replica), autograph=False)()
