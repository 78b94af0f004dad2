"""TFP distributions over networks: `tfd.Distribution`s whose parameters a network computes."""

from tfar.distributions.autoregressive import AutoregressiveDistribution
from tfar.distributions.ensemble import AutoregressiveEnsemble

__all__ = ["AutoregressiveDistribution", "AutoregressiveEnsemble"]
