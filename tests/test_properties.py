"""Random small models of all families, each held against the contract: a few in CI, more by TFAR_PROPERTY_CASES.

`python scripts/run_reliability.py properties` tries thousands, and records them.
"""

import dataclasses
import functools
import os

import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from support import properties

from tfar import config, heads, networks
from tfar.distributions import AutoregressiveDistribution, sampling

CASES = int(os.environ.get("TFAR_PROPERTY_CASES", "3"))


@settings(max_examples=CASES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(properties.drawn())
def test_a_random_model_keeps_the_contract(case):
    properties.check(case)


def test_all_families_are_drawn():
    assert set(properties.SETTINGS) == set(config.FAMILIES)


def drawn(family, shape, head="bernoulli", options=None, **settings):
    settings = {"dtype": None, "context_size": 0, **settings}
    return properties.Drawn(family, shape, heads.get(head), settings, options or {}, rows=2, cut=1, seed=5, asked="log_prob")


MADE = drawn("made", (3,), hidden_units=[6], direct=True, context_size=1, order=[2, 0, 1])
COLUMNS = heads.Columns([heads.Categorical(3), heads.NormalMixture(2, min_scale=0.1), "bernoulli"])
IMAGE = {"filters": 3, "kernel_size": 3, "head_filters": [], "num_layers": 1}
LOOPS = {  # what the loops of `tfar.distributions.sampling` distinguish: one block or several, an order for each row, columns
    "blocks": drawn("made", (5,), hidden_units=[6, 5], num_masks=2, order="random"),
    "rows of pixels": drawn("rowlstm", (2, 2, 1), heads.Categorical(3), **IMAGE),
    "orders": drawn("deepnade", (4,), options={"num_orders": 2, "seed": 3}, hidden_units=[6]),
    "columns": drawn("logistic", (3,), COLUMNS, order=[1, 2, 0]),
    "columns in any order": drawn("deepnade", (3,), COLUMNS, hidden_units=[6]),
    "numbers": drawn("charrnn", (3,), heads.Normal(min_scale=0.1), units=4, num_layers=1),
}


@pytest.mark.slow
@pytest.mark.parametrize("loop", LOOPS)
def test_one_of_each_loop_keeps_the_contract(loop):
    properties.check(dataclasses.replace(LOOPS[loop], asked="sample"))
    properties.check(dataclasses.replace(LOOPS[loop], asked="complete"))


def of_own_values(original, network, x, *args, **options):
    return original(network, x, *args, **options) + tf.reshape(tf.cast(x, tf.float32), [-1, 3, 1])


def of_the_batch(original, distribution, x, *args):
    scores = original(distribution, x, *args)
    return scores - tf.reduce_mean(scores)


def one_more(original, *args):
    return original(*args) + 1


def one_more_eagerly(original, *args):
    return original(*args) + tf.cast(tf.executing_eagerly(), tf.float32)


def of_another_seed(original, distribution, seeds, *args):
    return original(distribution, tf.random.uniform(tf.shape(seeds), 0, 2**31 - 1, tf.int32), *args)


def of_nothing_observed(original, distribution, seeds, context, observed, *args):
    return original(distribution, seeds, context, None, *args)


def without_its_order(original, network):
    return {**original(network), "order": "natural"}


SCORES, DRAWS, FIXED = (
    (AutoregressiveDistribution, "_log_prob_rows"),
    (AutoregressiveDistribution, "_sample_rows"),
    (sampling, "fixed_point"),
)
FAULTS = [
    ("samples_are_supported_and_have_finite_scores", (heads.Bernoulli, "draw"), one_more),
    ("scores_add_up", SCORES, one_more),
    ("probabilities_sum_to_one", SCORES, one_more),
    ("a_conditional_integrates_to_one", (networks.MADE, "call"), of_own_values),
    ("later_values_change_no_earlier_parameters", (networks.MADE, "call"), of_own_values),
    ("configurations_make_the_same_model", (networks.MADE, "get_config"), without_its_order),
    ("a_row_does_not_depend_on_its_batch", SCORES, of_the_batch),
    ("one_seed_draws_the_same", DRAWS, of_another_seed),
    ("all_samplers_draw_the_same", FIXED, one_more),
    ("completion_keeps_what_is_observed", DRAWS, of_nothing_observed),
    ("conditionals_are_a_density", (AutoregressiveDistribution, "_conditional_rows"), one_more),
    (properties.GRAPH, SCORES, one_more_eagerly),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "place", "fault"), FAULTS, ids=[name for name, *_ in FAULTS])
def test_each_property_finds_its_fault(name, place, fault, monkeypatch):
    original = getattr(*place)
    monkeypatch.setattr(*place, functools.wraps(original)(lambda *args, **options: fault(original, *args, **options)))
    if name == properties.GRAPH:
        monkeypatch.setattr(properties, "ALWAYS", ())
        monkeypatch.setitem(properties.OF_METHODS, "log_prob", ())
        with pytest.raises(AssertionError, match=name):
            properties.check(MADE)
    else:
        with properties.eagerly(), pytest.raises(AssertionError):
            tried = properties.Tried(MADE)
            tried.draw(MADE)
            getattr(tried, name)()
