"""`fit`, `evaluate`, `predict` and saving behave as a user of Keras expects."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from support import ROOT
from support.vectors import C, X, made, pairs

import tfar


@pytest.mark.parametrize(
    "fit",
    [
        lambda m: m.fit(X, C, batch_size=32, shuffle=False, epochs=2, verbose=0),
        lambda m: m.fit((X, C), batch_size=32, shuffle=False, epochs=2, verbose=0),
        lambda m: m.fit(X, C, 32, 2, shuffle=False, verbose=0),  # as Keras has them: batch_size, epochs
        lambda m: m.fit(pairs(), epochs=2, verbose=0),
        lambda m: m.fit(pairs().repeat(), steps_per_epoch=3, epochs=2, verbose=0),
        lambda m: m.fit(pairs(), validation_data=(X[:9], C[:9]), epochs=2, verbose=0),
    ],
)
def test_every_way_to_give_pairs_is_the_same_training(fit):
    model = made(context_size=2)
    history = fit(model).history
    reference = made(context_size=2)
    expected = reference.fit(X, C, batch_size=32, shuffle=False, epochs=2, verbose=0).history
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-4)
    np.testing.assert_allclose(history["nll"], expected["nll"], rtol=1e-4)


def test_metrics_are_the_mean_negative_log_likelihood():
    model = made()
    log_prob = model.predict(X, batch_size=10, verbose=0)
    found = model.evaluate(X, batch_size=10, verbose=0, return_dict=True)
    np.testing.assert_allclose(log_prob, model.log_prob(X), rtol=1e-5)
    np.testing.assert_allclose(found["nll"], -log_prob.mean(), rtol=1e-5)
    np.testing.assert_allclose(found["bits_per_dim"], -log_prob.mean() / (5 * np.log(2)), rtol=1e-5)


def test_sample_weights_weigh():
    weights = np.linspace(0, 2, 96).astype("float32")
    model = made()
    log_prob = model.predict(X, verbose=0)
    found = model.evaluate(X, sample_weight=weights, batch_size=96, verbose=0, return_dict=True)
    np.testing.assert_allclose(found["loss"], -(weights * log_prob).mean(), rtol=1e-5)
    np.testing.assert_allclose(found["nll"], -(weights * log_prob).sum() / weights.sum(), rtol=1e-5)
    model.compile(keras.optimizers.SGD(0.0))
    held = model.fit(X, epochs=1, validation_data=(X, None, weights), verbose=0).history
    np.testing.assert_allclose(held["val_nll"][0], found["nll"], rtol=1e-5)
    column = made()
    column.compile(keras.optimizers.SGD(0.1))
    model.compile(keras.optimizers.SGD(0.1))
    for one, given in ((model, weights), (column, weights[:, None])):  # Keras takes a column too
        one.fit(X, sample_weight=given, batch_size=96, epochs=1, verbose=0)
    for one, other in zip(model.get_weights(), column.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    twice = np.repeat(X, np.arange(96) % 2 + 1, axis=0)  # a weight of 2 is a row that is there twice
    weighted = made().fit(X, sample_weight=np.arange(96) % 2 + 1.0, batch_size=96, shuffle=False, epochs=1, verbose=0).history
    np.testing.assert_allclose(weighted["nll"], made().fit(twice, batch_size=len(twice), epochs=1, verbose=0).history["nll"], rtol=1e-5)


def test_a_tuple_of_one_is_what_it_holds():
    model = made()
    np.testing.assert_array_equal(model.predict((X,), verbose=0), model.predict(X, verbose=0))
    model.fit((X,), batch_size=96, epochs=1, verbose=0)


def test_regularisation_is_in_the_loss_and_not_in_the_nll():
    model = made()
    for layer in model.network.masked_layers:
        layer.kernel.regularizer = keras.regularizers.L2(0.1)
    found = model.evaluate(X, verbose=0, return_dict=True)
    penalty = sum(0.1 * float(tf.reduce_sum(layer.kernel.value**2)) for layer in model.network.masked_layers)
    np.testing.assert_allclose(found["loss"] - found["nll"], penalty, rtol=1e-4)


def test_callbacks_and_validation(tmp_path):
    model, path = made(), str(tmp_path / "best.keras")
    stop = keras.callbacks.EarlyStopping("val_nll", mode="min", patience=1, restore_best_weights=True)
    keep = keras.callbacks.ModelCheckpoint(path, "val_nll", mode="min", save_best_only=True)
    history = model.fit(X, validation_split=0.25, epochs=3, callbacks=[stop, keep], verbose=0).history
    assert {"nll", "val_nll", "val_bits_per_dim"} <= set(history)
    restored = keras.saving.load_model(path)
    np.testing.assert_allclose(restored.evaluate(X[72:], verbose=0, return_dict=True)["nll"], min(history["val_nll"]), rtol=1e-5)


@pytest.mark.parametrize("options", [{"jit_compile": True}, {"steps_per_execution": 3}, {"run_eagerly": True}])
def test_compile_options(options):
    model = made()
    model.compile(keras.optimizers.Adam(0.01), **options)
    expected = made().fit(X, batch_size=32, shuffle=False, epochs=2, verbose=0).history["nll"]
    found = model.fit(X, batch_size=32, shuffle=False, epochs=2, verbose=0).history["nll"]
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = tfar.MADE([5], head=tfar.heads.Normal(), hidden_units=[8], direct=False)
        model.compile("adam")
        x = np.random.default_rng(0).normal(1000, 1, [64, 5]).astype("float32")
        log_prob = model.predict(x, verbose=0)
        assert log_prob.dtype == np.float32 and np.isfinite(log_prob).all()
        assert np.isfinite(model.fit(x / 1000, epochs=1, verbose=0).history["loss"]).all()
        assert model.sample(3, seed=1).dtype == tf.float32
    finally:
        keras.config.set_dtype_policy("float32")


PRECISE = {  # by network, what makes a tiny model of it
    tfar.networks.LogisticAutoregressive: {},
    tfar.networks.MADE: {"hidden_units": [8], "direct": True},
    tfar.networks.NeuralAutoregressive: {"hidden_units": 2, "direct": True},
    tfar.networks.NADE: {"hidden_units": 4},
    tfar.networks.DeepNADE: {"hidden_units": [8, 8]},
    tfar.networks.NADEK: {"hidden_units": [8, 8]},
    tfar.networks.PixelCNN: {"num_blocks": 1, "filters": 4, "kernel_size": 3},
    tfar.networks.GatedPixelCNN: {"num_layers": 2, "filters": 4, "kernel_size": 3},
    tfar.networks.RowLSTM: {"num_layers": 1, "filters": 4, "kernel_size": 3},
    tfar.networks.DiagonalBiLSTM: {"num_layers": 1, "filters": 4, "kernel_size": 3},
    tfar.networks.CharRNN: {"units": 4, "num_layers": 1, "dropout": 0.0},
}


@pytest.mark.parametrize("dtype", ["float64", "mixed_bfloat16"])
@pytest.mark.parametrize("family", PRECISE, ids=lambda family: family.__name__)
def test_a_network_keeps_its_own_precision(family, dtype, tmp_path):
    event_shape = [2, 3, 1] if issubclass(family, tfar.networks.images.base.ImageNetwork) else [5]
    model = tfar.models.model_of(family, event_shape, "bernoulli", context_size=2, dtype=dtype, **PRECISE[family])
    for variable in model.network.trainable_variables:
        variable.assign(tf.random.stateless_normal(variable.shape, [1, 2]))
    assert {layer.compute_dtype for layer in model.network._flatten_layers() if layer.weights} == {dtype.removeprefix("mixed_")}
    x = model.sample(3, seed=1, context=C[:3])
    log_prob = model.log_prob(x, C[:3])
    assert x.dtype == tf.int32 and log_prob.dtype == (tf.float64 if dtype == "float64" else tf.float32)
    assert np.isfinite(log_prob).all()
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(copy.log_prob(x, C[:3]), log_prob)


@pytest.mark.parametrize(
    "make",
    [
        lambda: tfar.MADE([5], hidden_units=[500], direct=False, num_masks=2, order="random", dtype="float64"),
        lambda: tfar.DeepNADE([5], dtype="float64"),
    ],
)
def test_a_mixture_in_double_precision_is_completed_and_exported(make, tmp_path):
    model = make()
    options = {"num_orders": 2} if model.network.order_agnostic else {}
    observed = np.zeros(5, bool)
    observed[model.network.order[0]] = True
    drawn = model.distribution(**options).complete(X[:4], observed, seed=1)
    np.testing.assert_array_equal(drawn[:, model.network.order[0]], X[:4, model.network.order[0]])
    assert model.export(tmp_path / "1", warm_up=False) == ["log_prob", "sample", "complete"]


def test_steps_that_xla_compiles_refuse_bad_values_too():
    model = tfar.MADE([5], hidden_units=[8], context_size=2, direct=False)
    model.compile("adam", jit_compile=True)
    for call in (model.predict, model.evaluate, model.fit):
        for bad in (X + 7, tf.constant(X + 7)):
            with pytest.raises(ValueError, match="values must be 0 or 1. Received: [78]"):
                call((bad, C), verbose=0)
        with pytest.raises(ValueError, match="context must be finite numbers. Received: nan"):
            call((X, np.full_like(C, np.nan)), verbose=0)
    with pytest.raises(ValueError, match="context must be finite"):
        model.fit(X, C * np.inf, verbose=0)
    with pytest.raises(ValueError, match="context must be finite"):
        model.fit(X, C, validation_data=(X, C * np.inf), verbose=0)


def test_members_take_turns_in_training_and_average_in_evaluation():
    model = made(num_masks=3, order="random")
    model.fit(X, batch_size=32, epochs=1, verbose=0)
    assert int(model.network.steps.value) == 3
    each = [model.distribution(member=k).prob(X).numpy() for k in range(3)]
    np.testing.assert_allclose(np.exp(model.log_prob(X)), np.mean(each, axis=0), rtol=1e-4)


def test_saving_keeps_the_compilation(tmp_path):
    model = made()
    model.fit(X, epochs=1, verbose=0)
    model.save(tmp_path / "m.keras")
    copy = keras.saving.load_model(tmp_path / "m.keras")
    assert int(copy.optimizer.iterations) == int(model.optimizer.iterations)
    copy.fit(X, epochs=1, verbose=0)


TWO_DEVICES = """
import tensorflow as tf

tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)
from support.vectors import X, made

with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    model = made()
print(model.fit(X, batch_size=32, shuffle=False, epochs=1, verbose=0).history["loss"][0], *(w.sum() for w in model.get_weights()))
"""


def test_two_devices_train_as_one():
    # devices can be divided only before TensorFlow has begun
    ended = subprocess.run([sys.executable, "-c", TWO_DEVICES], cwd=ROOT / "tests", capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    model = made()
    loss = model.fit(X, batch_size=32, shuffle=False, epochs=1, verbose=0).history["loss"]
    expected = [*loss, *(w.sum() for w in model.get_weights())]
    np.testing.assert_allclose([float(word) for word in ended.stdout.split()], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: made().fit(X * 0.5, verbose=0), "values must be 0 or 1. Received: 0.5"),
        (lambda: made().fit(X, validation_data=(X * 0.5,), verbose=0), "values must be 0 or 1. Received: 0.5"),
        (lambda: made().fit(X[:, :3], verbose=0), r"x must be \[B, 5\]"),
        (lambda: made().fit(X, C, verbose=0), r"this model has none .* Received: y of shape \(96, 2\)"),
        (lambda: made().fit(X, X, verbose=0), r"y is the context .* takes no labels: give x alone. Received: y of shape \(96, 5\)"),
        (lambda: made().fit(X, X[:, 0], verbose=0), r"takes no labels: give x alone. Received: y of shape \(96,\)"),
        (lambda: made().fit((X, C), verbose=0), "this model has none"),
        (lambda: made().fit(pairs(), verbose=0), r"this model has none .* Received: y of shape \(None, 2\)"),
        (lambda: made().fit(X, validation_data=(X, X), verbose=0), "this model has none"),
        (lambda: made().evaluate(X, X, verbose=0), "this model has none"),
        (lambda: made().predict((X, C), verbose=0), "this model has none"),
        (lambda: made().train_on_batch(X, X), "this model has none"),
        (lambda: made()((X, C)), "this model has none"),
        (lambda: made(context_size=2).fit((X, C), C, verbose=0), "a context must be given once, beside x or as y. Received: both"),
        (lambda: made(context_size=2).fit({"x": X, "c": C}, verbose=0), 'inputs by name must be "x" and.* "context". Received: x, c'),
        (lambda: made(context_size=2).fit({"context": C}, verbose=0), "inputs by name must be .* Received: context"),
        (lambda: made(context_size=2).fit((X, C, X), verbose=0), r"x or a pair \(x, context\). Received: 3 parts"),
        (lambda: made().fit(X, class_weight={0: 1.0}, verbose=0), r"Give sample_weight.* Received: class_weight=\{0: 1.0\}"),
        (lambda: made().train_on_batch(X, None, None, {0: 1.0}), "class_weight weighs labels, and a density has none"),
        (lambda: made().compile("adam", metrics=["accuracy"]), r"cannot be set. Received: metrics=\['accuracy'\]"),
        (lambda: made().compile("adam", None, None, None, ["mse"]), r"cannot be set. Received: weighted_metrics=\['mse'\]"),
        (lambda: made().compile("adam", "mse"), "the loss is the mean negative log-likelihood and cannot be set. Received: loss='mse'"),
        (lambda: made().first(2), r"share must be a number in \[0, 1\]. Received: share=2"),
        (lambda: made(num_masks=2, order="random").first(0.5), "a model must have one order. Received: the mean of 2 orders"),
        (lambda: made().sample([2, -1]), r"n must be integers of at least 0. Received: n=\[2, -1\]"),
        (lambda: made(context_size=2).sample([2, 3], 1, np.zeros([2, 2])), r"one context per row must be"),
        (lambda: made(context_size=2).fit(X, verbose=0), "context of size 2"),
        (lambda: made().log_prob(X + 0.25), "values must be 0 or 1"),
        (lambda: made().network(np.zeros([2, 10])), r"x must be \[B, 5\]. Received: x.shape=\(2, 10\)"),
        (lambda: tfar.DeepNADE([5]).network(np.zeros([2, 10])), r"x must be \[B, 5\]. Received: x.shape=\(2, 10\)"),
        (lambda: tfar.MADE([5], order=[0, 1, 2, 3, 3]), "order must be"),
        (lambda: tfar.MADE([0]), "event_shape must be integers of at least 1"),
        (lambda: tfar.MADE([]), "event_shape must have at least one axis"),
        (lambda: tfar.MADE([5], context_size=-1), "context_size must be an integer of at least 0. Received: context_size=-1"),
        (lambda: tfar.MADE([5], context_size=1.5), "context_size must be an integer of at least 0. Received: context_size=1.5"),
        (lambda: tfar.networks.MADE([5], params_size=0), "params_size must be an integer of at least 1"),
        (lambda: tfar.networks.MADE([5], num_classes=1), "num_classes must be an integer of at least 2"),
        (lambda: tfar.MADE([5], hidden_units=[], direct=False), "hidden_units may be empty"),
        (lambda: tfar.MADE([5], hidden_units=[], direct=True, window=3), "are of hidden layers. Received: .*window=3"),
        (lambda: tfar.networks.LogisticAutoregressive([5], dropout=0.2), "are of hidden layers. Received: dropout=0.2"),
        (lambda: tfar.networks.LogisticAutoregressive([5], conditioning=True), "are of hidden layers. Received: .*conditioning=True"),
        (lambda: tfar.MADE([5], hidden_units=[0]), "hidden_units must be"),
        (lambda: tfar.MADE([5], hidden_units=[8, 2.5]), r"hidden_units must be integers of at least 1. Received: hidden_units=\[8, 2.5\]"),
        (lambda: tfar.MADE([5], activation="softmax"), "function of each number alone. Received: activation='softmax'"),
        (lambda: tfar.NADE([5], activation="log_softmax"), "Received: activation='log_softmax'"),
        (lambda: tfar.NeuralAutoregressive([5], activation="sparsemax"), "Received: activation='sparsemax'"),
        (lambda: tfar.PixelCNN([2, 2, 1], activation="glu"), "Received: activation='glu'"),
        (lambda: tfar.MADE([5], num_masks=0), "num_masks must be"),
        (lambda: tfar.MADE([5], num_masks=2.0), "num_masks must be"),
        (lambda: tfar.MADE([5], window=0), "window must be an integer of at least 1"),
        (lambda: tfar.MADE([5], connectivity="none"), "connectivity must be"),
        (lambda: tfar.AutoregressiveModel(tfar.networks.MADE([5], direct=False), "normal"), "needs 2 parameters"),
        (lambda: tfar.networks.WrappedNetwork(keras.layers.Dense(5), [5])(X), r"map x to \[B, 5, 1\]. Received: shape=\(.*, 5\)"),
        (lambda: tfar.layers.MaskedDense([1, 2], [1, 2]).build((3, 5)), r"inputs must have 2 features, .* Received: inputs.shape=\(3, 5\)"),
        (lambda: tfar.AutoregressiveModel(keras.layers.Dense(5)), r"tfar.networks.WrappedNetwork\(network, event_shape\) makes one"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_evaluate_returns_each_number_once():
    model = made()
    model.network.masked_layers[0].kernel.regularizer = keras.regularizers.L2(0.1)
    named = model.evaluate(X, verbose=0, return_dict=True)
    assert list(named) == ["bits_per_dim", "loss", "nll"] and named["loss"] > named["nll"] + 0.01
    assert model.metrics_names == ["nll", "bits_per_dim"]
    for found in (model.evaluate(X, verbose=0), model.test_on_batch(X), model.train_on_batch(X)):
        assert found == pytest.approx([named["nll"], named["bits_per_dim"]], rel=1e-5)


def test_order_agnostic_models_name_their_two_likelihoods():
    model = tfar.DeepNADE([5], hidden_units=[8])
    model.compile("adam")
    assert set(model.fit(X, validation_data=(X,), verbose=0).history) == {
        *("loss", "nll_over_orders", "bits_per_dim_over_orders"),
        *("val_loss", "val_nll_over_orders", "val_bits_per_dim_over_orders"),
    }
    assert model.metrics_names == ["nll_over_orders", "bits_per_dim_over_orders"]


@pytest.mark.parametrize("monitor", ["val_nll", "val_bits_per_dim"])
def test_callbacks_know_that_less_is_better(monitor):
    model = made()
    model.compile(keras.optimizers.SGD(0.0))  # no epoch is better than the first
    stop, most = keras.callbacks.EarlyStopping(monitor, patience=1), keras.callbacks.EarlyStopping(monitor, mode="max")
    model.fit(X, validation_data=(X,), epochs=5, callbacks=[stop], verbose=0)
    model.choose_modes([most, keras.callbacks.History(), keras.callbacks.EarlyStopping("accuracy")])
    assert stop.stopped_epoch == 1 and (stop.mode, most.mode) == ("min", "max")


@pytest.mark.parametrize(
    "form", [lambda x: x, lambda x: (x,), lambda x: tf.data.Dataset.from_tensors(x), lambda x: {"x": x["x"], "context": x["context"]}]
)
def test_inputs_may_be_named(form):
    given, model = {"x": X, "context": C}, made(context_size=2)
    np.testing.assert_allclose(model.predict(form(given), verbose=0), model.log_prob(X, C), rtol=1e-5)
    expected = model.evaluate(X, C, verbose=0)
    assert model.evaluate(form(given), verbose=0) == pytest.approx(expected, rel=1e-5)
    assert np.isfinite(model.fit(form(given), validation_data=form(given), verbose=0).history["val_nll"]).all()
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="values must be 0 or 1. Received:"):
        model.fit(form({"x": X + 5, "context": C}), verbose=0)
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="context must be finite numbers. Received:"):
        model.fit(form({"x": X, "context": C * np.nan}), verbose=0)


def test_samples_have_any_shape():
    model, conditional = made(), made(context_size=2)
    np.testing.assert_array_equal(model.sample([2, 3], seed=1), tf.reshape(model.sample(6, seed=1), [2, 3, 5]))
    np.testing.assert_array_equal(model.sample([], seed=1), model.sample(1, seed=1)[0])
    assert model.sample([0, 3], seed=1).shape == (0, 3, 5)
    flat = conditional.sample(6, seed=1, context=np.repeat(C[:3][None], 2, axis=0).reshape(6, 2))
    np.testing.assert_array_equal(conditional.sample([2, 3], seed=1, context=C[:3]), tf.reshape(flat, [2, 3, 5]))


@pytest.mark.parametrize("order", ["natural", "reversed", [2, 0, 4, 1, 3]])
def test_the_first_part_of_an_order_is_completed(order):
    model = made(order=order)
    first = model.first(0.4)
    assert set(np.flatnonzero(first)) == set(model.network.order[:2])
    np.testing.assert_array_equal(model.complete(X, first, seed=1).numpy()[:, first], X[:, first])
    np.testing.assert_array_equal(tfar.DeepNADE([5], order=order, hidden_units=[4]).first(0.4), first)
    assert tfar.PixelCNN([4, 3, 1], num_blocks=1, filters=4).first(0.5)[:2].all()


def test_export_is_called_as_that_of_keras(tmp_path, capsys):
    model = made()
    assert model.export(tmp_path / "1", "tf_saved_model", True) == ["log_prob", "sample", "complete"]
    assert capsys.readouterr().out == f"Saved artifact at '{tmp_path / '1'}', with the endpoints log_prob, sample, complete.\n"
    for format in ("onnx", "litert", None):
        with pytest.raises(ValueError, match=f"format must be one of tf_saved_model. Received: format={format!r}"):
            model.export(tmp_path / "2", format=format)
    model.export(tmp_path / "2", verbose=False, warm_up=False)
    assert not capsys.readouterr().out


def test_the_summary_shows_layers_and_shapes(capsys):
    made(context_size=2).summary()
    shown = capsys.readouterr().out
    assert "?" not in shown and "(None, 5, 1)" in shown and "hidden_0" in shown and "(None, 8)" in shown


def test_models_know_the_shapes_of_their_results():
    model = made(context_size=2)
    assert model.compute_output_shape((7, 5)) == model.compute_output_shape([(7, 5), (7, 2)]) == (7,)
    assert model.network.compute_output_shape((7, 5), (7, 2)) == (7, 5, 1)
    columns = tfar.MADE([2], head=tfar.heads.Columns(["bernoulli", tfar.heads.Categorical(3)]), hidden_units=[4])
    assert columns.network.compute_output_shape((None, 2)) == (None, 4)


@pytest.mark.parametrize("train", ["fit", "evaluate", "predict"])
def test_a_stream_with_contexts_that_are_no_numbers_fails(train):
    stream = tf.data.Dataset.from_tensors(((X, np.full_like(C, np.nan)),) if train == "predict" else (X, np.full_like(C, np.nan)))
    with pytest.raises(tf.errors.InvalidArgumentError, match="context must be finite"):
        getattr(made(context_size=2), train)(stream, verbose=0)
