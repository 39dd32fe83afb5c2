"""Peer methods behind our face: one adapter a method, and a registry of them all."""

from elinvar.baselines._anchor import AnchorRegressor
from elinvar.baselines._anchor_boosting import AnchorBoostingRegressor
from elinvar.baselines._and_mask import ANDGradientRegressor, ANDMaskRegressor
from elinvar.baselines._boosting import BoostingRegressor, LogisticBoostingRegressor
from elinvar.baselines._causalicp import CausalICPRegressor
from elinvar.baselines._constant import ConstantRegressor
from elinvar.baselines._dantzig import CausalDantzigRegressor
from elinvar.baselines._eills import EILLSRegressor
from elinvar.baselines._elastic_net import ElasticNetRegressor, LassoRegressor
from elinvar.baselines._fish import FishRegressor
from elinvar.baselines._fishr import FishrRegressor
from elinvar.baselines._fixed_effects import FixedEffectsRegressor
from elinvar.baselines._forest import ForestRegressor
from elinvar.baselines._group_dro import GroupDRORegressor
from elinvar.baselines._icp import ICPRegressor
from elinvar.baselines._iga import IGARegressor
from elinvar.baselines._irmv1 import IRMv1Regressor
from elinvar.baselines._kclass import KClassRegressor
from elinvar.baselines._logistic import InvariantLogisticRegressor, LogisticRegressor
from elinvar.baselines._oracle import OracleRegressor
from elinvar.baselines._pooled import PooledRegressor
from elinvar.baselines._random_intercept import RandomInterceptRegressor
from elinvar.baselines._registry import BASELINES, Baseline
from elinvar.baselines._ridge import RidgeRegressor
from elinvar.baselines._vrex import VRExRegressor

__all__ = [
    "BASELINES",
    "ANDGradientRegressor",
    "ANDMaskRegressor",
    "AnchorBoostingRegressor",
    "AnchorRegressor",
    "Baseline",
    "BoostingRegressor",
    "CausalDantzigRegressor",
    "CausalICPRegressor",
    "ConstantRegressor",
    "EILLSRegressor",
    "ElasticNetRegressor",
    "FishRegressor",
    "FishrRegressor",
    "FixedEffectsRegressor",
    "ForestRegressor",
    "GroupDRORegressor",
    "ICPRegressor",
    "IGARegressor",
    "IRMv1Regressor",
    "InvariantLogisticRegressor",
    "KClassRegressor",
    "LassoRegressor",
    "LogisticBoostingRegressor",
    "LogisticRegressor",
    "OracleRegressor",
    "PooledRegressor",
    "RandomInterceptRegressor",
    "RidgeRegressor",
    "VRExRegressor",
]
