"""What a single autoregressive distribution and an ensemble of them share: shapes, seeds, checks and completion."""

import math

import tensorflow as tf
import tensorflow_probability as tfp

from tfar import heads, noise
from tfar.distributions import sampling
from tfar.networks.base import AutoregressiveNetwork, WrappedNetwork
from tfar.validation import as_orders, check_support, checked_context, context_of, given_event_shape

tfd = tfp.distributions


CONTEXT_PROPERTIES = {"context": tfp.util.ParameterProperties(event_ndims=1)}


class NetworkDistribution(tfd.Distribution):
    """A distribution whose likelihood and samples come from a network, one row at a time.

    A subclass gives `_log_prob_rows(x, context)`, `_conditional_rows(x, observed, context)` and
    `_sample_rows(seeds, context, observed, values, member)` on flat batches of rows; this class turns sample shapes and batch shapes
    into rows and back.
    """

    def __init__(self, network, head, context, event_shape, order, method, validate_args, allow_nan_stats, parameters, name):
        self._head = heads.get(head)
        if not isinstance(network, AutoregressiveNetwork):
            size = 0 if context is None else int(tf.convert_to_tensor(context).shape.with_rank_at_least(1)[-1])
            event_shape = given_event_shape(network, event_shape)
            network = WrappedNetwork(network, event_shape, self._head.params_size, order=order, context_size=size)
        elif event_shape is not None or order is not None:
            raise ValueError(
                "event_shape and order describe a network of your own; this one knows its own. "
                f"Received: network={network!r}, event_shape={event_shape!r}, order={order!r}"
            )
        network.check_head(self._head)
        if method not in (None, *sampling.METHODS):
            raise ValueError(f"method must be None or one of {sampling.METHODS}. Received: method={method!r}")
        wrapped = isinstance(network, WrappedNetwork)
        if not wrapped:
            network.ensure_built()
        if "order" in self._member:
            self._member = {**self._member, "order": as_orders(self._member["order"], network.event_size)}
        self._network, self._method = network, method or ("fixed_point" if wrapped else "stepping")
        self._context = checked_context(context, network.context_size)
        super().__init__(
            dtype=self._head.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=allow_nan_stats,
            parameters=parameters,
            name=name,
        )

    @property
    def network(self):
        """The Keras network that owns the weights."""
        return self._network

    @property
    def head(self):
        """What the network's parameters mean."""
        return self._head

    @property
    def context(self):
        """The context `[*batch, C]`, or None."""
        return self._context

    @property
    def trainable_variables(self):
        return tuple(v.value for v in self._network.trainable_variables)

    @property
    def variables(self):
        return tuple(v.value for v in self._network.variables)

    def _event_shape(self):
        return tf.TensorShape(self._network.event_shape)

    def _event_shape_tensor(self):
        return tf.constant(self._network.event_shape, tf.int32)

    def _batch_shape(self):
        return tf.TensorShape([]) if self._context is None else self._context.shape[:-1]

    def _batch_shape_tensor(self, **kwargs):
        return tf.constant([], tf.int32) if self._context is None else tf.shape(self._context)[:-1]

    def _context_rows(self, shape):
        """The context of each row of a batch of the given shape, flat."""
        if self._context is None:
            return None
        return tf.reshape(context_of(self._context, shape), [-1, self._network.context_size])

    def _check_shape(self, x):
        event = self._network.event_shape
        if x.shape.rank is not None and not x.shape[-len(event) :].is_compatible_with(event) or (x.shape.rank or 99) < len(event):
            raise ValueError(f"values must be [..., {', '.join(map(str, event))}]. Received: shape={x.shape}")

    def _check_values(self, x):
        """Refuse values outside the head's support; inside a graph only where `validate_args` asks for it."""
        if not tf.executing_eagerly() and not self.validate_args:
            return x
        return check_support(self._head, x)

    # TFP would convert values to this distribution's dtype first, which makes a 0 of a 0.5.
    def _call_log_prob(self, value, name, **kwargs):
        return super()._call_log_prob(tf.convert_to_tensor(value), name, **kwargs)

    def _call_prob(self, value, name, **kwargs):
        return super()._call_prob(tf.convert_to_tensor(value), name, **kwargs)

    def _call_unnormalized_log_prob(self, value, name, **kwargs):
        return super()._call_unnormalized_log_prob(tf.convert_to_tensor(value), name, **kwargs)

    def _log_prob(self, x, **kwargs):
        return self._by_rows(self._log_prob_rows, x)

    def _by_rows(self, function, x, result_shape=()):
        """Check values `[..., *event]`, and give them and their context row by row to a function with results `[N, *result_shape]`."""
        self._check_shape(x)
        x = self._check_values(x)
        event = self._network.event_shape
        shape = tf.shape(x)[: x.shape.rank - len(event)]
        static = x.shape[: x.shape.rank - len(event)]
        if self._context is not None:
            shape = tf.broadcast_dynamic_shape(shape, self._batch_shape_tensor())
            static = tf.broadcast_static_shape(static, self.batch_shape)
            x = tf.broadcast_to(x, tf.concat([shape, event], axis=0))
        rows = function(tf.reshape(x, [-1, *event]), self._context_rows(shape))
        rows = tf.reshape(rows, tf.concat([shape, tf.constant(result_shape, tf.int32)], axis=0))
        return tf.ensure_shape(rows, static.concatenate(result_shape))

    def _sample_n(self, n, seed=None, **kwargs):
        seed = noise.as_seed(seed)
        shape = tf.concat([[n], self._batch_shape_tensor()], axis=0)
        if seed.shape.rank == 2:
            raise ValueError(f"a sample shape takes one seed, an int32 pair [2]. Received: seed.shape={seed.shape}")
        rows = noise.row_seeds(seed, tf.reduce_prod(shape))
        x = self._compiled(rows, self._context_rows(shape))
        return tf.reshape(x, tf.concat([shape, self._network.event_shape], axis=0))

    def sample_rows(self, seeds, context=None, observed=None, values=None):
        """Draw one example per seed, `[B, *event]`; see `tfar.distributions.sampling.sample_rows`. Row i depends on the i-th seed alone."""
        if context is None and self._context is not None:
            context = self._context_rows(tf.shape(seeds)[:1])
        return self._compiled(seeds, context, observed, values)

    def complete(self, x, observed, seed=None):
        """Draw the positions that are not observed, given those that are, from the exact conditional distribution.

        Args:
            x: values `[B, *event]`; anything, NaN too, where not observed.
            observed: bool, broadcast to `x`.
            seed: as in `tfar.noise.as_seed`; one pair, or one pair per row.

        Returns:
            Values `[B, *event]` of the head's dtype, equal to `x` where observed.

        Raises:
            ValueError: the order does not put the observed positions first, so that the loop would not draw from the conditional;
                `observed` is not bool, or does not broadcast; what is observed is outside the support; or there is another number of
                seeds or contexts than of rows.
        """
        x, observed = self._pattern(x, observed)
        x = check_support(self._head, tf.where(observed, x, tf.zeros_like(x)))
        observed = self._check_completion(observed)
        rows = _number_of_rows(x)
        return self._compiled(noise.seeds_of(seed, rows), self._context_rows([rows]), observed, x)

    def conditional_log_prob(self, x, observed):
        """Score the positions that are not observed given those that are: log p(x_missing | x_observed) in nats, `[B]`.

        It is the density that `complete` draws from: 0 where all is observed, `log_prob` where nothing is.

        Args:
            x: values `[B, *event]`, all of them.
            observed: bool, broadcast to `x`.

        Raises:
            ValueError: as `complete`, for all values.
        """
        x, observed = self._pattern(x, observed)
        x = check_support(self._head, x)
        observed = self._check_completion(observed)
        return self._conditional_rows(x, observed, self._context_rows([_number_of_rows(x)]))

    def _pattern(self, x, observed):
        """Check values and what is observed of them, and give both the same shape `[B, *event]`."""
        x, observed = tf.convert_to_tensor(x), tf.convert_to_tensor(observed)
        if observed.dtype != tf.bool:
            raise ValueError(f"observed must be bool. Received: observed.dtype={observed.dtype.name}")
        if x.shape.rank != len(self._network.event_shape) + 1:
            raise ValueError(f"x must be [B, {', '.join(map(str, self._network.event_shape))}]. Received: x.shape={x.shape}")
        self._check_shape(x)
        try:
            observed = tf.broadcast_to(observed, tf.shape(x))
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(f"observed must broadcast to x {x.shape}. Received: observed.shape={observed.shape}") from error
        return x, tf.ensure_shape(observed, x.shape)

    def _check_completion(self, observed):
        """Return `observed`, or refuse a pattern that this order cannot complete exactly."""
        raise NotImplementedError

    def _completing(self, member, observed):
        """The member that completes: where the network takes any order, the same order with the observed dimensions first."""
        if not self._network.order_agnostic:
            return member
        order = tf.convert_to_tensor(self._network.generation_order(**member))
        observed = tf.reshape(observed, [-1, self._network.event_size])
        return {**member, "order": sampling.observed_first(order, observed)}

    def _scores(self, x, context, member):
        """Log-probability of each dimension given those before it in the member's order, `[B, D]`."""
        params = self._network(x, context, **member)
        return tf.reshape(self._head.log_prob(params, x, event_ndims=0), [-1, self._network.event_size])

    def _log_prob_rows(self, x, context):
        raise NotImplementedError

    def _conditional_rows(self, x, observed, context):
        raise NotImplementedError

    def _sample_rows(self, seeds, context, observed, values, member):
        raise NotImplementedError

    def _compiled(self, seeds, context=None, observed=None, values=None):
        """Run the sampler as a graph: an eager `tf.while_loop` would be a Python loop over D. Traced once per network and head."""
        if not tf.executing_eagerly():
            return self._sample_rows(seeds, context, observed, values, self._member)
        compiled, key = self._network.__dict__["compiled"], (type(self), self._head, self._method)
        if key not in compiled:
            compiled[key] = tf.function(self._sample_rows, reduce_retracing=True, autograph=False)
        return compiled[key](seeds, context, observed, values, self._member)


def _number_of_rows(x):
    """B of `x [B, *event]`: a number where it is known, so that messages can name it, else a tensor."""
    return tf.shape(x)[0] if x.shape[0] is None else x.shape[0]


def prefixes(network, observed, member):
    """Whether the observed positions of each row come before all others in the member's order, bool `[B]`."""
    order = tf.convert_to_tensor(network.generation_order(**member))
    flat = sampling.into_order(tf.reshape(observed, [-1, math.prod(network.event_shape)]), order)  # (D, B)
    return tf.reduce_all(flat[:-1] | ~flat[1:], axis=0)
