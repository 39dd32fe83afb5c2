"""What holds in all environments: one engine of tests, selection and evidence, for two losses."""

from elinvar.inference.diagnosis._diagnose import diagnose
from elinvar.inference.diagnosis._diagnosis import DIAGNOSIS_WORDS, Diagnosis
from elinvar.inference.diagnosis._row_hints import row_hints
from elinvar.inference.effects._effects import feature_effects, largest_contrast
from elinvar.inference.effects._evidence import gather_evidence, smallest_effects
from elinvar.inference.effects._statements import (
    EnvironmentEffect,
    Evidence,
    FeatureEvidence,
    ModelName,
    Status,
    Verdict,
    status_of,
)
from elinvar.inference.findings._break_even import BreakEven, RiskLine
from elinvar.inference.findings._findings import Findings, learn
from elinvar.inference.findings._forecast import Forecast, forecast
from elinvar.inference.findings._left_out import LeftOut
from elinvar.inference.findings._odd_environment import OddEnvironment, odd_environment
from elinvar.inference.findings._task import LearningTask
from elinvar.inference.graphs._costs import GraphMoments
from elinvar.inference.graphs._kurtosis import noise_kurtosis
from elinvar.inference.graphs._learn import MOST_VARIABLES, Edge, Graph, GraphTask, learn_graph
from elinvar.inference.losses._loss import Loss
from elinvar.inference.losses._records import (
    EnvironmentResiduals,
    LeftOutFit,
    LinearModel,
    LogisticModel,
    ModelTest,
    Predictor,
    softmax,
)
from elinvar.inference.losses.logistic._loss import LogisticLoss
from elinvar.inference.losses.squared._assess import assess
from elinvar.inference.losses.squared._leave_out import moment_error
from elinvar.inference.losses.squared._loss import SquaredLoss
from elinvar.inference.losses.squared._path import InvariancePath
from elinvar.inference.problem._affordable import FEWEST
from elinvar.inference.problem._folds import MOST_FOLDS
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.selection._predictor import Choice
from elinvar.inference.selection._select import Selection, SelectionRule, select
from elinvar.inference.tests._overidentification import noncentrality_limit

__all__ = [
    "DIAGNOSIS_WORDS",
    "FEWEST",
    "MOST_FOLDS",
    "MOST_VARIABLES",
    "BreakEven",
    "Choice",
    "Diagnosis",
    "Edge",
    "EnvironmentEffect",
    "EnvironmentResiduals",
    "Evidence",
    "FeatureEvidence",
    "Findings",
    "Forecast",
    "Graph",
    "GraphMoments",
    "GraphTask",
    "InvariancePath",
    "LearningTask",
    "LeftOut",
    "LeftOutFit",
    "LinearModel",
    "LinearProblem",
    "LogisticLoss",
    "LogisticModel",
    "Loss",
    "ModelName",
    "ModelTest",
    "OddEnvironment",
    "Predictor",
    "RiskLine",
    "Selection",
    "SelectionRule",
    "SquaredLoss",
    "Status",
    "Verdict",
    "assess",
    "diagnose",
    "feature_effects",
    "forecast",
    "gather_evidence",
    "largest_contrast",
    "learn",
    "learn_graph",
    "moment_error",
    "noise_kurtosis",
    "noncentrality_limit",
    "odd_environment",
    "row_hints",
    "select",
    "smallest_effects",
    "softmax",
    "status_of",
]
