"""Fixed-point iteration on a network whose positions depend on each other one after another, the longest way that there is."""

import keras
import numpy as np
import pytest

import tfar
from tfar.distributions import AutoregressiveDistribution

SIZE = 16


@pytest.fixture(scope="module")
def chain():
    """A copy chain: bit i is bit i - 1, and the first is drawn: row 15 is right only after all rounds."""
    inputs = keras.Input([SIZE])
    before = keras.layers.ZeroPadding1D((1, 0))(keras.layers.Reshape((SIZE, 1))(inputs))[:, :-1]
    first = np.eye(SIZE, 1, dtype="f4")
    logits = (keras.ops.cast(before, "float32") * 80.0 - 40.0) * (1 - first)
    return tfar.AutoregressiveModel(tfar.networks.WrappedNetwork(keras.Model(inputs, logits), [SIZE]), "bernoulli")


@pytest.mark.parametrize("method", ["fixed_point", None])
def test_a_copy_chain_is_copied_to_its_end(chain, method):
    distribution = AutoregressiveDistribution(chain.network, chain.head, **({} if method is None else {"method": method}))
    x = distribution.sample(40, seed=5).numpy()
    np.testing.assert_array_equal(x, np.repeat(x[:, :1], SIZE, axis=1))
    assert 0 < x[:, 0].mean() < 1
    np.testing.assert_array_equal(x, AutoregressiveDistribution(chain.network, chain.head, method="naive").sample(40, seed=5))
