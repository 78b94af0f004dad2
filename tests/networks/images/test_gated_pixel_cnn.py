"""GatedPixelCNN: against a slow transcription, its receptive field without a blind spot, and its sampler."""

import keras
import numpy as np
import pytest
from support import image_models as im

import tfar
from tfar import heads
from tfar.networks import GatedPixelCNN


def small(event_shape=(3, 4, 3), params_size=2, **options):
    options = {"filters": 6, "num_layers": 3, "kernel_size": 5, "skip_filters": 6, "head_filters": [9], **options}
    return im.randomized(GatedPixelCNN(event_shape, params_size, **{"positions": False, **options}), gain=2.0)


def gate(sums, colors):
    """Within each colour's channels, one half goes to the tanh and one to the sigmoid."""
    halves = [np.split(part, 2) for part in np.split(sums, colors)]
    return np.concatenate([np.tanh(one) * im.sigmoid(two) for one, two in halves])


def down(layer, v, i, j):
    """The vertical stack's convolution at (i, j), of the rows of v down to i."""
    kernel, width = np.asarray(layer.kernel, np.float64), v.shape[1]
    above, side, total = kernel.shape[0] - 1, kernel.shape[1] // 2, np.asarray(layer.bias, np.float64)
    for di in range(-above, 1):
        for dj in range(-side, side + 1):
            if i + di >= 0 and 0 <= j + dj < width:
                total = total + v[i + di, j + dj] @ kernel[di + above, dj + side]
    return total


@pytest.mark.parametrize(
    "options", [{"num_classes": 5, "positions": True}, {"event_shape": [4, 3, 1], "context_size": 2, "kernel_size": 7}]
)
def test_equals_a_slow_transcription(options):
    network = small(**options)
    x, context = im.images(network, 2)
    w, expected = im.Weights(network), []
    pixels = [(i, j) for i in range(w.height) for j in range(w.width)]
    for n in range(2):
        image = w.scaled(x[n])
        h, v = image, np.concatenate([np.zeros_like(image[:1]), image[:-1]])  # row i of v is row i - 1 of the image
        terms = np.zeros([network.num_layers, 2, 1]) if context is None else w.conditioning(context[n], network.num_layers, 2)
        skips = 0.0
        for layer in range(network.num_layers):
            a = np.zeros([w.height, w.width, 2 * network.filters])
            g = np.zeros([w.height, w.width, network.filters])
            for i, j in pixels:
                a[i, j] = down(network.down[layer], v, i, j) + terms[layer, 0] + (0 if layer else w.position()[i, j])
                across = w.conv(network.across[layer], h, i, j, "B" if layer else "A")
                g[i, j] = gate(across + a[i, j] @ np.asarray(network.link[layer].kernel) + terms[layer, 1], w.colors)
            skips = skips + w.conv_all(network.skip[layer], g)
            if layer < network.num_layers - 1:
                h = w.conv_all(network.residual[layer], g) + (h if layer else 0.0)
                v = np.array([[gate(a[i, j], w.colors) for j in range(w.width)] for i in range(w.height)])
        expected.append(w.head(skips))
    np.testing.assert_allclose(im.outputs(network, x, context), expected, atol=5e-5)


def test_sees_every_earlier_pixel_and_no_other():
    network = small([4, 5, 1], 1, filters=12, num_layers=4, kernel_size=3, skip_filters=16, head_filters=[16])
    np.testing.assert_array_equal(im.seen(network), np.triu(np.ones([20, 20], bool), 1))


def test_colours_see_exactly_the_earlier_ones():
    network = small([2, 2, 3], 1, filters=24, skip_filters=24, head_filters=[24])
    found = tfar.testing.dependencies(network, num_classes=3, trials=6)
    np.testing.assert_array_equal(found, np.triu(np.ones([12, 12], bool), 1))


@pytest.mark.parametrize(
    ("network", "head"),
    [
        pytest.param(lambda: small([4, 5, 1], 1, kernel_size=7, num_layers=2, context_size=2), heads.Bernoulli(), marks=pytest.mark.slow),
        (lambda: small([3, 3, 3], 6, num_classes=4, linear_means=True, positions=True), heads.DiscretizedLogisticMixture(2, 4)),
    ],
    ids=["binary", "colour"],
)
def test_all_samplers_agree(network, head):
    im.assert_samplers_agree(network(), head)


@pytest.mark.slow  # the contract has the like
def test_model_learns_a_label_and_survives_saving(tmp_path):
    model = tfar.GatedPixelCNN(
        [3, 3, 1], filters=8, num_layers=2, skip_filters=8, head_filters=[8], context_size=2, dropout=0.1, positions=False
    )
    labels = np.arange(64) % 2
    x, context = np.broadcast_to(labels[:, None, None, None], [64, 3, 3, 1]), np.eye(2, dtype="float32")[labels]
    model.compile(keras.optimizers.Adam(0.03), jit_compile=False)
    model.fit(x, context, batch_size=16, epochs=12, verbose=0)
    drawn = model.sample(40, seed=1, context=context[:40]).numpy()
    assert np.mean(drawn == x[:40]) > 0.9
    im.assert_survives_saving(model, tmp_path / "model.keras")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_size": 4}, "kernel_size must be odd"),
        ({"num_layers": 1}, "num_layers must be an integer of at least 2. Received: num_layers=1"),
        ({"filters": 0}, "filters must be an integer of at least 1. Received: filters=0"),
        ({"event_shape": [16]}, r"event_shape must be \[height, width, channels\]"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        GatedPixelCNN(**{"event_shape": [4, 4, 1], **options})
