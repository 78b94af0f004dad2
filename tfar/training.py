"""Fitting a model to a data set, and what its likelihood is worth."""

import math
import time
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from tfar.distributions.base import check_support
from tfar.marginals import start_at_marginals

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
        history: column name -> one number per epoch: `nll`, `val_nll` (nats), `learning_rate`, ...
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


def optimizer(variables, learning_rate=1e-3, schedule="plateau", steps=None, weight_decay=0.0, average=0.99):
    """Adam, with decoupled weight decay of the kernels and a moving average of the weights.

    Args:
        variables: the model's trainable variables, of which those that are vectors or biases do not decay.
        learning_rate: the highest one.
        schedule: "constant" and "plateau" (which `fit` lowers) begin with it; "cosine" rises to it in the first 2 % of
            the steps, and falls to zero.
        steps: how many there will be, for "cosine".
        weight_decay: W of w <- w - learning_rate W w.
        average: momentum of the moving average of the weights; 0 for none.
    """
    rate = learning_rate
    if schedule == "cosine":
        warmup = max(1, steps // 50)
        decay = keras.optimizers.schedules.CosineDecay
        rate = decay(0.0, max(1, steps - warmup), warmup_target=learning_rate, warmup_steps=warmup)
    adam = keras.optimizers.Adam(
        rate,
        weight_decay=weight_decay or None,
        use_ema=average > 0,
        ema_momentum=average or 0.99,
        global_clipnorm=100.0,
    )
    if weight_decay:
        adam.exclude_from_weight_decay([v for v in variables if len(v.shape) < 2 or "bias" in v.name])
    return adam


def batches(split, batch_size, seed=0):
    """An endless `tf.data` stream of full batches x, or (x, context); each pass over the rows has its own order."""
    x, context = tf.constant(split.x), None if split.context is None else tf.constant(split.context)

    def take(rows):
        values = tf.gather(x, rows)
        return values if context is None else (values, tf.gather(context, rows))

    rows = tf.data.Dataset.range(len(split.x)).shuffle(len(split.x), seed=seed).repeat()
    return rows.batch(batch_size, drop_remainder=True).map(take).prefetch(tf.data.AUTOTUNE)


def fit(
    model,
    train,
    validation,
    epochs=200,
    batch_size=100,
    learning_rate=1e-3,
    schedule="plateau",
    weight_decay=0.0,
    average=0.99,
    patience=10,
    jit=True,
    seed=0,
    start=True,
    verbose=0,
):
    """Train a model by maximum likelihood until its validation NLL gets no better, and leave it with its best weights.

    An epoch is one pass over the training rows, or 100 steps where that is more. Ctrl-C ends the training early, and
    what was reached is kept.

    Args:
        model: an `AutoregressiveModel`; it is compiled here.
        train, validation: (x, context) with x `[N, *event]` and context `[N, C]` or None, as of `tfar.datasets.load`.
        epochs: at most.
        batch_size: rows in one step.
        learning_rate, schedule, weight_decay, average: see `optimizer`; "plateau" divides the rate by 3 whenever the
            validation NLL has not improved for half of `patience`.
        patience: epochs without improvement after which training stops.
        jit: compile the training step by XLA.
        seed: of the order of the rows.
        start: whether to set the network's last bias to the marginals of the training values first.
        verbose: as in Keras: 0 silent, 1 a progress bar, 2 a line per epoch.

    Returns:
        A `Fit`.

    Raises:
        ValueError: values outside the head's support, or no positive number where one is needed.
    """
    for name, value in {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "patience": patience,
    }.items():
        if not value > 0:
            raise ValueError(f"{name} must be above 0. Received: {name}={value!r}")
    for split in (train, validation):
        for row in range(0, len(split.x), 4096):
            check_support(model.head, tf.constant(split.x[row : row + 4096]))
    if start:
        start_at_marginals(model, train.x)
    batch_size = min(batch_size, len(train.x))
    steps = max(len(train.x) // batch_size, LEAST_STEPS)
    adam = optimizer(model.trainable_variables, learning_rate, schedule, epochs * steps, weight_decay, average)
    model.compile(adam, jit_compile=jit)
    keep, history = KeepBest(patience), keras.callbacks.History()
    callbacks = [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if average else []
    if schedule == "plateau":
        options = {"mode": "min", "factor": 1 / 3, "patience": max(1, patience // 2), "min_delta": 0}
        callbacks.append(keras.callbacks.ReduceLROnPlateau("val_nll", **options))
    callbacks += [history, keep]
    began, interrupted = time.perf_counter(), False
    try:
        model.fit(
            batches(train, batch_size, seed),
            epochs=epochs,
            steps_per_epoch=steps,
            validation_data=(validation.x,) if validation.context is None else tuple(validation),
            validation_batch_size=batch_size,
            callbacks=callbacks,
            shuffle=False,
            verbose=verbose,
        )
    except KeyboardInterrupt:
        interrupted = True
        keep.restore()
    columns = {name: [float(value) for value in values] for name, values in history.history.items() if name != "loss"}
    return Fit(columns, keep.epoch, time.perf_counter() - began, interrupted)


def evaluate(model, split, batch_size=100):
    """Score the rows of a split.

    Returns:
        Dict of `nll`, the mean negative log-likelihood in nats, its standard error `nll_error`, `bits_per_dim`, `rows`.
    """
    if not len(split.x):
        raise ValueError("there must be at least one row to score. Received: no rows")
    inputs = split.x if split.context is None else (split.x, split.context)
    rows = tf.data.Dataset.from_tensor_slices(inputs if split.context is None else (inputs,)).batch(batch_size)
    return summary(model.predict(rows, verbose=0), math.prod(model.event_shape))


def summary(log_prob, event_size):
    """What `evaluate` returns, from log-probabilities `[N]` in nats."""
    log_prob = np.asarray(log_prob, np.float64)
    nll, rows = float(-log_prob.mean()), len(log_prob)
    error = float(log_prob.std(ddof=1) / math.sqrt(rows)) if rows > 1 else math.nan
    return {"nll": nll, "nll_error": error, "bits_per_dim": nll / (event_size * math.log(2)), "rows": rows}
