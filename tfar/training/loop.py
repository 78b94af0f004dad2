"""Fitting a model by maximum likelihood: steps, validation, best weights."""

import dataclasses
import json
import math
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import keras
import numpy as np

from tfar import config
from tfar.models import AutoregressiveModel, CharacterModel
from tfar.training.arrays import SCORED_ROWS, array_feed, as_split, epoch_length, log_probs, summary
from tfar.training.best import KeepBest
from tfar.training.checkpoints import Checkpoint
from tfar.training.chosen import for_model
from tfar.training.ema import Average
from tfar.training.feed import Feed
from tfar.training.optimizer import compile_for
from tfar.training.progress import Progress
from tfar.training.rows import is_stream, plain_errors, rows_of
from tfar.training.sequences import evaluate as evaluate_text
from tfar.training.sequences import text_feed
from tfar.training.state_file import plain
from tfar.training.steps import Steps
from tfar.training.streamed import stream_feed
from tfar.training.streamed import summary as summary_of_stream
from tfar.training.workers import Interrupts, Workers


@dataclass(frozen=True)
class Fit:
    """How a training went.

    Attributes:
        history: column name -> one number per epoch: `nll`, `val_nll` (nats), ..., with the plateau schedule `learning_rate`. What
            callbacks of the user's own add to the logs is not in it.
        best_epoch: the epoch whose weights the model has now, from 1.
        seconds: wall time.
        interrupted: whether Ctrl-C ended it.
    """

    history: dict[str, list[float]]
    best_epoch: int
    seconds: float
    interrupted: bool

    @property
    def epochs(self) -> int:
        """How many epochs ended."""
        return len(self.history.get("val_nll", ()))


def fit(
    model: AutoregressiveModel,
    train: Any,
    validation: Any,
    settings: config.Training | None = None,
    *,
    start: bool = True,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoint: str | Path | None = None,
    verbose: int = 0,
    **changes: Any,
) -> Fit:
    """Train a model by maximum likelihood until its validation NLL gets no better, and leave it with its best weights.

    Ctrl-C ends the training early: the best weights so far are kept, and so is the checkpoint, where one has been written. So does a step
    whose loss is not finite, which changes no weight; a warning tells.

    A model that was made in the scope of a `tf.distribute.MirroredStrategy` or `MultiWorkerMirroredStrategy` is trained by all replicas
    of it; `batch_size` is that of all together. The result is that of one device, up to rounding. Several workers must call `fit` with
    the same arguments, and callbacks that change the model or its optimizer must be those of all; the first of them alone writes the
    checkpoint, which all must be able to read.

    Args:
        model: a `tfar.AutoregressiveModel`; it is compiled here.
        train, validation: rows: x `[N, *event]`, (x, context) with context `[N, C]`, a dict of both by these names, or a split of
            `tfar.datasets.load`. Or a stream: that of `tfar.datasets.stream`, or a finite `tf.data.Dataset` of rows or batches, which is
            taken in its own order, see `tfar.training.rows.DatasetRows`. Of a `tfar.CharacterModel` also a text: codes, integers `[n]`. It
            is then trained by truncated backpropagation through time.
        settings: `tfar.config.Training`, for a text `tfar.config.SequenceTraining`; None for their defaults. Those that are None are
            chosen by the family and the data, see `tfar.automatic`.
        start: whether to set the network's output bias to the marginals of the training values first.
        callbacks: more Keras callbacks; at the end of an epoch they see the averaged weights. One that does something after each batch
            is called after each step; without such a one, several steps are taken in one call of a compiled function. A resumed training
            calls them from the epoch on that it resumes; their own state is not in the checkpoint.
        checkpoint: name of a `.npz` file that is written at the beginning of an epoch, once a minute at most. Where it exists, the
            training is resumed from it, exactly as if it had not been interrupted; it is left there. If it cannot be written, a warning
            tells once, and the training goes on. A `tf.data.Dataset` is read again up to the row that follows, so one that shuffles anew
            in each pass is not resumed exactly.
        verbose: 0 silent, 1 a progress bar, 2 a line per epoch.
        **changes: single settings in place of those of `settings`, such as `epochs=20`.

    Returns:
        A `Fit`.

    Raises:
        ValueError: no rows, a text shorter than one batch or with a context, values outside the head's support, a setting that is
            unknown or out of range, a checkpoint of a training with other settings, workers that differ in data, settings or checkpoint,
            a model that was made outside the scope of its strategy, a network of your own that is not autoregressive, or no finite
            validation NLL after the first epoch.

    >>> import tfar
    >>> data = tfar.datasets.load("digits")
    >>> model = tfar.MADE(data.event_shape, hidden_units=[16])
    >>> found = fit(model, data.train, data.validation, epochs=2, epoch_steps=50, learning_rate=1e-2, jit=False)
    >>> found.epochs, found.history["val_nll"][-1] < 23  # nats; independent positions have 24.25
    (2, True)
    """
    model.check_network()
    if _is_text(model, train):
        chosen = for_model(with_changes(settings or config.SequenceTraining(), changes), model, len(train))
        feed = text_feed(model, train, validation, chosen, start)
    elif is_stream(train) or is_stream(validation):
        rows, held = rows_of(model, train), rows_of(model, validation)
        chosen = for_model(with_changes(settings or config.Training(), changes), model, len(rows))
        feed = stream_feed(model, rows, held, chosen, start, checkpoint is not None)
    else:
        chosen = for_model(with_changes(settings or config.Training(), changes), model, len(as_split(train).x))
        feed = array_feed(model, train, validation, chosen, start)
    with plain_errors(train, validation):
        return run(model, feed, chosen, callbacks=callbacks, checkpoint=checkpoint, verbose=verbose)


def evaluate(model: AutoregressiveModel, data: Any, batch_size: int = SCORED_ROWS, **options: Any) -> dict[str, Any]:
    """Score rows, or a text.

    Args:
        model: a `tfar.AutoregressiveModel`.
        data: rows as for `fit`; of a `tfar.CharacterModel` also codes `[n]`.
        batch_size: rows at a time.
        **options: of rows those of `log_probs`; of a text `streams`, the number of parts that are scored side by side.

    Returns:
        Dict of `nll`, the mean negative log-likelihood in nats (of a text per character), its standard error `nll_error`, and
        `bits_per_dim` and `rows`, or of a text `bits_per_character` and `characters`.
    """
    if _is_text(model, data):
        return evaluate_text(model, data, **options)
    if is_stream(data):
        return summary_of_stream(model, data, batch_size, **options)
    return summary(log_probs(model, data, batch_size, **options), model.network.event_size)


def _is_text(model: AutoregressiveModel, data: Any) -> TypeGuard[CharacterModel]:
    return isinstance(model, CharacterModel) and isinstance(data, np.ndarray) and data.ndim == 1


def with_changes(settings: config.Training, changes: dict[str, Any]) -> Any:
    """Settings with some of them changed.

    Raises:
        ValueError: there is no such setting, or it is out of range.
    """
    known = config.settings_of(type(settings))
    if unknown := sorted(set(changes) - set(known)):
        raise ValueError(f"the settings of a training are {', '.join(known)}. Received: {', '.join(unknown)}")
    return dataclasses.replace(settings, **changes)


def run(
    model: AutoregressiveModel,
    feed: Feed,
    settings: config.Training,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoint: str | Path | None = None,
    verbose: int = 0,
) -> Fit:
    """Train a model on what a `Feed` gives; the arguments are those of `fit`."""
    length = epoch_length(feed.pass_steps, settings.epoch_steps)
    steps = prepare_steps(model, feed, settings, length)
    keep, history = KeepBest(settings.patience), keras.callbacks.History()
    remembered = {"history": (history, ["history"]), "keep": (keep, ["best", "epoch"])}
    lower = []
    if settings.schedule == "plateau":
        patience = max(1, settings.patience // 2)
        lower = [keras.callbacks.ReduceLROnPlateau("val_nll", mode="min", factor=1 / 3, patience=patience, min_delta=0)]
        remembered["plateau"] = lower[0], ["best", "wait", "cooldown_counter"]
    compared = {**_compared(settings), **feed.identity, "epoch_steps": length, "model": _without_names(model.get_config())}
    saved = Checkpoint(checkpoint, compared, remembered, keep, steps)
    first = _agreed_start(saved, steps.workers)
    model.choose_modes(callbacks)
    watching = [*lower, history, keep, *callbacks, *Progress.of(verbose, keep), saved]
    interrupted = False
    try:
        with Interrupts(steps.workers) as signals:
            run_epochs(model, steps, watching, first, settings.epochs, length, signals)
    except KeyboardInterrupt:
        interrupted = True
    keep.restore()  # after all callbacks, some of which may have set other weights
    columns = {name: [float(value) for value in values] for name, values in history.history.items() if name not in ("loss", "val_loss")}
    if not (keep.epoch or interrupted):
        raise ValueError(
            "the training diverged in its first epoch: the validation NLL must be finite. A lower learning rate may help. "
            f"Received: val_nll={columns['val_nll'][0]}, learning_rate={settings.learning_rate!r}"
        )
    return Fit(columns, keep.epoch, saved.elapsed, interrupted)


def _agreed_start(saved: Checkpoint, workers: Workers) -> int:
    """The epoch at which to begin, of a checkpoint that all workers read alike.

    Raises:
        ValueError: a worker cannot use the checkpoint, begins at another epoch, or has other data or settings.
    """
    path = None if saved.file is None else saved.file.path
    first, refused = -1, None
    try:
        first = saved.read()
    except ValueError as error:
        refused = error
    compared = zlib.crc32(json.dumps(saved.settings, sort_keys=True, default=plain).encode())
    epochs, sums = workers.gather(first, compared).T.astype(int).tolist()  # first of all: a worker that raised would leave others waiting
    if refused is not None:
        raise refused
    if min(epochs) < 0:
        raise ValueError(f"worker {epochs.index(-1)} cannot resume the training, and says why. Received: {path}")
    if len(set(epochs)) > 1:
        raise ValueError(
            "all workers must resume from the same checkpoint, in a folder that all of them see. "
            f"Received: {path}, from which worker {workers.index} begins at epoch {first}, and the chief at epoch {epochs[0]}"
        )
    if len(set(sums)) > 1:
        differing = ", ".join(str(worker) for worker, value in enumerate(sums) if value != sums[0])
        raise ValueError(f"all workers must have the data, the model and the settings of the chief. Received: others on worker {differing}")
    return first


def prepare_steps(model: Any, feed: Feed, settings: config.Training, length: int) -> Steps:
    """The steps of a training whose epochs have `length` steps; the model is compiled for them.

    Raises:
        ValueError: the model was made outside the scope of its strategy, or `Steps` cannot take such steps.
    """
    if settings.jit is None:
        settings = dataclasses.replace(settings, jit=model.network.xla)
    strategy = model.distribute_strategy
    if not all(strategy.extended.variable_created_in_scope(variable.value) for variable in model.trainable_variables):
        raise ValueError(
            "a model that is trained in the scope of a distribution strategy must be made in it. "
            f"Received: a model made outside the scope of {type(strategy).__name__}"
        )
    with strategy.scope():
        compile_for(model, settings, settings.epochs * length)
        return Steps(model, feed, settings, Average(model.trainable_variables, settings.ema))


def run_epochs(
    model: Any,
    steps: Steps,
    callbacks: Sequence[keras.callbacks.Callback],
    first: int,
    epochs: int,
    length: int,
    signals: Interrupts | None = None,
) -> None:
    """Train from the epoch `first` on. When an epoch ends, and at the end of all, the model has the averaged weights."""
    watching = keras.callbacks.CallbackList(list(callbacks), model=model, epochs=epochs, steps=length, verbose=0)
    model.stop_training = False
    watching.on_train_begin()
    iterator = steps.iterator(first * length)
    single = any(map(_watches_batches, callbacks))
    logs: dict[str, float] = {}
    for epoch in range(first, epochs):
        watching.on_epoch_begin(epoch)
        logs = _train_epoch(model, steps, watching, iterator, epoch * length, length, single, signals)
        steps.average.swap()
        if steps.feed.validation_rows:
            watching.on_test_begin()
            held = _logs(model, steps.validate())
            watching.on_test_end(held)
            logs |= {f"val_{name}": value for name, value in held.items()}
        watching.on_epoch_end(epoch, logs)
        if not math.isfinite(logs["nll"]):
            warnings.warn(f"the training ends in epoch {epoch + 1}, in which the loss of a step was not finite", stacklevel=3)
            break
        if steps.workers.any(model.stop_training) or epoch + 1 == epochs:
            break
        steps.average.swap()
    watching.on_train_end(logs)


def _train_epoch(
    model: Any, steps: Steps, watching: Any, iterator: Any, start: int, length: int, single: bool, signals: Interrupts | None
) -> dict[str, float]:
    """The steps from the number `start` on, of one epoch; its logs. A callback that stops the training ends it early."""
    nats, done = 0.0, 0
    while done < length:
        count = 1 if single else steps.fitting(length - done)
        asked = steps.workers.gather(count, model.stop_training and done > 0, signals is not None and signals.requested)
        if asked[:, 2].any():
            raise KeyboardInterrupt
        if asked[:, 1].any():
            break
        watching.on_train_batch_begin(done)
        # All must take as many in one call: workers whose calls took different numbers of steps hung.
        taken, total = steps.train(iterator, start + done, int(asked[:, 0].min()))
        nats, done = nats + total, done + taken
        watching.on_train_batch_end(done - 1, _logs(model, nats / done))
        if not math.isfinite(total):
            break
    return _logs(model, nats / done)


def _logs(model: Any, nats: float) -> dict[str, float]:
    """What callbacks are told of mean nats; "loss" is for those of Keras."""
    return {**model.scores(nats), "loss": nats}


def _watches_batches(callback: keras.callbacks.Callback) -> bool:
    """Whether a callback does something after each batch, so that one call must not take several steps."""
    watching: Any = callback
    if isinstance(callback, Progress):
        return False
    if type(callback) is keras.callbacks.ModelCheckpoint:
        return watching.save_freq != "epoch"
    if type(callback) is keras.callbacks.TensorBoard:
        return watching.update_freq != "epoch" or watching.write_steps_per_second or watching._should_trace
    hooks = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
    return any(getattr(getattr(callback, hook), "__func__", None) is not getattr(keras.callbacks.Callback, hook) for hook in hooks)


def _compared(settings: config.Training) -> dict[str, Any]:
    """The settings that must be the same when a training is resumed: all but `jit`, which changes no result but rounding."""
    return {name: value for name, value in dataclasses.asdict(settings).items() if name != "jit"}


def _without_names(configuration: Any) -> Any:
    """A Keras configuration without the names, which Keras counts up."""
    if isinstance(configuration, dict):
        return {key: _without_names(value) for key, value in configuration.items() if key != "name"}
    return [_without_names(item) for item in configuration] if isinstance(configuration, list | tuple) else configuration
