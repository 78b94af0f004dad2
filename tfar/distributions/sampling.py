"""The loop that samples and completes position by position, and fixed-point iteration, its alternative for networks without a cache.

Everything here is laid out position-major, `[D, B]` in the order of generation, so that a step reads and writes whole rows.
"""

from collections.abc import Callable
from typing import Any, Protocol, cast

import tensorflow as tf

from tfar import noise
from tfar.heads.base import Head
from tfar.networks.base import AutoregressiveNetwork
from tfar.networks.stepwise import Stepwise

METHODS = ("stepping", "naive", "fixed_point")

Network = AutoregressiveNetwork | Stepwise
State = Any  # a nest of tensors and TensorArrays


class Draws(Protocol):
    """What the loops need of a head."""

    dtype: tf.DType

    def draw(self, params: tf.Tensor, noise: tf.Tensor, dimension: Any = None) -> tf.Tensor:
        """As `tfar.heads.Head.draw`."""
        ...


class EventDraws(Draws, Protocol):
    """What fixed-point iteration needs of the head of columns."""

    def draw_event(self, params: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """As `tfar.heads.Columns.draw_event`."""
        ...


def sample_rows(
    network: AutoregressiveNetwork,
    head: Head,
    seeds: Any,
    context: tf.Tensor | None = None,
    observed: tf.Tensor | None = None,
    values: tf.Tensor | None = None,
    member: dict[str, Any] | None = None,
    method: str = "stepping",
) -> tf.Tensor:
    """Draw one example per row from the row's own seed, and keep observed values.

    Args:
        network: a `tfar.networks.AutoregressiveNetwork`.
        head: a `tfar.heads.Head`.
        seeds: int32 `[B, 2]`.
        context: `[B, C]` or None.
        observed: which values are given, bool `[B, *event]`, or None for none.
        values: the given values `[B, *event]`; those not observed are ignored.
        member: keyword arguments that select a member of the network.
        method: "stepping" (the network's own cache), "naive" (a call of the whole network for each position), or "fixed_point"
            (`fixed_point`). All draw the same.

    Returns:
        Values `[B, *event]`.

    Raises:
        ValueError: an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}. Received: method={method!r}")

    def empty() -> tf.Tensor:  # not every operation of a loop has a kernel for an empty batch
        return tf.zeros([0, *network.event_shape], head.dtype)

    if seeds.shape[0] == 0:  # tf.cond would trace the other branch too, for an empty batch
        return empty()
    member, size = member or {}, network.event_size
    order = tf.convert_to_tensor(network.generation_order(**member))
    uniforms = noise.uniform(seeds, size * head.noise_size)
    uniforms = into_order(tf.reshape(uniforms, [-1, size, head.noise_size]), order)  # (D, B, N)
    if observed is not None and values is not None:
        observed = into_order(tf.reshape(observed, [-1, size]), order)
        values = into_order(tf.reshape(tf.cast(values, head.dtype), [-1, size]), order)
    loop = fixed_point if method == "fixed_point" else generate
    stepped = Stepwise(network) if method == "naive" else network

    def draw() -> tf.Tensor:
        x = loop(stepped, head, uniforms, context, observed, values, **member)
        return tf.reshape(from_order(x, order), [-1, *network.event_shape])

    if seeds.shape[0] is not None:
        return draw()
    return tf.cond(tf.shape(seeds)[0] > 0, draw, empty)


def generate(
    network: Network,
    head: Draws,
    uniforms: tf.Tensor,
    context: tf.Tensor | None = None,
    given: tf.Tensor | None = None,
    values: tf.Tensor | None = None,
    **member: Any,
) -> tf.Tensor:
    """Draw the positions one after the other: x_k = given_k ? value_k : draw(params_k(x_<k), noise_k, order_k).

    The one loop of sampling, completion and teacher forcing. It is a `tf.while_loop` over blocks around one over positions.

    Args:
        network: a network with the stepping protocol.
        head: the head that draws.
        uniforms: uniform noise `[D, B, noise_size]`, in the order of generation.
        context: `[B, C]` or None.
        given: which values are given, bool `[D, B]` in the order of generation; None for none.
        values: the given values `[D, B]`; the others are ignored.
        **member: selects a member of the network.

    Returns:
        Values `[D, B]` in the order of generation.
    """
    state = network.initial_state(tf.shape(uniforms)[1], context, value_dtype=head.dtype, **member)
    return advance(network, head, uniforms, state, given, values, position_major(network.generation_order(**member)))[0]


def advance(
    network: Network,
    head: Draws,
    uniforms: tf.Tensor,
    state: State,
    given: tf.Tensor | None = None,
    values: tf.Tensor | None = None,
    dimensions: Any = None,
) -> tuple[tf.Tensor, State]:
    """Continue `generate` from a state. D is that of the arguments; a network of one block takes any D.

    Args:
        network, head, uniforms, given, values: as in `generate`.
        state: a state of the network.
        dimensions: which dimension of the event each position is, int32 `[D]`, or `[D, B]` where each row has its own order; None for
            0..D-1. An array is a constant in the loop, which costs nothing where the head ignores it.

    Returns:
        Values `[D, B]`, and the state that the last step returned, which the last value has not entered yet.
    """
    if network.per_column:
        return _unrolled(network, head, uniforms, state, given, values, dimensions)
    block_size, blocks = network.block_size, -(-network.event_size // network.block_size)
    known = uniforms.shape[0]
    size: Any = tf.shape(uniforms)[0] if known is None else known
    out = tf.TensorArray(head.dtype, size, element_shape=[uniforms.shape[1]], infer_shape=True)
    even = known is not None and block_size % network.stride == 0 and known % network.stride == 0
    stride = network.stride if even else 1
    first = tf.ensure_shape(tf.zeros([tf.shape(uniforms)[1]], head.dtype), [uniforms.shape[1]])

    def draw(state: State, index: tf.Tensor, previous: tf.Tensor) -> tuple[tf.Tensor, State]:
        params, state = network.step(state, index, previous)
        dimension = index if dimensions is None else tf.gather(dimensions, index)  # () or (B,)
        value = head.draw(params, tf.gather(uniforms, index), dimension)
        if given is not None and values is not None:
            value = tf.where(tf.gather(given, index), tf.gather(values, index), value)
        return tf.ensure_shape(value, previous.shape), state

    def enter(state: State, number: tf.Tensor, previous: tf.Tensor) -> tuple[tf.Tensor, State]:
        return previous, network.enter_block(state, number, previous)

    drawn, entered = Traced(draw), Traced(enter)

    def position(index: tf.Tensor, previous: tf.Tensor, out: tf.TensorArray, state: State) -> tuple[tf.Tensor, tf.TensorArray, State]:
        value, state = drawn(state, index, previous)
        return value, out.write(index, value), state

    def positions(start: Any, end: Any, previous: tf.Tensor, out: tf.TensorArray, state: State) -> tuple[tf.Tensor, tf.TensorArray, State]:
        return _loop(start, end, position, previous, out, state, drawn.changing(state, previous), stride)

    def block(number: tf.Tensor, previous: tf.Tensor, out: tf.TensorArray, state: State) -> tuple[tf.Tensor, tf.TensorArray, State]:
        end = tf.minimum((number + 1) * block_size, size)
        return positions(number * block_size, end, previous, out, entered(state, number, previous)[1])

    zero = tf.constant(0)
    if blocks == 1:
        _, out, state = positions(zero, size, first, out, network.enter_block(state, zero, first))
    else:
        changing = [one or other for one, other in zip(entered.changing(state, first), drawn.changing(state, first), strict=True)]
        _, out, state = _loop(zero, blocks, block, first, out, state, changing)
    return out.stack(), state


class Traced:
    """A function of a state, a number and the values before, which is traced once for all the places of a graph where it is called.

    A loop takes several steps in a round, and which tensors change must be known before it is built. Traced anew each time, the steps would
    take a large part of the time of a first sample.

    Args:
        function: maps a state, an int32 scalar and values `[B]` to a tensor and a state of the same structure, dtypes and shapes, in
            which what does not change are the same objects.
    """

    def __init__(self, function: Callable[[State, tf.Tensor, tf.Tensor], tuple[tf.Tensor, State]]):
        self._function, self._traced = function, tf.function(self._of_tensors, autograph=False)
        self._state: State = None  # the last one that was given, whose structure and arrays are those of all
        self._changing: list[bool] = []

    def _of_tensors(self, tensors: list[tf.Tensor], number: tf.Tensor, previous: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The function's result, and the tensors of the next state that changed."""
        result, state = self._function(_with_tensors(self._state, tensors), number, previous)
        new = _tensors(state)
        self._changing = [_differ(one, old) for one, old in zip(new, tensors, strict=True)]
        for one, old in zip(new, tensors, strict=True):
            if tf.is_tensor(one) and tf.is_tensor(old):
                one.set_shape(old.shape)  # unlike tf.ensure_shape at no cost
        return result, [one for one, changes in zip(new, self._changing, strict=True) if changes]

    def changing(self, state: State, previous: tf.Tensor) -> list[bool]:
        """Return which leaves of a state a call would change."""
        if tf.executing_eagerly():
            return [True] * len(tf.nest.flatten(state))
        self._state = state
        self._traced.get_concrete_function(_tensors(state), tf.TensorSpec([], tf.int32), previous)
        return self._changing

    def __call__(self, state: State, number: tf.Tensor, previous: tf.Tensor) -> tuple[tf.Tensor, State]:
        if tf.executing_eagerly():
            return self._function(state, number, previous)
        self._state = state
        tensors: list[Any] = _tensors(state)
        result, changed = self._traced(tensors, number, previous)
        changed = iter(changed)
        new = [next(changed) if changes else old for changes, old in zip(self._changing, tensors, strict=True)]
        return result, _with_tensors(state, new)


def _differ(one: Any, other: Any) -> bool:
    """Whether leaves of states are other tensors, or other numbers of Python, such as that of a member."""
    return one is not other and (tf.is_tensor(one) or tf.is_tensor(other) or one != other)


def _tensors(state: State) -> list[tf.Tensor]:
    """The tensors of a state in a graph; those of arrays are what stands for them there."""
    return [leaf.flow if isinstance(leaf, tf.TensorArray) else leaf for leaf in tf.nest.flatten(state)]


def _with_tensors(state: State, tensors: list[Any]) -> State:
    """The state of other `_tensors`."""

    def shape(leaf: Any) -> Any:
        return tf.TensorArraySpec.from_value(leaf) if isinstance(leaf, tf.TensorArray) else leaf

    return tf.nest.pack_sequence_as(tf.nest.map_structure(shape, state), tensors, expand_composites=True)


def _unrolled(
    network: Network, head: Draws, uniforms: tf.Tensor, state: State, given: Any, values: Any, dimensions: Any
) -> tuple[tf.Tensor, State]:
    """`advance` over the columns of a table, each of sizes of its own: a loop that is unrolled, and carries any state."""
    previous = tf.ensure_shape(tf.zeros([tf.shape(uniforms)[1]], head.dtype), [uniforms.shape[1]])
    fixed, out = tf.get_static_value(dimensions), []
    index: Any
    for index in range(network.event_size):
        params, state = network.step(state, index, previous)
        dimension = dimensions[index] if fixed is None or fixed.ndim > 1 else int(fixed[index])
        previous = head.draw(params, uniforms[index], dimension)
        if given is not None and values is not None:
            previous = tf.where(given[index], values[index], previous)
        out.append(previous)
    return tf.stack(out), state


def _loop(
    start: Any,
    end: Any,
    body: Callable[..., Any],
    previous: tf.Tensor,
    out: tf.TensorArray,
    state: State,
    changing: list[bool],
    stride: int = 1,
) -> tuple[tf.Tensor, tf.TensorArray, State]:
    """Run `previous, out, state = body(index, previous, out, state)` for each index from `start` to before `end`.

    Args:
        start, end: the indices; their number is a multiple of `stride`.
        body: the function of one index.
        previous, out, state: what the first index is given.
        changing: which leaves of the state a round changes. The others stay outside the loop, which without XLA pays for each tensor
            that it carries.
        stride: indices in one round of the loop.
    """
    leaves = tf.nest.flatten(state)

    def whole(carried: list[Any]) -> State:
        changed = iter(carried)
        return tf.nest.pack_sequence_as(state, [next(changed) if changes else leaf for changes, leaf in zip(changing, leaves, strict=True)])

    def parts(state: State) -> list[Any]:
        return [leaf for changes, leaf in zip(changing, tf.nest.flatten(state), strict=True) if changes]

    def one(index: tf.Tensor, previous: tf.Tensor, out: tf.TensorArray, carried: list[Any]) -> tuple[Any, ...]:
        state = whole(carried)
        for ahead in range(stride):
            previous, out, state = body(index + ahead, previous, out, state)
        return index + stride, previous, out, parts(state)

    _, previous, out, carried = tf.while_loop(lambda index, *_: index < end, one, (start, previous, out, parts(state)))
    return previous, out, whole(carried)


def fixed_point(
    network: Network,
    head: Draws,
    uniforms: tf.Tensor,
    context: tf.Tensor | None = None,
    given: tf.Tensor | None = None,
    values: tf.Tensor | None = None,
    **member: Any,
) -> tf.Tensor:
    """Repeat x <- draw(params(x), noise, order) over all positions until nothing changes (Song et al. 2021).

    Exact: with the noise fixed, the k-th position is final after k rounds at most, so D rounds always suffice. A model of short
    dependencies needs far fewer. Each round is one call of the whole network. Same arguments and result as `generate`.
    """
    size, batch = network.event_size, tf.shape(uniforms)[1]
    order = tf.convert_to_tensor(network.generation_order(**member))
    dimensions = position_major(order)
    dimensions = dimensions[:, tf.newaxis] if dimensions.shape.rank == 1 else dimensions  # (D, 1) or (D, B)

    by_dimension: Any = from_order(uniforms, order) if network.per_column else None  # (B, D, noise_size)

    def again(count: tf.Tensor, x: tf.Tensor, changed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        event = tf.reshape(from_order(x, order), [-1, *network.event_shape])
        params = network(event, context, **member)
        if network.per_column:
            drawn = into_order(cast(EventDraws, head).draw_event(params, by_dimension), order)
        else:
            params = tf.reshape(params, [-1, size, network.params_size])
            drawn = head.draw(into_order(params, order), uniforms, dimensions)  # of (D, B, P), in the order of generation
        new = fill(drawn)
        new = tf.ensure_shape(new, x.shape)
        return count + 1, new, tf.reduce_any(new != x)

    def fill(x: tf.Tensor) -> tf.Tensor:
        return x if given is None or values is None else tf.where(given, values, x)

    start = tf.ensure_shape(fill(tf.zeros([size, batch], head.dtype)), [size, uniforms.shape[1]])
    loop = (tf.constant(0), start, tf.constant(True))
    return tf.while_loop(lambda count, _, changed: changed & (count <= size), again, loop)[1]


def position_major(order: Any) -> Any:
    """An order `[D]` or `[B, D]` as `[D]` or `[D, B]`."""
    return order if len(order.shape) == 1 else tf.transpose(order)


def into_order(x: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
    """Reorder `x [B, D, ...]` from dimensions to positions, and lay it out position-major, `[D, B, ...]`; `order [D]` or `[B, D]`."""
    x = tf.gather(x, order, axis=1, batch_dims=len(order.shape) - 1)
    return tf.transpose(x, [1, 0, *range(2, len(x.shape))])


def from_order(x: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
    """Undo `into_order`: `[D, B, ...]` to `[B, D, ...]`."""
    return tf.gather(tf.transpose(x, [1, 0, *range(2, len(x.shape))]), tf.argsort(order, axis=-1), axis=1, batch_dims=len(order.shape) - 1)


def observed_first(order: tf.Tensor, observed: tf.Tensor) -> tf.Tensor:
    """Move the observed dimensions to the front of an order, and keep the order among them and among the others.

    Args:
        order: int32 `[D]` or `[B, D]`.
        observed: which dimensions come first, bool `[B, D]`.

    Returns:
        int32 `[B, D]`.

    >>> observed_first(tf.constant([3, 1, 0, 2]), tf.constant([[True, False, True, False]])).numpy().tolist()
    [[0, 2, 3, 1]]
    """
    order = tf.broadcast_to(order, tf.shape(observed))
    late = 1 - tf.cast(tf.gather(observed, order, batch_dims=1), tf.int32)
    position = late * tf.shape(order)[1] + tf.range(tf.shape(order)[1])
    return tf.gather(order, tf.argsort(position, axis=-1), batch_dims=1)
