"""The weights of SavedModels in models that are built with the same settings."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfar
from tfar.files import CONFIGURATION
from tfar.models.exported import config_of, load_exported, load_weights_from_saved_model, newest_version
from tfar.testing import randomize


def made(**settings):
    return tfar.MADE([5], **{"hidden_units": [8], **settings})


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A model, and the folder of its version with some rows."""
    model = made(order="reversed")
    randomize(model.network)
    x = np.random.default_rng(0).integers(0, 2, (6, 5)).astype(np.int32)
    folder = tmp_path_factory.mktemp("exported")
    model.export(folder / "1", test_rows={"x": x, "log_prob": model.log_prob(x).numpy()})
    (folder / CONFIGURATION).write_text(json.dumps(config_of(model)))
    return model, folder, x


def test_weights_are_those_that_were_exported(exported):
    model, folder, x = exported
    for path in (folder / "1", folder, str(folder)):
        other = made(order="reversed")
        load_weights_from_saved_model(other, path)
        for weight, own in zip(other.weights, model.weights, strict=True):
            np.testing.assert_array_equal(weight, own)
        np.testing.assert_array_equal(other.log_prob(x), model.log_prob(x))


def test_the_configuration_beside_a_version_is_the_model(exported):
    model, folder, x = exported
    for found in (load_exported(folder), tfar.load_model(folder)):
        np.testing.assert_array_equal(found.log_prob(x), model.log_prob(x))
        np.testing.assert_array_equal(found.network.order, model.network.order)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"hidden_units": [9]}, r"hidden_0/kernel float32 \[5, 8\] for hidden_0/kernel float32 \[5, 9\]"),
        ({"direct": False}, "variables for .* weights"),
        ({"hidden_units": [8, 8]}, "variables for .* weights"),
        ({"dtype": "float64"}, r"float32 \[5, 8\] for hidden_0/kernel float64"),
        ({"order": "natural"}, r"no weight differs, such as the order. Received: .*1, where a row has -\d"),
        ({"activation": "tanh"}, "no weight differs"),
    ],
)
def test_another_model_is_refused_and_keeps_its_weights(exported, settings, words):
    _, folder, _ = exported
    other = made(**{"order": "reversed", **settings})
    before = other.get_weights()
    with pytest.raises(ValueError, match=words):
        load_weights_from_saved_model(other, folder)
    for weight, own in zip(other.weights, before, strict=True):
        np.testing.assert_array_equal(weight, own)


class Biased(tfar.networks.AutoregressiveNetwork):
    """A network of one weight, whose name is that of its layer's."""

    def build(self, x_shape=None, context_shape=None):
        self.bias = self.add_weight(name=self.name.removeprefix("of_"), shape=[5])

    def call(self, x, context=None, training=False):
        return tf.zeros_like(tf.cast(x, tf.float32))[..., None] + self.bias[:, None]


def test_names_are_compared_but_for_that_of_the_network(exported, tmp_path):
    _, folder, _ = exported
    network = tfar.networks.MADE([5], hidden_units=[8], order="reversed", name="mine")
    load_weights_from_saved_model(tfar.AutoregressiveModel(network), folder)
    tfar.AutoregressiveModel(Biased([5], name="of_one")).export(tmp_path / "1")
    with pytest.raises(ValueError, match=r"with one float32 \[5\] for two float32 \[5\]"):
        load_weights_from_saved_model(tfar.AutoregressiveModel(Biased([5], name="of_two")), tmp_path)


def test_a_version_without_means_has_zero_means(exported, tmp_path):
    _, _, x = exported
    model = made()
    holder = tf.Module()
    holder.weights = [weight.value for weight in model.weights if weight.name != "mean"]
    tf.saved_model.save(holder, str(tmp_path / "1"))
    other = made()
    other.network.centre(np.full(5, 0.5))
    load_weights_from_saved_model(other, tmp_path)
    np.testing.assert_array_equal(other.log_prob(x), model.log_prob(x))


def test_what_is_no_savedmodel_of_tfar_is_refused(exported, tmp_path):
    with pytest.raises(FileNotFoundError, match="SavedModel"):
        load_weights_from_saved_model(made(), tmp_path)
    keras.Sequential([keras.Input([5]), keras.layers.Dense(2)]).export(tmp_path / "dense", verbose=False)
    with pytest.raises(ValueError, match="that tfar exported. Received: .*dense"):
        load_weights_from_saved_model(made(), tmp_path / "dense")
    _, folder, _ = exported
    shutil.copytree(folder, tmp_path / "cut")
    data = tmp_path / "cut" / "1" / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(ValueError, match="Received: .*cut"):
        load_weights_from_saved_model(made(order="reversed"), tmp_path / "cut")


def test_a_folder_without_a_configuration_is_refused(exported, tmp_path):
    _, folder, _ = exported
    shutil.copytree(folder, tmp_path / "copy")
    path = tmp_path / "copy" / CONFIGURATION
    for content in ("{", "[]", '{"class_name": "Nothing"}'):
        path.write_text(content)
        with pytest.raises(ValueError, match="the file must .*Received: .*model.json"):
            tfar.load_model(tmp_path / "copy")
    path.write_text(json.dumps(keras.saving.serialize_keras_object(keras.layers.Dense(2))))
    with pytest.raises(ValueError, match="Received: .*model.json, of a Dense"):
        tfar.load_model(tmp_path / "copy")
    path.unlink()
    with pytest.raises(FileNotFoundError, match="holds model.json"):
        tfar.load_model(tmp_path / "copy")


def test_the_newest_version_is_that_of_the_highest_number(exported, tmp_path):
    _, folder, _ = exported
    for number in ("9", "10"):
        shutil.copytree(folder / "1", tmp_path / number)
    (tmp_path / "11").mkdir()
    assert newest_version(tmp_path).name == "10"
