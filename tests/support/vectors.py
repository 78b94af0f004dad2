"""Rows of five binary values, and a small MADE of them."""

import keras
import numpy as np
import tensorflow as tf

import tfar

X = np.random.default_rng(0).integers(0, 2, [96, 5]).astype("int32")
C = np.random.default_rng(1).normal(size=[96, 2]).astype("float32")


def made(**options):
    keras.utils.set_random_seed(3)
    model = tfar.MADE([5], hidden_units=[8], **{"direct": False, **options})
    model.compile(keras.optimizers.Adam(0.01))
    return model


def pairs(batch=32):
    return tf.data.Dataset.from_tensor_slices((X, C)).batch(batch)
