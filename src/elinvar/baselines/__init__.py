"""Peer methods behind our face: one adapter a method, and a registry of them all."""

from elinvar.baselines._anchor import AnchorRegressor
from elinvar.baselines._anchor_boosting import AnchorBoostingRegressor
from elinvar.baselines._and_mask import ANDGradientRegressor, ANDMaskRegressor
from elinvar.baselines._boosting import BoostingRegressor, LogisticBoostingRegressor
from elinvar.baselines._causalicp import CausalICPRegressor
from elinvar.baselines._constant import ConstantRegressor
from elinvar.baselines._dantzig import CausalDantzigRegressor
from elinvar.baselines._drig import DRIGRegressor
from elinvar.baselines._eills import EILLSRegressor
from elinvar.baselines._elastic_net import ElasticNetRegressor, LassoRegressor
from elinvar.baselines._era_splitting import EraSplittingRegressor
from elinvar.baselines._fair import FAIRRegressor
from elinvar.baselines._fair_network import FAIRNetworkRegressor
from elinvar.baselines._fish import FishRegressor
from elinvar.baselines._fishr import FishrRegressor
from elinvar.baselines._fixed_effects import FixedEffectsRegressor
from elinvar.baselines._forest import ForestRegressor
from elinvar.baselines._group_dro import GroupDRORegressor
from elinvar.baselines._group_dro_boosting import GroupDROBoostingRegressor
from elinvar.baselines._icp import ICPRegressor
from elinvar.baselines._iga import IGARegressor
from elinvar.baselines._irmv1 import IRMv1Regressor
from elinvar.baselines._kclass import KClassRegressor
from elinvar.baselines._logistic import (
    InvariantLogisticRegressor,
    LogisticRegressor,
    TransferLogisticRegressor,
)
from elinvar.baselines._maximin import MaximinRegressor
from elinvar.baselines._neg_dro import NegDRORegressor
from elinvar.baselines._nonlinear_icp import NonlinearICPRegressor
from elinvar.baselines._oracle import OracleRegressor
from elinvar.baselines._penalised_network import CORALNetworkRegressor, IRMNetworkRegressor
from elinvar.baselines._pooled import PooledRegressor
from elinvar.baselines._random_intercept import RandomInterceptRegressor
from elinvar.baselines._registry import BASELINES, Baseline
from elinvar.baselines._ridge import RidgeRegressor
from elinvar.baselines._stabilised import StabilisedRegressor
from elinvar.baselines._vrex import VRExRegressor

__all__ = [
    "BASELINES",
    "ANDGradientRegressor",
    "ANDMaskRegressor",
    "AnchorBoostingRegressor",
    "AnchorRegressor",
    "Baseline",
    "BoostingRegressor",
    "CORALNetworkRegressor",
    "CausalDantzigRegressor",
    "CausalICPRegressor",
    "ConstantRegressor",
    "DRIGRegressor",
    "EILLSRegressor",
    "ElasticNetRegressor",
    "EraSplittingRegressor",
    "FAIRNetworkRegressor",
    "FAIRRegressor",
    "FishRegressor",
    "FishrRegressor",
    "FixedEffectsRegressor",
    "ForestRegressor",
    "GroupDROBoostingRegressor",
    "GroupDRORegressor",
    "ICPRegressor",
    "IGARegressor",
    "IRMNetworkRegressor",
    "IRMv1Regressor",
    "InvariantLogisticRegressor",
    "KClassRegressor",
    "LassoRegressor",
    "LogisticBoostingRegressor",
    "LogisticRegressor",
    "MaximinRegressor",
    "NegDRORegressor",
    "NonlinearICPRegressor",
    "OracleRegressor",
    "PooledRegressor",
    "RandomInterceptRegressor",
    "RidgeRegressor",
    "StabilisedRegressor",
    "TransferLogisticRegressor",
    "VRExRegressor",
]
