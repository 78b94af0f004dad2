"""Fitting a model to a data set, and what its likelihood is worth."""

import functools
import math
import zlib
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from tfar.checkpoints import Checkpoint
from tfar.counts import check_counts
from tfar.marginals import start_at_marginals
from tfar.optimization import compile_for

LEAST_STEPS = 100  # in an epoch: after each pass over a small set, validation would be most of the work, and noise


class KeepBest(keras.callbacks.Callback):
    """Stop when the validation NLL has not improved for `patience` epochs, and give the model its best weights back.

    Unlike `keras.callbacks.EarlyStopping` it does so when training is interrupted too (`restore`), and with averaged
    weights.

    Attributes:
        best: the lowest validation NLL so far, in nats.
        epoch: its epoch, from 1; 0 before the first one ends.
    """

    def __init__(self, patience):
        super().__init__()
        self.patience, self.best, self.epoch, self.weights = patience, math.inf, 0, None

    def on_epoch_end(self, epoch, logs=None):
        nll = logs["val_nll"]
        if nll < self.best:
            self.best, self.epoch, self.weights = nll, epoch + 1, self.model.get_weights()
        if epoch + 1 - self.epoch >= self.patience or not math.isfinite(nll):
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        self.restore()

    def restore(self):
        """Set the best weights, if an epoch has ended."""
        if self.weights is not None:
            self.model.set_weights(self.weights)


@dataclass(frozen=True)
class Fit:
    """How a training went.

    Attributes:
        history: column name -> one number per epoch: `nll`, `val_nll` (nats), ..., of a plateau `learning_rate`.
        best_epoch: the epoch whose weights the model has now, from 1.
        seconds: wall time.
        interrupted: whether Ctrl-C ended it.
    """

    history: dict
    best_epoch: int
    seconds: float
    interrupted: bool

    @property
    def epochs(self):
        """How many epochs ended."""
        return len(self.history.get("val_nll", ()))


def batches(split, batch_size, seed=0, start=0):
    """An endless `tf.data` stream of full batches x, or (x, context); each pass over the rows has its own order.

    A batch is a function of the seed and its number alone, so that a stream can begin at any batch.

    Args:
        split: (x, context).
        batch_size: rows in a batch, at most those of the split.
        seed: an integer.
        start: number of the first batch.
    """
    x, context = tf.constant(split.x), None if split.context is None else tf.constant(split.context)
    rows, last = len(split.x), tf.constant(len(split.x) - 1, tf.int64)
    key = tf.constant(np.random.SeedSequence(seed).generate_state(1)[0], tf.int64)

    def take(number):
        position = number * batch_size + tf.range(batch_size, dtype=tf.int64)
        seeds = tf.stack([tf.fill([batch_size], key), position // rows, tf.zeros_like(position)], axis=1)
        # tf.random.experimental.index_shuffle refuses seeds that differ within a batch.
        chosen = tf.raw_ops.RandomIndexShuffle(index=position % rows, seed=seeds, max_index=tf.fill([batch_size], last))
        values = tf.gather(x, chosen)
        return values if context is None else (values, tf.gather(context, chosen))

    return tf.data.Dataset.range(start, tf.int64.max).map(take).prefetch(tf.data.AUTOTUNE)


def epoch_length(rows, batch_size, epoch_steps=None):
    """Steps in an epoch: `epoch_steps`, or a pass over the rows, or 100 steps where that is more."""
    return max(rows // min(batch_size, rows), LEAST_STEPS) if epoch_steps is None else epoch_steps


def fit(model, train, validation, batch_size=100, epoch_steps=None, seed=0, start=True, **options):
    """Train a model by maximum likelihood until its validation NLL gets no better, and leave it with its best weights.

    Ctrl-C ends the training early: what was reached is kept, and so is the checkpoint, where one has been written.

    Args:
        model: an `AutoregressiveModel`; it is compiled here.
        train, validation: (x, context) with x `[N, *event]` and context `[N, C]` or None, as of `tfar.datasets.load`.
        batch_size: rows in one step.
        epoch_steps: steps in an epoch; None for one pass over the training rows, or 100 steps where that is more.
        seed: of the order of the rows.
        start: whether to set the network's last bias to the marginals of the training values first.
        **options: of `fit_stream`.

    Returns:
        A `Fit`.

    Raises:
        ValueError: no rows, values outside the head's support, and what `fit_stream` refuses.
    """
    check_counts(batch_size=batch_size)
    if not (len(train.x) and len(validation.x)):
        raise ValueError(f"there must be rows to train on and to validate with. Received: {len(train.x)} and {len(validation.x)}")
    model.check_arrays(*train)  # those of validation `model.fit` checks: of the training rows it sees a stream
    if start:
        start_at_marginals(model, train.x)
    batch_size = min(batch_size, len(train.x))
    stream = functools.partial(batches, train, batch_size, seed)
    steps = epoch_length(len(train.x), batch_size, epoch_steps)
    held = (validation.x,) if validation.context is None else tuple(validation)
    held = {"validation_data": held, "validation_batch_size": batch_size}
    settings = {"batch_size": batch_size, "seed": seed, "rows": len(train.x), "data": checksum(train), "validation": checksum(validation)}
    return fit_stream(model, stream, steps, held, settings=settings, **options)


def fit_stream(
    model,
    stream,
    steps,
    validation,
    epochs=200,
    learning_rate=1e-3,
    schedule="plateau",
    weight_decay=0.0,
    average=0.99,
    clip=100.0,
    patience=10,
    jit=True,
    callbacks=(),
    checkpoint=None,
    settings=None,
    variables=(),
    verbose=0,
):
    """Train a model on a stream of batches, as `fit` does.

    Args:
        model: an `AutoregressiveModel`; it is compiled here.
        stream: function of the number of the first batch that returns an endless `tf.data` stream from it on.
        steps: in an epoch.
        validation: dict of Keras' arguments `validation_data` and the like.
        epochs: at most.
        learning_rate, schedule, weight_decay, average, clip: see `tfar.optimization.optimizer`; "plateau" divides the rate by 3 whenever
            the validation NLL has not improved for half of `patience`.
        patience: epochs without improvement after which training stops.
        jit: compile the training step by XLA.
        callbacks: more Keras callbacks; at the end of an epoch they see the averaged weights.
        checkpoint: name of a `.npz` file that is written at the beginning of an epoch, once a minute at most. Where it
            exists, the training goes on from it, exactly as if it had not been interrupted; it is left there.
        settings: dict of what else must be the same when a training goes on.
        variables: further variables that a checkpoint keeps.
        verbose: as in Keras: 0 silent, 1 a progress bar, 2 a line per epoch.

    Returns:
        A `Fit`.

    Raises:
        ValueError: a number that makes no sense, a checkpoint of a training with other settings, or no finite validation NLL after the
            first epoch.
    """
    check_counts(epochs=epochs, epoch_steps=steps, patience=patience)
    optimization = {"learning_rate": learning_rate, "schedule": schedule, "weight_decay": weight_decay, "average": average, "clip": clip}
    averaging = compile_for(model, epochs * steps, jit, **optimization)
    keep, history = KeepBest(patience), keras.callbacks.History()
    remembered = {"history": (history, ["history"]), "keep": (keep, ["best", "epoch"])}
    lower = []
    if schedule == "plateau":
        lower = [keras.callbacks.ReduceLROnPlateau("val_nll", mode="min", factor=1 / 3, patience=max(1, patience // 2), min_delta=0)]
        remembered["plateau"] = lower[0], ["best", "wait", "cooldown_counter"]
    settings = {
        **(settings or {}),
        **optimization,
        **{"epochs": epochs, "epoch_steps": steps, "patience": patience, "model": _without_names(model.get_config())},
    }
    saved = Checkpoint(checkpoint, settings, remembered, keep, variables)
    first = saved.read()
    interrupted = False
    try:
        model.fit(
            stream(first * steps),
            initial_epoch=first,
            epochs=epochs,
            steps_per_epoch=steps,
            callbacks=[*averaging, *lower, history, keep, *callbacks, saved],
            shuffle=False,
            verbose=verbose,
            **validation,
        )
    except KeyboardInterrupt:
        interrupted = True
        keep.restore()
    columns = {name: [float(value) for value in values] for name, values in history.history.items() if name != "loss"}
    if not (keep.epoch or interrupted):
        raise ValueError(
            "the training diverged in its first epoch: the validation NLL must be finite. A lower learning rate may help. "
            f"Received: val_nll={columns['val_nll'][0]}, learning_rate={learning_rate!r}"
        )
    return Fit(columns, keep.epoch, saved.elapsed, interrupted)


def checksum(arrays):
    """CRC-32 of arrays, None among them, in hexadecimal: tells whether data have changed."""
    found = 0
    for array in arrays:
        found = found if array is None else zlib.crc32(np.ascontiguousarray(array), found)
    return f"{found:08x}"


def _without_names(config):
    """A Keras configuration without the names, which Keras counts up."""
    if isinstance(config, dict):
        return {key: _without_names(value) for key, value in config.items() if key != "name"}
    return [_without_names(item) for item in config] if isinstance(config, list | tuple) else config


def evaluate(model, split, batch_size=100, **options):
    """Score the rows of a split.

    Args:
        model, split, batch_size, **options: as for `log_probs`.

    Returns:
        Dict of `nll`, the mean negative log-likelihood in nats, its standard error `nll_error`, `bits_per_dim`, `rows`.
    """
    return summary(log_probs(model, split, batch_size, **options), math.prod(model.event_shape))


def log_probs(model, split, batch_size=100, **options):
    """The log-probabilities `[N]` of the rows of a split, in nats, float64.

    Args:
        model: an `AutoregressiveModel`.
        split: (x, context).
        batch_size: rows at a time.
        **options: of `AutoregressiveModel.distribution`, such as `num_orders`; without any, the model's own density.

    Raises:
        ValueError: there are no rows, `batch_size` is no integer of at least 1, or values or contexts are what the model refuses.
    """
    check_counts(batch_size=batch_size)
    if not len(split.x):
        raise ValueError("there must be at least one row to score. Received: no rows")
    model.check_arrays(*split)  # here, since the graphs that score may be compiled by XLA
    if options:

        @tf.function(reduce_retracing=True, autograph=False)
        def score(x, context=None):
            return model.distribution(context, **options).log_prob(x)

        starts = range(0, len(split.x), batch_size)
        parts = [split.take(slice(start, start + batch_size)) for start in starts]
        found = np.concatenate([score(*(tf.constant(part) for part in rows if part is not None)) for rows in parts])
    else:
        inputs = split.x if split.context is None else (split.x, split.context)
        rows = tf.data.Dataset.from_tensor_slices(inputs if split.context is None else (inputs,)).batch(batch_size)
        found = model.predict(rows, verbose=0)
    return np.asarray(found, np.float64)


def summary(log_prob, event_size):
    """What `evaluate` returns, from log-probabilities `[N]` in nats, float64."""
    nll, rows = float(-log_prob.mean()), len(log_prob)
    error = float(log_prob.std(ddof=1) / math.sqrt(rows)) if rows > 1 else math.nan
    return {"nll": nll, "nll_error": error, "bits_per_dim": nll / (event_size * math.log(2)), "rows": rows}
