"""Heads: what the raw parameters of a position mean. One file per kind of value."""

from tfar.heads.base import Head, get, named, names, register
from tfar.heads.category_column import CategoryColumn, CategoryEncoding
from tfar.heads.column_base import ColumnDistribution, ColumnHead
from tfar.heads.columns import Columns
from tfar.heads.continuous import Normal
from tfar.heads.discrete import Bernoulli, Categorical
from tfar.heads.encodings import ColumnEncodings, Encoding, Number, OneHot
from tfar.heads.grid_column import GridColumn
from tfar.heads.mixtures import DiscretizedLogisticMixture, LaplaceMixture, Mixture, NormalMixture
from tfar.heads.number_column import NumberColumn, NumberEncoding
from tfar.heads.real_column import RealColumn

__all__ = [
    "Bernoulli",
    "Categorical",
    "CategoryColumn",
    "CategoryEncoding",
    "ColumnDistribution",
    "ColumnEncodings",
    "ColumnHead",
    "Columns",
    "DiscretizedLogisticMixture",
    "Encoding",
    "GridColumn",
    "Head",
    "LaplaceMixture",
    "Mixture",
    "Normal",
    "NormalMixture",
    "Number",
    "NumberColumn",
    "NumberEncoding",
    "OneHot",
    "RealColumn",
    "get",
    "named",
    "names",
    "register",
]
