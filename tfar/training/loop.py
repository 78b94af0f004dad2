"""Fitting a model by maximum likelihood: steps, validation, best weights."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import keras
import numpy as np

from tfar import config
from tfar.models import AutoregressiveModel, CharacterModel
from tfar.training.arrays import array_feed, epoch_length, log_probs, summary
from tfar.training.best import KeepBest
from tfar.training.checkpoints import Checkpoint
from tfar.training.ema import Average
from tfar.training.feed import Feed
from tfar.training.optimizer import compile_for
from tfar.training.progress import Progress
from tfar.training.sequences import evaluate as evaluate_text
from tfar.training.sequences import text_feed
from tfar.training.steps import Steps


@dataclass(frozen=True)
class Fit:
    """How a training went.

    Attributes:
        history: column name -> one number per epoch: `nll`, `val_nll` (nats), ..., with the plateau schedule `learning_rate`.
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

    Ctrl-C ends the training early: the best weights so far are kept, and so is the checkpoint, where one has been written.

    Args:
        model: a `tfar.AutoregressiveModel`; it is compiled here.
        train, validation: rows: x `[N, *event]`, (x, context) with context `[N, C]`, or a split of `tfar.datasets.load`. Of a
            `tfar.CharacterModel` also a text: codes, integers `[n]`. It is then trained by truncated backpropagation through time.
        settings: `tfar.config.Training`, for a text `tfar.config.SequenceTraining`; None for their defaults.
        start: whether to set the network's output bias to the marginals of the training values first.
        callbacks: more Keras callbacks; at the end of an epoch they see the averaged weights. One that overrides a hook of batches is
            called after each step; without such a one, several steps are taken in one call of a compiled function.
        checkpoint: name of a `.npz` file that is written at the beginning of an epoch, once a minute at most. Where it exists, the
            training is resumed from it, exactly as if it had not been interrupted; it is left there.
        verbose: 0 silent, 1 a progress bar, 2 a line per epoch.
        **changes: single settings in place of those of `settings`, such as `epochs=20`.

    Returns:
        A `Fit`.

    Raises:
        ValueError: no rows, a text shorter than one batch or with a context, values outside the head's support, a setting that is
            unknown or out of range, a checkpoint of a training with other settings, or no finite validation NLL after the first epoch.

    >>> import tfar
    >>> data = tfar.datasets.load("digits")
    >>> model = tfar.MADE(data.event_shape, hidden_units=[16])
    >>> found = fit(model, data.train, data.validation, epochs=2, epoch_steps=50, learning_rate=1e-2, jit=False)
    >>> found.epochs, found.history["val_nll"][-1] < 23  # nats; independent positions have 24.25
    (2, True)
    """
    if _is_text(model, train):
        chosen = with_changes(settings or config.SequenceTraining(), changes)
        feed = text_feed(model, train, validation, chosen, start)
    else:
        chosen = with_changes(settings or config.Training(), changes)
        feed = array_feed(model, train, validation, chosen, start)
    return run(model, feed, chosen, callbacks=callbacks, checkpoint=checkpoint, verbose=verbose)


def evaluate(model: AutoregressiveModel, data: Any, batch_size: int = config.Training.batch_size, **options: Any) -> dict[str, Any]:
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
    saved = Checkpoint(checkpoint, compared, remembered, keep, steps.variables)
    first = saved.read()
    watching = [*lower, history, keep, *callbacks, *Progress.of(verbose), saved]
    interrupted = False
    try:
        run_epochs(model, steps, watching, first, settings.epochs, length)
    except KeyboardInterrupt:
        interrupted = True
        keep.restore()
    columns = {name: [float(value) for value in values] for name, values in history.history.items() if name not in ("loss", "val_loss")}
    if not (keep.epoch or interrupted):
        raise ValueError(
            "the training diverged in its first epoch: the validation NLL must be finite. A lower learning rate may help. "
            f"Received: val_nll={columns['val_nll'][0]}, learning_rate={settings.learning_rate!r}"
        )
    return Fit(columns, keep.epoch, saved.elapsed, interrupted)


def prepare_steps(model: Any, feed: Feed, settings: config.Training, length: int) -> Steps:
    """The steps of a training whose epochs have `length` steps; the model is compiled for them."""
    with model.distribute_strategy.scope():
        compile_for(model, settings, settings.epochs * length)
        return Steps(model, feed, settings, Average(model.trainable_variables, settings.ema))


def run_epochs(model: Any, steps: Steps, callbacks: Sequence[keras.callbacks.Callback], first: int, epochs: int, length: int) -> None:
    """Train from the epoch `first` on. When an epoch ends, and at the end of all, the model has the averaged weights."""
    watching = keras.callbacks.CallbackList(list(callbacks), model=model, epochs=epochs, steps=length)
    model.stop_training = False
    watching.on_train_begin()
    iterator = steps.iterator(first * length)
    single = any(map(_watches_batches, callbacks))
    for epoch in range(first, epochs):
        watching.on_epoch_begin(epoch)
        nats, done = 0.0, 0
        while done < length:
            watching.on_train_batch_begin(done)
            taken, total = steps.train(iterator, epoch * length + done, 1 if single else length - done)
            nats, done = nats + total, done + taken
            watching.on_train_batch_end(done - 1, model.scores(nats / done))
            if not math.isfinite(total):
                break
        logs = model.scores(nats / done)
        steps.average.swap()
        if steps.feed.validation_rows:
            logs |= {f"val_{name}": value for name, value in model.scores(steps.validate()).items()}
            logs["val_loss"] = logs["val_nll"]
        watching.on_epoch_end(epoch, {**logs, "loss": logs["nll"]})
        if model.stop_training or epoch + 1 == epochs:
            break
        steps.average.swap()
    watching.on_train_end()


def _watches_batches(callback: keras.callbacks.Callback) -> bool:
    """Whether a callback does something after each batch, so that one call must not take several steps."""
    hooks = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
    changed = any(getattr(type(callback), hook) is not getattr(keras.callbacks.Callback, hook) for hook in hooks)
    return changed and not isinstance(callback, Progress)


def _compared(settings: config.Training) -> dict[str, Any]:
    """The settings that must be the same when a training is resumed: all but `jit`, which changes no result but rounding."""
    return {name: value for name, value in dataclasses.asdict(settings).items() if name != "jit"}


def _without_names(configuration: Any) -> Any:
    """A Keras configuration without the names, which Keras counts up."""
    if isinstance(configuration, dict):
        return {key: _without_names(value) for key, value in configuration.items() if key != "name"}
    return [_without_names(item) for item in configuration] if isinstance(configuration, list | tuple) else configuration
