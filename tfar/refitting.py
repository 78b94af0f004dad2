"""Training again on all rows but the test's, once the validation rows have chosen the settings."""

import keras

from tfar.marginals import start_at_marginals
from tfar.optimization import compile_for
from tfar.training import batches, epoch_length


def refit(
    model,
    initial_weights,
    train,
    validation,
    first,
    batch_size=100,
    epoch_steps=None,
    seed=0,
    epochs=200,
    schedule="plateau",
    verbose=0,
    **options,
):
    """Repeat a training by `tfar.training.fit` up to its best epoch, on the training and the validation rows together.

    RNADE's protocol: the validation rows choose settings and the number of epochs, and serve as training rows then (Uria et al. 2013).
    The training begins with the same weights, but for a last bias and a centre of all these rows, and takes as many steps in each
    epoch, at the same learning rates; what dropout and order-agnostic networks draw goes on from the first one. It has no checkpoint.

    Args:
        model: the model that was trained.
        initial_weights: those it had before, `model.get_weights()`.
        train, validation: of `tfar.datasets.Split`, as they were given to `fit`.
        first: the `tfar.training.Fit` to repeat.
        batch_size, epoch_steps, seed, epochs, schedule: as they were given to `fit`.
        verbose: as in Keras.
        **options: of `tfar.optimization.compile_for`, as they were given to `fit`.

    Raises:
        ValueError: the first training had no best epoch: it was interrupted in its first one.
    """
    if first.best_epoch < 1:
        raise ValueError(f"there must be a best epoch to train up to. Received: best_epoch={first.best_epoch} of {first.epochs} epochs")
    rows, steps = train.joined(validation), epoch_length(len(train.x), batch_size, epoch_steps)
    model.set_weights(initial_weights)
    start_at_marginals(model, rows.x)
    callbacks = compile_for(model, epochs * steps, schedule=schedule, **options)
    if schedule == "plateau":
        callbacks.append(keras.callbacks.LearningRateScheduler(lambda epoch: first.history["learning_rate"][epoch]))
    stream = batches(rows, min(batch_size, len(train.x)), seed)
    model.fit(stream, epochs=first.best_epoch, steps_per_epoch=steps, callbacks=callbacks, shuffle=False, verbose=verbose)
