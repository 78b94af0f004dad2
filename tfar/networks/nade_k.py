"""NADE-k: the iterative neural autoregressive distribution estimator (Raiko, Yao, Cho & Bengio 2014)."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfar import config, noise
from tfar.heads.base import Head
from tfar.networks.order_agnostic import OrderAgnostic
from tfar.validation import MOST_LAYERS, as_reals, check_counts


@keras.saving.register_keras_serializable(package="tfar")
class NADEK(OrderAgnostic):
    """k steps of iterated inference: each step fills in the missing values and predicts them again.

        v^<0> = m * x + (1 - m) * mean                          m_i = 1 where x_i is observed, else 0
        h^<t> = g(W (v^<t-1> - mean) + C c + b)                 with one hidden layer
        h^<t> = g(T g(W (v^<t-1> - mean) + C c + b) + b')       with two
        v^<t> = m * x + (1 - m) * sigmoid(V h^<t> + d)          t = 1..k

    The paper's first bias is b - W mean: this parametrisation has the same functions, and training converges faster.

    p(x_i = 1 | x_observed) is v_i^<k>. Training averages the cost over the k steps, with the weights and the subsets of
    `tfar.networks.OrderAgnostic`, which also describes the evaluation of one order. Each position takes k - 1 products with V and W, so an
    evaluation costs about k D times a pass of the network.

    The paper's settings for binarized MNIST: k = 5, two layers of 500 tanh units, minibatches of 100, AdaDelta, weight decay, kernels
    initialised by `keras.initializers.RandomNormal(stddev=0.01)`, with which training is slower here.

    Args:
        event_shape, params_size, num_classes, context_size, encoding: as in `tfar.networks.AutoregressiveNetwork`.
        num_steps: k, the number of inference steps.
        hidden_units, activation, order, kernel_initializer, seed: as in `tfar.networks.OrderAgnostic`.
        data_mean: mean of each dimension, `[*event_shape]`, in [0, 1], which missing values start at; the biases d start at its log-odds.
            None for the running mean of all training batches, which is stored with the weights and is 0.5 before the first.
        dropout: share of the units of each hidden layer that each inference step drops in training.

    Raises:
        ValueError: as `tfar.networks.OrderAgnostic`; the values are not binary, since the next inference step takes in the paper's sigmoid
            outputs; or `data_mean` has another shape or values outside [0, 1].

    >>> network = NADEK(event_shape=[4], hidden_units=[8], data_mean=[0.1, 0.5, 0.5, 0.9])
    >>> network(np.zeros([2, 4]), order=[3, 1, 0, 2]).shape
    TensorShape([2, 4, 1])
    """

    family = config.NADEK
    takes_columns = False
    segments = 4  # with which an evaluation takes 5/8 of the products with V and W

    def __init__(
        self,
        event_shape: int | Iterable[int],
        params_size: int = 1,
        num_steps: int = config.NADEK.num_steps,
        hidden_units: int | Iterable[int] = config.NADEK.hidden_units,
        activation: Any = config.NADEK.activation,
        data_mean: Any = config.NADEK.data_mean,
        order: config.Order = config.NADEK.order,
        kernel_initializer: Any = config.NADEK.kernel_initializer,
        dropout: float = config.NADEK.dropout,
        seed: int = config.NADEK.seed,
        **kwargs: Any,
    ):
        super().__init__(event_shape, params_size, hidden_units, activation, order, kernel_initializer, dropout, seed, **kwargs)
        if self.params_size != 1 or self.num_classes is not None or self.features != 1:
            raise ValueError(
                "NADE-k is for binary values, with a Bernoulli head; use DeepNADE for others. "
                f"Received: params_size={params_size!r}, num_classes={self.num_classes!r}, encoding={self.encoding!r}"
            )
        check_counts(most=MOST_LAYERS, num_steps=num_steps)
        self.num_steps = int(num_steps)
        self.data_mean = data_mean
        if data_mean is not None:
            mean = as_reals(data_mean=data_mean).astype(np.float32)
            if mean.shape != self.event_shape or not np.all((mean >= 0) & (mean <= 1)):
                raise ValueError(
                    f"data_mean must be numbers from 0 to 1, of shape {self.event_shape}. "
                    f"Received: shape {mean.shape}, from {mean.min():g} to {mean.max():g}"
                )
            self.data_mean = mean.ravel()

    def build(self, x_shape: Any = None, context_shape: Any = None) -> None:
        """Create the weights, and set them by `data_mean`."""
        super().build(x_shape, context_shape)
        self.mean = self.add_weight(name="mean", shape=(self.event_size,), initializer="zeros", trainable=False)
        self.batches = self.add_weight(name="batches", shape=(), initializer="zeros", trainable=False)
        self.mean.assign(np.full(self.event_size, 0.5) if self.data_mean is None else self.data_mean)
        if self.data_mean is not None:
            mean = np.clip(self.data_mean, 1e-3, 1 - 1e-3)  # a dimension that never varies has infinite log-odds
            self.output_bias.assign(np.log(mean / (1 - mean)))

    def first_layer(self) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return W, -W mean and b, of `sum_dtype`."""
        # v^<0> - mean is x_i - mean_i where i is observed, else 0
        kernel, mean, bias = (tf.cast(weight, self.sum_dtype) for weight in (self.kernel, self.mean, self.bias))
        return kernel, -kernel * mean[:, None], bias

    def columns(self, dims: tf.Tensor | None = None) -> list[tf.Tensor]:
        """Return W, mean, V and d of the dimensions `dims`, int32 `[M]`, or of all."""
        weights = [self.cast(weight) for weight in (self.kernel, self.mean, self.output_kernel, self.output_bias)]
        return weights if dims is None else [tf.gather(weight, dims) for weight in weights]

    def inference(
        self, sums: tf.Tensor, observed: tf.Tensor, columns: Any = None, training: bool = False
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Return the last hidden layer `[S * B, H]` of step k, and the outputs `[S * B, M]` of the steps before it."""
        kernel, mean, *output = self.columns() if columns is None else columns
        h, outputs = self.hidden(sums, training), []
        for _ in range(self.num_steps - 1):
            outputs.append(self.outputs(h, output))  # (S * B, M)
            v = tf.reshape(tf.sigmoid(outputs[-1]), [tf.shape(sums)[0], -1, mean.shape[0]])  # (S, B, M)
            moved = tf.where(observed, tf.zeros_like(v), v - mean)  # v^<t> - v^<0>
            h = self.hidden(sums + tf.tensordot(moved, kernel, 1), training)
        return h, outputs

    def objective(self, x: tf.Tensor, context: tf.Tensor | None, head: Head, training: bool = False) -> tf.Tensor:
        """Return the cost averaged over the inference steps; in training, update the running mean first."""
        if training and self.data_mean is None:
            batch = tf.reduce_mean(tf.cast(tf.reshape(x, [-1, self.event_size]), self.mean.dtype), axis=0)
            if (step := noise.step()) is not None and step.replicas > 1:
                replica: Any = tf.distribute.get_replica_context()
                batch = replica.all_reduce(tf.distribute.ReduceOp.MEAN, batch)
            self.batches.assign_add(1.0)
            self.mean.assign_add((batch - self.mean) / self.batches)
        return super().objective(x, context, head, training)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        mean = None if self.data_mean is None else self.data_mean.reshape(self.event_shape).tolist()
        return {**super().get_config(), "num_steps": self.num_steps, "data_mean": mean}
