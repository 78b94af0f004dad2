"""Does a network keep the contract? Which dimension depends on which, found by trying."""

import numpy as np
import tensorflow as tf

from tfar.orders import as_order, inverse
from tfar.validation import given_event_shape


def dependencies(network, event_shape=None, context=None, num_classes=None, trials=3, seed=0, **member):
    """Return which parameters change with which value, bool `[D, D]`: `[i, j]` is True where those at j change with x_i.

    Every dimension of a few random examples is changed in turn. Changes up to rounding (1e-5 of the largest parameter) do not count.

    Args:
        network: maps floats `x [B, *event_shape]` to `[B, *event_shape, P]`.
        event_shape: of a network that does not know its own.
        context: one context `[C]`, or None.
        num_classes: number of values; None for the network's own, or for real values.
        trials: number of random examples.
        seed: of the examples.
        **member: selects a member of the network.
    """
    event_shape = tuple(given_event_shape(network, getattr(network, "event_shape", None) or event_shape))
    size = int(np.prod(event_shape))
    num_classes = num_classes or getattr(network, "num_classes", None)
    generator = np.random.default_rng(seed)
    found = np.zeros((size, size), bool)
    for _ in range(trials):
        if num_classes:
            x = generator.integers(num_classes, size=size)
            other = (x + generator.integers(1, num_classes, size=size)) % num_classes
        else:
            x, other = generator.normal(size=(2, size)).astype(np.float32)
        rows = np.repeat(x[None], size + 1, axis=0)
        rows[np.arange(size), np.arange(size)] = other
        args = [tf.constant(rows.reshape(-1, *event_shape), tf.float32)]
        if context is not None:
            args.append(tf.repeat(tf.convert_to_tensor(context)[None], size + 1, axis=0))
        params = np.asarray(network(*args, **member)).reshape(size + 1, size, -1)
        change = np.abs(params[:-1] - params[-1]).max(axis=-1)  # [changed value, position]
        found |= ~(change <= 1e-5 * max(np.abs(params[-1]).max(), 1e-30))  # NaN counts as a change
    return found


def check_autoregressive(network, order=None, event_shape=None, context=None, num_classes=None, seed=0, **member):
    """Raise where the parameters of a position depend on its own or on a later value of the order.

    Args:
        network: a `tfar` network, or any callable that maps floats `x [B, *event_shape]` (and `context [B, C]`) to
            `[B, *event_shape, P]`.
        order: the order to check, a permutation of 0..D-1; None for the network's own, or else the natural one. An order-agnostic
            network is asked to work in it.
        event_shape, context, num_classes, seed, member: as in `tfar.testing.dependencies`.

    Returns:
        The dependencies that were found, bool `[D, D]`.

    Raises:
        ValueError: names the dimensions whose parameters depend on what they must not.

    >>> check_autoregressive(lambda x: x[..., None], event_shape=[2])
    Traceback (most recent call last):
    ...
    ValueError: parameters depend on values that are not before them in the order [0, 1]. Received: 0 on 0; 1 on 1
    """
    if order is not None and getattr(network, "order_agnostic", False):
        member = {**member, "order": as_order(order, network.event_size)}
    found = dependencies(network, event_shape, context, num_classes, seed=seed, **member)
    size = len(found)
    if order is None and hasattr(network, "generation_order"):
        order = np.asarray(network.generation_order(**member))
    order = as_order(order, size)
    ranks = inverse(order)
    wrong = np.argwhere((found & (ranks[:, None] >= ranks[None, :])).T)
    if len(wrong):
        pairs = "; ".join(f"{j} on {i}" for j, i in wrong[:10]) + (f"; and {len(wrong) - 10} more" if len(wrong) > 10 else "")
        shown = order.tolist() if size <= 20 else f"{order[:20].tolist()[:-1]}..."
        raise ValueError(f"parameters depend on values that are not before them in the order {shown}. Received: {pairs}")
    return found
