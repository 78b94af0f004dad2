"""Neural autoregressive density models for TensorFlow: each a Keras model, a TFP distribution and a SavedModel."""

from tfar import datasets, distributions, heads, layers, masks, networks
from tfar.checks import check_autoregressive
from tfar.distributions import AutoregressiveDistribution, AutoregressiveEnsemble
from tfar.models import MADE, AutoregressiveModel, LogisticAutoregressive

__version__ = "0.1.0"
__all__ = [
    "MADE",
    "AutoregressiveDistribution",
    "AutoregressiveEnsemble",
    "AutoregressiveModel",
    "LogisticAutoregressive",
    "check_autoregressive",
    "datasets",
    "distributions",
    "heads",
    "layers",
    "masks",
    "networks",
]
