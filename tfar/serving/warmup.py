"""The warm-up requests that TF Serving runs as it loads a model, so that the first client does not wait."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfar.serving.endpoints import Inputs

WARM_UP = "tf_serving_warmup_requests"  # where TF Serving looks for them in the folder `assets.extra`


def warm_up_record(endpoint: str, inputs: Inputs, example: dict[str, Any] | None = None) -> bytes:
    """A serialised `tensorflow.serving.PredictionLog` of a request of one row.

    The message is defined in `tensorflow-serving-api`, not in TensorFlow, and is so small that it is encoded here. A test reads it with
    that package.

    Args:
        endpoint: name of the signature.
        inputs: specs by name.
        example: values by name; zeros for the others.
    """
    request = _field(1, _field(3, endpoint.encode()))  # PredictRequest.model_spec, ModelSpec.signature_name
    for name, spec in inputs.items():
        shape: Any = [1, *spec.shape.as_list()[1:]]
        zeros = np.zeros(shape, spec.dtype.as_numpy_dtype)
        proto = tf.make_tensor_proto((example or {}).get(name, zeros), dtype=spec.dtype)
        request += _field(2, _field(1, name.encode()) + _field(2, proto.SerializeToString()))  # an entry of PredictRequest.inputs
    return _field(6, _field(1, request))  # PredictionLog.predict_log, PredictLog.request


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited field of a protobuf message: its key, the length of its content in base 128, the content."""
    length, rest = b"", len(content)
    while rest > 127:
        length, rest = length + bytes([rest & 127 | 128]), rest >> 7
    return bytes([number << 3 | 2]) + length + bytes([rest]) + content
