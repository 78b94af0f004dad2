"""The distribution of one network in one order."""

import tensorflow as tf

from tfar.distributions import sampling
from tfar.distributions.base import CONTEXT_PROPERTIES, NetworkDistribution, prefixes
from tfar.validation import require


class AutoregressiveDistribution(NetworkDistribution):
    """p(x) = prod_k p(x_{order[k]} | x_{order[0]}, ..., x_{order[k-1]}, context), as a `tfd.Distribution`.

    `log_prob` (nats) takes one call of the network; `sample` runs one loop over the positions that costs the arithmetic of one call.
    It is a thin view: the Keras network owns the variables.

    Args:
        network: a `tfar.networks.AutoregressiveNetwork`, or any Keras network (or function) that maps `x [B, *event_shape]`, and
            `context [B, C]` if there is one, to raw parameters `[B, *event_shape, P]` of which those at a position depend on earlier
            positions alone. `tfar.check_autoregressive` tells whether it does.
        head: what the parameters mean, a `tfar.heads.Head`.
        context: `[*batch, C]`; its leading axes are the batch shape. None for an unconditional density.
        member: dict of keyword arguments that selects one of the network's members; None for the network's own order.
        event_shape, order: of a network that is not tfar's.
        method: how to sample: "stepping", "fixed_point" or "naive" (`tfar.distributions.sampling`); None for stepping with tfar's networks, and
            fixed-point iteration with others.

    Raises:
        ValueError: network, head and context do not fit each other.

    >>> import tfar
    >>> network = tfar.networks.MADE(event_shape=[3], hidden_units=[8])
    >>> distribution = AutoregressiveDistribution(network, "bernoulli")
    >>> distribution.sample([2, 5], seed=1).shape
    TensorShape([2, 5, 3])
    >>> cube = tf.constant([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    >>> round(float(tf.reduce_sum(distribution.prob(cube))), 5)
    1.0
    """

    def __init__(
        self,
        network,
        head="bernoulli",
        context=None,
        member=None,
        event_shape=None,
        order=None,
        method=None,
        validate_args=False,
        allow_nan_stats=True,
        name="AutoregressiveDistribution",
    ):
        parameters = dict(locals())
        self._member = dict(member or {})
        super().__init__(network, head, context, event_shape, order, method, validate_args, allow_nan_stats, parameters, name=name)

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return CONTEXT_PROPERTIES

    @property
    def order(self):
        """The order, int32 `[D]`: `order[k]` is the dimension that is generated k-th."""
        return self._network.generation_order(**self._member)

    def position_log_prob(self, x):
        """Log-probability of each value given those before it in the order; the sum over the event is `log_prob`.

        Args:
            x: values `[..., *event]`.

        Returns:
            Nats `[..., *event]`, those of dimension d where `x` has it, whenever it is generated.

        Raises:
            ValueError: values of another shape, or outside the head's support.

        >>> import tfar
        >>> distribution = tfar.MADE(event_shape=[2, 3], hidden_units=[8]).distribution()
        >>> parts = distribution.position_log_prob(tf.zeros([5, 2, 3]))
        >>> parts.shape
        TensorShape([5, 2, 3])
        >>> bool(tf.reduce_all(abs(tf.reduce_sum(parts, [1, 2]) - distribution.log_prob(tf.zeros([5, 2, 3]))) < 1e-5))
        True
        """

        def scores(rows, context):
            return self._scores(rows, context, self._member)

        return self._by_rows(scores, tf.convert_to_tensor(x), self._network.event_shape)

    def _log_prob_rows(self, x, context):
        params = self._network(x, context, **self._member)
        return self._head.log_prob(params, x, event_ndims=len(self._network.event_shape))

    def _conditional_rows(self, x, observed, context):
        scores = self._scores(x, context, self._completing(self._member, observed))
        return tf.reduce_sum(tf.where(tf.reshape(observed, tf.shape(scores)), tf.zeros_like(scores), scores), axis=-1)

    def _sample_rows(self, seeds, context, observed, values, member):
        if observed is not None:
            member = self._completing(member, observed)
        return sampling.sample_rows(self._network, self._head, seeds, context, observed, values, member, self._method)

    def _check_completion(self, observed):
        if self._network.order_agnostic:
            return observed
        message = (
            "the observed positions must come first in the model's order: given later ones, filling earlier ones in this order does "
            "not draw from the conditional distribution. Train a model with an order that puts them first (order=[...]), or an "
            "order-agnostic one (tfar.DeepNADE)."
        )
        with tf.control_dependencies(require(prefixes(self._network, observed, self._member), message)):
            return tf.identity(observed)
