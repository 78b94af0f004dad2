"""The cases of the contract test: one tiny model of each family, and what tests make of them."""

import dataclasses
import itertools

import keras
import numpy as np

import tfar
from tfar.orders import random_orders


@dataclasses.dataclass
class Case:
    """A tiny model and what is to be expected of it.

    `blind` is for networks that do not look at all earlier positions; `options` select the distribution.
    """

    family: object
    event_shape: list
    head: object = "bernoulli"
    arguments: dict = dataclasses.field(default_factory=dict)
    options: dict = dataclasses.field(default_factory=dict)
    blind: bool = False

    def model(self):
        if isinstance(self.family, type) and issubclass(self.family, tfar.networks.AutoregressiveNetwork):
            return tfar.models.model_of(self.family, self.event_shape, self.head, **self.arguments)
        return self.family(self.event_shape, head=self.head, **self.arguments)


def user_network(event_shape, head):
    """A network as a user would write it: Keras layers, nothing of ours but the contract."""
    inputs = keras.Input(event_shape)
    size = event_shape[0]
    before = keras.ops.convert_to_tensor(np.triu(np.ones((size, size)), 1), "float32")
    terms = [keras.layers.Dense(1)(keras.ops.cast(inputs, "float32") * before[:, k]) for k in range(size)]
    outputs = keras.layers.Reshape((size, 1))(keras.layers.Concatenate()(terms))
    network = keras.Model(inputs, outputs)
    return tfar.AutoregressiveModel(tfar.networks.WrappedNetwork(network, event_shape), head)


def pooled(event_shape, head):
    """A pool of two families, whose weights are not alike."""
    members = [tfar.networks.NADE(event_shape=event_shape, hidden_units=7), tfar.networks.MADE(event_shape=event_shape, hidden_units=[9])]
    model = tfar.AutoregressiveModel(tfar.networks.Pool(members), head)
    model.network.pool_weights.assign([[0.7], [0.5]])
    return model


def mixed(event_shape, head):
    """An ensemble of three families, one of them with two orders, that are not alike."""
    networks = [
        tfar.NADE(event_shape, head, hidden_units=7, order="reversed").network,
        tfar.MADE(event_shape, head, hidden_units=[24], num_masks=2, order="alternating").network,
        tfar.DeepNADE(event_shape, head, hidden_units=[9]).network,
    ]
    for seed, network in enumerate(networks):
        tfar.testing.randomize(network, seed=seed)
    return tfar.Ensemble([tfar.AutoregressiveModel(network, head) for network in networks], weights=[3, 2, 1])


def case(family, event_shape, head="bernoulli", options=None, blind=False, **arguments):
    return Case(family, event_shape, head, arguments, options or {}, blind)


NORMALS, LAPLACES = tfar.heads.NormalMixture(3, min_scale=0.1), tfar.heads.LaplaceMixture(2, min_scale=0.1)
MIXED = tfar.heads.Columns([tfar.heads.Categorical(3), NORMALS, "bernoulli"])  # classes beside a real number
COUNTS = tfar.heads.Columns([tfar.heads.Categorical(k) for k in (3, 2, 5, 2)])
CASES = {
    "logistic": case(tfar.LogisticAutoregressive, [10], order="reversed"),
    "logistic-context": case(tfar.LogisticAutoregressive, [2, 4], context_size=3),
    "made": case(tfar.MADE, [10], hidden_units=[40], activation="tanh", direct=False),
    "made-few-units": case(tfar.MADE, [10], hidden_units=[7], blind=True, direct=False),
    "made-deep": case(tfar.MADE, [10], hidden_units=[24, 17], direct=True, order="random", connectivity="random", context_size=2),
    "made-window": case(tfar.MADE, [10], hidden_units=[24, 31], window=3, num_masks=2, order="random", direct=True, options={"member": 1}),
    "made-scan": case(tfar.MADE, [3, 3], hidden_units=[24], num_masks=3, order="scan", seed=1, direct=False),
    "made-placed": case(
        tfar.MADE, [8], hidden_units=[24, 20], num_masks=3, order="alternating", connectivity="placed", conditioning=True, direct=True
    ),
    "made-one-dimension": case(tfar.MADE, [1], hidden_units=[3], direct=False),
    "made-categorical": case(tfar.MADE, [2, 2], tfar.heads.Categorical(5), hidden_units=[32], order=[3, 1, 0, 2], direct=False),
    "made-normal": case(tfar.MADE, [2], "normal", hidden_units=[16], order=[1, 0], direct=False),
    "made-normals": case(tfar.MADE, [2], NORMALS, hidden_units=[16], context_size=1, direct=False),
    "made-laplaces": case(tfar.MADE, [2], LAPLACES, hidden_units=[16], direct=False),
    "made-member": case(
        tfar.MADE, [8], hidden_units=[16], activation="sigmoid", num_masks=3, order="random", options={"member": 2}, direct=False
    ),
    "made-ensemble": case(tfar.MADE, [8], hidden_units=[24], activation="tanh", num_masks=3, order="random", context_size=2, direct=False),
    "neural": case(tfar.NeuralAutoregressive, [8], hidden_units=4, context_size=2, direct=False),
    "neural-categorical": case(
        tfar.NeuralAutoregressive, [2, 2], tfar.heads.Categorical(5), hidden_units=4, direct=True, order=[3, 1, 0, 2]
    ),
    "nade": case(tfar.NADE, [10], hidden_units=12, order="reversed"),
    "nade-categorical": case(tfar.NADE, [2, 2], tfar.heads.Categorical(5), hidden_units=12, context_size=2),
    "rnade": case(tfar.RNADE, [2], NORMALS, hidden_units=12),
    "rnade-laplaces": case(tfar.RNADE, [2], LAPLACES, hidden_units=12, order=[1, 0], context_size=2),
    "deepnade": case(tfar.DeepNADE, [7], hidden_units=[12, 11], context_size=2),
    "deepnade-order": case(tfar.DeepNADE, [7], hidden_units=[12], options={"order": [3, 6, 1, 0, 2, 5, 4]}),
    "deepnade-orders": case(tfar.DeepNADE, [6], hidden_units=[12], options={"num_orders": 3, "seed": 5}),
    "deepnade-normals": case(tfar.DeepNADE, [2], NORMALS, hidden_units=[12], options={"order": [1, 0]}),
    "nadek": case(tfar.NADEK, [7], hidden_units=[12], context_size=2),
    "pixelcnn": case(tfar.PixelCNN, [2, 3, 1], num_blocks=1, filters=4, kernel_size=3, head_filters=(6,), blind=True, positions=False),
    "gated-pixelcnn": case(tfar.GatedPixelCNN, [2, 3, 1], num_layers=2, filters=4, kernel_size=3, context_size=2, positions=True),
    "gated-pixelcnn-colour": case(
        tfar.GatedPixelCNN, [1, 2, 3], tfar.heads.Categorical(3), num_layers=2, filters=6, kernel_size=3, positions=False
    ),
    "row-lstm": case(tfar.RowLSTM, [2, 3, 1], num_layers=1, filters=4, kernel_size=5, positions=True),
    "diagonal-bilstm": case(tfar.DiagonalBiLSTM, [2, 3, 1], num_layers=1, filters=4, kernel_size=5, context_size=2, positions=False),
    "char-lstm": case(
        tfar.networks.CharRNN, [4], tfar.heads.Categorical(4), units=9, num_layers=2, embedding=5, context_size=2, dropout=0.0
    ),
    "char-gru": case(tfar.networks.CharRNN, [4], tfar.heads.Categorical(4), cell="gru", units=9, num_layers=2, dropout=0.0),
    "char-rnn": case(tfar.networks.CharRNN, [6], cell="rnn", units=9, num_layers=1, dropout=0.0),
    "rnn-normals": case(tfar.networks.CharRNN, [2], NORMALS, cell="gru", units=9, num_layers=1, dropout=0.0),
    "columns-logistic": case(tfar.LogisticAutoregressive, [3], MIXED, order=[2, 0, 1]),
    "columns-made": case(tfar.MADE, [3], MIXED, hidden_units=[16, 13], order=[1, 2, 0], context_size=2, direct=True),
    "columns-made-ensemble": case(tfar.MADE, [4], COUNTS, hidden_units=[24], activation="tanh", num_masks=3, order="random", direct=False),
    "columns-neural": case(tfar.NeuralAutoregressive, [3], MIXED, hidden_units=4, context_size=2, direct=True, order="reversed"),
    "columns-nade": case(tfar.NADE, [4], COUNTS, hidden_units=12, order=[2, 0, 3, 1]),
    "columns-rnade": case(tfar.RNADE, [3], MIXED, hidden_units=12, context_size=2),
    "columns-deepnade": case(tfar.DeepNADE, [3], MIXED, hidden_units=[12, 11], context_size=2),
    "columns-deepnade-orders": case(tfar.DeepNADE, [4], COUNTS, hidden_units=[12], options={"num_orders": 3, "seed": 5}),
    "user-network": case(user_network, [6]),
    "pool": case(pooled, [6]),
    "ensemble": case(mixed, [6]),
}


def context_of(model, rows=None):
    """A context for each row, or one for all; None for models without."""
    size = model.network.context_size
    if not size:
        return None
    context = np.random.default_rng(5).normal(size=[rows or 1, size]).astype("float32")
    return context if rows else context[0]


def members(model, spec):
    """Every member that the distribution is made of."""
    if "order" in spec.options:
        return [{"order": np.array(spec.options["order"], np.int32)}]
    if "num_orders" in spec.options:
        orders = random_orders(model.network.event_size, spec.options["num_orders"], spec.options["seed"])
        return [{"order": order} for order in orders]
    if "member" in spec.options:
        return [model.network.member(spec.options["member"])]
    return [model.network.member(k) for k in range(model.network.num_members)]


def some_values(model, rows, seed=1):
    return model.distribution(context_of(model)).sample(rows, seed=seed).numpy()


def heads_of(model):
    """The head of each dimension."""
    head = model.head
    return head.heads if isinstance(head, tfar.heads.Columns) else [head] * model.network.event_size


def levels(model):
    """The number of values of each dimension of a discrete event."""
    return [head.num_classes or 2 for head in heads_of(model)]


def every_value(model):
    """All values of a discrete event, `[N, *event]`."""
    values = itertools.product(*map(range, levels(model)))
    return np.array(list(values), model.head.dtype.as_numpy_dtype).reshape(-1, *model.event_shape)


def fine_grid(model, reach=40, points=1601):
    """Values of an event with real dimensions, `[N, D]`, on a grid, and the volume that each stands for."""
    axis = np.linspace(-reach, reach, points)
    axes = [np.arange(head.num_classes or 2) if head.discrete else axis for head in heads_of(model)]
    volume = np.prod([1 if head.discrete else axis[1] - axis[0] for head in heads_of(model)])
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    return grid.astype(model.head.dtype.as_numpy_dtype), volume


def by_dimension(model, params):
    """The parameters of all positions, `[B, *event, P]` or `[B, sum P_d]`, as a list of `[B, P_d]`."""
    if model.network.per_column:
        return [part.numpy() for part in model.head.split(params)]
    return list(np.moveaxis(params.numpy().reshape(len(params), model.network.event_size, -1), 1, 0))


def discrete(model):
    return model.head.discrete
