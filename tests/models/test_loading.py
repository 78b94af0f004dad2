"""Reading saved models: Keras knows tfar's classes, whichever is imported first."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import tfar

ORDERS = {
    "tfar first": "import tfar\nimport keras\nload = keras.saving.load_model",
    "keras first": "import keras\nimport tfar\nload = keras.saving.load_model",
    "tfar alone": "import tfar\nload = tfar.load_model",
    "a part of tfar": "import tfar.config\nfrom keras.saving import load_model as load",
    "a part of keras": "import tfar\nfrom keras import saving\nload = saving.load_model",
    "TensorFlow's keras": "import tensorflow as tf\nimport tfar\nload = tf.keras.models.load_model",
    "TensorFlow before": "import tensorflow\nimport tfar\nimport keras\nload = keras.saving.load_model",
    "models before": "from tfar.models import MADE\nimport keras\nload = keras.saving.load_model",
    "networks before": "import tfar.networks\nimport keras\nload = keras.saving.load_model",
}

QUICK = ("tfar first", "keras first", "a part of tfar")


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """A model of vectors and one of text."""
    folder = tmp_path_factory.mktemp("models")
    tfar.MADE([4], hidden_units=[8]).save(folder / "made.keras")
    tfar.CharRNN("ab", units=4, num_layers=1).save(folder / "text.keras")
    return [folder / "made.keras", folder / "text.keras"]


@pytest.mark.parametrize(
    "imports", [pytest.param(ORDERS[name], id=name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in ORDERS]
)
def test_models_are_read_in_any_order_of_imports(paths, imports):
    code = f"import sys\n{imports}\nprint([type(load(path)).__name__ for path in sys.argv[1:]])"
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['AutoregressiveModel', 'CharacterModel']\n"


def test_a_model_is_compiled_where_that_is_asked_for(tmp_path):
    model = tfar.MADE([4], hidden_units=[8])
    model.compile(keras.optimizers.Adam(0.25))
    model.fit(np.eye(4, dtype=np.int32), epochs=1, verbose=0)
    model.save(tmp_path / "made.keras")
    assert not tfar.load_model(tmp_path / "made.keras").compiled
    again = tfar.load_model(str(tmp_path / "made.keras"), compile=True)
    assert again.compiled and float(again.optimizer.learning_rate) == 0.25


def test_what_is_no_model_of_tfar_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: .*none.keras"):
        tfar.load_model(tmp_path / "none.keras")
    keras.Sequential([keras.Input([3]), keras.layers.Dense(2)]).save(tmp_path / "dense.keras")
    with pytest.raises(ValueError, match="Received: .*dense.keras.* Sequential"):
        tfar.load_model(tmp_path / "dense.keras")
