"""Cheap densities that a model must beat. Each returns log-probabilities `[N]` of test rows, in nats."""

import importlib.util

import numpy as np

SMOOTHING = 1.0  # Laplace's, of every count
COMPONENTS = (1, 2, 5, 10, 20, 40)
BANDWIDTHS = tuple(np.geomspace(0.05, 1.0, 10))


def independent(rows):
    """Columns on their own: smoothed frequencies of bits, normals of real values."""
    if rows.kind == "continuous":
        mean, deviation = rows.train.mean(axis=0), rows.train.std(axis=0)
        return normal((rows.test - mean) / deviation, np.zeros(len(mean)), np.eye(len(mean))) - np.log(deviation).sum()
    ones = (rows.train.sum(axis=0) + SMOOTHING) / (len(rows.train) + 2 * SMOOTHING)
    return np.where(rows.test == 1, np.log(ones), np.log1p(-ones)).sum(axis=1)


def normal(x, mean, covariance):
    """Log-densities of a normal.

    >>> round(float(normal(np.zeros((1, 2)), np.zeros(2), np.eye(2))[0]), 4)  # -log(2 pi)
    -1.8379
    """
    scale = np.linalg.cholesky(covariance)
    scaled = np.linalg.solve(scale, (x - mean).T)
    return -0.5 * ((scaled**2).sum(axis=0) + len(mean) * np.log(2 * np.pi)) - np.log(np.diag(scale)).sum()


def full_normal(rows):
    """A normal with the mean and the covariance of the training rows."""
    return normal(rows.test, rows.train.mean(axis=0), np.cov(rows.train, rowvar=False, bias=True))


def tree(information):
    """The parent of each node of a maximum spanning tree, -1 of the first, in the order in which Prim's algorithm reaches the nodes.

    >>> tree(np.array([[0, 3, 1], [3, 0, 2], [1, 2, 0]]))
    {0: -1, 1: 0, 2: 1}
    """
    parents, best = {0: -1}, {node: 0 for node in range(1, len(information))}
    while best:
        node = max(best, key=lambda free: information[free, best[free]])
        parents[node] = best.pop(node)
        best = {free: node if information[free, node] > information[free, parent] else parent for free, parent in best.items()}
    return parents


def chow_liu(rows):
    """The tree of bits of highest likelihood (Chow & Liu 1968), with Laplace's smoothing: p(x_d | x_parent) = (n + 1) / (n_parent + 2)."""
    x = rows.train.astype(np.float64)
    both = {(1, 1): x.T @ x, (1, 0): x.T @ (1 - x), (0, 1): (1 - x).T @ x, (0, 0): (1 - x).T @ (1 - x)}  # [d, parent]
    joint = {values: (counts + SMOOTHING) / (len(x) + 4 * SMOOTHING) for values, counts in both.items()}
    one = joint[1, 1] + joint[1, 0]  # p(x_d = 1), of each pair
    single = {1: one, 0: 1 - one}
    information = sum(p * np.log(p / (single[a] * single[b].T)) for (a, b), p in joint.items())
    found = np.zeros(len(rows.test))
    for d, parent in tree(information).items():
        value, given = rows.test[:, d], rows.test[:, parent]
        if parent < 0:
            ones = (x[:, d].sum() + SMOOTHING) / (len(x) + 2 * SMOOTHING)
            found += np.log(np.where(value == 1, ones, 1 - ones))
            continue
        ones = [(both[1, b][d, parent] + SMOOTHING) / (both[1, b][d, parent] + both[0, b][d, parent] + 2 * SMOOTHING) for b in (0, 1)]
        ones = np.where(given == 1, ones[1], ones[0])
        found += np.log(np.where(value == 1, ones, 1 - ones))
    return found


def gaussian_mixture(rows):
    """scikit-learn's mixture of normals; validation rows choose the number of components."""
    from sklearn.mixture import GaussianMixture

    fits = [GaussianMixture(k, reg_covar=1e-3, random_state=0).fit(rows.train) for k in COMPONENTS if k <= len(rows.train)]
    return max(fits, key=lambda fit: fit.score(rows.validation)).score_samples(rows.test)


def kernel_density(rows):
    """scikit-learn's kernel density estimate; validation rows choose the bandwidth."""
    from sklearn.neighbors import KernelDensity

    fits = [KernelDensity(bandwidth=width).fit(rows.train) for width in BANDWIDTHS]
    return max(fits, key=lambda fit: fit.score(rows.validation)).score_samples(rows.test)


def of_kind(kind):
    """The baselines of a kind of data by name; scikit-learn's where it is installed."""
    if kind == "binary":
        return {"independent": independent, "chow_liu": chow_liu}
    found = {"independent": independent, "normal": full_normal}
    if importlib.util.find_spec("sklearn"):
        found |= {"gaussian_mixture": gaussian_mixture, "kernel_density": kernel_density}
    return found
