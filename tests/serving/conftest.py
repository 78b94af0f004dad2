"""Exported models, and one process that serves them."""

import pytest
from support.cases import CASES
from support.served import TEXTS, Made, randomized

from tfar.testing import Client


@pytest.fixture(scope="session")
def models():
    return randomized(lambda name: TEXTS[name]() if name in TEXTS else CASES[name].model())


@pytest.fixture(scope="session")
def paths(models, tmp_path_factory):
    def write(name):
        path = tmp_path_factory.mktemp(name) / "1"
        models[name].export(path)
        return path

    return Made(write)


@pytest.fixture(scope="session")
def client(paths):
    """One process that serves all models, as they are after each other's requests."""
    with Client(paths) as client:
        yield client
