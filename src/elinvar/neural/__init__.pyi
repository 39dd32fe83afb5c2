from elinvar.neural.auditing._audit import Audit as Audit
from elinvar.neural.auditing._audit import audit as audit
from elinvar.neural.batches._environment_sampler import (
    EnvironmentBatchSampler as EnvironmentBatchSampler,
)
from elinvar.neural.batches._packed_stream import PackedStream as PackedStream
from elinvar.neural.batches._pooled_sampler import PooledBatchSampler as PooledBatchSampler
from elinvar.neural.batches._stream import EnvironmentStream as EnvironmentStream
from elinvar.neural.batches._window_sampler import WindowBatchSampler as WindowBatchSampler
from elinvar.neural.features._alignment import (
    alignment as alignment,
)
from elinvar.neural.features._alignment import (
    input_gradients as input_gradients,
)
from elinvar.neural.features._fresh_batches import FreshBatches as FreshBatches
from elinvar.neural.mlp._classifier import InvariantMLPClassifier as InvariantMLPClassifier
from elinvar.neural.mlp._regressor import InvariantMLPRegressor as InvariantMLPRegressor
from elinvar.neural.networks._losses import centred_squared_loss as centred_squared_loss
from elinvar.neural.networks._two_layer import (
    QuadraticNetwork as QuadraticNetwork,
)
from elinvar.neural.networks._two_layer import (
    TwoLayerNetwork as TwoLayerNetwork,
)
from elinvar.neural.peers._dense import DenseModel as DenseModel
from elinvar.neural.peers._fair import FairSettings as FairSettings
from elinvar.neural.peers._fair import fair_gates as fair_gates
from elinvar.neural.peers._penalised import NetworkTraining as NetworkTraining
from elinvar.neural.peers._penalised import train_network as train_network
from elinvar.neural.rules._fish import Fish as Fish
from elinvar.neural.rules._fishr import Fishr as Fishr
from elinvar.neural.rules._group_dro import GroupDRO as GroupDRO
from elinvar.neural.rules._hetero_step import HeteroStep as HeteroStep
from elinvar.neural.rules._irmv1 import IRMv1 as IRMv1
from elinvar.neural.rules._learner import Learner as Learner
from elinvar.neural.rules._penalty import PenaltyRule as PenaltyRule
from elinvar.neural.rules._rule import StepRule as StepRule
from elinvar.neural.rules._vrex import VREx as VREx
from elinvar.neural.step_size._window import (
    StepWindow as StepWindow,
)
from elinvar.neural.step_size._window import (
    step_size_window as step_size_window,
)
from elinvar.neural.training._checkpoint import Checkpoint as Checkpoint
from elinvar.neural.training._fingerprint import fingerprint as fingerprint
from elinvar.neural.training._outcome import Training as Training
from elinvar.neural.training._trainer import HeteroTrainer as HeteroTrainer
