"""The SavedModel of a model: endpoints that TF Serving serves, with no Python behind them."""

import keras
import numpy as np
import tensorflow as tf

from tfar.files import atomic
from tfar.validation import check_support

EXTRA = "assets.extra"  # the folder of a SavedModel for what its graph does not use
WARM_UP = "tf_serving_warmup_requests"  # in EXTRA, where TF Serving looks for it
TEST_ROWS = "test_rows.npz"  # in EXTRA


def endpoints(model, jit_compile=False):
    """The endpoints of a model: name -> (function, specs of its named inputs, values of those that may not be 0).

    Row i of every output depends on row i of the inputs alone, so that a server may batch requests.

    Args:
        model: an `AutoregressiveModel`.
        jit_compile: as in `export_saved_model`.
    """
    event, head, size = model.event_shape, model.head, model.network.context_size
    context = {"context": tf.TensorSpec([None, size], tf.float32, name="context")} if size else {}
    x = {"x": tf.TensorSpec([None, *event], head.dtype, name="x")}
    seed = {"seed": tf.TensorSpec([None, 2], tf.int32, name="seed")}
    observed = {"observed": tf.TensorSpec([None, *event], tf.bool, name="observed")}

    def with_log_prob(x, context):
        return {"x": x, "log_prob": model.distribution(context).log_prob(x)}

    def draw(seed, context):
        return with_log_prob(model.distribution(context).sample_rows(seed), context)

    if jit_compile:  # the checks stay outside: XLA drops assertions
        draw = tf.function(draw, autograph=False, jit_compile=True)

    def log_prob(x, context=None):
        x, context = checked(x=(x, event), context=(context, [size]))
        return {"log_prob": model.distribution(context).log_prob(check_support(head, x))}

    def sample(seed, context=None):
        return draw(*checked(seed=(seed, [2]), context=(context, [size])))

    def complete(x, observed, seed, context=None):
        given = {"x": (x, event), "observed": (observed, event), "seed": (seed, [2]), "context": (context, [size])}
        x, observed, seed, context = checked(**given)
        return with_log_prob(model.distribution(context).complete(x, observed, seed), context)

    found = {
        "log_prob": (log_prob, x | context),
        "sample": (sample, seed | context),
        "complete": (complete, x | observed | seed | context),
    }
    return {name: (tf.function(f, input_signature=list(specs.values()), autograph=False), specs, {}) for name, (f, specs) in found.items()}


def checked(**arguments):
    """Assert that each argument is `[B, *shape]` with one B, and a context finite.

    TF Serving passes on what it is sent. Nothing checks the shape that a signature promises, and TensorFlow may take it
    for granted where it simplifies a graph. So shapes are read behind an identity that forgets the promise.
    """
    given = {name: (value, shape) for name, (value, shape) in arguments.items() if value is not None}
    found = {name: tf.shape(tf.raw_ops.PlaceholderWithDefault(input=x, shape=None)) for name, (x, _) in given.items()}
    asserts, rows = [], None
    for name, (_, shape) in given.items():
        ended = tf.concat([found[name], [-1] * (len(shape) + 2)], axis=0)[: len(shape) + 2]  # any other rank differs
        rows = ended[:1] if rows is None else rows
        matches = tf.reduce_all(ended == tf.concat([rows, shape, [-1]], axis=0)) & (ended[0] >= 0)
        message = f"{name} must be [{', '.join(map(str, ['B', *shape]))}], with one B for all inputs. Received: {name}.shape="
        asserts.append(tf.debugging.Assert(matches, [message, found[name]], summarize=10))
    if "context" in given:
        finite = tf.reduce_all(tf.math.is_finite(given["context"][0]))
        asserts.append(tf.debugging.Assert(finite, ["context must be finite numbers. Received: other values"]))
    with tf.control_dependencies(asserts):
        return [None if x is None else tf.ensure_shape(tf.identity(x), [None, *n]) for x, n in arguments.values()]


def scored(model, rows):
    """What `log_prob` takes and gives for `rows`, a `tfar.datasets.Split`: x, context where there is one, log_prob; arrays by name."""
    given = {name: array for name, array in rows._asdict().items() if array is not None}
    return {**given, "log_prob": model.log_prob(**given).numpy()}


def export_saved_model(model, path, jit_compile=False, warm_up=True, test_rows=None):
    """Write the SavedModel of a model, under a temporary name first.

    Endpoints, by signature name (`serving_default` is `log_prob`; `context` only where the model takes one):

        log_prob    x [B, *event], context [B, C] float32               -> log_prob [B], float32, or float64 as the network
        sample      seed [B, 2] int32, context                          -> x, log_prob
        complete    x, observed [B, *event] bool, seed, context         -> x, log_prob

    x is int32 where the head is discrete, else float32; B may be 0. Wrong shapes, values outside the support, and
    patterns that the model's order cannot complete fail with a message. The result loads with `tf.saved_model.load`
    alone, without tfar, Keras or TFP. Models of text have endpoints of strings: `tfar.serving.text_endpoints.endpoints`.

    Args:
        model: an `AutoregressiveModel`.
        path: the folder to write; for TF Serving its last part is a version number.
        jit_compile: whether to mark the sampler (`sample`, not `complete`) for XLA; off, because TF Serving refuses
            such functions by default, and with them a version whose warm-up calls one.
        warm_up: whether to add a request for each endpoint, which TF Serving runs as it loads the model, so that the
            first client does not wait for it.
        test_rows: arrays by name, what `log_prob` takes and gives for some rows: `scored(model, rows)`. They become
            `assets.extra/test_rows.npz`, by which anyone can check the model. None stores no rows.

    Returns:
        The names of the endpoints.

    Raises:
        FileExistsError: `path` exists.
        ValueError: a weight is not finite, as after a training that diverged; or `jit_compile` for a model of text.

    >>> import tempfile, tfar
    >>> path = tempfile.mkdtemp() + "/1"
    >>> export_saved_model(tfar.MADE(event_shape=[4], hidden_units=[8]), path)
    ['log_prob', 'sample', 'complete']
    >>> served = tf.saved_model.load(path)
    >>> served.signatures["sample"](seed=tf.constant([[1, 2], [3, 4]]))["x"].shape
    TensorShape([2, 4])
    """
    if wrong := [weight.path for weight in model.weights if not np.isfinite(keras.ops.convert_to_numpy(weight).astype("float32")).all()]:
        raise ValueError(f"weights must be finite. Received: other values in {', '.join(wrong)}")
    with atomic(path) as temporary:
        found = model.endpoints(jit_compile)
        functions = {name: function.get_concrete_function(*specs.values()) for name, (function, specs, _) in found.items()}
        # Not `keras.export.ExportArchive`, which stores each weight and each endpoint twice, and has servers hold both.
        holder, used = tf.Module(), [variable for function in functions.values() for variable in function.variables]
        holder.weights = list({id(v): v for v in [*(weight.value for weight in model.weights), *used]}.values())
        tf.saved_model.save(holder, str(temporary), signatures={**functions, "serving_default": functions["log_prob"]})
        extra = temporary / EXTRA
        if test_rows is not None:
            extra.mkdir()
            np.savez_compressed(extra / TEST_ROWS, **test_rows)
        if warm_up:
            extra.mkdir(exist_ok=True)
            with tf.io.TFRecordWriter(str(extra / WARM_UP)) as writer:
                for name in (*found, "serving_default"):
                    writer.write(warm_up_record(name, *found[name if name in found else "log_prob"][1:]))
    return list(found)


def warm_up_record(endpoint, specs, values=None):
    """A serialised `tensorflow.serving.PredictionLog`: one row of `values`, and of zeros, for inputs that are `specs`.

    TF Serving reads it from `assets.extra` and runs it. The message is defined in `tensorflow-serving-api`, not in
    TensorFlow, and is so small that it is encoded here; a test reads it with that package.
    """
    request = _field(1, _field(3, endpoint.encode()))  # PredictRequest.model_spec, ModelSpec.signature_name
    for name, spec in specs.items():
        value = (values or {}).get(name, np.zeros([1, *spec.shape[1:]], spec.dtype.as_numpy_dtype))
        proto = tf.make_tensor_proto(value, dtype=spec.dtype)
        request += _field(2, _field(1, name.encode()) + _field(2, proto.SerializeToString()))  # an entry of .inputs
    return _field(6, _field(1, request))  # PredictionLog.predict_log, PredictLog.request


def _field(number, content):
    """A length-delimited field of a protobuf message: its key, the length of its content in base 128, the content."""
    length, rest = b"", len(content)
    while rest > 127:
        length, rest = length + bytes([rest & 127 | 128]), rest >> 7
    return bytes([number << 3 | 2]) + length + bytes([rest]) + content
