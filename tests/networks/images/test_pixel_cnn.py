"""PixelCNN: against a slow transcription, its receptive field with the known blind spot, and its sampler."""

import numpy as np
import pytest
from support import image_models as im

import tfar
from tfar import heads
from tfar.networks import PixelCNN


def small(event_shape=(3, 4, 3), params_size=2, **options):
    options = {"filters": 12, "num_blocks": 2, "kernel_size": 5, "head_filters": [6, 9], **options}
    return im.randomized(PixelCNN(event_shape, params_size, **{"positions": False, **options}))


@pytest.mark.parametrize(
    "options",
    [
        {"num_classes": 5, "positions": True},
        {"event_shape": [4, 3, 1], "context_size": 2, "kernel_size": 7},
        {"event_shape": [4, 3, 1], "activation": "swish"},
    ],
)
def test_equals_a_slow_transcription(options):
    network = small(**options)
    x, context = im.images(network, 2)
    w, expected = im.Weights(network), []
    g = w.activation
    for n in range(2):
        y = w.conv_all(network.first, w.scaled(x[n]), "A") + w.position()
        for block in range(network.num_blocks):
            u = w.conv_all(network.spread[block], g(w.conv_all(network.narrow[block], g(y))))
            if context is not None:
                u = u + w.conditioning(context[n], network.num_blocks)[block]
            y = y + w.conv_all(network.widen[block], g(u))
        expected.append(w.head(y))
    np.testing.assert_allclose(im.outputs(network, x, context), expected, atol=2e-5)


def test_sees_all_but_the_blind_spot():
    network = small([6, 7, 1], 1, filters=16, num_blocks=2, kernel_size=3, head_filters=[16])
    block = im.reach(6, 7, im.before(1, own=True))
    expected = im.chain(im.reach(6, 7, im.before(1, own=False)), block, block)
    found = im.seen(network)
    np.testing.assert_array_equal(found, expected)
    # The blind spot lies above to the right: from (3, 2), two rows up and more than as many columns to the right.
    assert found[1 * 7 + 4, 3 * 7 + 2] and found[2 * 7 + 3, 3 * 7 + 2] and not found[2 * 7 + 4, 3 * 7 + 2]


def test_colours_see_exactly_the_earlier_ones():
    network = small([2, 2, 3], 1, filters=24, head_filters=[24])
    found = tfar.testing.dependencies(network, num_classes=3, trials=6)
    np.testing.assert_array_equal(found, np.triu(np.ones([12, 12], bool), 1))


def test_probabilities_sum_to_one():
    im.assert_sums_to_one(small([2, 3, 1], 1, context_size=2), "bernoulli")
    im.assert_sums_to_one(small([1, 2, 3], 3, num_classes=3), heads.Categorical(3))
    im.assert_sums_to_one(small([1, 2, 3], 6, num_classes=3, linear_means=True), heads.DiscretizedLogisticMixture(2, levels=3))


@pytest.mark.slow  # the contract has the like
@pytest.mark.parametrize(
    ("network", "head", "exact"),
    [
        (lambda: small([4, 5, 1], 1, kernel_size=7), heads.Bernoulli(), True),
        (lambda: small([4, 5, 1], 1, activation="swish"), heads.Bernoulli(), True),
        (lambda: small([3, 4, 3], 4, num_classes=4, context_size=2, positions=True), heads.Categorical(4), True),
        (lambda: small([2, 3, 2], 6, linear_means=True, filters=8, num_blocks=1), heads.NormalMixture(2), False),
    ],
    ids=["binary", "swish", "colour", "real"],
)
def test_all_samplers_agree(network, head, exact):
    im.assert_samplers_agree(network(), head, exact=exact)


def test_linear_means_add_what_the_paper_says():
    network = small([2, 2, 3], 6, num_classes=4, linear_means=True, head_filters=[9])
    x, _ = im.images(network, 2)
    w = im.Weights(network)
    y = [w.head(stream(network, w, image)) for image in x]  # (H, W, 3, 3k + 2k)
    params = im.outputs(network, x)
    for outputs, image, result in zip(y, x, params, strict=True):
        scaled, loc = w.scaled(image), outputs[..., 2:4].copy()
        loc[:, :, 1] += np.tanh(outputs[:, :, 1, 6:8]) * scaled[:, :, 0, None]
        loc[:, :, 2] += np.tanh(outputs[:, :, 2, 6:8]) * scaled[:, :, 0, None] + np.tanh(outputs[:, :, 2, 8:]) * scaled[:, :, 1, None]
        np.testing.assert_allclose(result[..., 2:4], loc, atol=2e-5)
        np.testing.assert_allclose(result[..., [0, 1, 4, 5]], outputs[..., [0, 1, 4, 5]], atol=2e-5)


def stream(network, w, image):
    y = w.conv_all(network.first, w.scaled(image), "A")
    for narrow, spread, widen in zip(network.narrow, network.spread, network.widen, strict=True):
        y = y + w.conv_all(widen, im.relu(w.conv_all(spread, im.relu(w.conv_all(narrow, im.relu(y))))))
    return y


def test_context_reaches_the_first_pixel():
    im.assert_context_reaches_the_first_pixel(small([3, 3, 1], 1, context_size=2))


@pytest.mark.slow  # the contract has the like
def test_model_trains_completes_and_survives_saving(tmp_path):
    model = tfar.PixelCNN(
        [4, 4, 3], heads.Categorical(4), filters=20, num_blocks=1, head_filters=[5], dropout=0.1, context_size=2, positions=False
    )
    assert model.network.filters == 24 and model.network.head_filters == (6,)  # rounded up for three colours
    x, context = im.images(model.network, 16)
    model.compile("adam", jit_compile=False)
    losses = model.fit(x, context, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    im.assert_survives_saving(model, tmp_path / "model.keras")
    observed = np.zeros([4, 4, 3], bool)
    observed[:2] = True
    completed = model.complete(x[:2], observed, seed=1, context=context[:2])
    np.testing.assert_array_equal(completed[:, :2], x[:2, :2])
    with pytest.raises(ValueError, match="must come first"):
        model.complete(x[:2], ~observed, seed=1, context=context[:2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"event_shape": [4, 4]}, r"event_shape must be \[height, width, channels\]. Received: event_shape=\[4, 4\]"),
        ({"kernel_size": 4}, "kernel_size must be odd"),
        ({"kernel_size": 1}, "kernel_size must be an integer of at least 3. Received: kernel_size=1"),
        ({"num_blocks": 0}, "num_blocks must be an integer of at least 1. Received: num_blocks=0"),
        ({"head_filters": [4, 0]}, r"head_filters must be integers of at least 1. Received: head_filters=\[4, 0\]"),
        ({"order": "reversed"}, "natural order. Received: order='reversed'"),
        ({"linear_means": True}, "linear_means needs the 3k parameters of a mixture. Received: params_size=1"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        PixelCNN(**{"event_shape": [4, 4, 1], **options})


def test_bad_images_are_refused():
    model = tfar.PixelCNN([4, 4, 3], heads.Categorical(256), filters=6, num_blocks=1, head_filters=[], positions=False)
    good = np.zeros([2, 4, 4, 3], np.int32)
    for x in (good[:, :3], good[..., :1], good[..., 0]):
        with pytest.raises(ValueError, match="Received"):
            model.log_prob(x)
        with pytest.raises(ValueError, match=r"x must be \[B, 4, 4, 3\]. Received: x.shape="):
            model.network(x)
    for x, value in ((good + 0.25, "0.25"), (good - 1, "-1"), (good + 256, "256")):
        with pytest.raises(ValueError, match=f"integers from 0 to 255. Received: {value}"):
            model.log_prob(x)
