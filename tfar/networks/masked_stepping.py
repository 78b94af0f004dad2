"""One position at a time through a stack of masked dense layers, at the arithmetic of one forward pass.

A unit of degree m is final once the first m positions are known. The units of a layer are therefore sorted by degree, and each is computed
once, in the step of its degree. Positions go in blocks. On entering a block, one matrix product per connection adds what all earlier
blocks contribute to the block's units; inside it, each step adds what its new values contribute to the rest of the block.

Layers are numbered 0 for the inputs, 1..L for the hidden layers, L + 1 for the outputs. Arrays are position-major, `[units, B]`. Input k
is in slot k + 1, so that step k takes in slot k (slot 0 is empty), and arrays are padded so that no slice exceeds them.
"""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from tfar.layers import MaskedDense
from tfar.networks import masked_columns
from tfar.networks.base import AutoregressiveNetwork, Size, State
from tfar.orders import inverse


@dataclasses.dataclass(frozen=True)
class Groups:
    """The units of one layer, sorted by the step that computes them.

    Attributes:
        sort: unit numbers in sorted order `[n, U]`, for each of the n masks.
        starts: first sorted unit of each step, and the number of units at the end, `[n, positions + 1]`.
        width: the largest number of units of a step.
        window: the largest number of units of a block, plus `width` so that the slice of the last step stays inside.
        padded: number of units with padding.

    >>> groups = Groups.of([[1, 0, 1]], positions=2, block_size=1)
    >>> groups.sort.tolist(), groups.starts.tolist(), groups.width
    ([[1, 0, 2]], [[0, 1, 3]], 2)
    """

    sort: np.ndarray
    starts: np.ndarray
    width: int
    window: int
    padded: int

    @classmethod
    def of(cls, steps: Any, positions: int, block_size: int, empty: int = 0) -> "Groups":
        """Group units by the step that computes each.

        Args:
            steps: integers `[n, U]`.
            positions: number of steps, a multiple of `block_size`.
            block_size: number of steps in a block.
            empty: number of empty slots before the first unit.
        """
        steps = np.asarray(steps)
        sort = np.argsort(steps, axis=1, kind="stable")
        counts = np.stack([np.bincount(s, minlength=positions) for s in steps])
        starts = np.concatenate([np.zeros((len(steps), 1), int), np.cumsum(counts, axis=1)], axis=1) + empty
        width = max(int(counts.max()), 1)
        window = int((starts[:, block_size::block_size] - starts[:, :-1:block_size]).max()) + width
        return cls(sort.astype(np.int32), starts.astype(np.int32), width, window, int(starts.max()) + window)


def _sorted(array: tf.Tensor, axis: int, sort: Any, before: int, padded: int) -> tf.Tensor:
    """Sort an axis of `array` by `sort`, and pad it to `padded` entries, `before` of them in front."""
    if not (isinstance(sort, np.ndarray) and np.array_equal(sort, np.arange(len(sort)))):
        array = tf.gather(array, sort, axis=axis)
    size: Any = array.shape[axis]
    paddings = [[0, 0]] * array.shape.rank
    paddings[axis] = [before, padded - before - size]
    return tf.pad(array, paddings)


def _rows(array: tf.Tensor, first: Any, count: int) -> tf.Tensor:
    """Rows `first` to `first + count`. With a size of -1 for the columns, XLA would pad the array before each slice."""
    return tf.slice(array, [first, 0], [count, tf.shape(array)[1]])


class MaskedStepping(AutoregressiveNetwork):
    """The stepping protocol of a network of `MaskedDense` layers.

    Attributes:
        activation: the elementwise activation of the hidden layers.
        orders: the order of each member, int32 `[n, D]`.
        hidden_degrees: degrees of each hidden layer, a list of `[n, H]`.
    """

    stride = 4
    activation: Any
    orders: np.ndarray
    hidden_degrees: list[np.ndarray]

    @property
    def block_size(self) -> int:
        """About sqrt(D), which balances the products on entering blocks and those inside them."""
        return max(1, round(self.event_size**0.5))

    @property
    def connections(self) -> list[tuple[MaskedDense, int, int]]:
        """(layer, from, to) for each masked layer: 0 is the input, the last number the output."""
        raise NotImplementedError

    def degrees(self, member: int | tf.Tensor) -> list[Any]:
        """Return the degrees of the inputs `[sum_d E_d]`, of each hidden layer `[H]` and of the outputs `[sum_d P_d]` of a member."""
        raise NotImplementedError

    def context_terms(self, context: tf.Tensor) -> dict[int, tf.Tensor]:
        """Return what the context `[B, C]` adds to each layer that it reaches, `[B, units]`, by the layer's number."""
        raise NotImplementedError

    def _groups(self) -> list[Groups]:
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

    def _tables(self) -> dict[str, Any]:
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

    def initial_state(
        self,
        batch_size: Size,
        context: tf.Tensor | None = None,
        value_dtype: tf.DType = tf.float32,
        member: int | tf.Tensor = 0,
        **others: Any,
    ) -> State:
        """Return the state before the first position of a member: its kernels, sorted by step, and empty sums."""
        context = self.as_context(context)
        if self.per_column:
            return masked_columns.initial_state(self, batch_size, context, member)
        groups, dtype = self._groups(), self.compute_dtype

        def pick(table: np.ndarray) -> Any:
            return table[member] if isinstance(member, int) else tf.gather(table, member)

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

    def enter_block(self, state: State, block: tf.Tensor, previous: tf.Tensor) -> State:
        """Add what all earlier blocks contribute to the block's units."""
        if self.per_column:
            return state
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

    def step(self, state: State, index: tf.Tensor, previous: tf.Tensor) -> tuple[tf.Tensor, State]:
        """Compute the units of this step, layer by layer, and add what they contribute to the rest of the block."""
        if self.per_column:
            return masked_columns.step(self, state, index, previous)
        groups, sums = self._groups(), list(state["sums"])
        begins = tf.unstack(tf.gather(state["begins"], index))
        values = self.encode_value(previous)  # (E, B)
        inputs = tf.tensor_scatter_nd_update(state["inputs"], tf.gather(state["rows"], index), values)
        output = len(groups) - 1
        for layer in range(output):
            if layer > 0:
                live = tf.gather(state["live"][layer - 1], index)
                values = tf.where(live, self.activation(self._units(state, sums, layer, begins, previous)), tf.zeros([], values.dtype))
            for (_, source, target), inner in zip(self.connections, state["inner"], strict=True):
                if source == layer:
                    weights = tf.slice(inner, begins[layer], [groups[layer].width, groups[target].window])
                    sums[target - 1] += tf.matmul(weights, values, transpose_a=True)
        params = self._units(state, sums, output, begins, previous)
        return tf.transpose(params), {**state, "inputs": inputs, "sums": sums}

    def _units(self, state: State, sums: list[tf.Tensor], layer: int, begins: list[Any], previous: tf.Tensor) -> tf.Tensor:
        """Pre-activations `[width, B]` of the units of a layer that a step computes."""
        values = tf.slice(sums[layer - 1], begins[layer], state["sizes"][layer - 1])
        values.set_shape([self._groups()[layer].width, previous.shape[0]])
        return values
