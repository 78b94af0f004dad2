"""DeepNADE: a deep and tractable density estimator for every order at once (Uria, Murray & Larochelle 2014)."""

from typing import Any

import keras
import tensorflow as tf

from tfar.networks.order_agnostic import OrderAgnostic


@keras.saving.register_keras_serializable(package="tfar")
class DeepNADE(OrderAgnostic):
    """A feed-forward network of any depth that predicts the missing values from the observed values and from the mask.

        h^1 = g(W ((x - mean) * m) + U (m - 1/2) + C c + b)     m_i = 1 where x_i is observed, else 0
        h^l = g(W^l h^{l-1} + b^l)
        params = V h^L + d                                      those at i are used where m_i = 0

    The paper's first layer is g(W (x * m) + U' m + C c + b'). This one computes the same functions with centred inputs, U' = U - W mean
    and b' = b - U 1 / 2, and training takes a fraction of the steps. `mean` is zero until `centre` sets it; `tfar.training.fit` does so
    before the first step.

    `tfar.networks.OrderAgnostic` describes training and evaluation. With a real-valued head this is the paper's deep RNADE. The mixture of
    the densities of several orders is EoNADE: `model.distribution(num_orders=128)`.

    The paper's settings for binarized MNIST: two layers of 500 ReLUs, momentum 0.9, learning rate 1e-3 falling linearly to 0, minibatches
    of 100, 200 epochs of 1,000 updates.

    Args:
        event_shape, params_size, num_classes, context_size, encoding: as in `tfar.networks.AutoregressiveNetwork`.
        hidden_units, activation, order, kernel_initializer, dropout, seed: as in `tfar.networks.OrderAgnostic`.

    Raises:
        ValueError: as `tfar.networks.OrderAgnostic`.

    >>> import numpy as np
    >>> network = DeepNADE(event_shape=[4], hidden_units=[8, 8])
    >>> network(np.zeros([2, 4]), order=[3, 1, 0, 2]).shape
    TensorShape([2, 4, 1])
    """

    def build(self, x_shape: Any = None, context_shape: Any = None) -> None:
        """Create the weights."""
        super().build(x_shape, context_shape)
        self.mask_kernel = self._add_kernel("mask_kernel", (self.event_size, self.hidden_units[0]))
        self.mean = self.add_weight(name="mean", shape=(int(self.feature_sizes.sum()),), initializer="zeros", trainable=False)

    def centre(self, mean: Any) -> None:
        """Set `mean` `[D * E]`, which is subtracted from the inputs."""
        self.mean.assign(mean)

    def first_layer(self) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return W `[D * E, H]`, U - W mean `[D, H]` and b - U 1 / 2 `[H]`, of `sum_dtype`."""
        weights = (self.kernel, self.mask_kernel, self.mean, self.bias)
        kernel, mask_kernel, mean, bias = (tf.cast(weight, self.sum_dtype) for weight in weights)
        shift = kernel * mean[:, None]
        if self.per_column:
            shift = tf.stack([tf.reduce_sum(shift[self.feature_rows(d)], axis=0) for d in range(self.event_size)])
        else:
            shift = tf.reduce_sum(tf.reshape(shift, [self.event_size, self.features, -1]), axis=1)
        return kernel, mask_kernel - shift, bias - tf.reduce_sum(mask_kernel, axis=0) / 2

    def inference(
        self, sums: tf.Tensor, observed: tf.Tensor, columns: Any = None, training: bool = False
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Return the last hidden layer `[S * B, H]`; there are no earlier inference steps."""
        return self.hidden(sums, training), []
