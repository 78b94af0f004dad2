"""TFP distributions over networks."""

from tfar.distributions.autoregressive import AutoregressiveDistribution
from tfar.distributions.ensemble import AutoregressiveEnsemble

__all__ = ["AutoregressiveDistribution", "AutoregressiveEnsemble"]
