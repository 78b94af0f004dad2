"""The contract of a head: the density of one position's value, its draw, and the facts about that value."""

import copy
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability.python.distributions import Distribution

from tfar.heads.encodings import Encoding, of_classes
from tfar.validation import of_class

tfd = tfp.distributions

_REGISTERED: dict[str, type["Head"]] = {}
HeadClass = TypeVar("HeadClass", bound=type["Head"])


class Head:
    """The meaning of the P raw parameters of a position, and the facts about its value.

    `head(params)` is a `tfd.Distribution` with batch shape `params.shape[:-1]`, so likelihoods are TFP's. `head.draw(params, noise)` is a
    pure function of the parameters `[..., P]` and of uniform noise `[..., noise_size]` in (0, 1), so every sampler draws the same value.
    A head computes in float32 at least, whatever the network's precision.

    A head of your own subclasses `Head`. Register it with `keras.saving.register_keras_serializable`, so that models can be saved, and
    with `tfar.heads.register`, which gives it a name. `tfar.training.fit`, `export` and `tfar.models.build` then accept it.

    Attributes:
        name: the registered name.
        kinds: the kinds of data that the head fits: "binary", "categorical", "continuous".
        params_size: P; of a head that differs between the dimensions of a vector, `Columns`, P_d of each.
        noise_size: how many uniform numbers one draw uses.
        dtype: dtype of the values; int32 for discrete values, as in TFP. Real values are float64 where the network computes in it
            (`in_precision`).
        num_classes: K where the values are the integers 0..K-1, which a network of vectors is fed one-hot; None where it is fed numbers.
        stand_in: a value that the head supports, or one of each dimension. Networks are fed it in the place of unsupported values,
            whose score is -inf.
        reparameterized: whether `draw` is differentiable in the parameters, so that samples have pathwise gradients.

    >>> @register("unit_normal")
    ... class UnitNormal(Head):
    ...     kinds = ("continuous",)
    ...     def __call__(self, params):
    ...         return tfd.Normal(params[..., 0], 1.0)
    ...     def draw(self, params, noise, dimension=None):
    ...         return params[..., 0] + tf.math.ndtri(noise[..., 0])
    >>> get("unit_normal")
    UnitNormal()
    """

    name: ClassVar[str] = ""
    kinds: ClassVar[tuple[str, ...]] = ()
    params_size: Any = 1
    noise_size: int = 1
    dtype: tf.DType = tf.float32
    num_classes: int | None = None
    stand_in: Any = 0
    reparameterized: bool = False

    def __call__(self, params: tf.Tensor) -> Distribution:
        """Return the distribution of the values `[...]` at positions with parameters `[..., P]`."""
        raise NotImplementedError

    def draw(self, params: tf.Tensor, noise: tf.Tensor, dimension: Any = None) -> tf.Tensor:
        """Draw values.

        Args:
            params: `[..., P]`.
            noise: uniform numbers in (0, 1), `[..., noise_size]`.
            dimension: the dimension of the event that each value belongs to, an integer tensor that broadcasts to `params.shape[:-1]`.
                Only a head that differs between dimensions reads it.

        Returns:
            Values `[...]` of `dtype`.
        """
        raise NotImplementedError

    @property
    def encoding(self) -> Encoding:
        """How the value becomes the input of a network of vectors: a number, or its one-hot code where there are `num_classes`."""
        return of_classes(self.num_classes)

    @property
    def features(self) -> int:
        """E, the number of input features that one value becomes."""
        return self.encoding.size

    def encode(self, x: tf.Tensor, dtype: Any = "float32") -> tf.Tensor:
        """Return the input features `[..., E]` of values `[...]`."""
        return self.encoding(x, dtype)

    def supports(self, x: tf.Tensor) -> tf.Tensor:
        """Return which of the values `[...]`, of any numeric dtype, the head can score, bool `[...]`; never NaN."""
        return tf.math.is_finite(x if x.dtype.is_floating else tf.cast(x, tf.float32))

    @property
    def support(self) -> str:
        """The support in words, for error messages."""
        return "finite numbers"

    @property
    def discrete(self) -> bool:
        """Whether the values are integers, and `log_prob` a probability mass."""
        return bool(self.dtype.is_integer)

    def in_precision(self, dtype: Any) -> "Head":
        """Return the head as it is for networks that compute in a dtype: its real values are float64 where that is.

        >>> get("normal").in_precision("float64").dtype, get("normal").in_precision("float16").dtype
        (tf.float64, tf.float32)
        """
        if not self.dtype.is_floating or tf.as_dtype(dtype) != tf.float64 or self.dtype == tf.float64:
            return self
        head = copy.copy(self)
        head.dtype = tf.float64
        return head

    def bijector(self) -> Any:
        """Return a bijector from all real numbers to the values; None for discrete values, and where the head does not tell."""
        everywhere = self.dtype.is_floating and type(self).supports is Head.supports
        return tfp.bijectors.Identity() if everywhere else None

    def initial_params(self, x: np.ndarray) -> np.ndarray | None:
        """Estimate parameters of each position's marginal distribution, at which training starts.

        Args:
            x: the training values `[N, *event]`.

        Returns:
            float32 `[*event, P]`; None where the head has no estimate, and training starts at the network's own bias.
        """
        return None

    def leaving_one_out(self) -> "Head":
        """Return this head as training scores it: statistics of the training rows that it holds leave out the row that is scored."""
        return self

    def marginal(self) -> "Head":
        """Return the head whose `initial_params` are the baseline of independent positions; by default the head itself."""
        return self

    def log_prob(self, params: tf.Tensor, x: tf.Tensor, event_ndims: int) -> tf.Tensor:
        """Return log-probabilities in nats, summed over the last `event_ndims` axes of `x`.

        Args:
            params: `[*batch, *event, P]`.
            x: values `[*batch, *event]`.
            event_ndims: number of axes in `event`.

        Returns:
            `[*batch]`.
        """
        distribution: Any = self(params)
        return tfd.Independent(distribution, event_ndims).log_prob(tf.cast(x, distribution.dtype))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, for Keras' serialisation."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Head":
        """Return a head with these constructor arguments."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Head) and type(self) is type(other) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash((type(self), repr(self.get_config())))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"


def register(name: str) -> Callable[[HeadClass], HeadClass]:
    """Return a class decorator that names a head, for `get` and `tfar.models.build`.

    Raises:
        ValueError: another head has the name.
    """

    def named(head: HeadClass) -> HeadClass:
        known = _REGISTERED.get(name)
        if known is not None and (known.__module__, known.__qualname__) != (head.__module__, head.__qualname__):
            raise ValueError(f"a head's name must be unique. Received: {name!r}, the name of {known.__module__}.{known.__qualname__}")
        head.name = name
        _REGISTERED[name] = head
        return head

    return named


def names() -> tuple[str, ...]:
    """Return the names of all registered heads.

    >>> "normal_mixture" in names()
    True
    """
    return tuple(_REGISTERED)


def named(name: str) -> type[Head]:
    """Return the head class with a registered name.

    Raises:
        ValueError: no head has the name.
    """
    if not isinstance(name, str) or name not in _REGISTERED:
        raise ValueError(f"head must be one of {', '.join(map(repr, _REGISTERED))}. Received: head={name!r}")
    return _REGISTERED[name]


def get(head: "Head | str | dict[str, Any]") -> Head:
    """Return a head from a head, a registered name, or a serialised head.

    A name gives the head with its default arguments.

    Raises:
        ValueError: `head` is not one of these; the name is unknown; or the head of that name has required arguments, as
            `Categorical(num_classes)` has.

    >>> get("bernoulli"), get("normal_mixture")
    (Bernoulli(), NormalMixture(num_components=10, min_scale=0.001))
    """
    if isinstance(head, Head):
        return head
    if isinstance(head, str):
        try:
            return named(head)()
        except TypeError:
            raise ValueError(
                f"{head!r} needs arguments: give the head itself, tfar.heads.{named(head).__name__}(...). Received: head={head!r}"
            ) from None
    return of_class(Head, head=head)


def full_precision(params: Any) -> Any:
    """Return parameters in float32 at least."""
    return tf.cast(params, tf.float32) if params.dtype in (tf.float16, tf.bfloat16) else params


def as_dtype(numbers: Any, dtype: Any) -> Any:
    """Return numbers of Python or NumPy as a tensor of a dtype, rounded once: `tf.cast` takes a Python float by way of float32.

    >>> float(as_dtype(0.1, tf.float64)), float(tf.cast(0.1, tf.float64))
    (0.1, 0.10000000149011612)
    """
    return tf.cast(np.asarray(numbers), dtype)


def is_zero(x: Any) -> tf.Tensor:
    """Return which numbers are 0; NaN is not. On a CPU this conversion takes a small part of the time of a comparison."""
    return tf.logical_not(tf.cast(x, tf.bool))


def uniform(noise: Any, index: int, dtype: tf.DType) -> tf.Tensor:
    """Return one uniform number of each draw, `[...]`, in a dtype, from noise `[..., noise_size]`."""
    return tf.cast(noise[..., index], dtype)


def pick(logits: Any, u: tf.Tensor) -> tf.Tensor:
    """Return the category that `u` falls into, int32 `[...]`: the inverse of the cumulative distribution of logits `[..., K]`."""
    weights: Any = tf.exp(logits - tf.reduce_max(logits, axis=-1, keepdims=True))
    cumulative: Any = tf.cumsum(weights, axis=-1)
    passed = cumulative[..., :-1] <= (u * cumulative[..., -1])[..., None]
    return tf.reduce_sum(tf.cast(passed, tf.int32), axis=-1)
