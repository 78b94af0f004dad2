"""The compiled steps of a training: the same code for one device, several replicas and several workers."""

import functools
import time
from typing import Any

import keras
import tensorflow as tf

from tfar import config, noise
from tfar.training.carried import CarriedStates
from tfar.training.ema import Average
from tfar.training.feed import Batch, Feed
from tfar.training.optimizer import is_kernel
from tfar.training.shares import distributed, padded
from tfar.training.workers import Workers

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

    Attributes:
        workers: the processes that take the steps together.
        carried: the states that one batch hands to the next, or None.
        jit: whether XLA compiles the steps.

    Raises:
        ValueError: XLA cannot compile the steps for these devices, or the batch size does not fit their number.
    """

    def __init__(self, model: Any, feed: Feed, settings: config.Training, average: Average):
        self.model, self.feed, self.average = model, feed, average
        self.strategy: tf.distribute.Strategy = model.distribute_strategy
        self.replicas = self.strategy.num_replicas_in_sync
        self.workers = Workers(self.strategy)
        self.seed, self.l2 = noise.as_seed(settings.seed), float(settings.l2)
        self.weights = [weight.value for weight in model.trainable_variables]
        self.kernels = [weight.value for weight in model.trainable_variables if is_kernel(weight)]
        carry = (model.network, self.strategy, feed.batch_size, feed.pass_steps)
        self.carried = CarriedStates(*carry) if feed.carry else None
        self.jit = bool(settings.jit)
        self._check_jit(self.jit)
        self._forward = tf.function(self._gradients, jit_compile=self.jit, autograph=False)
        self._step = tf.function(self._single_step, jit_compile=self.jit, autograph=False)
        self._scored = tf.function(self._nats, jit_compile=self.jit, autograph=False)
        # Functions of their own, as TensorFlow sees it: it warns of retracing where one method of several objects is traced.
        self._train = tf.function(functools.partial(self._train_loop), autograph=False)
        self._validate = tf.function(functools.partial(self._validation_loop), autograph=False)
        self._validation: Any = None
        self._traced, self._seconds = False, 0.0  # of one step

    def iterator(self, first: int) -> Any:
        """The batches from the number `first` on, for `train`."""
        if self.replicas == 1:
            return iter(self.feed.batches(first).prefetch(tf.data.AUTOTUNE))
        return iter(distributed(self.strategy, lambda: self.feed.batches(first), self.feed.batch_size))

    def fitting(self, most: int) -> int:
        """How many steps, `most` at most, are likely to fit into `CALL_SECONDS`."""
        return max(1, min(most, MOST_STEPS, int(CALL_SECONDS / self._seconds))) if self._seconds else 1

    def train(self, iterator: Any, first: int, count: int) -> tuple[int, float]:
        """Take steps in one call of the compiled loop.

        Args:
            iterator: of `iterator`.
            first: number of the first step.
            count: number of steps.

        Returns:
            How many were taken, and the sum of their mean nats; not finite where the loss of the last one was not.
        """
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
        if self._validation is None and self.replicas == 1:
            self._validation = self.feed.validation().map(lambda batch: padded(batch, size))
        elif self._validation is None:
            self._validation = distributed(self.strategy, self.feed.validation, size)
        count = -(-self.feed.validation_rows // size)
        return float(self._validate(iter(self._validation), tf.constant(count))) / self.feed.validation_rows

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
        if self.carried is not None:
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
                nats = self._scored(batch)
            else:
                nats = self.strategy.reduce(tf.distribute.ReduceOp.SUM, self.strategy.run(self._scored, args=(batch,)), axis=None)
            return done + 1, total + tf.cast(nats, tf.float64)

        begin = tf.constant(0), tf.constant(0.0, tf.float64)
        return tf.while_loop(lambda done, _: done < count, body, begin, parallel_iterations=1)[1]

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
        state = None if self.carried is None else self.carried.begin(number)
        model._clear_losses()  # those of calls outside this graph, as Keras' own training step does
        with noise.StepNoise(self.seed, number, first_row, rows, self.replicas), tf.GradientTape() as tape:
            nats, state = model.nats(batch["x"], batch.get("context"), training=True, state=state)
            mean = tf.reduce_sum(_counted(nats, batch)) / rows
            penalties = [tf.cast(penalty, tf.float32) for penalty in [*model.losses, *self._penalty()]]
            loss = tf.add_n([mean, *(penalty / self.replicas for penalty in penalties)])
            scaled = model.optimizer.scale_loss(loss)
        if self.carried is not None:
            self.carried.keep(state)
        # Zeros, not None, where the loss does not depend on a weight; and sums of the slices that look-ups have, before they are clipped.
        gradients = tape.gradient(scaled, self.weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        return self._after_convolutions(mean, gradients), gradients

    def _after_convolutions(self, nats: tf.Tensor, gradients: list[tf.Tensor]) -> tf.Tensor:
        """The nats, for which the gradients of convolutions are needed first; NaN where one of those is not finite.

        The update is for finite nats. XLA moves gradients that it alone reads into its branch, where convolutions take three times as long.
        The gradients of scaled losses may pass the range of float16, which Keras' optimizer is to see.
        """
        sums = [tf.reduce_sum(gradient) for gradient in gradients if len(gradient.shape) > 2]
        if not sums or isinstance(self.model.optimizer, keras.optimizers.LossScaleOptimizer):
            return nats
        return tf.where(tf.math.is_finite(tf.add_n(sums)), nats, tf.fill(tf.shape(nats), tf.constant(float("nan"), nats.dtype)))

    def _penalty(self) -> list[tf.Tensor]:
        """The L2 penalty l2 / (2 N) sum w^2 of the kernels, of N rows: up to 1 / N that of a normal prior of precision l2."""
        rows = self.feed.pass_steps * self.feed.batch_size
        return [self.l2 / rows * tf.add_n([tf.nn.l2_loss(kernel) for kernel in self.kernels])] if self.l2 and self.kernels else []

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


def _counted(nats: tf.Tensor, batch: Batch) -> tf.Tensor:
    """Nats `[B]` as float32, 0 for rows of weight 0, which only fill up the batch."""
    nats = tf.cast(nats, tf.float32)
    return tf.where(batch["weight"] > 0, nats, tf.zeros_like(nats)) if "weight" in batch else nats
