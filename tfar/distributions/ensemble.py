"""The mixture of all members of a network: several orders, or several sets of masks, of the same weights."""

import math

import tensorflow as tf

from tfar import noise
from tfar.distributions import sampling
from tfar.distributions.base import CONTEXT_PROPERTIES, NetworkDistribution, prefixes
from tfar.validation import require


def _slice(members, index):
    return {key: tf.gather(value, index) for key, value in members.items()}


class AutoregressiveEnsemble(NetworkDistribution):
    """p(x) = 1/n sum_i p_i(x): the average of the probabilities of n members, never of their logits.

    `log_prob` takes one call of the network for each member, log p(x) = logsumexp_i log p_i(x) - log n. A sample picks
    a member for each row and draws from it; it costs as much as `log_prob`, or as one sample of one member where the
    network takes any order.

    **Completion and `conditional_log_prob`** are those of the mixture of the members that can complete a row exactly.
    Where the network takes any order these are all of them, each with the observed dimensions moved to the front of its
    order; otherwise they are the members whose order has the observed dimensions first. In that mixture

        p(x_missing | x_observed) = sum_i w_i p_i(x_missing | x_observed),   w_i proportional to p_i(x_observed)

    which is exact. Where the pattern moves no order, it is the conditional density of the ensemble itself; where it
    does, the orders are others than those of `log_prob`, so that log_prob(x) - conditional_log_prob(x) is not exactly
    its log p(x_observed).

    Args:
        network: a `tfar.networks.AutoregressiveNetwork` with members.
        head, context, method: as in `AutoregressiveDistribution`.
        members: stacked keyword arguments of the members, each `[n, ...]`; None for all members of the network.

    >>> import tfar
    >>> network = tfar.networks.MADE(event_shape=[3], hidden_units=[8], num_masks=4, order="random")
    >>> ensemble = AutoregressiveEnsemble(network, "bernoulli")
    >>> cube = tf.constant([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    >>> round(float(tf.reduce_sum(ensemble.prob(cube))), 5)
    1.0
    """

    def __init__(
        self,
        network,
        head="bernoulli",
        context=None,
        members=None,
        method=None,
        validate_args=False,
        allow_nan_stats=True,
        name="AutoregressiveEnsemble",
    ):
        parameters = dict(locals())
        members = network.member(tf.range(network.num_members)) if members is None else members
        self._member = {key: tf.convert_to_tensor(value) for key, value in members.items()}
        if not self._member:
            raise ValueError(f"an ensemble needs a network with members. Received: network={network!r}")
        flags = (validate_args, allow_nan_stats)
        super().__init__(network, head, context, None, None, method, *flags, parameters, name=name)

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return CONTEXT_PROPERTIES

    @property
    def num_members(self):
        """n, how many distributions are averaged."""
        return next(iter(self._member.values())).shape[0]

    def _of_members(self, function, members):
        """`function` of each member, one after the other: nats `[n, ...]`."""
        count = tf.shape(next(iter(members.values())))[0]
        dtype = tf.as_dtype(self._network.sum_dtype)
        return tf.map_fn(lambda index: function(_slice(members, index)), tf.range(count), fn_output_signature=dtype)

    def _log_prob_rows(self, x, context):
        def score(member):
            return tf.reduce_sum(self._scores(x, context, member), axis=-1)

        return tf.reduce_logsumexp(self._of_members(score, self._member), axis=0) - math.log(self.num_members)

    def _observed_scores(self, x, observed, context, member):
        """log p_i(x) and log p_i(x_observed) under the order that completes, `[2, B]`; -inf where the member cannot."""
        completing = self._completing(member, observed)
        scores = self._scores(x, context, completing)
        seen = tf.where(tf.reshape(observed, tf.shape(scores)), scores, tf.zeros_like(scores))
        both = tf.stack([tf.reduce_sum(scores, axis=-1), tf.reduce_sum(seen, axis=-1)])
        first = prefixes(self._network, observed, completing)
        return tf.where(first, both, tf.constant(-math.inf, both.dtype))

    def _conditional_rows(self, x, observed, context):
        def score(member):
            return self._observed_scores(x, observed, context, member)

        joint, seen = tf.unstack(tf.reduce_logsumexp(self._of_members(score, self._member), axis=0))
        return joint - seen

    def _choose(self, seeds, context, observed, values, members):
        """The member of each row, int32 `[B]`: each as likely as any other, or in proportion to p_i(x_observed)."""
        u = noise.uniform(seeds, 1, noise.MEMBERS)[:, 0]
        count = tf.shape(next(iter(members.values())))[0]
        if observed is None:
            return tf.minimum(tf.cast(u * tf.cast(count, u.dtype), tf.int32), count - 1)

        values = tf.where(observed, values, tf.zeros_like(values))  # what is not observed may be anything

        def score(member):
            return self._observed_scores(values, observed, context, member)[1]

        weights = tf.cumsum(tf.nn.softmax(self._of_members(score, members), axis=0), axis=0)  # (n, B)
        passed = weights[:-1] <= tf.cast(u, weights.dtype) * weights[-1]
        return tf.reduce_sum(tf.cast(passed, tf.int32), axis=0)

    def _sample_rows(self, seeds, context, observed, values, member):
        choice, event = self._choose(seeds, context, observed, values, member), self._network.event_shape

        def draw(one):
            if observed is not None:
                one = self._completing(one, observed)
            return sampling.sample_rows(self._network, self._head, seeds, context, observed, values, one, self._method)

        if self._network.order_agnostic:
            return draw(_slice(member, choice))

        def add(index, x):
            here = tf.reshape(choice == index, [-1, *[1] * len(event)])
            return index + 1, tf.ensure_shape(tf.where(here, draw(_slice(member, index)), x), x.shape)

        count = tf.shape(next(iter(member.values())))[0]
        start = tf.zeros([tf.shape(seeds)[0], *event], self._head.dtype)
        return tf.while_loop(lambda index, _: index < count, add, (tf.constant(0), start))[1]

    def _check_completion(self, observed):
        if self._network.order_agnostic:
            return observed
        message = (
            "no member of the ensemble has an order that puts the observed positions first, and none can fill positions"
            " before them. Train an order-agnostic model (tfar.DeepNADE)."
        )

        def can(index):
            return prefixes(self._network, observed, _slice(self._member, index))

        possible = tf.map_fn(can, tf.range(self.num_members), fn_output_signature=tf.bool)
        with tf.control_dependencies(require(tf.reduce_any(possible, axis=0), message)):
            return tf.identity(observed)
