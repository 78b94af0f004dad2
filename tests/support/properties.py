"""Random small models of all families, and what must hold of each: the contract, as properties."""

import contextlib
import dataclasses
import json
import math

import keras
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from support.cases import Case, by_dimension, context_of, every_value, heads_of, members
from tfar import config, heads, networks, noise
from tfar.distributions import AutoregressiveDistribution
from tfar.orders import inverse
from tfar.testing import randomize

ROWS = 3  # of the samples that everything is tried on
MOST = 256  # values of a discrete event that are enumerated
TOLERANCE = {"float64": 1e-8, "bfloat16": 0.1}  # of nats, relative and absolute; otherwise that of float32


@dataclasses.dataclass(frozen=True)
class Drawn:
    """One random model, and what it is asked.

    Attributes:
        family: a key of `tfar.config.FAMILIES`.
        event_shape, head, settings: of the model.
        options: of its distribution: a member, an order, or a number of orders.
        rows: number of rows of the batch.
        cut: number of positions that are observed, or that do not change.
        seed: of the weights and of the samples.
        asked: the method whose properties are tried too, and which is compared with its graph.
    """

    family: str
    event_shape: tuple[int, ...]
    head: heads.Head
    settings: dict
    options: dict
    rows: int
    cut: int
    seed: int
    asked: str

    @property
    def case(self):
        network = getattr(networks, config.FAMILIES[self.family].__name__)
        return Case(network, list(self.event_shape), self.head, self.settings, self.options)

    def again(self, number):
        """The same model with other weights, samples, rows and positions; at 0 itself."""
        cut = (self.cut + number) % (math.prod(self.event_shape) + 1)
        return self if number == 0 else dataclasses.replace(self, seed=self.seed + number, cut=cut, rows=(0, 1, ROWS)[number % 3])


# What is drawn

small, layers = st.integers(1, 5), st.lists(st.integers(1, 6), min_size=1, max_size=3)
flag, dropout, mask_seed = st.booleans(), st.sampled_from([0.0, 0.3]), st.integers(0, 99)
activation = st.sampled_from(["relu", "tanh", "sigmoid"])
REAL = st.sampled_from(
    [heads.NormalMixture(1, min_scale=0.1), heads.NormalMixture(2, min_scale=0.1), heads.LaplaceMixture(2, min_scale=0.1)]
)
COUNTS = st.sampled_from([heads.get("bernoulli"), *map(heads.Categorical, (2, 3, 5)), heads.DiscretizedLogisticMixture(2, 4, 0.01)])
ANY = COUNTS | REAL | st.just(heads.Normal(min_scale=0.1))
COLUMN = st.sampled_from([heads.get("bernoulli"), heads.Categorical(3), heads.NormalMixture(2, min_scale=0.1)])
IMAGES = {
    "filters": st.integers(1, 4),
    "kernel_size": st.sampled_from([3, 5]),
    "head_filters": st.lists(small, max_size=2),
    "dropout": dropout,
    "positions": flag,
}
AGNOSTIC = {"hidden_units": layers, "activation": activation, "dropout": dropout}
ONE_LAYER = {"hidden_units": small, "activation": activation, "rescale": flag}
MASKS = {"num_masks": st.integers(1, 3), "seed": mask_seed}
SETTINGS = {
    "logistic": MASKS,
    "nade": ONE_LAYER,
    "rnade": ONE_LAYER,
    "neural": {"hidden_units": small, "activation": activation, "direct": flag},
    "made": {
        "hidden_units": st.lists(st.integers(1, 6), max_size=3),
        "activation": activation,
        "direct": flag,
        "connectivity": st.sampled_from(config.CONNECTIVITIES),
        "conditioning": flag,
        "dropout": dropout,
        "window": st.none() | st.integers(1, 3),
        **MASKS,
    },
    "deepnade": AGNOSTIC,
    "nadek": {**AGNOSTIC, "num_steps": st.integers(1, 2)},
    "pixelcnn": {**IMAGES, "num_blocks": st.integers(1, 2), "activation": activation},
    "gated_pixelcnn": {**IMAGES, "num_layers": st.integers(2, 3), "skip_filters": small},
    "rowlstm": {**IMAGES, "num_layers": st.integers(1, 2)},
    "diagonal_bilstm": {**IMAGES, "num_layers": st.integers(1, 2)},
    "charrnn": {
        "cell": st.sampled_from(config.CELLS),
        "units": small,
        "num_layers": st.integers(1, 2),
        "dropout": dropout,
        "embedding": st.none() | small,
    },
}


@st.composite
def drawn(draw, families=tuple(SETTINGS)):
    """A random model that its family takes, of an event that is small enough to be enumerated where it is discrete."""
    name = draw(st.sampled_from(families))
    shape = draw(_shapes(name))
    head = draw(_heads(name, shape))
    settings = {key: draw(strategy) for key, strategy in SETTINGS[name].items()}
    settings |= {"context_size": draw(st.integers(0, 2)), "dtype": draw(st.sampled_from([None, None, "float64", "bfloat16"]))}
    if config.FAMILIES[name].data == "vectors":
        settings["order"] = draw(_orders(name, shape))
    if name == "made" and not settings["hidden_units"]:
        settings |= {"direct": True, "conditioning": False, "dropout": 0.0, "window": None}
    if name == "charrnn" and head.num_classes is None:
        settings["embedding"] = None
    if "filters" in settings and isinstance(head, heads.Mixture):
        settings["linear_means"] = draw(flag)
    size = math.prod(shape)
    numbers = [draw(st.integers(0, most)) for most in (3, size, 2**31 - 1)]
    numbers[0] = (0, 1, ROWS, ROWS)[numbers[0]]
    return Drawn(name, shape, head, settings, draw(_options(name, size, settings)), *numbers, draw(st.sampled_from(list(OF_METHODS))))


def _shapes(name):
    if config.FAMILIES[name].data == "images":
        sides = st.integers(1, 3)
        return st.tuples(sides, sides, st.integers(1, 3)).filter(lambda shape: math.prod(shape) <= 6)
    vectors = st.tuples(small)
    return vectors if name == "charrnn" else vectors | st.tuples(st.integers(1, 2), st.integers(1, 3))


def _heads(name, shape):
    if name == "nadek":
        return st.just(heads.get("bernoulli"))
    head = REAL if name == "rnade" else ANY
    if len(shape) == 1 and config.FAMILIES[name].takes_columns:
        head |= st.lists(COLUMN, min_size=shape[0], max_size=shape[0]).map(heads.Columns)
    return head.filter(lambda one: not one.discrete or (one.num_classes or 2) ** math.prod(shape) <= MOST)


def _orders(name, shape):
    orders = st.sampled_from(["natural", "reversed"]) | st.permutations(range(math.prod(shape)))
    if name in ("logistic", "made"):
        orders |= st.sampled_from(["random", "alternating"] + ["scan"] * (len(shape) > 1))
    return orders


def _options(name, size, settings):
    if name in ("deepnade", "nadek"):
        several = st.fixed_dictionaries({"num_orders": st.integers(1, 3), "seed": mask_seed})
        return st.just({}) | st.fixed_dictionaries({"order": st.permutations(range(size))}) | several
    count = settings.get("num_masks", 1)
    return st.just({}) if count == 1 else st.just({}) | st.fixed_dictionaries({"member": st.integers(0, count - 1)})


# What must hold

ALWAYS = (
    "samples_are_supported_and_have_finite_scores",
    "scores_add_up",
    "probabilities_sum_to_one",
    "a_conditional_integrates_to_one",
    "later_values_change_no_earlier_parameters",
)
OF_METHODS = {
    "log_prob": ("a_row_does_not_depend_on_its_batch",),
    "position_log_prob": (),
    "sample": ("one_seed_draws_the_same", "all_samplers_draw_the_same"),
    "complete": ("completion_keeps_what_is_observed",),
    "conditional_log_prob": ("conditionals_are_a_density",),
}
CONFIGURATION, GRAPH = "configurations_make_the_same_model", "eager_is_graph"  # tried once for each model


def properties_of(drawn):
    """The names of the properties that are tried with all weights and samples of a model."""
    return (*ALWAYS, *OF_METHODS[drawn.asked])


def check(drawn):
    """Raise an AssertionError, whose message begins with the property, where one of the properties does not hold."""
    for _, fault in cases(drawn):
        if fault:
            raise fault


def cases(drawn, more=0):
    """Try a model operation by operation, and as a graph where it is asked; then, as graphs, with other weights, samples and patterns.

    Args:
        drawn: the model.
        more: number of times that weights, samples and patterns are drawn anew.

    Yields:
        What was tried, a `Drawn`, and the AssertionError of the first property that does not hold, or None.
    """
    keras.backend.clear_session(free_memory=False)
    tried = None
    for number in range(more + 1):
        case, fault = drawn.again(number), None
        try:
            with _naming("a_model_is_made_and_sampled"), eagerly(number == 0):
                tried = tried or Tried(case)
                tried.draw(case)
            with eagerly(number == 0):
                for name in properties_of(case):
                    with _naming(name):
                        getattr(tried, name)()
                asked = tried.call(case.asked)
            if number == 0:
                with _naming(CONFIGURATION):
                    tried.configurations_make_the_same_model()
                with _naming(GRAPH):
                    tried.same(tried.call(case.asked), asked, case.asked in ("sample", "complete"))
        except AssertionError as error:
            fault = error
        yield case, fault
        if tried is None:
            return


@contextlib.contextmanager
def eagerly(yes=True):
    """Run what is a graph otherwise operation by operation."""
    tf.config.run_functions_eagerly(yes)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@contextlib.contextmanager
def _naming(name):
    try:
        yield
    except Exception as error:
        raise AssertionError(f"{name}: {type(error).__name__}: {error}") from error


class Tried:
    """A drawn model with random weights, and samples of it."""

    def __init__(self, drawn):
        self.case = drawn.case
        self.model = self.case.model()
        self.head, self.size = self.model.head, self.model.network.event_size
        self.discrete = self.head.discrete
        self.tolerance = TOLERANCE.get(drawn.settings["dtype"], 1e-4)
        self.members = members(self.model, self.case)
        self.distribution = self.of(ROWS)

    def draw(self, drawn):
        """Draw weights and samples."""
        self.drawn = drawn
        randomize(self.model.network, scale=0.6, seed=drawn.seed)
        self.seeds = noise.row_seeds(noise.as_seed(drawn.seed), ROWS)
        self.x = self.distribution.sample_rows(self.seeds).numpy()
        self.scores = self.call("log_prob")

    def others(self):
        """Other values than those of the samples, in each dimension."""
        flat = self.x.reshape(ROWS, -1)
        columns = [
            (flat[:, d] + 1) % (head.num_classes or 2) if head.discrete else flat[:, d] + 1 for d, head in enumerate(heads_of(self.model))
        ]
        return np.stack(columns, axis=1).astype(self.x.dtype).reshape(self.x.shape)

    def of(self, rows, **options):
        """The distribution of the first rows' contexts, or of one context."""
        context = context_of(self.model, ROWS)
        context = None if context is None else context[:rows] if rows is not None else context[0]
        return self.model.distribution(context, **self.case.options, **options)

    def member(self, member, rows=ROWS):
        context = context_of(self.model, ROWS)
        context = None if context is None else context[:rows] if rows is not None else context[0]
        return AutoregressiveDistribution(self.model.network, self.head, context, member)

    def observed(self):
        """A pattern that the distribution completes: the first positions of its order, or, in any order, some dimensions."""
        if self.model.network.order_agnostic:
            pattern = np.random.default_rng(self.drawn.seed).permutation(self.size) < self.drawn.cut
        else:
            pattern = inverse(np.asarray(self.model.network.generation_order(**self.members[0]))) < self.drawn.cut
        return pattern.reshape(self.model.event_shape)

    def call(self, method):
        """The result of a method, by name."""
        if method == "sample":
            return self.distribution.sample_rows(self.seeds).numpy()
        if method == "log_prob":
            return self.distribution.log_prob(self.x).numpy()
        if method == "position_log_prob":
            return self.member(self.members[-1]).position_log_prob(self.x).numpy()
        function = getattr(self.distribution, method)
        return function(self.x, self.observed(), *([self.seeds] if method == "complete" else [])).numpy()

    def same(self, found, expected, values=False):
        """Equal but for rounding, and discrete values bit for bit; half precision may draw another value near a threshold."""
        assert found.shape == expected.shape and found.dtype == expected.dtype
        if values and self.drawn.settings["dtype"] == "bfloat16":
            return
        if values and self.discrete:
            np.testing.assert_array_equal(found, expected)
        elif values:  # the quantile function is steep in the tails
            np.testing.assert_allclose(found, expected, rtol=100 * self.tolerance, atol=10 * self.tolerance)
        else:
            np.testing.assert_allclose(found, expected, rtol=self.tolerance, atol=self.tolerance)

    def samples_are_supported_and_have_finite_scores(self):
        assert self.x.shape == (ROWS, *self.model.event_shape) and self.x.dtype == self.head.dtype.as_numpy_dtype
        assert np.all(self.head.supports(tf.constant(self.x)))
        assert np.all(np.isfinite(self.scores))

    def one_seed_draws_the_same(self):
        np.testing.assert_array_equal(self.call("sample"), self.x)

    def all_samplers_draw_the_same(self):
        for method in ("fixed_point", "naive"):
            self.same(self.of(ROWS, method=method).sample_rows(self.seeds).numpy(), self.x, values=True)

    def a_row_does_not_depend_on_its_batch(self):
        rows = self.drawn.rows
        part = self.of(rows)
        self.same(part.sample_rows(self.seeds[:rows]).numpy(), self.x[:rows], values=True)
        self.same(part.log_prob(self.x[:rows]).numpy(), self.scores[:rows])

    def scores_add_up(self):
        """log_prob is the sum of position_log_prob, of the mean of several members' probabilities."""
        axes = tuple(range(1, self.x.ndim))
        parts = [self.member(member).position_log_prob(self.x).numpy().astype(float).sum(axes) for member in self.members]
        expected = np.logaddexp.reduce(parts, axis=0) - np.log(len(parts))
        np.testing.assert_allclose(self.scores, expected, rtol=self.tolerance, atol=self.tolerance)

    def probabilities_sum_to_one(self):
        if self.discrete:
            log_prob = self.of(None).log_prob(every_value(self.model)).numpy()
            assert abs(np.exp(log_prob.astype(float)).sum() - 1) < 1e-4

    def a_conditional_integrates_to_one(self):
        """That of one dimension, over its own values, with quadrature in sinh(t) where they are real."""
        dimension = self.drawn.seed % self.size
        classes = heads_of(self.model)[dimension].discrete and (heads_of(self.model)[dimension].num_classes or 2)
        t = np.linspace(-12, 12, 8001)
        values, volumes = (np.arange(classes), np.ones(classes)) if classes else (0.05 * np.sinh(t), 0.05 * np.cosh(t) * (t[1] - t[0]))
        x = np.repeat(self.x[:1].reshape(1, -1), len(values), axis=0)
        x[:, dimension] = values
        scores = self.member(self.members[0], rows=None).position_log_prob(x.reshape(-1, *self.model.event_shape)).numpy()
        total = np.sum(np.exp(scores.reshape(len(values), -1)[:, dimension].astype(float)) * volumes)
        assert abs(total - 1) < (1e-4 if classes else 5e-3), total

    def later_values_change_no_earlier_parameters(self):
        """Neither those at the first changed position itself."""
        others = self.others()
        context = context_of(self.model)
        rows = (None if context is None else np.repeat(context[None], 2 * ROWS, axis=0),)
        for member in self.members:
            ranks = inverse(np.asarray(self.model.network.generation_order(**member)))
            late = (ranks >= self.drawn.cut).reshape(self.model.event_shape)
            both = np.concatenate([self.x, np.where(late, others, self.x)])
            params = by_dimension(self.model, self.model.network(both, *([] if rows[0] is None else rows), **member))
            for dimension in np.flatnonzero(ranks <= self.drawn.cut):
                before, after = np.split(params[dimension].astype(float), 2)
                np.testing.assert_allclose(after, before, rtol=1e-5 if self.tolerance < 0.1 else 0.02, atol=1e-5)

    def completion_keeps_what_is_observed(self):
        """Other values than the same seeds would draw."""
        observed, rows, others = self.observed(), self.drawn.rows, self.others()
        unseen = others if self.discrete else np.where(observed, others, np.nan)
        completed = self.of(rows).complete(unseen[:rows], observed, self.seeds[:rows]).numpy()
        assert completed.shape == (rows, *self.model.event_shape) and completed.dtype == self.x.dtype
        np.testing.assert_array_equal(completed[:, observed], others[:rows, observed])
        assert np.all(self.head.supports(tf.constant(completed)))
        assert not np.any(np.isnan(self.of(rows).log_prob(completed)))

    def conditionals_are_a_density(self):
        """0 where all is observed, log_prob where nothing is, and summing to one over the values that are not observed."""
        whole, none = np.ones(self.model.event_shape, bool), np.zeros(self.model.event_shape, bool)
        np.testing.assert_allclose(self.distribution.conditional_log_prob(self.x, whole), 0, atol=self.tolerance)
        self.same(self.distribution.conditional_log_prob(self.x, none).numpy(), self.scores)
        if self.discrete:
            values, observed = every_value(self.model), self.observed()
            values = values[(values == self.x[0]).reshape(len(values), -1)[:, observed.ravel()].all(axis=1)]
            log_prob = self.of(None).conditional_log_prob(values, observed).numpy()
            assert abs(np.exp(log_prob.astype(float)).sum() - 1) < 1e-4

    def configurations_make_the_same_model(self):
        config = json.loads(json.dumps(keras.saving.serialize_keras_object(self.model)))
        other = keras.saving.deserialize_keras_object(config)
        assert other.network.get_config() == self.model.network.get_config() and other.head == self.head
        other.set_weights(self.model.get_weights())
        context = context_of(self.model, ROWS)
        for member in self.members:
            args = (self.x,) if context is None else (self.x, context)
            params = [np.asarray(model.network(*args, **member), float) for model in (self.model, other)]
            np.testing.assert_allclose(params[1], params[0], rtol=self.tolerance, atol=self.tolerance)
