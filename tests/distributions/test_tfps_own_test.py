"""TFP's own test that samples and densities agree. Its module needs SciPy, which tfar does not: without it the test is skipped."""

import keras
import numpy as np
import pytest
import tensorflow_probability as tfp
from absl import flags

import tfar

pytest.importorskip("scipy", reason="SciPy, which TFP's tests need, is not installed")
from tensorflow_probability.python.internal import test_util  # noqa: E402

pytestmark = pytest.mark.slow
SAMPLES = 100_000  # the seeds are fixed, so that the test always sees the same ones


class Real(test_util.VectorDistributionTestHelpers, test_util.TestCase):
    """TFP's test of vectors."""

    __test__ = False  # by pytest: it is one's helper


class Discrete(test_util.DiscreteScalarDistributionTestHelpers, test_util.TestCase):
    """TFP's test of whole numbers."""

    __test__ = False


@pytest.fixture(autouse=True)
def parsed_flags():
    flags.FLAGS.mark_as_parsed()


def made(event_shape, head, **options):
    keras.utils.set_random_seed(2)
    model = tfar.MADE(event_shape, head=head, hidden_units=[6], activation="tanh", **options)
    bias = model.network.output_bias  # the test weighs samples by 1 / p(x), so that the ball must be in the midst of the mass
    bias.assign(bias + np.ones(bias.shape))
    return model


@pytest.mark.parametrize(
    ("head", "options"),
    [
        ("normal", {}),
        (tfar.heads.NormalMixture(2, min_scale=0.2), {}),
        (tfar.heads.LaplaceMixture(2, min_scale=0.2), {}),
        ("normal", {"dtype": "float64"}),
        ("normal", {"context_size": 1}),
        ("normal", {"num_masks": 2, "order": "random"}),
    ],
    ids=str,
)
def test_vectors(head, options):
    context = np.array([[0.0], [1.0]], np.float32) if "context_size" in options else None
    distribution, test = made([2], head, **options).distribution(context), Real()
    test.run_test_sample_consistent_log_prob(test.evaluate, distribution, num_samples=SAMPLES, radius=1.0, center=0.0, rtol=0.05, seed=1)


@pytest.mark.parametrize("head", ["bernoulli", tfar.heads.Categorical(3), tfar.heads.DiscretizedLogisticMixture(2, levels=5)], ids=str)
def test_whole_numbers(head):
    scalar = tfp.bijectors.Reshape(event_shape_out=[], event_shape_in=[1])
    distribution, test = tfp.distributions.TransformedDistribution(made([1], head).distribution(), scalar), Discrete()
    test.run_test_sample_consistent_log_prob(test.evaluate, distribution, num_samples=SAMPLES, seed=1, rtol=0.05)
