"""One column at a time through a stack of masked dense layers, in unrolled steps of exact sizes.

The columns of a table have different numbers of features and parameters, so the loop over them is unrolled, and each step slices what it
needs. A unit of degree m is computed once, in step m, from all units of smaller or equal degrees, which are a prefix where units are
sorted by degree. A whole sample therefore costs the products that the masks leave of one pass: no unit and no category is padded.

Layers are numbered 0 for the inputs, 1..L for the hidden layers, L + 1 for the outputs. Arrays are `[units, B]`.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfar.networks.base import Size, State

if TYPE_CHECKING:
    from tfar.networks.masked_stepping import MaskedStepping


def initial_state(network: "MaskedStepping", batch_size: Size, context: tf.Tensor | None, member: Any) -> State:
    """The state before the first column: kernels sorted by degree, sums of what no value adds to, and no values.

    Args:
        network: the network.
        batch_size: B.
        context: `[B, C]` or None.
        member: number of the member, which must be known before the graph runs.
    """
    member = int(tf.get_static_value(member))
    degrees = network.degrees(member)
    sorts = [np.argsort(of_layer, kind="stable") for of_layer in degrees]
    terms = {} if context is None else network.context_terms(context)
    sums: dict[int, Any] = {layer: tf.transpose(term) for layer, term in terms.items()}
    kernels = []
    for layer, source, target in network.connections:
        kernel = layer.masked_kernel(degrees[source], degrees[target])
        kernels.append(tf.gather(tf.gather(kernel, sorts[source], axis=0), sorts[target], axis=1))
        offset = layer.offset(degrees[source], degrees[target])
        if offset is not None:
            sums[target] = sums.get(target, 0.0) + offset[:, None]
    start = tf.zeros([1, batch_size], network.compute_dtype)  # sums have a column for each row of the batch
    return {
        "order": network.generation_order(member=member),
        "degrees": [of_layer[sort] for of_layer, sort in zip(degrees, sorts, strict=True)],
        "kernels": kernels,
        "sums": [tf.gather(sums[layer] + start, sorts[layer], axis=0) for layer in range(1, len(degrees))],
        "values": [[] for _ in degrees[:-1]],
    }


def step(network: "MaskedStepping", state: State, index: Any, previous: tf.Tensor) -> tuple[tf.Tensor, State]:
    """The parameters `[B, P_d]` of the index-th column, and the next state; as `AutoregressiveNetwork.step`."""
    index, degrees = int(tf.get_static_value(index)), state["degrees"]
    values: list[list[Any]] = [list(parts) for parts in state["values"]]
    if index > 0:
        values[0].append(network.encode_value(previous, int(state["order"][index - 1])))
    for layer in range(1, len(degrees)):
        last = layer == len(degrees) - 1
        degree = index + 1 if last else index  # an output sees smaller degrees alone
        first, end = (int(np.searchsorted(degrees[layer], degree, side)) for side in ("left", "right"))
        if first == end:
            continue
        sums = state["sums"][layer - 1][first:end]
        for (_, source, target), kernel in zip(network.connections, state["kernels"], strict=True):
            if target == layer and values[source]:
                inputs = values[source][0] if len(values[source]) == 1 else tf.concat(values[source], axis=0)
                sums += tf.matmul(kernel[: inputs.shape[0], first:end], inputs, transpose_a=True)
        if last:
            return tf.transpose(sums), {**state, "values": values}
        values[layer].append(network.activation(sums))
    raise AssertionError("each column has parameters")
