"""One position at a time through a stack of masked dense layers, at the arithmetic of one forward pass.

A unit of degree m is final once the first m positions are known. So the units are sorted by degree and each is computed once, in the
step of its degree. Positions go in blocks: on entering a block, one matrix product per connection adds up what all earlier blocks
contribute to the block's units; inside it, each step adds what its own new values contribute to the rest of the block.

Layers are numbered 0 for the inputs, 1..L for the hidden layers, L + 1 for the outputs. Everything is position-major, `[units, B]`.
Input k is kept in slot k + 1, so that step k takes in slot k (slot 0 is empty), and sizes are padded so that no slice leaves its array.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from tfar.orders import inverse


@dataclasses.dataclass(frozen=True)
class Groups:
    """The units of one layer, sorted by the step that computes them.

    Attributes:
        sort: unit numbers in sorted order `[n, U]`, for each of the n masks.
        starts: first sorted unit of each step, and the number of units at the end, `[n, positions + 1]`.
        width: most units that any step has.
        window: most units that any block has, plus `width` so that the last step's slice stays inside.
        padded: units with padding.
    """

    sort: np.ndarray
    starts: np.ndarray
    width: int
    window: int
    padded: int

    @classmethod
    def of(cls, steps, positions, block_size, empty=0):
        """Group units by the step `[n, U]` that computes each; `empty` slots come before the first unit."""
        steps = np.asarray(steps)
        sort = np.argsort(steps, axis=1, kind="stable")
        counts = np.stack([np.bincount(s, minlength=positions) for s in steps])
        starts = np.concatenate([np.zeros((len(steps), 1), int), np.cumsum(counts, axis=1)], axis=1) + empty
        width = max(int(counts.max()), 1)
        window = int((starts[:, block_size::block_size] - starts[:, :-1:block_size]).max()) + width
        return cls(sort.astype(np.int32), starts.astype(np.int32), width, window, int(starts.max()) + window)


def _sorted(array, axis, sort, before, padded):
    """Sort an axis of `array` by a row of `sort`, and pad it to `padded` with `before` zeros in front."""
    if not (isinstance(sort, np.ndarray) and np.array_equal(sort, np.arange(len(sort)))):
        array = tf.gather(array, sort, axis=axis)
    paddings = [[0, 0]] * array.shape.rank
    paddings[axis] = [before, padded - before - array.shape[axis]]
    return tf.pad(array, paddings)


def _rows(array, first, count):
    """Rows `first` to `first + count`; a size of -1 for the columns would make XLA pad the array before each slice."""
    return tf.slice(array, [first, 0], [count, tf.shape(array)[1]])


class MaskedStepping:
    """The stepping protocol for a network of `MaskedDense` layers, as a mixin.

    The network has `connections`, a list of (layer, from, to); `activation`; `context_terms(context)`, what the context adds to each
    layer, by number; `orders [n, D]` and `hidden_degrees`, a list of `[n, H]`.
    """

    stride = 4

    @property
    def block_size(self):
        return max(1, round(self.event_size**0.5))

    def _groups(self):
        """Groups of each layer: inputs, hidden layers, outputs."""
        if "groups" not in self.__dict__:
            size, block = self.event_size, self.block_size
            positions = -(-size // block) * block
            ranks = np.stack([inverse(order) for order in self.orders])  # (n, D)
            self.__dict__["groups"] = [
                Groups.of(np.repeat(ranks, self.features, axis=1), positions, block, empty=self.features),
                *(Groups.of(d, positions, block) for d in self.hidden_degrees),
                Groups.of(np.repeat(ranks, self.params_size, axis=1), positions, block),
            ]
        return self.__dict__["groups"]

    def _tables(self):
        """What a step looks up: where its units begin in the block's window, and which of its slots are units."""
        if "tables" not in self.__dict__:
            groups, block = self._groups(), self.block_size
            positions = groups[0].starts.shape[1] - 1
            block_of = np.arange(positions) // block * block
            begins = np.stack([g.starts[:, :-1] - g.starts[:, block_of] for g in groups], axis=2)  # (n, positions, layers)
            # Inputs are a slot behind, since a step takes in the position before its own.
            firsts = np.stack([g.starts[:, :-1:block] for g in groups], axis=2)  # (n, blocks, layers)
            firsts[:, :, 0] -= self.features
            self.__dict__["tables"] = {
                "begins": np.stack([begins, np.zeros_like(begins)], axis=-1),  # (n, positions, layers, 2), rows and columns
                "firsts": np.stack([firsts, np.zeros_like(firsts)], axis=-1),
                "rows": (begins[:, :, :1] + np.arange(self.features, dtype=np.int32))[..., None],  # (n, positions, E, 1)
                "live": [np.diff(g.starts)[..., None, None] > np.arange(g.width)[:, None] for g in groups[1:-1]],
                "live_block": [np.diff(g.starts[:, ::block])[..., None, None] > np.arange(g.window)[:, None] for g in groups[1:-1]],
            }
        return self.__dict__["tables"]

    def initial_state(self, batch_size, context=None, value_dtype=None, member=0):
        groups, dtype = self._groups(), self.compute_dtype
        context = self.as_context(context)
        pick = (lambda table: table[member]) if isinstance(member, int) else (lambda table: tf.gather(table, member))
        sorts = [pick(g.sort) for g in groups]
        before = [self.features, *[0] * (len(groups) - 1)]
        degrees = self.degrees(member)
        kernels, biases = [], [tf.zeros([g.padded, 1], dtype) for g in groups]
        for layer, source, target in self.connections:
            kernel = layer.masked_kernel(degrees[source], degrees[target])  # (source, target)
            kernel = _sorted(kernel, 0, sorts[source], before[source], groups[source].padded)
            kernels.append(_sorted(kernel, 1, sorts[target], before[target], groups[target].padded))
            offset = layer.offset(degrees[source], degrees[target])
            if offset is not None:
                biases[target] += _sorted(offset[:, None], 0, sorts[target], before[target], groups[target].padded)
        if context is not None:
            for target, term in self.context_terms(context).items():  # (B, units)
                biases[target] += _sorted(tf.transpose(term), 0, sorts[target], before[target], groups[target].padded)
        sources = groups[:-1]
        return {
            **tf.nest.map_structure(lambda table: tf.convert_to_tensor(pick(table)), self._tables()),
            "kernels": kernels,
            "biases": biases[1:],
            "sizes": [tf.stack([g.width, batch_size]) for g in groups[1:]],
            "values": [tf.zeros([g.padded, batch_size], dtype) for g in sources],  # of all earlier blocks, zero from there on
            "inputs": tf.zeros([groups[0].window, batch_size], dtype),  # of this block
            "sums": [tf.zeros([g.window, batch_size], dtype) for g in groups[1:]],  # pre-activations of this block
            "inner": [tf.zeros([groups[s].window, groups[t].window], dtype) for _, s, t in self.connections],
        }

    def enter_block(self, state, block, previous):
        groups = self._groups()
        # At the end of a block the pre-activations of all its units are final.
        ended = tf.maximum(block - 1, 0)
        new = [state["inputs"]]
        for sums, live in zip(state["sums"], state["live_block"], strict=False):
            new.append(tf.where(live[ended], self.activation(sums), tf.zeros([], sums.dtype)))
        values, firsts = [], tf.unstack(state["firsts"][ended])
        for group, value, first, changed in zip(groups, state["values"], firsts, new, strict=False):
            rows = first[0] + tf.range(group.window)
            values.append(tf.tensor_scatter_nd_update(value, rows[:, None], tf.where(block > 0, changed, tf.zeros([], value.dtype))))
        firsts = tf.unstack(state["firsts"][block])
        sums = [_rows(b, f[0], g.window) for b, f, g in zip(state["biases"], firsts[1:], groups[1:], strict=True)]
        inner = []
        for (_, source, target), kernel in zip(self.connections, state["kernels"], strict=True):
            columns = tf.slice(kernel, [0, firsts[target][0]], [groups[source].padded, groups[target].window])
            sums[target - 1] += tf.matmul(columns, values[source], transpose_a=True)
            inner.append(_rows(columns, firsts[source][0], groups[source].window))
        sums = [s + tf.zeros_like(old) for s, old in zip(sums, state["sums"], strict=True)]
        return {**state, "values": values, "sums": sums, "inner": inner, "inputs": tf.zeros_like(state["inputs"])}

    def step(self, state, index, previous):
        groups, sums = self._groups(), list(state["sums"])
        begins = tf.unstack(tf.gather(state["begins"], index))
        values = self.encode_value(previous)  # (E, B)
        inputs = tf.tensor_scatter_nd_update(state["inputs"], tf.gather(state["rows"], index), values)
        for layer, (group, begin) in enumerate(zip(groups, begins, strict=True)):
            if layer > 0:
                values = tf.slice(sums[layer - 1], begin, state["sizes"][layer - 1])  # (width, B)
                values.set_shape([group.width, previous.shape[0]])
            if layer == len(groups) - 1:
                return tf.transpose(values), {**state, "inputs": inputs, "sums": sums}
            if layer > 0:
                live = tf.gather(state["live"][layer - 1], index)
                values = tf.where(live, self.activation(values), tf.zeros([], values.dtype))
            for (_, source, target), inner in zip(self.connections, state["inner"], strict=True):
                if source == layer:
                    weights = tf.slice(inner, begin, [group.width, groups[target].window])
                    sums[target - 1] += tf.matmul(weights, values, transpose_a=True)
