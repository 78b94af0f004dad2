"""The contract that every network keeps."""

import math

import keras
import numpy as np
import tensorflow as tf

from tfar.heads.encodings import of_classes
from tfar.orders import as_order
from tfar.validation import as_counts, check_counts


def elementwise(activation):
    """An activation g by its Keras name, of which each result depends on one number alone.

    Raises:
        ValueError: another, such as softmax: a unit would depend on units that its mask hides from it.

    >>> elementwise("relu")(tf.constant([-1.0, 2.0])).numpy().tolist()
    [0.0, 2.0]
    """
    g = keras.activations.get(activation)
    with tf.init_scope():  # eagerly, in a graph too
        one, other = g(tf.constant([[1.0, 2.0], [3.0, 4.0]])), g(tf.constant([[1.0, -2.0], [7.0, 0.0]]))
        if one.shape != (2, 2) or abs(float(one[0, 0] - other[0, 0])) > 1e-6:
            raise ValueError(f"activation must be a function of each number alone. Received: activation={activation!r}")
    return g


def fresh(initializer):
    """A copy of an initialiser: one object would give two kernels of one shape the same values."""
    return initializer.clone() if hasattr(initializer, "clone") else initializer


class AutoregressiveNetwork(keras.layers.Layer):
    """A network whose parameters at a position depend only on the positions before it in its order.

    A subclass writes `call`, which gives the parameters of all positions at once, and inherits a way to take one position at a time
    that calls the whole network for each. To make a sample cost the arithmetic of one forward pass it also writes the three methods
    of the stepping protocol with a cache of its own:

        state = network.initial_state(batch_size, context)
        state = network.enter_block(state, block, previous)      at the start of each run of `block_size` positions
        params, state = network.step(state, index, previous)     params [B, P] of the index-th position of the order

    where `previous [B]` is the value of the position before (anything at index 0). `step` takes it in; `enter_block` is shown the last
    value of the block before, which the state does not hold yet.

    A network that has several orders, or several sets of masks, is several distributions at once, its *members*. `member(k)` gives
    the keyword arguments that select the k-th one in `call` and in `initial_state`.

    Args:
        event_shape: shape of one example, integers; D is its product.
        params_size: P, how many numbers the head needs at each position.
        order: None or "natural", "reversed", or a permutation of 0..D-1.
        num_classes: None for values that are used as numbers; K for integers 0..K-1 that are fed to the network one-hot.
        context_size: number C of features that the density is conditioned on; 0 for none.
        encoding: how a network of vectors is fed a value, a `tfar.heads.Encoding`; None for what `num_classes` says.

    Call arguments:
        x: values `[B, *event_shape]`, of any numeric dtype.
        context: `[B, C]`, or None where `context_size` is 0.

    Returns:
        Raw parameters `[B, *event_shape, P]`: no sigmoid, no softmax.
    """

    def __init__(self, event_shape, params_size=1, order=None, num_classes=None, context_size=0, encoding=None, **kwargs):
        kwargs.setdefault("autocast", False)  # values and contexts keep their precision until a layer uses them
        super().__init__(**kwargs)
        self.event_shape = as_counts(event_shape=event_shape)
        if not self.event_shape:
            raise ValueError(f"event_shape must have at least one axis. Received: event_shape={event_shape!r}")
        check_counts(params_size=params_size)
        check_counts(0, context_size=context_size)
        if num_classes is not None:
            check_counts(2, num_classes=num_classes)
        self.event_size = math.prod(self.event_shape)
        self.params_size = int(params_size)
        self.order = as_order(order, self.event_size)
        encoding = keras.saving.deserialize_keras_object(encoding) if isinstance(encoding, dict) else encoding
        self.encoding = of_classes(num_classes) if encoding is None else encoding
        self.num_classes = self.encoding.num_classes
        self.context_size = int(context_size)
        self.__dict__["compiled"] = {}  # traced samplers; beside Keras' tracking, so that no SavedModel picks them up

    @property
    def features(self):
        """E, the number of inputs that one value becomes."""
        return self.encoding.size

    @property
    def block_size(self):
        """How many consecutive positions make a block of the stepping protocol."""
        return self.event_size

    stride = 1  # how many steps one round of the sampling loop takes: more where a step's arithmetic is less than the loop's own work
    output_bias = None  # the bias of the parameters, `[D * P]` or `[P]` for all positions, where the network has one
    num_members = 1
    order_agnostic = False  # whether a member is any order, `order=` `[D]` or one per row `[B, D]`

    def member(self, index):
        """Keyword arguments that select the index-th member, for `call` and `initial_state`."""
        return {}

    def generation_order(self, **member):
        """The order of a member, int32 `[D]`, or `[B, D]` where each row has its own."""
        return self.order

    def objective(self, x, context, head, training=False):
        """Nats per example `[B]` that training minimises: the exact negative log-likelihood, unless a family defines another."""
        params = self(x, context, training=training)
        return -head.log_prob(params, x, event_ndims=len(self.event_shape))

    def ensure_built(self):
        """Make the weights, unless they are there."""
        if not self.built:
            self.build((None, *self.event_shape), (None, self.context_size) if self.context_size else None)

    def check_head(self, head):
        """Raise a ValueError where a head needs another number of parameters than the network gives."""
        if self.params_size != head.params_size:
            raise ValueError(
                f"{head!r} needs {head.params_size} parameters per position. Received: a network with params_size={self.params_size}"
            )

    def effective_parameters(self):
        """Number of trainable parameters that there are once the masks have removed connections. Builds the network."""
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
    def sum_dtype(self):
        """Type of sums over many positions: single in half precision, where a small term added to a large sum is lost."""
        return self.compute_dtype if tf.as_dtype(self.compute_dtype).size >= 4 else "float32"

    def cast(self, weight):
        """A tensor or weight in the type that the network computes in: Keras casts by itself in `call` alone."""
        return tf.cast(tf.convert_to_tensor(weight), self.compute_dtype)

    def in_order(self, weight, *shape):
        """A weight with one row (or several) per dimension, `[D, *shape]` in the order of generation."""
        weight = tf.reshape(self.cast(weight), [self.event_size, *shape])
        natural = np.array_equal(self.order, np.arange(self.event_size))
        return weight if natural else tf.gather(weight, self.order)

    def as_values(self, x):
        """`x` as a tensor, whose shape is checked against `[B, *event]`."""
        x = tf.convert_to_tensor(x)
        if x.shape.rank is not None and (x.shape.rank != len(self.event_shape) + 1 or not x.shape[1:].is_compatible_with(self.event_shape)):
            raise ValueError(f"x must be [B, {', '.join(map(str, self.event_shape))}]. Received: x.shape={x.shape}")
        return x

    def encode(self, x):
        """Values `[B, *event]` as the inputs `[B, D * E]` of a network of vectors."""
        x = tf.reshape(self.as_values(x), [-1, self.event_size])
        return tf.reshape(self.encoding(x, self.compute_dtype), [-1, self.event_size * self.features])

    def encode_value(self, value):
        """The values of one position `[B]` as inputs `[E, B]`."""
        return self.encoding.features_first(value, self.compute_dtype)

    def as_context(self, context):
        """Check a context against `context_size` and cast it; None where the network takes none."""
        if (context is None) != (self.context_size == 0):
            raise ValueError(f"this network takes a context of size {self.context_size}. Received: context={context!r}")
        if context is None:
            return None
        context = self.cast(context)
        if context.shape.rank != 2 or context.shape[-1] != self.context_size:
            raise ValueError(f"context must be [B, {self.context_size}]. Received: context.shape={context.shape}")
        return context

    def initial_state(self, batch_size, context=None, value_dtype=tf.float32, **member):
        """The state before the first position. `value_dtype` is the dtype of the values."""
        state = {"x": tf.zeros([self.event_size, batch_size], value_dtype), "member": member}  # x in event layout, position-major
        return state if context is None else {**state, "context": context}

    def enter_block(self, state, block, previous):
        """Prepare the positions from `block * block_size` on; `previous [B]` is the value before them, which `step` will take in."""
        return state

    def step(self, state, index, previous):
        """Return the parameters `[B, P]` of the index-th position of the order, and the next state."""
        order = tf.convert_to_tensor(self.generation_order(**state["member"]))
        order = order[None] if order.shape.rank == 1 else order  # (1 or B, D)
        before = tf.equal(tf.range(self.event_size)[:, None], order[:, tf.maximum(index - 1, 0)])  # (D, 1 or B)
        x = tf.where(before, tf.cast(previous, state["x"].dtype), state["x"])
        event = tf.reshape(tf.transpose(x), [-1, *self.event_shape])
        params = tf.reshape(self(event, state.get("context"), **state["member"]), [-1, self.event_size, self.params_size])
        here = tf.broadcast_to(order[:, index], [tf.shape(x)[1]])
        return tf.gather(params, here, axis=1, batch_dims=1), {**state, "x": x}

    def get_config(self):
        return {
            **super().get_config(),
            "event_shape": list(self.event_shape),
            "params_size": self.params_size,
            "order": self.order.tolist(),
            "num_classes": self.num_classes,
            "context_size": self.context_size,
            **({} if self.encoding == of_classes(self.num_classes) else {"encoding": keras.saving.serialize_keras_object(self.encoding)}),
        }


class Stepwise:
    """View of a network with the base class's stepping only: each position calls the whole network. For comparison."""

    def __init__(self, network):
        self._network = network

    def __getattr__(self, name):
        return getattr(self._network, name)

    def __call__(self, *args, **kwargs):
        return self._network(*args, **kwargs)

    @property
    def block_size(self):
        return self.event_size

    stride = AutoregressiveNetwork.stride
    initial_state = AutoregressiveNetwork.initial_state
    enter_block = AutoregressiveNetwork.enter_block
    step = AutoregressiveNetwork.step


@keras.saving.register_keras_serializable(package="tfar")
class WrappedNetwork(AutoregressiveNetwork):
    """Any Keras network that keeps the contract, as an `AutoregressiveNetwork`.

    The inner network maps `x [B, *event_shape]` (and `context [B, C]`) to `[B, *event_shape, P]`, and is sampled by calls of the whole.
    It is given x as floats, those of discrete values too, or as int32 where `num_classes` says how many values there are.

    Args:
        network: the inner network, any callable; a Keras network is saved with the rest.
        event_shape, params_size, order, num_classes, context_size: as in `AutoregressiveNetwork`.

    Raises:
        ValueError: when it is called, an inner network whose result has another shape.

    >>> inner = keras.Sequential([keras.Input([3]), keras.layers.Lambda(lambda x: 0 * x[..., None])])
    >>> WrappedNetwork(inner, event_shape=[3])(np.array([[0, 1, 1]])).shape
    TensorShape([1, 3, 1])
    """

    def __init__(self, network, event_shape, params_size=1, **kwargs):
        super().__init__(event_shape, params_size, **kwargs)
        self.network = keras.saving.deserialize_keras_object(network) if isinstance(network, dict) else network

    def build(self, x_shape=None, context_shape=None):
        context = (tf.zeros([1, self.context_size]),) if self.context_size else ()
        self.network(self._as_input(tf.zeros([1, *self.event_shape])), *context)

    def _as_input(self, x):
        """Values as the inner network takes them: most of Keras' layers refuse integers."""
        if self.num_classes is not None:
            return tf.cast(x, tf.int32)
        return tf.cast(x, self.compute_dtype)

    def call(self, x, context=None, training=False):
        expected = (*self.event_shape, self.params_size)
        x = self._as_input(self.as_values(x))
        params = tf.convert_to_tensor(self.network(x) if context is None else self.network(x, context))
        if not params.shape[1:].is_compatible_with(expected):
            raise ValueError(f"the network must map x to [B, {', '.join(map(str, expected))}]. Received: shape={params.shape}")
        return params

    def get_config(self):
        return {**super().get_config(), "network": keras.saving.serialize_keras_object(self.network)}
