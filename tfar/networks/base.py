"""The contract of every network: parameters of all positions at once, and of one position at a time."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfar import config
from tfar.config import Order
from tfar.heads.base import Head
from tfar.heads.encodings import Encoding, of_classes
from tfar.networks.fingerprint import Fingerprinted, Resolved, shown_order
from tfar.orders import as_order
from tfar.validation import MOST_UNITS, as_counts, check_counts, from_keras, of_class

State = dict[str, Any]  # a nest of tensors and TensorArrays
Size = int | tf.Tensor  # a number that may be known only when the graph runs
TRACED = 256  # compiled functions that a network keeps


def elementwise(activation: Any) -> Callable[[Any], Any]:
    """Return a Keras activation, checked to be a function of each number alone.

    An activation that mixes units, such as softmax, would make a unit depend on units that its mask hides from it.

    Raises:
        ValueError: the activation is not elementwise.

    >>> elementwise("relu")(tf.constant([-1.0, 2.0])).numpy().tolist()
    [0.0, 2.0]
    """
    g: Callable[[Any], Any] = from_keras(keras.activations.get, activation=activation)
    with tf.init_scope():  # so that the values are known inside a graph too
        try:
            one, other = (tf.convert_to_tensor(g(tf.constant(x))) for x in ([[1.0, 2.0], [3.0, 4.0]], [[1.0, -2.0], [7.0, 0.0]]))
            alone = one.shape == (2, 2) and abs(float(one[0, 0] - other[0, 0])) <= 1e-6
        except Exception:  # of a function that is no activation at all
            alone = False
    if not alone:
        raise ValueError(f"activation must be a function of each number alone. Received: activation={activation!r}")
    return g


def fresh(initializer: Any) -> Any:
    """Return a copy of an initializer: one object would give two kernels of one shape the same values."""
    return initializer.clone() if hasattr(initializer, "clone") else initializer


def _kind(argument: Any) -> Any:
    """What a graph depends on of an argument, a nest: the type and the shape of a tensor, or the value of anything else."""
    if isinstance(argument, dict):
        return tuple((name, _kind(part)) for name, part in argument.items())
    if isinstance(argument, list | tuple):
        return tuple(map(_kind, argument))
    return (argument.dtype, tuple(argument.shape)) if hasattr(argument, "shape") else argument


def _kept(name: str, network: Any, key: Any, make: Callable[[], Any]) -> Any:
    """An entry of one of a network's tables, which keep the `TRACED` that were used last; made where there is none."""
    table = network.__dict__[name]
    found = table.pop(key, None) or make()
    table[key] = found  # the last one now
    if len(table) > TRACED:
        del table[next(iter(table))]
    return found


class AutoregressiveNetwork(Fingerprinted, keras.layers.Layer):
    """A network whose parameters at a position depend only on the positions before it in its order.

        params_d = f_d(x_{order[0]}, ..., x_{order[rank[d] - 1]}, context)

    A subclass implements `call`, which returns the parameters of all positions at once.

    **Stepping.** Sampling takes one position at a time:

        state = network.initial_state(batch_size, context, value_dtype)
        previous = zeros [B]
        for index in range(D):
            if index % network.block_size == 0:
                state = network.enter_block(state, index // network.block_size, previous)
            params, state = network.step(state, index, previous)        # params [B, P] of dimension order[index]
            previous = the value of that dimension                      # [B]

    The methods of this class call the whole network for each position. A network with a cache overrides all three, so that a sample costs
    the arithmetic of one call. Their contract:

    - A state is a dictionary, a nest of tensors and TensorArrays, and is never modified. `step` and `enter_block` return a new one of the
      same structure, dtypes and static shapes. Entries that they do not change are the same objects: the sampling loop then does not
      carry them.
    - `step` takes in `previous`, the value of the position before `index`, and ignores it at index 0.
    - `enter_block` prepares the `block_size` positions of a block, of which the last block may have fewer. Its `previous` is the last
      value of the block before, which the state does not contain yet: the next `step` takes it in.
    - Indices and block numbers are int32 scalars, tensors inside a loop, and ascend by one.

    **Members.** A network with several orders or several sets of masks is several distributions, its *members*. `member(k)` returns the
    keyword arguments that select the k-th member in `call`, `generation_order` and `initial_state`.

    **Columns.** With a head for each column (`tfar.heads.Columns`) the parameters of a vector are flat, `[B, sum_d P_d]`, in the order of
    the columns. The steps are then unrolled: `index` is a number, each step has the exact sizes of its column, and returns its `[B, P_d]`;
    or the parameters of all columns, where the rows have orders of their own. Families with `takes_columns` do this.

    **Files.** Weights files hold the network's settings beside its weights, and a network with others refuses them: by default all of
    `get_config` but what the settings of its `family` exclude (`density=False` in `tfar.config`). A network whose settings determine masks
    or orders, or do not change the density, overrides `density_settings`. `tf.train.Checkpoint` saves all variables of the network, by
    their numbers in `variables`, and compares no settings.

    Args:
        event_shape: shape of one example, integers; D is its product.
        params_size: P, the number of parameters of one position, which the head determines; or P_d of each dimension of a vector.
        order: None or "natural", "reversed", or a permutation of 0..D-1.
        num_classes: K for values that are the integers 0..K-1, which a network of vectors is fed one-hot; None for numbers.
        context_size: number C of features that the density is conditioned on; 0 for none.
        encoding: how a network of vectors is fed a value, a `tfar.heads.Encoding`; None for that of `num_classes`.
        **kwargs: as in `keras.layers.Layer`.

    Call arguments:
        x: values `[B, *event_shape]`, of any numeric dtype.
        context: `[B, C]`, or None where `context_size` is 0.
        training: whether the call is part of a training step.

    Returns:
        Raw parameters `[B, *event_shape, P]`, or `[B, sum_d P_d]`, to which the head applies its own nonlinearities.

    Attributes:
        family: the dataclass of the network's settings in `tfar.config`.
        order: int32 `[D]`.
        event_size: D.
        stride: how many steps one round of the sampling loop takes; more than one where a step's arithmetic is less than the loop's own
            overhead.
        output_bias: the bias of the parameters, `[D * P]`, or `[P]` for all positions; None where the network has none.
        takes_columns: whether `params_size` may differ between dimensions.
        per_column: whether `params_size` is given for each dimension.
        check_dependencies: whether `fit` and `export` check once that the network is autoregressive (`tfar.testing.spot_check`), where it
            is not tfar's own; set it to False to leave that out.
        order_agnostic: whether members are selected by `order=`, any permutation `[D]`, or one per row `[B, D]`.

    Raises:
        ValueError: `event_shape`, `params_size`, `num_classes`, `context_size` or `order` is invalid.

    >>> class EarlierSum(AutoregressiveNetwork):
    ...     def call(self, x, context=None, training=False):
    ...         return tf.cumsum(tf.cast(x, tf.float32), axis=1, exclusive=True)[..., None]
    >>> network = EarlierSum(event_shape=[3])
    >>> network(tf.constant([[5, 6, 7]])).numpy().ravel().tolist()
    [0.0, 5.0, 11.0]
    >>> _, state = network.step(network.initial_state(batch_size=1), 0, tf.zeros([1]))
    >>> network.step(state, 1, tf.constant([5.0]))[0].numpy().tolist()
    [[5.0]]
    """

    family: type[config.Family] = config.Family
    stride: int = 1
    output_bias: Any = None
    check_dependencies: bool = True
    order_agnostic: bool = False
    takes_columns: bool = False

    def __init__(
        self,
        event_shape: int | Iterable[int],
        params_size: int | Sequence[int] = 1,
        order: Order = None,
        num_classes: int | None = None,
        context_size: int = 0,
        encoding: Encoding | dict[str, Any] | None = None,
        **kwargs: Any,
    ):
        kwargs.setdefault("autocast", False)  # values and contexts keep their precision until a layer uses them
        super().__init__(**kwargs)
        self.event_shape = as_counts(event_shape=event_shape)
        if not self.event_shape:
            raise ValueError(f"event_shape must have at least one axis. Received: event_shape={event_shape!r}")
        self.per_column = isinstance(params_size, Sequence) and not isinstance(params_size, str)
        sizes = as_counts(params_size=params_size) if self.per_column else ()
        if self.per_column and not sizes:
            raise ValueError(f"params_size must be of at least one column. Received: params_size={params_size!r}")
        if not self.per_column:
            check_counts(most=MOST_UNITS, params_size=params_size)
        check_counts(0, MOST_UNITS, context_size=context_size)
        if num_classes is not None:
            check_counts(2, MOST_UNITS, num_classes=num_classes)
        self.event_size = math.prod(self.event_shape)
        self.params_size: Any = sizes or int(params_size)  # pyright: ignore[reportArgumentType]
        if self.per_column and not (self.takes_columns and self.event_shape == (len(sizes),)):
            raise ValueError(
                "parameters of each column are for a vector of as many dimensions, and a family that takes columns. "
                f"Received: {type(self).__name__} of event_shape={self.event_shape} and params_size={sizes}"
            )
        self.params_sizes = np.array(sizes or [params_size] * self.event_size)
        self.order = as_order(order, self.event_size)
        self.encoding: Encoding = of_classes(num_classes) if encoding is None else of_class(Encoding, encoding=encoding)
        self.num_classes = self.encoding.num_classes
        self.feature_sizes = self.encoding.sizes(self.event_size)
        if len(self.feature_sizes) != self.event_size:
            raise ValueError(f"encoding must be of {self.event_size} columns. Received: encoding={self.encoding!r}")
        self.context_size = int(context_size)
        # Traced functions and their graphs; hidden from Keras' tracking, which would put them into SavedModels.
        self.__dict__["compiled"], self.__dict__["graphs"] = {}, {}

    @property
    def features(self) -> int:
        """E, the number of inputs that one value becomes."""
        return self.encoding.size

    def feature_rows(self, dimension: int) -> slice:
        """Return where the features of a dimension are among the inputs `[sum_d E_d]`."""
        end = int(self.feature_sizes[: dimension + 1].sum())
        return slice(end - int(self.feature_sizes[dimension]), end)

    def params_rows(self, dimension: int) -> slice:
        """Return where the parameters of a dimension are among all, `[sum_d P_d]`."""
        end = int(self.params_sizes[: dimension + 1].sum())
        return slice(end - int(self.params_sizes[dimension]), end)

    @property
    def block_size(self) -> int:
        """Number of consecutive positions in a block of the stepping protocol."""
        return self.event_size

    def traced(self, key: Any, function: Callable[..., Any], **options: Any) -> Any:
        """Return the `tf.function` of a function, made once for each key. Those that were used last are kept, `TRACED` of them.

        Args:
            key: hashable; tells what the function depends on besides its arguments and this network.
            function: the function.
            **options: of `tf.function`.
        """
        return _kept("compiled", self, key, lambda: tf.function(function, autograph=False, **options))

    def graph(self, key: Any, function: Callable[..., Any], arguments: Sequence[Any], **options: Any) -> Any:
        """Return the graph of a function of `traced` for arguments of these kinds: a function that is called with them.

        TensorFlow finds it too, but takes as long for that as a small graph takes to run.
        """
        kinds = (key, *map(_kind, arguments))
        return _kept("graphs", self, kinds, lambda: self.traced(key, function, **options).get_concrete_function(*arguments))

    @property
    def xla(self) -> bool:
        """Whether XLA compiles training steps where nothing else is asked for: the family's choice, but for a head for each column.

        That takes half a minute, and gains nothing.
        """
        return self.family.xla and not self.per_column

    @property
    def num_members(self) -> int:
        """Number of members whose densities are averaged."""
        return 1

    def member(self, index: int | tf.Tensor) -> dict[str, Any]:
        """Return the keyword arguments that select a member in `call`, `generation_order` and `initial_state`."""
        return {}

    def parts(self, head: Head) -> list[tuple["AutoregressiveNetwork", Head]]:
        """Return the networks whose densities the members are of, each with its head: this one alone, but for an `Ensemble`."""
        return [(self, head)]

    def log_shares(self) -> tf.Tensor:
        """Return the logarithm of the weight of each part, which its members share equally, `[M]`."""
        return tf.zeros([1], self.sum_dtype)

    def generation_order(self, **member: Any) -> np.ndarray | tf.Tensor:
        """Return the order of a member, int32 `[D]`, or `[B, D]` where each row has its own."""
        return self.order

    def objective(self, x: tf.Tensor, context: tf.Tensor | None, head: Head, training: bool = False) -> tf.Tensor:
        """Return what training minimises, nats per example `[B]`: here the exact negative log-likelihood.

        Args:
            x: values `[B, *event_shape]`.
            context: `[B, C]` or None.
            head: the head of the model.
            training: whether this is a training step; otherwise it is validation.
        """
        params = self(x, context, training=training)
        return -head.log_prob(params, x, event_ndims=len(self.event_shape))

    # Keras matches these names to the arguments of `call`, whatever the signature of its own method is.
    def build(self, x_shape: Any = None, context_shape: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Create the weights. By default those of the layers that `call` uses, by a call on zeros."""
        self.call(tf.zeros([1, *self.event_shape]), tf.zeros([1, self.context_size]) if self.context_size else None)

    def compute_output_shape(self, x_shape: Any, context_shape: Any = None) -> tuple[int | None, ...]:
        """Return `(B, *event_shape, P)`, or `(B, sum_d P_d)`."""
        return (x_shape[0], int(self.params_sizes.sum())) if self.per_column else (*x_shape, self.params_size)

    def ensure_built(self) -> None:
        """Create the weights if they do not exist yet."""
        if not self.built:
            self.build((None, *self.event_shape), (None, self.context_size) if self.context_size else None)

    def check_head(self, head: Head) -> None:
        """Raise a ValueError if a head needs another number of parameters per position than the network has."""
        if self.params_size != head.params_size or self.per_column != isinstance(head.params_size, tuple):
            raise ValueError(
                f"{head!r} needs {head.params_size} parameters per position. Received: a network with params_size={self.params_size}"
            )

    def effective_parameters(self) -> int:
        """Return the number of trainable parameters that no mask removes. Builds the network."""
        self.ensure_built()
        count = sum(math.prod(weight.shape) for weight in self.trainable_weights)
        for layer in self._flatten_layers(include_self=False):
            if hasattr(layer, "masked_kernel"):
                with tf.GradientTape() as tape:
                    kernel = layer.masked_kernel()
                mask = tape.gradient(kernel, layer.kernel.value)
                masked = [weight for weight in layer.trainable_weights if weight.shape == layer.kernel.shape]
                count -= len(masked) * int(tf.reduce_sum(tf.cast(mask == 0, tf.int64)))
        return count

    @property
    def sum_dtype(self) -> str:
        """Dtype of sums over many positions: at least float32, since half precision loses small terms of a large sum."""
        return self.compute_dtype if tf.as_dtype(self.compute_dtype).size >= 4 else "float32"

    def cast(self, weight: Any) -> tf.Tensor:
        """Return a tensor or weight in the dtype that the network computes in. (Keras casts weights by itself only in `call`.)"""
        return tf.cast(tf.convert_to_tensor(weight), self.compute_dtype)

    def in_order(self, weight: Any, *shape: int) -> tf.Tensor:
        """Return a weight with one or several rows per dimension as `[D, *shape]`, in the order of generation."""
        weight = tf.reshape(self.cast(weight), [self.event_size, *shape])
        natural = np.array_equal(self.order, np.arange(self.event_size))
        return weight if natural else tf.gather(weight, self.order)

    def as_values(self, x: Any) -> tf.Tensor:
        """Return `x` as a tensor `[B, *event_shape]`, or raise a ValueError if its shape is another."""
        x = tf.convert_to_tensor(x)
        if x.shape.rank is not None and (x.shape.rank != len(self.event_shape) + 1 or not x.shape[1:].is_compatible_with(self.event_shape)):
            raise ValueError(f"x must be [B, {', '.join(map(str, self.event_shape))}]. Received: x.shape={x.shape}")
        return tf.ensure_shape(x, [None, *self.event_shape]) if x.shape.rank is None else x

    def encode(self, x: Any) -> tf.Tensor:
        """Return values `[B, *event_shape]` as the inputs `[B, D * E]`, or `[B, sum_d E_d]`, of a network of vectors."""
        return self.encoding.event(tf.reshape(self.as_values(x), [-1, self.event_size]), self.compute_dtype)

    def encode_value(self, value: tf.Tensor, dimension: int = 0) -> tf.Tensor:
        """Return the values of one position `[B]` as inputs `[E, B]`; `dimension` matters where dimensions have encodings of their own."""
        return self.encoding.of(dimension).features_first(value, self.compute_dtype)

    def shaped(self, params: tf.Tensor) -> tf.Tensor:
        """Return parameters `[B, D * P]` as `[B, *event_shape, P]`; those of columns, `[B, sum_d P_d]`, as they are."""
        return params if self.per_column else tf.reshape(params, [-1, *self.event_shape, self.params_size])

    def as_context(self, context: Any) -> tf.Tensor | None:
        """Return a context `[B, C]` in the network's dtype, or raise a ValueError if it does not fit `context_size`."""
        if (context is None) != (self.context_size == 0):
            raise ValueError(f"this network takes a context of size {self.context_size}. Received: context={context!r}")
        if context is None:
            return None
        context = self.cast(context)
        if context.shape.rank != 2 or context.shape[-1] != self.context_size:
            raise ValueError(f"context must be [B, {self.context_size}]. Received: context.shape={context.shape}")
        return context

    def initial_state(self, batch_size: Size, context: tf.Tensor | None = None, value_dtype: tf.DType = tf.float32, **member: Any) -> State:
        """Return the state before the first position.

        Args:
            batch_size: B.
            context: `[B, C]` or None.
            value_dtype: dtype of the values that `step` will be given.
            **member: selects a member; a network without members is given none.
        """
        state = {"x": tf.zeros([self.event_size, batch_size], value_dtype), "member": member}  # x: [D, B], by dimension
        return state if context is None else {**state, "context": context}

    def enter_block(self, state: State, block: tf.Tensor, previous: tf.Tensor) -> State:
        """Prepare the positions from `block * block_size` on.

        Args:
            state: the state after the last step of the block before, or the initial state.
            block: number of the block, an int32 scalar.
            previous: value of the position before the block, `[B]`, anything at block 0. The next `step` takes it in.
        """
        return state

    def step(self, state: State, index: tf.Tensor, previous: tf.Tensor) -> tuple[tf.Tensor, State]:
        """Return the parameters `[B, P]` of the index-th position of the order, and the next state.

        Args:
            state: the state after the step before, or of `enter_block` where the position is the first of its block.
            index: number of the position, an int32 scalar.
            previous: value of the position before, `[B]`, anything at index 0.
        """
        order = tf.convert_to_tensor(self.generation_order(**state["member"]))
        order = order[None] if order.shape.rank == 1 else order  # (1 or B, D)
        before = tf.equal(tf.range(self.event_size)[:, None], order[:, tf.maximum(index - 1, 0)])  # (D, 1 or B)
        x = tf.where(before, tf.cast(previous, state["x"].dtype), state["x"])
        event = tf.reshape(tf.transpose(x), [-1, *self.event_shape])
        params = self(event, state.get("context"), **state["member"])
        if self.per_column:
            dimension = self.dimension_at(index, **state["member"])
            return (params if dimension is None else params[:, self.params_rows(dimension)]), {**state, "x": x}
        params = tf.reshape(params, [-1, self.event_size, self.params_size])
        here = tf.broadcast_to(order[:, index], [tf.shape(x)[1]])
        return tf.gather(params, here, axis=1, batch_dims=1), {**state, "x": x}

    def dimension_at(self, index: Any, **member: Any) -> int | None:
        """Return the dimension of the index-th position; None where it is known only when the graph runs, or differs between rows.

        Args:
            index: a number, or a tensor whose value is known.
            **member: selects a member.
        """
        order = tf.get_static_value(self.generation_order(**member))
        return None if order is None or np.ndim(order) > 1 else int(order[int(tf.get_static_value(index))])

    def by_steps(self, x: Any, context: Any = None) -> tf.Tensor:
        """Return the parameters `[B, sum_d P_d]` of columns by unrolled steps: what `call` is where nothing is gained by all at once.

        Args:
            x: values `[B, D]`.
            context: `[B, C]` or None.
        """
        x = self.as_values(x)
        state, previous = self.initial_state(tf.shape(x)[0], context), tf.zeros_like(x[:, 0])
        params: list[Any] = [None] * self.event_size
        index: Any
        for index, dimension in enumerate(self.order.tolist()):
            params[dimension], state = self.step(state, index, previous)
            previous = x[:, dimension]
        return tf.concat(params, axis=-1)

    # Keras' layers in lists are no children of a layer, but their variables are: by the place of each in `variables`, which files keep.
    def _trackable_children(self, save_type: str = "checkpoint", **kwargs: Any) -> dict[str, Any]:
        children = super()._trackable_children(save_type, **kwargs)
        if save_type != "checkpoint":
            return children
        return {**children, **{str(number): variable for number, variable in enumerate(self.variables)}}

    def _post_build(self) -> None:
        """Give the new variables what a checkpoint has for them that was restored before they existed."""
        super()._post_build()
        with tf.init_scope():  # at once, where the network is built inside a graph too
            for number, variable in enumerate(self.variables):
                self._handle_deferred_dependencies(str(number), variable)

    def density_settings(self) -> dict[str, Any]:
        """Return what determines the density besides the weights; see `tfar.networks.fingerprint.Fingerprinted`."""
        return self._settings_in(self.get_config())

    def _settings_in(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Those of the constructor's arguments that the density depends on."""
        settings = {name: value for name, value in arguments.items() if name not in config.without_density(self.family)}
        return {**settings, "encoding": repr(self.encoding), "order": Resolved([self.order], shown_order(self.order))}

    def default_settings(self) -> dict[str, Any]:
        """Return the defaults of the settings of the network's family."""
        return {name: field.default for name, field in config.settings_of(self.family).items()}

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "event_shape": list(self.event_shape),
            "params_size": list(self.params_size) if self.per_column else self.params_size,
            "order": self.order.tolist(),
            "num_classes": self.num_classes,
            "context_size": self.context_size,
            **({} if self.encoding == of_classes(self.num_classes) else {"encoding": keras.saving.serialize_keras_object(self.encoding)}),
        }
