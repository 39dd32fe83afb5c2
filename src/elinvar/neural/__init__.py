"""The torch face: batches from one environment, training steps, penalties, small networks.

The names below are loaded when they are first used; without torch, that is when the error comes.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from elinvar._base import import_extra

__all__ = [
    "Audit",
    "Checkpoint",
    "EnvironmentBatchSampler",
    "EnvironmentStream",
    "FeatureRun",
    "Fish",
    "Fishr",
    "FreshBatches",
    "GroupDRO",
    "HeteroStep",
    "HeteroTrainer",
    "IRMv1",
    "InvariantMLPClassifier",
    "InvariantMLPRegressor",
    "Learner",
    "PenaltyRule",
    "PooledBatchSampler",
    "QuadraticNetwork",
    "StepRule",
    "StepWindow",
    "Training",
    "TwoLayerNetwork",
    "VREx",
    "WindowBatchSampler",
    "alignment",
    "audit",
    "centred_squared_loss",
    "fingerprint",
    "hetero_step",
    "input_gradients",
    "learn_features",
    "step_size_window",
]

_HOME = {
    "Audit": "_audit",
    "Checkpoint": "_checkpoint",
    "EnvironmentBatchSampler": "_sampler",
    "EnvironmentStream": "_stream",
    "FeatureRun": "_features",
    "Fish": "_fish",
    "Fishr": "_fishr",
    "FreshBatches": "_features",
    "GroupDRO": "_group_dro",
    "HeteroStep": "_rule",
    "HeteroTrainer": "_trainer",
    "IRMv1": "_irmv1",
    "InvariantMLPClassifier": "_mlp_classifier",
    "InvariantMLPRegressor": "_mlp_regressor",
    "Learner": "_learner",
    "PenaltyRule": "_penalty",
    "PooledBatchSampler": "_pooled",
    "QuadraticNetwork": "_networks",
    "StepRule": "_rule",
    "StepWindow": "_step_window",
    "Training": "_training",
    "TwoLayerNetwork": "_networks",
    "VREx": "_vrex",
    "WindowBatchSampler": "_windows",
    "alignment": "_alignment",
    "audit": "_audit",
    "centred_squared_loss": "_losses",
    "fingerprint": "_fingerprint",
    "hetero_step": "_rule",
    "input_gradients": "_alignment",
    "learn_features": "_features",
    "step_size_window": "_step_window",
}

if TYPE_CHECKING:
    from elinvar.neural._alignment import alignment, input_gradients
    from elinvar.neural._audit import Audit, audit
    from elinvar.neural._checkpoint import Checkpoint
    from elinvar.neural._features import FeatureRun, FreshBatches, learn_features
    from elinvar.neural._fingerprint import fingerprint
    from elinvar.neural._fish import Fish
    from elinvar.neural._fishr import Fishr
    from elinvar.neural._group_dro import GroupDRO
    from elinvar.neural._irmv1 import IRMv1
    from elinvar.neural._learner import Learner
    from elinvar.neural._losses import centred_squared_loss
    from elinvar.neural._mlp_classifier import InvariantMLPClassifier
    from elinvar.neural._mlp_regressor import InvariantMLPRegressor
    from elinvar.neural._networks import QuadraticNetwork, TwoLayerNetwork
    from elinvar.neural._penalty import PenaltyRule
    from elinvar.neural._pooled import PooledBatchSampler
    from elinvar.neural._rule import HeteroStep, StepRule, hetero_step
    from elinvar.neural._sampler import EnvironmentBatchSampler
    from elinvar.neural._step_window import StepWindow, step_size_window
    from elinvar.neural._stream import EnvironmentStream
    from elinvar.neural._trainer import HeteroTrainer
    from elinvar.neural._training import Training
    from elinvar.neural._vrex import VREx
    from elinvar.neural._windows import WindowBatchSampler


def __getattr__(name: str) -> Any:
    if name in _HOME:
        import_extra("torch", "torch")
        return getattr(import_module(f"elinvar.neural.{_HOME[name]}"), name)
    raise AttributeError(f"module 'elinvar.neural' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
