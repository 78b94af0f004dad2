"""Mixtures of factor analysers, fitted by expectation maximisation (Ghahramani & Hinton 1996)."""

from typing import NamedTuple

import numpy as np


class Mixture(NamedTuple):
    """p(x) = sum_k pi_k N(x; mu_k, W_k W_k' + diag(psi_k)).

    Attributes:
        shares: pi `[K]`.
        means: mu `[K, D]`.
        loadings: W `[K, D, F]`.
        noise: psi `[K, D]`.
    """

    shares: np.ndarray
    means: np.ndarray
    loadings: np.ndarray
    noise: np.ndarray

    def covariances(self):
        """`[K, D, D]`."""
        return self.loadings @ np.swapaxes(self.loadings, 1, 2) + self.noise[:, :, None] * np.eye(self.means.shape[1])

    def joint_log_prob(self, x, products):
        """log pi_k N(x; ...), nats `[K, N]`, of rows `[N, D]` and their `products_of`."""
        covariances, size = self.covariances(), x.shape[1]
        precisions = np.linalg.inv(covariances)
        towards = precisions @ self.means[:, :, None]  # (K, D, 1)
        squares = precisions.reshape(len(precisions), -1) @ products.T - 2 * towards[..., 0] @ x.T  # (K, N)
        squares += np.sum(self.means[:, :, None] * towards, axis=(1, 2))[:, None]
        logs = np.linalg.slogdet(covariances)[1] + size * np.log(2 * np.pi)
        return np.log(self.shares)[:, None] - 0.5 * (squares + logs[:, None])

    def log_prob(self, x):
        """log p(x), nats `[N]`.

        >>> standard = Mixture(np.ones(1), np.zeros([1, 2]), np.zeros([1, 2, 1]), np.ones([1, 2]))
        >>> bool(np.isclose(standard.log_prob(np.zeros([1, 2]))[0], -np.log(2 * np.pi)))
        True
        """
        return np.logaddexp.reduce(self.joint_log_prob(x, products_of(x)), axis=0)


def products_of(x):
    """The products of all pairs of columns, `[N, D * D]`, with which a component takes matrix products alone."""
    return (x[:, :, None] * x[:, None]).reshape(len(x), -1)


def fit(x, components, factors, least_noise, rounds=200, tolerance=1e-3, seed=0):
    """Fit a mixture to rows.

    Args:
        x: standardised rows `[N, D]`.
        components, factors: K and F.
        least_noise: the smallest variance in psi.
        rounds: most iterations; they end where one gains less than `tolerance` nats a row.
        seed: of the rows at which the components start.
    """
    random, (count, size) = np.random.default_rng(seed), x.shape
    products = products_of(x)
    mixture = Mixture(
        np.full(components, 1 / components),
        x[random.choice(count, components, replace=False)],
        random.normal(size=[components, size, factors]) * 0.1,
        np.full([components, size], 0.5),
    )
    before = -np.inf
    for _ in range(rounds):
        joint = mixture.joint_log_prob(x, products)
        scores = np.logaddexp.reduce(joint, axis=0)
        if scores.mean() - before < tolerance:
            break
        before, mixture = scores.mean(), maximised(mixture, x, products, np.exp(joint - scores), least_noise)
    return mixture


def maximised(mixture, x, products, parts, least_noise):
    """The mixture after a step of EM, of rows `[N, D]`, their products `[N, D * D]` and the posterior of their components `[K, N]`."""
    totals = parts.sum(axis=1) + 1e-3  # a component that lost its rows stays finite
    means = parts @ x / totals[:, None]
    spread = (parts @ products / totals[:, None]).reshape(mixture.covariances().shape)
    spread -= means[:, :, None] * means[:, None] * (2 - parts.sum(axis=1) / totals)[:, None, None]  # (K, D, D)
    transposed = np.swapaxes(mixture.loadings, 1, 2)
    posterior = np.swapaxes(np.linalg.solve(mixture.covariances(), mixture.loadings), 1, 2)  # W' S^-1, (K, F, D)
    crossed = spread @ np.swapaxes(posterior, 1, 2)  # (K, D, F)
    second = np.eye(mixture.loadings.shape[2]) - posterior @ np.swapaxes(transposed, 1, 2) + posterior @ crossed  # E[z z'], (K, F, F)
    loadings = np.swapaxes(np.linalg.solve(second, np.swapaxes(crossed, 1, 2)), 1, 2)
    left = np.diagonal(spread - loadings @ posterior @ spread, axis1=1, axis2=2)
    return Mixture(totals / totals.sum(), means, loadings, np.maximum(left, least_noise))
