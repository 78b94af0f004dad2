"""What a user holds: Keras models that are densities, and a constructor for each family."""

from tfar.models.autoregressive import AutoregressiveModel
from tfar.models.character import CharacterModel
from tfar.models.ensemble import Ensemble
from tfar.models.families import (
    CONSTRUCTORS,
    MADE,
    NADE,
    NADEK,
    RNADE,
    CharRNN,
    DeepNADE,
    DiagonalBiLSTM,
    GatedPixelCNN,
    LogisticAutoregressive,
    NeuralAutoregressive,
    PixelCNN,
    RowLSTM,
    build,
    model_of,
)
from tfar.models.table import TableModel

__all__ = [
    "CONSTRUCTORS",
    "MADE",
    "NADE",
    "NADEK",
    "RNADE",
    "AutoregressiveModel",
    "CharRNN",
    "CharacterModel",
    "DeepNADE",
    "DiagonalBiLSTM",
    "Ensemble",
    "GatedPixelCNN",
    "LogisticAutoregressive",
    "NeuralAutoregressive",
    "PixelCNN",
    "RowLSTM",
    "TableModel",
    "build",
    "model_of",
]
