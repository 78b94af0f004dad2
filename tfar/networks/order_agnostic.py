"""Networks trained for all orders at once: their objective, and the exact likelihood under any one order."""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfar import config, noise
from tfar.heads.base import Head
from tfar.heads.encodings import Number, OneHot
from tfar.layers import Dropout
from tfar.networks.base import AutoregressiveNetwork, Size, State, fresh
from tfar.validation import as_counts, check_seeds, from_keras

EVALUATION_PATTERNS = 4  # per example: enough for a steady early stopping, few enough to cost less than an epoch
ROWS = 4096  # rows of the hidden layers that are held in memory at once


class OrderAgnostic(AutoregressiveNetwork):
    """A network that predicts every position from any subset of the others: one set of weights, a density for each order.

        a = b + sum_{i observed} (W_i x_i + U_i) + C c          first layer: what x_i adds, and that it is observed
        params_j = V_j h^L(a) + d_j                             for every j that is not observed

    **Training** (Uria, Murray & Larochelle 2014). For each example a number d in 0..D-1 and a subset of d observed positions are drawn.
    The loss is

        D / (D - d) * sum_{j not observed} -log p(x_j | x_observed),

    an unbiased estimate of the mean negative log-likelihood over all D! orders. In the paper d is uniform. Here its distribution reduces
    the noise of the gradient, and the loss is weighted accordingly (`training_patterns`). Outside training (`evaluate`, validation) the
    objective is the mean over 4 subsets, which a hash of the example's values determines, so that an example always has the same ones.

    **Evaluation** of one order is exact. It carries `a` along, adds each observed position to it, and computes only the next output. An
    example takes D (H + H H' + ...) products, without a factor for D inputs or D outputs. Positions go in chunks, which are rows of the
    same matrix products.

    The member is selected by `order`, a permutation `[D]`, or one per row `[B, D]`; by default the network's own order.

    A subclass implements `first_layer()` and `inference(sums, observed)`, which calls `hidden`.

    Args:
        event_shape, params_size, num_classes, context_size, encoding: as in `tfar.networks.AutoregressiveNetwork`.
        hidden_units: sizes of the hidden layers, H; at least one layer.
        activation: g, by its Keras name.
        order: the order that `call` and sampling use where no other is given: "natural", "reversed" or a permutation.
        kernel_initializer: initializer of all kernels.
        dropout: share of the units of each hidden layer that training drops.
        seed: seed of the subsets that training draws.
        **kwargs: as in `keras.layers.Layer`.

    Raises:
        ValueError: a size is not a positive integer, there is no hidden layer, or `dropout` or `order` is invalid.
    """

    family = config.DeepNADE
    order_agnostic = True
    takes_columns = True
    segments = 1  # parts of an order; in each, `inference` is shown only the positions that are not observed at its start

    def __init__(
        self,
        event_shape: int | Iterable[int],
        params_size: int | Sequence[int] = 1,
        hidden_units: int | Iterable[int] = config.DeepNADE.hidden_units,
        activation: Any = config.DeepNADE.activation,
        order: config.Order = config.DeepNADE.order,
        kernel_initializer: Any = config.DeepNADE.kernel_initializer,
        dropout: float = config.DeepNADE.dropout,
        seed: int = config.DeepNADE.seed,
        **kwargs: Any,
    ):
        super().__init__(event_shape, params_size, order, **kwargs)
        check_seeds(seed=seed)
        self.hidden_units = as_counts(hidden_units=hidden_units)
        if not self.hidden_units:
            raise ValueError(f"hidden_units must be of at least one layer. Received: hidden_units={hidden_units!r}")
        self.activation: Callable[[Any], Any] = from_keras(keras.activations.get, activation=activation)
        self.kernel_initializer: Any = from_keras(keras.initializers.get, kernel_initializer=kernel_initializer)
        self.drop, self.seed = Dropout(dropout, name="dropout"), int(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        options: dict[str, Any] = {"activation": self.activation, "dtype": self.dtype_policy}
        self.hidden_layers = [
            keras.layers.Dense(h, kernel_initializer=fresh(self.kernel_initializer), name=f"hidden_{n}", **options)
            for n, h in enumerate(self.hidden_units[1:], 1)
        ]

    def _add_kernel(self, name: str, shape: tuple[int, ...]) -> keras.Variable:
        return self.add_weight(name=name, shape=shape, initializer=fresh(self.kernel_initializer))

    def build(self, x_shape: Any = None, context_shape: Any = None) -> None:
        """Create the weights."""
        first, last = self.hidden_units[0], self.hidden_units[-1]
        self.kernel = self._add_kernel("kernel", (int(self.feature_sizes.sum()), first))
        self.bias = self.add_weight(name="bias", shape=(first,), initializer="zeros")
        if self.context_size:
            self.context_kernel = self._add_kernel("context_kernel", (self.context_size, first))
        for layer, units in zip(self.hidden_layers, self.hidden_units[:-1], strict=True):
            layer.build((None, units))
        # Transposed, so that the parameters of one position are contiguous rows.
        outputs = int(self.params_sizes.sum())
        self.output_kernel = self._add_kernel("output_kernel", (outputs, last))
        self.output_bias = self.add_weight(name="output_bias", shape=(outputs,), initializer="zeros")

    def first_layer(self) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return W `[D * E, H]`, U `[D, H]` and b `[H]`, of `sum_dtype`."""
        raise NotImplementedError

    def columns(self, dims: tf.Tensor | None = None) -> Any:
        """Return the weights of the dimensions `dims`, int32 `[M]`, or of all, that `inference` needs; here None."""
        return None

    def inference(
        self, sums: tf.Tensor, observed: tf.Tensor, columns: Any = None, training: bool = False
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Compute the hidden layers from what is observed.

        Args:
            sums: pre-activations of the first layer, `[S, B, H]`.
            observed: whether each of M dimensions is observed, bool `[S, B, M]` or `[S, 1, M]`.
            columns: `columns` of these M dimensions, where all others are observed; None for all dimensions, in their order.
            training: whether units are dropped.

        Returns:
            The last hidden layer `[S * B, H]`, and the outputs `[S * B, M * P]` of each earlier inference step.
        """
        raise NotImplementedError

    def hidden(self, sums: tf.Tensor, training: bool = False) -> Any:
        """Return the last hidden layer `[N, H]` from the pre-activations `[..., H]` of the first."""
        h = self.drop(self.activation(tf.reshape(sums, [-1, self.hidden_units[0]])), training=training)
        for layer in self.hidden_layers:
            h = self.drop(layer(h), training=training)
        return h

    def outputs(self, h: tf.Tensor, weights: Any = None) -> tf.Tensor:
        """Return raw parameters `[N, D * P]` from the last hidden layer `[N, H]`, or those of other `weights` (kernel, bias)."""
        kernel, bias = (self.cast(self.output_kernel), self.cast(self.output_bias)) if weights is None else weights
        return tf.matmul(h, kernel, transpose_b=True) + bias

    def _read(self, h: tf.Tensor, dims: tf.Tensor) -> tf.Tensor:
        """The parameters `[S, B, P]` at dimensions `[S, B]`, or `[S, 1]`, from the last hidden layer `[S * B, H]`."""
        h = tf.reshape(h, [tf.shape(dims)[0], -1, self.hidden_units[-1]])
        rows = tf.gather(tf.reshape(self.cast(self.output_kernel), [self.event_size, self.params_size, -1]), dims)
        bias = tf.gather(tf.reshape(self.cast(self.output_bias), [self.event_size, self.params_size]), dims)
        if dims.shape[1] == 1:
            return tf.matmul(h, rows[:, 0], transpose_b=True) + bias
        return tf.reduce_sum(h[:, :, None, :] * rows, axis=-1) + bias

    def _start(self, bias: tf.Tensor, batch_size: Size, context: tf.Tensor | None) -> tf.Tensor:
        """Pre-activations `[B, H]` where nothing is observed."""
        if context is None:
            return tf.broadcast_to(bias, [batch_size, self.hidden_units[0]])
        return tf.cast(tf.matmul(context, self.cast(self.context_kernel)), bias.dtype) + bias

    def _added(self, kernel: tf.Tensor, mask_kernel: tf.Tensor, dims: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
        """What the values `[S, B]` of dimensions `[S, B]` or `[S, 1]` add to the pre-activations, `[S, B, H]`."""
        if isinstance(self.encoding, Number):
            added = tf.gather(kernel, dims) * tf.expand_dims(tf.cast(values, kernel.dtype), -1)
        elif isinstance(self.encoding, OneHot):  # a row of the kernel instead of a product with a one-hot code
            added = tf.gather(kernel, dims * self.features + tf.cast(values, tf.int32))
        else:
            rows = tf.gather(tf.reshape(kernel, [self.event_size, self.features, -1]), dims)  # (S, B or 1, E, H)
            added = tf.reduce_sum(rows * tf.expand_dims(self.encoding(values, kernel.dtype), -1), axis=-2)
        return added + tf.gather(mask_kernel, dims)

    def generation_order(self, order: Any = None, **others: Any) -> np.ndarray | tf.Tensor:
        """Return `order`, int32 `[D]`, or `[B, D]` where each row has its own; by default the network's own."""
        return self.order if order is None else order

    def call(self, x: Any, context: Any = None, order: Any = None, training: bool = False) -> tf.Tensor:
        """Return the parameters `[B, *event_shape, P]`, or `[B, sum_d P_d]`, under an order `[D]` or `[B, D]`; by default its own."""
        context, x = self.as_context(context), tf.reshape(self.as_values(x), [-1, self.event_size])
        order = tf.convert_to_tensor(self.generation_order(order))
        if self.per_column:
            return self._evaluate_columns(x, context, order)
        # As many positions at once as make matrix products efficient, and no more than fit into the cache.
        size = min(max(1, round(self.event_size**0.5)), max(1, ROWS // (x.shape[0] or 1)))
        if not tf.executing_eagerly():
            return self._evaluate(x, context, order, size)
        # Eagerly the loop takes twice the time.
        evaluate = self.traced(("evaluate", len(order.shape)), self._evaluate, reduce_retracing=True)
        return evaluate(x, context, order, size)

    def _evaluate(self, x: Any, context: tf.Tensor | None, order: Any, size: int) -> tf.Tensor:
        """The parameters of all positions of one order, `size` positions at a time."""
        by_row = len(order.shape) - 1
        rank, dims = tf.argsort(order, axis=-1), tf.transpose(order) if by_row else order[:, None]  # dims: (D, B or 1)
        values = tf.transpose(tf.gather(x, order, axis=1, batch_dims=by_row))  # (D, B)
        kernel, mask_kernel, bias = self.first_layer()
        sums = self._start(bias, tf.shape(x)[0], context)

        count = -(-self.event_size // size)
        earlier = tf.constant(np.tril(np.ones([size, size]), -1), sums.dtype)

        def chunk(columns: Any, ranks: Any, number: tf.Tensor, sums: tf.Tensor, params: Any) -> tuple[tf.Tensor, tf.Tensor, Any]:
            positions = number * size + tf.range(size)
            here = tf.minimum(positions, self.event_size - 1)  # the last chunk repeats the last position
            added = self._added(kernel, mask_kernel, tf.gather(dims, here), tf.gather(values, here))  # (S, B, H)
            inside = tf.matmul(earlier, tf.reshape(added, [size, -1]))
            before = sums + tf.reshape(inside, tf.shape(added))
            h, _ = self.inference(self.cast(before), ranks < positions[:, None, None], columns)
            params = params.write(number, self._read(h, tf.gather(dims, here)))
            return number + 1, tf.ensure_shape(before[-1] + added[-1], sums.shape), params

        shape = [size, x.shape[0], self.params_size]
        loop: Any = (tf.constant(0), sums, tf.TensorArray(self.compute_dtype, count, element_shape=shape))
        segments = 1 if by_row else max(1, min(self.segments, count // 4))  # of at least four chunks: each is a loop in the graph
        bounds = [count * part // segments for part in range(segments + 1)]
        for first, end in zip(bounds[:-1], bounds[1:], strict=True):
            if by_row:  # the rows observe different dimensions
                columns, ranks = self.columns(), rank[None]  # (1, B, D)
            else:
                columns, ranks = self.columns(order[first * size :]), tf.range(first * size, self.event_size)[None, None]  # (1, 1, M)
            body = functools.partial(chunk, columns, ranks)
            loop = tf.while_loop(lambda number, *_, end=end: number < end, body, loop, maximum_iterations=end - first)
        params = loop[2].stack()
        params = tf.reshape(params, [count * size, -1, self.params_size])[: self.event_size]  # (D, B, P), as generated
        params = tf.gather(tf.transpose(params, [1, 0, 2]), rank, axis=1, batch_dims=by_row)
        return tf.reshape(params, [-1, *self.event_shape, self.params_size])

    def initial_state(
        self,
        batch_size: Size,
        context: tf.Tensor | None = None,
        value_dtype: tf.DType = tf.float32,
        order: Any = None,
        known: tf.Tensor | None = None,
        known_values: tf.Tensor | None = None,
        **others: Any,
    ) -> State:
        """Return the state before the first position of an order: the pre-activations where nothing is observed.

        Args:
            batch_size, context, value_dtype: as in `AutoregressiveNetwork.initial_state`.
            order: as in `call`.
            known: of columns: which values come before all others in their row, bool `[B, D]`; None for none. Each step is then the
                same column in all rows, as in the order without them, and is given them from the start.
            known_values: the values that are known, `[B, D]`; the others are ignored.
            **others: as in `AutoregressiveNetwork.initial_state`.
        """
        given = self.generation_order(order)
        order = tf.convert_to_tensor(given)
        kernel, mask_kernel, bias = self.first_layer()
        if self.per_column:
            state = {"sums": self._start(bias, batch_size, self.as_context(context)), "order": given, "kernel": kernel}
            state |= {"mask_kernel": mask_kernel, "known": known}
            if known is not None and known_values is not None:
                terms = [self._column_term(kernel, mask_kernel, d, known_values[:, d]) for d in range(self.event_size)]
                seen: Any = known
                state["sums"] += tf.add_n([tf.where(seen[:, d, tf.newaxis], term, tf.zeros_like(term)) for d, term in enumerate(terms)])
            return state
        return {
            "dims": tf.transpose(order) if len(order.shape) == 2 else order[:, None],
            "rank": tf.reshape(tf.argsort(order, axis=-1), [1, -1, self.event_size]),
            "kernel": kernel,
            "mask_kernel": mask_kernel,
            "sums": self._start(bias, batch_size, self.as_context(context)),
        }

    def step(self, state: State, index: tf.Tensor, previous: tf.Tensor) -> tuple[tf.Tensor, State]:
        """Add the previous value to the pre-activations, and return the parameters `[B, P]` of the position."""
        if self.per_column:
            return self._column_step(state, int(tf.get_static_value(index)), previous)
        before = tf.gather(state["dims"], tf.maximum(index - 1, 0)[None])
        added = self._added(state["kernel"], state["mask_kernel"], before, previous[None])[0]
        sums = state["sums"] + tf.where(index > 0, added, tf.zeros_like(added))
        h, _ = self.inference(self.cast(sums[None]), state["rank"] < index)
        return self._read(h, tf.gather(state["dims"], index[None]))[0], {**state, "sums": sums}

    def _evaluate_columns(self, x: Any, context: tf.Tensor | None, order: Any) -> tf.Tensor:
        """The parameters `[B, sum_d P_d]` of all columns under an order `[D]` or `[B, D]`: all pre-activations at once."""
        kernel, mask_kernel, bias = self.first_layer()
        rank = tf.argsort(order, axis=-1)
        seen = rank[..., tf.newaxis, :] < rank[..., tf.newaxis]  # ([B,] D, D): which columns each column sees
        added = tf.stack([self._column_term(kernel, mask_kernel, d, x[:, d]) for d in range(self.event_size)])  # (D, B, H)
        equation = "dj,jbh->dbh" if len(order.shape) == 1 else "bdj,jbh->dbh"
        sums = tf.einsum(equation, tf.cast(seen, added.dtype), added) + self._start(bias, tf.shape(x)[0], context)
        observed = tf.transpose(seen, [1, 0, 2]) if len(order.shape) == 2 else seen[:, tf.newaxis]
        h, _ = self.inference(self.cast(sums), observed)
        h = tf.reshape(h, [self.event_size, -1, self.hidden_units[-1]])
        return tf.concat([self._read_column(h[d], d) for d in range(self.event_size)], axis=-1)

    def _column_term(self, kernel: tf.Tensor, mask_kernel: tf.Tensor, dimension: int, values: tf.Tensor) -> tf.Tensor:
        """What the values `[B]` of a column add to the pre-activations, `[B, H]`."""
        features = self.encoding.of(dimension)(values, kernel.dtype)  # (B, E_d)
        return tf.matmul(features, kernel[self.feature_rows(dimension)]) + mask_kernel[dimension]

    def _read_column(self, h: tf.Tensor, dimension: int | None) -> tf.Tensor:
        """The parameters `[B, P_d]` of a column, or those of all, from the last hidden layer `[B, H]`."""
        rows = slice(None) if dimension is None else self.params_rows(dimension)
        return self.outputs(h, (self.cast(self.output_kernel)[rows], self.cast(self.output_bias)[rows]))

    def _column_step(self, state: State, index: int, previous: tf.Tensor) -> tuple[tf.Tensor, State]:
        """`step` of a column, or of a column for each row where the rows have orders of their own: then with all parameters."""
        sums: Any = state["sums"]
        order: Any = tf.convert_to_tensor(state["order"])
        known: Any = state["known"]
        if index > 0:
            before = self.dimension_at(index - 1, order=state["order"])
            dimensions = range(self.event_size) if before is None else [before]
            terms = [self._column_term(state["kernel"], state["mask_kernel"], d, previous) for d in dimensions]
            if before is None:
                chosen = tf.one_hot(order[..., index - 1], self.event_size, axis=0, dtype=tf.bool, on_value=True, off_value=False)
                terms = [tf.where(chosen[d][..., tf.newaxis], term, tf.zeros_like(term)) for d, term in enumerate(terms)]
            elif known is not None:  # it is among the sums from the start
                terms = [tf.where(known[:, before, tf.newaxis], tf.zeros_like(term), term) for term in terms]
            sums += tf.add_n(terms)
        observed = tf.reshape(tf.argsort(order, axis=-1), [1, -1, self.event_size]) < index
        h, _ = self.inference(self.cast(sums[tf.newaxis]), observed if known is None else observed | known)
        return self._read_column(h, self.dimension_at(index, order=state["order"])), {**state, "sums": sums}

    def _patterns(self, u: Any, t: tf.Tensor) -> tf.Tensor:
        """Observed subsets of 0..D-1 positions, bool `[count, B, D]`, from noise `[count, B, D + 1]` and t `[count, B, 1]`.

        One position is not observed. Each of the other D - 1 is observed with probability t.
        """
        missing = tf.minimum(tf.cast(u[..., :1] * self.event_size, tf.int32), self.event_size - 1)  # the product can round up to D
        return (u[..., 1:] < t) & (tf.range(self.event_size) != missing)

    def random_patterns(self, seeds: tf.Tensor, count: int = 1) -> tf.Tensor:
        """Draw observed subsets of 0..D-1 positions.

        t of `_patterns` is uniform. Then the number of observed positions is uniform too, and so is the subset given its number. The
        subsets of a row are stratified over the range of t.

        Args:
            seeds: one seed per row, int32 `[B, 2]`.
            count: number of subsets of each row.

        Returns:
            bool `[count, B, D]`.
        """
        u: Any = tf.reshape(noise.uniform(seeds, count * (self.event_size + 2)), [-1, count, self.event_size + 2])
        u = tf.transpose(u, [1, 0, 2])
        t = (u[..., :1] + tf.range(count, dtype=u.dtype)[:, None, None]) / count
        return self._patterns(u[..., 1:], t)

    def training_patterns(self, seeds: tf.Tensor, first: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Draw the observed subsets of a training step, and the weights of the rows' losses.

        The weighted mean is that of `random_patterns`, with less noise in its gradient. A loss over few missing positions is multiplied by
        D / (D - d), and so is its noise. Such subsets are therefore drawn more often and weigh less: t = 1 - v^2 with weight
        -dt/dv = 2 v and uniform v. The rows are stratified over the range of v: row b has (v + b / B) mod 1, v that of the first row.

        Args:
            seeds: one seed per row, int32 `[B, 2]`.
            first: seed of the first row of the global batch, int32 `[1, 2]`; None for the first of `seeds`.

        Returns:
            Observed positions, bool `[1, B, D]`, and weights `[B]`.
        """
        u, count = noise.uniform(seeds, self.event_size + 2), tf.shape(seeds)[0]
        rows, first_row, shift = count, 0, u[:1, :1]
        if (step := noise.step()) is not None:  # the rows here may be a share of the global batch
            rows, first_row = step.rows, step.first_row
        if first is not None:
            shift = noise.uniform(first, 2)[:, :1]
        place: Any = tf.cast((first_row + tf.range(count)) / rows, u.dtype)
        v: Any = (shift + place[:, None]) % 1.0  # (B, 1)
        return self._patterns(u[None, :, 1:], 1 - v[None] ** 2), 2 * v[:, 0]

    def masked_nll(self, x: Any, observed: Any, context: Any, head: Head, training: bool = False) -> tf.Tensor:
        """Return D / (D - d) * sum_{j not observed} -log p(x_j | x_observed) in nats.

        Args:
            x: values `[B, *event_shape]`.
            observed: bool `[S, B, D]`.
            context: `[B, C]` or None.
            head: the head of the model.
            training: whether units are dropped.

        Returns:
            `[S, B]`.
        """
        inputs, size = self.encode(x), self.event_size
        x = tf.reshape(tf.convert_to_tensor(x), [-1, size])
        kernel, mask_kernel, bias = map(self.cast, self.first_layer())
        seen = tf.cast(observed, kernel.dtype)
        if self.per_column:
            seen_inputs = tf.gather(seen, np.repeat(np.arange(size), self.feature_sizes), axis=-1)
        else:
            seen_inputs = tf.repeat(seen, self.features, axis=-1) if self.features > 1 else seen
        inputs *= seen_inputs
        sums = tf.tensordot(inputs, kernel, 1) + tf.tensordot(seen, mask_kernel, 1)  # (S, B, H)
        sums += self._start(bias, tf.shape(x)[0], self.as_context(context))
        h, outputs = self.inference(sums, observed, training=training)
        outputs = [*outputs, self.outputs(h)]
        total: Any = 0.0
        for params in outputs:
            shape = [-1] if self.per_column else [size, self.params_size]
            params = tf.reshape(params, [tf.shape(observed)[0], tf.shape(x)[0], *shape])
            nll = -head.log_prob(params, x, event_ndims=0)  # (S, B, D)
            total += tf.reduce_sum(tf.where(observed, tf.zeros_like(nll), nll), axis=-1)
        missing = tf.reduce_sum(tf.cast(~observed, total.dtype), axis=-1)
        return total * (size / missing) / len(outputs)

    def objective(self, x: tf.Tensor, context: tf.Tensor | None, head: Head, training: bool = False) -> tf.Tensor:
        """Return an estimate of the mean negative log-likelihood over all orders, nats per example `[B]`."""
        if not training:
            observed = self.random_patterns(self._hash(x), EVALUATION_PATTERNS)
            return tf.reduce_mean(self.masked_nll(x, observed, context, head), axis=0)
        if (step := noise.step()) is None:
            seed, first_row = tf.cast(tf.convert_to_tensor(self.seed_generator.next()), tf.int32), 0
        else:
            seed, first_row = step.next_seed(), step.first_row
        seeds = noise.row_seeds(seed, tf.shape(x)[0], first_row)
        observed, weight = self.training_patterns(seeds, noise.row_seeds(seed, 1))
        nll = self.masked_nll(x, observed, context, head, training)[0]
        return nll * tf.cast(weight, nll.dtype)

    def _hash(self, x: Any) -> tf.Tensor:
        """A seed from the values of each row, int32 `[B, 2]`: their bits times fixed odd numbers, modulo 2^32."""
        x = tf.reshape(tf.convert_to_tensor(x), [-1, self.event_size, 1])
        bits = tf.bitcast(tf.cast(x, tf.float32), tf.int32)
        bits = tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, 23))  # the low bits of a small integer are all zero
        factors = np.random.default_rng(0).integers(-(2**31), 2**31, [self.event_size, 2], dtype=np.int32) | 1
        return tf.reduce_sum(bits * factors, axis=1)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "hidden_units": list(self.hidden_units),
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "dropout": self.drop.rate,
            "seed": self.seed,
        }
