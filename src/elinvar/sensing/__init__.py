"""The paper's problem: multi-environment matrix sensing, HeteroSGD and PooledSGD, solved."""

from elinvar.sensing._algorithms import HeteroSGD, PooledGD, PooledSGD
from elinvar.sensing._measurements import (
    CentredRankOne,
    Gaussian,
    MeasurementLaw,
    RankOne,
    SparseSign,
    SymmetricGaussian,
)
from elinvar.sensing._optimizers import SGD, Adam, Momentum, Nesterov, RMSprop
from elinvar.sensing._problem import SensingProblem
from elinvar.sensing._solve import solve
from elinvar.sensing._trajectory import Trajectory

__all__ = [
    "SGD",
    "Adam",
    "CentredRankOne",
    "Gaussian",
    "HeteroSGD",
    "MeasurementLaw",
    "Momentum",
    "Nesterov",
    "PooledGD",
    "PooledSGD",
    "RMSprop",
    "RankOne",
    "SensingProblem",
    "SparseSign",
    "SymmetricGaussian",
    "Trajectory",
    "solve",
]
