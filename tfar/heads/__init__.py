"""Heads: what the raw parameters of a position mean. One file per kind of value."""

from tfar.heads.base import Head, get, named, names, register
from tfar.heads.continuous import Normal
from tfar.heads.discrete import Bernoulli, Categorical
from tfar.heads.encodings import Encoding, Number, OneHot
from tfar.heads.mixtures import DiscretizedLogisticMixture, LaplaceMixture, Mixture, NormalMixture

__all__ = [
    "Bernoulli",
    "Categorical",
    "DiscretizedLogisticMixture",
    "Encoding",
    "Head",
    "LaplaceMixture",
    "Mixture",
    "Normal",
    "NormalMixture",
    "Number",
    "OneHot",
    "get",
    "named",
    "names",
    "register",
]
