"""The processes that train one model together, and what they must agree on."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

import numpy as np
import tensorflow as tf


class Workers:
    """The workers of a distribution strategy: one, but for `tf.distribute.MultiWorkerMirroredStrategy`.

    Each of them runs the same program. What one alone decides, by its clock or by a signal, it must tell the others (`gather`): a worker
    that takes a step alone waits for ever.

    Args:
        strategy: the distribution strategy.

    Attributes:
        count: number of workers.
        index: number of this one; the chief is 0.

    >>> workers = Workers(tf.distribute.get_strategy())
    >>> workers.count, workers.chief, workers.gather(3, 4).tolist()
    (1, True, [[3.0, 4.0]])
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        self._strategy: Any = strategy
        self.count, self.index = 1, 0
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            resolver: Any = strategy.cluster_resolver
            jobs = resolver.cluster_spec().as_dict()
            before = len(jobs.get("chief", ())) if resolver.task_type != "chief" else 0
            self.count = max(1, len(jobs.get("chief", ())) + len(jobs.get("worker", ())))
            self.index = before + (resolver.task_id or 0)
        self._summed = tf.function(self._sum, autograph=False)

    @property
    def chief(self) -> bool:
        """Whether this worker writes files."""
        return self.index == 0

    def gather(self, *values: float) -> np.ndarray:
        """What the workers say, float64 `[count, n]`: n numbers from each. All of them must ask at the same point of the program."""
        if self.count == 1:
            return np.array([values], np.float64)
        said = np.zeros([self.count, len(values)])
        said[self.index] = values
        return self._summed(tf.constant(said)).numpy()

    def _sum(self, values: tf.Tensor) -> tf.Tensor:
        """The sum over the workers, each of which has several replicas."""
        local = self._strategy.num_replicas_in_sync // self.count

        def of_replica(values: tf.Tensor) -> tf.Tensor:
            replica: Any = tf.distribute.get_replica_context()
            first = tf.equal(tf.convert_to_tensor(replica.replica_id_in_sync_group) % local, 0)
            return tf.where(first, values, tf.zeros_like(values))

        return self._strategy.reduce(tf.distribute.ReduceOp.SUM, self._strategy.run(of_replica, args=(values,)), axis=None)

    def any(self, value: bool) -> bool:
        """Whether a worker says yes."""
        return bool(self.gather(value).any())


class Interrupts:
    """A context in which Ctrl-C only sets a flag, where several workers train: an exception in one leaves the others waiting.

    It takes over the signals that Python turns into KeyboardInterrupt: SIGINT, and others whose handler is
    `signal.default_int_handler`. The second signal raises KeyboardInterrupt.

    Args:
        workers: the workers; with one of them nothing changes.

    Attributes:
        requested: whether a signal has come.
    """

    def __init__(self, workers: Workers):
        self.requested = False
        here = workers.count > 1 and threading.current_thread() is threading.main_thread()
        known = [number for number in signal.valid_signals() if signal.getsignal(number) is signal.default_int_handler]
        self._signals = known if here else []

    def __enter__(self) -> "Interrupts":
        for number in self._signals:
            signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number in self._signals:
            signal.signal(number, signal.default_int_handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
