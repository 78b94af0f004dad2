"""The distribution of one network in one order."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfar.distributions import sampling
from tfar.distributions.base import CONTEXT_PROPERTIES, Member, NetworkDistribution, as_written
from tfar.heads.base import Head, get
from tfar.networks.base import AutoregressiveNetwork
from tfar.networks.wrapped import WrappedNetwork
from tfar.validation import given_event_shape, of_class


class AutoregressiveDistribution(NetworkDistribution):
    """p(x) = prod_k p(x_{order[k]} | x_{order[0]}, ..., x_{order[k-1]}, context), as a `tfd.Distribution`.

    `log_prob` (nats) takes one call of the network. `sample` runs one loop over the positions, which costs the arithmetic of one call.
    The variables stay with the Keras network.

    Samples are reparameterized (`tfd.FULLY_REPARAMETERIZED`) where the head's draw is differentiable, as that of `tfar.heads.Normal` is.
    `mean`, `mode`, `entropy` and the like have no closed form and are refused, with an estimate to use instead.

    Args:
        network: a `tfar.networks.AutoregressiveNetwork`, or any Keras network (or function) that maps `x [B, *event_shape]`, and
            `context [B, C]` if there is one, to raw parameters `[B, *event_shape, P]`. Those at a position depend on earlier positions
            alone, which `tfar.check_autoregressive` checks.
        head: a `tfar.heads.Head`, or the name of one.
        context: `[*batch, C]`; its leading axes are the batch shape. None for an unconditional density. A variable stays one: it is read
            anew in each call, has gradients, and is one of `trainable_variables`.
        member: keyword arguments that select a member of the network; None for the network's own order.
        event_shape, order: of a network that is not tfar's.
        method: how to sample, "stepping", "fixed_point" or "naive" (`tfar.distributions.sampling.sample_rows`); None for stepping with
            tfar's networks, and fixed-point iteration with others.
        jit_compile: whether XLA compiles eager calls, for each shape anew, rather than TensorFlow's graphs.
        validate_args, allow_nan_stats, name: as in `tfd.Distribution`.

    Raises:
        ValueError: network, head and context do not fit each other; `event_shape` is missing, or given for a tfar network; an unknown
            method; or an order that is not a permutation.

    >>> import tfar
    >>> network = tfar.networks.MADE(event_shape=[3], hidden_units=[8])
    >>> distribution = AutoregressiveDistribution(network, "bernoulli")
    >>> distribution.sample([2, 5], seed=1).shape
    TensorShape([2, 5, 3])
    >>> cube = tf.constant([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    >>> round(float(tf.reduce_sum(distribution.prob(cube))), 5)
    1.0
    """

    _pathwise = True
    _refusal = (
        "the observed positions must come first in the model's order, or filling the others would not draw from the conditional "
        "distribution. Train a model with an order that puts them first (order=[...]), or an order-agnostic one (tfar.DeepNADE)."
    )

    def __init__(
        self,
        network: Callable[..., Any],
        head: Head | str = "bernoulli",
        context: Any = None,
        member: Member | None = None,
        event_shape: Sequence[int] | None = None,
        order: Any = None,
        method: str | None = None,
        jit_compile: bool = False,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "AutoregressiveDistribution",
    ):
        parameters = dict(locals())
        wrapped = _as_network(network, get(head), context, event_shape, order)
        super().__init__(
            wrapped,
            head,
            context,
            dict(of_class(Mapping, member={} if member is None else member)),
            method,
            jit_compile,
            validate_args,
            allow_nan_stats,
            parameters,
            name,
        )
        self._transient = wrapped is not network

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return CONTEXT_PROPERTIES

    @property
    def order(self) -> Any:
        """The order, int32 `[D]`: `order[k]` is the dimension that is generated k-th."""
        return self._network.generation_order(**self._member)

    @as_written
    def position_log_prob(self, x: Any) -> tf.Tensor:
        """Log-probability of each value given those before it in the order; the sum over the event is `log_prob`.

        Args:
            x: values `[..., *event]`.

        Returns:
            Nats `[..., *event]`, those of dimension d at the place of x_d. All of an example with an unsupported value are -inf, and all of
            one with NaN are NaN, as its `log_prob`.

        Raises:
            ValueError: values of another shape; with `validate_args`, values outside the head's support.

        >>> import tfar
        >>> distribution = tfar.MADE(event_shape=[2, 3], hidden_units=[8]).distribution()
        >>> parts = distribution.position_log_prob(tf.zeros([5, 2, 3]))
        >>> parts.shape
        TensorShape([5, 2, 3])
        >>> bool(tf.reduce_all(abs(tf.reduce_sum(parts, [1, 2]) - distribution.log_prob(tf.zeros([5, 2, 3]))) < 1e-5))
        True
        """

        return self._by_rows(self._scored_positions, tf.convert_to_tensor(x))

    def _scored_positions(self, x: tf.Tensor, context: tf.Tensor | None, member: Member) -> tf.Tensor:
        return self._scored_by(self._scores, x, context, member, self._network.event_shape)

    def _log_prob_rows(self, x: tf.Tensor, context: tf.Tensor | None, member: Member) -> tf.Tensor:
        params = self._network(x, context, **member)
        return self._head.log_prob(params, x, event_ndims=len(self._network.event_shape))

    def _conditional_rows(self, x: tf.Tensor, observed: tf.Tensor, context: tf.Tensor | None, member: Member) -> tf.Tensor:
        scores = self._scores(x, context, self._completing(member, observed))
        return tf.reduce_sum(tf.where(tf.reshape(observed, tf.shape(scores)), tf.zeros_like(scores), scores), axis=-1)

    def _sample_rows(self, seeds: Any, context: Any, observed: Any, values: Any, member: Member) -> tf.Tensor:
        if observed is not None and self._in_columns(member):
            member = {**member, "known": observed, "known_values": values}
        elif observed is not None:
            member = self._completing(member, observed)
        return sampling.sample_rows(self._network, self._head, seeds, context, observed, values, member, self._method)

    def _in_columns(self, member: Member) -> bool:
        """Whether a completion takes the same column of all rows in each step, rather than an order for each row."""
        network = self._network
        known = network.per_column and network.order_agnostic and self._method == "stepping"
        return known and tf.get_static_value(network.generation_order(**member)) is not None

    def _completable(self, observed: tf.Tensor) -> tf.Tensor:
        return self._observed_first(observed, self._member)


def _as_network(network: Any, head: Head, context: Any, event_shape: Sequence[int] | None, order: Any) -> AutoregressiveNetwork:
    """The network itself, or the wrapper of one that is not tfar's."""
    if not isinstance(network, AutoregressiveNetwork):
        size = 0 if context is None else int(tf.convert_to_tensor(context).shape.with_rank_at_least(1)[-1])
        return WrappedNetwork(network, given_event_shape(network, event_shape), head.params_size, order=order, context_size=size)
    if event_shape is not None or order is not None:
        raise ValueError(
            "event_shape and order are for a network of your own; a tfar network knows its own. "
            f"Received: network={network!r}, event_shape={event_shape!r}, order={order!r}"
        )
    return network
