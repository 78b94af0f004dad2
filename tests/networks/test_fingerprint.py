"""Weights are loaded by a network with the same settings only: files hold what determines the density besides the weights."""

import json
import warnings

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from support import ROOT
from support.cases import CASES

import tfar
from tfar import config, networks
from tfar.networks.fingerprint import ENTRY
from tfar.testing import randomize

MADE = {"hidden_units": [6], "num_masks": 2, "order": "random"}
IMAGES = {"filters": 4, "num_blocks": 1, "kernel_size": 3, "head_filters": [4]}
SMALL = {  # event shape and arguments of a small network of each family
    "logistic": ([6], {"num_masks": 2}),
    "nade": ([6], {"hidden_units": 4}),
    "rnade": ([6], {"hidden_units": 4}),
    "neural": ([6], {"hidden_units": 2}),
    "made": ([6], MADE),
    "deepnade": ([6], {"hidden_units": [5, 5]}),
    "nadek": ([6], {"hidden_units": [5]}),
    "pixelcnn": ([3, 3, 1], IMAGES),
    "gated_pixelcnn": ([3, 3, 1], {"filters": 4, "num_layers": 2, "kernel_size": 3, "skip_filters": 4, "head_filters": [4]}),
    "rowlstm": ([3, 3, 1], {"filters": 4, "num_layers": 1, "kernel_size": 3, "head_filters": [4]}),
    "diagonal_bilstm": ([3, 3, 1], {"filters": 4, "num_layers": 1, "kernel_size": 3, "head_filters": [4]}),
    "charrnn": ([6], {"units": 5, "num_layers": 1}),
}
SILENT = {  # another value of each setting that the density does not depend on
    "dtype": "float64",
    "masks_per_step": 2,
    "kernel_initializer": "zeros",
    "dropout": 0.5,
    "seed": 7,
    "means_range": (-5.0, 5.0),
    "data_mean": [0.25] * 6,
    "memory": 30.0,
    "name": "another",
    "trainable": False,
}


def network_of(family, **changed):
    event_shape, arguments = SMALL[family]
    of_head = {"params_size": 6} if family == "rnade" else {}
    network = getattr(networks, config.FAMILIES[family].__name__)(event_shape, **{**of_head, **arguments, **changed})
    return randomize(network)


def saved(network, path):
    keras.src.saving.saving_lib.save_weights_only(network, path)
    return path


def load(network, path):
    keras.src.saving.saving_lib.load_weights_only(network, path)
    return network


def values_for(network):
    return np.random.default_rng(3).integers(2, size=[5, *network.event_shape])


def given(network, seed=1):
    """Other weights than `randomize` gives, for all variables of real numbers."""
    generator = np.random.default_rng(seed)
    for weight in network.weights:
        if "float" in str(weight.dtype):
            weight.assign(generator.normal(size=weight.shape))
    return network


@pytest.mark.parametrize(
    ("family", "changed", "told"),
    [
        ("made", {"order": "reversed"}, "order was random of seed 0, is reversed"),
        ("made", {"order": [3, 1, 0, 2, 5, 4]}, r"order was random of seed 0, is \[3, 1, 0, 2, 5, 4\]"),
        ("made", {"seed": 1}, "order was random of seed 0, is random of seed 1"),
        ("made", {"connectivity": "random"}, "connectivity was even of seed 0, is random of seed 0"),
        ("made", {"activation": "tanh"}, "activation was 'relu', is 'tanh'"),
        ("made", {"window": 1}, "window was None, is 1"),
        ("made", {"hidden_units": [7]}, r"hidden_units was \[6\], is \[7\]"),
        ("logistic", {"order": "reversed"}, "order was natural, is reversed"),
        ("nade", {"order": "reversed"}, "order was natural, is reversed"),
        ("nade", {"activation": "relu"}, "activation was 'sigmoid', is 'relu'"),
        ("nade", {"hidden_units": 5}, "hidden_units was 4, is 5"),
        ("neural", {"order": "reversed"}, "order was natural, is reversed"),
        ("deepnade", {"order": "reversed"}, "order was natural, is reversed"),
        ("deepnade", {"activation": "tanh"}, "activation was 'relu', is 'tanh'"),
        ("deepnade", {"hidden_units": [5, 6]}, r"hidden_units was \[5, 5\], is \[5, 6\]"),
        ("nadek", {"num_steps": 4}, "num_steps was 5, is 4"),
        ("pixelcnn", {"activation": "tanh"}, "activation was 'relu', is 'tanh'"),
        ("pixelcnn", {"filters": 6}, "filters was 4, is 6"),
        ("charrnn", {"cell": "rnn"}, "cell was 'lstm', is 'rnn'"),
        ("charrnn", {"units": 6}, "units was 5, is 6"),
    ],
)
def test_weights_of_other_settings_are_refused(family, changed, told, tmp_path):
    path = saved(network_of(family), tmp_path / "model.weights.h5")
    with pytest.raises(ValueError, match=f"must be of the same settings.*Received: {told}"):
        load(network_of(family, **changed), path)


def test_weights_of_another_connectivity_are_refused_where_its_name_is_the_same(tmp_path):
    path = saved(network_of("made", order="natural", num_masks=1, connectivity="random"), tmp_path / "model.weights.h5")
    with pytest.raises(ValueError, match="Received: connectivity was random of seed 0, is random of seed 1\n"):
        load(network_of("made", order="natural", num_masks=1, connectivity="random", seed=1), path)


@pytest.mark.parametrize("family", ["made", "nade", "deepnade"])
def test_an_order_is_the_same_by_its_name_and_as_a_permutation(family, tmp_path):
    network = network_of(family, order="reversed")
    path = saved(network, tmp_path / "model.weights.h5")
    copy = load(given(network_of(family, order=[5, 4, 3, 2, 1, 0])), path)
    x = values_for(network)
    np.testing.assert_array_equal(copy(x), network(x))


def test_settings_that_lead_to_the_same_masks_are_the_same(tmp_path):
    path = saved(network_of("made", num_masks=1, order="natural"), tmp_path / "model.weights.h5")
    load(network_of("made", num_masks=1, order=list(range(6)), seed=9), path)


@pytest.mark.parametrize("family", SMALL)
def test_settings_without_density_change_no_density_and_are_not_compared(family, tmp_path):
    network = network_of(family)
    path, x = saved(network, tmp_path / "model.weights.h5"), values_for(network)
    silent = config.without_density(config.FAMILIES[family])
    assert silent <= set(SILENT)
    changed = {name: SILENT[name] for name in silent}
    assert changed.keys() >= {"dtype", "name", "trainable"}
    other = load(given(network_of(family, **changed)), path)
    np.testing.assert_allclose(other(x), network(x), rtol=1e-4, atol=1e-5)


def test_there_are_all_families():
    assert set(SMALL) == set(config.FAMILIES)
    for family in config.FAMILIES.values():
        network = getattr(networks, family.__name__)
        assert issubclass(family, network.family)
        assert config.without_density(network.family) == config.without_density(family)
        own = {name: field.default for name, field in config.settings_of(network.family).items()}
        assert own == {name: field.default for name, field in config.settings_of(family).items() if name in own}


def test_a_sequence_network_has_no_length(tmp_path):
    path = saved(network_of("charrnn"), tmp_path / "model.weights.h5")
    load(randomize(networks.CharRNN([9], units=5, num_layers=1)), path)


def test_a_wrapped_network_compares_no_settings_of_the_inner_one(tmp_path):
    model = CASES["user-network"].model()
    model.save_weights(tmp_path / "model.weights.h5")
    other = CASES["user-network"].model()  # whose inner layers have other names
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(other(values_for(model.network)), model(values_for(model.network)))
    assert "network" not in model.network.density_settings()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (keras.layers.LeakyReLU(0.1), keras.layers.LeakyReLU(0.1), True),
        (keras.layers.LeakyReLU(0.1), keras.layers.LeakyReLU(0.2), False),
        (lambda x: tf.tanh(x), lambda x: tf.tanh(x), True),
    ],
)
@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
def test_activations_are_compared_by_what_they_compute_where_that_can_be_told(one, other, same, tmp_path):
    path = saved(network_of("nade", activation=one), tmp_path / "model.weights.h5")
    if same:
        load(network_of("nade", activation=other), path)
    else:
        with pytest.raises(ValueError, match="Received: activation was"):
            load(network_of("nade", activation=other), path)


class Holder(keras.Model):
    """A user's model, in which two paths lead to a network."""

    def __init__(self, **options):
        super().__init__()
        self.density = tfar.MADE([6], hidden_units=[5], direct=False, **options)
        self.net = self.density.network
        self.built = True


def test_what_was_refused_is_not_accepted_by_another_path(tmp_path):
    Holder().save_weights(tmp_path / "model.weights.h5")
    Holder().load_weights(tmp_path / "model.weights.h5")
    with pytest.raises(ValueError, match="order was natural, is reversed"):
        Holder(order="reversed").load_weights(tmp_path / "model.weights.h5")


@pytest.mark.parametrize("name", ["model.weights.h5", "model.weights.json", "model.keras"])
def test_every_kind_of_file_is_compared(name, tmp_path):
    def model(**options):
        return tfar.MADE([40], hidden_units=[30], num_masks=2, order="random", **options)

    first = model()
    if name.endswith(".keras"):
        first.save(tmp_path / name)
    else:
        first.save_weights(tmp_path / name, **({"max_shard_size": 6e-6} if name.endswith(".json") else {}))
    assert name != "model.weights.json" or len(list(tmp_path.glob("*.h5"))) > 1
    model().load_weights(tmp_path / name)
    with pytest.raises(ValueError, match="order was random of seed 0, is random of seed 1"):
        model(seed=1).load_weights(tmp_path / name)
    with pytest.warns(UserWarning, match="order was random of seed 0, is random of seed 1"):
        model(seed=1).load_weights(tmp_path / name, skip_mismatch=True)


def test_settings_are_no_weights_and_do_not_grow(tmp_path):
    model = tfar.MADE([784], hidden_units=[500, 500], num_masks=32, order="random")
    model.save_weights(tmp_path / "model.weights.h5")
    with h5py.File(tmp_path / "model.weights.h5") as file:
        stored = file[f"layers/made/vars/{ENTRY}"][()]
        assert list(file["layers/made/vars"]) == ["0", ENTRY]
    assert stored.dtype == np.uint8 and len(stored) < 1000
    assert json.loads(stored.tobytes())["hidden_units"] == [500, 500]
    nade = tfar.NADE([784], order=np.random.default_rng(0).permutation(784).tolist())
    assert len(json.dumps(nade.network.density_settings()["order"].given)) > 1000
    nade.save_weights(tmp_path / "nade.weights.h5")
    with h5py.File(tmp_path / "nade.weights.h5") as file:
        assert len(file[f"layers/nade/vars/{ENTRY}"]) < 1000
    assert len(model.network.weights) == len(model.get_weights())
    model.set_weights(model.get_weights())


OLD = ROOT / "tests" / "fixtures" / "0.1"


@pytest.mark.parametrize("name", ["made-deep", "nade", "char-lstm"])
def test_a_weights_file_without_settings_is_loaded_with_a_warning(name):
    model = CASES[name].model()
    with pytest.warns(UserWarning, match=f"{name}.weights.h5 holds no settings") as told:
        model.load_weights(OLD / f"{name}.weights.h5")
    assert len(told) == 1
    with np.load(OLD / f"{name}.npz") as file:
        np.testing.assert_allclose(model.log_prob(file["x"], file.get("context")), file["log_prob"], rtol=1e-6)


@pytest.mark.parametrize("name", ["made-deep", "nade", "char-lstm"])
def test_a_model_file_without_settings_is_loaded_without_a_warning(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        keras.saving.load_model(OLD / f"{name}.keras")


def test_a_setting_that_a_file_does_not_know_had_its_default(tmp_path):
    class Newer(networks.NADE):
        def density_settings(self):
            return {name: value for name, value in super().density_settings().items() if name != "rescale"}

    path = saved(randomize(Newer([6], hidden_units=4)), tmp_path / "older.weights.h5")
    load(network_of("nade"), path)
    with pytest.raises(ValueError, match="rescale was False, is True"):
        load(network_of("nade", rescale=True), path)


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (tfar.heads.NormalMixture(2), tfar.heads.NormalMixture(2, min_scale=0.1), "head was .*min_scale=0.001.*, is .*min_scale=0.1"),
        (tfar.heads.NormalMixture(2), tfar.heads.LaplaceMixture(2), "head was 'NormalMixture.*, is 'LaplaceMixture"),
    ],
)
def test_weights_of_another_head_are_refused(one, other, told, tmp_path):
    tfar.MADE([4], one, hidden_units=[5]).save_weights(tmp_path / "model.weights.h5")
    tfar.MADE([4], one, hidden_units=[5]).load_weights(tmp_path / "model.weights.h5")
    with pytest.raises(ValueError, match=f"Received: {told}"):
        tfar.MADE([4], other, hidden_units=[5]).load_weights(tmp_path / "model.weights.h5")


def test_weights_of_another_vocabulary_are_refused(tmp_path):
    tfar.CharRNN("helo", units=4, num_layers=1).save_weights(tmp_path / "model.weights.h5")
    tfar.CharRNN("helo", units=4, num_layers=1, length=9).load_weights(tmp_path / "model.weights.h5")
    with pytest.raises(ValueError, match="Received: vocabulary was .*helo.*, is .*abcd"):
        tfar.CharRNN("abcd", units=4, num_layers=1).load_weights(tmp_path / "model.weights.h5")
