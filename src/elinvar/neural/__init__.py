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
    "Audit": "auditing._audit",
    "Checkpoint": "training._checkpoint",
    "EnvironmentBatchSampler": "batches._environment_sampler",
    "EnvironmentStream": "batches._stream",
    "FeatureRun": "features._learning",
    "Fish": "rules._fish",
    "Fishr": "rules._fishr",
    "FreshBatches": "features._fresh_batches",
    "GroupDRO": "rules._group_dro",
    "HeteroStep": "rules._hetero_step",
    "HeteroTrainer": "training._trainer",
    "IRMv1": "rules._irmv1",
    "InvariantMLPClassifier": "mlp._classifier",
    "InvariantMLPRegressor": "mlp._regressor",
    "Learner": "rules._learner",
    "PenaltyRule": "rules._penalty",
    "PooledBatchSampler": "batches._pooled_sampler",
    "QuadraticNetwork": "networks._two_layer",
    "StepRule": "rules._rule",
    "StepWindow": "step_size._window",
    "Training": "training._outcome",
    "TwoLayerNetwork": "networks._two_layer",
    "VREx": "rules._vrex",
    "WindowBatchSampler": "batches._window_sampler",
    "alignment": "features._alignment",
    "audit": "auditing._audit",
    "centred_squared_loss": "networks._losses",
    "fingerprint": "training._fingerprint",
    "hetero_step": "rules._hetero_step",
    "input_gradients": "features._alignment",
    "learn_features": "features._learning",
    "step_size_window": "step_size._window",
}

if TYPE_CHECKING:
    from elinvar.neural.auditing._audit import Audit, audit
    from elinvar.neural.batches._environment_sampler import EnvironmentBatchSampler
    from elinvar.neural.batches._pooled_sampler import PooledBatchSampler
    from elinvar.neural.batches._stream import EnvironmentStream
    from elinvar.neural.batches._window_sampler import WindowBatchSampler
    from elinvar.neural.features._alignment import alignment, input_gradients
    from elinvar.neural.features._fresh_batches import FreshBatches
    from elinvar.neural.features._learning import FeatureRun, learn_features
    from elinvar.neural.mlp._classifier import InvariantMLPClassifier
    from elinvar.neural.mlp._regressor import InvariantMLPRegressor
    from elinvar.neural.networks._losses import centred_squared_loss
    from elinvar.neural.networks._two_layer import QuadraticNetwork, TwoLayerNetwork
    from elinvar.neural.rules._fish import Fish
    from elinvar.neural.rules._fishr import Fishr
    from elinvar.neural.rules._group_dro import GroupDRO
    from elinvar.neural.rules._hetero_step import HeteroStep, hetero_step
    from elinvar.neural.rules._irmv1 import IRMv1
    from elinvar.neural.rules._learner import Learner
    from elinvar.neural.rules._penalty import PenaltyRule
    from elinvar.neural.rules._rule import StepRule
    from elinvar.neural.rules._vrex import VREx
    from elinvar.neural.step_size._window import StepWindow, step_size_window
    from elinvar.neural.training._checkpoint import Checkpoint
    from elinvar.neural.training._fingerprint import fingerprint
    from elinvar.neural.training._outcome import Training
    from elinvar.neural.training._trainer import HeteroTrainer


def __getattr__(name: str) -> Any:
    if name in _HOME:
        import_extra("torch", "torch")
        return getattr(import_module(f"elinvar.neural.{_HOME[name]}"), name)
    raise AttributeError(f"module 'elinvar.neural' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
