"""What `tfar train` prints of a network before it trains it: its layers and their parameters."""

import re
from typing import Any

import numpy as np


def layers(network: Any) -> list[str]:
    """A line for each layer: its name, the shapes of its weights, and its parameters; alike layers, which a number tells apart, share one.

    Args:
        network: a built `tfar.networks.AutoregressiveNetwork`.

    >>> import tfar
    >>> print("\\n".join(layers(tfar.MADE([4], hidden_units=[6, 6]).network)))
      hidden_0  kernel 4x6, bias 6        30
      hidden_1  kernel 6x6, bias 6        42
      output    kernel 6x4, bias 4        28
      direct    kernel 4x4                16
      70 of the 116 trainable parameters are not masked
    """
    groups: dict[tuple[str, str], list[int]] = {}
    names: dict[tuple[str, str], list[str]] = {}
    for name, weights in _parts(network):
        shapes = ", ".join(f"{label}{'x'.join(map(str, shape))}" for label, shape in weights)
        key = re.sub(r"_\d+", "", name), shapes
        groups.setdefault(key, []).append(sum(int(np.prod(shape)) for _, shape in weights))
        names.setdefault(key, []).append(name)
    rows = [(names[key][0] if len(sizes) == 1 else f"{len(sizes)} x {key[0]}", key[1], f"{sum(sizes):,}") for key, sizes in groups.items()]
    wide = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [f"  {name.ljust(wide[0])}  {shapes.ljust(wide[1])}  {size.rjust(max(wide[2], 8))}" for name, shapes, size in rows]
    effective, total = connected(network), sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    return lines if effective is None else [*lines, f"  {effective:,} of the {total:,} trainable parameters are not masked"]


def _parts(network: Any) -> list[tuple[str, list[tuple[str, tuple[int, ...]]]]]:
    """The trainable weights by layer: its name, and the name and shape of each; a weight of the network itself is a layer of its own."""
    parts: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    for weight in network.trainable_weights:
        *above, name = weight.path.split("/")
        own = len(above) < 2
        parts.setdefault(name if own else above[1], []).append(("" if own else f"{name} ", tuple(weight.shape)))
    return list(parts.items())


def connected(network: Any) -> int | None:
    """The number of trainable parameters that masks leave, biases too, those of frozen layers not.

    None for a network without masks of degrees, or with several.
    """
    from tfar.masks import dense_mask

    if not hasattr(network, "connections") or network.num_members > 1:
        return None
    degrees = [np.asarray(part) for part in network.degrees(0)]
    cut = 0
    for layer, source, target in network.connections:
        mask = np.asarray(dense_mask(degrees[source], degrees[target], layer.strict, layer.window))
        if mask.shape != tuple(layer.kernel.shape):  # a table's columns have several features and parameters each
            return None
        cut += int((~mask.astype(bool)).sum()) if layer.kernel.trainable else 0
    return sum(int(np.prod(weight.shape)) for weight in network.trainable_weights) - cut
