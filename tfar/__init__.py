"""Neural autoregressive density models for TensorFlow: each a Keras model, a TFP distribution and a SavedModel."""

import importlib
import importlib.abc
import importlib.machinery
import sys
from typing import TYPE_CHECKING, Any

from tfar import config

if TYPE_CHECKING:
    from tfar import datasets, distributions, heads, layers, masks, models, networks, noise, orders, plotting, serving, testing, training
    from tfar.cli.opening import load_run
    from tfar.distributions import AutoregressiveDistribution, AutoregressiveEnsemble
    from tfar.models import *  # noqa: F403
    from tfar.models import AutoregressiveModel, CharacterModel, Ensemble, TableModel
    from tfar.models.exported import load_weights_from_saved_model
    from tfar.models.loading import load_model
    from tfar.testing import check_autoregressive

__version__ = "0.2.0.dev0"

_MODULES = (
    "config",
    "datasets",
    "distributions",
    "heads",
    "layers",
    "masks",
    "models",
    "networks",
    "noise",
    "orders",
    "plotting",
    "serving",
    "testing",
    "training",
)
_HOMES = {  # public names, and the modules that define them
    **dict.fromkeys(("AutoregressiveModel", "CharacterModel", "Ensemble", "TableModel"), "tfar.models"),
    **dict.fromkeys((family.__name__ for family in config.FAMILIES.values()), "tfar.models"),
    **dict.fromkeys(("AutoregressiveDistribution", "AutoregressiveEnsemble"), "tfar.distributions"),
    "check_autoregressive": "tfar.testing",
    "load_model": "tfar.models.loading",
    "load_run": "tfar.cli.opening",
    "load_weights_from_saved_model": "tfar.models.exported",
}
_MOVED = {  # attributes of version 0.1, and the modules that they are now
    "callbacks": "tfar.training.callbacks",
    "checks": "tfar.testing",
    "export": "tfar.serving.export",
    "sampling": "tfar.distributions.sampling",
}

__all__ = [*_MODULES, *_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """Import what is asked for (PEP 562): TensorFlow takes seconds, and `tfar --help` must not."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _MODULES or name in _MOVED:
        return importlib.import_module(_MOVED.get(name, f"tfar.{name}"))
    raise AttributeError(f"module 'tfar' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Registration(importlib.abc.MetaPathFinder):
    """Imports `tfar.models` once Keras is imported, so that `keras.saving.load_model` knows tfar's classes.

    Keras finds classes of other packages by their registered names alone. To import them here would make `tfar --help` wait for TensorFlow;
    so this waits for Keras, and where a wing of tfar imports Keras, for the end of that import.
    """

    roots = ("keras", *(f"tfar.{wing}" for wing in ("heads", "layers", "networks", "distributions", "serving", "models")))

    def __init__(self) -> None:
        self._depth = 0

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        spec = importlib.machinery.PathFinder.find_spec(fullname, path) if fullname in self.roots else None
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_register(module: Any) -> None:
            self._depth += 1
            try:
                execute(module)
            finally:
                self._depth -= 1
            if not self._depth and "keras" in sys.modules:
                importlib.import_module("tfar.models")

        spec.loader.exec_module = execute_and_register
        return spec


if "keras" in sys.modules:
    importlib.import_module("tfar.models")
else:
    sys.meta_path.insert(0, _Registration())
