"""What holds in all environments: one engine of tests, selection and evidence, for two losses."""

from elinvar.inference.diagnosis._diagnose import diagnose
from elinvar.inference.diagnosis._diagnosis import Diagnosis
from elinvar.inference.effects._effects import FEWEST, feature_effects, largest_contrast
from elinvar.inference.effects._evidence import (
    EnvironmentEffect,
    Evidence,
    FeatureEvidence,
    Status,
    Verdict,
    gather_evidence,
    status_of,
)
from elinvar.inference.effects._random_effects import RandomEffects, between_sd, random_effects
from elinvar.inference.findings._findings import Findings, LearningTask, learn
from elinvar.inference.findings._forecast import Forecast, forecast
from elinvar.inference.findings._left_out import LeftOut, left_out_errors
from elinvar.inference.findings._odd_environment import OddEnvironment, odd_environment
from elinvar.inference.losses._loss import Loss
from elinvar.inference.losses._records import (
    Assessment,
    EnvironmentResiduals,
    LeftOutFit,
    LinearModel,
    LogisticModel,
    ModelTest,
    Refit,
    softmax,
)
from elinvar.inference.losses.logistic._loss import LogisticLoss
from elinvar.inference.losses.squared._assess import assess
from elinvar.inference.losses.squared._lasso import lasso_model
from elinvar.inference.losses.squared._leave_out import moment_error, pooled_errors, support_errors
from elinvar.inference.losses.squared._loss import SquaredLoss
from elinvar.inference.losses.squared._path import (
    InvariancePath,
    default_strengths,
    invariance_path,
    pooled_solution,
)
from elinvar.inference.losses.squared._refit import refit
from elinvar.inference.losses.squared._search import candidates, every_support, search
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.selection._advice import Advice
from elinvar.inference.selection._select import Selection, SelectionRule, select
from elinvar.inference.tests._laws import nothing_moved
from elinvar.inference.tests._overidentification import agreement_p_value, noncentrality_limit

__all__ = [
    "FEWEST",
    "Advice",
    "Assessment",
    "Diagnosis",
    "EnvironmentEffect",
    "EnvironmentResiduals",
    "Evidence",
    "FeatureEvidence",
    "Findings",
    "Forecast",
    "InvariancePath",
    "LearningTask",
    "LeftOut",
    "LeftOutFit",
    "LinearModel",
    "LinearProblem",
    "LogisticLoss",
    "LogisticModel",
    "Loss",
    "ModelTest",
    "OddEnvironment",
    "RandomEffects",
    "Refit",
    "Selection",
    "SelectionRule",
    "SquaredLoss",
    "Status",
    "Verdict",
    "agreement_p_value",
    "assess",
    "between_sd",
    "candidates",
    "default_strengths",
    "diagnose",
    "every_support",
    "feature_effects",
    "forecast",
    "gather_evidence",
    "invariance_path",
    "largest_contrast",
    "lasso_model",
    "learn",
    "left_out_errors",
    "moment_error",
    "noncentrality_limit",
    "nothing_moved",
    "odd_environment",
    "pooled_errors",
    "pooled_solution",
    "random_effects",
    "refit",
    "search",
    "select",
    "softmax",
    "status_of",
    "support_errors",
]
