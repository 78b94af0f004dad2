"""Layers of a network that training leaves as they are."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

import keras

from tfar.networks import AutoregressiveNetwork


def layers_of(network: AutoregressiveNetwork) -> list[tuple[str, keras.layers.Layer]]:
    """The layers of a network that have weights, with their names: "hidden_0", "lstm_0/lstm_cell".

    >>> from tfar.networks import MADE
    >>> network = MADE([4], hidden_units=[8])
    >>> network.ensure_built()
    >>> sorted(name for name, _ in layers_of(network))
    ['direct', 'hidden_0', 'output']
    """
    layers = network._flatten_layers(include_self=False)
    return [((layer.path or layer.name).removeprefix(f"{network.path}/"), layer) for layer in layers if layer.weights]


def frozen_layers(network: AutoregressiveNetwork) -> list[str]:
    """The names of the layers whose `trainable` is False, sorted."""
    return sorted(name for name, layer in layers_of(network) if not layer.trainable)


def freeze(network: AutoregressiveNetwork, patterns: Iterable[str]) -> None:
    """Set `trainable` to False in the layers whose names match.

    Args:
        network: a built network.
        patterns: names of layers as `layers_of` gives them, or globs of them: "hidden_0", "down_*".

    Raises:
        ValueError: a pattern matches no layer.

    >>> from tfar.networks import MADE
    >>> network = MADE([4], hidden_units=[8, 8])
    >>> network.ensure_built()
    >>> freeze(network, ["hidden_*"])
    >>> frozen_layers(network)
    ['hidden_0', 'hidden_1']
    """
    layers = layers_of(network)
    for pattern in patterns:
        matched = [layer for name, layer in layers if fnmatchcase(name, pattern)]
        if not matched:
            known = f"which are {', '.join(sorted(name for name, _ in layers))}" if layers else "which has no layers of its own"
            raise ValueError(f"layers to freeze must be layers of the network, {known}. Received: {pattern!r}")
        for layer in matched:
            layer.trainable = False
