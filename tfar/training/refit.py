"""Training again on all rows but the test's, once the validation rows have chosen the settings."""

from typing import Any

import keras

from tfar import config
from tfar.models import AutoregressiveModel
from tfar.models.starting import start_at_marginals
from tfar.training.arrays import epoch_length, row_feed
from tfar.training.chosen import for_model
from tfar.training.loop import Fit, prepare_steps, run_epochs
from tfar.training.progress import Progress
from tfar.training.workers import Interrupts


def refit(
    model: AutoregressiveModel,
    initial_weights: list[Any],
    train: Any,
    validation: Any,
    first: Fit,
    settings: config.Training,
    verbose: int = 0,
    start: bool = True,
) -> None:
    """Repeat a training by `tfar.training.fit` up to its best epoch, on the training and the validation rows together.

    RNADE's protocol: the validation rows choose settings and the number of epochs, and serve as training rows then (Uria et al. 2013).
    The training begins with the same weights, but for an output bias and a centre of all these rows, and takes as many steps in each
    epoch, at the same learning rates; the random numbers of dropout and of order-agnostic networks continue those of the first training.
    The refit stage is not checkpointed; it restarts if interrupted.

    Args:
        model: the model that was trained.
        initial_weights: those it had before, `model.get_weights()`.
        train, validation: of `tfar.datasets.Split`, as they were given to `fit`.
        first: the `tfar.training.Fit` to repeat.
        settings: as they were given to `fit`.
        verbose, start: as in `fit`.

    Raises:
        ValueError: the first training has no best epoch: it was interrupted in its first one.
    """
    if first.best_epoch < 1:
        raise ValueError(f"there must be a best epoch to train up to. Received: best_epoch={first.best_epoch} of {first.epochs} epochs")
    settings = for_model(settings, model, len(train.x))
    rows, batch_size = train.joined(validation), min(settings.batch_size, len(train.x))
    length = epoch_length(len(train.x) // batch_size, settings.epoch_steps)
    model.set_weights(initial_weights)
    if start:
        start_at_marginals(model, rows.x)
    feed = row_feed(rows, batch_size, settings.seed)
    steps = prepare_steps(model, feed, settings, length)
    callbacks: list[keras.callbacks.Callback] = [*Progress.of(verbose)]
    if settings.schedule == "plateau":
        callbacks.append(keras.callbacks.LearningRateScheduler(lambda epoch: first.history["learning_rate"][epoch]))
    with Interrupts(steps.workers) as signals:
        run_epochs(model, steps, callbacks, 0, first.best_epoch, length, signals)
