"""The SavedModel of a model: endpoints that TF Serving serves, with no Python behind them."""

import os
import pathlib
import shutil

import keras
import tensorflow as tf

from tfar.distributions.base import check_support


def endpoints(model, jit_compile=False):
    """The endpoints of a model: name -> (function, specs of its named inputs).

    Row i of every output depends on row i of the inputs alone, so that a server may batch requests.

    Args:
        model: an `AutoregressiveModel`.
        jit_compile: mark the samplers for XLA. TF Serving refuses such functions unless told otherwise.
    """
    event, head, size = model.event_shape, model.head, model.network.context_size
    context = {"context": tf.TensorSpec([None, size], tf.float32, name="context")} if size else {}
    x = {"x": tf.TensorSpec([None, *event], head.dtype, name="x")}
    seed = {"seed": tf.TensorSpec([None, 2], tf.int32, name="seed")}
    observed = {"observed": tf.TensorSpec([None, *event], tf.bool, name="observed")}

    def scored(x, context):
        return {"x": x, "log_prob": model.distribution(context).log_prob(x)}

    def log_prob(x, context=None):
        x, context = _checked(x=(x, event), context=(context, [size]))
        return {"log_prob": model.distribution(context).log_prob(check_support(head, x))}

    def sample(seed, context=None):
        seed, context = _checked(seed=(seed, [2]), context=(context, [size]))
        return scored(model.distribution(context).sample_rows(seed), context)

    def complete(x, observed, seed, context=None):
        checked = {"x": (x, event), "observed": (observed, event), "seed": (seed, [2]), "context": (context, [size])}
        x, observed, seed, context = _checked(**checked)
        return scored(model.distribution(context).complete(x, observed, seed), context)

    found = {
        "log_prob": (log_prob, x | context),
        "sample": (sample, seed | context),
        "complete": (complete, x | observed | seed | context),
    }
    return {
        name: (tf.function(f, input_signature=list(specs.values()), autograph=False, jit_compile=jit_compile or None), specs)
        for name, (f, specs) in found.items()
    }


def _checked(**arguments):
    """Assert at run time that each argument is `[B, *shape]`, with one B: TF Serving passes on whatever shape it is sent."""
    given = {name: (value, shape) for name, (value, shape) in arguments.items() if value is not None}
    rows = [tf.shape(value, name=f"{name}_shape")[:1] for name, (value, _) in given.items()]
    asserts = []
    for (name, (value, shape)), count in zip(given.items(), rows):
        message = f"{name} must be [B, {', '.join(map(str, shape))}], with the same B for all inputs. Received a shape of"
        matches = tf.reduce_all(tf.equal(tf.shape(value), tf.concat([rows[0], shape], axis=0)))
        asserts.append(tf.debugging.Assert(matches & tf.reduce_all(count == rows[0]), [message, tf.shape(value)]))
    with tf.control_dependencies(asserts):
        return [None if value is None else tf.ensure_shape(tf.identity(value), [None, *shape]) for value, shape in arguments.values()]


def export_saved_model(model, path, jit_compile=False):
    """Write the SavedModel of a model, under a temporary name first.

    Endpoints, by signature name (`serving_default` is `log_prob`; `context [B, C]` only where the model takes one):

        log_prob   x [B, *event], context                     -> log_prob [B]
        sample     seed [B, 2] int32, context                 -> x [B, *event], log_prob [B]
        complete   x, observed [B, *event] bool, seed, context -> x, log_prob [B]

    The result loads with `tf.saved_model.load` alone, without tfar, Keras or TFP.

    Args:
        model: an `AutoregressiveModel`.
        path: the folder to write; for TF Serving its last part is a version number.
        jit_compile: whether to mark the samplers for XLA; off, because TF Serving refuses such functions by default.

    Returns:
        The names of the endpoints.

    Raises:
        FileExistsError: `path` exists.

    >>> import tempfile, tfar
    >>> path = tempfile.mkdtemp() + "/1"
    >>> export_saved_model(tfar.MADE(event_shape=[4], hidden_units=[8]), path)
    ['log_prob', 'sample', 'complete']
    >>> served = tf.saved_model.load(path)
    >>> served.signatures["sample"](seed=tf.constant([[1, 2], [3, 4]]))["x"].shape
    TensorShape([2, 4])
    """
    path = pathlib.Path(path)
    if path.exists():
        raise FileExistsError(f"the folder of an export must not exist yet. Received: path={str(path)!r}")
    archive = keras.export.ExportArchive()
    archive.track(model)
    found = endpoints(model, jit_compile)
    for name, (function, specs) in found.items():
        function.get_concrete_function(*specs.values())
        archive.add_endpoint(name, function)
    archive.add_endpoint("serving_default", found["log_prob"][0])
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        archive.write_out(str(temporary), verbose=False)
        os.rename(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return list(found)
