"""Endpoints of exported models of text, in the C++ session."""

import numpy as np
import pytest
import tensorflow as tf
from support.cases import context_of
from support.served import ENDPOINTS, GROUPINGS, ROWS, each_text

from tfar import noise
from tfar.datasets import Vocabulary
from tfar.serving.text_endpoints import LONGEST, Codec
from tfar.testing import ServingError


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
