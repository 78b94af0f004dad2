"""The SavedModel of a model: endpoints that TF Serving serves, with no Python behind them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tfar.datasets import Standardization
from tfar.files import atomic, write_json
from tfar.reading import read_json, reading
from tfar.serving.endpoints import Endpoint, endpoints
from tfar.serving.warmup import WARM_UP, warm_up_record

if TYPE_CHECKING:
    from tfar.models.autoregressive import AutoregressiveModel

EXTRA = "assets.extra"  # the folder of a SavedModel for what its graph does not use
STANDARDIZATION = "standardization.json"  # in EXTRA, where x is in the data's own units
LABELS = "labels.json"  # in EXTRA, where classes are given by name
TEST_ROWS = "test_rows.npz"  # in EXTRA
DEFAULT = "serving_default"  # what a client gets that names no signature: `log_prob`


def export_saved_model(
    model: AutoregressiveModel,
    path: str | Path,
    jit_compile: bool = False,
    warm_up: bool = True,
    test_rows: dict[str, Any] | None = None,
    standardization: Standardization | None = None,
    labels: Sequence[str] | None = None,
) -> list[str]:
    """Write the SavedModel of a model. The folder appears when it is complete.

    Endpoints, by signature name (`serving_default` is `log_prob`; `context` only where the model takes one):

        log_prob    x [B, *event], context [B, C] float32               -> log_prob [B], float32, or float64 as the network
        sample      seed [B, 2] int32, context                          -> x, log_prob
        complete    x, observed [B, *event] bool, seed, context         -> x, log_prob

    x is int32 where the head is discrete, else float32, or float64 as the network; B may be 0. Wrong shapes, values outside the support,
    and patterns that the model's order cannot complete fail with a message. The SavedModel loads with `tf.saved_model.load` alone, without
    tfar, Keras or TFP.
    Models of text have endpoints of strings: `tfar.serving.text_endpoints.endpoints`.

    With a standardization x is float64 in the data's own units, and `log_prob` the density in them: the graph standardises x as the data of
    the training were, adds the logarithm of the Jacobian, and gives samples in these units. Its means and scales are in
    `assets.extra/standardization.json`; a version without that file takes and gives values as the model has them.

    With labels the endpoints take `label [B]`, strings, in place of a one-hot `context`: names of classes, or their numbers, "0" to
    "C - 1", where no name is such a number. The names are in `assets.extra/labels.json`; a version without that file takes `context`.

    Args:
        model: an `AutoregressiveModel`.
        path: the folder to write; for TF Serving its last part is a version number.
        jit_compile: whether to mark the sampler (`sample`, not `complete`) for XLA. TF Serving refuses such functions by default, and
            with them a version whose warm-up calls one.
        warm_up: whether to add a request for each endpoint, which TF Serving runs as it loads the model, so that the first client does
            not wait for it.
        test_rows: what `log_prob` takes and gives for some rows, arrays by name:
            `tfar.serving.scored(model, rows, standardization, labels)`. They are written to `assets.extra/test_rows.npz`, by which anyone
            can check the model. None for no rows.
        standardization: of the data that a model of real values was trained on, `Dataset.standardization`; None for x as the model has it.
        labels: names of the classes, in the order of the columns of a one-hot context: `Dataset.preparation.context_names`. None for a
            `context` of numbers.

    Returns:
        The names of the endpoints.

    Raises:
        FileExistsError: `path` exists.
        ValueError: a weight is not finite, as after a training that diverged; a network of your own is not autoregressive
            (`check_network`); `jit_compile` for a model of text; a standardization for a model that is not of real values of its shape; or
            labels that are not those of the context.

    >>> import tempfile, tfar
    >>> path = tempfile.mkdtemp() + "/1"
    >>> export_saved_model(tfar.MADE(event_shape=[4], hidden_units=[8]), path)
    ['log_prob', 'sample', 'complete']
    >>> served = tf.saved_model.load(path)
    >>> served.signatures["sample"](seed=tf.constant([[1, 2], [3, 4]]))["x"].shape
    TensorShape([2, 4])
    """
    if wrong := [weight.path for weight in model.weights if not _is_finite(weight)]:
        raise ValueError(f"weights must be finite. Received: other values in {', '.join(wrong)}")
    model.check_network()
    with atomic(path) as temporary:
        found = endpoints_in(model, standardization, labels, jit_compile)
        _save(model, found, temporary)
        extra = temporary / EXTRA
        if warm_up or any(part is not None for part in (standardization, labels, test_rows)):
            extra.mkdir()
        if standardization is not None:
            write_json(extra / STANDARDIZATION, standardization.to_config())
        if labels is not None:
            write_json(extra / LABELS, {"label": list(labels)})
        if test_rows is not None:
            np.savez_compressed(extra / TEST_ROWS, **test_rows)
        if warm_up:
            with tf.io.TFRecordWriter(str(extra / WARM_UP)) as writer:
                for name in (*found, DEFAULT):
                    writer.write(warm_up_record(name, *found["log_prob" if name == DEFAULT else name][1:]))
    return list(found)


def endpoints_in(
    model: AutoregressiveModel, standardization: Standardization | None, labels: Sequence[str] | None, jit_compile: bool = False
) -> dict[str, Endpoint]:
    """The endpoints of a model: in the data's own units and labels where there are such, else its own."""
    own = standardization is None and labels is None
    return model.endpoints(jit_compile) if own else endpoints(model, jit_compile, standardization, labels)


def standardization_of(version: str | Path) -> Standardization | None:
    """The standardization in the graph of a SavedModel that `export_saved_model` wrote; None where x is as the model has it.

    Raises:
        ValueError: the file that tells it cannot be read.
    """
    path = Path(version, EXTRA, STANDARDIZATION)
    if not path.exists():
        return None
    with reading(path, "the standardization of an exported model"):
        return Standardization.from_config(read_json(path))


def labels_of(version: str | Path) -> list[str] | None:
    """The class names that a SavedModel of `export_saved_model` takes as `label`; None where it takes no label.

    Raises:
        ValueError: the file that tells them cannot be read.
    """
    path = Path(version, EXTRA, LABELS)
    return read_json(path, {"label": list})["label"] if path.exists() else None


def _is_finite(weight: Any) -> bool:
    values: Any = keras.ops.convert_to_numpy(weight)
    return bool(np.isfinite(values.astype("float32")).all())


def _save(model: AutoregressiveModel, endpoints: dict[str, Endpoint], path: Path) -> None:
    """Write the graphs and the variables. `keras.export.ExportArchive` would store each weight and each endpoint twice, and a server
    would hold both."""
    functions = {name: endpoint.function.get_concrete_function(*endpoint.inputs.values()) for name, endpoint in endpoints.items()}
    variables = [weight.value for weight in model.weights]
    variables += [variable for function in functions.values() for variable in function.variables]
    holder: Any = tf.Module()
    holder.weights = list({id(variable): variable for variable in variables}.values())
    tf.saved_model.save(holder, str(path), signatures={**functions, DEFAULT: functions["log_prob"]})
