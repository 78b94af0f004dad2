"""Which parameters of a network depend on which values, found by perturbation."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfar.orders import as_order, inverse
from tfar.validation import given_event_shape

SPOTS = 64  # positions at which `spot_check` looks, one row for each


def dependencies(
    network: Callable[..., Any],
    event_shape: Sequence[int] | None = None,
    context: Any = None,
    num_classes: int | None = None,
    trials: int = 3,
    seed: int = 0,
    **member: Any,
) -> np.ndarray:
    """Find which parameters change with which values.

    Each dimension of a few random examples is changed in turn. A change of at most 1e-5 of the largest parameter counts as rounding.

    Args:
        network: maps floats `x [B, *event_shape]`, and `context [B, C]` if there is one, to parameters `[B, *event_shape, P]`.
        event_shape: shape of one example; None for that of a network which has an `event_shape`.
        context: one context `[C]`, or None.
        num_classes: number K of values 0..K-1; None for `network.num_classes`, or for real values.
        trials: number of random examples.
        seed: seed of the examples.
        **member: keyword arguments of `network` that select one of its members.

    Returns:
        bool `[D, D]`: `[i, j]` is True where the parameters at j depend on x_i.

    Raises:
        ValueError: `event_shape` is needed and None.

    >>> dependencies(lambda x: tf.cumsum(x, axis=1, exclusive=True)[..., None], event_shape=[3]).astype(int).tolist()
    [[0, 1, 1], [0, 0, 1], [0, 0, 0]]
    """
    event_shape = tuple(given_event_shape(network, getattr(network, "event_shape", None) or event_shape))
    size = int(np.prod(event_shape))
    classes = np.array([num_classes or _classes(network, dimension) for dimension in range(size)])  # 0 for real values
    generator = np.random.default_rng(seed)
    depends = np.zeros((size, size), bool)
    for _ in range(trials):
        x, other = generator.normal(size=(2, size)).astype(np.float32)
        for d in np.flatnonzero(classes):
            x[d] = generator.integers(classes[d])
            other[d] = (x[d] + generator.integers(1, classes[d])) % classes[d]
        rows = np.repeat(x[None], size + 1, axis=0)  # row i has another x_i, the last row is unchanged
        rows[np.arange(size), np.arange(size)] = other
        args = [tf.constant(rows.reshape(-1, *event_shape), tf.float32)]
        if context is not None:
            args.append(tf.repeat(tf.convert_to_tensor(context)[None], size + 1, axis=0))
        params = np.asarray(network(*args, **member)).reshape(size + 1, -1)
        depends |= _differences(network, params, size)
    return depends


def spot_check(network: Any, num_classes: Any = None, seed: int = 0) -> None:
    """Check with a few rows that a network is autoregressive: in seconds, for images too.

    For each of at most 64 positions of the order, its value and a random half of those after it are changed: no parameters up to that
    position may change. That finds what depends on a later position across one of the 64, and what depends on its own value at one of
    them. An event of at most 64 dimensions is checked at every position; of a larger one the first, the last and random positions are.

    Args:
        network: a `tfar.networks.AutoregressiveNetwork`; of one with members the first is checked.
        num_classes: number of values of each dimension, of which the examples are made; 0 for real values, None for what the network says.
        seed: of positions and examples.

    Raises:
        ValueError: parameters depend on their own value or on a later one. The message names some of their dimensions.

    >>> from tfar.networks import MADE, WrappedNetwork
    >>> spot_check(MADE([3], hidden_units=[8]))
    >>> spot_check(WrappedNetwork(lambda x: x[..., None], [3]))
    Traceback (most recent call last):
    ...
    ValueError: a network must be autoregressive: ... in the order [0, 1, 2]. Received: parameters of the dimensions 0, 1, 2 that do not
    """
    size, generator = network.event_size, np.random.default_rng(seed)
    classes = [_classes(network, dimension) for dimension in range(size)] if num_classes is None else num_classes
    classes = np.broadcast_to(np.asarray(classes), [size])
    order = np.asarray(network.generation_order(**network.member(0)))
    ends = {0, size - 1}
    cuts = np.array(sorted(ends | {*generator.permutation(size)[: SPOTS - len(ends)].tolist()}))
    depends = np.zeros(size, bool)
    for _ in range(2):
        x, other = (_example(generator, classes) for _ in range(2))
        other = np.where(classes, (x + 1 + other % np.maximum(classes - 1, 1)) % np.maximum(classes, 1), other)  # a class that is not x
        ranks = inverse(order)[None]
        changes = (ranks == cuts[:, None]) | ((ranks > cuts[:, None]) & (generator.random([len(cuts), size]) < 0.5))
        params = _parameters(network, np.concatenate([np.where(changes, other, x), x[None]]), generator)
        depends |= (_differences(network, params, size) & (ranks <= cuts[:, None])).any(axis=0)
    if depends.any():
        wrong = np.flatnonzero(depends)
        shown = ", ".join(map(str, wrong[:10])) + (f" and {len(wrong) - 10} more" if len(wrong) > 10 else "")
        raise ValueError(
            "a network must be autoregressive: the parameters of a dimension may depend on the values before it alone, "
            f"in the order {_shown(order)}. Received: parameters of the dimensions {shown} that do not"
        )


def _example(generator: np.random.Generator, classes: np.ndarray) -> np.ndarray:
    """A random value of each dimension, `[D]`."""
    real = generator.normal(size=len(classes))
    return np.where(classes, generator.integers(np.maximum(classes, 1)), real).astype(np.float32)


def _parameters(network: Any, rows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The parameters of rows `[N, D]` in one context, by dimension, `[N, sum_d P_d]`."""
    args = [tf.constant(rows.reshape(-1, *network.event_shape))]
    if network.context_size:
        args.append(tf.repeat(tf.constant(generator.normal(size=[1, network.context_size]), tf.float32), len(rows), axis=0))
    return np.asarray(network(*args, **network.member(0))).reshape(len(rows), -1)


def _differences(network: Any, params: np.ndarray, size: int) -> np.ndarray:
    """Where the parameters of a dimension differ from those of the last row, by more than rounding, bool `[N - 1, D]`."""
    sizes = getattr(network, "params_sizes", None)
    starts = np.arange(size) * (params.shape[1] // size) if sizes is None else np.cumsum(sizes) - sizes
    change = np.maximum.reduceat(np.abs(params[:-1] - params[-1]), starts, axis=1)
    return ~(change <= 1e-5 * max(np.abs(params[-1]).max(), 1e-30))  # NaN counts as a change


def _shown(order: np.ndarray) -> str:
    """An order in a message, which an image would fill."""
    return str(order.tolist()) if len(order) <= 20 else f"{order[:20].tolist()[:-1]}..."


def _classes(network: Any, dimension: int) -> int:
    """K where the values of a dimension are the integers 0..K-1, else 0."""
    encoding = getattr(network, "encoding", None)
    return (getattr(network, "num_classes", None) if encoding is None else encoding.of(dimension).num_classes) or 0


def check_autoregressive(
    network: Callable[..., Any],
    order: Any = None,
    event_shape: Sequence[int] | None = None,
    context: Any = None,
    num_classes: int | None = None,
    seed: int = 0,
    **member: Any,
) -> np.ndarray:
    """Check that the parameters at each position depend on earlier positions of the order alone.

    Args:
        network: a `tfar` network, or any callable that maps floats `x [B, *event_shape]`, and `context [B, C]` if there is one, to
            parameters `[B, *event_shape, P]`.
        order: the order to check, a permutation of 0..D-1, "natural" or "reversed"; None for the network's own, or the natural one where
            it has none. An order-agnostic network is evaluated in this order.
        event_shape, context, num_classes, seed, member: as in `tfar.testing.dependencies`.

    Returns:
        The dependencies, bool `[D, D]`.

    Raises:
        ValueError: some parameters depend on the value at their own or at a later position. The message names the dimensions.

    >>> check_autoregressive(lambda x: x[..., None], event_shape=[2])
    Traceback (most recent call last):
    ...
    ValueError: parameters depend on values that are not before them in the order [0, 1]. Received: 0 on 0; 1 on 1
    """
    if order is not None and getattr(network, "order_agnostic", False):
        member = {**member, "order": as_order(order, getattr(network, "event_size"))}  # noqa: B009
    depends = dependencies(network, event_shape, context, num_classes, seed=seed, **member)
    size = len(depends)
    generation_order = getattr(network, "generation_order", None)
    if order is None and generation_order is not None:
        order = np.asarray(generation_order(**member))
    order = as_order(order, size)
    ranks = inverse(order)
    wrong = np.argwhere((depends & (ranks[:, None] >= ranks[None, :])).T)
    if len(wrong):
        pairs = "; ".join(f"{j} on {i}" for j, i in wrong[:10]) + (f"; and {len(wrong) - 10} more" if len(wrong) > 10 else "")
        raise ValueError(f"parameters depend on values that are not before them in the order {_shown(order)}. Received: {pairs}")
    return depends
