"""The public callables, each with small arguments that it takes, for the garbage driver."""

import numpy as np

import tfar
from support.garbage import Case
from tfar import automatic, config, datasets, distributions, heads, layers, masks, networks, orders, training

NETWORK = ("context_size", "num_classes", "encoding")
# Keras refuses types in its own words. A function that is no activation or initializer is found where the network is built, in which
# it fails by itself; the networks of `of_networks` are not built.
KERAS = ("dtype", "activation", "kernel_initializer")
VECTOR, IMAGE = {"event_shape": [3]}, {"event_shape": [3, 3, 1], "filters": 2, "head_filters": [2]}
ROWS = np.tile(np.eye(3, dtype=np.int32), (4, 1))


def of_networks():
    """The networks; they are not built."""
    return {
        "networks.LogisticAutoregressive": Case(networks.LogisticAutoregressive, VECTOR, NETWORK),
        "networks.NADE": Case(networks.NADE, {**VECTOR, "hidden_units": 2}, NETWORK),
        "networks.RNADE": Case(networks.RNADE, {**VECTOR, "hidden_units": 2, "params_size": 3}, NETWORK),
        "networks.NeuralAutoregressive": Case(networks.NeuralAutoregressive, {**VECTOR, "hidden_units": 2}, NETWORK),
        "networks.MADE": Case(networks.MADE, {**VECTOR, "hidden_units": [2]}, NETWORK),
        "networks.DeepNADE": Case(networks.DeepNADE, {**VECTOR, "hidden_units": [2]}, NETWORK),
        "networks.NADEK": Case(networks.NADEK, {**VECTOR, "hidden_units": [2], "num_steps": 1}, NETWORK),
        "networks.PixelCNN": Case(networks.PixelCNN, {**IMAGE, "num_blocks": 1}, ("context_size",)),
        "networks.GatedPixelCNN": Case(networks.GatedPixelCNN, {**IMAGE, "num_layers": 2, "skip_filters": 2}, ("context_size",)),
        "networks.RowLSTM": Case(networks.RowLSTM, {**IMAGE, "num_layers": 1}, ("context_size",)),
        "networks.DiagonalBiLSTM": Case(networks.DiagonalBiLSTM, {**IMAGE, "num_layers": 1}, ("context_size",)),
        "networks.CharRNN": Case(networks.CharRNN, {**VECTOR, "units": 2, "num_layers": 1, "num_classes": 3, "params_size": 3}, NETWORK),
        "networks.Ensemble": Case(networks.Ensemble, {"networks": [networks.NADE([3], hidden_units=units) for units in (2, 3)]}),
        "networks.Pool": Case(networks.Pool, {"networks": [networks.NADE([3], hidden_units=2)]}),
        "networks.WrappedNetwork": Case(networks.WrappedNetwork, {**VECTOR, "network": networks.NADE([3], hidden_units=2)}, NETWORK),
    }


def of_models():
    """The families' constructors, which build, and what holds a network and a head."""
    network = networks.MADE([3], hidden_units=[2])
    network_of_two = networks.MADE([3], hidden_units=[2], num_masks=2)  # whose members are dicts of what it takes, whatever that is
    return {
        "MADE": Case(tfar.MADE, {**VECTOR, "hidden_units": [2]}, left_out=KERAS),
        "RNADE": Case(tfar.RNADE, {**VECTOR, "hidden_units": 2}, left_out=KERAS),
        "CharRNN": Case(tfar.CharRNN, {"vocabulary": "ab", "units": 2, "num_layers": 1}, left_out=KERAS),
        "AutoregressiveModel": Case(tfar.AutoregressiveModel, {"network": network}),
        "Ensemble": Case(tfar.Ensemble, {"models": [tfar.NADE([3], hidden_units=units) for units in (2, 3)]}),
        "AutoregressiveDistribution": Case(distributions.AutoregressiveDistribution, {"network": network}),
        "AutoregressiveEnsemble": Case(distributions.AutoregressiveEnsemble, {"network": network_of_two}, left_out=("members",)),
    }


def of_methods():
    """Methods of a model of vectors, and of one of text."""
    model, text = tfar.MADE([3], hidden_units=[2]), tfar.CharRNN("ab", units=2, num_layers=1)
    observed = np.array([True, False, False])
    return {
        "distribution": Case(model.distribution),
        "log_prob": Case(model.log_prob, {"x": ROWS}),
        "sample": Case(model.sample, {"n": 2, "seed": 0}),
        "complete": Case(model.complete, {"x": ROWS, "observed": observed, "seed": 0}),
        "conditional_log_prob": Case(model.conditional_log_prob, {"x": ROWS, "observed": observed}),
        "text.log_prob": Case(text.log_prob, {"x": "ab"}),
        "text.sample": Case(text.sample, {"n": 1, "seed": 0, "length": 2}),
    }


def of_heads():
    """Heads, and functions of their names."""
    return {
        "heads.Categorical": Case(heads.Categorical, {"num_classes": 3}),
        "heads.OneHot": Case(heads.OneHot, {"num_classes": 3}),
        "heads.Normal": Case(heads.Normal),
        "heads.NormalMixture": Case(heads.NormalMixture),
        "heads.LaplaceMixture": Case(heads.LaplaceMixture),
        "heads.DiscretizedLogisticMixture": Case(heads.DiscretizedLogisticMixture),
        "heads.get": Case(heads.get, {"head": "bernoulli"}),
        "heads.named": Case(heads.named, {"name": "bernoulli"}),
    }


def of_layers():
    """Layers, and the pure functions behind them."""
    degrees = np.array([1, 2, 3])
    return {
        "layers.MaskedDense": Case(layers.MaskedDense, {"in_degrees": degrees, "out_degrees": degrees}),
        "layers.MaskedConv2D": Case(layers.MaskedConv2D, {"filters": 2, "kernel_size": 3, "mask_type": "A"}),
        "layers.Dropout": Case(layers.Dropout, {"rate": 0.5}),
        "orders.as_order": Case(orders.as_order, {"order": "natural", "event_size": 3}),
        "orders.inverse": Case(orders.inverse, {"order": [2, 0, 1]}),
        "orders.random_orders": Case(orders.random_orders, {"event_size": 3, "count": 2, "seed": 0}),
        "orders.alternating_orders": Case(orders.alternating_orders, {"event_size": 3, "count": 2, "seed": 0}),
        "orders.scan_orders": Case(orders.scan_orders, {"event_shape": [2, 2], "count": 2, "seed": 0}),
        "masks.hidden_degrees": Case(masks.hidden_degrees, {"units": 4, "event_size": 3}),
        "masks.placed_degrees": Case(masks.placed_degrees, {"units": 4, "order": [2, 0, 1]}),
        "masks.dense_mask": Case(masks.dense_mask, {"in_degrees": degrees, "out_degrees": degrees}),
        "masks.dense_blocks": Case(masks.dense_blocks, {"in_degrees": degrees, "out_degrees": degrees}),
        "masks.color_groups": Case(masks.color_groups, {"channels": 6, "colors": 3}),
        "masks.conv_mask": Case(masks.conv_mask, {"kernel_size": 3, "in_channels": 1, "out_channels": 1, "mask_type": "A"}),
    }


def of_datasets():
    """Functions of data, and settings of a training."""
    digits = datasets.load("digits")
    described = digits.to_config()
    return {
        "datasets.load": Case(datasets.load, {"source": "digits"}, left_out=("preparation",)),
        "datasets.load_config": Case(datasets.load_config, {"config": described}),
        "datasets.prepare": Case(datasets.prepare, {"source": "digits", "config": described}),
        "datasets.one_hot": Case(datasets.one_hot, {"labels": ["a", "b"], "names": ["a", "b"]}),
        "datasets.Vocabulary": Case(datasets.Vocabulary, {"symbols": "ab"}),
        "datasets.Vocabulary.of": Case(datasets.Vocabulary.of, {"text": "ab"}),
        "datasets.windows": Case(datasets.windows, {"codes": np.zeros(20, np.int32), "length": 4, "batch_size": 2}),
        "datasets.steps_per_pass": Case(datasets.steps_per_pass, {"num_codes": 20, "length": 4, "batch_size": 2}),
        "datasets.Standardization.fit": Case(datasets.Standardization.fit, {"x": [[1.0], [2.0]]}),
        "training.batches": Case(training.batches, {"split": digits.train, "batch_size": 10}),
        "training.epoch_length": Case(training.epoch_length, {"pass_steps": 3}),
        "config.Training": Case(config.Training),
        "config.SequenceTraining": Case(config.SequenceTraining),
        "automatic.head_name": Case(automatic.head_name, {"kind": "binary"}),
    }


GROUPS = {group.__name__: group for group in (of_networks, of_models, of_methods, of_heads, of_layers, of_datasets)}
