"""Networks of images, in raster order."""

from tfar.networks.images.base import ImageNetwork
from tfar.networks.images.diagonal_bilstm import DiagonalBiLSTM
from tfar.networks.images.gated_pixel_cnn import GatedPixelCNN
from tfar.networks.images.pixel_cnn import PixelCNN
from tfar.networks.images.row_lstm import RowLSTM

__all__ = ["DiagonalBiLSTM", "GatedPixelCNN", "ImageNetwork", "PixelCNN", "RowLSTM"]
