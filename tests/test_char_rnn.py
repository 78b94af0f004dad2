"""CharRNN against the equations of its cells, written out with NumPy; models of text: training, scoring, writing."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from chi_square import assert_frequencies

import tfar
from tfar import heads, networks, noise
from tfar.datasets import Vocabulary
from tfar.distributions import writing
from tfar.training import sequences

LETTERS = "abcdefgh"


def randomize(network, scale=0.6, seed=0):
    if not network.built:
        network.build()
    generator = np.random.default_rng(seed)
    for weight in network.trainable_weights:
        weight.assign(generator.normal(size=weight.shape, scale=scale))
    return network


def text_model(symbols=LETTERS, length=12, **options):
    model = tfar.CharRNN(symbols, length, **{"units": 16, "num_layers": 2, "embedding": 5, **options})
    randomize(model.network)
    return model


@pytest.fixture(scope="module")
def model():
    return text_model()


@pytest.fixture(scope="module")
def text():
    """Letters that follow each other by rule: after a letter, the next one or the one after it."""
    generator = np.random.default_rng(0)
    return np.cumsum(generator.integers(1, 3, 6000)).astype(np.int32) % len(LETTERS)


# --- the papers' equations


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm(x, state, w, u, b):
    """Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000: gates i, f, candidate g, gate o."""
    h, c = state
    i, f, g, o = np.split(x @ w + h @ u + b, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru(x, state, w, u, b):
    """Cho et al. 2014, with the reset gate after the recurrent product: gates z, r, candidate n."""
    (h,) = state
    (xz, xr, xn), (hz, hr, hn) = np.split(x @ w + b[0], 3), np.split(h @ u + b[1], 3)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    return (z * h + (1 - z) * np.tanh(xn + r * hn),)


def simple(x, state, w, u, b):
    """Elman 1990."""
    return (np.tanh(x @ w + state[0] @ u + b),)


@pytest.mark.parametrize(("cell", "equation", "states"), [("lstm", lstm, 2), ("gru", gru, 1), ("rnn", simple, 1)])
@pytest.mark.parametrize("embedding", [None, 3])
def test_parameters_follow_the_equations(cell, equation, states, embedding):
    units, classes, length = 6, 4, 7
    network = networks.CharRNN(
        [length], classes, num_classes=classes, cell=cell, units=units, num_layers=2, embedding=embedding, context_size=2
    )
    randomize(network)
    generator = np.random.default_rng(1)
    x, context = generator.integers(0, classes, [3, length]), generator.normal(size=[3, 2])
    found = network(x.astype(np.int32), context.astype(np.float32)).numpy()
    codes = np.eye(classes) if embedding is None else np.asarray(network.embeddings, np.float64)
    layers = [[np.asarray(weight, np.float64) for weight in layer.weights] for layer in network.layers]
    v, b = (np.asarray(weight, np.float64) for weight in network.last.weights)
    for row, features, params in zip(x, context, found, strict=True):
        memory = [(np.zeros(units),) * states for _ in layers]
        code = np.asarray(network.start, np.float64)
        for t in range(length):
            h = np.concatenate([code, features])
            for k, weights in enumerate(layers):
                memory[k] = equation(h, memory[k], *weights)
                h = memory[k][0]
            np.testing.assert_allclose(params[t], h @ v + b, rtol=1e-4, atol=1e-5)
            code = codes[row[t]]


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_scan_has_the_values_and_gradients_of_the_layers_of_keras(cell, jit):
    network = randomize(networks.CharRNN([6], 4, num_classes=4, cell=cell, units=5, num_layers=2))
    generator = np.random.default_rng(3)
    x = tf.constant(generator.integers(0, 4, [3, 6]), tf.int32)
    start = network.initial_state(3)
    states = tf.nest.map_structure(lambda s: tf.constant(generator.normal(size=s.shape), tf.float32), start["states"])
    factor = tf.constant(generator.normal(size=[3, 6, 4]), tf.float32)
    of_keras = [keras.layers.RNN(layer.cell, return_sequences=True, return_state=True) for layer in network.layers]

    def scan():
        params, after = network.scan(x, {**start, "states": states})
        return params, after["states"]

    def layers():
        code = tf.concat([tf.tile(network.start[None, None], [3, 1, 1]), tf.one_hot(x[:, :-1], 4)], axis=1)
        after = []
        for layer, before in zip(of_keras, states, strict=True):
            code, *state = layer(code, initial_state=before)
            after.append(state)
        return network.last(code), after

    def gradients(run):
        sources = [w.value for w in network.trainable_weights] + tf.nest.flatten(states)
        with tf.GradientTape() as tape:
            tape.watch(sources)
            params, after = run()
            total = tf.reduce_sum(factor * params) + sum(tf.reduce_sum(tf.sin(s)) for s in tf.nest.flatten(after))
        found = tape.gradient(total, sources)
        assert not any(gradient is None for gradient in found)
        return [params, *tf.nest.flatten(after), *found]

    for one, other in zip(tf.function(lambda: gradients(scan), jit_compile=jit)(), gradients(layers), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_memory_is_what_units_keep_before_training(cell):
    """With no input to the gates, unit j keeps 1 - 1 / T_j of its state in a step, and T_j goes from 2 to `memory` by equal factors."""
    network = networks.CharRNN([3], 4, num_classes=4, cell=cell, units=5, num_layers=2, memory=162)
    network.build()
    kept = np.array([1 - 1 / T for T in (2, 6, 18, 54, 162)])
    for layer in network.layers:
        kernel, recurrent, bias = (np.asarray(weight, np.float64) for weight in layer.weights)
        state = (np.zeros(5), np.ones(5)) if cell == "lstm" else (np.ones(5),)
        after = (lstm if cell == "lstm" else gru)(np.zeros(len(kernel)), state, 0 * kernel, 0 * recurrent, bias)
        np.testing.assert_allclose(after[-1], kept, rtol=1e-6)
    again = networks.CharRNN(**network.get_config())
    assert again.memory == 162


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("dtype", ["float64", "mixed_bfloat16"])
def test_a_network_of_another_dtype_reads_as_it_steps(cell, dtype):
    network = randomize(networks.CharRNN([3], 4, num_classes=4, cell=cell, units=5, num_layers=2, dropout=0.1, dtype=dtype))
    x, state, params = np.array([[0, 1, 2], [3, 3, 0]], np.int32), network.initial_state(2), []
    read, _ = network.scan(tf.constant(x), tf.nest.map_structure(lambda s: s.numpy(), state))
    for t in range(3):
        out, state = network.step(state, tf.constant(t), tf.constant(x[:, t - 1]))
        params.append(out)
    read, stepped = (tf.cast(values, tf.float64) for values in (read, tf.stack(params, axis=1)))
    np.testing.assert_allclose(read, stepped, atol=0.05 if "16" in dtype else 1e-12)


def test_memory_of_a_network_that_is_built_in_a_graph():
    network = networks.CharRNN([3], 4, num_classes=4, units=5, num_layers=1, memory=162)
    tf.function(network)(tf.constant([[0, 1, 2]]))
    np.testing.assert_allclose(network.layers[0].cell.bias[5:10], np.log([1, 5, 17, 53, 161]), rtol=1e-5)


def test_second_derivatives():
    """A product of the Hessian and a vector, against differences of gradients."""
    network = randomize(networks.CharRNN([5], 4, num_classes=4, units=5, num_layers=1))
    x, weight = tf.constant([[0, 1, 2, 3, 1]]), network.layers[0].cell.recurrent_kernel
    direction = tf.constant(np.random.default_rng(1).normal(size=weight.shape), tf.float32)

    def gradient():
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(network(x) ** 2)
        return tape.gradient(total, weight.value)

    @tf.function
    def product():
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(gradient() * direction)
        return tape.gradient(total, weight.value)

    found, here, step = product(), weight.numpy(), 3e-3
    weight.assign(here + step * direction)
    above = gradient()
    weight.assign(here - step * direction)
    difference = (above - gradient()) / (2 * step)
    np.testing.assert_allclose(found, difference, atol=2e-3 * np.abs(difference).max())


def test_sizes():
    """4 (n m + n^2 + n) weights of an LSTM with n units and m inputs, 3 (n m + n^2 + 2 n) of this GRU, n m + n^2 + n of a simple one."""
    k, n = 65, 32
    for cell, size in (
        ("lstm", lambda m: 4 * (n * m + n * n + n)),
        ("gru", lambda m: 3 * (n * m + n * n + 2 * n)),
        ("rnn", lambda m: n * m + n * n + n),
    ):
        network = networks.CharRNN([10], k, num_classes=k, cell=cell, units=n, num_layers=3)
        assert network.effective_parameters() == size(k) + 2 * size(n) + n * k + k + k  # the last k: the code of the beginning


@pytest.mark.parametrize(
    "options",
    [
        {"event_shape": [2, 2]},
        {"order": "reversed"},
        {"cell": "transformer"},
        {"units": 0},
        {"num_layers": 1.5},
        {"embedding": 3},
        {"memory": 1},
        {"memory": np.inf},
        {"memory": 9, "cell": "rnn"},
    ],
)
def test_what_no_sequence_has_is_refused(options):
    with pytest.raises(ValueError, match="Received: "):
        networks.CharRNN(**{"event_shape": [4], **options})


# --- hello


def test_hello():
    keras.utils.set_random_seed(0)
    model = tfar.CharRNN("helo", length=5, units=16, num_layers=1)
    model.compile(keras.optimizers.Adam(0.05))
    model.fit(np.tile(model.vocabulary.encode("hello"), (32, 1)), epochs=120, verbose=0)
    assert float(tf.exp(model.log_prob("hello"))) > 0.99
    assert model.sample(3, seed=4) == ["hello"] * 3
    assert model.sample(1, seed=1, prompt="he", length=3) == ["hello"]
    assert model.evaluate(np.tile(model.vocabulary.encode("hello"), (2, 1)), verbose=0, return_dict=True)["nll"] < 0.01 / 5


# --- scoring


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


def scored(network, head, codes, *args, **options):
    """Log-probabilities of the symbols of a text, `[n]`."""
    nats = np.full(len(codes), np.nan)
    for start, piece in writing.score_text(network, head, codes, *args, **options):
        assert np.isnan(nats[start : start + len(piece)]).all()  # each is scored once
        nats[start : start + len(piece)] = piece
    return nats


def test_one_stream_is_exact_and_several_are_close(model, text):
    network, head = model.network, model.head
    exact = scored(network, head, text, streams=1)
    assert exact.sum() == pytest.approx(float(model.log_prob(text[None])[0]), rel=1e-5)
    # these weights forget within 200 symbols, so that the warm-up makes the streams equal
    several = scored(network, head, text, streams=5, warm_up=200)
    assert several.shape == text.shape
    np.testing.assert_allclose(several, exact, atol=1e-4)
    cold = scored(network, head, text, streams=5, warm_up=2)
    assert np.abs(cold - exact).max() > 1e-2 and np.abs(cold[:1200] - exact[:1200]).max() < 1e-4


def test_evaluate(model, text):
    scores = sequences.evaluate(model, text[:5500], streams=2)
    nats = -scored(model.network, model.head, text[:5500], 2).astype(np.float64)
    assert scores["characters"] == 5500 and scores["nll"] == pytest.approx(nats.mean())
    assert scores["bits_per_character"] == pytest.approx(scores["nll"] / np.log(2))
    means = [part.mean() for part in np.array_split(nats, 5)]
    assert scores["nll_error"] == pytest.approx(np.std(means, ddof=1) / 5**0.5)
    with pytest.raises(ValueError, match="Received: none"):
        sequences.evaluate(model, text[:0])
    with pytest.raises(ValueError, match="at least one character. Received: an empty one"):
        model.log_prob(["ab", ""])


# --- writing


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
    model = tfar.CharRNN(Vocabulary("äb日\ufffd", unknown="\ufffd"), length=9, units=8, num_layers=1)
    model.save(tmp_path / "m.keras")
    copy = keras.saving.load_model(tmp_path / "m.keras")
    assert copy.vocabulary == model.vocabulary and copy.sample(3, seed=1, prompt="日x") == model.sample(3, seed=1, prompt="日x")
    with pytest.raises(ValueError, match="Received: head=Categorical"):
        tfar.CharacterModel(model.network, heads.Categorical(4), Vocabulary("abc"))
    with pytest.raises(ValueError, match="at least two symbols"):
        tfar.CharRNN("a")


# --- training


@pytest.mark.parametrize("carry", [False, True])
def test_training_learns_the_rule(text, carry):
    keras.utils.set_random_seed(1)
    model = tfar.CharRNN(LETTERS, units=16, num_layers=1)
    options = {"sequence_length": 20, "batch_size": 16, "epochs": 3, "learning_rate": 0.02, "jit": False, "carry": carry}
    fit = sequences.fit(model, text[:5000], text[5000:], **options)
    assert min(fit.history["val_nll"]) < np.log(2) + 0.05  # the rule leaves one bit, whatever came before
    assert sequences.evaluate(model, text[5000:])["nll"] < np.log(2) + 0.05


def test_carried_states_are_those_of_the_whole_text(text):
    model = text_model()
    rows, length, steps = 4, 10, 30
    options = {"sequence_length": length, "batch_size": rows, "epochs": 2, "epoch_steps": steps, "learning_rate": 1e-12}
    options |= {"jit": False, "average": 0, "start": False, "schedule": "constant"}
    codes = text[: rows * (length * steps + 9)]
    expected = [scored(model.network, model.head, part[: length * steps], 1).mean() for part in codes.reshape(rows, -1)]
    fit = sequences.fit(model, codes, text[:100], **options)
    assert fit.history["nll"] == pytest.approx([-np.mean(expected)] * 2, rel=1e-4)  # each pass begins anew
    assert model.network.carried is None
    cut = sequences.fit(model, codes, text[:100], **options, carry=False)
    assert abs(cut.history["nll"][0] + np.mean(expected)) > 1e-3


def test_a_training_that_is_interrupted_carries_no_more(text):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 3:
                raise KeyboardInterrupt

    model = text_model()
    options = {"sequence_length": 20, "batch_size": 4, "jit": False}
    assert sequences.fit(model, text, text[:100], callbacks=[Stop()], **options).interrupted
    model.fit(text[:96].reshape(8, 12), batch_size=8, verbose=0)  # another number of rows


def test_strings_in_a_graph_are_refused(model):
    with pytest.raises(ValueError, match="in a tf.function"):
        tf.function(lambda: model.log_prob(["abc", "a"]), autograph=False)()
    with pytest.raises(ValueError, match="at least 1"):
        model.log_prob(np.zeros([2, 0], np.int32))


def test_more_streams_than_stretches(model, text):
    found = scored(model.network, model.head, text[:1000], streams=300, warm_up=1)
    assert found.shape == (1000,) and np.isfinite(found).all()
    with pytest.raises(ValueError, match="streams=0"):
        scored(model.network, model.head, text, streams=0)


class Killed(Exception):
    pass


class Kill(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == 25:
            raise Killed


@pytest.mark.parametrize("carry", [False, True])
def test_a_killed_training_goes_on_as_if_nothing_had_been(text, tmp_path, monkeypatch, carry):
    from tfar import training
    from tfar.training.checkpoints import Checkpoint

    monkeypatch.setattr(training, "Checkpoint", lambda *args: Checkpoint(*args, every=0.0))

    def train(name, **options):
        keras.utils.set_random_seed(1)
        model = tfar.CharRNN(LETTERS, units=8, num_layers=2, dropout=0.3)
        options |= {"sequence_length": 20, "batch_size": 16, "epochs": 4, "epoch_steps": 10, "jit": False, "carry": carry}
        sequences.fit(model, text[:5000], text[5000:], checkpoint=tmp_path / name, **options)
        return model.get_weights()

    expected = train("whole.npz")
    with pytest.raises(Killed):
        train("killed.npz", callbacks=[Kill()])
    for one, other in zip(train("killed.npz"), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_refuses_what_cannot_be(text):
    with pytest.raises(ValueError, match="Received: context_size=2"):
        sequences.fit(text_model(context_size=2), text, text)
    with pytest.raises(ValueError, match="validation must have"):
        sequences.fit(text_model(), text, text[:0])
    with pytest.raises(ValueError, match="Received: 10"):
        sequences.fit(text_model(), text[:10], text, sequence_length=20)
    with pytest.raises(ValueError, match="Received: sequence_length=0"):
        sequences.fit(text_model(), text, text, sequence_length=0)
