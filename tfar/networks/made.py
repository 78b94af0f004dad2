"""MADE: masked autoencoder for distribution estimation (Germain, Gregor, Murray & Larochelle 2015)."""

import keras
import numpy as np
import tensorflow as tf

from tfar import masks
from tfar.config import CONNECTIVITIES
from tfar.layers import Dropout, MaskedDense
from tfar.networks.base import AutoregressiveNetwork, elementwise
from tfar.networks.masked_stepping import MaskedStepping
from tfar.orders import DRAWN, inverse, is_drawn
from tfar.validation import as_counts, check_counts


def _alike(table):
    """Whether all pairs of masks have the same degrees, or the same order, `[n, units]`."""
    return bool(np.all(table == table[0]))


@keras.saving.register_keras_serializable(package="tfar")
class MADE(MaskedStepping, AutoregressiveNetwork):
    """Masked autoencoder of any depth, with one or many orders and connectivities.

        h^1 = g(b^1 + (W^1 * M^1) (x - mean) + C c)          M[i, j] = m(i) <= m(j)      (eq. 8)
        h^l = g(b^l + (W^l * M^l) h^{l-1})
        params = b + (V * M) h^L + (A * M') (x - mean) + C' c       M[i, j] = m(i) < m(j)       (eq. 9; A: eq. 10)

    where m is the degree of a unit (`tfar.masks`), x the values, c the context of degree 0, which so reaches every position. `mean` is
    zero, as in the paper, until `centre` sets it, as `tfar.training.fit` does before it begins: with one mask that is another b^1 for
    the same function; with several, whose units have other inputs under each, one bias then serves them all.

    With `num_masks` > 1 each training step uses the next pair of an order and a connectivity, in turn, or the next few, each for its
    share of the rows. The density is the mean of those of all pairs, p(x) = 1/n sum_i p_i(x) (section 4.2).

    Args:
        hidden_units: sizes of the hidden layers, H.
        activation: g.
        direct: whether inputs are connected to the outputs directly, A.
        num_masks: n, number of pairs of an order and a connectivity.
        masks_per_step: how many of the pairs one training step uses, at most n: the more, the less noise is in its gradient.
        order: "natural", "reversed", a permutation, or for each pair another: "random", "alternating" for the natural order and its
            reverse in turn, or "scan" for scans of an image line by line in directions all around (`tfar.masks.scan_orders`).
        connectivity: "even" for degrees in ascending order, "random" for shuffled ones, "placed" where a unit keeps its place among the
            dimensions, and moves a little from it with each pair (`tfar.masks.placed_degrees`). Pairs of one order differ by their
            connectivity: of "even" ones only the first is even, the others random. Where the orders are drawn, training is faster if a
            unit always has the same degree, or place.
        conditioning: whether the hidden and output layers have connectivity-conditioning weights, + (U * M) 1 (section 4.3), by which
            the units know which pair of masks is in use. A layer whose mask M is the same for all pairs has none: they would be a bias.
        dropout: share of the units of each hidden layer that training drops.
        seed: of the orders and connectivities that are drawn.
        window: how many degrees a unit or an output sees of the hidden units before it, the last of those that it may; None, as in the
            paper, for all of them. Of the inputs it always sees all. Without it an output adds up what all smaller degrees make of
            fewer and fewer inputs, and with many orders one weight serves sums of any length; with it all sums are alike.

    Raises:
        ValueError: sizes or numbers that are no positive integers; no hidden layer where there is no `direct`, or without one what is of
            hidden layers; an activation that mixes units, such as softmax; an unknown connectivity; an order that is none, or "scan" of
            an event that is no image; or more masks in a step than there are.

    >>> network = MADE(event_shape=[4], hidden_units=[8])
    >>> network(np.zeros([2, 4])).shape
    TensorShape([2, 4, 1])
    """

    def __init__(
        self,
        event_shape,
        params_size=1,
        hidden_units=(500,),
        activation="relu",
        direct=False,
        num_masks=1,
        masks_per_step=1,
        order="natural",
        connectivity="even",
        conditioning=False,
        dropout=0.0,
        seed=0,
        window=None,
        **kwargs,
    ):
        drawn = is_drawn(order)
        super().__init__(event_shape, params_size, None if drawn else order, **kwargs)
        check_counts(num_masks=num_masks, masks_per_step=masks_per_step)
        if masks_per_step > num_masks:
            raise ValueError(
                f"masks_per_step must be at most num_masks. Received: masks_per_step={masks_per_step!r}, num_masks={num_masks!r}"
            )
        if window is not None:
            check_counts(window=window)
        if connectivity not in CONNECTIVITIES:
            raise ValueError(f"connectivity must be one of {', '.join(CONNECTIVITIES)}. Received: connectivity={connectivity!r}")
        self.hidden_units = as_counts(hidden_units=hidden_units)
        if not self.hidden_units and not direct:
            raise ValueError("hidden_units may be empty only with direct=True. Received: hidden_units=(), direct=False")
        if not self.hidden_units and (dropout or conditioning or window is not None):
            raise ValueError(
                "dropout, conditioning and window are of hidden layers. "
                f"Received: dropout={dropout!r}, conditioning={conditioning!r}, window={window!r}, without any"
            )
        self.activation = elementwise(activation)
        self.direct, self.num_masks, self.connectivity, self.seed = bool(direct), int(num_masks), connectivity, int(seed)
        self.masks_per_step, self.window = int(masks_per_step), None if window is None else int(window)
        self.conditioning, self.drop = bool(conditioning), Dropout(dropout, name="dropout")
        self._order_argument = order if isinstance(order, str) else self.order.tolist()

        if drawn:
            self.orders = DRAWN[order](self.event_shape, self.num_masks, self.seed)  # (n, D)
            self.order = self.orders[0]
        else:
            self.orders = np.tile(self.order, (self.num_masks, 1))
        self.hidden_degrees = [  # one (n, H) for each hidden layer
            np.stack([self._hidden_degrees(units, k, layer, drawn) for k in range(self.num_masks)])
            for layer, units in enumerate(self.hidden_units)
        ]
        self._build_layers()

    def _hidden_degrees(self, units, member, layer, drawn):
        lowest, seed = 1 if self.context_size == 0 else 0, [self.seed, member, layer]
        if self.connectivity == "placed":
            return masks.placed_degrees(units, self.orders[member], lowest, seed)
        even = self.connectivity == "even" and (member == 0 or drawn)
        return masks.hidden_degrees(units, self.event_size, lowest, None if even else seed)

    def _build_layers(self):
        inputs, hidden, outputs = self.degrees(0)[0], self.degrees(0)[1:-1], self.degrees(0)[-1]
        sources, depth = [inputs, *hidden], len(hidden)
        windows = [None, *[self.window] * depth]  # of the inputs a unit sees all
        alike = [_alike(table) for table in (self.orders, *self.hidden_degrees, self.orders)]
        conditioning = [self.conditioning and not (alike[n] and alike[n + 1]) for n in range(depth + 1)]
        policy = {"dtype": self.dtype_policy}
        self.masked_layers = [
            MaskedDense(
                sources[n], hidden[n], window=windows[n], conditioning=conditioning[n], centred=n == 0, name=f"hidden_{n}", **policy
            )
            for n in range(depth)
        ]
        self._wires = [(n, n + 1) for n in range(depth)]  # (from, to): 0 is the input, depth + 1 the output
        if depth:
            last = {"window": windows[-1], "conditioning": conditioning[-1], "name": "output"}
            self.masked_layers.append(MaskedDense(sources[-1], outputs, strict=True, **last, **policy))
            self._wires.append((depth, depth + 1))
        if self.direct:
            self.masked_layers.append(MaskedDense(inputs, outputs, strict=True, use_bias=not depth, centred=True, name="direct", **policy))
            self._wires.append((0, depth + 1))
        self.context_layers = {}  # by the layer that the context reaches
        if self.context_size:
            widths = {depth + 1: len(outputs)} | ({1: len(hidden[0])} if depth else {})
            self.context_layers = {
                str(to): keras.layers.Dense(width, use_bias=False, name=f"context_{to}", **policy) for to, width in widths.items()
            }

    def build(self, x_shape=None, context_shape=None):
        for layer in self.masked_layers:
            layer.build((None, len(layer.in_degrees)))
        for layer in self.context_layers.values():
            layer.build((None, self.context_size))
        if self.num_masks > 1:
            self.steps = self.add_weight(name="steps", shape=(), dtype="int32", initializer="zeros", trainable=False)

    def centre(self, mean):
        """Set the centre `[D * E]` of the inputs."""
        for layer, source, _ in self.connections:
            if source == 0:
                layer.mean.assign(mean)

    @property
    def output_bias(self):
        """The bias of the output layer, in event layout."""
        return next(layer.bias for layer in reversed(self.masked_layers) if layer.strict and layer.use_bias)

    @property
    def connections(self):
        """(layer, from, to) for each masked layer; 0 is the input, the last number the output."""
        return [(layer, *wire) for layer, wire in zip(self.masked_layers, self._wires, strict=True)]

    @property
    def num_members(self):
        return self.num_masks

    def member(self, index):
        return {"member": index}

    def generation_order(self, member=0):
        return self.orders[member] if isinstance(member, int) else tf.gather(self.orders, member)

    def degrees(self, member):
        """Degrees of the inputs `[D * E]`, of each hidden layer `[H]` and of the outputs `[D * P]` under the mask-th pair."""
        if isinstance(member, int):
            ranks, repeat, hidden = inverse(self.orders[member]), np.repeat, [table[member] for table in self.hidden_degrees]
        else:
            ranks, repeat = tf.argsort(tf.gather(self.orders, member)), tf.repeat
            hidden = [table[0] if _alike(table) else tf.gather(table, member) for table in self.hidden_degrees]
        return [repeat(ranks + 1, self.features), *hidden, repeat(ranks + 1, self.params_size)]

    def context_terms(self, context):
        """What the context `[B, C]` adds to each layer that it reaches, by the layer's number."""
        return {int(to): layer(context) for to, layer in self.context_layers.items()}

    def call(self, x, context=None, member=None, training=False):
        context, x = self.as_context(context), self.encode(x)
        members = [0 if member is None else member]
        if member is None and training and self.num_masks > 1:
            members = [(tf.convert_to_tensor(self.steps) + k) % self.num_masks for k in range(self.masks_per_step)]
            self.steps.assign_add(self.masks_per_step)
        degrees = [self.degrees(member) for member in members]
        sums = {} if context is None else self.context_terms(context)
        values = {0: x}
        for layer, source, target in self.connections:
            if source not in values:
                values[source] = self.drop(self.activation(sums[source]), training=training)  # (B, H)
            term = self._in_shares(layer, values[source], [(d[source], d[target]) for d in degrees])
            sums[target] = sums[target] + term if target in sums else term
        return tf.reshape(sums[len(self.hidden_units) + 1], [-1, *self.event_shape, self.params_size])

    @staticmethod
    def _in_shares(layer, inputs, degrees):
        """What a layer makes of inputs `[B, I]` whose first rows have the first of some pairs of degrees, the next rows the next."""
        if len(degrees) == 1 or not any(tf.is_tensor(d) for pair in degrees for d in pair):  # without tensors all pairs are the same
            return layer(inputs, *degrees[0])
        ends = [tf.shape(inputs)[0] * k // len(degrees) for k in range(len(degrees) + 1)]
        return tf.concat([layer(inputs[a:b], *pair) for a, b, pair in zip(ends[:-1], ends[1:], degrees, strict=True)], axis=0)

    def get_config(self):
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
