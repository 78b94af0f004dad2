"""Helpers for testing networks and models, including your own.

The names are imported as they are used, so that `Client` and `Session` can be had in a process without TensorFlow's Python.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfar.testing.contract import check_autoregressive, dependencies, spot_check
    from tfar.testing.session import Client, ServingError, Session, signatures
    from tfar.testing.weights import randomize

_HOMES = {
    **dict.fromkeys(("check_autoregressive", "dependencies", "spot_check"), "tfar.testing.contract"),
    **dict.fromkeys(("Client", "ServingError", "Session", "signatures"), "tfar.testing.session"),
    "randomize": "tfar.testing.weights",
}

__all__ = ["Client", "ServingError", "Session", "check_autoregressive", "dependencies", "randomize", "signatures", "spot_check"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'tfar.testing' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
