"""Fitting a character model to a text, by backpropagation through time that is cut at the ends of windows."""

import contextlib
import functools

import keras
import numpy as np
import tensorflow as tf

from tfar import training, writing
from tfar.counts import check_counts
from tfar.datasets import steps_per_pass, windows
from tfar.marginals import marginal_params

STRETCH = 1000  # characters whose mean is one number of the standard error
VALIDATION_WINDOW = 1024  # long, so that few characters are scored with little before them


class Carry(keras.callbacks.Callback):
    """Let each batch of a training begin with the states in which the one before ended, and each pass with fresh ones.

    Args:
        network: a `tfar.networks.CharRNN`.
        batch_size: rows of a batch.
        steps: batches in a pass.
        epoch_steps: batches in an epoch.
    """

    def __init__(self, network, batch_size, steps, epoch_steps):
        super().__init__()
        self.network, self.steps, self.epoch_steps, self.epoch = network, steps, epoch_steps, 0
        self.carried = tf.nest.map_structure(lambda s: tf.Variable(s, trainable=False), network.initial_state(batch_size))

    @property
    def variables(self):
        """What a checkpoint must keep."""
        return tf.nest.flatten(self.carried)

    @contextlib.contextmanager
    def carrying(self):
        """A context in which the network carries its states from one training batch to the next."""
        self.network.__dict__["carried"] = self.carried
        try:
            yield
        finally:
            self.network.__dict__["carried"] = None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch * self.epoch_steps + batch) % self.steps == 0:
            for variable in self.variables:
                variable.assign(tf.zeros_like(variable))


def fit(model, train, validation, sequence_length=128, batch_size=64, carry=True, epoch_steps=None, seed=0, start=True, **options):
    """Train a character model by maximum likelihood until its validation NLL gets no better; see `tfar.training.fit`.

    Args:
        model: a `CharacterModel`.
        train, validation: codes, integers `[n]`.
        sequence_length: characters in a window; gradients do not go back beyond its beginning.
        batch_size: windows in a step.
        carry: whether a window begins with the state in which the one before it in the text ended, so that what lies
            further back is still known; else windows are shuffled and begin with the state of a beginning.
        epoch_steps: steps in an epoch; None for one pass over the text, or 100 steps where that is more.
        seed: of the windows without carry.
        start: whether to set the last bias to the frequencies of the characters first.
        **options: of `tfar.training.fit_stream`.

    Raises:
        ValueError: a text shorter than one batch, no validation text, a model with a context, or what `fit_stream` refuses.

    Returns:
        A `tfar.training.Fit`.
    """
    check_counts(sequence_length=sequence_length, batch_size=batch_size)
    if model.network.context_size:
        raise ValueError(
            "a text has no contexts; train on windows with model.fit(windows, context). "
            f"Received: context_size={model.network.context_size}"
        )
    if not len(validation):
        raise ValueError("validation must have at least one character. Received: none")
    if start:
        model.network.output_bias.assign(marginal_params(model.head, train[:, None])[0])
    batch_size = min(batch_size, max(1, len(train) // sequence_length))
    steps = steps_per_pass(len(train), sequence_length, batch_size)

    def stream(first):
        found = windows(train, sequence_length, batch_size, seed, carry, first)
        return found.map(lambda x, _: x) if carry else found

    length = min(len(validation), VALIDATION_WINDOW)
    rows = validation[: len(validation) // length * length].reshape(-1, length).astype(np.int32)
    held = {"validation_data": (rows,), "validation_batch_size": batch_size}
    settings = {"sequence_length": sequence_length, "batch_size": batch_size, "carry": carry, "seed": seed}
    settings |= {"characters": len(train), "data": training.checksum([train]), "validation": training.checksum([validation])}
    epoch_steps = max(steps, training.LEAST_STEPS) if epoch_steps is None else epoch_steps
    run = functools.partial(training.fit_stream, model, stream, epoch_steps, held, settings=settings)
    if not carry:
        return run(**options)
    carried = Carry(model.network, batch_size, steps, epoch_steps)
    options["callbacks"] = [*options.get("callbacks", ()), carried]
    with carried.carrying():
        found = run(variables=carried.variables, **options)
    model.make_train_function(force=True)  # the one that was traced carries
    return found


def evaluate(model, codes, streams=64):
    """Score a text.

    Returns:
        Dict of `nll`, nats per character; its standard error `nll_error`, from the spread of the means of stretches of
        1,000 characters, which are less alike than characters; `bits_per_character`; `characters`.
    """
    if not len(codes):
        raise ValueError("there must be at least one character to score. Received: none")
    count = max(1, len(codes) // STRETCH)
    ends = np.arange(1, count + 1) * len(codes) // count
    nats = np.zeros(count)  # of each stretch; one for each symbol would be four times the text
    for start, piece in writing.score_text(model.network, model.head, codes, streams):
        np.subtract.at(nats, np.searchsorted(ends, np.arange(start, start + len(piece)), side="right"), piece)
    means = nats / np.diff(ends, prepend=0)
    error = float(means.std(ddof=1) / np.sqrt(len(means))) if len(means) > 1 else float("nan")
    nll = float(nats.sum() / len(codes))
    return {"nll": nll, "nll_error": error, "bits_per_character": nll / float(np.log(2)), "characters": len(codes)}
