"""The compiled steps of a training: the same code for one device, several replicas and several workers."""

import time
from typing import Any

import tensorflow as tf

from tfar import config, noise
from tfar.training.ema import Average
from tfar.training.feed import Batch, Feed
from tfar.training.shares import distributed

CALL_SECONDS = 0.1  # what one call of several steps should take: Python's share is small then, and Ctrl-C and progress are prompt
MOST_STEPS = 256  # in one call


class Steps:
    """Training and validation steps of a model under its distribution strategy.

    A global batch is cut into shares of rows, one for each replica. The loss is the mean over the whole batch, gradients are summed over
    the replicas, and what is random is a function of the seed, the number of the step and the row of the global batch
    (`tfar.noise.StepNoise`): n replicas compute what one would, up to rounding.

    A step whose loss is not finite changes no weight, and is the last one of its call.

    Args:
        model: a `tfar.AutoregressiveModel` that is compiled.
        feed: the data.
        settings: of the training.
        average: of the weights; each step updates it.
    """

    def __init__(self, model: Any, feed: Feed, settings: config.Training, average: Average):
        self.model, self.feed, self.average = model, feed, average
        self.strategy: tf.distribute.Strategy = model.distribute_strategy
        self.replicas = self.strategy.num_replicas_in_sync
        self.seed = noise.as_seed(settings.seed)
        self.weights = [weight.value for weight in model.trainable_variables]
        self.states = self._carried_states() if feed.carry else None
        self._check_jit(settings.jit)
        self._forward = tf.function(self._gradients, jit_compile=settings.jit, autograph=False)
        self._step = tf.function(self._single_step, jit_compile=settings.jit, autograph=False)
        self._scored = tf.function(self._nats, jit_compile=settings.jit, autograph=False)
        self._train = tf.function(self._train_loop, autograph=False)
        self._validate = tf.function(self._validation_loop, autograph=False)
        self._traced, self._seconds = False, 0.0  # of one step

    @property
    def variables(self) -> list[tf.Variable]:
        """What a checkpoint must keep, besides the model and its optimizer."""
        return [*self.average.variables, *tf.nest.flatten(self.states or [])]

    def iterator(self, first: int) -> Any:
        """The batches from the number `first` on, for `train`."""
        if self.replicas == 1:
            return iter(self.feed.batches(first).prefetch(tf.data.AUTOTUNE))
        return iter(distributed(self.strategy, lambda: self.feed.batches(first), self.feed.batch_size))

    def train(self, iterator: Any, first: int, most: int) -> tuple[int, float]:
        """Take steps, as many as fit into `CALL_SECONDS`, and `most` at most.

        Args:
            iterator: of `iterator`.
            first: number of the first step.
            most: greatest number of steps.

        Returns:
            How many were taken, and the sum of their mean nats; not finite where the loss of the last one was not.
        """
        count = max(1, min(most, MOST_STEPS, int(CALL_SECONDS / self._seconds))) if self._seconds else 1
        began = time.perf_counter()
        taken, total = self._train(iterator, tf.constant(first, tf.int64), tf.constant(count))
        total = float(total)
        if self._traced:  # the first call traces and compiles
            self._seconds = (time.perf_counter() - began) / count
        self._traced = True
        return int(taken), total

    def validate(self) -> float:
        """The mean nats of the validation rows."""
        size = self.feed.batch_size
        if self.replicas == 1:
            batches = iter(self.feed.validation().map(lambda batch: _padded(batch, size)))
        else:
            batches = iter(distributed(self.strategy, self.feed.validation, size))
        count = -(-self.feed.validation_rows // size)
        return float(self._validate(batches, tf.constant(count))) / self.feed.validation_rows

    def _check_jit(self, jit: bool) -> None:
        """Refuse XLA where TensorFlow has no way to compile a step."""
        if not jit or self.replicas == 1:
            return
        local = self.strategy.extended.worker_devices  # pyright: ignore[reportAttributeAccessIssue]  # the stub has no `extended`
        if len(local) > 1:
            raise ValueError(
                "XLA cannot read the variables of several devices of one worker: train with jit=False (--no-jit). "
                f"Received: jit=True and {len(local)} devices"
            )
        if self.states is not None:
            raise ValueError(
                "XLA cannot carry states on several workers: train with jit=False (--no-jit) or carry=False (--no-carry). "
                f"Received: jit=True and {self.replicas} workers"
            )

    # One call of several steps

    def _train_loop(self, iterator: Any, first: tf.Tensor, count: tf.Tensor) -> Any:
        def more(taken: tf.Tensor, total: tf.Tensor) -> tf.Tensor:
            return (taken < count) & tf.math.is_finite(total)

        def body(taken: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            number = first + tf.cast(taken, tf.int64)
            step = self._step if self.replicas == 1 else self._replicated_step
            return taken + 1, total + tf.cast(step(next(iterator), number), tf.float64)

        # Sums of float32 numbers are exact in float64: they do not depend on how many steps a call takes.
        return tf.while_loop(more, body, (tf.constant(0), tf.constant(0.0, tf.float64)), parallel_iterations=1)

    def _validation_loop(self, iterator: Any, count: tf.Tensor) -> tf.Tensor:
        def body(done: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            batch = next(iterator)
            if self.replicas == 1:
                return done + 1, total + self._scored(batch)
            found = self.strategy.run(self._scored, args=(batch,))
            return done + 1, total + self.strategy.reduce(tf.distribute.ReduceOp.SUM, found, axis=None)

        return tf.while_loop(lambda done, _: done < count, body, (tf.constant(0), tf.constant(0.0)), parallel_iterations=1)[1]

    # One step

    def _single_step(self, batch: Batch, number: tf.Tensor) -> tf.Tensor:
        """A step on one device, as one program."""
        nats, gradients = self._gradients(batch, number)

        def update() -> tf.Tensor:
            self._update(gradients)
            return tf.constant(True)

        tf.cond(tf.math.is_finite(nats), update, lambda: tf.constant(False))
        return nats

    def _replicated_step(self, batch: Any, number: tf.Tensor) -> tf.Tensor:
        """A step on several replicas: gradients on each of them, then one update of the mirrored weights."""
        nats, gradients = self.strategy.run(self._forward, args=(batch, number))
        nats = self.strategy.reduce(tf.distribute.ReduceOp.SUM, nats, axis=None)

        def update() -> tf.Tensor:
            self.strategy.run(self._update, args=(gradients,))
            return tf.constant(True)

        tf.cond(tf.math.is_finite(nats), update, lambda: tf.constant(False))
        return nats

    def _gradients(self, batch: Batch, number: tf.Tensor) -> tuple[tf.Tensor, Any]:
        """This replica's part of the mean nats of the global batch, and of the gradients of the loss."""
        model, rows = self.model, self.feed.batch_size
        first_row = batch.get("first_row", tf.constant(0))
        with noise.StepNoise(self.seed, number, first_row, rows, self.replicas), tf.GradientTape() as tape:
            nats, state = model.nats(batch["x"], batch.get("context"), training=True, state=self._state_of(number))
            mean = tf.reduce_sum(_counted(nats, batch)) / rows
            penalties = [tf.cast(penalty, tf.float32) for penalty in model.losses]
            loss = tf.add_n([mean, *(penalty / self.replicas for penalty in penalties)])
            scaled = model.optimizer.scale_loss(loss)
        if self.states is not None:
            for variable, value in zip(tf.nest.flatten(self.states), tf.nest.flatten(state), strict=True):
                variable.assign(value)
        return mean, tape.gradient(scaled, self.weights)

    def _update(self, gradients: Any) -> None:
        """Apply the gradients, summed over the replicas."""
        if self.replicas > 1:
            # Keras clips what each replica brings before it adds them up; so each brings an equal part of the sum (`compile_for`).
            replica = tf.distribute.get_replica_context()
            gradients = replica.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
            gradients = [gradient / self.replicas for gradient in gradients]
        self.model.optimizer.apply(gradients, self.model.trainable_variables)
        self.average.update()

    def _nats(self, batch: Batch) -> tf.Tensor:
        """The sum of the nats of a share of a validation batch."""
        nats, _ = self.model.nats(batch["x"], batch.get("context"))
        return tf.reduce_sum(_counted(nats, batch))

    # States that a batch hands to the next one

    def _carried_states(self) -> Any:
        rows = self.feed.batch_size // self.replicas
        if rows * self.replicas != self.feed.batch_size:
            raise ValueError(
                f"a text that carries states needs a batch size that the {self.replicas} replicas divide. "
                f"Received: batch_size={self.feed.batch_size}"
            )
        fresh = tf.nest.map_structure(tf.convert_to_tensor, self.model.network.initial_state(rows))
        options = {"trainable": False, "synchronization": tf.VariableSynchronization.ON_READ}
        with self.strategy.scope():
            return tf.nest.map_structure(lambda state: tf.Variable(state, **options), fresh)

    def _state_of(self, number: Any) -> Any:
        """The state in which a step begins: fresh in the first step of a pass."""
        if self.states is None:
            return None
        begins = tf.equal(number % self.feed.pass_steps, 0)
        rows = self.feed.batch_size // self.replicas
        fresh = self.model.network.initial_state(rows)
        return tf.nest.map_structure(lambda new, old: tf.where(begins, new, tf.convert_to_tensor(old)), fresh, self.states)


def _counted(nats: tf.Tensor, batch: Batch) -> tf.Tensor:
    """Nats `[B]` as float32, 0 for rows of weight 0, which only fill up the batch."""
    nats = tf.cast(nats, tf.float32)
    return tf.where(batch["weight"] > 0, nats, tf.zeros_like(nats)) if "weight" in batch else nats


def _padded(batch: Batch, size: int) -> Batch:
    """A batch with rows of weight 0 at its end, copies of its first one, so that it has `size` rows."""
    given = tf.shape(batch["x"])[0]
    place = tf.range(size)
    chosen = tf.where(place < given, place, 0)
    return {**{name: tf.gather(values, chosen) for name, values in batch.items()}, "weight": tf.cast(place < given, tf.float32)}
