"""The Keras model around a network and a head, and one constructor for each family."""

import functools
import math

import keras
import numpy as np
import tensorflow as tf

from tfar import heads, networks, noise
from tfar.distributions import AutoregressiveDistribution, AutoregressiveEnsemble
from tfar.orders import as_order, random_orders
from tfar.validation import check_context, check_counts, check_support


@keras.saving.register_keras_serializable(package="tfar")
class AutoregressiveModel(keras.Model):
    """A density model that `fit` trains by maximum likelihood: the model maps x to log p(x).

    `model(x)` and `model.predict(x)` are log-probabilities `[B]` in nats; the loss is their negative mean. `fit`, `evaluate` and
    `predict` take arrays, `tf.data` datasets, and pairs (x, context), as `fit(x, context)` or as a dataset of pairs. Metrics: `nll`
    in nats, and `bits_per_dim`, nll / (D ln 2). For an order-agnostic network `fit` and `evaluate` report an unbiased estimate of the mean
    over all orders (`tfar.networks.OrderAgnostic`); `predict` and `log_prob` are exact, for the network's own order.

    Args:
        network: a `tfar.networks.AutoregressiveNetwork`.
        head: a `tfar.heads.Head`, "bernoulli" or "normal".

    Raises:
        ValueError: the network is none, or has another number of parameters per position than the head needs.

    >>> model = MADE(event_shape=[3], hidden_units=[8])
    >>> model.compile("adam")
    >>> history = model.fit(np.array([[0, 1, 0], [1, 1, 1]]), epochs=1, verbose=0)
    >>> model.sample(4, seed=1).shape
    TensorShape([4, 3])
    """

    def __init__(self, network, head="bernoulli", **kwargs):
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        if not isinstance(network, networks.AutoregressiveNetwork):
            raise ValueError(
                "network must be a tfar.networks.AutoregressiveNetwork; tfar.networks.WrappedNetwork(network, event_shape) makes one of "
                f"another. Received: network={network!r}"
            )
        self.network, self.head = network, heads.get(head)
        network.check_head(self.head)
        network.ensure_built()
        self._testing = False
        self._nll = keras.metrics.Mean(name="nll")
        self._bits_per_dim = keras.metrics.Mean(name="bits_per_dim")
        self.built = True

    @property
    def event_shape(self):
        """Shape of one example."""
        return self.network.event_shape

    @property
    def metric_size(self):
        """How many dimensions the metric `nll` is of; `bits_per_dim` is for one."""
        return self.network.event_size

    def distribution(self, context=None, member=None, order=None, num_orders=None, seed=0, **options):
        """The model's density as a `tfd.Distribution`.

        Args:
            context: `[*batch, C]`, or None.
            member: number of one member, or keyword arguments that select one; None for the mean of the probabilities of all members
                of a network that has several.
            order: of an order-agnostic network: a permutation of 0..D-1, or "natural" or "reversed", for the exact density in that order.
            num_orders: of an order-agnostic network: n, for the mean of the probabilities in n random orders (EoNADE).
            seed: an integer, of the random orders; n orders are the first n of any larger number.
            **options: further arguments of `AutoregressiveDistribution`.

        Raises:
            ValueError: an order for a network that was trained for one order, or more than one of member, order and num_orders.
        """
        if order is not None or num_orders is not None:
            return self._ordered(context, member, order, num_orders, seed, options)
        if member is None and self.network.num_members > 1:
            return AutoregressiveEnsemble(self.network, self.head, context, **options)
        if isinstance(member, int | np.integer):
            if not 0 <= member < self.network.num_members:
                raise ValueError(f"member must be from 0 to {self.network.num_members - 1}. Received: member={member}")
            member = self.network.member(member)
        return AutoregressiveDistribution(self.network, self.head, context, member, **options)

    def _ordered(self, context, member, order, num_orders, seed, options):
        size = self.network.event_size
        if not self.network.order_agnostic:
            raise ValueError(f"order and num_orders are for order-agnostic networks. Received: network={self.network!r}")
        if sum(argument is not None for argument in (member, order, num_orders)) > 1:
            raise ValueError(f"give one of member, order and num_orders. Received: member={member}, order={order}, num_orders={num_orders}")
        if order is not None:
            member = {"order": tf.constant(as_order(order, size))}
            return AutoregressiveDistribution(self.network, self.head, context, member, **options)
        check_counts(num_orders=num_orders)
        members = {"order": random_orders(size, num_orders, seed)}
        return AutoregressiveEnsemble(self.network, self.head, context, members, **options)

    def log_prob(self, x, context=None):
        """Log-probability of each row of `x [B, *event]` in nats, `[B]`."""
        return self.distribution(context).log_prob(x)

    def sample(self, n, seed=None, context=None):
        """Draw `n` examples, `[n, *event]`; with a `context [n, C]`, one for each row of it.

        Args:
            n: how many.
            seed: an integer, an int32 pair, or one pair per row `[n, 2]`; None for a fresh one. The i-th example depends on the seed,
                on i and on its own context only.
            context: `[n, C]`, or `[C]` for all rows.

        Raises:
            ValueError: n is no number of samples, or there is another number of seeds or contexts, or a context of another size.
        """
        check_counts(0, n=n)
        return self.distribution(context).sample_rows(noise.seeds_of(seed, n))

    def complete(self, x, observed, seed=None, context=None):
        """Draw what is not observed given what is; see `AutoregressiveDistribution.complete`."""
        return self.distribution(context).complete(x, observed, seed)

    def conditional_log_prob(self, x, observed, context=None):
        """Score what is not observed given what is, nats `[B]`; see `AutoregressiveDistribution.conditional_log_prob`."""
        return self.distribution(context).conditional_log_prob(x, observed)

    def call(self, inputs, training=False):
        x, context = inputs if isinstance(inputs, list | tuple) else (inputs, None)
        x = check_support(self.head, self.network.as_values(x))
        if training or self._testing:
            return -self.network.objective(x, check_context(context), self.head, training=training)
        return self.distribution(context).log_prob(x)

    def _arrange(self, data):
        """Take (x, context) both as Keras' (x, y) and as a pair of inputs."""
        if self.compiled and self.loss is not None:
            raise ValueError(f"the loss is the mean negative log-likelihood and cannot be set. Received: loss={self.loss!r}")
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        x = _alone(x)
        if y is not None and y.shape[-1] != 0:
            x = (x, y)
        return x, None, weight

    def train_step(self, data):
        return super().train_step(self._arrange(data))

    def test_step(self, data):
        # One order takes D times the arithmetic of the objective, too much for each epoch's validation. Read when the step is traced.
        self._testing = self.network.order_agnostic
        try:
            return super().test_step(self._arrange(data))
        finally:
            self._testing = False

    def predict_step(self, data):
        return super().predict_step(self._arrange(data))

    def fit(self, x=None, y=None, *args, validation_data=None, **kwargs):
        self.check_arrays(x, y)
        if isinstance(validation_data, list | tuple):
            held, context, weight = keras.utils.unpack_x_y_sample_weight(tuple(validation_data))
            self.check_arrays(held, context)
            if weight is not None:
                validation_data = held, _placeholder(context, weight), weight
        return super().fit(x, _placeholder(y, kwargs.get("sample_weight")), *args, validation_data=validation_data, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        self.check_arrays(x, y)
        return super().evaluate(x, _placeholder(y, kwargs.get("sample_weight")), *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        self.check_arrays(x)
        return super().predict(x, *args, **kwargs)

    def check_arrays(self, x, context=None):
        """Refuse bad values and contexts, or a pair of them, before the first step: a step compiled by XLA has no assertions."""
        x, context = x if isinstance(x, list | tuple) and len(x) == 2 else (x, context)
        x = _alone(x)
        for array, check in ((x, functools.partial(check_support, self.head)), (context, check_context)):
            if isinstance(array, np.ndarray) or tf.is_tensor(array):
                for start in range(0, len(array), 4096):
                    check(tf.convert_to_tensor(array[start : start + 4096]))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        nll = -y_pred
        if sample_weight is not None:  # [B], or [B, 1] as Keras takes it too
            nll *= tf.reshape(tf.cast(sample_weight, nll.dtype), tf.shape(nll))
        loss = tf.reduce_mean(nll) / tf.distribute.get_strategy().num_replicas_in_sync
        return tf.add_n([loss, *(tf.cast(extra, loss.dtype) for extra in self.losses)])

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        self._nll.update_state(-y_pred, sample_weight)
        self._bits_per_dim.update_state(-y_pred / (self.metric_size * math.log(2.0)), sample_weight)
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def endpoints(self, jit_compile=False):
        """What `export` writes; see `tfar.serving.export.endpoints`."""
        from tfar.serving.export import endpoints

        return endpoints(self, jit_compile)

    def export(self, filepath, **options):
        """Write a SavedModel that TF Serving serves; see `tfar.serving.export.export_saved_model`."""
        from tfar.serving.export import export_saved_model

        return export_saved_model(self, filepath, **options)

    def get_config(self):
        return {
            "name": self.name,
            "network": keras.saving.serialize_keras_object(self.network),
            "head": keras.saving.serialize_keras_object(self.head),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        for part in ("network", "head"):
            config[part] = keras.saving.deserialize_keras_object(config[part], custom_objects)
        return cls(**config)


def _alone(x):
    """What a list or tuple of one holds, and anything else as it is."""
    return x[0] if isinstance(x, list | tuple) and len(x) == 1 else x


def _placeholder(y, weight):
    """Keras drops sample weights where there is no y: give it one of no columns."""
    return np.zeros([len(weight), 0], np.float32) if y is None and weight is not None else y
