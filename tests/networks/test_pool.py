"""Pools of networks: against their definition, sampled by caches side by side, and fitted."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfar
from tfar.networks import MADE, NADE, Pool


def vectors(**changes):
    return [
        tfar.testing.randomize(NADE(event_shape=[4], hidden_units=5, **changes), seed=1),
        tfar.testing.randomize(MADE(event_shape=[4], hidden_units=[8], **changes), seed=2),
    ]


def images():
    return [
        tfar.testing.randomize(tfar.networks.PixelCNN([3, 3, 1], num_blocks=1, filters=4, kernel_size=3, head_filters=(4,)), seed=1),
        tfar.testing.randomize(tfar.networks.RowLSTM([3, 3, 1], num_layers=1, filters=4, kernel_size=3, head_filters=(4,)), seed=2),
    ]


def probabilities(network, x):
    """p(x_d = 1 | x_<d), `[N, *event]`."""
    return 1 / (1 + np.exp(-network(x).numpy()[..., 0].astype(np.float64)))


def test_a_conditional_is_the_normalised_product_of_powers():
    networks, weights = vectors(), np.array([0.3, 1.1])
    model = tfar.AutoregressiveModel(Pool(networks))
    model.network.pool_weights.assign(weights[:, None])
    cube = np.indices([2] * 4).reshape(4, -1).T
    p = np.stack([probabilities(network, cube) for network in networks])
    one, zero = (np.prod(q ** weights[:, None, None], axis=0) for q in (p, 1 - p))
    expected = np.where(cube == 1, one, zero) / (one + zero)
    np.testing.assert_allclose(np.exp(model.distribution().position_log_prob(cube)), expected, rtol=1e-4)
    assert abs(np.exp(model.log_prob(cube)).sum() - 1) < 1e-5


def test_weights_of_each_row_of_an_image():
    networks = images()
    model = tfar.AutoregressiveModel(Pool(networks, by_row=True))
    weights = np.array([[1.0, 0.0, 0.2], [0.0, 1.0, 0.5]])
    model.network.pool_weights.assign(weights)
    x = np.random.default_rng(0).integers(0, 2, [5, 3, 3, 1])
    logits = np.stack([network(x).numpy() for network in networks])
    np.testing.assert_allclose(model.network(x), (logits * weights[:, None, :, None, None, None]).sum(0), atol=1e-5)
    drawn = [model.distribution(method=method).sample(20, seed=1).numpy() for method in ("stepping", "naive")]
    np.testing.assert_array_equal(*drawn)


def test_members_of_one_block_stand_beside_those_of_several():
    networks = [*images(), tfar.testing.randomize(tfar.networks.NADE(event_shape=[3, 3, 1], hidden_units=4), seed=3)]
    model = tfar.AutoregressiveModel(Pool(networks))
    assert networks[2].block_size == 9 and model.network.block_size == 3
    drawn = [model.distribution(method=method).sample(20, seed=1).numpy() for method in ("stepping", "naive")]
    np.testing.assert_array_equal(*drawn)


def test_classes():
    made = {"event_shape": [2], "params_size": 3, "num_classes": 3, "hidden_units": [4]}
    model = tfar.AutoregressiveModel(Pool([tfar.testing.randomize(MADE(**made), seed=k) for k in (1, 2)]), tfar.heads.Categorical(3))
    grid = np.indices([3, 3]).reshape(2, -1).T
    assert abs(np.exp(model.log_prob(grid)).sum() - 1) < 1e-5


def test_fitting_changes_the_weights_alone_and_finds_the_network_of_the_data():
    networks = vectors()
    x = tfar.AutoregressiveModel(networks[0]).sample(2000, seed=3).numpy()
    before = [np.array(weight) for network in networks for weight in network.weights]
    model = tfar.AutoregressiveModel(Pool(networks))
    model.compile(keras.optimizers.Adam(0.05), jit_compile=False)
    model.fit(x, batch_size=500, epochs=20, verbose=0)
    weights = model.network.pool_weights.numpy()[:, 0]
    assert [variable.name for variable in model.trainable_variables] == ["pool_weights"]
    assert weights[0] > 0.8 and abs(weights[1]) < 0.2
    for old, new in zip(before, [weight for network in networks for weight in network.weights], strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_pool_is_saved_with_its_members(tmp_path):
    model = tfar.AutoregressiveModel(Pool(vectors()))
    model.network.pool_weights.assign([[0.2], [0.9]])
    model.save(tmp_path / "pool.keras")
    again = tfar.load_model(tmp_path / "pool.keras")
    x = model.sample(6, seed=1)
    np.testing.assert_allclose(again.log_prob(x), model.log_prob(x), rtol=1e-6)
    assert len(again.trainable_variables) == 1


@pytest.mark.parametrize(
    ("networks", "message"),
    [
        ([], "at least one AutoregressiveNetwork"),
        (["made"], "at least one AutoregressiveNetwork"),
        ([NADE(event_shape=[4], hidden_units=2), NADE(event_shape=[5], hidden_units=2)], "the same event_shape"),
        ([NADE(event_shape=[4], hidden_units=2), NADE(event_shape=[4], hidden_units=2, order="reversed")], "the same order"),
        ([MADE(event_shape=[4], hidden_units=[3], num_masks=2, order="random")], "must be one distribution"),
    ],
)
def test_networks_that_cannot_be_pooled(networks, message):
    with pytest.raises(ValueError, match=message):
        Pool(networks)


def test_heads_without_logits_are_refused():
    normal = MADE(event_shape=[4], params_size=2, hidden_units=[3])
    with pytest.raises(ValueError, match="binary or categorical"):
        tfar.AutoregressiveModel(Pool([normal, normal]), "normal")


@pytest.mark.slow
def test_xla_and_serving_draw_the_same(tmp_path):
    model = tfar.AutoregressiveModel(Pool(images()))
    plain = model.sample(8, seed=2).numpy()
    np.testing.assert_array_equal(model.distribution(jit_compile=True).sample(8, seed=2), plain)
    model.export(tmp_path / "1")
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["sample"]
    seeds = tfar.noise.row_seeds(tfar.noise.as_seed(2), 8)
    np.testing.assert_array_equal(served(seed=seeds)["x"], plain)
