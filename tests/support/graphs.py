"""A fixture of the tests that fit models."""

import pytest

from tfar import config


@pytest.fixture(autouse=True)
def graphs(monkeypatch):
    """Fits that do not ask for XLA run as graphs: to compile one takes seconds. `tests/test_contract.py` and others ask for it."""
    monkeypatch.setattr(config.Family, "xla", False)
