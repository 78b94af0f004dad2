"""What the distribution of one member and the mixture of several share: shapes, seeds, checks and completion."""

from collections.abc import Callable
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfar import heads, noise
from tfar.distributions import sampling
from tfar.distributions.support import Guard
from tfar.heads.base import as_dtype
from tfar.networks.base import AutoregressiveNetwork
from tfar.networks.wrapped import WrappedNetwork
from tfar.validation import (
    as_orders,
    check_choices,
    check_context,
    check_flags,
    check_support,
    checked_context,
    context_of,
    of_class,
    require,
)

tfd = tfp.distributions

CONTEXT_PROPERTIES: dict[str, Any] = {"context": tfp.util.ParameterProperties(event_ndims=1)}

Member = dict[str, Any]  # keyword arguments that select a member of a network

Method = TypeVar("Method", bound=Callable[..., Any])


def as_written(method: Method) -> Method:
    """A method that AutoGraph leaves as it is, in a user's `tf.function` too: to rewrite a sampler takes seconds, and changes nothing."""
    return tf.autograph.experimental.do_not_convert(method)  # pyright: ignore[reportReturnType]


class NetworkDistribution(tfd.Distribution):
    """A distribution whose likelihood and samples come from a network, one row at a time.

    A subclass writes `_log_prob_rows`, `_conditional_rows`, `_sample_rows` and `_completable` for flat batches of rows. This class turns
    sample shapes and batch shapes into rows and back.

    **Compiled by default.** Eager calls of `log_prob`, `sample`, `complete` and the like run as graphs, which are traced once for each
    network, head and dtype, for all batch sizes. With `jit_compile=True` XLA compiles them, for each shape anew: it takes seconds and pays
    where one shape is used often. A call inside a `tf.function` joins the caller's graph.

    **Unsupported values.** As with TFP's distributions, the log-probability of a value outside the head's support is -inf, that of NaN is
    NaN, and so is that of any value given a context that is not finite: eagerly, in graphs and under XLA. Only the rows concerned are
    affected, and gradients stay finite. Samples given such a context are NaN, or the smallest integer where values are integers. With
    `validate_args=True` all of these raise instead, except under XLA, which drops assertions.

    Args:
        network: a `tfar.networks.AutoregressiveNetwork`.
        head: a `tfar.heads.Head`, or the name of one.
        context: `[*batch, C]` or None. A `tf.Variable`, a `keras.Variable` or a `tfp.util.DeferredTensor` is read anew in each call, and
            is one of `trainable_variables`.
        member: keyword arguments that select a member of the network, or those of several members, stacked.
        method: how to sample, one of `tfar.distributions.sampling.METHODS`; None for "fixed_point" with a
            `tfar.networks.WrappedNetwork`, else "stepping".
        jit_compile: whether XLA compiles what is called eagerly.
        validate_args, allow_nan_stats, parameters, name: as in `tfd.Distribution`.

    Raises:
        ValueError: network, head and context do not fit each other, an unknown method, or an order that is not a permutation; with
            `validate_args`, a context is not finite.
    """

    _refusal: str  # what is wrong with a pattern that `_completable` denies
    _transient = False  # whether the network was made for this distribution alone, so that a graph of it would seldom be used again
    _pathwise = False  # whether a sample is a differentiable function of the parameters where the head's draw is

    def __init__(
        self,
        network: AutoregressiveNetwork,
        head: heads.Head | str,
        context: Any,
        member: Member,
        method: str | None,
        jit_compile: bool,
        validate_args: bool,
        allow_nan_stats: bool,
        parameters: dict[str, Any],
        name: str,
    ):
        check_flags(jit_compile=jit_compile, validate_args=validate_args, allow_nan_stats=allow_nan_stats)
        self._network = of_class(AutoregressiveNetwork, network=network)
        self._head = heads.get(head).in_precision(network.compute_dtype)
        network.check_head(self._head)
        if method is not None:
            check_choices(sampling.METHODS, method=method)
        wrapped = isinstance(network, WrappedNetwork)
        if not wrapped:
            network.ensure_built()
        self._method = method or ("fixed_point" if wrapped else "stepping")
        self._jit_compile = bool(jit_compile)
        self._member = {**member, "order": as_orders(member["order"], network.event_size)} if "order" in member else member
        checked = checked_context(context, network.context_size, finite=validate_args)
        self._context: Any = _reference(context)
        if self._context is None:
            self._context = checked
        reparameterized = self._pathwise and self._head.reparameterized
        super().__init__(
            dtype=self._head.dtype,
            reparameterization_type=tfd.FULLY_REPARAMETERIZED if reparameterized else tfd.NOT_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=allow_nan_stats,
            parameters=parameters,
            name=name,
        )

    @property
    def network(self) -> AutoregressiveNetwork:
        """The Keras network, which owns the weights."""
        return self._network

    @property
    def head(self) -> heads.Head:
        """The head: what the network's parameters mean."""
        return self._head

    @property
    def context(self) -> Any:
        """The context `[*batch, C]`, a tensor, or the variable that was given; or None."""
        return self._context

    @property
    def trainable_variables(self) -> tuple[tf.Variable, ...]:
        return (*(v.value for v in self._network.trainable_variables), *(v for v in self._context_variables() if v.trainable))

    @property
    def variables(self) -> tuple[tf.Variable, ...]:
        return (*(v.value for v in self._network.variables), *self._context_variables())

    def _context_variables(self) -> tuple[tf.Variable, ...]:
        if isinstance(self._context, tf.Variable):
            return (self._context,)
        return tuple(self._context.variables) if isinstance(self._context, tf.Module) else ()

    def __getitem__(self, slices: Any) -> Any:
        """A distribution of part of the batch.

        Raises:
            ValueError: there are more indices than axes of the batch, or a new axis is asked of a distribution without a context.
        """
        given = [index for index in (slices if isinstance(slices, tuple) else (slices,)) if index is not Ellipsis]
        indices, rank = sum(index is not tf.newaxis for index in given), self.batch_shape.rank
        if (rank is not None and indices > rank) or (given and self._context is None):
            raise ValueError(f"an index must be of an axis of the batch, whose shape is {self.batch_shape}. Received: {slices}")
        return super().__getitem__(slices)

    @as_written
    def sample_rows(self, seeds: Any, context: Any = None, observed: Any = None, values: Any = None) -> tf.Tensor:
        """Draw one example per seed, `[B, *event]`; row i depends on the i-th seed alone.

        Args:
            seeds: int32 `[B, 2]`.
            context: `[B, C]`; None for the distribution's own.
            observed, values: what is given, as in `tfar.distributions.sampling.sample_rows`; not checked.
        """
        if context is None and self._context is not None:
            context = self._context_rows(self._context_tensor(), tf.shape(seeds)[:1])
        if observed is not None:
            values = self._given(observed, tf.convert_to_tensor(values))
        return self._drawn(seeds, context, observed, values)

    @as_written
    def complete(self, x: Any, observed: Any, seed: Any = None) -> tf.Tensor:
        """Draw the values that are not observed from their exact conditional distribution given those that are.

        Args:
            x: values `[B, *event]`; those not observed are ignored, and may be NaN.
            observed: bool, broadcast to `x`.
            seed: as in `tfar.noise.as_seed`; one pair, or one pair per row.

        Returns:
            Values `[B, *event]` of the head's dtype, equal to `x` where observed.

        Raises:
            ValueError: the order does not put the observed positions first, so that the loop would not draw from the conditional;
                `observed` is not bool, or does not broadcast; an observed value is outside the support; or the number of seeds or
                contexts is not B. In a graph an assertion fails instead. Under XLA, which has none, the rows concerned are NaN, or the
                smallest integer.
        """
        x, observed = self._pattern(x, observed)
        x = check_support(self._head, self._given(observed, x))
        observed, possible = self._check_completion(observed)
        rows = _number_of_rows(x)
        context = self._context_rows(self._context_tensor(), [rows])
        return self._drawn(noise.seeds_of(seed, rows), context, observed, x, possible)

    @as_written
    def conditional_log_prob(self, x: Any, observed: Any) -> tf.Tensor:
        """Score the values that are not observed given those that are: log p(x_missing | x_observed) in nats, `[B]`.

        This is the density that `complete` draws from: 0 where all is observed, `log_prob` where nothing is.

        Args:
            x: values `[B, *event]`, all of them.
            observed: bool, broadcast to `x`.

        Returns:
            Nats `[B]`. A row with an unsupported value, observed or not, has -inf, and one with NaN has NaN, unless `validate_args`.

        Raises:
            ValueError: as `complete`; with `validate_args` for all values, else for none.
        """
        x, observed = self._pattern(x, observed)
        x = self._check_values(x)
        observed, possible = self._check_completion(observed)
        context = self._context_rows(self._context_tensor(), [_number_of_rows(x)])
        return self._graph(self._scored_given, x, observed, context, possible, self._member)

    # What a subclass writes

    def _log_prob_rows(self, x: tf.Tensor, context: tf.Tensor | None, member: Member) -> tf.Tensor:
        """log p(x), nats `[B]`, of values `[B, *event]`; `member` is that of the distribution, as an argument of graphs."""
        raise NotImplementedError

    def _conditional_rows(self, x: tf.Tensor, observed: tf.Tensor, context: tf.Tensor | None, member: Member) -> tf.Tensor:
        """log p(x_missing | x_observed), nats `[B]`, of values and a pattern `[B, *event]`."""
        raise NotImplementedError

    def _sample_rows(self, seeds: Any, context: Any, observed: Any, values: Any, member: Member) -> tf.Tensor:
        """As `tfar.distributions.sampling.sample_rows`."""
        raise NotImplementedError

    def _completable(self, observed: tf.Tensor) -> tf.Tensor:
        """Which rows of a pattern the network's order, or that of some member, can complete exactly, bool `[B]`."""
        raise NotImplementedError

    # For TFP

    def _event_shape(self) -> tf.TensorShape:
        return tf.TensorShape(self._network.event_shape)

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.constant(self._network.event_shape, tf.int32)

    def _batch_shape(self) -> tf.TensorShape:
        return tf.TensorShape([]) if self._context is None else self._context.shape[:-1]

    def _batch_shape_tensor(self, **kwargs: Any) -> tf.Tensor:
        return tf.constant([], tf.int32) if self._context is None else tf.shape(self._context)[:-1]

    # TFP would convert values to this distribution's dtype first, which makes a 0 of a 0.5.
    def _call_log_prob(self, value: Any, name: str, **kwargs: Any) -> tf.Tensor:
        return super()._call_log_prob(tf.convert_to_tensor(value), name, **kwargs)

    def _call_prob(self, value: Any, name: str, **kwargs: Any) -> tf.Tensor:
        return super()._call_prob(tf.convert_to_tensor(value), name, **kwargs)

    def _call_unnormalized_log_prob(self, value: Any, name: str, **kwargs: Any) -> tf.Tensor:
        return super()._call_unnormalized_log_prob(tf.convert_to_tensor(value), name, **kwargs)

    def _log_prob(self, x: tf.Tensor, **kwargs: Any) -> tf.Tensor:
        return self._by_rows(self._scored, x)

    def _default_event_space_bijector(self, *args: Any, **kwargs: Any) -> Any:
        bijector = self._head.bijector()
        if bijector is None:
            raise NotImplementedError(f"values that are {self._head.support} have no bijector from real numbers. Received: {self._head!r}")
        return bijector

    # What has no closed form

    def _mean(self, **kwargs: Any) -> tf.Tensor:
        raise _without_form("mean", "tf.reduce_mean(tf.cast(distribution.sample(n), tf.float32), axis=0)")

    def _variance(self, **kwargs: Any) -> tf.Tensor:
        raise _without_form("variance", "tf.math.reduce_variance(tf.cast(distribution.sample(n), tf.float32), axis=0)")

    def _stddev(self, **kwargs: Any) -> tf.Tensor:
        raise _without_form("standard deviation", "tf.math.reduce_std(tf.cast(distribution.sample(n), tf.float32), axis=0)")

    def _covariance(self, **kwargs: Any) -> tf.Tensor:
        raise _without_form("covariance", "tfp.stats.covariance(tf.cast(distribution.sample(n), tf.float32))")

    def _entropy(self, **kwargs: Any) -> tf.Tensor:
        raise _without_form("entropy", "-tf.reduce_mean(distribution.log_prob(distribution.sample(n)), axis=0)")

    def _mode(self, **kwargs: Any) -> tf.Tensor:
        raise _without_form("mode", "the sample of the largest log_prob")

    def _cdf(self, x: Any, **kwargs: Any) -> tf.Tensor:
        raise _without_form("cdf", "the share of samples that are at most x in every dimension")

    def _quantile(self, value: Any, **kwargs: Any) -> tf.Tensor:
        raise NotImplementedError("a distribution of several dimensions has no quantiles")

    def _sample_n(self, n: Any, seed: Any = None, **kwargs: Any) -> tf.Tensor:
        seed = noise.as_seed(seed)
        shape = tf.concat([[n], self._batch_shape_tensor()], axis=0)
        if seed.shape.rank == 2:
            raise ValueError(f"a sample shape takes one seed, an int32 pair [2]. Received: seed.shape={seed.shape}")
        rows = noise.row_seeds(seed, tf.reduce_prod(shape))
        x = self._drawn(rows, self._context_rows(self._context_tensor(), shape))
        return tf.reshape(x, tf.concat([shape, self._network.event_shape], axis=0))

    # Rows

    def _by_rows(self, function: Callable[..., tf.Tensor], x: tf.Tensor) -> tf.Tensor:
        """Score values `[..., *event]` by `_scored` or the like."""
        x, eager = self._check_shape(x), tf.executing_eagerly()
        if not eager:
            x = self._check_values(x)
        scores = self._graph(function, x, self._context_tensor(), self._member)
        if eager and self.validate_args and not np.isfinite(scores).all():  # as those of all that is refused are not
            self._check_values(x)
        return scores

    def _scored(self, x: tf.Tensor, context: tf.Tensor | None, member: Member) -> tf.Tensor:
        """log p(x), nats `[...]`, of values `[..., *event]` and a context `[*batch, C]`."""
        return self._scored_by(self._log_prob_rows, x, context, member)

    def _scored_by(
        self,
        function: Callable[..., tf.Tensor],
        x: tf.Tensor,
        context: tf.Tensor | None,
        member: Member,
        result_shape: tuple[int, ...] = (),
    ) -> tf.Tensor:
        """Apply a function of rows, their contexts and a member, with results in nats `[N, *result_shape]`, to `x [..., *event]`."""
        event, rank = self._network.event_shape, x.shape.rank
        axes: Any = (tf.rank(x) if rank is None else rank) - len(event)
        shape, static = tf.shape(x)[:axes], x.shape if rank is None else x.shape[:axes]
        if context is not None:
            shape = tf.broadcast_dynamic_shape(shape, tf.shape(context)[:-1])
            static = tf.broadcast_static_shape(static, context.shape[:-1])
            x = tf.broadcast_to(x, tf.concat([shape, event], axis=0))
        guard = Guard(self._head, tf.reshape(x, [-1, *event]), self._context_rows(context, shape))
        rows = guard.scores(function(guard.x, guard.context, member))
        rows = tf.reshape(rows, tf.concat([shape, tf.constant(result_shape, tf.int32)], axis=0))
        return tf.ensure_shape(rows, static.concatenate(result_shape))

    def _context_tensor(self) -> tf.Tensor | None:
        """The context `[*batch, C]` as it is now."""
        if self._context is None:
            return None
        context = tf.convert_to_tensor(self._context)
        if self.validate_args and context is not self._context:  # a variable, which has changed since it was checked
            context = check_context(context)
        return context

    def _context_rows(self, context: tf.Tensor | None, shape: Any) -> tf.Tensor | None:
        """The context of each row of a batch of the given shape, flat."""
        return None if context is None else tf.reshape(context_of(context, shape), [-1, self._network.context_size])

    def _check_shape(self, x: tf.Tensor) -> tf.Tensor:
        """Return values, whose last axes must be those of the event; where they are known only when the graph runs, it asserts that."""
        event = self._network.event_shape
        message = f"values must be [..., {', '.join(map(str, event))}]. Received: shape="
        if x.shape.rank is None:
            matches = tf.logical_and(tf.rank(x) >= len(event), tf.reduce_all(tf.shape(x)[-len(event) :] == tf.constant(event)))
            with tf.control_dependencies([tf.debugging.Assert(matches, [message, tf.shape(x)])]):
                return tf.identity(x)
        if x.shape.rank < len(event) or not x.shape[-len(event) :].is_compatible_with(event):
            raise ValueError(f"{message}{x.shape}")
        return x

    def _check_values(self, x: tf.Tensor) -> tf.Tensor:
        """Refuse values outside the head's support where `validate_args` asks for it."""
        return check_support(self._head, x) if self.validate_args else x

    def _check_completion(self, observed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Refuse a pattern that cannot be completed exactly. Returns `observed`, and which rows are possible; None for all."""
        if self._network.order_agnostic:
            return observed, None
        possible = self._completable(observed)
        with tf.control_dependencies(require(possible, self._refusal, "another pattern")):
            return tf.identity(observed), possible

    def _given(self, observed: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        """Values of which those that are not observed, and may be NaN, are the head's `stand_in`."""
        return tf.where(observed, x, as_dtype(self._head.stand_in, x.dtype))

    def _drawn(self, seeds: Any, context: Any = None, observed: Any = None, values: Any = None, possible: Any = None) -> tf.Tensor:
        """Draw rows, of which those that are not `possible`, or whose observed values or contexts are not, are marked."""
        return self._graph(self._sampled, seeds, context, observed, values, possible, self._member)

    def _sampled(self, seeds: Any, context: Any, observed: Any, values: Any, possible: Any, member: Member) -> tf.Tensor:
        guard = Guard(self._head, values, context, possible)
        return guard.values(self._sample_rows(seeds, guard.context, observed, guard.x, member))

    def _scored_given(self, x: tf.Tensor, observed: tf.Tensor, context: Any, possible: Any, member: Member) -> tf.Tensor:
        guard = Guard(self._head, x, context, possible)
        return guard.scores(self._conditional_rows(guard.x, observed, guard.context, member))

    def _pattern(self, x: Any, observed: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Values and a pattern of observed ones, both checked and `[B, *event]`."""
        values: Any = tf.convert_to_tensor(x)
        pattern: Any = tf.convert_to_tensor(observed)
        if pattern.dtype != tf.bool:
            raise ValueError(f"observed must be bool. Received: observed.dtype={pattern.dtype.name}")
        if values.shape.rank is None:
            values = tf.ensure_shape(values, [None, *self._network.event_shape])
        if values.shape.rank != len(self._network.event_shape) + 1:
            raise ValueError(f"x must be [B, {', '.join(map(str, self._network.event_shape))}]. Received: x.shape={values.shape}")
        self._check_shape(values)
        try:
            broadcast = tf.broadcast_to(pattern, tf.shape(values))
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(f"observed must broadcast to x {values.shape}. Received: observed.shape={pattern.shape}") from error
        return values, tf.ensure_shape(broadcast, values.shape)

    def _completing(self, member: Member, observed: tf.Tensor) -> Member:
        """The member that completes: where the network takes any order, the same order with the observed dimensions first."""
        if not self._network.order_agnostic:
            return member
        order = tf.convert_to_tensor(self._network.generation_order(**member))
        flat = tf.reshape(observed, [-1, self._network.event_size])
        return {**member, "order": sampling.observed_first(order, flat)}

    def _observed_first(self, observed: tf.Tensor, member: Member) -> tf.Tensor:
        """Whether the observed positions of each row come before all others in the member's order, bool `[B]`."""
        order = tf.convert_to_tensor(self._network.generation_order(**member))
        flat = sampling.into_order(tf.reshape(observed, [-1, self._network.event_size]), order)  # (D, B)
        return tf.reduce_all(tf.logical_or(flat[:-1], tf.logical_not(flat[1:])), axis=0)

    def _scores(self, x: tf.Tensor, context: tf.Tensor | None, member: Member) -> tf.Tensor:
        """Log-probability of each dimension given those before it in the member's order, `[B, D]`."""
        params = self._network(x, context, **member)
        return tf.reshape(self._head.log_prob(params, x, event_ndims=0), [-1, self._network.event_size])

    def _graph(self, function: Callable[..., tf.Tensor], *arguments: Any) -> tf.Tensor:
        """Call a method: eagerly as a graph, which the network keeps for all distributions like this one.

        What differs between them, the member and the context, is an argument. Weights that a `keras.StatelessScope` replaces are seen by
        a direct call alone.
        """
        network, jit = self._network, self._jit_compile
        chunked = network.order_agnostic and not network.per_column  # in chunks that suit the batch, by a graph of the network's own
        direct = not jit and function != self._sampled and (self._transient or chunked)
        if not tf.executing_eagerly() or direct or _weights_are_replaced() or tf.config.functions_run_eagerly():
            return function(*arguments)
        shapes = [tuple(getattr(part, "shape", ())) for part in tf.nest.flatten(arguments)]
        sizes = tuple(shapes if jit else map(len, shapes))  # a program of XLA is of one shape
        key = (function.__name__, type(self), self._head, self._method, jit, sizes)
        return network.graph(key, function, arguments, jit_compile=jit or None, reduce_retracing=not jit)(*arguments)


def _reference(context: Any) -> Any:
    """What is read anew in each call, as TFP's distributions do: a variable, or what is computed of one; None for anything else."""
    value = context.value if isinstance(context, keras.Variable) else context
    return value if isinstance(value, tf.Variable | tfp.util.DeferredTensor) else None


def _weights_are_replaced() -> bool:
    """Whether the call is in a `keras.StatelessScope`, which gives weights other values."""
    with keras.StatelessScope(initialize_variables=False) as inner:
        return inner.original_scope is not None


def _without_form(name: str, estimate: str) -> NotImplementedError:
    """The error of a quantity that would be a sum over all values."""
    return NotImplementedError(f"the {name} of an autoregressive distribution has no closed form. An estimate is {estimate}")


def _number_of_rows(x: tf.Tensor) -> Any:
    """B of `x [B, *event]`: a number where it is known, so that messages can name it, else a tensor."""
    return tf.shape(x)[0] if x.shape[0] is None else x.shape[0]
