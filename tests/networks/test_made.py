"""MADE and the logistic network against the papers' equations, written out here unit by unit in NumPy."""

import keras
import numpy as np
import pytest

import tfar
from tfar import masks
from tfar.models.starting import start_at_marginals


def relu(a):
    return max(a, 0.0)


def degrees_seen(last, window):
    """The degrees up to `last`, or the last `window` of them."""
    return range(last + 1)[-window:] if window else range(last + 1)


def made_by_hand(network, x, context, member):
    """Germain et al. 2015, eqs. 8 to 10: a unit of degree m(j) sees units of degree m(i) <= m(j); an output only smaller degrees.

    Of the inputs their centre is subtracted.
    """
    size = network.event_size
    order = [int(d) for d in np.asarray(network.orders[member])]
    degree_of_input = [order.index(d) + 1 for d in range(size)]
    hidden = network.masked_layers[: len(network.hidden_units)]
    direct = network.masked_layers[-1] if network.direct else None
    x = x - network.connections[-1 if network.direct else 0][0].mean.numpy()
    values, degrees = list(x), degree_of_input
    for depth, layer in enumerate(hidden):
        kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
        unit_degrees = [int(m) for m in network.hidden_degrees[depth][member]]
        new = []
        for j, m in enumerate(unit_degrees):
            total = bias[j]
            for i, value in enumerate(values):
                if degrees[i] in degrees_seen(m, network.window if depth else None):
                    total += kernel[i, j] * value
            if depth == 0 and context is not None:
                total += context @ network.context_layers["1"].kernel.numpy()[:, j]
            new.append(relu(total))
        values, degrees = new, unit_degrees
    params = []
    for d in range(size):
        total = 0.0
        if hidden:
            output = network.masked_layers[len(hidden)]
            total += output.bias.numpy()[d]
            for i, value in enumerate(values):
                if degrees[i] in degrees_seen(degree_of_input[d] - 1, network.window):
                    total += output.kernel.numpy()[i, d] * value
        if direct is not None:
            total += 0.0 if hidden else direct.bias.numpy()[d]
            for i in range(size):
                if degree_of_input[i] < degree_of_input[d]:
                    total += direct.kernel.numpy()[i, d] * x[i]
        if context is not None:
            total += context @ network.context_layers[str(len(hidden) + 1)].kernel.numpy()[:, d]
        params.append(total)
    return np.array(params)


@pytest.mark.parametrize(
    "options",
    [
        {"hidden_units": [7]},
        {"hidden_units": [9, 8], "direct": True, "order": [3, 0, 4, 1, 2], "connectivity": "random", "context_size": 2},
        {"hidden_units": [9], "num_masks": 3, "order": "random", "context_size": 1},
        {"hidden_units": [9, 11], "window": 2, "num_masks": 2, "order": "random", "context_size": 1},
        {"hidden_units": [9, 8], "direct": True, "num_masks": 3, "order": "alternating", "connectivity": "placed", "context_size": 1},
        {"hidden_units": [], "direct": True, "order": "reversed", "context_size": 2},
    ],
)
def test_parameters_are_the_papers(options):
    network = tfar.MADE([5], **{"direct": False, **options}).network
    generator = np.random.default_rng(4)
    for variable in network.trainable_variables:
        variable.assign(generator.normal(size=variable.shape))
    network.centre(generator.normal(size=5))
    for member in range(network.num_members):
        x = generator.integers(0, 2, size=5)
        context = generator.normal(size=network.context_size).astype("float32") if network.context_size else None
        args = (x[None],) if context is None else (x[None], context[None])
        found = network(*args, member=member).numpy()[0, :, 0]
        np.testing.assert_allclose(found, made_by_hand(network, x, context, member), rtol=1e-4, atol=1e-5)


def test_pairs_of_masks_share_even_degrees_where_their_orders_differ():
    several = tfar.MADE([6], hidden_units=[9], num_masks=3, order="random", direct=False).network
    assert len(np.unique(several.orders, axis=0)) == 3
    assert np.all(several.hidden_degrees[0] == masks.hidden_degrees(9, 6))
    one = tfar.MADE([6], hidden_units=[9], num_masks=3, direct=False).network
    assert len(np.unique(one.orders, axis=0)) == 1
    assert len(np.unique(one.hidden_degrees[0], axis=0)) == 3
    shuffled = tfar.MADE([6], hidden_units=[9], num_masks=3, order="random", connectivity="random", direct=False).network
    assert len(np.unique(shuffled.hidden_degrees[0], axis=0)) == 3


@pytest.mark.parametrize("options", [{"order": "random"}, {"order": "random", "connectivity": "random"}, {"connectivity": "placed"}, {}])
def test_a_training_step_uses_the_next_masks_each_for_its_share_of_the_rows(options):
    network = tfar.MADE([6], hidden_units=[9, 8], num_masks=3, masks_per_step=2, direct=True, context_size=1, **options).network
    generator = np.random.default_rng(4)
    for variable in network.trainable_variables:
        variable.assign(generator.normal(size=variable.shape))
    x, context = generator.integers(0, 2, size=[5, 6]), generator.normal(size=[5, 1]).astype("float32")
    for members in ([0, 1], [2, 0], [1, 2]):
        found = network(x, context, training=True)
        first, second = (network(x, context, member=member) for member in members)
        np.testing.assert_allclose(found, np.concatenate([first[:2], second[2:]]), rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="masks_per_step must be at most num_masks"):
        tfar.MADE([6], num_masks=3, masks_per_step=4)


def test_a_placed_unit_sees_the_two_sides_of_its_place_in_opposite_orders():
    network = tfar.MADE([100], hidden_units=[20, 200], num_masks=4, order="alternating", connectivity="placed", direct=False).network
    for degrees in network.hidden_degrees:
        assert len(np.unique(degrees, axis=0)) == (4 if degrees.shape[1] == 200 else 2)  # 20 units lie too far apart to change places
        assert np.abs(degrees[0] + degrees[1] - 100).max() <= 100 / degrees.shape[1] + 4 * masks.AWAY


def test_training_centres_the_inputs():
    x = np.random.default_rng(0).integers(0, 2, size=[50, 5])
    model = tfar.MADE([5], hidden_units=[9], direct=True)
    start_at_marginals(model, x)
    hidden, _, direct = model.network.masked_layers
    for layer in (hidden, direct):
        np.testing.assert_allclose(layer.mean, x.mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("connectivity", ["random", "placed"])
def test_each_layer_of_each_member_has_a_connectivity_of_its_own(connectivity):
    made = tfar.networks.MADE([30], 1, hidden_units=[60, 60, 60], num_masks=2, connectivity=connectivity, order="natural")
    drawn = [tuple(degrees) for layer in made.hidden_degrees for degrees in layer]
    assert len(drawn) == 6 == len(set(drawn))


def test_log_prob_is_the_sum_over_dimensions():
    model = tfar.MADE([5], hidden_units=[9], order=[3, 0, 4, 1, 2], direct=False)
    for x in np.random.default_rng(1).integers(0, 2, size=[4, 5]):
        p = 1 / (1 + np.exp(-made_by_hand(model.network, x, None, 0)))
        np.testing.assert_allclose(model.log_prob(x[None])[0], np.log(np.where(x, p, 1 - p)).sum(), rtol=1e-5)


@pytest.mark.parametrize("size", [1, 5, 30])
def test_the_logistic_network_has_the_parameters_of_its_paper(size):
    network = tfar.LogisticAutoregressive([size]).network
    assert network.effective_parameters() == size * (size - 1) // 2 + size


def test_a_mask_holds_whatever_is_assigned_and_loaded(tmp_path):
    model = tfar.MADE([4], hidden_units=[6], order=[2, 0, 3, 1], direct=False)
    for variable in model.trainable_variables:
        variable.assign(np.full(variable.shape, 3.0))
    model.save(tmp_path / "m.keras")
    for network in (model.network, keras.saving.load_model(tmp_path / "m.keras").network):
        tfar.check_autoregressive(network)
