"""What the tests of models of text share."""

import numpy as np

import tfar
from support.weights import randomize
from tfar.distributions import writing

LETTERS = "abcdefgh"


def ruled_text():
    """Letters that follow each other by rule: after a letter, the next one or the one after it."""
    generator = np.random.default_rng(0)
    return np.cumsum(generator.integers(1, 3, 6000)).astype(np.int32) % len(LETTERS)


def text_model(symbols=LETTERS, length=12, **options):
    model = tfar.CharRNN(symbols, length, **{"dropout": 0.0, "units": 16, "num_layers": 2, "embedding": 5, **options})
    randomize(model.network, scale=0.6, trainable=True)
    return model


def scored(network, head, codes, *args, **options):
    """Log-probabilities of the symbols of a text, `[n]`."""
    nats = np.full(len(codes), np.nan)
    for start, piece in writing.score_text(network, head, codes, *args, **options):
        assert np.isnan(nats[start : start + len(piece)]).all()  # each is scored once
        nats[start : start + len(piece)] = piece
    return nats
