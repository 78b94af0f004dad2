"""What the tests of models of text share."""

import numpy as np

import tfar
from tfar.distributions import writing

LETTERS = "abcdefgh"


def randomize(network, scale=0.6, seed=0):
    if not network.built:
        network.build()
    generator = np.random.default_rng(seed)
    for weight in network.trainable_weights:
        weight.assign(generator.normal(size=weight.shape, scale=scale))
    return network


def text_model(symbols=LETTERS, length=12, **options):
    model = tfar.CharRNN(symbols, length, **{"dropout": 0.0, "units": 16, "num_layers": 2, "embedding": 5, **options})
    randomize(model.network)
    return model


def scored(network, head, codes, *args, **options):
    """Log-probabilities of the symbols of a text, `[n]`."""
    nats = np.full(len(codes), np.nan)
    for start, piece in writing.score_text(network, head, codes, *args, **options):
        assert np.isnan(nats[start : start + len(piece)]).all()  # each is scored once
        nats[start : start + len(piece)] = piece
    return nats
