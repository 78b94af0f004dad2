"""The families are classes: of models that were made and of those that were read."""

import pickle

import keras
import pytest

import tfar

MADE = {
    "MADE": lambda: tfar.MADE([4], hidden_units=[4]),
    "LogisticAutoregressive": lambda: tfar.LogisticAutoregressive([4]),
    "NADE": lambda: tfar.NADE([4], hidden_units=4),
    "DeepNADE": lambda: tfar.DeepNADE([4], hidden_units=[4]),
    "PixelCNN": lambda: tfar.PixelCNN([2, 2, 1], num_blocks=1, filters=4),
    "CharRNN": lambda: tfar.CharRNN("ab", length=4, units=4, num_layers=1),
}
INHERITED = {("LogisticAutoregressive", "MADE")}  # as their networks do


@pytest.mark.parametrize("name", MADE)
def test_a_model_is_an_instance_of_its_family(name, tmp_path):
    model = MADE[name]()
    model.save(tmp_path / "model.keras")
    for one in (model, keras.saving.load_model(tmp_path / "model.keras"), pickle.loads(pickle.dumps(model))):
        found = {other for other in MADE if isinstance(one, getattr(tfar, other))}
        assert found == {name} | {parent for child, parent in INHERITED if child == name}
        assert isinstance(one, tfar.AutoregressiveModel) and type(one) in (tfar.AutoregressiveModel, tfar.CharacterModel)
    assert not isinstance(model.network, getattr(tfar, name)) and not isinstance(None, getattr(tfar, name))


def test_a_model_of_a_network_and_a_table_are_instances_too():
    network = tfar.networks.MADE([4], hidden_units=[4])
    assert isinstance(tfar.AutoregressiveModel(network), tfar.MADE)
    assert not isinstance(tfar.AutoregressiveModel(tfar.networks.CharRNN([4], units=4, num_layers=1, num_classes=2)), tfar.CharRNN)
    table = tfar.TableModel({"a": [1, 2, 3] * 20, "b": ["x", "y", "z"] * 20}, hidden_units=[4])
    assert isinstance(table, tfar.MADE) and not isinstance(table, tfar.NADE)


def test_families_have_no_subclasses():
    with pytest.raises(TypeError, match=r"subclass tfar.AutoregressiveModel, or the network .* Received: Own\(MADE\)"):
        type("Own", (tfar.MADE,), {})
