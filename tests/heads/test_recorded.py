"""Recorded values that share a logit: mixed in by their frequencies, left out one row at a time where training scores."""

import numpy as np
import pytest
import tensorflow as tf
from support.chi_square import assert_frequencies

import tfar
from tfar import heads, noise
from tfar.columns import BLANK
from tfar.datasets import inference

VALUES, COUNTS = (1.0, 4.0, 5.0, 9.0), (2, 1, 3, 1)
WARP = {"x": (0.0, 6.0, 11.0), "z": (-1.5, 0.2, 2.0), "atoms": (3.0,), "blank": True, "num_components": 2}
RECORDED = {"recorded": VALUES, "counts": COUNTS}
KINDS = {"grid": lambda **more: heads.GridColumn(12, **WARP, **more), "real": lambda **more: heads.RealColumn(**WARP, **more)}


@pytest.fixture(params=KINDS)
def pair(request):
    """A head with recorded values and the one without, and parameters of the two, of which P(recorded) is that of the first's."""
    plain, full = KINDS[request.param](), KINDS[request.param](**RECORDED)
    params = np.random.default_rng(3).normal(size=[20, full.params_size])
    logits = params[:, : full.params_size - 4]
    share = np.exp(logits[:, 2] - np.logaddexp.reduce(logits, axis=1))
    return full, plain, params, np.delete(params, 2, axis=1), share[:, None]


def mixed(full, plain, params, without, share, x, frequency):
    """Probabilities by the formula: those of the other logits, and the frequencies; a real that has a mass has no density."""
    found = np.exp(full(params[:, None]).log_prob(x[None]))
    others = np.exp(plain(without[:, None]).log_prob(x[None])) * (1 - share)
    if isinstance(full, heads.RealColumn):
        others[:, frequency > 0] = 0
    np.testing.assert_allclose(found, others + share * frequency, rtol=2e-5)


def test_the_frequencies_are_mixed_in(pair):
    x = np.array([*range(12), BLANK], float)
    mixed(*pair, x, np.array([0, 2, 0, 0, 1, 3, 0, 0, 0, 1, 0, 0, 0]) / 7)


def test_a_training_row_is_left_out_of_them(pair):
    full, *others = pair
    x = np.array([*range(12), BLANK], float)
    mixed(full.leaving_one_out(), *others, x, np.array([0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]) / 6)
    assert others[0].leaving_one_out() is others[0]


def test_masses_of_a_grid_sum_to_one():
    head = KINDS["grid"](**RECORDED)
    params = np.random.default_rng(1).normal(size=[50, 1, head.params_size])
    total = np.exp(head(params).log_prob(np.array([*range(12), BLANK], float))).sum(axis=1)
    np.testing.assert_allclose(total, 1, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_draws_have_the_frequencies(kind):
    """False alarms: 1e-4, `assert_frequencies`."""
    head = KINDS[kind](**RECORDED)
    params = np.random.default_rng(5).normal(size=head.params_size).astype("f4")
    x = head(tf.constant(params)).sample(20_000, seed=7).numpy()
    values = np.array([*(range(12) if kind == "grid" else (*VALUES, 3)), BLANK], float)
    masses = np.exp(head(params).log_prob(values))
    observed = (x[:, None] == values).sum(axis=0)
    rest = [] if kind == "grid" else [20_000 - observed.sum()]
    assert_frequencies(np.append(observed, rest), 20_000 * np.append(masses, [1 - masses.sum()] if rest else []))


@pytest.mark.parametrize("kind", KINDS)
def test_values_in_intervals(kind):
    """Their mass, and draws given them. False alarms: 1e-4, `assert_frequencies`."""
    head = KINDS[kind](**RECORDED)
    params = np.random.default_rng(6).normal(size=head.params_size).astype("f4")
    inside = np.array([0, 1, 2, 5, 6, 7, 8, 9], float)
    allowed = head.allow([[-np.inf, 2], [5, 9.5 if kind == "grid" else 9]])
    np.testing.assert_allclose(allowed.shares, [0, 0, 6 / 7])
    mass = float(tf.exp(head.log_mass(params, allowed)))
    uniform = noise.uniform(noise.row_seeds(noise.as_seed(4), 20_000), head.noise_size)
    x = head.draw_within(tf.constant(np.tile(params, (20_000, 1))), uniform, allowed).numpy()
    assert (((x <= 2) | (x >= 5) & (x <= 9)) & (x != BLANK)).all()
    if kind == "grid":
        masses = np.exp(head(params).log_prob(inside))
        np.testing.assert_allclose(mass, masses.sum(), rtol=1e-5)
        assert_frequencies((x[:, None] == inside).sum(axis=0), 20_000 * masses / mass)
    else:
        values = np.array([1.0, 5.0, 9.0])
        masses = np.exp(head(params).log_prob(values))
        observed = (x[:, None] == values).sum(axis=0)
        expected = 20_000 * masses / mass
        assert_frequencies(np.append(observed, 20_000 - observed.sum()), np.append(expected, 20_000 - expected.sum()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_configuration_holds_them(kind):
    head = KINDS[kind](**RECORDED)
    assert type(head).from_config(head.get_config()) == head != KINDS[kind]()


@pytest.mark.parametrize("wrong", [{"recorded": (2.0, 1.0), "counts": (1, 1)}, {"recorded": (1.0,), "counts": (0,)}, {"recorded": (1.0,)}])
def test_wrong_ones_are_refused(wrong):
    with pytest.raises(ValueError, match="recorded must be finite numbers that ascend, and counts as many positive integers"):
        KINDS["grid"](**wrong)


def test_they_are_held_where_numbers_repeat_as_no_curve_has_it():
    random = np.random.default_rng(0)
    weights = random.choice(random.integers(10**5, 10**6, size=600), size=2_000)  # as of a survey
    smooth = np.rint(random.normal(3_000, 500, size=2_000))
    few = random.integers(20, 80, size=2_000)
    days = np.rint(random.normal(900, 250, size=40_000))  # more frequent values than there are atoms
    real = random.choice(random.normal(size=900), size=2_000)

    def found(numbers):
        values, counts = np.unique(numbers.astype(float), return_counts=True)
        facts = inference._facts(values, counts, 0.0 if numbers is real else 1.0)
        return len(facts.get("recorded", ())), len(facts["atoms"]), sum(facts.get("counts", ())), len(values)

    recorded, atoms, rows, distinct = found(weights)
    assert recorded + atoms == distinct and rows < 2_000
    assert found(smooth)[0] == found(few)[0] == found(days)[0] == found(weights[:900])[0] == 0
    assert found(real)[0] > 0


def test_training_leaves_a_row_out_and_scoring_does_not():
    head = heads.Columns([KINDS["grid"](**RECORDED), "bernoulli"])
    model = tfar.MADE([2], head=head, hidden_units=[4], num_masks=1)
    x = np.array([[9.0, 1.0], [5.0, 0.0]])
    params = model.network(x)
    nats = {training: model.nats(x, training=training)[0].numpy() for training in (False, True)}
    np.testing.assert_allclose(nats[False], -head.log_prob(params, tf.constant(x), 1), rtol=1e-6)
    np.testing.assert_allclose(nats[True], -head.leaving_one_out().log_prob(params, tf.constant(x), 1), rtol=1e-6)
    assert nats[True][0] > nats[False][0] + 0.1  # 9 is recorded once
