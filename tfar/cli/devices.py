"""The devices and workers that `tfar train` trains on."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfar.cli.cluster import read_cluster, wait_for_workers
from tfar.cli.quiet import import_tensorflow


class Devices:
    """One device, those of this machine, or those of several workers.

    Args:
        kind: `strategy` of `tfar.config.Devices`.
        timeout: seconds to wait for other workers.

    Raises:
        ValueError: TF_CONFIG is wrong.
    """

    def __init__(self, kind: str, timeout: int):
        from tfar.validation import check_counts

        check_counts(worker_timeout=timeout)
        self.kind, self.timeout = kind, timeout
        self.cluster = read_cluster() if kind == "multiworker" else None
        self._strategy: Any = None

    @property
    def chief(self) -> bool:
        """Whether this process writes files and prints."""
        return self.cluster is None or self.cluster.chief

    def meet(self) -> None:
        """Wait for the other workers, if there are any. They must be there before anything is computed."""
        if self.cluster is None:
            return
        print(f"waiting for {len(self.cluster.addresses) - 1} other workers", flush=True)
        wait_for_workers(self.cluster, self.timeout)
        import_tensorflow()
        import tensorflow as tf

        self._strategy = tf.distribute.MultiWorkerMirroredStrategy()

    @property
    def strategy(self) -> Any:
        """The distribution strategy."""
        import tensorflow as tf

        if self._strategy is None and self.kind == "mirrored":
            devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
            self._strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
        return self._strategy or tf.distribute.get_strategy()

    def __str__(self) -> str:
        if self.cluster is None:
            return f"{self.strategy.num_replicas_in_sync} devices of this machine"
        return f"{len(self.cluster.addresses)} workers with {self.strategy.num_replicas_in_sync} devices"

    def single(self, model: Any) -> Any:
        """A model of the same weights that this process can use alone."""
        if self.kind == "none":
            return model
        copy = type(model).from_config(model.get_config())
        copy.set_weights(model.get_weights())
        return copy

    @contextlib.contextmanager
    def together(self, checkpoint: Path) -> Iterator[None]:
        """A block in which all workers are needed.

        Raises:
            ConnectionError: one of them was lost.
        """
        if self.cluster is None:
            yield
            return
        import tensorflow as tf

        errors = tf.errors
        lost = errors.UnavailableError, errors.AbortedError, errors.CancelledError, errors.DeadlineExceededError
        try:
            yield
        except lost as error:
            cause = next((line for line in str(error).splitlines() if "aborted" in line), type(error).__name__)
            resumed = f"resumes from {checkpoint}" if checkpoint.exists() else "begins again"
            raise ConnectionError(
                f"a worker was lost, and the others cannot go on. The same command, given on all of them, {resumed}. Received: {cause}"
            ) from error

    @contextlib.contextmanager
    def by_the_chief(self) -> Iterator[None]:
        """A block in which the chief works alone; the others wait at its end.

        Raises:
            ConnectionError: this is another worker, and the chief failed.
        """
        from tfar.training.workers import Workers

        workers, done = Workers(self.strategy), False
        try:
            yield
            done = True
        finally:
            succeeded = workers.gather(done)[0, 0]
        if not succeeded:
            raise ConnectionError("the chief could not write the run folder; it says why. Received: a failure of worker 0")
