"""Probabilities of ranges and sets of values, by progressive sampling."""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import numpy as np
import tensorflow as tf

from tfar import noise
from tfar.datasets.conditions import encoded
from tfar.datasets.schema import Schema
from tfar.heads import Columns
from tfar.heads.column_base import Allowed, ColumnHead
from tfar.networks.base import AutoregressiveNetwork
from tfar.validation import check_counts

PART = 5_000  # rows that are drawn at once


class Probability(NamedTuple):
    """An estimate of a probability, and its standard error: numbers, or float64 `[Q]` of several queries."""

    estimate: Any
    standard_error: Any


def probability(
    network: AutoregressiveNetwork, head: Columns, schema: Schema, query: Any, seed: Any = None, draws: int = 1000
) -> Probability:
    """Estimate P(x_d in A_d for every d that a query names) by progressive sampling (Yang et al. 2019).

        P = E[prod_d P(x_d in A_d | x_<d)],   x_d drawn given that it is in A_d, a column without a condition freely

    The walk ends at the last column that has a condition. It costs at most a sample of as many rows, and the estimate is unbiased. An
    order-agnostic network puts the columns with conditions first. The members of another network are averaged, with `draws` of each, and
    so are the networks of an ensemble.

    Args:
        network: of a table, for which `head` is.
        head: the head of each column, a `ColumnHead`.
        schema: of the table.
        query: a condition for each of some columns by name, as `tfar.datasets.conditions.encoded` takes it; or a list of queries.
        seed: an integer or an int32 pair; None for a fresh one. A query of a list has the result that it has alone.
        draws: number of rows, at least 2.

    Returns:
        The estimate and its standard error, which is 0 where the estimate is exact: where the first column of the order is the only one
        that has a condition.

    Raises:
        ValueError: a name is not a column, `draws` is too small, or a condition is not one of its column.
    """
    check_counts(2, draws=draws)
    seed = noise.as_seed(seed)
    if seed.shape.rank != 1:
        raise ValueError(f"seed must be one integer or one int32 pair. Received: seed={seed!r}")
    if isinstance(query, Mapping):
        return _of_one(network, head, _allowed(head, schema, query), seed, draws)
    if not isinstance(query, list | tuple) or not all(isinstance(one, Mapping) for one in query):
        raise ValueError(f"a query must be a dict of conditions by column, or a list of such. Received: {query!r}")
    queries = [_allowed(head, schema, one) for one in query]
    results = np.array([_of_one(network, head, allowed, seed, draws) for allowed in queries]).reshape(-1, 2)
    return Probability(results[:, 0], results[:, 1])


def _allowed(head: Columns, schema: Schema, query: Mapping[str, Any]) -> dict[int, Allowed]:
    """What is allowed in each column that has a condition, by its number."""
    query = {str(label): condition for label, condition in query.items()}
    if unknown := [name for name in query if name not in schema.names]:
        raise ValueError(f"columns must be among {list(schema.names)}. Received: {unknown}")
    pairs: Any = zip(schema.modelled, head.heads, strict=True)
    return {n: of.allow(*encoded(column, query[column.name])) for n, (column, of) in enumerate(pairs) if column.name in query}


def _of_one(network: AutoregressiveNetwork, head: Columns, allowed: dict[int, Allowed], seed: tf.Tensor, draws: int) -> Probability:
    """The probability of one query."""
    if any(of_column.empty for of_column in allowed.values()):
        return Probability(0.0, 0.0)
    if not allowed:
        return Probability(1.0, 0.0)
    means, variances, first = [], [], 0
    for (part, _), share in zip(network.parts(head), np.exp(network.log_shares()), strict=True):
        members = [part.member(number) for number in range(part.num_members)]
        if part.order_agnostic:
            members = [{"order": np.array(sorted(part.order, key=lambda column: column not in allowed), np.int32)}]
        for member in members:
            weights = _weights(part, head, member, allowed, noise.row_seeds(seed, draws, first))
            means.append(share / len(members) * weights.mean())
            variances.append((share / len(members)) ** 2 * weights.var(ddof=1) / len(weights) if len(weights) > 1 else 0.0)
            first += draws
    return Probability(float(np.sum(means)), float(np.sqrt(np.sum(variances))))


def _weights(
    network: AutoregressiveNetwork, head: Columns, member: dict[str, Any], allowed: dict[int, Allowed], seeds: tf.Tensor
) -> np.ndarray:
    """The products of conditional probabilities, float64 `[B]`, of a row for each seed `[B, 2]`; `[1]` where all are the same."""
    order = np.asarray(network.generation_order(**member)).tolist()
    walked = tuple(order[: 1 + max(order.index(column) for column in allowed)])
    sets = [allowed.get(column) or cast(ColumnHead, head.heads[column]).everything for column in walked]
    tensors = [Allowed(*map(tf.constant, of_column)) for of_column in sets]
    walk = functools.partial(_walk, network, head, member, walked)
    if not network.order_agnostic:  # else each set of columns has an order of its own, and compiling it takes longer than walking it
        signature = [tf.TensorSpec([None, 2], tf.int32), [_specs(of_column) for of_column in sets]]
        walk = network.traced(("walk", head, walked), walk, input_signature=signature)
    seeds = seeds if len(walked) > 1 else seeds[:1]
    parts = [walk(seeds[first : first + PART], tensors).numpy() for first in range(0, len(seeds), PART)]
    return np.exp(np.concatenate(parts))


def _walk(
    network: AutoregressiveNetwork, head: Columns, member: dict[str, Any], walked: tuple[int, ...], seeds: tf.Tensor, sets: list[Allowed]
) -> tf.Tensor:
    """The logarithms of these products, float64 `[B]`."""
    rows = tf.shape(seeds)[0]
    uniforms: Any = noise.uniform(seeds, network.event_size * head.noise_size)
    uniforms = tf.reshape(uniforms, [rows, network.event_size, head.noise_size])
    state, previous = network.initial_state(rows, None, value_dtype=head.dtype, **member), tf.zeros([rows], head.dtype)
    total: Any = tf.zeros([rows], tf.float64)
    index: Any
    for index, (column, allowed) in enumerate(zip(walked, sets, strict=True)):
        params, state = network.step(state, index, previous)
        of_column = head.heads[column]
        specs = [tf.TensorSpec([None, params.shape[1]], params.dtype), tf.TensorSpec([None, of_column.noise_size]), _specs(allowed)]
        restricted = network.traced(("restricted", of_column), functools.partial(_restricted, of_column), input_signature=specs)
        log_mass, previous = restricted(params, uniforms[:, column, : of_column.noise_size], allowed)
        total += log_mass
    return total


def _restricted(head: Any, params: tf.Tensor, uniforms: tf.Tensor, allowed: Allowed) -> tuple[tf.Tensor, tf.Tensor]:
    """The log-probability `[B]` of what is allowed in a column, and a draw of it `[B]`."""
    return tf.cast(head.log_mass(params, allowed), tf.float64), head.draw_within(params, uniforms, allowed)


def _specs(allowed: Allowed) -> Allowed:
    """The shapes of what is allowed in a column, with any number of intervals."""
    return Allowed(tf.TensorSpec(allowed.shares.shape, tf.float64), tf.TensorSpec([None, 2], tf.float64))
