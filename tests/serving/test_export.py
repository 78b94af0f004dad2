"""The files of an export: graphs, weights, warm-up requests."""

import math

import numpy as np
import pytest
import tensorflow as tf
from support.served import ENDPOINTS, TEXTS, each_model
from tensorflow.core.protobuf import saved_model_pb2

import tfar
from tfar.serving import export, warmup
from tfar.testing import Client, ServingError


def saved(path):
    return saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes()).meta_graphs[0]


def reachable(graph, tensors):
    """Nodes that the tensors depend on, of the graph and of all functions that are called; and those functions."""
    functions = {f.signature.name: f for f in graph.library.function}
    by_name, nodes, called = {n.name: n for n in graph.node}, {}, {}
    todo = [tensor.split(":")[0] for tensor in tensors]
    while todo:
        node = by_name[todo.pop()]
        if node.name not in nodes:
            nodes[node.name] = node
            todo += [name.lstrip("^").split(":")[0] for name in node.input]
    nodes = list(nodes.values())
    for node in nodes:  # grows as it goes
        for value in node.attr.values():
            for name in {value.func.name, *(f.name for f in value.list.func)} - {"", *called}:
                called[name] = functions[name]
                nodes.extend(functions[name].node_def)
    return nodes, list(called.values())


@each_model
def test_graph_needs_no_python_no_xla_and_changes_nothing(paths, name):
    meta = saved(paths[name])
    for signature in meta.signature_def.values():
        nodes, functions = reachable(meta.graph_def, [tensor.name for tensor in signature.outputs.values()])
        assert not any(f.attr["_XlaMustCompile"].b for f in functions)
        operations = {node.op for node in nodes}
        assert len(operations) > 10 or not signature.inputs
        refused = ("PyFunc", "Assign", "Scatter", "Rng", "Random", "HashTable", "Print")
        kept = {"TensorScatterUpdate", "ScatterNd"}  # of tensors, not of variables
        assert not {op for op in operations - kept if any(word in op for word in refused)}


@each_model
def test_each_weight_and_each_endpoint_is_stored_once(paths, models, name):
    stored = tf.train.list_variables(str(paths[name] / "variables" / "variables"))
    assert sum(math.prod(shape) for key, shape in stored if not key.startswith("_")) == models[name].count_params()
    functions = [function.signature.name for function in saved(paths[name]).graph_def.library.function]
    for endpoint in ENDPOINTS["text" if name in TEXTS else "values"]:
        assert sum(function.startswith(f"__inference_{endpoint}_") for function in functions) == 1


@each_model
def test_every_input_and_output_is_a_batch(paths, models, name):
    for key, signature in saved(paths[name]).signature_def.items():
        if not key.startswith("__"):
            for tensor in (*signature.inputs.values(), *signature.outputs.values()):
                assert tensor.tensor_shape.dim[0].size == -1
            names = {*signature.inputs, *signature.outputs}
            assert ("context" in names) == bool(models[name].network.context_size)


@each_model
def test_warm_up_requests_parse_and_run(paths, client, name):
    reason = "tensorflow-serving-api, which defines them, is not installed"
    prediction_log_pb2 = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2", reason=reason)
    file = paths[name] / "assets.extra" / warmup.WARM_UP
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(file))]
    signatures, seen = saved(paths[name]).signature_def, set()
    for record in records:
        log = prediction_log_pb2.PredictionLog.FromString(record)
        request = log.predict_log.request
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        endpoint = request.model_spec.signature_name
        again = prediction_log_pb2.PredictionLog()  # of these parts and nothing else
        again.predict_log.request.model_spec.signature_name = endpoint
        for key, value in inputs.items():
            again.predict_log.request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
        assert log == again
        assert set(inputs) == set(signatures[endpoint].inputs)
        assert {len(output) for output in client.run(name, endpoint, **inputs).values()} == {1}
        seen.add(endpoint)
    assert seen == {*ENDPOINTS["text" if name in TEXTS else "values"], "serving_default"}


def test_long_fields_are_encoded():
    content = bytes(300)
    assert warmup._field(1, content) == b"\x0a\xac\x02" + content


@pytest.mark.slow
def test_xla_marks_the_sampler_alone_and_keeps_its_checks(tmp_path):
    model = tfar.MADE([3], hidden_units=[4], direct=False)
    model.export(tmp_path / "1", jit_compile=True, warm_up=False)
    assert not (tmp_path / "1" / "assets.extra").exists()
    signatures = tf.saved_model.load(tmp_path / "1").signatures
    seed = tf.constant([[1, 2], [3, 4]])
    np.testing.assert_array_equal(signatures["sample"](seed=seed)["x"], model.sample(2, seed))
    with pytest.raises(tf.errors.InvalidArgumentError, match="seed must be"):
        signatures["sample"](seed=seed[:, :1])
    with Client({"xla": tmp_path / "1"}) as client:
        assert client.run("xla", "log_prob", x=np.zeros([2, 3], "int32"))["log_prob"].shape == (2,)
        with pytest.raises(ServingError, match="XLA|xla"):
            client.run("xla", "sample", seed=seed.numpy())


def test_an_export_that_fails_leaves_nothing(tmp_path, monkeypatch):
    model = tfar.MADE([3], hidden_units=[4], direct=False)

    def fail(*arguments):
        raise OSError("the disk is full")

    monkeypatch.setattr(export, "warm_up_record", fail)  # the last thing that is written
    with pytest.raises(OSError, match="full"):
        model.export(tmp_path / "made" / "1")
    assert list((tmp_path / "made").iterdir()) == []
    (tmp_path / "2").mkdir()
    with pytest.raises(FileExistsError, match="Received: .*2"):
        model.export(tmp_path / "2")
