"""A text as a training and an evaluation need it: truncated backpropagation through time, and scores per character."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfar import config
from tfar.datasets import steps_per_pass, windows
from tfar.distributions import writing
from tfar.models import CharacterModel
from tfar.models.starting import start_at_marginals
from tfar.training.arrays import checksum
from tfar.training.feed import Feed

STRETCH = 1000  # characters whose mean is one number of the standard error
VALIDATION_WINDOW = 1024  # long, so that few characters are scored with little before them


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
        return found.map(lambda x, *_: {"x": x})

    held = min(len(validation), VALIDATION_WINDOW)
    rows: Any = {"x": validation[: len(validation) // held * held].reshape(-1, held).astype(np.int32)}
    identity = {"batch_size": batch_size, "characters": len(train), "data": checksum([train]), "validation": checksum([validation])}
    return Feed(
        batches=stream,
        batch_size=batch_size,
        pass_steps=pass_steps,
        validation=lambda: tf.data.Dataset.from_tensor_slices(rows).batch(batch_size),
        validation_rows=len(rows["x"]),
        identity=identity,
        carry=carry,
    )


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
    return summary_of_stretches(stretches(model, codes, streams), len(codes))


def stretches(model: CharacterModel, codes: np.ndarray, streams: int = 64) -> np.ndarray:
    """The log-probabilities `[S]` of stretches of about 1,000 characters, nats; arguments and errors as in `evaluate`."""
    if not len(codes):
        raise ValueError("there must be at least one character to score. Received: none")
    ends = _ends(len(codes))
    nats = np.zeros(len(ends))  # of each stretch; one for each symbol would be four times the text
    for start, piece in writing.score_text(model.network, model.head, codes, streams):
        np.add.at(nats, np.searchsorted(ends, np.arange(start, start + len(piece)), side="right"), piece)
    return nats


def means_of_stretches(log_prob: np.ndarray, characters: int) -> np.ndarray:
    """The log-probabilities `[S]` of `stretches` per character, of a text of so many characters."""
    return log_prob / np.diff(_ends(characters), prepend=0)


def summary_of_stretches(log_prob: np.ndarray, characters: int) -> dict[str, Any]:
    """What `evaluate` returns, of the log-probabilities `[S]` of `stretches`."""
    means = means_of_stretches(log_prob, characters)
    error = float(means.std(ddof=1) / np.sqrt(len(means))) if len(means) > 1 else float("nan")
    nll = -float(log_prob.sum() / characters)
    return {"nll": nll, "nll_error": error, "bits_per_character": nll / float(np.log(2)), "characters": characters}


def _ends(characters: int) -> np.ndarray:
    """Where the stretches of a text end."""
    count = max(1, characters // STRETCH)
    return np.arange(1, count + 1) * characters // count
