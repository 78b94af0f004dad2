"""Which parameters of a network depend on which values, found by perturbation."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfar.orders import as_order, inverse
from tfar.validation import given_event_shape


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
    sizes = getattr(network, "params_sizes", None)
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
        starts = np.arange(size) * (params.shape[1] // size) if sizes is None else np.cumsum(sizes) - sizes
        change = np.maximum.reduceat(np.abs(params[:-1] - params[-1]), starts, axis=1)  # (D, D): changed value, position
        depends |= ~(change <= 1e-5 * max(np.abs(params[-1]).max(), 1e-30))  # NaN counts as a change
    return depends


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
        shown = order.tolist() if size <= 20 else f"{order[:20].tolist()[:-1]}..."
        raise ValueError(f"parameters depend on values that are not before them in the order {shown}. Received: {pairs}")
    return depends
