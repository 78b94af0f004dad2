"""The client in the guide, through the official stubs."""

import concurrent.futures
import re

import numpy as np
import pytest
import tensorflow as tf
from support import ROOT
from support.served import some_requests

from tfar.testing import ServingError


class Service:
    """What hands the requests of a gRPC service to the C++ session: `Predict` of TF Serving's PredictionService."""

    def __init__(self, client, names):
        self.client, self.names = client, names

    def Predict(self, request, context):  # noqa: N802
        from tensorflow_serving.apis import predict_pb2

        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        name, response = self.names.get(request.model_spec.name, request.model_spec.name), predict_pb2.PredictResponse()
        try:
            found = self.client.run(name, request.model_spec.signature_name, **inputs)
        except ServingError as error:
            import grpc

            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        for key, value in found.items():
            response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
        return response


def test_the_documented_client_reaches_every_endpoint_through_the_official_stubs(models, client, capsys):
    reason = "tensorflow-serving-api, which has the stubs, is not installed"
    stubs = pytest.importorskip("tensorflow_serving.apis.prediction_service_pb2_grpc", reason=reason)
    import grpc

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    service = type("Servicer", (Service, stubs.PredictionServiceServicer), {})(client, {"made-digits": "logistic"})
    stubs.add_PredictionServiceServicer_to_server(service, server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    try:
        guide = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
        code = re.search(r"```python\n(.*?)```", guide, re.DOTALL).group(1)
        documented = {}
        exec(code.replace("localhost:8500", f"localhost:{port}"), documented)
        assert capsys.readouterr().out.count("[") == 2
        for name in ("made-deep", "rnade", "deepnade"):
            for endpoint, request in some_requests(models[name]).items():
                found = documented["predict"](name, endpoint, **request)
                for key, value in client.run(name, endpoint, **request).items():
                    np.testing.assert_array_equal(found[key], value)
        with pytest.raises(grpc.RpcError, match="seed must be"):
            documented["predict"]("logistic", "sample", seed=np.zeros([1, 3], np.int32))
    finally:
        server.stop(None)
