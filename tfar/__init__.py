"""Neural autoregressive density models for TensorFlow: each a Keras model, a TFP distribution and a SavedModel."""

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfar import (
        callbacks,
        checks,
        datasets,
        distributions,
        export,
        heads,
        layers,
        masks,
        models,
        networks,
        noise,
        plotting,
        sampling,
        training,
    )
    from tfar.character_model import CharacterModel, CharRNN
    from tfar.checks import check_autoregressive
    from tfar.distributions import AutoregressiveDistribution, AutoregressiveEnsemble
    from tfar.models import (
        MADE,
        NADE,
        NADEK,
        RNADE,
        AutoregressiveModel,
        DeepNADE,
        DiagonalBiLSTM,
        GatedPixelCNN,
        LogisticAutoregressive,
        NeuralAutoregressive,
        PixelCNN,
        RowLSTM,
    )

__version__ = "0.1.0"
__all__ = [
    "MADE",
    "NADE",
    "NADEK",
    "RNADE",
    "AutoregressiveDistribution",
    "AutoregressiveEnsemble",
    "AutoregressiveModel",
    "CharRNN",
    "CharacterModel",
    "DeepNADE",
    "DiagonalBiLSTM",
    "GatedPixelCNN",
    "LogisticAutoregressive",
    "NeuralAutoregressive",
    "PixelCNN",
    "RowLSTM",
    "callbacks",
    "check_autoregressive",
    "checks",
    "datasets",
    "distributions",
    "export",
    "heads",
    "layers",
    "masks",
    "models",
    "networks",
    "noise",
    "plotting",
    "sampling",
    "training",
]

_HOMES = {
    "CharRNN": "character_model",
    "CharacterModel": "character_model",
    "check_autoregressive": "checks",
    "AutoregressiveDistribution": "distributions",
    "AutoregressiveEnsemble": "distributions",
}


def __getattr__(name):
    """Import what is asked for (PEP 562): TensorFlow takes seconds, and `tfar --help` must not."""
    if name not in __all__:
        raise AttributeError(f"module 'tfar' has no attribute {name!r}")
    if name.islower() and name not in _HOMES:
        return importlib.import_module(f"tfar.{name}")
    return getattr(importlib.import_module(f"tfar.{_HOMES.get(name, 'models')}"), name)


def __dir__():
    return sorted({*globals(), *__all__})


if "keras" in sys.modules or "tensorflow" in sys.modules:
    # registers the classes, so that after "import keras, tfar" keras.saving.load_model knows them
    importlib.import_module("tfar.character_model")  # and with it tfar.models
