"""Endpoints of exported models of vectors and images, in the C++ session."""

import numpy as np
import pytest
from support.cases import discrete
from support.served import GROUPINGS, ROWS, assert_same, each_family, some_requests

from tfar.testing import ServingError


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
