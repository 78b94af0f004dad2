"""Keras layers with masks."""

from tfar.layers.masked_dense import MaskedDense

__all__ = ["MaskedDense"]
