"""Keras layers: masked ones, and dropout that is quick under XLA."""

from tfar.layers.dropout import Dropout
from tfar.layers.masked_conv2d import MaskedConv2D
from tfar.layers.masked_dense import MaskedDense

__all__ = ["Dropout", "MaskedConv2D", "MaskedDense"]
