"""Independent positions: the parameters with which a head gives each position its own marginal, whatever the others.

They are where training starts: a network that has them as its last bias needs to learn only what the positions say
about each other. And they are the baseline that a model must beat.
"""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfar import heads

tfd = tfp.distributions


def marginal_params(head, x):
    """Parameters `[*event, P]`, float32, that fit a head to each position of `x [N, *event]` alone.

    Discrete values have their frequencies, with one added to each count. A normal has the mean and standard deviation.
    The components of a mixture have equal weights, quantiles of the values as their locations, and half the standard
    deviation of the values as their scale: a start and no fit.

    Raises:
        ValueError: a head that is not tfar's.

    >>> marginal_params(heads.Bernoulli(), np.array([[0], [1], [1]])).astype(float).round(3).tolist()
    [[0.405]]
    """
    x = np.asarray(x)
    if isinstance(head, heads.Bernoulli):
        ones = x.sum(axis=0)
        return np.log((ones + 1.0) / (len(x) - ones + 1.0))[..., None].astype(np.float32)
    if isinstance(head, heads.Categorical):
        return np.log((_counts(x, head.num_classes) + 1.0) / (len(x) + head.num_classes)).astype(np.float32)
    scale = np.maximum(x.std(axis=0, dtype=np.float64), 1e-2)
    if isinstance(head, heads.Normal):
        return np.stack([x.mean(axis=0, dtype=np.float64), _raw(scale, head)], axis=-1).astype(np.float32)
    if not hasattr(head, "num_components"):
        raise ValueError(f"a head of tfar.heads is needed. Received: {head!r}")
    if isinstance(head, heads.DiscretizedLogisticMixture):
        unit = 2 / (head.levels - 1)  # its locations and scales are those of values from -1 to 1
        x, scale = x * unit - 1, np.maximum(scale * unit, 1e-2)
    count = head.num_components
    loc = np.moveaxis(np.quantile(x, (np.arange(count) + 0.5) / count, axis=0), 0, -1)  # (*event, K)
    raw = np.repeat(_raw(scale / 2, head)[..., None], count, axis=-1)
    return np.concatenate([np.zeros_like(loc), loc, raw], axis=-1).astype(np.float32)


def _raw(scale, head):
    """The raw scale of which softplus(raw) + min_scale is `scale`."""
    return tfp.math.softplus_inverse(np.maximum(scale - head.min_scale, 1e-3)).numpy()


def _counts(x, levels):
    """How often each value 0..K-1 occurs at each position, `[*event, K]`."""
    flat = x.reshape(len(x), -1).astype(np.int64) + levels * np.arange(x[0].size)
    return np.bincount(flat.ravel(), minlength=x[0].size * levels).reshape(*x.shape[1:], levels)


def baseline(head, train, x):
    """Log-probability `[N]` in nats of `x [N, *event]` if all positions were independent.

    Each has its own marginal in `train [M, *event]`: that of the head for discrete values, and a normal one for others.
    """
    if isinstance(head, heads.DiscretizedLogisticMixture):
        head = heads.Categorical(head.levels)
    head = head if head.dtype.is_integer else heads.Normal(min_scale=1e-6)
    params = tf.constant(marginal_params(head, train))
    parts = (x[start : start + 1000] for start in range(0, len(x), 1000))
    return np.concatenate([head.log_prob(params, part, event_ndims=x.ndim - 1).numpy() for part in parts])


def start_at_marginals(model, x):
    """Set the last bias of a model's network so that training starts at the marginals of `x [N, *event]`, and centre its inputs.

    That bias is `network.output_bias`, a variable of D * P numbers, or that of the last masked layer. Networks that have no such bias,
    or no `centre`, are left alone.
    """
    network = model.network
    if hasattr(network, "centre"):
        parts = [tf.reduce_sum(tf.cast(network.encode(x[row : row + 256]), tf.float64), axis=0) for row in range(0, len(x), 256)]
        network.centre(tf.add_n(parts) / len(x))
    layers = [layer for layer in getattr(network, "masked_layers", ()) if layer.strict and layer.use_bias]
    bias = getattr(network, "output_bias", layers[-1].bias if layers else None)
    if bias is not None and np.prod(bias.shape) == network.event_size * network.params_size:
        bias.assign(marginal_params(model.head, x).reshape(bias.shape))
