"""What a model must beat: independent positions, and for real values the normal of full covariance."""

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfar import heads

tfd = tfp.distributions

PART = 1000  # rows that are scored at once


def baseline(head: heads.Head, train: np.ndarray, x: np.ndarray) -> np.ndarray | None:
    """Log-probabilities if all positions were independent.

    Each position has its own marginal in the training rows: that of `head.marginal()`, frequencies for discrete values and a normal for
    others.

    Args:
        head: the model's head.
        train: training values `[M, *event]`.
        x: values to score `[N, *event]`.

    Returns:
        Nats `[N]`; None for a discrete head that has no `initial_params`.

    >>> baseline(heads.Bernoulli(), np.array([[0], [1], [1]]), np.array([[1]])).astype(float).round(3).tolist()
    [-0.511]
    """
    marginal = head.marginal()
    found = marginal.initial_params(train)
    if found is None and not head.discrete:
        marginal = heads.Normal().marginal()
        found = marginal.initial_params(train)
    if found is None:
        return None
    params = tf.constant(found)
    parts = (x[start : start + PART] for start in range(0, len(x), PART))
    return np.concatenate([marginal.log_prob(params, tf.convert_to_tensor(part), event_ndims=x.ndim - 1).numpy() for part in parts])


def baseline_nll(head: heads.Head, train: np.ndarray, x: np.ndarray) -> float | None:
    """The mean NLL of `x` in nats under independent positions; None where `baseline` has none."""
    found = baseline(head, train, x)
    return None if found is None else -float(found.mean())


def gaussian_nll(train: Any, x: Any) -> float | None:
    """Mean negative log-likelihood of rows under N(m, S), with the mean m and the covariance S of the training rows.

        S = 1/M sum_i (t_i - m) (t_i - m)^T

    It is what a model of real values must beat, as in RNADE's table (Uria et al. 2013).

    Args:
        train: the training rows `[M, *event]`, real values.
        x: the rows to score `[N, *event]`.

    Returns:
        Nats; None where S is singular, up to the rounding of float32 values: columns that depend on each other linearly, or no more rows
        than columns.

    >>> corners = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])  # of unit covariance: 1 + log(2 pi) nats
    >>> round(gaussian_nll(corners, corners), 4), round(float(1 + np.log(2 * np.pi)), 4)
    (2.8379, 2.8379)
    >>> twice = corners[:, [0, 1, 1]]
    >>> gaussian_nll(twice, twice) is None
    True
    """
    train, x = (np.asarray(rows, np.float64).reshape(len(rows), -1) for rows in (train, x))
    if len(train) <= train.shape[1]:
        return None
    covariance = np.cov(train, rowvar=False, bias=True).reshape(train.shape[1], train.shape[1])
    spread = np.linalg.eigvalsh(covariance)  # ascending
    if spread[0] <= 1e-10 * spread[-1]:  # a Cholesky factor may exist by rounding alone
        return None
    scale = np.linalg.cholesky(covariance)
    return -float(tfd.MultivariateNormalTriL(train.mean(axis=0), scale).log_prob(x).numpy().mean())
