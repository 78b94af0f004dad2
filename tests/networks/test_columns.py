"""Networks with a head for each column, against the papers' equations in NumPy with features and parameters of any number a column."""

import numpy as np
import pytest
import tensorflow as tf

import tfar
from tfar import heads
from tfar.networks import MADE, NADE, DeepNADE, LogisticAutoregressive, NeuralAutoregressive
from tfar.testing import randomize

HEAD = heads.Columns([heads.Categorical(3), heads.NormalMixture(2), heads.Bernoulli(), heads.Categorical(5)])
ORDER = [2, 0, 3, 1]
X = np.array([[2, -0.7, 1, 4], [0, 1.3, 0, 1], [1, 0.2, 1, 0]])
SIZES = HEAD.params_size


def features(row):
    """The inputs of each column, and the same concatenated."""
    one = [np.eye(3)[int(row[0])], row[1:2], row[2:3], np.eye(5)[int(row[3])]]
    return [part.astype(np.float64) for part in one]


def rows_of(sizes, d):
    start = int(np.sum(sizes[:d]))
    return slice(start, start + int(sizes[d]))


ENCODED = [3, 1, 1, 5]


def built(network_class, **options):
    network = network_class([4], SIZES, encoding=HEAD.encoding, order=ORDER, **options)
    return randomize(network)


def weights(network):
    return {weight.path.split("/", 1)[1]: weight.numpy().astype(np.float64) for weight in network.weights}


def nade(network, x):
    w = weights(network)
    params = [None] * 4
    a = w["hidden_bias"].copy()
    for d in ORDER:
        h = np.maximum(0, a * w["rescaling"][d]) if network.rescale else 1 / (1 + np.exp(-a))
        params[d] = w["output_bias"][rows_of(SIZES, d)] + w["output_kernel"][rows_of(SIZES, d)] @ h
        a += features(x)[d] @ w["input_kernel"][rows_of(ENCODED, d)]
    return np.concatenate(params)


def made(network, x):
    """Each unit and each output from its own sum over the units that it may see."""
    by_layer = {layer.name: layer for layer in network.masked_layers}
    rank = np.argsort(ORDER)
    inputs = np.concatenate(features(x))
    in_degrees = np.repeat(rank + 1, ENCODED)
    values, degrees = inputs, in_degrees
    for n, hidden in enumerate(network.hidden_degrees):
        layer = by_layer[f"hidden_{n}"]
        kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
        centred = values - layer.mean.numpy() if n == 0 else values
        sums = [bias[j] + sum(kernel[i, j] * centred[i] for i in range(len(values)) if degrees[i] <= m) for j, m in enumerate(hidden[0])]
        values, degrees = np.maximum(0, sums), hidden[0]
    out_degrees = np.repeat(rank + 1, SIZES)
    params = np.zeros(sum(SIZES))
    for name, source, source_degrees in (("output", values, degrees), ("direct", inputs, in_degrees)):
        if (layer := by_layer.get(name)) is None:
            continue
        kernel = layer.kernel.numpy()
        centred = source - layer.mean.numpy() if layer.centred else source
        for j, m in enumerate(out_degrees):
            params[j] += sum(kernel[i, j] * centred[i] for i in range(len(source)) if source_degrees[i] < m)
            params[j] += layer.bias.numpy()[j] if layer.use_bias else 0
    return params


def neural(network, x):
    """The network of each column, cut out of the kernels of its block."""
    units, params, before = network.hidden_units, [None] * 4, np.zeros(0)
    V, c = network.output_kernel.numpy(), network.output_bias.numpy()
    direct, end = network.direct_layer.kernel.numpy(), 0
    for k, d in enumerate(ORDER):
        block, place = divmod(k, network.block_size)
        layer = network.hidden_layers[block]
        here = slice(place * units, (place + 1) * units)
        h = np.tanh(layer.bias.numpy()[here] + before @ layer.kernel.numpy()[: len(before), here])
        params[d] = c[rows_of(SIZES, d)] + V[rows_of(SIZES, d)] @ h + before @ direct[: len(before), end : end + SIZES[d]]
        before, end = np.concatenate([before, features(x)[d]]), end + SIZES[d]
    return np.concatenate(params)


def deep_nade(network, x, order):
    w = weights(network)
    kernel, mean = w["kernel"], w["mean"]
    params = [None] * 4
    for k, d in enumerate(order):
        seen = order[:k]
        observed = np.isin(np.arange(4), seen).astype(float)
        centred = (np.concatenate(features(x)) - mean) * np.repeat(observed, ENCODED)
        h = np.maximum(0, w["bias"] + centred @ kernel + (observed - 0.5) @ w["mask_kernel"])
        for n in range(1, len(network.hidden_units)):
            h = np.maximum(0, h @ w[f"hidden_{n}/kernel"] + w[f"hidden_{n}/bias"])
        params[d] = w["output_bias"][rows_of(SIZES, d)] + w["output_kernel"][rows_of(SIZES, d)] @ h
    return np.concatenate(params)


@pytest.mark.parametrize(
    ("network_class", "transcription", "options"),
    [
        (NADE, nade, {"hidden_units": 6}),
        (tfar.networks.RNADE, nade, {"hidden_units": 6}),
        (LogisticAutoregressive, made, {}),
        (MADE, made, {"hidden_units": [9, 7], "direct": True}),
        (NeuralAutoregressive, neural, {"hidden_units": 3, "direct": True}),
    ],
)
def test_equals_the_papers_equations(network_class, transcription, options):
    network = built(network_class, **options)
    assert network(X).shape == (3, sum(SIZES))
    for row, params in zip(X, network(X).numpy(), strict=True):
        np.testing.assert_allclose(params, transcription(network, row), rtol=1e-4, atol=1e-5)


def test_deep_nade_equals_the_papers_equations_in_every_order():
    network = built(DeepNADE, hidden_units=[6, 5])
    orders = [ORDER, [0, 1, 2, 3], [3, 1, 0, 2]]
    for order in orders:
        for row, params in zip(X, network(X, order=np.array(order)).numpy(), strict=True):
            np.testing.assert_allclose(params, deep_nade(network, row, order), rtol=1e-4, atol=1e-5)
    by_row = network(X, order=np.array(orders)).numpy()
    for row, order, params in zip(X, orders, by_row, strict=True):
        np.testing.assert_allclose(params, deep_nade(network, row, order), rtol=1e-4, atol=1e-5)


def test_a_completion_is_drawn_from_the_conditional_of_its_row():
    """Deep NADE, each row with another pattern: the drawn frequencies are those of `conditional_log_prob` of every completion."""
    head = heads.Columns([heads.Categorical(3), heads.Bernoulli(), heads.Categorical(2)])
    model = tfar.DeepNADE([3], head=head, hidden_units=[8])
    randomize(model.network)
    count, given = 20_000, np.array([[2.0, 0.0, 1.0]])
    every = np.array([[a, b, c] for a in range(3) for b in range(2) for c in range(2)], np.float64)
    for observed in ([True, False, False], [False, True, False], [False, False, True]):
        observed = np.array([observed])
        drawn = model.complete(np.repeat(given, count, axis=0), observed, seed=5).numpy()
        np.testing.assert_array_equal(drawn[:, observed[0]], np.broadcast_to(given[:, observed[0]], [count, 1]))
        possible = every[(every == given)[:, observed[0]].all(axis=1)]
        expected = np.exp(model.conditional_log_prob(possible, observed)) * count
        assert abs(expected.sum() - count) < 1
        found = np.array([np.all(drawn == row, axis=1).sum() for row in possible])
        statistic = ((found - expected) ** 2 / expected).sum()
        assert statistic < 40  # chi-square of at most 5 degrees of freedom: a false alarm in 1.5e-7 of seeds


def test_completions_in_columns_are_those_of_an_order_for_each_row():
    model = tfar.DeepNADE([4], head=HEAD, hidden_units=[8], context_size=2)
    randomize(model.network)
    context, seeds = np.ones([40, 2], "float32"), tfar.noise.row_seeds(tfar.noise.as_seed(4), 40)
    x = model.sample(40, seed=1, context=context).numpy()
    observed = np.random.default_rng(0).uniform(size=x.shape) < 0.5
    drawn = {m: model.distribution(context, method=m).complete(x, observed, seeds).numpy() for m in ("stepping", "naive")}
    np.testing.assert_allclose(drawn["stepping"], drawn["naive"], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(drawn["stepping"][observed], x[observed])
    assert (drawn["stepping"][~observed] != x[~observed]).any()


@pytest.mark.slow
def test_no_step_is_padded_to_the_largest_column():
    """The sampler of a table with one column of many classes multiplies as much as one pass of the masked network does."""
    sizes = [3, 400, 2, 3]
    head = heads.Columns([heads.Categorical(k) for k in sizes])
    model = tfar.MADE([4], head=head, hidden_units=[32], direct=False)
    graph = tf.function(lambda seeds: model.distribution().sample_rows(seeds)).get_concrete_function(tf.TensorSpec([8, 2], tf.int32)).graph
    functions = [graph, *(graph._get_function(name).graph for name in graph._functions)] if hasattr(graph, "_functions") else [graph]
    products = [
        [int(n) for n in operation.inputs[0].shape] + [int(operation.outputs[0].shape[-2])]
        for one in functions
        for operation in one.get_operations()
        if operation.type in ("MatMul", "BatchMatMulV2")
    ]
    assert products  # found where the loop is unrolled
    dense = sum(sizes) * 32 * 2
    assert sum(8 * inputs * units for inputs, units, _ in products) <= 8 * dense


def test_families_without_columns_refuse_them():
    with pytest.raises(ValueError, match="a family that takes columns. Received: NADEK"):
        tfar.NADEK([4], head=HEAD, hidden_units=[8])
    with pytest.raises(ValueError, match="of as many dimensions"):
        tfar.MADE([5], head=HEAD, hidden_units=[8])


def test_support_is_said_of_each_column():
    model = tfar.MADE([4], head=HEAD, hidden_units=[8])
    with pytest.raises(ValueError, match=r"integers from 0 to 2 in column 0; finite numbers in column 1; 0 or 1 in column 2"):
        model.log_prob(np.array([[3.0, 0.0, 0.0, 0.0]]))
