"""Exported models in TensorFlow's C++ runtime, where neither its Python nor Keras, TFP or tfar are, and XLA is off.

TF Serving itself is not run: `serving_client` says what stands in for it.
"""

import concurrent.futures
import math
import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf
from serving_client import Client, ServingError
from tensorflow.core.protobuf import saved_model_pb2
from test_contract import CASES, context_of, discrete, randomize

import tfar
from tfar import noise
from tfar.datasets import Vocabulary
from tfar.serving import export
from tfar.serving.text_endpoints import LONGEST, Codec

VECTORS = ["logistic", "made-deep", "made-categorical", "made-ensemble", "neural", "nade", "rnade", "deepnade", "nadek"]
IMAGES = ["pixelcnn", "gated-pixelcnn", "row-lstm", "diagonal-bilstm"]
FAMILIES = VECTORS + IMAGES
LETTERS = "athenïv日本🎉 "  # of one to four bytes
TEXTS = {
    "characters": lambda: tfar.CharRNN(LETTERS, units=8, num_layers=1, embedding=3),
    "bytes": lambda: tfar.CharRNN(Vocabulary.bytes(), cell="gru", units=8, num_layers=1, embedding=4, context_size=2),
}
ENDPOINTS = {  # and their inputs, beside the context
    "values": {"log_prob": ["x"], "sample": ["seed"], "complete": ["x", "observed", "seed"]},
    "text": {"log_prob": ["text"], "sample": ["prompt", "seed", "length", "temperature"]},
}
ROWS = 6
GROUPINGS = ([[0], [1], [2], [3], [4], [5]], [[0, 1], [2, 3, 4, 5]], [[5, 3, 1], [0, 2, 4]])


class Made(dict):
    """A dictionary whose values are made as they are asked for: `make(key)`."""

    def __init__(self, make):
        self.make = make

    def __missing__(self, key):
        self[key] = self.make(key)
        return self[key]


@pytest.fixture(scope="module")
def models():
    def build(name):
        model = TEXTS[name]() if name in TEXTS else CASES[name].model()
        randomize(model.network)
        return model

    return Made(build)


@pytest.fixture(scope="module")
def paths(models, tmp_path_factory):
    def write(name):
        path = tmp_path_factory.mktemp(name) / "1"
        models[name].export(path)
        return path

    return Made(write)


@pytest.fixture(scope="module")
def client(paths):
    """One process that serves all models, as they are after each other's requests."""
    with Client(paths) as client:
        yield client


# the scope keeps the tests of a model together, which matters where processes share them out: each makes what it needs
each_family = pytest.mark.parametrize("name", FAMILIES, scope="module")
each_text = pytest.mark.parametrize("name", TEXTS, scope="module")
each_model = pytest.mark.parametrize("name", [*FAMILIES, *TEXTS], scope="module")


def some_requests(model):
    """A request of several rows to each endpoint: {endpoint: {input: array}}."""
    network, generator = model.network, np.random.default_rng(3)
    seed = noise.row_seeds(noise.as_seed(4), ROWS).numpy()
    given = {"context": context_of(model, ROWS)} if network.context_size else {}
    x = model.sample(ROWS, seed[::-1].copy(), **given).numpy()
    if network.order_agnostic:
        observed = generator.random(x.shape) < 0.5
    else:  # other lengths of prefix for other rows
        member = network.member(0) if network.num_members > 1 else {}
        rank = np.argsort(network.generation_order(**member))
        observed = (rank < np.arange(ROWS)[:, None] * len(rank) // ROWS).reshape(x.shape)
    values = {"x": x, "observed": observed, "seed": seed, **given}
    return {endpoint: {k: values[k] for k in (*names, *given)} for endpoint, names in ENDPOINTS["values"].items()}


def assert_same(model, found, expected, message=""):
    """Discrete values are equal, others equal up to rounding."""
    assert found.keys() == expected.keys()
    np.testing.assert_allclose(found["log_prob"], expected["log_prob"], rtol=1e-4, atol=1e-5, err_msg=message)
    if "x" in found:
        exact = discrete(model)
        tolerance = {"rtol": 0, "atol": 0} if exact else {"rtol": 1e-3, "atol": 1e-3}
        np.testing.assert_allclose(found["x"], expected["x"], **tolerance, err_msg=message)


@each_family
def test_answers_are_those_of_the_model(models, client, name):
    model, requests = models[name], some_requests(models[name])
    expected = {"log_prob": {"log_prob": model.log_prob(**requests["log_prob"]).numpy()}}
    expected["serving_default"] = expected["log_prob"]
    for endpoint in ("sample", "complete"):
        given = dict(requests[endpoint])
        x = model.sample(ROWS, **given) if endpoint == "sample" else model.complete(**given)
        expected[endpoint] = {"x": x.numpy(), "log_prob": model.log_prob(x, given.get("context")).numpy()}
    for endpoint, answer in expected.items():
        request = requests["log_prob" if endpoint == "serving_default" else endpoint]
        assert_same(model, client.run(name, endpoint, **request), answer, endpoint)


@each_family
def test_completions_keep_what_is_given(models, client, name):
    request = some_requests(models[name])["complete"]
    found = client.run(name, "complete", **request)["x"]
    np.testing.assert_array_equal(found[request["observed"]], request["x"][request["observed"]])
    assert np.any(found != request["x"])


@each_family
def test_rows_do_not_depend_on_how_they_are_batched(models, client, name):
    for endpoint, request in some_requests(models[name]).items():
        together = client.run(name, endpoint, **request)
        for grouping in GROUPINGS:
            for rows in grouping:
                alone = client.run(name, endpoint, **{k: v[rows] for k, v in request.items()})
                assert_same(models[name], alone, {k: v[rows] for k, v in together.items()}, f"{endpoint} {rows}")


@each_family
def test_an_empty_batch_has_an_empty_answer(models, client, name):
    for endpoint, request in some_requests(models[name]).items():
        found = client.run(name, endpoint, **{k: v[:0] for k, v in request.items()})
        assert found["log_prob"].shape == (0,)
        assert endpoint == "log_prob" or found["x"].shape == (0, *models[name].event_shape)


def bad_requests(model, requests):
    """(endpoint, what to change of a good request, words of the error)."""
    event, x, seed = model.event_shape, requests["complete"]["x"], requests["complete"]["seed"]
    shape = rf"x must be \[B, {', '.join(map(str, event))}\], with one B .* Received: x.shape="
    yield "log_prob", {"x": x[..., :-1]}, shape
    yield "log_prob", {"x": np.concatenate([x, x], axis=-1)}, shape
    yield "log_prob", {"x": x[..., None]}, shape
    yield "log_prob", {"x": x[0]}, shape
    yield "log_prob", {"x": x.astype("float64")}, "double"
    for word in ["outside"] if discrete(model) else [np.nan, np.inf]:
        wrong = x.copy()
        wrong[2].flat[1] = 99 if word == "outside" else word
        yield "log_prob", {"x": wrong}, "values must be"
        yield "complete", {"x": wrong, "observed": np.ones_like(requests["complete"]["observed"])}, "values must be"
    yield "sample", {"seed": seed[:, :1]}, r"seed must be \[B, 2\]"
    yield "sample", {"seed": seed[0]}, r"seed must be \[B, 2\]"
    yield "sample", {"seed": np.zeros([ROWS, 2, 2], "int32")}, r"seed must be \[B, 2\]"
    yield "complete", {"seed": seed[:-1]}, r"seed must be \[B, 2\]"
    yield "complete", {"observed": requests["complete"]["observed"][:1]}, "observed must be"
    if "context" in requests["complete"]:
        context = requests["complete"]["context"]
        yield "log_prob", {"context": context[:1]}, "context must be"
        yield "sample", {"context": np.full_like(context, np.nan)}, "context must be finite"
    if not model.network.order_agnostic and model.network.num_members == 1:
        last = np.arange(model.network.event_size) == model.network.order[-1]
        yield "complete", {"observed": np.tile(last.reshape(event), [ROWS, *[1] * len(event)])}, "observed positions"


@each_family
def test_bad_requests_are_refused_and_the_next_good_one_is_served(models, client, name):
    model, requests = models[name], some_requests(models[name])
    good = {endpoint: client.run(name, endpoint, **request) for endpoint, request in requests.items()}
    for endpoint, change, words in bad_requests(model, requests):
        with pytest.raises(ServingError, match=words):
            client.run(name, endpoint, **requests[endpoint] | change)
        again = client.run(name, endpoint, **requests[endpoint])
        for key, value in good[endpoint].items():
            np.testing.assert_array_equal(again[key], value)


def test_unobserved_values_are_not_looked_at(models, client):
    request = some_requests(models["rnade"])["complete"]
    blank = request | {"x": np.where(request["observed"], request["x"], np.nan).astype("float32")}
    np.testing.assert_array_equal(client.run("rnade", "complete", **blank)["x"], client.run("rnade", "complete", **request)["x"])


# --- models of text


def strings(*texts):
    """Strings as bytes in an array of objects, as the C++ session takes them."""
    array = np.empty(len(texts), object)
    array[:] = [text.encode() if isinstance(text, str) else text for text in texts]
    return array


def text_requests(model):
    """As `some_requests`: texts with nothing in them, longer than a string that TensorFlow keeps in place, and of all lengths."""
    network, as_bytes = model.network, model.vocabulary.kind == "bytes"
    given = {"context": context_of(model, ROWS)} if network.context_size else {}
    values = {
        "text": strings(*([b"\xff\xfe\x00", b"\x00"] if as_bytes else ["日本 🎉", "ï"]), "", "a", "naïve " * 9, "the 🎉"),
        "prompt": strings("", "naïve", "the 日本 🎉 heat at ten ", "a\0" if as_bytes else "🎉", "", "ï"),
        "seed": noise.row_seeds(noise.as_seed(4), ROWS).numpy(),
        "length": np.array([9, 70, 3, 1, 40, 0], np.int32),
        "temperature": np.array([1, 1, 1, 1, 1, 0.5], np.float32),
        **given,
    }
    return {endpoint: {k: values[k] for k in (*names, *given)} for endpoint, names in ENDPOINTS["text"].items()}


def assert_same_texts(found, expected, message=""):
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        if key == "log_prob":
            np.testing.assert_allclose(found[key], value, rtol=1e-4, atol=1e-6, err_msg=message)
        else:
            np.testing.assert_array_equal(found[key], value, err_msg=f"{message} {key}")


@each_text
def test_texts_are_scored_as_the_model_scores_them(models, client, name):
    model, request = models[name], text_requests(models[name])["log_prob"]
    expected = {"log_prob": np.zeros(ROWS, np.float32), "characters": np.zeros(ROWS, np.int32)}
    for row, text in enumerate(request["text"]):
        codes = np.frombuffer(text, np.uint8) if name == "bytes" else model.vocabulary.encode(text.decode())
        expected["characters"][row] = len(codes)
        if len(codes):
            context = request["context"][row] if "context" in request else None
            expected["log_prob"][row] = model.log_prob(codes[None].astype(np.int32), context)[0]
    assert_same_texts(client.run(name, "log_prob", **request), expected)
    assert_same_texts(client.run(name, "serving_default", **request), expected)


@each_text
def test_texts_are_written_as_the_model_writes_them(models, client, name):
    model, request = models[name], text_requests(models[name])["sample"]
    found = client.run(name, "sample", **request)["text"]
    assert found.dtype == object and found.shape == (ROWS,)
    for row, text in enumerate(found):
        prompt, length = request["prompt"][row], int(request["length"][row])
        assert text.startswith(prompt)
        if not length:
            assert text == prompt
            continue
        context = request["context"][row] if "context" in request else None
        options = {"prompt": prompt.decode(), "length": length, "temperature": float(request["temperature"][row])}
        (expected,) = model.sample(1, request["seed"][row : row + 1], context, **options)
        assert text.decode(errors="replace") == expected
        assert len(text if name == "bytes" else text.decode()) == length + len(prompt if name == "bytes" else prompt.decode())


@each_text
def test_a_text_goes_on_where_it_is_sent_back(models, client, name):
    request = text_requests(models[name])["sample"]
    whole = client.run(name, "sample", **request | {"length": request["length"] + 8})["text"]
    part = client.run(name, "sample", **request)["text"]
    again = client.run(name, "sample", **request | {"prompt": part, "length": np.full(ROWS, 8, np.int32)})["text"]
    np.testing.assert_array_equal(again, whole)


def test_temperature_is_that_of_the_row(client):
    options = {"prompt": strings("a", "a"), "seed": np.array([[1, 2], [1, 2]], np.int32), "length": np.array([30, 30], np.int32)}
    cold, hot = client.run("characters", "sample", **options, temperature=np.array([1e-3, 1e3], np.float32))["text"]
    other = client.run("characters", "sample", **options | {"seed": options["seed"] + 5}, temperature=np.array([1e-3, 1e3], np.float32))
    assert cold == other["text"][0] and hot != other["text"][1]
    assert len(set(cold.decode())) < len(set(hot.decode()))


@each_text
def test_texts_do_not_depend_on_how_they_are_batched(models, client, name):
    for endpoint, request in text_requests(models[name]).items():
        together = client.run(name, endpoint, **request)
        for grouping in GROUPINGS:
            for rows in grouping:
                alone = client.run(name, endpoint, **{k: v[rows] for k, v in request.items()})
                assert_same_texts(alone, {k: v[rows] for k, v in together.items()}, f"{endpoint} {rows}")


@each_text
def test_no_texts_have_an_empty_answer(models, client, name):
    for endpoint, request in text_requests(models[name]).items():
        found = client.run(name, endpoint, **{k: v[:0] for k, v in request.items()})
        assert set(found) == ({"text"} if endpoint == "sample" else {"log_prob", "characters"})
        assert all(value.shape == (0,) for value in found.values())


def bad_texts(name, requests):
    """(endpoint, what to change of a good request, words of the error)."""
    texts, seed, length = requests["log_prob"]["text"], requests["sample"]["seed"], requests["sample"]["length"]
    yield "log_prob", {"text": texts[:, None]}, r"text must be \[B\], with one B .* Received: text.shape="
    yield "log_prob", {"text": np.array(b"a", object)}, r"text must be \[B\]"
    yield "log_prob", {"text": length}, "int32"
    yield "sample", {"prompt": texts[:, None]}, r"prompt must be \[B\]"
    for wrong in (0, -1, np.nan, np.inf):
        yield "sample", {"temperature": np.array([1, wrong, 1, 1, 1, 1], np.float32)}, "temperature must be above 0"
    for wrong in (-1, LONGEST + 1, 2**31 - 1):
        yield "sample", {"length": np.array([1, 1, wrong, 1, 1, 1], np.int32)}, "length must be 0 to"
    for endpoint, argument in (("log_prob", "text"), ("sample", "prompt")):
        long = np.array([b"a" * (LONGEST + 1), *texts[1:]], object)
        yield endpoint, {argument: long}, f"{argument} must have at most {LONGEST} characters"
    yield "sample", {"length": length[:1]}, r"length must be \[B\], with one B"
    yield "sample", {"length": length.astype(np.float32)}, "float"
    yield "sample", {"seed": seed[:, :1]}, r"seed must be \[B, 2\]"
    yield "sample", {"seed": seed[:-1]}, r"seed must be \[B, 2\]"
    yield "sample", {"seed": seed[0]}, r"seed must be \[B, 2\]"
    if "context" in requests["sample"]:
        yield "sample", {"context": requests["sample"]["context"][:1]}, "context must be"
        yield "log_prob", {"context": requests["log_prob"]["context"] * np.nan}, "context must be finite"
    if name == "characters":
        for endpoint, key in (("log_prob", "text"), ("sample", "prompt")):
            yield endpoint, {key: strings("a", "a", "a", "a!", "a", "a")}, "every character must be one of the 11 of the vocabulary"
            yield endpoint, {key: strings("a", "a", "a", b"\xff", "a", "a")}, "Invalid formatting on input string"


@each_text
def test_bad_texts_are_refused_and_the_next_good_one_is_served(models, client, name):
    requests = text_requests(models[name])
    good = {endpoint: client.run(name, endpoint, **request) for endpoint, request in requests.items()}
    for endpoint, change, words in bad_texts(name, requests):
        with pytest.raises(ServingError, match=words):
            client.run(name, endpoint, **requests[endpoint] | change)
        assert_same_texts(client.run(name, endpoint, **requests[endpoint]), good[endpoint], words)


def test_an_unknown_character_has_the_code_of_the_unknown_one():
    vocabulary = Vocabulary.of("naïve", unknown=True)
    codes, lengths = Codec(vocabulary).encode(tf.constant(["naïve 🎉", ""]))
    np.testing.assert_array_equal(codes, [vocabulary.encode("naïve 🎉"), np.zeros(7)])
    np.testing.assert_array_equal(lengths, [7, 0])
    assert Codec(vocabulary).decode(codes, lengths).numpy()[0].decode() == vocabulary.decode(codes[0])


# --- the files


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
    file = paths[name] / "assets.extra" / export.WARM_UP
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
    assert export._field(1, content) == b"\x0a\xac\x02" + content


def test_xla_marks_the_sampler_alone_and_keeps_its_checks(tmp_path):
    model = tfar.MADE([3], hidden_units=[4])
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
    model = tfar.MADE([3], hidden_units=[4])

    def fail(*arguments):
        raise OSError("the disk is full")

    monkeypatch.setattr(export, "warm_up_record", fail)  # the last thing that is written
    with pytest.raises(OSError, match="full"):
        model.export(tmp_path / "made" / "1")
    assert list((tmp_path / "made").iterdir()) == []
    (tmp_path / "2").mkdir()
    with pytest.raises(FileExistsError, match="Received: .*2"):
        model.export(tmp_path / "2")


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
        guide = (pathlib.Path(__file__).parents[1] / "docs" / "serving.md").read_text(encoding="utf-8")
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
