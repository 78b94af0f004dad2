"""Ensembles of models: against sums over their members in NumPy, completed, fitted, saved and served."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from support.chi_square import assert_frequencies

import tfar
from tfar.models.ensemble import likeliest_weights

CUBE = np.indices([2] * 4).reshape(4, -1).T
W = np.array([0.5, 0.3, 0.2])


def randomized(model, seed):
    tfar.testing.randomize(model.network, seed=seed)
    return model


@pytest.fixture(scope="module")
def models():
    """Three families in the natural order, which complete what comes first in it."""
    made = [tfar.NADE([4], hidden_units=5), tfar.MADE([4], hidden_units=[12]), tfar.DeepNADE([4], hidden_units=[6])]
    return [randomized(model, seed) for seed, model in enumerate(made)]


@pytest.fixture(scope="module")
def ensemble(models):
    return tfar.Ensemble(models, weights=W)


@pytest.fixture(scope="module")
def pair(models):
    return tfar.Ensemble(models[:2], weights=[0.3, 0.7])


def probabilities(models, x):
    """p_m(x), float64 `[M, N]`."""
    return np.exp([model.log_prob(x).numpy().astype(np.float64) for model in models])


def test_the_density_is_the_weighted_mean_of_probabilities(models, ensemble):
    expected = W @ probabilities(models, CUBE)
    np.testing.assert_allclose(ensemble.log_prob(CUBE), np.log(expected), rtol=1e-5)
    assert abs(expected.sum() - 1) < 1e-5
    np.testing.assert_allclose(tfar.Ensemble(models).log_prob(CUBE), np.log(probabilities(models, CUBE).mean(axis=0)), rtol=1e-5)


def test_a_model_of_several_orders_has_one_weight(models):
    two = randomized(tfar.MADE([4], hidden_units=[12], num_masks=2, order="alternating"), 5)
    ensemble = tfar.Ensemble([two, models[0]], weights=[0.9, 0.1])
    expected = np.array([0.45, 0.45, 0.1]) @ probabilities([two.distribution(member=0), two.distribution(member=1), models[0]], CUBE)
    np.testing.assert_allclose(ensemble.log_prob(CUBE), np.log(expected), rtol=1e-5)
    assert ensemble.network.num_members == 3
    np.testing.assert_allclose(ensemble.distribution(member=2).log_prob(CUBE), models[0].log_prob(CUBE), rtol=1e-5)
    with pytest.raises(ValueError, match="member must be from 0 to 2. Received: member=3"):
        ensemble.distribution(member=3)


def test_completions_follow_the_conditional_of_the_mixture(models, pair):
    models, w = models[:2], np.array([0.3, 0.7])
    p = w @ probabilities(models, CUBE)
    observed, x = np.array([True, True, False, False]), np.array([1, 0, 0, 0])
    inside = (CUBE[:, :2] == x[:2]).all(axis=1)
    conditional = p[inside] / p[inside].sum()
    np.testing.assert_allclose(pair.conditional_log_prob(CUBE[inside], observed), np.log(conditional), rtol=1e-4, atol=1e-5)
    drawn = pair.complete(np.tile(x, [20_000, 1]), observed, seed=3).numpy()
    np.testing.assert_array_equal(drawn[:, :2], np.tile(x[:2], [20_000, 1]))
    assert_frequencies(np.bincount(drawn[:, 2] * 2 + drawn[:, 3], minlength=4), 20_000 * conditional)
    # The weights given what is observed are others than those of a sample, or the test could not tell them apart.
    prior = w @ (probabilities(models, CUBE[inside]) / probabilities(models, CUBE[inside]).sum(axis=1, keepdims=True))
    assert np.abs(prior - conditional).max() > 0.02


def test_a_pattern_that_one_model_cannot_complete_is_refused(models):
    reverse = randomized(tfar.NADE([4], hidden_units=5, order="reversed"), 7)
    ensemble = tfar.Ensemble([models[0], reverse])
    with pytest.raises(ValueError, match=r"or of one of its networks\) has an order .* Train order-agnostic models"):
        ensemble.complete(CUBE[:2], [True, False, False, False], seed=1)
    agnostic = tfar.Ensemble([models[2], reverse])
    assert agnostic.complete(CUBE[:2], [False, False, False, True], seed=1).shape == (2, 4)
    with pytest.raises(ValueError, match="a model must have one order"):
        ensemble.first(0.5)
    assert tfar.Ensemble(models).first(0.5).tolist() == [True, True, False, False]


@pytest.fixture(scope="module")
def reals():
    """Two models of real values given a context, with heads of two kinds."""
    heads = [tfar.heads.Normal(min_scale=0.1), tfar.heads.NormalMixture(2, min_scale=0.1)]
    return [randomized(tfar.MADE([2], head, hidden_units=[8], context_size=1), seed) for seed, head in enumerate(heads)]


def test_heads_of_the_same_values_may_differ(reals):
    ensemble = tfar.Ensemble(reals)
    x, context = np.random.default_rng(0).normal(size=[2, 5, 2]).astype("float32")
    context = context[:, :1]
    expected = np.log(np.exp([model.log_prob(x, context) for model in reals]).mean(axis=0))
    np.testing.assert_allclose(ensemble.log_prob(x, context), expected, rtol=1e-5)


@pytest.mark.slow
def test_a_row_of_a_sample_is_that_of_one_member(reals):
    drawn = tfar.Ensemble(reals).sample(40, seed=1, context=[0.5])
    seeds = tfar.noise.row_seeds(tfar.noise.as_seed(1), 40)
    of_members = [model.sample(40, seeds, [0.5]).numpy() for model in reals]
    assert all(any(np.allclose(row, rows[n], atol=1e-4) for rows in of_members) for n, row in enumerate(drawn.numpy()))
    assert all(not np.allclose(drawn, rows, atol=1e-4) for rows in of_members)


def test_fitting_finds_the_weights_of_the_greatest_likelihood(models):
    models = models[:2]
    ensemble = tfar.Ensemble(models)
    kept = [weight.numpy() for model in models for weight in model.weights]
    shares = np.array([0.8, 0.2]) @ probabilities(models, CUBE)
    x = CUBE[np.random.default_rng(0).choice(16, 450, p=shares / shares.sum())]
    ensemble.compile(keras.optimizers.Adam(0.1))
    ensemble.fit(np.tile(x, [60, 1]), batch_size=450, shuffle=False, verbose=0)  # 60 steps, each of all rows
    p = probabilities(models, x)
    shares = np.linspace(0.001, 0.999, 999)
    share = shares[np.argmax([np.log([one, 1 - one] @ p).mean() for one in shares])]
    w = np.array([share, 1 - share])
    np.testing.assert_allclose(likeliest_weights(np.log(p)), w, atol=2e-3)
    assert [variable.name for variable in ensemble.trainable_variables] == ["logits"]
    best, found = (-np.log(weights @ p).mean() for weights in (w, ensemble.network.mixture_weights.numpy()))
    assert found - best < 2e-3 < -np.log(np.full(2, 1 / 2) @ p).mean() - best
    for old, new in zip(kept, [weight.numpy() for model in models for weight in model.weights], strict=True):
        np.testing.assert_array_equal(old, new)


def test_an_ensemble_is_saved_with_its_members_and_weights(pair, tmp_path):
    pair.save(tmp_path / "ensemble.keras")
    again = tfar.load_model(tmp_path / "ensemble.keras")
    assert isinstance(again, tfar.Ensemble) and not isinstance(again, tfar.NADE)
    np.testing.assert_allclose(again.network.mixture_weights, [0.3, 0.7], rtol=1e-6)
    np.testing.assert_allclose(again.log_prob(CUBE), pair.log_prob(CUBE), rtol=1e-5)
    assert len(again.trainable_variables) == 1


@pytest.mark.slow
def test_the_server_and_xla_draw_the_same(ensemble, tmp_path):
    plain = ensemble.sample(30, seed=2).numpy()
    np.testing.assert_array_equal(ensemble.distribution(jit_compile=True).sample(30, seed=2), plain)
    ensemble.export(tmp_path / "1")
    served = tf.saved_model.load(str(tmp_path / "1")).signatures
    seeds = tfar.noise.row_seeds(tfar.noise.as_seed(2), 30)
    np.testing.assert_array_equal(served["sample"](seed=seeds)["x"], plain)
    observed = np.tile([True, False, False, False], [30, 1])
    filled = served["complete"](x=tf.constant(plain), observed=tf.constant(observed), seed=seeds)
    np.testing.assert_array_equal(filled["x"], ensemble.complete(plain, observed, seeds))
    np.testing.assert_allclose(filled["log_prob"], ensemble.log_prob(filled["x"]), rtol=1e-5)


@pytest.fixture(scope="module")
def tables():
    """A table, and two models of it."""
    people = pd.DataFrame({"sex": ["f", "m", "f", None] * 30, "age": [30, 41, 52, 30, 28] * 24})
    models = [tfar.TableModel(people, "made", hidden_units=[8]), tfar.TableModel(people, "nade", hidden_units=8)]
    return people, [randomized(model, seed) for seed, model in enumerate(models)]


@pytest.mark.slow
def test_the_density_of_a_table(tables):
    people, models = tables
    ensemble = tfar.Ensemble(models, weights=[1, 3])
    assert isinstance(ensemble, tfar.TableModel) and isinstance(ensemble, tfar.Ensemble)
    expected = np.log(np.array([0.25, 0.75]) @ np.exp([model.log_prob(people) for model in models]))
    np.testing.assert_allclose(ensemble.log_prob(people), expected, rtol=1e-5)
    with pytest.raises(ValueError, match="of the same columns"):
        tfar.Ensemble([models[0], tfar.TableModel(people[["sex"]], hidden_units=[4])])


@pytest.mark.slow
def test_tables_are_sampled_completed_and_asked(tables):
    people, models = tables
    ensemble = tfar.Ensemble(models, weights=[1, 3])
    assert ensemble.sample(5, seed=1).dtypes.tolist() == people.dtypes.tolist()
    blank = people.assign(age=pd.Series([None] * len(people), dtype="Int64"))
    assert ensemble.complete(blank[:4], seed=1)["age"].notna().all()
    query = {"sex": ["m"]}
    each = [model.probability(query).estimate for model in models]
    assert abs(ensemble.probability(query).estimate - np.dot([0.25, 0.75], each)) < 1e-6


def nade(**changes):
    return tfar.NADE(**{"event_shape": [4], "hidden_units": 2, **changes})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tfar.Ensemble([nade()]), "at least two tfar models"),
        (lambda: tfar.Ensemble([nade(), nade().network]), "at least two tfar models"),
        (lambda: tfar.Ensemble([nade(), nade(event_shape=[5])]), r"the same event_shape. Received: \(4,\), \(5,\)"),
        (lambda: tfar.Ensemble([nade(), nade(context_size=2)]), "the same context_size. Received: 0, 2"),
        (lambda: tfar.Ensemble([nade(), nade(dtype="float64")]), "the same compute_dtype. Received: float32, float64"),
        (lambda: tfar.Ensemble([nade(), nade(head="normal")]), "must be of the same values. Received: Bernoulli"),
        (lambda: tfar.Ensemble([nade(), nade(head=tfar.heads.Categorical(3))]), "must be of the same values"),
        (lambda: tfar.Ensemble([nade(), nade()], weights=[1]), "weights must be 2 positive numbers"),
        (lambda: tfar.Ensemble([nade(), nade()], weights=[1, 0]), "weights must be 2 positive numbers"),
        (lambda: tfar.Ensemble([tfar.Ensemble([nade(), nade()]), nade()]), "must not be one itself; give its networks"),
        (lambda: tfar.Ensemble([nade(), tfar.CharRNN("ab", length=4, units=2, num_layers=1)]), "of models of arrays or tables"),
        (lambda: tfar.AutoregressiveEnsemble(tfar.Ensemble([nade(), nade()]).network, members={"member": [0]}), "members must be of one"),
    ],
)
def test_models_that_cannot_be_averaged(make, message):
    with pytest.raises(ValueError, match=message):
        make()
