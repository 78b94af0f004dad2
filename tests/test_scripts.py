"""The examples in the docstrings of `scripts/`."""

import doctest
import importlib
import pathlib

import pytest

SCRIPTS = pathlib.Path(__file__).parents[1] / "scripts"
WITH_EXAMPLES = sorted(path.stem for path in SCRIPTS.glob("*.py") if ">>> " in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_of_scripts_hold(name, monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted and not found.failed
