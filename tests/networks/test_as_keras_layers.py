"""Networks pass Keras' own test of what a configuration keeps."""

import keras
import numpy as np
import pytest
from keras.src.testing import TestCase

from tfar import networks

NETWORKS = {
    "logistic": lambda: networks.LogisticAutoregressive([4], order="reversed"),
    "made": lambda: networks.MADE([2, 2], 3, hidden_units=[5, 4], num_classes=3, num_masks=2, order="random", context_size=2, name="own"),
    "neural": lambda: networks.NeuralAutoregressive([4], hidden_units=2),
    "nade": lambda: networks.NADE([4], hidden_units=3, rescale=True, kernel_initializer=keras.initializers.HeNormal(seed=3)),
    "rnade": lambda: networks.RNADE([4], 6, hidden_units=3, order=[2, 0, 3, 1]),
    "deepnade": lambda: networks.DeepNADE([4], hidden_units=[3], dtype="float64"),
    "nadek": lambda: networks.NADEK([4], hidden_units=[3]),
    "pixelcnn": lambda: networks.PixelCNN([3, 2, 1], num_blocks=1, filters=4),
    "gated_pixelcnn": lambda: networks.GatedPixelCNN([3, 2, 1], num_layers=2, filters=4),
    "rowlstm": lambda: networks.RowLSTM([3, 2, 1], num_layers=1, filters=4),
    "diagonal_bilstm": lambda: networks.DiagonalBiLSTM([3, 2, 1], num_layers=1, filters=4),
    "charrnn": lambda: networks.CharRNN([4], 3, num_classes=3, units=4, num_layers=1, dtype="mixed_bfloat16"),
    "wrapped": lambda: networks.WrappedNetwork(keras.Sequential([keras.Input([3]), keras.layers.Reshape([3, 1])]), [3]),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_keras_test_of_serialization(name):
    TestCase().run_class_serialization_test(NETWORKS[name]())


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_the_shape_of_the_result_is_known(name):
    network = NETWORKS[name]()
    context = (np.ones([2, network.context_size], "float32"),) if network.context_size else ()
    params = network(np.zeros([2, *network.event_shape], "float32"), *context)
    assert network.compute_output_shape((2, *network.event_shape), *(c.shape for c in context)) == params.shape
