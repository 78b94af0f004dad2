"""Networks: one file per family."""

from tfar.networks.base import AutoregressiveNetwork, WrappedNetwork
from tfar.networks.logistic import LogisticAutoregressive
from tfar.networks.made import MADE

__all__ = ["MADE", "AutoregressiveNetwork", "LogisticAutoregressive", "WrappedNetwork"]
