"""The mixture of all members of a network: several orders, or several sets of masks, of the same weights."""

import math

import tensorflow as tf

from tfar import noise, sampling
from tfar.distributions.base import CONTEXT_PROPERTIES, NetworkDistribution


def _slice(members, index):
    return {key: value[index] for key, value in members.items()}


class AutoregressiveEnsemble(NetworkDistribution):
    """p(x) = 1/n sum_i p_i(x): the average of the probabilities of n members, never of their logits.

    `log_prob` takes one call of the network for each member, log p(x) = logsumexp_i log p_i(x) - log n. A sample picks a member for each
    row and draws from it; it costs as much as `log_prob`.

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
        super().__init__(network, head, context, None, None, method, validate_args, allow_nan_stats, parameters, name=name)

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return CONTEXT_PROPERTIES

    @property
    def num_members(self):
        """n, how many distributions are averaged."""
        return next(iter(self._member.values())).shape[0]

    def _log_prob_rows(self, x, context):
        args, ndims = ((x,) if context is None else (x, context)), len(self._network.event_shape)

        def member(index):
            return self._head.log_prob(self._network(*args, **_slice(self._member, index)), x, ndims)

        def add(index, total):
            return index + 1, tf.ensure_shape(tf.math.reduce_logsumexp(tf.stack([total, member(index)]), axis=0), total.shape)

        loop = (tf.constant(1), member(tf.constant(0)))
        count = self.num_members
        _, total = tf.while_loop(lambda index, _: index < count, add, loop, maximum_iterations=count - 1)
        return total - math.log(count)

    def _sample_rows(self, seeds, context, observed, values, member):
        count, event = self.num_members, self._network.event_shape
        choice = tf.cast(noise.uniform(seeds, 1, noise.MEMBERS)[:, 0] * count, tf.int32)  # (B,)

        def draw(index, x):
            one = _slice(member, index)
            drawn = sampling.sample_rows(self._network, self._head, seeds, context, observed, values, one, self._method)
            here = tf.reshape(choice == index, [-1, *[1] * len(event)])
            return index + 1, tf.ensure_shape(tf.where(here, drawn, x), x.shape)

        start = tf.zeros([tf.shape(seeds)[0], *event], self._head.dtype)
        return tf.while_loop(lambda index, _: index < count, draw, (tf.constant(0), start))[1]

    def _check_completion(self, observed):
        raise ValueError(
            "an ensemble of fixed masks completes one member at a time: use distribution(member=k).complete, with an order that puts "
            f"the observed positions first. Received: an ensemble of {self.num_members} members"
        )
