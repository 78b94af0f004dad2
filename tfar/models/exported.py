"""Models of exported SavedModels: the variables of a version, read without its graph, in a model built with the same settings."""

from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

from tfar.files import CONFIGURATION
from tfar.models.autoregressive import AutoregressiveModel
from tfar.reading import read_arrays, read_json, reading
from tfar.serving.export import EXTRA, TEST_ROWS, endpoints_in, labels_of, standardization_of

CHECKED = 8  # test rows that a model must score as the SavedModel did
TOLERANCE = 1e-3  # of their scores, relative, and absolute in nats: far above rounding, far below another density
SHOWN = 3  # differences in a message


class Saved(NamedTuple):
    """A variable of a SavedModel."""

    key: str
    name: str  # without that of the network: "hidden_0/kernel"
    shape: tuple[int, ...]
    dtype: str


def load_weights_from_saved_model(model: AutoregressiveModel, path: str | Path) -> None:
    """Give a model the weights of a SavedModel that `export` wrote.

    The variables are read from their file; no graph runs. They must have the names, shapes and dtypes of `model.weights`, in that order.
    A SavedModel does not tell the settings that are not weights, such as the order. So the model must also score the test rows stored with
    the version as the SavedModel did (the first 8 of them, to a thousandth); a version without stored rows is not checked in this way.

    Args:
        model: an `AutoregressiveModel` built with the settings of the exported one. Where the weights are refused it keeps its own.
        path: a version, `saved_models/made-digits/1`, or a folder of versions, of which the newest is read.

    Raises:
        FileNotFoundError: there is no SavedModel.
        ValueError: it cannot be read, tfar did not export it, or its model has other weights or another density.

    >>> import tempfile, tfar
    >>> path = tempfile.mkdtemp() + "/1"
    >>> model, other = (tfar.MADE([4], hidden_units=[8], order=order) for order in ("natural", "reversed"))
    >>> names = model.export(path, test_rows={"x": np.eye(4, dtype=np.int32), "log_prob": model.log_prob(np.eye(4)).numpy()})
    >>> load_weights_from_saved_model(tfar.MADE([4], hidden_units=[8]), path)
    >>> load_weights_from_saved_model(tfar.MADE([4], hidden_units=[9]), path)
    Traceback (most recent call last):
    ...
    ValueError: the SavedModel must have the weights of the model. Received: .../1 with hidden_0/kernel float32 [4, 8] for ... [4, 9]...
    """
    version = newest_version(path)
    with reading(version, "a SavedModel whose variables can be read"):
        reader = tf.train.load_checkpoint(str(version / "variables" / "variables"))
        saved = _variables(reader, version)
        weights = _without_later(model.weights, saved)
        _check_same(saved, weights, version)
        values = [reader.get_tensor(one.key) for one in saved]
    before = model.get_weights()
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))  # those that the version lacks
    for weight, value in zip(weights, values, strict=True):
        weight.assign(value)
    try:
        _check_scores(model, version)
    except Exception:
        model.set_weights(before)
        raise


def load_exported(folder: str | Path) -> AutoregressiveModel:
    """Read the model of a folder that `tfar export` wrote: its configuration, and the weights of the newest version.

    Raises:
        FileNotFoundError: the folder holds no configuration or no version.
        ValueError: one of them cannot be read, or the one is not of the other.
    """
    path = Path(folder) / CONFIGURATION
    if not path.is_file():
        raise FileNotFoundError(f"a folder that 'tfar export' wrote holds {CONFIGURATION}. Received: {folder}, without it")
    with reading(path, "the configuration of a tfar model"):
        model = keras.saving.deserialize_keras_object(read_json(path))
    if not isinstance(model, AutoregressiveModel):
        raise ValueError(f"the file must hold the configuration of a tfar model. Received: {path}, of a {type(model).__name__}")
    load_weights_from_saved_model(model, folder)
    return model


def config_of(model: AutoregressiveModel) -> Any:
    """What `model.json` holds: the configuration as Keras serialises it, which JSON can hold."""
    return keras.saving.serialize_keras_object(model)


def newest_version(path: str | Path) -> Path:
    """The SavedModel at a path, or of a folder of versions, as TF Serving watches it, the one of the highest number.

    Raises:
        FileNotFoundError: there is none.
    """
    path = Path(path)
    numbers = [child for child in path.iterdir() if child.name.isdecimal()] if path.is_dir() else []
    found = [one for one in (path, *sorted(numbers, key=lambda child: -int(child.name))) if (one / "saved_model.pb").is_file()]
    if not found:
        raise FileNotFoundError(f"a SavedModel, or a folder of its versions, is needed. Received: {path}")
    return found[0]


def _variables(reader: Any, version: Path) -> list[Saved]:
    """The variables of a SavedModel in the order in which `export` wrote them, which is that of `model.weights`."""
    shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    graph = TrackableObjectGraph.FromString(reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"))
    names = {part.checkpoint_key: part.full_name.partition("/")[2] for node in graph.nodes for part in node.attributes}
    found = []
    for key, name in names.items():
        number = key.split("/")[1] if key.startswith("weights/") else ""
        if not number.isdecimal() or key not in shapes:
            raise ValueError(f"the SavedModel must be one that tfar exported. Received: {version}, with a variable {key!r}")
        found.append((int(number), Saved(key, name, tuple(shapes[key]), dtypes[key].name)))
    return [one for _, one in sorted(found)]


def _without_later(weights: list[Any], saved: list[Saved]) -> list[Any]:
    """The weights but for means of inputs that the SavedModel lacks: the first versions had none, which is that they are zero."""
    names = {one.name for one in saved}
    return [weight for weight in weights if _name(weight) in names or not _name(weight).endswith("/mean")]


def _name(weight: Any) -> str:
    """The name of a weight without that of the network."""
    return weight.path.partition("/")[2]


def _check_same(saved: list[Saved], weights: list[Any], version: Path) -> None:
    """Raise a ValueError where the variables are not the weights."""
    own = [(_name(weight), tuple(weight.shape), keras.backend.standardize_dtype(weight.dtype)) for weight in weights]
    wrong = [f"{_shown(*one[1:])} for {_shown(*other)}" for one, other in zip(saved, own, strict=False) if one[1:] != other]
    if len(saved) != len(own):
        wrong.insert(0, f"{len(saved)} variables for {len(own)} weights")
    if wrong:
        more = f", and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise ValueError(f"the SavedModel must have the weights of the model. Received: {version} with {'; '.join(wrong[:SHOWN])}{more}")


def _shown(name: str, shape: tuple[int, ...], dtype: str) -> str:
    return f"{name} {dtype} {list(shape)}"


def _check_scores(model: AutoregressiveModel, version: Path) -> None:
    """Raise a ValueError where a model does not score the stored test rows as the SavedModel did."""
    file = version / EXTRA / TEST_ROWS
    if not file.is_file():
        return
    rows = {name: array[:CHECKED] for name, array in read_arrays(file).items()}
    expected, served = rows["log_prob"], endpoints_in(model, standardization_of(version), labels_of(version))["log_prob"]
    found = served.function(*(tf.constant(rows[name], spec.dtype) for name, spec in served.inputs.items()))["log_prob"].numpy()
    if not np.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
        worst = np.nanargmax(np.abs(found - expected))
        raise ValueError(
            "the model must score the stored test rows as the SavedModel did; a setting that is no weight differs, such as the order. "
            f"Received: {version}, where a row has {expected[worst]:.4f} nats and the model gives {found[worst]:.4f}"
        )
