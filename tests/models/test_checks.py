"""Bad values and contexts are refused at every door of a model, and no mode of execution makes a finite number of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfar
from tfar import heads, noise
from tfar.testing import randomize

REFUSED = (ValueError, tf.errors.InvalidArgumentError)
INF, NAN, LEAST = np.inf, np.nan, np.iinfo(np.int32).min
ROWS, BATCH = 24, 8


def model_of(network, event_shape, head="bernoulli", **options):
    return tfar.models.model_of(network, event_shape, head, **options)


FAMILIES = {
    "made": lambda: tfar.MADE([4], hidden_units=[8]),
    "nade": lambda: tfar.NADE([4], hidden_units=5),
    "deepnade": lambda: tfar.DeepNADE([4], hidden_units=[5]),
    "pixelcnn": lambda: tfar.PixelCNN([2, 2, 1], num_blocks=1, filters=4, kernel_size=3, head_filters=(6,)),
    "char-rnn": lambda: model_of(tfar.networks.CharRNN, [4], heads.Categorical(2), units=5, num_layers=1),
    "wrapped": lambda: tfar.AutoregressiveModel(tfar.networks.WrappedNetwork(tfar.networks.MADE([4], hidden_units=[8]), [4])),
    "text": lambda: tfar.CharRNN("ab", length=4, units=5, num_layers=1),
    "rnade": lambda: tfar.RNADE([4], head=heads.NormalMixture(2), hidden_units=5),
}
each_family = pytest.mark.parametrize("family", FAMILIES)


def made(jit, head="bernoulli", **options):
    keras.utils.set_random_seed(1)
    model = tfar.MADE([4], head=head, hidden_units=[8], **options)
    model.compile("sgd", jit_compile=jit)
    return model


def binary(value=None, row=0):
    """Rows of zeros and ones as floats, one of which has another value."""
    x = np.random.default_rng(0).integers(0, 2, [ROWS, 4]).astype(np.float32)
    if value is not None:
        x[row, 1] = value
    return x


class Batches(keras.utils.PyDataset):
    """Arrays in batches, which counts its epochs."""

    def __init__(self, *arrays, **options):
        super().__init__(**options)
        self.arrays, self.epochs = arrays, 0

    def __len__(self):
        return ROWS // BATCH

    def __getitem__(self, index):
        return tuple(array[index * BATCH : (index + 1) * BATCH] for array in self.arrays)

    def on_epoch_end(self):
        self.epochs += 1


def dataset(*arrays):
    return tf.data.Dataset.from_tensor_slices(arrays if len(arrays) > 1 else arrays[0]).batch(BATCH)


STREAMS = {
    "dataset": dataset,
    "dataset of tuples": lambda *arrays: tf.data.Dataset.from_tensor_slices(arrays).batch(BATCH),
    "generator": lambda *arrays: (batch for batch in Batches(*arrays)),
    "PyDataset": Batches,
    "PyDataset of threads": lambda *arrays: Batches(*arrays, workers=2),
}
each_stream = pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
each_jit = pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])


@each_jit
@each_stream
@pytest.mark.parametrize("call", ["fit", "evaluate", "predict"])
def test_a_stream_is_refused_before_its_step(call, stream, jit):
    model = made(jit)
    before = model.get_weights()
    with pytest.raises(REFUSED, match=r"values must be 0 or 1\. Received:.*255"):
        getattr(model, call)(stream(binary(255)), verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.slow
@each_jit
@pytest.mark.parametrize("stream", ["dataset", "generator", "PyDataset"])
def test_the_batches_before_it_are_trained_on(stream, jit):
    """A bad row in the last batch: the steps before are what they are without it, and nothing of another happens."""
    model, twin = made(jit), made(jit)
    for one in (model, twin):
        one.compile(keras.optimizers.AdamW(weight_decay=0.5), jit_compile=jit)
    with pytest.raises(REFUSED, match=r"values must be 0 or 1\. Received:.*nan"):
        model.fit(STREAMS[stream](binary(NAN, row=-1)), shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) == 2
    twin.fit(binary()[: 2 * BATCH], batch_size=BATCH, shuffle=False, verbose=0)
    for one, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


@each_jit
@pytest.mark.parametrize("value", [255.0, 0.5, -1.0, INF, NAN])
def test_every_unsupported_value_is_refused_everywhere(value, jit):
    model, x = made(jit), binary(value)
    before = model.get_weights()
    message = rf"values must be 0 or 1\. Received:.*{value:g}"
    doors = {
        "fit": lambda: model.fit(x, verbose=0),
        "fit a tensor": lambda: model.fit(tf.constant(x), verbose=0),
        "validation": lambda: model.fit(binary(), validation_data=(x,), verbose=0),
        "evaluate": lambda: model.evaluate(x, verbose=0),
        "predict": lambda: model.predict(x, verbose=0),
        "train_on_batch": lambda: model.train_on_batch(x),
        "test_on_batch": lambda: model.test_on_batch(x),
        "predict_on_batch": lambda: model.predict_on_batch(x),
        "call": lambda: model(x),
        "log_prob": lambda: model.log_prob(x),
        "complete": lambda: model.complete(x, True, seed=1),
        "conditional_log_prob": lambda: model.conditional_log_prob(x, True),
    }
    for name, door in doors.items():
        with pytest.raises(ValueError, match=message):
            door()
            pytest.fail(name)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@each_jit
def test_validation_by_a_stream_is_refused(jit):
    with pytest.raises(REFUSED, match=r"values must be 0 or 1\. Received:.*7"):
        made(jit).fit(binary(), validation_data=dataset(binary(7)), verbose=0)


@each_jit
@pytest.mark.parametrize("call", ["fit", "evaluate", "predict"])
def test_contexts_that_are_not_finite_are_refused(call, jit):
    model, x, context = made(jit, context_size=2), binary(), np.ones([ROWS, 2], np.float32)
    context[5] = -INF
    message = r"context must be finite numbers\. Received:.*-inf"
    for stream in STREAMS.values():
        with pytest.raises(REFUSED, match=message):
            getattr(model, call)(stream(x, context), verbose=0)
    on_batch = {"fit": "train_on_batch", "evaluate": "test_on_batch", "predict": "predict_on_batch"}[call]
    with pytest.raises(ValueError, match=message):
        getattr(model, on_batch)((x, context))


def test_contexts_are_refused_by_every_method():
    model, x = made(False, context_size=2), binary()[:3]
    context = np.array([[0, 0], [0, NAN], [0, 0]], np.float32)
    for method in (
        lambda: model.log_prob(x, context),
        lambda: model((x, context)),
        lambda: model.sample(3, 1, context),
        lambda: model.complete(x, True, 1, context),
        lambda: model.conditional_log_prob(x, True, context),
    ):
        with pytest.raises(ValueError, match="context must be finite numbers. Received: nan"):
            method()
        with pytest.raises(tf.errors.InvalidArgumentError, match="context must be finite"):
            tf.function(method, autograph=False)()


@pytest.mark.slow
@each_stream
def test_a_good_stream_is_what_it_was(stream):
    x, context = binary(), np.ones([ROWS, 2], np.float32)
    for arrays, options in (((x,), {}), ((x, context), {"context_size": 2})):
        model, twin = made(False, **options), made(False, **options)
        stream_of = stream(*arrays)
        history = model.fit(stream_of, shuffle=False, verbose=0).history
        expected = twin.fit(*arrays, batch_size=BATCH, shuffle=False, verbose=0).history
        assert history["nll"] == pytest.approx(expected["nll"], rel=1e-5)
        if isinstance(stream_of, Batches):
            unchecked = stream(*arrays)
            keras.Model.fit(twin, unchecked, verbose=0)
            assert stream_of.epochs == unchecked.epochs > 0
    found = model.predict(stream(x, context), verbose=0)
    np.testing.assert_allclose(found, model.log_prob(x, context), rtol=1e-5)


@pytest.mark.slow
def test_an_infinite_dataset_stays_infinite_and_weights_pass():
    model, twin = made(False), made(False)
    stream = tf.data.Dataset.from_tensors((binary(), np.zeros([ROWS, 0]), np.arange(ROWS) / 9.0)).repeat()
    history = model.fit(stream, steps_per_epoch=3, verbose=0).history
    expected = [twin.train_on_batch(binary(), sample_weight=np.arange(ROWS) / 9.0) for _ in range(3)]
    assert np.isfinite(expected).all() and len(history["nll"]) == 1
    for one, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def bad_rows(model):
    """Five good rows of a model, a copy in which the second is not supported and the third has a NaN, where there are NaNs."""
    keras.utils.set_random_seed(1)
    x = model.distribution().sample(5, seed=1).numpy().reshape(5, -1)
    bad = x.copy()
    bad[1, 2] = INF if bad.dtype == np.float32 else 300
    bad[2, 2] = NAN if bad.dtype == np.float32 else -1
    return (rows.reshape(5, *model.event_shape) for rows in (x, bad))


@pytest.mark.parametrize(  # XLA compiles each family for seconds, and one checks what it does with checks
    ("family", "jit"),
    [pytest.param(name, jit, marks=[pytest.mark.slow] * (jit and name != "made")) for name in FAMILIES for jit in (False, True)],
)
def test_every_family_refuses_streams_and_batches(family, jit):
    model = FAMILIES[family]()
    model.compile("sgd", jit_compile=jit)
    before, (_, bad) = model.get_weights(), bad_rows(model)
    for call in (model.fit, model.evaluate, model.predict):
        with pytest.raises(REFUSED, match=r"values must be .*\. Received:.*(300|inf)"):
            call(tf.data.Dataset.from_tensors(bad), verbose=0)
    for call in (model.train_on_batch, model.test_on_batch, model.predict_on_batch, model, model.log_prob):
        with pytest.raises(ValueError, match=r"values must be .*\. Received: (300|inf)"):
            call(bad)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@each_family
def test_every_family_under_xla_has_no_finite_number_of_a_bad_row(family):
    """In a program of the user's own, where nothing can be refused."""
    model = FAMILIES[family]()
    randomize(model.network)
    good, bad = bad_rows(model)

    def scores(x):
        return {
            "log_prob": model.log_prob(x),
            "call": model(x),
            "nats": -model.nats(x)[0],
            "training": -model.nats(x, training=True)[0],
        }

    with pytest.raises(tf.errors.InvalidArgumentError, match="values must be"):
        tf.function(model.log_prob, autograph=False)(bad)
    compiled = tf.function(scores, jit_compile=True, autograph=False)
    found, expected = compiled(bad), compiled(good)
    for name, nats in found.items():
        assert nats[1] == -INF, name
        assert np.isnan(nats[2]) if bad.dtype == np.float32 else nats[2] == -INF, name
        if name != "training":  # which draws anew
            np.testing.assert_allclose(nats.numpy()[[0, 3, 4]], expected[name].numpy()[[0, 3, 4]], rtol=1e-5, err_msg=name)
        assert np.isfinite(nats.numpy()[[0, 3, 4]]).all(), name


def test_a_text_that_continues_has_no_finite_nats_either():
    model = FAMILIES["text"]()
    codes, state = tf.constant([[0, 1, 1, 0], [0, 2, 1, 0]]), model.network.initial_state(2)
    nats, after = tf.function(lambda x: model.nats(x, training=True, state=state), jit_compile=True, autograph=False)(codes)
    assert np.isfinite(nats[0]) and nats[1] == INF
    assert all(np.isfinite(leaf).all() for leaf in tf.nest.flatten(after))
    with pytest.raises(ValueError, match="values must be integers from 0 to 1. Received: 2"):
        next(tfar.distributions.writing.score(model.network, model.head, codes.numpy()))


def test_a_program_compiled_by_xla_draws_no_value_from_what_is_none():
    model = made(None, context_size=2)
    x, context = tf.constant([[1.0, NAN, 0, 0]] * 3), tf.constant([[0.0, 1.0], [NAN, 1.0], [0.0, 1.0]])
    seeds, observed = noise.row_seeds(noise.as_seed(1), 3), tf.constant([True, False, False, False])

    @tf.function(jit_compile=True, autograph=False)
    def draw(x, context):
        return model.sample(3, seeds, context), model.complete(x, observed, seeds, context)

    for drawn in draw(x, context):
        np.testing.assert_array_equal(drawn[1], [LEAST] * 4)
        assert np.isin(drawn[::2], [0, 1]).all()


@pytest.mark.parametrize(
    "family", [pytest.param(name, marks=[pytest.mark.slow] * (name == "pixelcnn")) for name in FAMILIES if name != "text"]
)
def test_endpoints_refuse(family):
    model = FAMILIES[family]()
    _, bad = bad_rows(model)
    endpoints, observed, seed = model.endpoints(), tf.ones([5, *model.event_shape], tf.bool), tf.ones([5, 2], tf.int32)
    with pytest.raises(tf.errors.InvalidArgumentError, match="values must be"):
        endpoints["log_prob"].function(tf.constant(bad))
    with pytest.raises(tf.errors.InvalidArgumentError, match="values must be"):
        endpoints["complete"].function(tf.constant(bad), observed, seed)


def test_arrays_of_other_libraries_are_checked():
    class Frame:
        """Rows that become an array, as those of pandas and PyTorch do."""

        def __init__(self, array):
            self.array, self.shape = array, array.shape

        def __len__(self):
            return len(self.array)

        def __getitem__(self, index):
            return Frame(self.array[index])

        def __array__(self, dtype=None, copy=None):
            return np.asarray(self.array, dtype)

    model = made(False)
    model.check_arrays(Frame(binary()))
    with pytest.raises(ValueError, match="values must be 0 or 1. Received: 0.5"):
        model.check_arrays(Frame(binary(0.5, row=-1)))
