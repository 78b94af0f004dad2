"""The test of frequencies that all statistical tests share."""

import numpy as np
import tensorflow as tf

FALSE_ALARM = 1e-4  # of each test, had its seed not been fixed


def assert_frequencies(observed, expected):
    """Chi-square test of counts; the cells in which fewer than 10 are expected are put together, with more until that many are."""
    observed, expected = np.asarray(observed, np.float64), np.asarray(expected, np.float64)
    assert observed[expected == 0].sum() == 0
    order = np.argsort(expected)
    observed, expected = observed[order], expected[order]
    if expected[0] < 10:
        pooled = max(np.sum(expected < 10), np.searchsorted(np.cumsum(expected), 10) + 1)
        observed = np.append(observed[:pooled].sum(), observed[pooled:])
        expected = np.append(expected[:pooled].sum(), expected[pooled:])
    statistic = np.sum((observed - expected) ** 2 / expected)
    freedom = len(expected) - 1
    assert freedom == 0 or float(tf.math.igammac(tf.constant(freedom / 2, tf.float64), statistic / 2)) > FALSE_ALARM
