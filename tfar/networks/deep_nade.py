"""DeepNADE: a deep and tractable density estimator for every order at once (Uria, Murray & Larochelle 2014)."""

import keras
import tensorflow as tf

from tfar.networks.order_agnostic import OrderAgnostic


@keras.saving.register_keras_serializable(package="tfar")
class DeepNADE(OrderAgnostic):
    """A feed-forward network of any depth that predicts what is missing from what is observed and from what is missing.

        h^1 = g(W ((x - mean) * m) + U (m - 1/2) + C c + b)     m_i = 1 where x_i is observed, else 0
        h^l = g(W^l h^{l-1} + b^l)
        params = V h^L + d                                      those at i are used where m_i = 0

    The paper's first layer, g(W (x * m) + U' m + C c + b'), is this one with U' = U - W mean and b' = b - U 1 / 2: the same
    functions, in coordinates in which the inputs are centred. Gradient descent then gets as far in a fraction of the steps.
    `mean` is zero until `centre` sets it, as `tfar.training.fit` does before it begins.

    See `tfar.networks.order_agnostic.OrderAgnostic` for how it is trained and evaluated. With a real-valued head it is
    the paper's deep RNADE. The mixture of the densities of several orders is EoNADE:
    `model.distribution(num_orders=128)`.

    The paper's settings for binarized MNIST: two layers of 500 ReLUs, momentum 0.9, learning rate 1e-3 falling linearly
    to 0, minibatches of 100, 200 epochs of 1,000 updates.

    Args:
        hidden_units: sizes of the hidden layers, H.
        activation: g.
        order: the order that is used where no other is given: "natural", "reversed" or a permutation.
        kernel_initializer: initialiser of all kernels.
        dropout: share of the units of each hidden layer that training drops.
        seed: of the patterns that training draws.

    >>> import numpy as np
    >>> network = DeepNADE(event_shape=[4], hidden_units=[8, 8])
    >>> network(np.zeros([2, 4]), order=[3, 1, 0, 2]).shape
    TensorShape([2, 4, 1])
    """

    def build(self, x_shape=None, context_shape=None):
        super().build(x_shape, context_shape)
        self.mask_kernel = self._add_kernel("mask_kernel", (self.event_size, self.hidden_units[0]))
        self.mean = self.add_weight(name="mean", shape=(self.event_size * self.features,), initializer="zeros", trainable=False)

    def centre(self, mean):
        """Set the centre `[D * E]` of the inputs."""
        self.mean.assign(mean)

    def first_layer(self):
        weights = (self.kernel, self.mask_kernel, self.mean, self.bias)
        kernel, mask_kernel, mean, bias = (tf.cast(weight, self.sum_dtype) for weight in weights)
        shift = tf.reshape(kernel * mean[:, None], [self.event_size, self.features, -1])  # (D, E, H)
        return kernel, mask_kernel - tf.reduce_sum(shift, axis=1), bias - tf.reduce_sum(mask_kernel, axis=0) / 2

    def inference(self, sums, observed, columns=None, training=False):
        return self.hidden(sums, training), []
