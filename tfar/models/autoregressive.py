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
from tfar.models.checked import CheckedModel
from tfar.models.freezing import freeze, frozen_layers, layers_of
from tfar.networks.fingerprint import Fingerprinted
from tfar.networks.wrapped import is_own
from tfar.orders import as_order, inverse, random_orders
from tfar.serving.endpoints import Endpoint, endpoints
from tfar.serving.export import export_saved_model
from tfar.testing import spot_check
from tfar.validation import (
    MOST,
    as_counts,
    as_tensor,
    check_choices,
    check_context,
    check_counts,
    check_numbers,
    check_seeds,
    check_support,
    context_of,
)


@keras.saving.register_keras_serializable(package="tfar")
class AutoregressiveModel(Fingerprinted, CheckedModel):
    """A density model that `fit` trains by maximum likelihood: the model maps x to log p(x).

    `model(x)` and `model.predict(x)` are log-probabilities `[B]` in nats; the loss is their negative mean. `fit`, `evaluate` and
    `predict` take arrays, `tf.data` datasets, pairs (x, context), as `fit(x, context)` or as a dataset of pairs, and dictionaries
    {"x": x, "context": context}. Metrics: `nll` in nats, and `bits_per_dim`, nll / (D ln 2).

    An order-agnostic network has two of them. `predict`, `log_prob` and `tfar.training.evaluate` are exact, in the network's own order.
    `fit` and `evaluate` report `nll_over_orders` and `bits_per_dim_over_orders`, an unbiased estimate of the mean over all orders
    (`tfar.networks.OrderAgnostic`), which is larger or smaller. (`tfar.training.fit` reports the same estimate, as `nll`.)

    Eager calls of `log_prob`, `sample`, `complete` and `conditional_log_prob` run as graphs that the network keeps.
    `model.distribution(jit_compile=True)` has the same methods compiled by XLA.

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
        self.network, self.head = network, heads.get(head).in_precision(network.compute_dtype)
        network.check_head(self.head)
        _check_stand_in(self.head)
        network.ensure_built()
        self._testing = self._network_checked = False
        over = "_over_orders" if network.order_agnostic else ""
        self._nll, self._bits_per_dim = (keras.metrics.Mean(name=f"{name}{over}") for name in ("nll", "bits_per_dim"))
        self.built = True

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return self.network.event_shape

    # Keras' property has a setter, which raises.
    @property
    def layers(self) -> list[keras.layers.Layer]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The network, and its own layers that have weights: the rows of `summary`."""
        return [self.network, *(layer for name, layer in layers_of(self.network) if "/" not in name)]

    def effective_parameters(self) -> int:
        """Return the number of parameters that the density depends on: those that masks leave."""
        return self.network.effective_parameters()

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return `(B,)`, of the shape of x or those of (x, context)."""
        first = input_shape[0]
        return (first[0] if isinstance(first, tuple | list) else first,)

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
            network, head, member = self._member_at(int(member))
            return AutoregressiveDistribution(network, head, context, member, **options)
        return AutoregressiveDistribution(self.network, self.head, context, member, **options)

    def _member_at(self, number: int) -> tuple[networks.AutoregressiveNetwork, heads.Head, dict[str, Any]]:
        """The network and the head of a member, and the keyword arguments that select it there."""
        index = number
        for network, head in self.network.parts(self.head):
            if 0 <= index < network.num_members:
                return network, head, network.member(index)
            index -= network.num_members
        raise ValueError(f"member must be from 0 to {self.network.num_members - 1}. Received: member={number}")

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

    def _checking(self, context: Any) -> AutoregressiveDistribution | AutoregressiveEnsemble:
        """The distribution that refuses unsupported values. Eagerly and without a context there is one: making it is slow."""
        if context is not None or not tf.executing_eagerly():  # what a graph makes is of no use outside it
            return self.distribution(context, validate_args=True)
        kept = self.__dict__  # hidden from Keras' tracking
        if "checking" not in kept:
            kept["checking"] = self.distribution(validate_args=True)
        return kept["checking"]

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
        return self._checking(context).log_prob(as_tensor(x=x))

    def sample(self, n: Any, seed: Any = None, context: Any = None) -> tf.Tensor:
        """Draw `n` examples, `[n, *event]`; with a `context [n, C]`, one for each row of it.

        Args:
            n: number of examples, at least 0; or a shape, `[2, 3]` for the examples of `n=6` as `[2, 3, *event]`.
            seed: an integer, an int32 pair, or one pair per row `[n, 2]`; None for a fresh one. The i-th example depends on the seed,
                on i and on its own context only.
            context: `[n, C]`, or `[C]` for all rows; what broadcasts to `[2, 3, C]` for a shape.

        Raises:
            ValueError: `n` is not non-negative integers, the number of seeds or contexts is not `n`, or a context is not finite.
        """
        shape = as_counts(0, MOST, n=n)
        rows = math.prod(shape)
        check_counts(0, n=rows)
        if context is not None and len(shape) != 1:
            context = tf.reshape(context_of(as_tensor(tf.float32, context=context), shape), [rows, -1])
        drawn = self._checking(context).sample_rows(noise.seeds_of(seed, rows))
        return drawn if len(shape) == 1 else tf.reshape(drawn, [*shape, *drawn.shape[1:]])

    def complete(self, x: Any, observed: Any, seed: Any = None, context: Any = None) -> tf.Tensor:
        """Draw what is not observed given what is; see `AutoregressiveDistribution.complete`."""
        return self._checking(context).complete(as_tensor(x=x), as_tensor(observed=observed), seed)

    def first(self, share: float) -> np.ndarray:
        """The dimensions that are first in the model's order, bool `[*event]`: a pattern that `complete` takes as observed.

        `model.complete(x, model.first(0.5))` completes the lower half of an image that is generated row by row.

        Args:
            share: how many of them, from 0 to 1; rounded to a number of dimensions.

        Raises:
            ValueError: the share is out of range, or the model is the mean of several orders.

        >>> import tfar
        >>> tfar.MADE([4], hidden_units=[8], order="reversed").first(0.5).tolist()
        [False, False, True, True]
        """
        check_numbers("[0, 1]", share=share)
        members = [self.network.member(number) for number in range(self.network.num_members)]
        orders = np.array([self.network.generation_order(**member) for member in members])
        order = orders[0]
        if (orders != order).any():
            raise ValueError(f"a model must have one order. Received: the mean of {len(orders)} orders")
        return (inverse(order) < round(share * len(order))).reshape(self.event_shape)

    def conditional_log_prob(self, x: Any, observed: Any, context: Any = None) -> tf.Tensor:
        """Score what is not observed given what is, nats `[B]`; see `AutoregressiveDistribution.conditional_log_prob`."""
        return self._checking(context).conditional_log_prob(as_tensor(x=x), as_tensor(observed=observed))

    # For Keras

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        """log p(x) in nats `[B]`, of x, (x, context) or {"x", "context"}.

        Training, and evaluation in any order, have the network's objective instead.
        """
        x, context = self._parts(inputs)
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

    def check_network(self) -> None:
        """Check once that a network which is not tfar's own is autoregressive, as `fit` and `export` do; see `tfar.testing.spot_check`.

        Where `network.check_dependencies` is False, nothing is checked.

        Raises:
            ValueError: it is not.
        """
        network = self.network
        if self._network_checked or is_own(network) or not network.check_dependencies:
            return
        with tf.init_scope():
            spot_check(network, None if network.per_column else (self.head.num_classes or 2) if self.head.discrete else 0)
        self._network_checked = True

    # Files

    def endpoints(self, jit_compile: bool = False) -> dict[str, Endpoint]:
        """The endpoints that `export` writes; see `tfar.serving.endpoints.endpoints`."""
        return endpoints(self, jit_compile)

    # Keras' method returns None, and has options of formats that this one has not.
    def export(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, filepath: str | Path, format: str = "tf_saved_model", verbose: bool | None = None, **options: Any
    ) -> list[str]:
        """Write a SavedModel that TF Serving serves.

        Args:
            filepath: the folder to write.
            format: "tf_saved_model"; others have no form of the loop that samples.
            verbose: whether to print where it is, and its endpoints.
            **options: of `tfar.serving.export_saved_model`.

        Returns:
            The names of the endpoints.

        Raises:
            ValueError: another format, or as `tfar.serving.export_saved_model`.
            FileExistsError: `filepath` exists.
        """
        check_choices(["tf_saved_model"], format=format)
        names = export_saved_model(self, filepath, **options)
        if verbose:
            print(f"Saved artifact at '{filepath}', with the endpoints {', '.join(names)}.")
        return names

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
