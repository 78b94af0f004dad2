"""What a density says of values that it does not support: -inf, and NaN of NaN, in eager mode, graphs and XLA, and in that row alone."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfar
from tfar import heads, noise
from tfar.distributions.support import Guard
from tfar.testing import randomize

tfd = tfp.distributions
INF, NAN, LEAST = np.inf, np.nan, np.iinfo(np.int32).min
MODES = {
    "eager": lambda function: function,
    "graph": lambda function: tf.function(function, autograph=False),
    "xla": lambda function: tf.function(function, autograph=False, jit_compile=True),
}
each_mode = pytest.mark.parametrize("mode", MODES.values(), ids=MODES)

WRONG = {
    "bernoulli": [0.5, -1, 2, 255, 1e30, 1 + 1e-7, INF, -INF],
    "levels": [0.5, -1, 4, 255, 1e30, 3.001, INF, -INF],
    "real": [INF, -INF],
}
HEADS = [
    (heads.Bernoulli(), "bernoulli"),
    (heads.Categorical(4), "levels"),
    (heads.DiscretizedLogisticMixture(2, levels=4), "levels"),
    (heads.Normal(), "real"),
    (heads.NormalMixture(2), "real"),
    (heads.LaplaceMixture(2), "real"),
]
each_head = pytest.mark.parametrize(("head", "kind"), HEADS, ids=[str(head) for head, _ in HEADS])


class Positive(heads.Head):
    """Values above 0, exponentially distributed."""

    kinds = ("continuous",)
    stand_in = 1.0
    support = "positive numbers"

    def __call__(self, params):
        return tfd.Exponential(tf.nn.softplus(params[..., 0]) + 0.1)

    def draw(self, params, noise, dimension=None):
        return -tf.math.log(noise[..., 0]) / (tf.nn.softplus(params[..., 0]) + 0.1)

    def supports(self, x):
        return (x > 0) & super().supports(x)


def made(head="bernoulli", size=3, **options):
    model = tfar.MADE([size], head=head, hidden_units=[9], **options)
    randomize(model.network)
    return model


def rows_with(values, size=3):
    """Rows of ones, each value once in each column, and a row of ones at either end; what is to be expected of them."""
    x = np.ones([len(values) * size + 2, size])
    for number, value in enumerate(values):
        for column in range(size):
            x[1 + number * size + column, column] = value
    return x, np.isnan(x).any(axis=1)


def assert_marked(scores, x, nan, good, shape=()):
    """Scores are those of a row of ones, NaN for rows with NaN, and -inf for all others."""
    scores = np.asarray(scores)
    ones = (x == 1).all(axis=1)
    expected = np.where(nan, NAN, -INF).reshape(-1, *[1] * len(shape)) * np.ones(shape)
    np.testing.assert_array_equal(scores[~ones], expected[~ones])
    np.testing.assert_allclose(scores[ones], [good, good], rtol=1e-5)
    assert np.isfinite(good).all()


@each_head
@each_mode
def test_every_score_of_an_unsupported_value_is_minus_infinity(head, kind, mode):
    model = made(head)
    distribution, observed, ones = model.distribution(), np.array([True, False, False]), tf.ones([1, 3])
    x, nan = rows_with([*WRONG[kind], NAN])
    x[2, 0] = x[1, 0]  # two in a row
    x[3] = [NAN, x[3, 2], NAN]  # beside a NaN
    nan[3] = True

    def scores(x):
        conditional = distribution.conditional_log_prob(x, observed)
        return distribution.log_prob(x), distribution.prob(x), distribution.position_log_prob(x), conditional

    log_prob, prob, position, conditional = mode(scores)(tf.constant(x))
    one = [np.asarray(score)[0] for score in scores(ones)]
    assert_marked(log_prob, x, nan, one[0])
    np.testing.assert_allclose(prob, np.exp(log_prob), rtol=1e-5)
    assert_marked(position, x, nan, one[2], (3,))
    assert_marked(conditional, x, nan, one[3])


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int64", "uint64", "float16", "bfloat16", "float64"])
@pytest.mark.parametrize("head", [heads.Bernoulli(), heads.Categorical(4), heads.Categorical(300)], ids=str)
def test_support_is_exact_in_every_dtype(head, dtype):
    """A conversion before the comparison would wrap around or round."""
    dtype = tf.as_dtype(dtype)
    classes = head.num_classes or 2
    wrong = {"uint8": [4, 255], "int8": [-1, 4, -128], "int64": [-1, 2**32, 2**32 + 1, -(2**63)], "uint64": [2**32, 2**63, 2**64 - 1]}
    wrong = [value for value in wrong.get(dtype.name, [-1, 0.5, INF, -INF, NAN]) if not 0 <= value < classes]
    if dtype.name == "float64":
        wrong += [1 + 1e-15, 1e300]
    if wrong:
        wrong = tf.cast(tf.constant(wrong, tf.float64), dtype) if dtype.is_floating else tf.constant(wrong, dtype)
        assert not head.supports(wrong).numpy().any()
    assert head.supports(tf.cast([0, 1], dtype)).numpy().all()
    model = made(head, 2)
    x = tf.constant(np.array([[0, 1], [1, 1]]), dtype)
    np.testing.assert_allclose(model.distribution().log_prob(x), model.log_prob([[0, 1], [1, 1]]), rtol=1e-6)


def picture(head="bernoulli"):
    return tfar.PixelCNN([1, 3, 1], head=head, num_blocks=1, filters=4, kernel_size=3, head_filters=(6,))


def wrapped():
    return tfar.AutoregressiveModel(tfar.networks.WrappedNetwork(made().network, [3]))


NORMALS = heads.NormalMixture(2, min_scale=0.1)
FAMILIES = {
    "made": (made, {}),
    "made-ensemble": (lambda: made(num_masks=2, order="random"), {}),
    "made-normals": (lambda: made(NORMALS), {}),
    "nade": (lambda: tfar.NADE([3], hidden_units=5), {}),
    "rnade": (lambda: tfar.RNADE([3], head=NORMALS, hidden_units=5), {}),
    "deepnade": (lambda: tfar.DeepNADE([3], hidden_units=[5]), {}),
    "deepnade-order": (lambda: tfar.DeepNADE([3], hidden_units=[5]), {"order": [2, 0, 1]}),
    "deepnade-orders": (lambda: tfar.DeepNADE([3], head="normal", hidden_units=[5]), {"num_orders": 2}),
    "pixelcnn": (picture, {}),
    "char-rnn": (lambda: tfar.models.model_of(tfar.networks.CharRNN, [3], heads.Categorical(4), units=5, num_layers=1), {}),
    "wrapped": (wrapped, {}),
    "positive": (lambda: made(Positive()), {}),
}


COMPILED = ("made", "made-normals", "deepnade-order", "positive")  # by XLA; tests/test_contract.py compiles every family


MARKS = {"graph": [pytest.mark.slow]}  # eager calls run as graphs


@pytest.mark.parametrize(
    ("family", "mode"),
    [pytest.param(f, m, marks=MARKS.get(m, [])) for m in MODES for f in FAMILIES if m != "xla" or f in COMPILED],
)
def test_gradients_are_those_of_the_other_rows(family, mode):
    make, options = FAMILIES[family]
    model = make()
    randomize(model.network)
    distribution, event = model.distribution(**options), model.event_shape
    x = np.array([[1, 1, 1], [1, 5, 1], [0.5, 1, NAN], [1, INF, 1], [1, 1, 1]], np.float32).reshape(-1, *event)
    good = [0, 2, 4] if model.head.discrete else [0, 1, 4]
    x[good] = model.distribution().sample(3, seed=1).numpy()
    bad = np.setdiff1d(range(5), good)

    def gradients(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            log_prob = distribution.log_prob(x)
            total = tf.reduce_sum(log_prob)
        weights = [variable.value for variable in model.trainable_variables]
        return log_prob, tape.gradient(total, [*weights, x], unconnected_gradients=tf.UnconnectedGradients.ZERO)

    log_prob, (*weights, by_x) = MODES[mode](gradients)(tf.constant(x))
    expected, (*expected_weights, expected_by_x) = gradients(tf.constant(x[good]))
    assert (log_prob.numpy()[bad] == -INF).any() and not (log_prob.numpy()[bad] > -INF).any()
    np.testing.assert_allclose(log_prob.numpy()[good], expected, rtol=1e-5)
    for one, other in zip(weights, expected_weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(by_x.numpy()[bad], 0)
    np.testing.assert_allclose(by_x.numpy()[good], expected_by_x, rtol=1e-4, atol=1e-6)
    assert model.head.discrete or np.abs(expected_by_x).max() > 0


@pytest.mark.parametrize(("head", "mode"), [("bernoulli", "eager"), ("bernoulli", "xla"), (NORMALS, "eager"), (NORMALS, "graph")], ids=str)
def test_a_context_that_is_not_finite_leaves_its_row_without_a_result(head, mode):
    model = made(head, context_size=2)
    discrete = model.head.discrete
    context = tf.constant([[0.5, -1.0], [NAN, 0.0], [0.0, INF], [0.5, -1.0]])
    x, seed, observed = tf.ones([4, 3]), noise.row_seeds(noise.as_seed(3), 4), tf.constant([True, False, False])

    def results(context):
        distribution = model.distribution(context)
        drawn = distribution.sample(seed=tf.constant([3, 4])), distribution.complete(x, observed, seed)
        return drawn, (distribution.log_prob(x), distribution.conditional_log_prob(x, observed))

    (rows, completed), scores = MODES[mode](results)(context)
    for drawn in (rows, completed):
        np.testing.assert_array_equal(drawn[1:3], np.full([2, 3], LEAST if discrete else NAN, drawn.dtype.as_numpy_dtype))
        assert np.isin(drawn[::3], [0, 1]).all() if discrete else np.isfinite(drawn[::3]).all()
    for score in scores:
        np.testing.assert_array_equal(np.isnan(score), [False, True, True, False])
    (others, *_), expected = results(tf.where(tf.math.is_finite(context), context, 7.0))
    np.testing.assert_allclose(rows[::3], others[::3], rtol=1e-4)
    np.testing.assert_allclose(scores[0][::3], expected[0][::3], rtol=1e-5)


def test_contexts_are_refused_where_arguments_are_validated():
    model, context = made(context_size=2), tf.constant([[0.5, -1.0], [NAN, 0.0]])
    with pytest.raises(ValueError, match="context must be finite numbers. Received: nan"):
        model.distribution(context, validate_args=True)
    checked = tf.function(lambda context: model.distribution(context, validate_args=True).log_prob(tf.ones([2, 3])), autograph=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match="context must be finite"):
        checked(context)


def test_completions_of_what_cannot_be_completed_are_no_values_under_xla():
    """XLA drops the assertions that refuse them elsewhere."""
    distribution = made().distribution()
    x = tf.constant([[1.0, NAN, NAN], [0.5, NAN, NAN], [NAN, NAN, NAN], [NAN, 1.0, NAN]])
    observed = tf.constant([[True, False, False]] * 3 + [[False, True, False]])
    seeds = noise.row_seeds(noise.as_seed(3), 4)

    def run(x, observed):
        return distribution.complete(x, observed, seeds), distribution.conditional_log_prob(tf.ones_like(x), observed)

    drawn, scores = tf.function(run, jit_compile=True, autograph=False)(x, observed)
    np.testing.assert_array_equal(drawn[1:], np.full([3, 3], LEAST))
    assert drawn[0, 0] == 1 and np.isin(drawn[0], [0, 1]).all()
    np.testing.assert_array_equal(np.isnan(scores), [False, False, False, True])
    for wrong in (x[1:2], x[2:3]):
        with pytest.raises(ValueError, match="values must be 0 or 1. Received: "):
            distribution.complete(wrong, observed[1:2], seeds[1:2])


@each_mode
def test_a_batch_of_contexts_and_a_sample_shape(mode):
    model = made(context_size=2)
    context = np.random.default_rng(0).normal(size=[4, 1, 2]).astype(np.float32)
    context[2] = NAN
    x = np.ones([2, 1, 5, 3], np.float32)
    x[1, 0, 3] = 0.25
    found = mode(lambda x: model.distribution(context).log_prob(x))(tf.constant(x)).numpy()
    expected = np.zeros([2, 4, 5])
    expected[1, :, 3] = -INF
    expected[:, 2] = NAN
    np.testing.assert_array_equal(found[~np.isfinite(found)], expected[expected != 0])
    np.testing.assert_array_equal(np.isfinite(found), expected == 0)


def test_a_head_whose_support_has_no_zero():
    model = made(Positive())
    x = np.array([[0.5, 2.0, 1.0], [0.5, 0.0, 1.0], [-1.0, 2.0, 1.0]], np.float32)
    np.testing.assert_array_equal(np.isfinite(model.distribution().log_prob(x)), [True, False, False])
    assert (model.complete(np.where(x > 0, x, 1), [True, False, False], seed=1).numpy() > 0).all()
    with pytest.raises(ValueError, match="values must be positive numbers. Received: 0, -1"):
        model.log_prob(x)
    with pytest.raises(ValueError, match="stand_in of NoZero.. must be positive numbers. Received: stand_in=0"):
        made(type("NoZero", (Positive,), {"stand_in": 0})())


def test_hamiltonian_monte_carlo_turns_back_at_the_end_of_the_support():
    model = made(Positive(), 2)
    distribution = model.distribution()
    kernel = tfp.mcmc.HamiltonianMonteCarlo(distribution.log_prob, step_size=0.5, num_leapfrog_steps=3)

    @tf.function(autograph=False)
    def run():
        start = tf.ones([20, 2])
        return tfp.mcmc.sample_chain(60, start, kernel=kernel, seed=[1, 2], trace_fn=lambda _, results: results.is_accepted)

    x, accepted = run()
    assert (x.numpy() > 0).all() and 0.2 < np.mean(accepted) < 0.95
    value, gradient = tfp.math.value_and_gradient(distribution.log_prob, tf.constant([[-1.0, 1.0], [INF, 1.0], [1.0, 1.0]]))
    assert (value.numpy()[:2] == -INF).all() and (gradient.numpy()[:2] == 0).all() and (gradient.numpy()[2] != 0).any()


def test_a_guard_of_valid_rows_changes_nothing():
    x, context = tf.constant([[0, 1], [1, 1]]), tf.ones([2, 3])
    guard = Guard(heads.Bernoulli(), x, context)
    np.testing.assert_array_equal(guard.x, x)
    np.testing.assert_array_equal(guard.context, context)
    np.testing.assert_array_equal(guard.scores(tf.constant([-1.0, -2.0])), [-1, -2])
    assert guard.x.dtype == x.dtype
    drawn = tf.zeros([2, 2])
    assert Guard(heads.Bernoulli(), None).values(drawn) is drawn
