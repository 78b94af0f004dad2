"""Training again on all rows but the test's, once the validation rows have chosen the settings."""

import keras

from tfar.marginals import start_at_marginals
from tfar.training import batches, epoch_length, optimizer


def refit(
    model,
    weights,
    train,
    validation,
    found,
    batch_size=100,
    epoch_steps=None,
    seed=0,
    epochs=200,
    learning_rate=1e-3,
    schedule="plateau",
    weight_decay=0.0,
    average=0.99,
    clip=100.0,
    jit=True,
    verbose=0,
):
    """Repeat a training by `tfar.training.fit` up to its best epoch, on the training and the validation rows together.

    RNADE's protocol: the validation rows choose settings and the number of epochs, and serve as training rows then (Uria et al. 2013).
    It begins with the same weights, and takes as many steps in each epoch, at the same learning rates.

    Args:
        model: the model that was trained.
        weights: those it had before, `model.get_weights()`.
        train, validation: of `tfar.datasets.Split`, as they were given to `fit`.
        found: the `tfar.training.Fit` to repeat.
        batch_size, epoch_steps, seed, epochs, learning_rate, schedule, weight_decay, average, clip, jit: as they were given to `fit`.
        verbose: as in Keras.
    """
    split, steps = train.joined(validation), epoch_length(len(train.x), batch_size, epoch_steps)
    model.set_weights(weights)
    start_at_marginals(model, split.x)
    adam = optimizer(model.trainable_variables, learning_rate, schedule, epochs * steps, weight_decay, average, clip)
    model.compile(adam, jit_compile=jit)
    callbacks = [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if average else []
    if schedule == "plateau":
        callbacks.append(keras.callbacks.LearningRateScheduler(lambda epoch: found.history["learning_rate"][epoch]))
    rows = batches(split, min(batch_size, len(split.x)), seed)
    model.fit(rows, epochs=found.best_epoch, steps_per_epoch=steps, callbacks=callbacks, shuffle=False, verbose=verbose)
