"""Keras layers with masks."""

from tfar.layers.masked_conv2d import MaskedConv2D
from tfar.layers.masked_dense import MaskedDense

__all__ = ["MaskedConv2D", "MaskedDense"]
