"""The mixture of several members: orders or sets of masks of one network, or several networks."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfar import noise
from tfar.distributions.autoregressive import AutoregressiveDistribution
from tfar.distributions.base import CONTEXT_PROPERTIES, Member, NetworkDistribution
from tfar.heads.base import Head
from tfar.networks.base import AutoregressiveNetwork
from tfar.validation import of_class

Members = list[Member]  # of each part its members, stacked
OfMember = Callable[[AutoregressiveDistribution, Member], tf.Tensor]


class AutoregressiveEnsemble(NetworkDistribution):
    """p(x) = sum_i w_i p_i(x): the mean of the probabilities of n members, not of their logits.

    The members are those of one network, with w_i = 1/n, or of a `tfar.networks.Ensemble`: then w_i is the weight of a network divided by
    the number of its members.

    `log_prob` takes one call of a network for each member: log p(x) = logsumexp_i (log w_i + log p_i(x)). A sample picks a member for each
    row and draws from it. It costs as much as `log_prob`, or as one sample of one member where the network takes any order.

    **Completion and `conditional_log_prob`** are those of the mixture of the members that can complete a row exactly. Where a network
    takes any order these are all of its members, each with the observed dimensions moved to the front of its order. Otherwise they are the
    members whose order has the observed dimensions first, and each network must have one. In that mixture

        p(x_missing | x_observed) = sum_i v_i p_i(x_missing | x_observed),   v_i proportional to w_i p_i(x_observed)

    which is exact. Where the pattern moves no order and all members can complete it, it is the conditional density of the ensemble itself.
    Where it moves one, the orders differ from those of `log_prob`, so that log_prob(x) - conditional_log_prob(x) is not exactly the
    ensemble's log p(x_observed).

    Args:
        network: a `tfar.networks.AutoregressiveNetwork` with members.
        head, context, method, jit_compile: as in `AutoregressiveDistribution`.
        members: keyword arguments of the members of one network, stacked, each `[n, ...]`; None for all members.
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
        "no member of the ensemble (or of one of its networks) has an order that puts the observed positions first, so that none can fill "
        "the others exactly. Train order-agnostic models (tfar.DeepNADE), or models whose orders put them first (order=[...])."
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
        super().__init__(network, head, context, {}, method, jit_compile, validate_args, allow_nan_stats, parameters, name)
        parts = network.parts(self._head)
        if members is not None and len(parts) > 1:
            raise ValueError(f"members must be of one network. Received: members={members!r}, and {len(parts)} networks")
        stacked = [_stacked(part, members) for part, _ in parts]
        if stacked == [{}]:
            raise ValueError(f"an ensemble needs a network with members. Received: network={network!r}")
        # Each part holds its members, stacked. They are arguments of its methods, which see one of them at a time.
        self._parts = [
            AutoregressiveDistribution(part, own, self._context, members_of, method=method)
            for (part, own), members_of in zip(parts, stacked, strict=True)
        ]
        self._member: Any = [part._member for part in self._parts]

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return CONTEXT_PROPERTIES

    @property
    def num_members(self) -> int:
        """n, the number of distributions that are averaged."""
        return sum(int(tf.get_static_value(_count(members))) for members in self._member)

    def _of_members(self, function: OfMember, members: Members) -> tf.Tensor:
        """`function` of each member, one after the other: nats `[n, ...]`."""
        dtype = tf.as_dtype(self._network.sum_dtype)
        return tf.concat([_of_part(function, part, own, dtype) for part, own in zip(self._parts, members, strict=True)], axis=0)

    def _log_weights(self, members: Members) -> Any:
        """log w_i, `[n]`."""
        shares = tf.unstack(self._network.log_shares(), len(self._parts))
        counts = [_count(own) for own in members]
        equal = [tf.fill([n], share - tf.math.log(tf.cast(n, share.dtype))) for n, share in zip(counts, shares, strict=True)]
        return tf.concat(equal, axis=0)

    def _log_prob_rows(self, x: tf.Tensor, context: tf.Tensor | None, member: Any) -> tf.Tensor:
        def score(part: AutoregressiveDistribution, one: Member) -> tf.Tensor:
            return tf.reduce_sum(part._scores(x, context, one), axis=-1)

        return tf.reduce_logsumexp(self._of_members(score, member) + self._log_weights(member)[:, tf.newaxis], axis=0)

    def _observed_scores(self, x: tf.Tensor, observed: tf.Tensor, context: tf.Tensor | None, members: Members) -> tf.Tensor:
        """log w_i p_i(x) and log w_i p_i(x_observed) under the order that completes, `[n, 2, B]`; -inf where the member cannot."""

        def score(part: AutoregressiveDistribution, one: Member) -> tf.Tensor:
            completing = part._completing(one, observed)
            scores = part._scores(x, context, completing)
            seen = tf.where(tf.reshape(observed, tf.shape(scores)), scores, tf.zeros_like(scores))
            both = tf.stack([tf.reduce_sum(scores, axis=-1), tf.reduce_sum(seen, axis=-1)])
            return tf.where(part._observed_first(observed, completing), both, tf.constant(-math.inf, both.dtype))

        return self._of_members(score, members) + self._log_weights(members)[:, tf.newaxis, tf.newaxis]

    def _conditional_rows(self, x: tf.Tensor, observed: tf.Tensor, context: tf.Tensor | None, member: Any) -> tf.Tensor:
        joint, seen = tf.unstack(tf.reduce_logsumexp(self._observed_scores(x, observed, context, member), axis=0))
        return joint - seen

    def _choose(self, seeds: Any, context: Any, observed: Any, values: Any, members: Members) -> tf.Tensor:
        """The member of each row, int32 `[B]`: drawn in proportion to w_i, or to w_i p_i(x_observed)."""
        u = noise.uniform(seeds, 1, noise.MEMBERS)[:, 0]
        if observed is None:
            log_weights = self._log_weights(members)[:, tf.newaxis]  # (n, 1)
        else:
            log_weights = self._observed_scores(values, observed, context, members)[:, 1]  # (n, B)
        weights = tf.cumsum(tf.nn.softmax(log_weights, axis=0), axis=0)
        passed = weights[:-1] <= tf.cast(u, weights.dtype) * weights[-1]
        return tf.reduce_sum(tf.cast(passed, tf.int32), axis=0)

    def _sample_rows(self, seeds: Any, context: Any, observed: Any, values: Any, member: Any) -> tf.Tensor:
        choice = self._choose(seeds, context, observed, values, member)

        def draw(part: AutoregressiveDistribution, one: Member) -> tf.Tensor:
            return part._sample_rows(seeds, context, observed, values, one)

        first: Any = 0
        x: Any = None
        for part, own in zip(self._parts, member, strict=True):
            drawn = _drawn_by_part(draw, part, own, choice - first)
            x = drawn if x is None else tf.where(_by_row(choice >= first, drawn), drawn, x)
            first += _count(own)
        return x

    def _completable(self, observed: tf.Tensor) -> tf.Tensor:
        def can(part: AutoregressiveDistribution, one: Member) -> tf.Tensor:
            return part._observed_first(observed, part._completing(one, observed))

        possible = [_of_part(can, part, own, tf.bool) for part, own in zip(self._parts, self._member, strict=True)]
        return tf.reduce_all([tf.reduce_any(of_part, axis=0) for of_part in possible], axis=0)


def _of_part(function: OfMember, part: AutoregressiveDistribution, members: Member, dtype: tf.DType) -> tf.Tensor:
    """`function` of each member of a part, one after the other, `[n, ...]`."""
    if _are_known(members):
        return tf.stack([tf.cast(function(part, _select(members, index)), dtype) for index in range(_count(members))])
    return tf.map_fn(lambda index: function(part, _select(members, index)), tf.range(_count(members)), fn_output_signature=dtype)


def _drawn_by_part(draw: OfMember, part: AutoregressiveDistribution, members: Member, choice: Any) -> tf.Tensor:
    """Rows drawn by the members that `choice` numbers, int32 `[B]`; rows of any values where it is the number of none."""
    count = _count(members)
    if part.network.order_agnostic:
        return draw(part, _select(members, tf.clip_by_value(choice, 0, count - 1)))
    x = draw(part, _select(members, 0))

    def add(index: Any, x: tf.Tensor) -> tuple[Any, tf.Tensor]:
        drawn = draw(part, _select(members, index))
        return index + 1, tf.ensure_shape(tf.where(_by_row(choice == index, drawn), drawn, x), x.shape)

    if not _are_known(members):
        return tf.while_loop(lambda index, _: index < count, add, (tf.constant(1), x))[1]
    for index in range(1, count):
        x = add(index, x)[1]
    return x


def _by_row(condition: Any, x: tf.Tensor) -> tf.Tensor:
    """A condition `[B]` with the rank of `x [B, ...]`."""
    return tf.reshape(condition, [-1, *[1] * (x.shape.rank - 1)])


def _stacked(network: AutoregressiveNetwork, members: Any = None) -> Member:
    """The keyword arguments of members, all of them unless some are given: tensors, or numbers where the steps of each are unrolled.

    There are none where a network is one distribution.
    """
    if members is None:
        members = network.member(tf.range(network.num_members)) if network.num_members > 1 else {}
    given: Mapping[str, Any] = of_class(Mapping, members=members)
    if network.per_column and not network.order_agnostic:
        return {key: tuple(map(int, np.asarray(tf.get_static_value(values)))) for key, values in given.items()}
    return {key: tf.convert_to_tensor(values) for key, values in given.items()}


def _are_known(members: Member) -> bool:
    """Whether the members are numbers, of which each has operations of its own, or there is one."""
    return all(isinstance(values, tuple) for values in members.values())


def _count(members: Member) -> Any:
    """The number of stacked members: an integer, or a scalar tensor."""
    values = next(iter(members.values()), (0,))
    return len(values) if isinstance(values, tuple) else tf.shape(values)[0]


def _select(members: Member, index: Any) -> Member:
    """One of the stacked members, or one for each row where `index` is `[B]`."""
    return {key: values[index] if isinstance(values, tuple) else tf.gather(values, index) for key, values in members.items()}
