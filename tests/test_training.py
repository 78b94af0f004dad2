"""Fitting: best weights, stopping, schedules, the start at the baselines, and scores against closed forms."""

import json
import math
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfar
from tfar import files, heads, training
from tfar.datasets import Split
from tfar.training import baselines, optimizer, refit
from tfar.training.checkpoints import Checkpoint

tfd = tfp.distributions

ORDER = [3, 0, 7, 1, 6, 2, 5, 4]


def binary(rows=200, size=6, seed=0):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 2, (rows, 1))
    return Split(np.where(rng.random((rows, size)) < 0.9, first, 1 - first).astype(np.int32))


def logistic(size=6, **options):
    return tfar.LogisticAutoregressive([size], **options)


# --- fit


@pytest.mark.parametrize("schedule", ["plateau", "cosine", "constant"])
@pytest.mark.parametrize("average", [0.0, 0.9])
def test_fit_ends_with_the_best_weights(schedule, average):
    train, validation = binary(), binary(seed=1)
    model = logistic()
    options = {"epochs": 4, "learning_rate": 0.3, "schedule": schedule, "average": average, "jit": False}
    fit = training.fit(model, train, validation, **options)
    assert fit.epochs == len(fit.history["val_nll"]) == 4 and not fit.interrupted and fit.seconds > 0
    assert training.evaluate(model, validation)["nll"] == pytest.approx(min(fit.history["val_nll"]), rel=1e-5)
    assert fit.best_epoch == 1 + int(np.argmin(fit.history["val_nll"]))
    independent = -baselines.baseline(model.head, train.x, validation.x).mean()
    assert min(fit.history["val_nll"]) < independent - 0.5


@pytest.mark.parametrize(
    ("schedule", "average", "rate", "rows", "batch_size", "steps"), [("plateau", 0.0, 0.5, 100, 5, 20), ("cosine", 0.9, 0.1, 30, 30, 8)]
)
def test_refit_repeats_the_training_up_to_its_best_epoch_on_more_rows(schedule, average, rate, rows, batch_size, steps):
    train, validation, model = binary(rows), binary(300, seed=1), logistic()
    options = {"epochs": 20, "epoch_steps": steps, "batch_size": batch_size, "learning_rate": rate}
    options |= {"schedule": schedule, "average": average, "jit": False}
    first = model.get_weights()
    fit = training.fit(model, train, validation, patience=4, **options)
    best, nll = model.get_weights(), training.evaluate(model, validation)["nll"]
    assert 1 < fit.best_epoch < fit.epochs
    if schedule == "plateau":
        assert len(set(fit.history["learning_rate"][: fit.best_epoch])) > 1  # which are to be repeated
    refit.refit(model, first, train, validation.take(slice(0)), fit, **options)
    for found, expected in zip(model.get_weights(), best, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)  # averages are swapped by adding and subtracting
    refit.refit(model, first, train, validation, fit, **options)
    assert training.evaluate(model, validation)["nll"] < nll


def test_fit_stops_when_nothing_improves():
    x = np.random.default_rng(0).integers(0, 2, (300, 4)).astype(np.int32)
    fit = training.fit(logistic(4), Split(x[:50]), Split(x[50:]), epochs=60, learning_rate=0.1, patience=3, jit=False)
    assert fit.epochs == fit.best_epoch + 3 < 60
    assert len(set(np.float32(fit.history["learning_rate"]))) > 1  # the plateau was met by a lower rate first


def test_a_start_at_large_scales_is_finite():
    x = np.random.default_rng(0).normal(size=[50, 3]) * [1.0, 1e3, 1e6]
    for head in (heads.Normal(), heads.NormalMixture(2)):
        scale = np.log1p(np.exp(-np.abs(raw := baselines.marginal_params(head, x)[..., -1].astype(float)))) + np.maximum(raw, 0)
        np.testing.assert_allclose(scale, x.std(axis=0) / (2 if hasattr(head, "num_components") else 1), rtol=2e-3)


def test_the_centre_of_many_rows_is_right_in_half_precision():
    x = np.ones([100_000, 1], np.int32)
    x[::4] = 0
    model = tfar.MADE([1], hidden_units=[4], dtype="mixed_float16")
    baselines.start_at_marginals(model, x)
    np.testing.assert_allclose(model.network.masked_layers[0].mean, [0.75], rtol=1e-6)


def test_kernels_decay_and_biases_do_not():
    """Without gradients a step leaves (1 - rate W) of a kernel, and a bias, of whatever shape, as it was."""
    model = tfar.NeuralAutoregressive([6], tfar.heads.Categorical(3), hidden_units=4, direct=True, context_size=2)
    for variable in model.trainable_variables:
        variable.assign(tf.ones(variable.shape))
    adam = optimizer.optimizer(model.trainable_variables, 0.5, "constant", weight_decay=0.2, average=0)
    adam.apply([tf.zeros(variable.shape) for variable in model.trainable_variables], model.trainable_variables)
    biases = {variable.path for variable in model.trainable_variables if "bias" in variable.name}
    assert any(variable.path in biases and len(variable.shape) == 2 for variable in model.trainable_variables)
    for variable in model.trainable_variables:
        expected = 1.0 if variable.path in biases or len(variable.shape) == 1 else 0.9
        np.testing.assert_allclose(variable, np.full(variable.shape, expected), rtol=1e-6, err_msg=variable.path)


def test_the_rate_rises_and_falls_along_a_cosine():
    adam = optimizer.optimizer([], 0.1, "cosine", steps=1000)
    for step, expected in {0: 0.0, 10: 0.05, 20: 0.1, 20 + 490: 0.05, 1000: 0.0}.items():
        adam.iterations.assign(step)
        assert float(adam.learning_rate) == pytest.approx(expected, abs=1e-7)


def test_gradients_are_clipped_together():
    assert optimizer.optimizer([], clip=10.0).global_clipnorm == 10.0


def test_an_epoch_is_never_fewer_than_100_steps():
    model = logistic(4)
    training.fit(model, binary(30, 4), binary(10, 4), epochs=1, batch_size=10, jit=False)
    assert int(model.optimizer.iterations) == 100


def test_fit_with_a_context_and_xla():
    context = np.eye(2, dtype=np.float32)[np.arange(200) % 2]
    x = np.repeat(np.argmax(context, axis=-1)[:, None], 3, axis=1).astype(np.int32)
    split = Split(x, context)
    model = logistic(3, context_size=2)
    training.fit(model, split, split, epochs=3, learning_rate=0.1)
    assert training.evaluate(model, split)["nll"] < 0.3


def test_fit_repeats_itself():
    found = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        model = tfar.MADE([6], hidden_units=[8])
        found.append(training.fit(model, binary(), binary(seed=1), epochs=2, jit=False, seed=5).history["val_nll"])
    assert found[0] == pytest.approx(found[1], rel=1e-6)


@pytest.mark.parametrize("name", ["epochs", "batch_size", "learning_rate", "patience"])
def test_fit_refuses_what_is_not_positive(name):
    with pytest.raises(ValueError, match=f"Received: {name}=0"):
        training.fit(logistic(), binary(), binary(), **{name: 0})


def test_a_schedule_and_a_batch_size_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="schedule must be one of plateau, cosine, constant. Received: schedule='Cosine'"):
        training.fit(logistic(), binary(), binary(), schedule="Cosine")
    with pytest.raises(ValueError, match="Received: batch_size=0"):
        training.evaluate(logistic(), binary(), batch_size=0)


def test_fit_refuses_values_outside_the_support():
    with pytest.raises(ValueError, match="Received: 2"):
        training.fit(logistic(), Split(np.full((5, 6), 2, np.int32)), binary())


def test_a_diverging_training_stops_and_keeps_finite_weights():
    def spoil(epoch, logs):
        if epoch == 2:
            model.network.trainable_variables[0].assign(np.full(model.network.trainable_variables[0].shape, np.nan))

    model = logistic()
    callback = keras.callbacks.LambdaCallback(on_epoch_begin=spoil)
    fit = training.fit(model, binary(), binary(seed=1), epochs=5, jit=False, average=0.0, callbacks=[callback])
    assert fit.epochs == 3 and 1 <= fit.best_epoch <= 2
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_a_training_that_diverges_at_once_is_an_error():
    x = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    model = logistic(3, head="normal")
    with pytest.raises(ValueError, match="diverged in its first epoch.* Received: val_nll=inf, learning_rate=0.001"):
        training.fit(model, Split(x), Split(np.full((4, 3), 1e30, np.float32)), epochs=5, jit=False)


@pytest.mark.parametrize(("train", "held", "message"), [(0, 5, "0 and 5"), (5, 0, "5 and 0")])
def test_fit_refuses_a_split_without_rows(train, held, message):
    x = binary().x
    with pytest.raises(ValueError, match=f"there must be rows to train on and to validate with. Received: {message}"):
        training.fit(logistic(), Split(x[:train]), Split(x[:held]), epochs=1)


# --- scores


def test_evaluate_is_the_mean_of_log_prob():
    model, split = logistic(), binary()
    scores = training.evaluate(model, split, batch_size=64)
    log_prob = model.log_prob(split.x).numpy()
    assert scores["rows"] == 200 and scores["nll"] == pytest.approx(-log_prob.mean(), rel=1e-5)
    assert scores["nll_error"] == pytest.approx(log_prob.std(ddof=1) / math.sqrt(200), rel=1e-4)
    assert scores["bits_per_dim"] == pytest.approx(scores["nll"] / 6 / math.log(2))
    with pytest.raises(ValueError, match="Received: no rows"):
        training.evaluate(model, Split(np.zeros((0, 6), np.int32)))


# --- baselines


def test_discrete_marginals_are_frequencies_with_one_added():
    x = np.array([[0, 2], [1, 2], [1, 2], [1, 0]])
    params = baselines.marginal_params(heads.Categorical(3), x)
    assert np.exp(params) == pytest.approx(np.array([[2, 4, 1], [2, 1, 4]]) / 7)
    params = baselines.marginal_params(heads.Bernoulli(), x[:, :1])
    assert 1 / (1 + np.exp(-params)) == pytest.approx(np.array([[4 / 6]]))


@pytest.mark.parametrize("head", [heads.Bernoulli(), heads.Categorical(2)])
def test_baseline_of_discrete_values(head):
    train, x = np.array([[0, 1], [0, 1], [1, 1]]), np.array([[0, 1], [1, 0]])
    expected = np.log([3 / 5 * 4 / 5, 2 / 5 * 1 / 5])
    assert baselines.baseline(head, train, x) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("head", [heads.Normal(), heads.NormalMixture(3), heads.LaplaceMixture(2)])
def test_baseline_of_continuous_values_is_normal(head):
    x = np.random.default_rng(0).normal([1, -2], [3, 0.5], (500, 2)).astype(np.float32)
    expected = tfd.Normal(x.mean(axis=0), x.std(axis=0)).log_prob(x).numpy().sum(axis=-1)
    assert baselines.baseline(head, x, x) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    "model",
    [
        lambda: tfar.MADE([4, 2], hidden_units=[8], direct=True),
        lambda: tfar.LogisticAutoregressive([4, 2]),
        lambda: tfar.MADE([4, 2], head=heads.Categorical(3), hidden_units=[8], order=ORDER),
        lambda: tfar.LogisticAutoregressive([4, 2], order=ORDER),
        lambda: tfar.NeuralAutoregressive([4, 2], hidden_units=2, order=ORDER),
        lambda: tfar.NADE([4, 2], hidden_units=3, order=ORDER),
        lambda: tfar.DeepNADE([4, 2], hidden_units=3, order=ORDER),
        lambda: tfar.NADEK([4, 2], hidden_units=3, order=ORDER),
    ],
)
def test_training_starts_at_the_marginals(model):
    model = model()
    for variable in model.network.trainable_variables:
        variable.assign(np.zeros(variable.shape))
    x = np.random.default_rng(0).integers(0, model.head.num_classes or 2, (50, 4, 2)).astype(np.int32)
    baselines.start_at_marginals(model, x)
    assert model.log_prob(x).numpy() == pytest.approx(baselines.baseline(model.head, x, x), rel=1e-4)


@pytest.mark.parametrize("head", [heads.NormalMixture(5), heads.LaplaceMixture(5)])
def test_mixtures_start_spread_over_the_values(head):
    x = np.random.default_rng(0).normal(5, 2, (400, 1))
    params = baselines.marginal_params(head, x)
    logits, loc, raw = np.split(params, 3, axis=-1)
    assert (logits == 0).all() and (np.diff(loc) > 0).all() and x.min() < loc.min() and loc.max() < x.max()
    assert np.log1p(np.exp(raw)) + head.min_scale == pytest.approx(np.full((1, 5), x.std() / 2), rel=1e-4)


def test_a_head_without_marginals_is_refused():
    with pytest.raises(ValueError, match="Received: "):
        baselines.marginal_params(heads.Head(), np.zeros((2, 2)))


# --- files


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    with pytest.raises(RuntimeError), files.atomic(tmp_path / "a") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    with pytest.raises(RuntimeError), files.atomic(tmp_path / "folder") as temporary:
        temporary.mkdir()
        (temporary / "part").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    files.write_json(tmp_path / "a.json", {"x": [1.5, math.nan]})
    assert (tmp_path / "a.json").read_text().split() == ["{", '"x":', "[", "1.5,", "null", "]", "}"]
    with pytest.raises(FileExistsError, match="Received: "):
        files.write_json(tmp_path / "a.json", {})


# --- checkpoints


class Killed(Exception):
    pass


class Kill(keras.callbacks.Callback):
    """The machine goes down in the middle of the fourth epoch."""

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == 3 * 10 + 5:
            raise Killed


@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_a_killed_training_goes_on_as_if_nothing_had_been(tmp_path, monkeypatch, schedule):
    monkeypatch.setattr(training, "Checkpoint", lambda *args: Checkpoint(*args, every=0.0))

    def train(name, hidden_units=(8,), **options):
        keras.utils.set_random_seed(3)
        model = tfar.DeepNADE([6], hidden_units=hidden_units)  # random patterns in each step
        options = {"epochs": 6, "epoch_steps": 10, "patience": 2, "jit": False, "learning_rate": 0.05, "schedule": schedule, **options}
        return training.fit(model, binary(), binary(seed=1), checkpoint=tmp_path / name, **options), model.get_weights()

    whole, expected = train("whole.npz")
    with pytest.raises(Killed):
        train("killed.npz", callbacks=[Kill()])
    with np.load(tmp_path / "killed.npz") as file:
        assert json.loads(str(file["state"]))["epochs"] == 3
    with pytest.raises(ValueError, match="learning_rate was 0.05, is 0.1"):
        train("killed.npz", learning_rate=0.1)
    was, now = ({"network": {"config": {"hidden_units": [units]}}} for units in (8, 9))
    with pytest.raises(ValueError, match=re.escape(f"Received: model was {was}, is {now}") + "$"):
        train("killed.npz", hidden_units=[9])
    resumed, weights = train("killed.npz")
    assert resumed.history == whole.history and resumed.best_epoch == whole.best_epoch
    for one, other in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("old", "was", "now"), [({}, "{}", "{'units': None}"), ({"units": 1}, "{'units': 1}", "{'units': None}")])
def test_a_checkpoint_tells_none_deep_inside_its_settings_from_others(tmp_path, old, was, now):
    np.savez(tmp_path / "old.npz", state=json.dumps({"settings": {"rate": 1, "model": old}, "epochs": 1, "seconds": 0.0}))
    checkpoint = Checkpoint(tmp_path / "old.npz", {"rate": 1, "model": {"units": None}}, {}, None)
    with pytest.raises(ValueError, match=f"Received: model was {was}, is {now}$"):
        checkpoint.read()


@pytest.mark.parametrize("policy", ["bfloat16", "mixed_bfloat16", "mixed_float16"])
def test_a_killed_training_goes_on_in_half_precision(tmp_path, monkeypatch, policy):
    monkeypatch.setattr(training, "Checkpoint", lambda *args: Checkpoint(*args, every=0.0))
    keras.mixed_precision.set_global_policy(policy)
    try:
        found = []
        for name, options in (("whole.npz", {}), ("killed.npz", {"callbacks": [Kill()]}), ("killed.npz", {})):
            keras.utils.set_random_seed(3)
            model = logistic()
            try:
                options = {"epochs": 6, "epoch_steps": 10, "jit": False, **options}
                training.fit(model, binary(), binary(seed=1), checkpoint=tmp_path / name, **options)
                found.append(model.get_weights())
            except Killed:
                pass
    finally:
        keras.mixed_precision.set_global_policy("float32")
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_checkpoint_is_of_one_model_and_its_data(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "Checkpoint", lambda *args: Checkpoint(*args, every=0.0))

    def train(seed=0, held=1, activation="relu", **options):
        model = tfar.MADE([6], hidden_units=[8], activation=activation)
        options = {"epochs": 5, "epoch_steps": 10, "jit": False, "seed": np.int64(2), **options}
        return training.fit(model, binary(seed=seed), binary(seed=held), checkpoint=tmp_path / "one", **options)

    with pytest.raises(Killed):
        train(callbacks=[Kill()])
    with pytest.raises(ValueError, match="model was"):
        train(activation="tanh")
    with pytest.raises(ValueError, match="data was"):
        train(seed=7)
    with pytest.raises(ValueError, match="validation was"):  # the best epoch is chosen by them
        train(held=7)
    assert train().epochs == 5


def test_batches_pass_over_all_rows_and_can_begin_anywhere():
    split = Split(np.arange(20)[:, None], np.arange(20)[:, None].astype(np.float32))
    take = lambda start, count: [x.numpy()[:, 0] for x, _ in training.batches(split, 6, seed=4, start=start).take(count)]  # noqa: E731
    passes = np.concatenate(take(0, 10)).reshape(3, 20)
    assert all(sorted(one) == list(range(20)) for one in passes) and not (passes[0] == passes[1]).all()
    np.testing.assert_array_equal(take(7, 3), take(0, 10)[7:])
    assert not (passes[0] == np.concatenate([x.numpy()[:, 0] for x, _ in training.batches(split, 20, seed=5).take(1)])).all()


@pytest.mark.parametrize("jit", [False, True])
def test_scoring_refuses_what_the_model_does_not_know(jit):
    values, x = np.full([5, 4], 2, np.int32), np.zeros([5, 4], np.int32)
    model = logistic(4)
    model.compile("adam", jit_compile=jit)
    with pytest.raises(ValueError, match="values must be 0 or 1. Received: 2"):
        training.evaluate(model, Split(values))
    with pytest.raises(ValueError, match="values must be 0 or 1. Received: 2"):
        training.evaluate(tfar.DeepNADE([4], hidden_units=[4]), Split(values), num_orders=2)
    model = logistic(4, context_size=2)
    model.compile("adam", jit_compile=jit)
    with pytest.raises(ValueError, match="context must be finite numbers. Received: nan"):
        training.evaluate(model, Split(x, np.full([5, 2], np.nan, np.float32)))


@pytest.mark.parametrize(
    "name, wrong", {"learning_rate": (0.0, np.inf), "weight_decay": (-1.0, np.nan), "average": (-0.5, 1.0), "clip": (0.0, np.nan)}.items()
)
def test_numbers_of_the_optimizer_that_make_no_sense_are_refused(name, wrong):
    for value in wrong:
        with pytest.raises(ValueError, match=f"^{name} must be .* Received: .*{name}={value!r}"):
            training.fit(logistic(), binary(), binary(), jit=False, **{name: value})
