"""The start at the marginals, and what independent positions give, against closed forms."""

import numpy as np
import pytest
import tensorflow_probability as tfp

import tfar
from tfar import heads
from tfar.models.starting import start_at_marginals
from tfar.training import baselines
from tfar.training.baselines import gaussian_nll

tfd = tfp.distributions
ORDER = [3, 0, 7, 1, 6, 2, 5, 4]


def test_a_start_at_large_scales_is_finite():
    x = np.random.default_rng(0).normal(size=[50, 3]) * [1.0, 1e3, 1e6]
    for head in (heads.Normal(), heads.NormalMixture(2)):
        scale = np.log1p(np.exp(-np.abs(raw := head.initial_params(x)[..., -1].astype(float)))) + np.maximum(raw, 0)
        np.testing.assert_allclose(scale, x.std(axis=0) / (2 if hasattr(head, "num_components") else 1), rtol=2e-3)


def test_the_centre_of_many_rows_is_right_in_half_precision():
    x = np.ones([100_000, 1], np.int32)
    x[::4] = 0
    model = tfar.MADE([1], hidden_units=[4], dtype="mixed_float16", direct=False)
    start_at_marginals(model, x)
    np.testing.assert_allclose(model.network.masked_layers[0].mean, [0.75], rtol=1e-6)


def test_discrete_marginals_are_frequencies_with_one_added():
    x = np.array([[0, 2], [1, 2], [1, 2], [1, 0]])
    params = heads.Categorical(3).initial_params(x)
    assert np.exp(params) == pytest.approx(np.array([[2, 4, 1], [2, 1, 4]]) / 7)
    params = heads.Bernoulli().initial_params(x[:, :1])
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
        lambda: tfar.MADE([4, 2], head=heads.Categorical(3), hidden_units=[8], order=ORDER, direct=False),
        lambda: tfar.LogisticAutoregressive([4, 2], order=ORDER),
        lambda: tfar.NeuralAutoregressive([4, 2], hidden_units=2, order=ORDER, direct=False),
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
    start_at_marginals(model, x)
    assert model.log_prob(x).numpy() == pytest.approx(baselines.baseline(model.head, x, x), rel=1e-4)


@pytest.mark.parametrize("head", [heads.NormalMixture(5), heads.LaplaceMixture(5)])
def test_mixtures_start_spread_over_the_values(head):
    x = np.random.default_rng(0).normal(5, 2, (400, 1))
    params = head.initial_params(x)
    logits, loc, raw = np.split(params, 3, axis=-1)
    assert (logits == 0).all() and (np.diff(loc) > 0).all() and x.min() < loc.min() and loc.max() < x.max()
    assert np.log1p(np.exp(raw)) + head.min_scale == pytest.approx(np.full((1, 5), x.std() / 2), rel=1e-4)


class Shifted(heads.Head):
    """A head of one's own that says nothing of marginals."""

    def __call__(self, params):
        return tfd.Normal(params[..., 0], 1.0)


def test_a_head_without_marginals_leaves_the_bias_of_the_network():
    model, x = tfar.MADE([2], Shifted(), hidden_units=[4]), np.random.default_rng(0).normal(5, 2, [50, 2])
    before = model.network.output_bias.numpy()
    start_at_marginals(model, x)
    np.testing.assert_array_equal(model.network.output_bias, before)
    assert baselines.baseline(model.head, x, x) == pytest.approx(baselines.baseline(heads.Normal(), x, x))


def test_it_is_the_density_of_its_formula():
    generator = np.random.default_rng(0)
    train, x = (generator.normal(size=[n, 2, 3]) @ generator.normal(size=[3, 3]) + 5 for n in (200, 40))
    rows, known = x.reshape(40, 6), train.reshape(200, 6)
    covariance = np.einsum("ni,nj->ij", known - known.mean(axis=0), known - known.mean(axis=0)) / 200
    distance = np.einsum("ni,ij,nj->n", rows - known.mean(axis=0), np.linalg.inv(covariance), rows - known.mean(axis=0))
    expected = 0.5 * (distance.mean() + np.linalg.slogdet(covariance)[1] + 6 * np.log(2 * np.pi))
    assert gaussian_nll(train, x) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_there_is_none_where_columns_depend_on_each_other_but_for_rounding(seed):
    a, b = np.random.default_rng(seed).normal(size=[2, 300])
    rows = np.stack([a, b, a + b], axis=1)
    rows = ((rows - rows.mean(axis=0)) / rows.std(axis=0)).astype(np.float32)
    assert gaussian_nll(rows, rows) is None and gaussian_nll(rows[:, :2], rows[:, :2]) is not None
    assert gaussian_nll(rows[:2, :2], rows[:, :2]) is None  # no more rows than columns


def test_more_columns_than_rows_take_no_memory_for_a_covariance():
    wide = np.zeros([3, 2_000_000], np.float32)  # whose covariance would have 32 terabytes
    assert gaussian_nll(wide, wide) is None
