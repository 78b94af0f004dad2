"""The normal density of full covariance: what a model of real values must beat, as RNADE's table has it (Uria et al. 2013)."""

import numpy as np
import tensorflow_probability as tfp

tfd = tfp.distributions


def gaussian_nll(train, x):
    """Mean negative log-likelihood of rows under N(m, S), with the mean m and the covariance S of the training rows.

        S = 1/M sum_i (t_i - m) (t_i - m)^T

    Args:
        train: the training rows `[M, *event]`, real values.
        x: the rows to score `[N, *event]`.

    Returns:
        Nats, a float; None where S is singular, up to the rounding of float32 values: columns that depend on each other linearly, or
        no more rows than columns.

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
