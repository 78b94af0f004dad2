"""Endpoints of models of vectors and images, and what all endpoints share: their form, and the checks of what a server is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfar.serving.labels import Condition
from tfar.serving.units import Units
from tfar.validation import check_support

if TYPE_CHECKING:
    from tfar.datasets import Split, Standardization
    from tfar.models.autoregressive import AutoregressiveModel

Inputs = dict[str, tf.TensorSpec]


class Endpoint(NamedTuple):
    """One signature of a SavedModel. Row i of each output depends on row i of the inputs alone, so that a server may batch requests.

    Attributes:
        function: a `tf.function` of the inputs, in their order, that returns its outputs by name.
        inputs: specs by name.
        example: values of one row, by name, of inputs for which zeros are not a good request.
    """

    function: Any
    inputs: Inputs
    example: dict[str, Any]


def endpoint(function: Callable[..., dict[str, tf.Tensor]], inputs: Inputs, example: dict[str, Any] | None = None) -> Endpoint:
    """An endpoint of a function of tensors by name, which are checked first. It has the function's name in the SavedModel."""

    def serve(*tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        return function(**checked(inputs, dict(zip(inputs, tensors, strict=True))))

    serve.__name__ = function.__name__
    return Endpoint(tf.function(serve, input_signature=list(inputs.values()), autograph=False), inputs, example or {})


def spec(name: str, shape: tuple[int, ...], dtype: tf.DType) -> Inputs:
    """The input `[B, *shape]` of this name."""
    return {name: tf.TensorSpec([None, *shape], dtype, name=name)}


SEED = spec("seed", (2,), tf.int32)


def checked(inputs: Inputs, tensors: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Assert that each tensor has the shape of its spec, with one B for all of them, and that a context is finite.

    A server passes on what it is sent. Nothing checks the shape that a signature promises, and TensorFlow may take it for granted where
    it simplifies a graph. So shapes are read behind an identity that forgets the promise.
    """
    asserts: list[Any] = []
    rows: Any = None
    for name, tensor in tensors.items():
        shape: Any = inputs[name].shape.as_list()[1:]
        received = tf.shape(tf.raw_ops.PlaceholderWithDefault(input=tensor, shape=None))
        ended: Any = tf.concat([received, [-1] * (len(shape) + 2)], axis=0)[: len(shape) + 2]  # any other rank differs
        rows = ended[:1] if rows is None else rows
        matches = tf.logical_and(tf.reduce_all(ended == tf.concat([rows, shape, [-1]], axis=0)), ended[0] >= 0)
        message = f"{name} must be [{', '.join(map(str, ['B', *shape]))}], with one B for all inputs. Received: {name}.shape="
        asserts.append(tf.debugging.Assert(matches, [message, received], summarize=10))
    if "context" in tensors and inputs["context"].shape.rank == 2:  # a table may have a column of that name
        finite = tf.reduce_all(tf.math.is_finite(tensors["context"]))
        asserts.append(tf.debugging.Assert(finite, ["context must be finite numbers. Received: other values"]))
    with tf.control_dependencies(asserts):
        return {name: tf.ensure_shape(tf.identity(tensor), inputs[name].shape) for name, tensor in tensors.items()}


def endpoints(
    model: AutoregressiveModel,
    jit_compile: bool = False,
    standardization: Standardization | None = None,
    labels: Sequence[str] | None = None,
) -> dict[str, Endpoint]:
    """The endpoints `log_prob`, `sample` and `complete` of a model; see `tfar.serving.export_saved_model`.

    Args:
        model: an `AutoregressiveModel`.
        jit_compile: whether to mark the sampler for XLA.
        standardization: of the data, for endpoints in their own units; None for those of the model.
        labels: names of the classes, for endpoints that take `label` in place of a one-hot `context`.
    """
    event, units, condition = model.event_shape, Units(model, standardization), Condition(model, labels)
    x, observed = spec("x", event, units.dtype), spec("observed", event, tf.bool)

    def draw(seed: tf.Tensor, context: tf.Tensor | None) -> dict[str, tf.Tensor]:
        return with_log_prob(model.distribution(context).sample_rows(seed), context)

    def with_log_prob(z: tf.Tensor, context: tf.Tensor | None) -> dict[str, tf.Tensor]:
        return {"x": units.own(z), "log_prob": units.log_prob(model.distribution(context).log_prob(z))}

    sampler: Any = tf.function(draw, autograph=False, jit_compile=True) if jit_compile else draw  # without the checks: XLA drops assertions

    def log_prob(x: tf.Tensor, **given: tf.Tensor) -> dict[str, tf.Tensor]:
        z = check_support(model.head, units.modelled(x))
        return {"log_prob": units.log_prob(model.distribution(condition.context(**given)).log_prob(z))}

    def sample(seed: tf.Tensor, **given: tf.Tensor) -> dict[str, tf.Tensor]:
        return sampler(seed, condition.context(**given))

    def complete(x: tf.Tensor, observed: tf.Tensor, seed: tf.Tensor, **given: tf.Tensor) -> dict[str, tf.Tensor]:
        context = condition.context(**given)
        found = with_log_prob(model.distribution(context).complete(units.modelled(x), observed, seed), context)
        return found | {"x": tf.where(observed, x, found["x"])}  # what is given as it came, not a rounded image of it

    return {
        "log_prob": endpoint(log_prob, x | condition.inputs, units.example | condition.example),
        "sample": endpoint(sample, SEED | condition.inputs, condition.example),
        "complete": endpoint(complete, x | observed | SEED | condition.inputs, units.example | condition.example),
    }


def scored(
    model: AutoregressiveModel, rows: Split, standardization: Standardization | None = None, labels: Sequence[str] | None = None
) -> dict[str, Any]:
    """What the endpoint `log_prob` takes and gives for rows: x, context or label where there is one, log_prob; arrays by name.

    Args:
        model: an `AutoregressiveModel`.
        rows: as modelled.
        standardization: of the data, for endpoints in their own units.
        labels: names of the classes of one-hot contexts, for endpoints that take `label`.
    """
    units, given = Units(model, standardization), Condition(model, labels).given(rows.context)
    log_prob = units.log_prob(model.log_prob(rows.x, rows.context).numpy())
    return {**given, "x": np.asarray(units.own(rows.x)), "log_prob": log_prob}
