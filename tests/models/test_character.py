"""Models of text: strings are scored, written and continued."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.chi_square import assert_frequencies
from support.texts import LETTERS, text_model

import tfar
from tfar import heads, noise
from tfar.datasets import Vocabulary
from tfar.distributions import writing


@pytest.fixture(scope="module")
def model():
    return text_model()


def test_hello():
    keras.utils.set_random_seed(0)
    model = tfar.CharRNN("helo", length=5, units=16, num_layers=1, dropout=0.0)
    model.compile(keras.optimizers.Adam(0.05))
    model.fit(np.tile(model.vocabulary.encode("hello"), (32, 1)), epochs=120, verbose=0)
    assert float(tf.exp(model.log_prob("hello"))) > 0.99
    assert model.sample(3, seed=4) == ["hello"] * 3
    assert model.sample(1, seed=1, prompt="he", length=3) == ["hello"]
    assert model.evaluate(np.tile(model.vocabulary.encode("hello"), (2, 1)), verbose=0, return_dict=True)["nll"] < 0.01 / 5


def test_probabilities_of_all_texts_of_a_length_sum_to_one(model):
    codes = np.array(list(itertools.product(range(len(LETTERS)), repeat=3)), np.int32)
    assert np.exp(model.log_prob(codes).numpy().astype(np.float64)).sum() == pytest.approx(1, abs=1e-5)


def test_strings_are_scored_as_their_codes(model):
    texts = ["abcabcabcabc", "h", "gfedcba" * 50]
    found = model.log_prob(texts).numpy()
    for text, nats in zip(texts, found, strict=True):
        codes = model.vocabulary.encode(text)[None]
        assert nats == pytest.approx(float(model.log_prob(codes)[0]), rel=1e-5)
        params, _ = model.network.scan(codes, model.network.initial_state(1))
        assert nats == pytest.approx(float(model.head.log_prob(params, codes, event_ndims=1)[0]), rel=1e-5)
    assert float(model.log_prob(texts[0])) == pytest.approx(
        float(model.distribution().log_prob(model.vocabulary.encode(texts[0]))), rel=1e-5
    )
    assert model.log_prob(texts[1]).shape == ()


def test_writing_is_sampling(model):
    seeds = noise.row_seeds(noise.as_seed(3), 4)
    expected = [model.vocabulary.decode(row) for row in model.distribution().sample_rows(seeds).numpy()]
    assert model.sample(4, seed=3) == model.sample(4, seed=seeds) == expected
    long = model.sample(4, seed=3, length=300)
    assert [len(one) for one in long] == [300] * 4 and [one[:12] for one in long] == expected
    assert "".join(model.write(300, seed=seeds[2:3])) == long[2]
    parts = writing.pieces(model.network, model.head, seeds, 300, jit_compile=False)
    assert [model.vocabulary.decode(row) for row in np.concatenate(list(parts), axis=1)] == long


@pytest.mark.parametrize("length", [1, 63, 64, 65, 150])
def test_a_prompt_is_a_given_beginning(model, length):
    seeds, prompt = noise.row_seeds(noise.as_seed(3), 2), ("hgfa" * 40)[:length]
    whole = text_model(length=length + 20)
    whole.set_weights(model.get_weights())
    x = np.zeros([2, length + 20], np.int32)
    x[:, :length] = model.vocabulary.encode(prompt)
    completed = whole.complete(x, np.arange(length + 20) < length, seeds).numpy()
    found = model.sample(2, seed=seeds, prompt=prompt, length=20)
    assert found == [model.vocabulary.decode(row) for row in completed]
    assert prompt + "".join(model.write(20, seed=seeds[:1], prompt=prompt)) == found[0]
    both = model.sample(2, seed=seeds, prompt=[prompt, prompt[::-1]], length=20)
    assert both[0] == found[0] and both[1].startswith(prompt[::-1])


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, None), (0.5, None), (2.0, 3), (0.7, 1)])
def test_frequencies_follow_temperature_and_top_k(model, temperature, top_k):
    count = 20_000
    written = model.sample(count, seed=9, prompt="ab", length=1, temperature=temperature, top_k=top_k)
    observed = np.bincount(model.vocabulary.encode("".join(text[-1] for text in written)), minlength=8)
    params, _ = model.network.scan(model.vocabulary.encode("aba")[None], model.network.initial_state(1))
    p = np.exp(params[0, -1].numpy().astype(np.float64) / temperature)
    p[np.argsort(p)[: 0 if top_k is None else 8 - top_k]] = 0
    assert_frequencies(observed, count * p / p.sum())


@pytest.mark.parametrize("temperature", [1e-6, 1e-30, 1.2e-38])
def test_a_cold_text_is_of_the_likeliest_symbols(model, temperature):
    text = model.sample(1, seed=9, prompt="ab", length=20, temperature=temperature)
    assert text == model.sample(1, seed=10, prompt="ab", length=20, top_k=1)


@pytest.mark.parametrize(
    "options",
    [{"length": 0}, {"n": 0}, {"top_k": 0}, {"prompt": "xyz"}, {"n": 2, "prompt": ["ab"]}, {"n": 2, "prompt": ["ab", "abc"]}]
    + [{"temperature": temperature} for temperature in (0.0, float("nan"), -1, 1e-39, 1e39, float("inf"))],
)
def test_bad_requests_are_refused(model, options):
    with pytest.raises(ValueError, match="Received: "):
        model.sample(**{"n": 1, **options})
    if "n" not in options and not isinstance(options.get("prompt"), list):
        with pytest.raises(ValueError, match="Received: "):
            list(model.write(**{"length": 3, **options}))


def test_a_context_selects_what_is_written():
    model = text_model(context_size=2)
    context = np.eye(2, dtype=np.float32)
    one, other = model.sample(2, seed=[[1, 2], [1, 2]], context=context, length=40)
    assert one != other and model.sample(1, seed=[[1, 2]], context=context[1], length=40) == [other]
    scores = model.log_prob([one, one], context)
    assert abs(float(scores[0] - scores[1])) > 0.1
    for wrong in (2.0, np.zeros([2, 1]), np.zeros([3, 2]), None):
        with pytest.raises(ValueError, match="context"):
            model.sample(2, context=wrong)
        with pytest.raises(ValueError, match="context"):
            model.log_prob([one, one], wrong)


def test_a_model_in_double_precision_is_exported(tmp_path):
    model = text_model(dtype="float64")
    model.export(tmp_path / "m")
    served = tf.saved_model.load(tmp_path / "m").signatures["log_prob"](text=tf.constant(["ab", "b"]))["log_prob"]
    np.testing.assert_allclose(served, model.log_prob(["ab", "b"]), rtol=1e-6)


def test_a_model_keeps_its_vocabulary(tmp_path):
    model = tfar.CharRNN(Vocabulary("äb日\ufffd", unknown="\ufffd"), length=9, units=8, num_layers=1, dropout=0.0)
    model.save(tmp_path / "m.keras")
    copy = keras.saving.load_model(tmp_path / "m.keras")
    assert copy.vocabulary == model.vocabulary and copy.sample(3, seed=1, prompt="日x") == model.sample(3, seed=1, prompt="日x")
    with pytest.raises(ValueError, match="Received: head=Categorical"):
        tfar.CharacterModel(model.network, heads.Categorical(4), Vocabulary("abc"))
    with pytest.raises(ValueError, match="at least two symbols"):
        tfar.CharRNN("a")


def test_strings_in_a_graph_are_refused(model):
    with pytest.raises(ValueError, match="in a tf.function"):
        tf.function(lambda: model.log_prob(["abc", "a"]), autograph=False)()
    with pytest.raises(ValueError, match="at least 1"):
        model.log_prob(np.zeros([2, 0], np.int32))
