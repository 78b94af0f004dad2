"""Networks: one file per family."""

from tfar.networks.base import AutoregressiveNetwork
from tfar.networks.deep_nade import DeepNADE
from tfar.networks.ensemble import Ensemble
from tfar.networks.images import DiagonalBiLSTM, GatedPixelCNN, ImageNetwork, PixelCNN, RowLSTM
from tfar.networks.logistic import LogisticAutoregressive
from tfar.networks.made import MADE
from tfar.networks.nade import NADE
from tfar.networks.nade_k import NADEK
from tfar.networks.neural import NeuralAutoregressive
from tfar.networks.order_agnostic import OrderAgnostic
from tfar.networks.pool import Pool
from tfar.networks.rnade import RNADE
from tfar.networks.sequences import CharRNN, SequenceNetwork
from tfar.networks.wrapped import WrappedNetwork

__all__ = [
    "MADE",
    "NADE",
    "NADEK",
    "RNADE",
    "AutoregressiveNetwork",
    "CharRNN",
    "DeepNADE",
    "DiagonalBiLSTM",
    "Ensemble",
    "GatedPixelCNN",
    "ImageNetwork",
    "LogisticAutoregressive",
    "NeuralAutoregressive",
    "OrderAgnostic",
    "PixelCNN",
    "Pool",
    "RowLSTM",
    "SequenceNetwork",
    "WrappedNetwork",
]
