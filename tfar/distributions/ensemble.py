"""The mixture of all members of a network: several orders, or several sets of masks, of the same weights."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfar import noise
from tfar.distributions import sampling
from tfar.distributions.base import CONTEXT_PROPERTIES, Member, NetworkDistribution
from tfar.heads.base import Head
from tfar.networks.base import AutoregressiveNetwork
from tfar.validation import of_class


class AutoregressiveEnsemble(NetworkDistribution):
    """p(x) = 1/n sum_i p_i(x): the mean of the probabilities of n members, not of their logits.

    `log_prob` takes one call of the network for each member: log p(x) = logsumexp_i log p_i(x) - log n. A sample picks a member for each
    row and draws from it. It costs as much as `log_prob`, or as one sample of one member where the network takes any order.

    **Completion and `conditional_log_prob`** are those of the mixture of the members that can complete a row exactly. Where the network
    takes any order these are all members, each with the observed dimensions moved to the front of its order. Otherwise they are the
    members whose order has the observed dimensions first. In that mixture

        p(x_missing | x_observed) = sum_i w_i p_i(x_missing | x_observed),   w_i proportional to p_i(x_observed)

    which is exact. Where the pattern moves no order, it is the conditional density of the ensemble itself. Where it does, the orders
    differ from those of `log_prob`, so that log_prob(x) - conditional_log_prob(x) is not exactly the ensemble's log p(x_observed).

    Args:
        network: a `tfar.networks.AutoregressiveNetwork` with members.
        head, context, method, jit_compile: as in `AutoregressiveDistribution`.
        members: keyword arguments of the members, stacked, each `[n, ...]`; None for all members of the network.
        validate_args, allow_nan_stats, name: as in `tfd.Distribution`.

    Raises:
        ValueError: the network has no members, or as `AutoregressiveDistribution`.

    >>> import tfar
    >>> network = tfar.networks.MADE(event_shape=[3], hidden_units=[8], num_masks=4, order="random")
    >>> ensemble = AutoregressiveEnsemble(network, "bernoulli")
    >>> cube = tf.constant([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    >>> round(float(tf.reduce_sum(ensemble.prob(cube))), 5)
    1.0
    """

    _refusal = (
        "no member of the ensemble has an order that puts the observed positions first, so that none can fill the others exactly. "
        "Train an order-agnostic model (tfar.DeepNADE)."
    )

    def __init__(
        self,
        network: AutoregressiveNetwork,
        head: Head | str = "bernoulli",
        context: Any = None,
        members: Member | None = None,
        method: str | None = None,
        jit_compile: bool = False,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "AutoregressiveEnsemble",
    ):
        parameters = dict(locals())
        of_class(AutoregressiveNetwork, network=network)
        given: Mapping[str, Any] = network.member(tf.range(network.num_members)) if members is None else of_class(Mapping, members=members)
        stacked = {key: _stacked(network, value) for key, value in given.items()}
        if not stacked:
            raise ValueError(f"an ensemble needs a network with members. Received: network={network!r}")
        super().__init__(network, head, context, stacked, method, jit_compile, validate_args, allow_nan_stats, parameters, name)

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return CONTEXT_PROPERTIES

    @property
    def num_members(self) -> int:
        """n, the number of distributions that are averaged."""
        values = next(iter(self._member.values()))
        return len(values) if isinstance(values, tuple) else int(values.shape[0])

    def _of_members(self, function: Callable[[Member], tf.Tensor], members: Member) -> tf.Tensor:
        """`function` of each member, one after the other: nats `[n, ...]`."""
        dtype = tf.as_dtype(self._network.sum_dtype)
        if _are_known(members):
            return tf.stack([tf.cast(function(_select(members, index)), dtype) for index in range(_count(members))])
        return tf.map_fn(lambda index: function(_select(members, index)), tf.range(_count(members)), fn_output_signature=dtype)

    def _log_prob_rows(self, x: tf.Tensor, context: tf.Tensor | None, member: Member) -> tf.Tensor:
        def score(one: Member) -> tf.Tensor:
            return tf.reduce_sum(self._scores(x, context, one), axis=-1)

        scores = self._of_members(score, member)
        return tf.reduce_logsumexp(scores, axis=0) - tf.math.log(tf.cast(tf.shape(scores)[0], scores.dtype))

    def _observed_scores(self, x: tf.Tensor, observed: tf.Tensor, context: tf.Tensor | None, member: Member) -> tf.Tensor:
        """log p_i(x) and log p_i(x_observed) under the order that completes, `[2, B]`; -inf where the member cannot."""
        completing = self._completing(member, observed)
        scores = self._scores(x, context, completing)
        seen = tf.where(tf.reshape(observed, tf.shape(scores)), scores, tf.zeros_like(scores))
        both = tf.stack([tf.reduce_sum(scores, axis=-1), tf.reduce_sum(seen, axis=-1)])
        return tf.where(self._observed_first(observed, completing), both, tf.constant(-math.inf, both.dtype))

    def _conditional_rows(self, x: tf.Tensor, observed: tf.Tensor, context: tf.Tensor | None, member: Member) -> tf.Tensor:
        def score(one: Member) -> tf.Tensor:
            return self._observed_scores(x, observed, context, one)

        joint, seen = tf.unstack(tf.reduce_logsumexp(self._of_members(score, member), axis=0))
        return joint - seen

    def _choose(self, seeds: Any, context: Any, observed: Any, values: Any, members: Member) -> tf.Tensor:
        """The member of each row, int32 `[B]`: drawn uniformly, or in proportion to p_i(x_observed)."""
        u = noise.uniform(seeds, 1, noise.MEMBERS)[:, 0]
        if observed is None:
            count = _count(members)
            return tf.minimum(tf.cast(u * tf.cast(count, u.dtype), tf.int32), count - 1)

        def score(member: Member) -> tf.Tensor:
            return self._observed_scores(values, observed, context, member)[1]

        weights = tf.cumsum(tf.nn.softmax(self._of_members(score, members), axis=0), axis=0)  # (n, B)
        passed = weights[:-1] <= tf.cast(u, weights.dtype) * weights[-1]
        return tf.reduce_sum(tf.cast(passed, tf.int32), axis=0)

    def _sample_rows(self, seeds: Any, context: Any, observed: Any, values: Any, member: Member) -> tf.Tensor:
        choice, event = self._choose(seeds, context, observed, values, member), self._network.event_shape

        def draw(one: Member) -> tf.Tensor:
            if observed is not None:
                one = self._completing(one, observed)
            return sampling.sample_rows(self._network, self._head, seeds, context, observed, values, one, self._method)

        if self._network.order_agnostic:
            return draw(_select(member, choice))

        def add(index: Any, x: tf.Tensor) -> tuple[Any, tf.Tensor]:
            here = tf.reshape(choice == index, [-1, *[1] * len(event)])
            return index + 1, tf.ensure_shape(tf.where(here, draw(_select(member, index)), x), x.shape)

        if _are_known(member):
            x = draw(_select(member, 0))
            for index in range(1, _count(member)):
                x = add(index, x)[1]
            return x
        count = _count(member)
        start = tf.zeros([tf.shape(seeds)[0], *event], self._head.dtype)
        return tf.while_loop(lambda index, _: index < count, add, (tf.constant(0), start))[1]

    def _completable(self, observed: tf.Tensor) -> tf.Tensor:
        def can(index: Any) -> tf.Tensor:
            return self._observed_first(observed, _select(self._member, index))

        if _are_known(self._member):
            return tf.reduce_any([can(index) for index in range(self.num_members)], axis=0)
        return tf.reduce_any(tf.map_fn(can, tf.range(self.num_members), fn_output_signature=tf.bool), axis=0)


def _stacked(network: AutoregressiveNetwork, values: Any) -> Any:
    """An argument of all members: a tensor, or numbers where the network's steps are unrolled for each member."""
    if network.per_column and not network.order_agnostic:
        return tuple(map(int, np.asarray(tf.get_static_value(values))))
    return tf.convert_to_tensor(values)


def _are_known(members: Member) -> bool:
    """Whether the members are numbers, of which each has operations of its own."""
    return all(isinstance(value, tuple) for value in members.values())


def _count(members: Member) -> Any:
    """The number of stacked members, a scalar tensor."""
    values = next(iter(members.values()))
    return len(values) if isinstance(values, tuple) else tf.shape(values)[0]


def _select(members: Member, index: Any) -> Member:
    """One of the stacked members, or one for each row where `index` is `[B]`."""
    return {key: value[index] if isinstance(value, tuple) else tf.gather(value, index) for key, value in members.items()}
