"""A text as a training and an evaluation need it: truncated backpropagation through time, and scores per character."""

import functools
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfar import config
from tfar.datasets import steps_per_pass, windows
from tfar.distributions import writing
from tfar.models import CharacterModel
from tfar.networks import SequenceNetwork
from tfar.training.arrays import checksum, epoch_length
from tfar.training.baselines import start_at_marginals
from tfar.training.feed import Feed

STRETCH = 1000  # characters whose mean is one number of the standard error
VALIDATION_WINDOW = 1024  # long, so that few characters are scored with little before them


class Carry(keras.callbacks.Callback):
    """The states that each training batch hands to the next; each pass over the text begins with fresh ones.

    Args:
        network: a `tfar.networks.SequenceNetwork`.
        batch_size: rows of a batch.
        pass_steps: batches in a pass.
        epoch_steps: batches in an epoch.

    Attributes:
        states: variables of the structure of `network.initial_state`.
    """

    def __init__(self, network: SequenceNetwork, batch_size: int, pass_steps: int, epoch_steps: int):
        super().__init__()
        self.pass_steps, self.epoch_steps, self.epoch = pass_steps, epoch_steps, 0
        self.fresh = tf.nest.map_structure(tf.convert_to_tensor, network.initial_state(batch_size))
        self.states = tf.nest.map_structure(lambda state: tf.Variable(state, trainable=False), self.fresh)

    @property
    def variables(self) -> list[tf.Variable]:
        """The states as a flat list."""
        return tf.nest.flatten(self.states)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if (self.epoch * self.epoch_steps + batch) % self.pass_steps == 0:
            for variable, value in zip(self.variables, tf.nest.flatten(self.fresh), strict=True):
                variable.assign(value)


def text_feed(model: CharacterModel, train: np.ndarray, validation: np.ndarray, settings: config.SequenceTraining, start: bool) -> Feed:
    """What the training loop is fed for a text, codes `[n]`; see `tfar.training.fit`."""
    if model.network.context_size:
        raise ValueError(
            "a text has no contexts; train on windows with model.fit(windows, context). "
            f"Received: context_size={model.network.context_size}"
        )
    if not len(validation):
        raise ValueError("validation must have at least one character. Received: none")
    if start:
        start_at_marginals(model, train)
    length, carry = settings.sequence_length, settings.carry
    batch_size = min(settings.batch_size, max(1, len(train) // length))
    pass_steps = steps_per_pass(len(train), length, batch_size)

    def stream(first: int) -> tf.data.Dataset:
        found = windows(train, length, batch_size, settings.seed, carry, first)
        return found.map(lambda x, _: x) if carry else found

    held = min(len(validation), VALIDATION_WINDOW)
    rows = validation[: len(validation) // held * held].reshape(-1, held).astype(np.int32)
    feed = functools.partial(
        Feed,
        batches=stream,
        pass_steps=pass_steps,
        validation={"validation_data": (rows,), "validation_batch_size": batch_size},
        identity={
            "batch_size": batch_size,
            "characters": len(train),
            "data": checksum([train]),
            "validation": checksum([validation]),
        },
    )
    if not carry:
        return feed()
    carried = Carry(model.network, batch_size, pass_steps, epoch_length(pass_steps, settings.epoch_steps))
    return feed(arguments={"carried": carried.states}, callbacks=[carried], variables=carried.variables)


def evaluate(model: CharacterModel, codes: np.ndarray, streams: int = 64) -> dict[str, Any]:
    """Score a text.

    Args:
        model: a `CharacterModel`.
        codes: integers `[n]`.
        streams: how many parts of the text are scored side by side; 1 is exact.

    Returns:
        Dict of `nll`, nats per character; its standard error `nll_error`, from the spread of the means of stretches of
        1,000 characters, which are less alike than characters; `bits_per_character`; `characters`.

    Raises:
        ValueError: there are no characters.
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
