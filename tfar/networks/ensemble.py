"""An ensemble: several networks, each with its head, whose densities are averaged with weights."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfar import heads as all_heads
from tfar.heads.base import Head
from tfar.networks.base import AutoregressiveNetwork
from tfar.validation import as_list, as_reals


@keras.saving.register_keras_serializable(package="tfar")
class Ensemble(AutoregressiveNetwork):
    """The mixture of the densities of M trained networks, of any families and orders.

        p(x) = sum_m w_m p_m(x)

    It holds the networks, their heads and the weights w. The distribution of it is `tfar.AutoregressiveEnsemble`; `tfar.Ensemble` makes the
    model. The mean is one of the probabilities of whole examples. (`Pool` is the one of conditionals, of networks of one order.)

    The weights are a softmax of M variables, and the members are frozen. So `fit` on validation rows fits the weights alone.

    Args:
        networks: at least two networks of the same event, context and dtype.
        heads: the head of each network, of the same support; None where all have the head of the model.
        weights: w, M positive numbers, which are divided by their sum; None for equal ones.
        **kwargs: of a Keras layer.

    Call arguments:
        number: number of a member. The members are those of the first network, then those of the second, and so on.

    Raises:
        ValueError: there are fewer than two networks, one is no network or an ensemble itself, they or their heads differ, or the weights
            are not M positive numbers.

    >>> import tfar
    >>> networks = [tfar.networks.NADE([3], hidden_units=2), tfar.networks.MADE([3], hidden_units=[4], order="reversed")]
    >>> Ensemble(networks, weights=[3, 1]).mixture_weights.numpy().round(3).tolist()
    [0.75, 0.25]
    """

    takes_columns = True

    def __init__(
        self,
        networks: Sequence[AutoregressiveNetwork],
        heads: Sequence[Head | str] | None = None,
        weights: Sequence[float] | None = None,
        **kwargs: Any,
    ):
        networks = as_list(networks=networks)
        _check_alike(networks)
        first = networks[0]
        kwargs = {name: value for name, value in kwargs.items() if name not in OF_THE_FIRST}
        super().__init__(**{name: getattr(first, name) for name in OF_THE_FIRST}, **{"dtype": first.dtype_policy, **kwargs})
        self.heads = None if heads is None else [all_heads.get(head) for head in as_list(heads=heads)]
        if self.heads is not None:
            _check_heads(self.heads, len(networks))
        self._initial = np.zeros(len(networks)) if weights is None else _logarithms(weights, len(networks))
        self.networks = networks
        for network in networks:
            network.ensure_built()
            network.trainable = False
        self.logits: Any = None

    def build(self, x_shape: Any = None, context_shape: Any = None) -> None:
        """Create the variables of the weights, `[M]`."""
        self.logits = self.add_weight(shape=[len(self.networks)], name="logits")
        self.logits.assign(self._initial)
        self.built = True

    @property
    def xla(self) -> bool:
        """False: a step updates M numbers, and to compile the members for it takes longer."""
        return False

    @property
    def mixture_weights(self) -> tf.Tensor:
        """w, `[M]`."""
        self.ensure_built()
        return tf.exp(self.log_shares())

    def log_shares(self) -> tf.Tensor:
        """Return log w, `[M]`."""
        return tf.nn.log_softmax(tf.cast(tf.convert_to_tensor(self.logits), self.sum_dtype))

    def parts(self, head: Head) -> list[tuple[AutoregressiveNetwork, Head]]:
        """Return the networks, each with its head."""
        return list(zip(self.networks, self.heads or [head] * len(self.networks), strict=True))

    def check_head(self, head: Head) -> None:
        """Raise a ValueError if the head of the model does not fit the networks, or is not that of the first one."""
        if self.heads is not None and head != self.heads[0]:
            raise ValueError(f"the head of an ensemble must be that of its first network, {self.heads[0]!r}. Received: head={head!r}")
        for network, own in self.parts(head):
            network.check_head(own)

    @property
    def num_members(self) -> int:
        """The number of members of all networks."""
        return sum(network.num_members for network in self.networks)

    def member(self, index: int | tf.Tensor) -> dict[str, Any]:
        """Return the keyword arguments that select a member, by a number that is known."""
        return {"number": index}

    def _member_at(self, number: int) -> tuple[AutoregressiveNetwork, dict[str, Any]]:
        """The network of a member, and the keyword arguments that select it there."""
        for network in self.networks:
            if number < network.num_members:
                return network, network.member(number)
            number -= network.num_members
        raise ValueError(f"number must be below {self.num_members}. Received: {number} more")

    def generation_order(self, number: int = 0, **member: Any) -> np.ndarray | tf.Tensor:
        """Return the order of a member, int32 `[D]`."""
        network, selected = self._member_at(number)
        return network.generation_order(**selected)

    def call(self, x: Any, context: Any = None, number: int = 0, training: bool = False) -> tf.Tensor:
        """Return the parameters of a member, `[B, *event_shape, P]` of its network."""
        network, selected = self._member_at(number)
        return network(x, context, **selected)

    def objective(self, x: tf.Tensor, context: tf.Tensor | None, head: Head, training: bool = False) -> tf.Tensor:
        """Return -log p(x), nats `[B]`: the members are as they are in no training, and in their own orders."""
        scores, ndims = [], len(self.event_shape)
        for (network, own), share in zip(self.parts(head), tf.unstack(self.log_shares(), len(self.networks)), strict=True):
            for index in range(network.num_members):
                score = own.log_prob(network(x, context, **network.member(index)), x, ndims)
                scores.append(tf.cast(score, share.dtype) + share - math.log(network.num_members))
        return -tf.reduce_logsumexp(tf.stack(scores), axis=0)

    def density_settings(self) -> dict[str, Any]:
        """Return what determines the density besides the weights and the networks, which compare their own settings: the heads."""
        settings = super().density_settings()
        return {**{name: value for name, value in settings.items() if name != "networks"}, "heads": repr(self.heads)}

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments but for the weights, which are variables."""
        return {
            **super().get_config(),
            "networks": [keras.saving.serialize_keras_object(network) for network in self.networks],
            "heads": None if self.heads is None else [keras.saving.serialize_keras_object(head) for head in self.heads],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "Ensemble":
        given = {name: config[name] for name in ("networks", "heads") if config[name] is not None}
        read = {name: [keras.saving.deserialize_keras_object(one, custom_objects) for one in parts] for name, parts in given.items()}
        return cls(**{**config, **read})


OF_THE_FIRST = ("event_shape", "params_size", "order", "num_classes", "context_size", "encoding")  # which a configuration repeats


def _check_alike(networks: list[Any]) -> None:
    """Raise a ValueError if the densities of networks cannot be averaged."""
    if len(networks) < 2 or not all(isinstance(network, AutoregressiveNetwork) for network in networks):
        raise ValueError(f"networks must be at least two AutoregressiveNetworks. Received: networks={networks!r}")
    for network in networks:
        if isinstance(network, Ensemble):
            raise ValueError(f"a member of an ensemble must not be one itself; give its networks. Received: {network!r}")
        for what in ("event_shape", "context_size", "compute_dtype", "per_column"):
            one, other = getattr(networks[0], what), getattr(network, what)
            if one != other:
                raise ValueError(f"the models of an ensemble must have the same {what}. Received: {one}, {other}")


def _check_heads(heads: list[Head], count: int) -> None:
    """Raise a ValueError if heads are not of the same values."""
    if len(heads) != count:
        raise ValueError(f"heads must be {count}, one of each network. Received: heads={heads!r}")
    for head in heads:
        if (head.dtype, head.support) != (heads[0].dtype, heads[0].support):
            raise ValueError(f"the heads of an ensemble must be of the same values. Received: {heads[0]!r}, {head!r}")


def _logarithms(weights: Any, count: int) -> np.ndarray:
    """The logarithms of weights, `[M]`."""
    w = as_reals(weights=weights)
    if w.shape != (count,) or not (np.isfinite(w).all() and (w > 0).all()):
        raise ValueError(f"weights must be {count} positive numbers, one of each model. Received: weights={weights!r}")
    return np.log(w / w.sum())
