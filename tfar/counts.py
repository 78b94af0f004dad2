"""Numbers that count something: how they are checked."""

import numpy as np


def is_count(value, least=0):
    """Whether a value is an integer of at least `least`; True and False are none.

    >>> is_count(3), is_count(np.int64(0), least=1), is_count(3.0), is_count(True)
    (True, False, False, False)
    """
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= least)


def check_counts(least=1, **counts):
    """Check numbers, each given by its name.

    Raises:
        ValueError: one is no integer of at least `least`.

    >>> check_counts(filters=8, num_layers=0)
    Traceback (most recent call last):
    ...
    ValueError: num_layers must be an integer of at least 1. Received: num_layers=0
    """
    for name, value in counts.items():
        if not is_count(value, least):
            raise ValueError(f"{name} must be an integer of at least {least}. Received: {name}={value!r}")


def as_counts(**sizes):
    """One integer of at least 1, or several, given by their name, as a tuple.

    Raises:
        ValueError: one is no integer of at least 1.

    >>> as_counts(hidden_units=500), as_counts(hidden_units=[500, 300])
    ((500,), (500, 300))
    """
    ((name, value),) = sizes.items()
    values = tuple(value) if np.iterable(value) else (value,)
    if not all(is_count(size, least=1) for size in values):
        raise ValueError(f"{name} must be integers of at least 1. Received: {name}={value!r}")
    return tuple(map(int, values))
