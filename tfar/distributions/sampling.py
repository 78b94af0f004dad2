"""The loop that samples, completes and scores position by position, and its alternative for networks without a cache.

Everything here is laid out position-major, `[D, B]` in the order of generation: a step then reads and writes whole rows.
"""

import tensorflow as tf

from tfar import noise
from tfar.networks.base import Stepwise


def generate(network, head, uniforms, context=None, given=None, values=None, **member):
    """Draw the positions one after the other: x_k = given_k ? value_k : draw(params_k(x_<k), noise_k).

    The one loop of sampling, completion and teacher forcing. It is a `tf.while_loop` over blocks around one over positions.

    Args:
        network: a network with the stepping protocol.
        head: the head that draws.
        uniforms: uniform noise `[D, B, noise_size]`, in the order of generation.
        context: `[B, C]` or None.
        given: which values are given, bool `[D, B]` in the order of generation; None for none.
        values: the given values `[D, B]`, anything where not given.
        **member: selects a member of the network.

    Returns:
        Values `[D, B]` in the order of generation.
    """
    state = network.initial_state(tf.shape(uniforms)[1], context, value_dtype=head.dtype, **member)
    return advance(network, head, uniforms, state, given, values)[0]


def advance(network, head, uniforms, state, given=None, values=None):
    """`generate` from a state on; D is that of the arguments, and a network of one block may be given any.

    Returns:
        Values `[D, B]`, and the state that the last step returned, to which the last value is not known yet.
    """
    block_size, blocks = network.block_size, -(-network.event_size // network.block_size)
    size = tf.shape(uniforms)[0] if uniforms.shape[0] is None else uniforms.shape[0]
    out = tf.TensorArray(head.dtype, size, element_shape=[uniforms.shape[1]], infer_shape=True)
    even = uniforms.shape[0] is not None and not (block_size % network.stride or uniforms.shape[0] % network.stride)
    stride = network.stride if even else 1
    first = tf.zeros([tf.shape(uniforms)[1]], head.dtype)
    first = tf.ensure_shape(first, [uniforms.shape[1]])

    def positions(start, end, previous, out, state):
        def position(index, previous, out, state):
            params, state = network.step(state, index, previous)
            value = head.draw(params, tf.gather(uniforms, index))
            value = value if given is None else tf.where(tf.gather(given, index), tf.gather(values, index), value)
            value = tf.ensure_shape(value, previous.shape)
            return value, out.write(index, value), state

        return _loop(start, end, position, previous, out, state, network.step(state, start, previous)[1], stride)

    def block(number, previous, out, state):
        end = tf.minimum((number + 1) * block_size, size)
        return positions(number * block_size, end, previous, out, network.enter_block(state, number, previous))

    if blocks == 1:
        _, out, state = positions(tf.constant(0), size, first, out, network.enter_block(state, tf.constant(0), first))
    else:
        entered = network.enter_block(state, tf.constant(0), first)
        _, out, state = _loop(tf.constant(0), blocks, block, first, out, state, network.step(entered, tf.constant(0), first)[1])
    return out.stack(), state


def _loop(start, end, body, previous, out, state, after, stride=1):
    """Run `previous, out, state = body(index, previous, out, state)` for each index from `start` to before `end`.

    A round of the loop takes `stride` indices, whose number must be a multiple of it.

    `after` is a state that one round has been through, whose operations nothing uses. The tensors that it shares with
    `state` are the same in every round: they stay outside the loop, which without XLA pays for each tensor it carries.
    """
    leaves = tf.nest.flatten(state)
    changing = [new is not old for new, old in zip(tf.nest.flatten(after), leaves, strict=True)]

    def whole(carried):
        carried = iter(carried)
        return tf.nest.pack_sequence_as(state, [next(carried) if changes else leaf for changes, leaf in zip(changing, leaves, strict=True)])

    def parts(state):
        return [leaf for changes, leaf in zip(changing, tf.nest.flatten(state), strict=True) if changes]

    def one(index, previous, out, carried):
        state = whole(carried)
        for ahead in range(stride):
            previous, out, state = body(index + ahead, previous, out, state)
        new = parts(state)
        for leaf, old in zip(new, carried, strict=True):
            if tf.is_tensor(leaf):  # and no TensorArray
                leaf.set_shape(old.shape)  # what is known of it; unlike tf.ensure_shape at no cost
        return index + stride, previous, out, new

    _, previous, out, carried = tf.while_loop(lambda index, *_: index < end, one, (start, previous, out, parts(state)))
    return previous, out, whole(carried)


def fixed_point(network, head, uniforms, context=None, given=None, values=None, **member):
    """Repeat x <- draw(params(x), noise) over all positions until nothing changes (Song et al. 2021).

    Exact: with the noise fixed, the k-th position is final after k rounds at most, so D rounds always suffice; a model whose
    dependencies are short needs far fewer. Uses calls of the whole network only. Same arguments and result as `generate`.
    """
    size, batch = network.event_size, tf.shape(uniforms)[1]
    order = tf.convert_to_tensor(network.generation_order(**member))

    def again(count, x, changed):
        event = tf.reshape(from_order(x, order), [-1, *network.event_shape])
        params = tf.reshape(network(event, context, **member), [-1, size, network.params_size])
        params = into_order(params, order)  # (D, B, P), in the order of generation
        new = head.draw(params, uniforms)
        new = new if given is None else tf.where(given, values, new)
        new = tf.ensure_shape(new, x.shape)
        return count + 1, new, tf.reduce_any(new != x)

    start = tf.zeros([size, batch], head.dtype) if given is None else tf.where(given, values, tf.zeros_like(values))
    start = tf.ensure_shape(start, [size, uniforms.shape[1]])
    loop = (tf.constant(0), start, tf.constant(True))
    return tf.while_loop(lambda count, _, changed: changed & (count <= size), again, loop)[1]


METHODS = ("stepping", "naive", "fixed_point")


def into_order(x, order):
    """Reorder `x [B, D, ...]` from dimensions to positions, and lay it out position-major, `[D, B, ...]`; `order [D]` or `[B, D]`."""
    x = tf.gather(x, order, axis=1, batch_dims=len(order.shape) - 1)
    return tf.transpose(x, [1, 0, *range(2, x.shape.rank)])


def from_order(x, order):
    """Undo `into_order`: `[D, B]` to `[B, D]`."""
    return tf.gather(tf.transpose(x), tf.argsort(order, axis=-1), axis=1, batch_dims=len(order.shape) - 1)


def observed_first(order, observed):
    """Move the observed dimensions to the front of an order, int32 `[B, D]`, and keep the order among them and among the others.

    Args:
        order: int32 `[D]` or `[B, D]`.
        observed: which dimensions come first, bool `[B, D]`.

    >>> observed_first(tf.constant([3, 1, 0, 2]), tf.constant([[True, False, True, False]])).numpy().tolist()
    [[0, 2, 3, 1]]
    """
    order = tf.broadcast_to(order, tf.shape(observed))
    late = tf.cast(~tf.gather(observed, order, batch_dims=1), tf.int32)
    position = late * tf.shape(order)[1] + tf.range(tf.shape(order)[1])
    return tf.gather(order, tf.argsort(position, axis=-1), batch_dims=1)


def sample_rows(network, head, seeds, context=None, observed=None, values=None, member=None, method="stepping"):
    """Draw one example per row from the row's own seed; observed values are kept.

    Args:
        network, head: what to draw from.
        seeds: int32 `[B, 2]`.
        context: `[B, C]` or None.
        observed: which values are given, bool `[B, *event]`, or None.
        values: the given values `[B, *event]`, anything where not observed.
        member: keyword arguments that select a member of the network.
        method: "stepping", the network's own cache; "naive", a call of the whole network for each position; or "fixed_point".

    Returns:
        Values `[B, *event]`.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}. Received: method={method!r}")

    def nothing():  # not every operation of a loop has a kernel for an empty batch
        return tf.zeros([0, *network.event_shape], head.dtype)

    if seeds.shape[0] == 0:  # the branch that is not taken would be traced all the same, for an empty batch
        return nothing()
    member, size = member or {}, network.event_size
    order = tf.convert_to_tensor(network.generation_order(**member))
    uniforms = noise.uniform(seeds, size * head.noise_size)
    uniforms = into_order(tf.reshape(uniforms, [-1, size, head.noise_size]), order)  # (D, B, N)
    if observed is not None:
        observed = into_order(tf.reshape(observed, [-1, size]), order)
        values = into_order(tf.reshape(tf.cast(values, head.dtype), [-1, size]), order)
    loop = fixed_point if method == "fixed_point" else generate
    network = Stepwise(network) if method == "naive" else network

    def draw():
        x = loop(network, head, uniforms, context, observed, values, **member)
        return tf.reshape(from_order(x, order), [-1, *network.event_shape])

    return tf.cond(tf.shape(seeds)[0] > 0, draw, nothing)
