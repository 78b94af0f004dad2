"""The Keras model of a network and a head: a density that `fit` trains by maximum likelihood."""

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfar import heads, networks, noise
from tfar.distributions import AutoregressiveDistribution, AutoregressiveEnsemble
from tfar.distributions.support import Guard
from tfar.heads.base import as_dtype
from tfar.models import streams
from tfar.models.freezing import freeze, frozen_layers
from tfar.networks.fingerprint import Fingerprinted
from tfar.orders import as_order, random_orders
from tfar.serving.endpoints import Endpoint, endpoints
from tfar.serving.export import export_saved_model
from tfar.validation import as_tensor, check_arrays, check_context, check_counts, check_seeds, check_support


@keras.saving.register_keras_serializable(package="tfar")
class AutoregressiveModel(Fingerprinted, keras.Model):
    """A density model that `fit` trains by maximum likelihood: the model maps x to log p(x).

    `model(x)` and `model.predict(x)` are log-probabilities `[B]` in nats; the loss is their negative mean. `fit`, `evaluate` and
    `predict` take arrays, `tf.data` datasets, and pairs (x, context), as `fit(x, context)` or as a dataset of pairs. Metrics: `nll`
    in nats, and `bits_per_dim`, nll / (D ln 2). For an order-agnostic network `fit` and `evaluate` report an unbiased estimate of the mean
    over all orders (`tfar.networks.OrderAgnostic`); `predict` and `log_prob` are exact, for the network's own order.

    Values outside the head's support, and contexts that are not finite, are refused: eager methods, and `fit`, `evaluate`, `predict` and
    their `*_on_batch` forms check on the host, so that a step which XLA compiles never sees them. Inside a `tf.function` of your own a
    method fails with an assertion, or, under XLA, which has no assertions, gives -inf or NaN, as `distribution` does. There is never a
    finite number.

    Args:
        network: a `tfar.networks.AutoregressiveNetwork`.
        head: a `tfar.heads.Head`, or the name of one.
        **kwargs: of `keras.Model`.

    Raises:
        ValueError: `network` is not an `AutoregressiveNetwork`, its `params_size` differs from the head's, or the head is unknown or
            does not support its `stand_in`.

    >>> import tfar
    >>> model = AutoregressiveModel(tfar.networks.MADE(event_shape=[3], hidden_units=[8]), "bernoulli")
    >>> model.compile("adam")
    >>> history = model.fit(np.array([[0, 1, 0], [1, 1, 1]]), epochs=1, verbose=0)
    >>> model.sample(4, seed=1).shape
    TensorShape([4, 3])
    """

    network: networks.AutoregressiveNetwork
    head: heads.Head
    warns = False  # its network does, of the same files

    def __init__(self, network: networks.AutoregressiveNetwork, head: heads.Head | str = "bernoulli", **kwargs: Any):
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        if not isinstance(network, networks.AutoregressiveNetwork):
            raise ValueError(
                "network must be a tfar.networks.AutoregressiveNetwork; tfar.networks.WrappedNetwork(network, event_shape) makes one of "
                f"another. Received: network={network!r}"
            )
        self.network, self.head = network, heads.get(head)
        network.check_head(self.head)
        _check_stand_in(self.head)
        network.ensure_built()
        self._testing = False
        self._nll = keras.metrics.Mean(name="nll")
        self._bits_per_dim = keras.metrics.Mean(name="bits_per_dim")
        self.built = True

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return self.network.event_shape

    # The density

    def distribution(
        self,
        context: Any = None,
        member: Any = None,
        order: Any = None,
        num_orders: int | None = None,
        seed: int = 0,
        **options: Any,
    ) -> AutoregressiveDistribution | AutoregressiveEnsemble:
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
            ValueError: no such member, an order for a network that was trained for one order, or more than one of `member`, `order` and
                `num_orders`.
        """
        check_seeds(seed=seed)
        if order is not None or num_orders is not None:
            return self._ordered(context, member, order, num_orders, seed, options)
        if member is None and self.network.num_members > 1:
            return AutoregressiveEnsemble(self.network, self.head, context, **options)
        if isinstance(member, int | np.integer):
            if not 0 <= member < self.network.num_members:
                raise ValueError(f"member must be from 0 to {self.network.num_members - 1}. Received: member={member}")
            member = self.network.member(member)
        return AutoregressiveDistribution(self.network, self.head, context, member, **options)

    def _ordered(
        self, context: Any, member: Any, order: Any, num_orders: Any, seed: int, options: dict[str, Any]
    ) -> AutoregressiveDistribution | AutoregressiveEnsemble:
        """`distribution` in one order, or in `num_orders` random ones."""
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

    def log_prob(self, x: Any, context: Any = None) -> tf.Tensor:
        """Score rows: log p(x) in nats.

        Args:
            x: values `[B, *event]`.
            context: `[B, C]`, `[C]` for all rows, or None.

        Returns:
            `[B]`.

        Raises:
            ValueError: values of another shape or outside the head's support, or a context that is not finite.
        """
        return self.distribution(context, validate_args=True).log_prob(as_tensor(x=x))

    def sample(self, n: int, seed: Any = None, context: Any = None) -> tf.Tensor:
        """Draw `n` examples, `[n, *event]`; with a `context [n, C]`, one for each row of it.

        Args:
            n: number of examples, at least 0.
            seed: an integer, an int32 pair, or one pair per row `[n, 2]`; None for a fresh one. The i-th example depends on the seed,
                on i and on its own context only.
            context: `[n, C]`, or `[C]` for all rows.

        Raises:
            ValueError: `n` is not a non-negative integer, the number of seeds or contexts is not `n`, or a context is not finite.
        """
        check_counts(0, n=n)
        return self.distribution(context, validate_args=True).sample_rows(noise.seeds_of(seed, n))

    def complete(self, x: Any, observed: Any, seed: Any = None, context: Any = None) -> tf.Tensor:
        """Draw what is not observed given what is; see `AutoregressiveDistribution.complete`."""
        return self.distribution(context, validate_args=True).complete(as_tensor(x=x), as_tensor(observed=observed), seed)

    def conditional_log_prob(self, x: Any, observed: Any, context: Any = None) -> tf.Tensor:
        """Score what is not observed given what is, nats `[B]`; see `AutoregressiveDistribution.conditional_log_prob`."""
        return self.distribution(context, validate_args=True).conditional_log_prob(as_tensor(x=x), as_tensor(observed=observed))

    # For Keras

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        """log p(x) in nats `[B]`, of x or (x, context). Training, and evaluation in any order, have the network's objective instead."""
        x, context = inputs if isinstance(inputs, list | tuple) else (inputs, None)
        return self._read(check_support(self.head, self._as_values(x)), check_context(context), training)

    def _as_values(self, x: Any) -> tf.Tensor:
        """Values as a tensor, whose shape is checked."""
        return self.network.as_values(x)

    def _read(self, x: tf.Tensor, context: tf.Tensor | None, training: bool) -> tf.Tensor:
        """`call` of values and contexts that are checked where the program has assertions."""
        return self._objective(x, context, training) if training or self._testing else self.distribution(context).log_prob(x)

    def _objective(self, x: tf.Tensor, context: Any, training: bool) -> tf.Tensor:
        """What training maximises, nats `[B]`; -inf or NaN in rows with unsupported values."""
        head = self.head.leaving_one_out() if training else self.head
        guard = Guard(head, x, None if context is None else tf.convert_to_tensor(context))
        return guard.scores(-self.network.objective(guard.x, guard.context, head, training=training))

    def train_step(self, data: Any) -> Any:
        batch = self._arrange(data)
        # Nothing of a step may run, such as a decay of the weights, before a stream has let its batch pass. A program of XLA waits for all
        # of its inputs anyway, and could not have variables that are created behind a dependency.
        known = tf.nest.flatten(batch) if self.optimizer.built and not self.jit_compile else []
        with tf.control_dependencies([part for part in known if part is not None]):
            return super().train_step(batch)

    def test_step(self, data: Any) -> Any:
        # One order takes D times the arithmetic of the objective, too much for each epoch's validation. Read when the step is traced.
        self._testing = self.network.order_agnostic
        try:
            return super().test_step(self._arrange(data))
        finally:
            self._testing = False

    def predict_step(self, data: Any) -> Any:
        return super().predict_step(self._arrange(data))

    def _arrange(self, data: Any) -> tuple[Any, None, Any]:
        """A batch as Keras' (x, y, sample_weight), where y is the context, as inputs alone."""
        if self.compiled and self.loss is not None:
            raise ValueError(f"the loss is the mean negative log-likelihood and cannot be set. Received: loss={self.loss!r}")
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        x = _only(x)
        return x if y is None or y.shape[-1] == 0 else (x, y), None, weight

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True) -> Any:
        nll = self._nll_of(x, y_pred)
        if sample_weight is not None:  # [B], or [B, 1] as Keras takes it too
            nll *= tf.reshape(tf.cast(sample_weight, nll.dtype), tf.shape(nll))
        loss = tf.reduce_mean(nll) / tf.distribute.get_strategy().num_replicas_in_sync
        return tf.add_n([loss, *(tf.cast(extra, loss.dtype) for extra in self.losses)])

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        nll = self._nll_of(x, y_pred)
        self._nll.update_state(nll, sample_weight)
        self._bits_per_dim.update_state(nll / (self.metric_size * math.log(2.0)), sample_weight)
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def _nll_of(self, x: Any, log_prob: Any) -> Any:
        """The nats `[B]` that the loss and the metric `nll` average, of inputs and their log-probabilities."""
        return -log_prob

    def nats(self, x: Any, context: Any = None, training: bool = False, state: Any = None) -> tuple[tf.Tensor, Any]:
        """What a training minimises, and what it validates with, for each example.

        It is the exact negative log-likelihood, or for an order-agnostic network an unbiased estimate of its mean over all orders.

        Args:
            x: values `[B, *event]`.
            context: `[B, C]`, or None.
            training: whether units are dropped, and patterns and masks drawn as in training.
            state: of a sequence network: the state in which the examples begin.

        Returns:
            Nats `[B]`, and the state after the examples, None where `state` is. Unsupported values have infinite nats; NaN, and
            any values given a context that is not finite, have NaN.
        """
        if training or self.network.order_agnostic:
            return -self._objective(self._as_values(x), context, training), None
        return -self.distribution(context).log_prob(x), None

    def scores(self, nats: float) -> dict[str, float]:
        """The metrics `nll` and `bits_per_dim` of mean `nats`."""
        return {"nll": nats, "bits_per_dim": nats / (self.metric_size * math.log(2.0))}

    @property
    def metric_size(self) -> int:
        """Number of dimensions whose nats the metric `nll` adds; `bits_per_dim` is for one."""
        return self.network.event_size

    def fit(self, x: Any = None, y: Any = None, *args: Any, validation_data: Any = None, **kwargs: Any) -> keras.callbacks.History:
        """As `keras.Model.fit`; x is the values, or a pair of them and their contexts, and y the contexts.

        Arrays are checked before the first step, and each batch of a `tf.data.Dataset`, a generator or a `keras.utils.PyDataset` before
        its step: no weight changes in the step of a refused batch.

        Raises:
            ValueError: arrays with values outside the head's support, or contexts that are not finite.
            tf.errors.InvalidArgumentError: the same in a batch of a stream.
        """
        x = self._checked(x, y)
        if isinstance(validation_data, list | tuple):
            held, context, weight = keras.utils.unpack_x_y_sample_weight(tuple(validation_data))
            self.check_arrays(held, context)
            if weight is not None:
                validation_data = held, _placeholder(context, weight), weight
        else:
            validation_data = self._checked(validation_data)
        return super().fit(x, _placeholder(y, kwargs.get("sample_weight")), *args, validation_data=validation_data, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.evaluate`, with x and y, and their checks, as in `fit`."""
        x = self._checked(x, y)
        return super().evaluate(x, _placeholder(y, kwargs.get("sample_weight")), *args, **kwargs)

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.predict`: log p(x), an array `[N]`, with x, and its checks, as in `fit`."""
        return super().predict(self._checked(x), *args, **kwargs)

    def train_on_batch(self, x: Any, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.train_on_batch`, with x and y, and their checks, as in `fit`."""
        self.check_arrays(x, y)
        return super().train_on_batch(x, y, *args, **kwargs)

    def test_on_batch(self, x: Any, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.test_on_batch`, with x and y, and their checks, as in `fit`."""
        self.check_arrays(x, y)
        return super().test_on_batch(x, y, *args, **kwargs)

    def predict_on_batch(self, x: Any) -> Any:
        """As `keras.Model.predict_on_batch`, with x, and its checks, as in `fit`."""
        self.check_arrays(x)
        return super().predict_on_batch(x)

    def _checked(self, x: Any, context: Any = None) -> Any:
        """What Keras is fed: arrays, which are checked, or a stream whose batches will be."""
        self.check_arrays(x, context)
        return streams.checked(x, self._check_batch)

    def _check_batch(self, data: Any) -> Any:
        """Return a batch of a stream, whose values and contexts are checked."""
        inputs = self._arrange(data)[0]
        x, context = inputs if isinstance(inputs, list | tuple) else (inputs, None)
        passed = [check_support(self.head, tf.convert_to_tensor(x), listed=True)]
        if context is not None:
            passed.append(check_context(tf.convert_to_tensor(context), listed=True))
        if tf.executing_eagerly():
            return data
        with tf.control_dependencies(passed):
            return tf.nest.map_structure(tf.identity, data)

    def check_arrays(self, x: Any, context: Any = None) -> None:
        """Check arrays of values and contexts, or a pair of them; see `tfar.validation.check_arrays`."""
        x, context = x if isinstance(x, list | tuple) and len(x) == 2 else (x, context)
        check_arrays(self.head, _only(x), context)

    # Files

    def endpoints(self, jit_compile: bool = False) -> dict[str, Endpoint]:
        """The endpoints that `export` writes; see `tfar.serving.endpoints.endpoints`."""
        return endpoints(self, jit_compile)

    # Keras' method returns None, and has options of formats that this one has not.
    def export(self, filepath: str | Path, **options: Any) -> list[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Write a SavedModel that TF Serving serves; see `tfar.serving.export_saved_model`."""
        return export_saved_model(self, filepath, **options)

    def density_settings(self) -> dict[str, Any]:
        """Return what determines the density besides the weights and the network's own settings: the head."""
        return {"head": repr(self.head)}

    def get_config(self) -> dict[str, Any]:
        frozen = frozen_layers(self.network)  # Keras keeps `trainable` of the network alone
        return {
            "name": self.name,
            "network": keras.saving.serialize_keras_object(self.network),
            "head": keras.saving.serialize_keras_object(self.head),
            **({"frozen": frozen} if frozen else {}),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "AutoregressiveModel":
        config = dict(config)
        for part in ("network", "head"):
            config[part] = keras.saving.deserialize_keras_object(config[part], custom_objects)
        frozen = config.pop("frozen", ())
        model = cls(**config)
        freeze(model.network, frozen)
        return model


def _check_stand_in(head: heads.Head) -> None:
    """Raise a ValueError if a head does not support its `stand_in`."""
    with tf.init_scope():
        if not tf.reduce_all(head.supports(as_dtype(head.stand_in, head.dtype))):
            raise ValueError(f"stand_in of {head!r} must be {head.support}. Received: stand_in={head.stand_in!r}")


def _only(x: Any) -> Any:
    """The element of a list or tuple of one; anything else as it is."""
    return x[0] if isinstance(x, list | tuple) and len(x) == 1 else x


def _placeholder(y: Any, weight: Any) -> Any:
    """y, or an array of no columns where there are sample weights alone: Keras drops weights without a y."""
    return np.zeros([len(weight), 0], np.float32) if y is None and weight is not None else y
