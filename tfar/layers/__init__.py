"""Keras layers: masked layers, and dropout that is fast under XLA."""

import keras

from tfar.layers.dropout import Dropout
from tfar.layers.masked_conv2d import MaskedConv2D
from tfar.layers.masked_dense import MaskedDense

if keras.backend.backend() != "tensorflow":  # checked here because everything that computes imports the layers
    raise ImportError(f"tfar needs Keras on TensorFlow: set KERAS_BACKEND=tensorflow. Received: {keras.backend.backend()}")

__all__ = ["Dropout", "MaskedConv2D", "MaskedDense"]
