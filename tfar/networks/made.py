"""MADE: masked autoencoder for distribution estimation (Germain, Gregor, Murray & Larochelle 2015)."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfar import config, masks, noise
from tfar.layers import Dropout, MaskedDense
from tfar.networks.base import elementwise
from tfar.networks.fingerprint import Resolved, shown_order
from tfar.networks.masked_stepping import MaskedStepping
from tfar.orders import DRAWN, inverse, is_drawn
from tfar.validation import MOST_MEMBERS, as_counts, check_choices, check_counts, check_flags, check_numbers, check_seeds


def _alike(table: np.ndarray) -> bool:
    """Whether all pairs of masks have the same degrees, or the same order, `[n, units]`."""
    return bool(np.all(table == table[0]))


def _repeated(degrees: Any, counts: np.ndarray) -> tf.Tensor:
    """Degrees `[D]`, each as often as it counts; the counts are known before the graph runs."""
    return tf.gather(degrees, np.repeat(np.arange(len(counts)), counts))


@keras.saving.register_keras_serializable(package="tfar")
class MADE(MaskedStepping):
    """Masked autoencoder of any depth, with one or many orders and connectivities.

        h^1 = g(b^1 + (W^1 * M^1) (x - mean) + C c)          M[i, j] = m(i) <= m(j)      (eq. 8)
        h^l = g(b^l + (W^l * M^l) h^{l-1})
        params = b + (V * M) h^L + (A * M') (x - mean) + C' c       M[i, j] = m(i) < m(j)       (eq. 9; A: eq. 10)

    where m is the degree of a unit (`tfar.masks`), x the values, and c the context, whose degree 0 lets it reach every position.

    `mean` is zero, as in the paper, until `centre` sets it; `tfar.training.fit` does so before the first step. With one pair of masks
    this only reparametrises b^1. With several pairs, under each of which a unit has other inputs, it lets one bias serve them all.

    With `num_masks` > 1, each training step uses the next pair of an order and a connectivity, or the next `masks_per_step` pairs, each
    for its share of the rows. The density is the mean of those of all pairs, p(x) = 1/n sum_i p_i(x) (section 4.2).

    Args:
        event_shape, params_size, num_classes, context_size, encoding: as in `tfar.networks.AutoregressiveNetwork`.
        hidden_units: sizes of the hidden layers, H; may be empty where `direct`.
        activation: g, elementwise, by its Keras name.
        direct: whether to connect the inputs to the outputs directly, A.
        num_masks: n, the number of pairs of an order and a connectivity.
        masks_per_step: number of pairs that one training step uses, at most n. More pairs give a gradient with less noise.
        order: "natural", "reversed" or a permutation, for all pairs; or a different order for each pair: "random", "alternating" (the
            natural order and its reverse in turn) or "scan" (an image line by line, in directions all around; `tfar.orders.scan_orders`).
        connectivity: how the degrees of the hidden units are assigned. "even": in ascending order. "random": shuffled. "placed": each
            unit keeps its place among the dimensions, up to a small shift in each pair (`tfar.masks.placed_degrees`). Pairs that share
            their order differ in connectivity: with "even", only the first pair is even and the others are random. Where the orders
            differ, training is faster if a unit keeps its degree or its place.
        conditioning: whether hidden and output layers have connectivity-conditioning weights, + (U * M) 1 (section 4.3), which tell the
            units the pair of masks in use. A layer whose mask is the same in all pairs has none, since they would act as a bias.
        dropout: share of the units of each hidden layer that training drops.
        seed: seed of the orders and connectivities that are drawn.
        window: how many degrees of hidden units a unit or an output sees, the largest of those allowed; None, as in the paper, for all.
            All inputs are always seen. Without a window an output sums over all smaller degrees, and with many orders one weight serves
            sums of any length; with a window all sums have similar length.
        **kwargs: as in `keras.layers.Layer`.

    Raises:
        ValueError: a size or number is not a positive integer; `masks_per_step` exceeds `num_masks`; there is neither a hidden layer nor
            `direct`; `dropout`, `conditioning` or `window` is given without hidden layers; the activation is not elementwise; or
            `connectivity` or `order` is invalid.

    >>> network = MADE(event_shape=[4], hidden_units=[8])
    >>> network(np.zeros([2, 4])).shape
    TensorShape([2, 4, 1])
    """

    family = config.MADE
    takes_columns = True

    def __init__(
        self,
        event_shape: int | Iterable[int],
        params_size: int | Sequence[int] = 1,
        hidden_units: int | Iterable[int] = config.MADE.hidden_units,
        activation: Any = config.MADE.activation,
        direct: bool = config.MADE.direct,
        num_masks: int = config.MADE.num_masks,
        masks_per_step: int = config.MADE.masks_per_step,
        order: config.Order = config.MADE.order,
        connectivity: config.Connectivity = config.MADE.connectivity,
        conditioning: bool = config.MADE.conditioning,
        dropout: float = config.MADE.dropout,
        seed: int = config.MADE.seed,
        window: int | None = config.MADE.window,
        **kwargs: Any,
    ):
        drawn = is_drawn(order)
        super().__init__(event_shape, params_size, None if drawn else order, **kwargs)
        check_counts(most=MOST_MEMBERS, num_masks=num_masks, masks_per_step=masks_per_step)
        check_flags(direct=direct, conditioning=conditioning)
        check_numbers("[0, 1)", dropout=dropout)
        check_seeds(seed=seed)
        check_choices(config.CONNECTIVITIES, connectivity=connectivity)
        if masks_per_step > num_masks:
            raise ValueError(
                f"masks_per_step must be at most num_masks. Received: masks_per_step={masks_per_step!r}, num_masks={num_masks!r}"
            )
        if window is not None:
            check_counts(window=window)
        self.hidden_units = as_counts(hidden_units=hidden_units)
        if not self.hidden_units and not direct:
            raise ValueError("hidden_units may be empty only with direct=True. Received: hidden_units=(), direct=False")
        if not self.hidden_units and (dropout or conditioning or window is not None):
            raise ValueError(
                "dropout, conditioning and window are of hidden layers. "
                f"Received: dropout={dropout!r}, conditioning={conditioning!r}, window={window!r}, hidden_units=()"
            )
        self.activation: Callable[[Any], Any] = elementwise(activation)
        self.direct, self.num_masks, self.connectivity, self.seed = bool(direct), int(num_masks), connectivity, int(seed)
        self.masks_per_step, self.window = int(masks_per_step), None if window is None else int(window)
        self.conditioning, self.drop = bool(conditioning), Dropout(dropout, name="dropout")
        self._order_argument = order if isinstance(order, str) else self.order.tolist()

        if drawn:
            self.orders = DRAWN[str(order)](self.event_shape, self.num_masks, self.seed)  # (n, D)
            self.order = self.orders[0]
        else:
            self.orders = np.tile(self.order, (self.num_masks, 1))
        self.hidden_degrees = [  # one (n, H) for each hidden layer
            np.stack([self._hidden_degrees(units, k, layer, drawn) for k in range(self.num_masks)])
            for layer, units in enumerate(self.hidden_units)
        ]
        self._build_layers()

    def _hidden_degrees(self, units: int, member: int, layer: int, drawn: bool) -> np.ndarray:
        lowest, seed = 1 if self.context_size == 0 else 0, [self.seed, member, layer]
        if self.connectivity == "placed":
            return masks.placed_degrees(units, self.orders[member], lowest, seed)
        even = self.connectivity == "even" and (member == 0 or drawn)
        return masks.hidden_degrees(units, self.event_size, lowest, None if even else seed)

    def _build_layers(self) -> None:
        inputs, hidden, outputs = self.degrees(0)[0], self.degrees(0)[1:-1], self.degrees(0)[-1]
        sources, depth = [inputs, *hidden], len(hidden)
        windows = [None, *[self.window] * depth]  # all inputs are seen
        alike = [_alike(table) for table in (self.orders, *self.hidden_degrees, self.orders)]
        conditioning = [self.conditioning and not (alike[n] and alike[n + 1]) for n in range(depth + 1)]
        policy: dict[str, Any] = {"dtype": self.dtype_policy}
        self.masked_layers = [
            MaskedDense(
                sources[n], hidden[n], window=windows[n], conditioning=conditioning[n], centred=n == 0, name=f"hidden_{n}", **policy
            )
            for n in range(depth)
        ]
        self._wires = [(n, n + 1) for n in range(depth)]  # (from, to): 0 is the input, depth + 1 the output
        if depth:
            last = {"window": windows[-1], "conditioning": conditioning[-1], "name": "output", **policy}
            self.masked_layers.append(MaskedDense(sources[-1], outputs, strict=True, **last))
            self._wires.append((depth, depth + 1))
        if self.direct:
            self.masked_layers.append(MaskedDense(inputs, outputs, strict=True, use_bias=not depth, centred=True, name="direct", **policy))
            self._wires.append((0, depth + 1))
        self.context_layers: dict[str, keras.layers.Dense] = {}  # by the number of the layer that the context reaches
        if self.context_size:
            widths = {depth + 1: len(outputs)} | ({1: len(hidden[0])} if depth else {})
            self.context_layers = {
                str(to): keras.layers.Dense(width, use_bias=False, name=f"context_{to}", **policy) for to, width in widths.items()
            }

    def build(self, x_shape: Any = None, context_shape: Any = None) -> None:
        """Create the weights."""
        for layer in self.masked_layers:
            layer.build((None, len(layer.in_degrees)))
        for layer in self.context_layers.values():
            layer.build((None, self.context_size))
        if self.num_masks > 1:
            self.steps = self.add_weight(name="steps", shape=(), dtype="int32", initializer="zeros", trainable=False)

    def centre(self, mean: Any) -> None:
        """Set `mean` `[D * E]`, which is subtracted from the inputs."""
        for layer, source, _ in self.connections:
            if source == 0:
                layer.mean.assign(mean)

    @property
    def output_bias(self) -> Any:
        """The bias of the output layer, `[D * P]`."""
        return next(layer.bias for layer in reversed(self.masked_layers) if layer.strict and layer.use_bias)

    @property
    def connections(self) -> list[tuple[MaskedDense, int, int]]:
        """(layer, from, to) for each masked layer: 0 is the input, the last number the output."""
        return [(layer, *wire) for layer, wire in zip(self.masked_layers, self._wires, strict=True)]

    @property
    def num_members(self) -> int:
        """n: each pair of masks is a member."""
        return self.num_masks

    def member(self, index: int | tf.Tensor) -> dict[str, Any]:
        """Return the keyword arguments that select a pair of masks."""
        return {"member": index}

    def generation_order(self, member: int | tf.Tensor = 0, **others: Any) -> np.ndarray | tf.Tensor:
        """Return the order of a pair of masks, int32 `[D]`."""
        return self.orders[member] if isinstance(member, int) else tf.gather(self.orders, member)

    def degrees(self, member: int | tf.Tensor) -> list[Any]:
        """Return the degrees of the inputs `[sum_d E_d]`, hidden layers `[H]` and outputs `[sum_d P_d]` under a pair of masks."""
        repeat: Callable[[Any, Any], Any]
        if isinstance(member, int):
            ranks, repeat, hidden = inverse(self.orders[member]), np.repeat, [table[member] for table in self.hidden_degrees]
        else:
            ranks, repeat = tf.argsort(tf.gather(self.orders, member)), _repeated
            hidden = [table[0] if _alike(table) else tf.gather(table, member) for table in self.hidden_degrees]
        return [repeat(ranks + 1, self.feature_sizes), *hidden, repeat(ranks + 1, self.params_sizes)]

    def context_terms(self, context: tf.Tensor) -> dict[int, tf.Tensor]:
        """Return what the context `[B, C]` adds to each layer that it reaches, `[B, units]`, by the layer's number."""
        return {int(to): layer(context) for to, layer in self.context_layers.items()}

    def call(self, x: Any, context: Any = None, member: int | tf.Tensor | None = None, training: bool = False) -> tf.Tensor:
        """Return the parameters `[B, *event_shape, P]` of a member; without `member`, of the first or, in training, of the next ones."""
        context, x = self.as_context(context), self.encode(x)
        members: list[Any] = [0 if member is None else member]
        if member is None and training and self.num_masks > 1:
            used = self._masks_used()
            members = [(used + k) % self.num_masks for k in range(self.masks_per_step)]
        degrees = [self.degrees(member) for member in members]
        sums: dict[int, tf.Tensor] = {} if context is None else self.context_terms(context)
        values = {0: x}
        for layer, source, target in self.connections:
            if source not in values:
                values[source] = self.drop(self.activation(sums[source]), training=training)  # (B, H)
            term = self._in_shares(layer, values[source], [(d[source], d[target]) for d in degrees])
            sums[target] = sums[target] + term if target in sums else term
        return self.shaped(sums[len(self.hidden_units) + 1])

    def _masks_used(self) -> Any:
        """Number of masks that earlier training steps used: a function of the step's number, or counted by a variable."""
        if (step := noise.step()) is not None:
            return tf.cast(step.number, tf.int32) * self.masks_per_step
        used: Any = tf.convert_to_tensor(self.steps)
        self.steps.assign_add(self.masks_per_step)
        return used

    @staticmethod
    def _in_shares(layer: MaskedDense, inputs: tf.Tensor, degrees: Sequence[tuple[Any, Any]]) -> Any:
        """Call a layer on inputs `[B, I]` whose rows are divided among pairs of degrees: the first rows have the first pair, and so on."""
        if len(degrees) == 1 or not any(tf.is_tensor(d) for pair in degrees for d in pair):  # without tensors all pairs are the same
            return layer(inputs, *degrees[0])
        rows = tf.shape(inputs)[0]
        ends = [rows * k // len(degrees) for k in range(len(degrees) + 1)]
        if (step := noise.step()) is not None and step.replicas > 1:  # the rows here are a share of the global batch
            ends = [tf.clip_by_value(step.rows * k // len(degrees) - step.first_row, 0, rows) for k in range(len(degrees) + 1)]
            ends[-1] = rows  # rows that fill up a share too
        return tf.concat([layer(inputs[a:b], *pair) for a, b, pair in zip(ends[:-1], ends[1:], degrees, strict=True)], axis=0)

    def density_settings(self) -> dict[str, Any]:
        """Return what determines the density besides the weights: orders and degrees rather than the seed that they are drawn by."""
        settings = super().density_settings()
        del settings["seed"]
        orders = self._order_argument if isinstance(self._order_argument, str) else shown_order(self.order)
        return {
            **settings,
            "order": Resolved([self.orders], f"{orders} of seed {self.seed}" if is_drawn(orders) else orders),
            "connectivity": Resolved(self.hidden_degrees, f"{self.connectivity} of seed {self.seed}"),
        }

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "hidden_units": list(self.hidden_units),
            "activation": keras.activations.serialize(self.activation),
            "direct": self.direct,
            "window": self.window,
            "num_masks": self.num_masks,
            "masks_per_step": self.masks_per_step,
            "order": self._order_argument,
            "connectivity": self.connectivity,
            "conditioning": self.conditioning,
            "dropout": self.drop.rate,
            "seed": self.seed,
        }
