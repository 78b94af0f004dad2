"""Networks: one file per family."""

from tfar.networks.base import AutoregressiveNetwork, WrappedNetwork
from tfar.networks.char_rnn import CharRNN
from tfar.networks.deep_nade import DeepNADE
from tfar.networks.diagonal_bilstm import DiagonalBiLSTM
from tfar.networks.gated_pixel_cnn import GatedPixelCNN
from tfar.networks.logistic import LogisticAutoregressive
from tfar.networks.made import MADE
from tfar.networks.nade import NADE
from tfar.networks.nade_k import NADEK
from tfar.networks.neural import NeuralAutoregressive
from tfar.networks.order_agnostic import OrderAgnostic
from tfar.networks.pixel_cnn import PixelCNN
from tfar.networks.rnade import RNADE
from tfar.networks.row_lstm import RowLSTM

__all__ = [
    "MADE",
    "NADE",
    "NADEK",
    "RNADE",
    "AutoregressiveNetwork",
    "CharRNN",
    "DeepNADE",
    "DiagonalBiLSTM",
    "GatedPixelCNN",
    "LogisticAutoregressive",
    "NeuralAutoregressive",
    "OrderAgnostic",
    "PixelCNN",
    "RowLSTM",
    "WrappedNetwork",
]
