"""The gated linear model: stochastic steps, mean-field path, selection and evidence, on moments."""

from elinvar.gates._agreement import (
    EnvironmentResiduals,
    ModelTest,
    environment_residuals,
    model_tests,
)
from elinvar.gates._diagnose import diagnose
from elinvar.gates._diagnosis import Diagnosis
from elinvar.gates._effects import FEWEST
from elinvar.gates._evidence import (
    EnvironmentEffect,
    Evidence,
    FeatureEvidence,
    Standing,
    gather_evidence,
    standing,
)
from elinvar.gates._forecast import Forecast, forecast
from elinvar.gates._heterogeneity import nothing_moved
from elinvar.gates._lasso import lasso_model
from elinvar.gates._learn import Learned, LearningTask, LinearModel, learn
from elinvar.gates._leave_out import moment_error, pooled_errors, support_errors
from elinvar.gates._left_out import LeftOut, LeftOutFit, left_out_errors
from elinvar.gates._odd import OddEnvironment, odd_environment
from elinvar.gates._overidentification import Assessment, assess, noncentrality_limit
from elinvar.gates._path import (
    InvariancePath,
    default_strengths,
    invariance_path,
    pooled_solution,
)
from elinvar.gates._problem import LinearProblem
from elinvar.gates._random_effects import RandomEffects, between_sd, random_effects
from elinvar.gates._refit import Refit, agreement_p_value, refit
from elinvar.gates._search import candidates, every_support, search
from elinvar.gates._select import Selection, SelectionRule, criterion, select

__all__ = [
    "FEWEST",
    "Assessment",
    "Diagnosis",
    "EnvironmentEffect",
    "EnvironmentResiduals",
    "Evidence",
    "FeatureEvidence",
    "Forecast",
    "InvariancePath",
    "Learned",
    "LearningTask",
    "LeftOut",
    "LeftOutFit",
    "LinearModel",
    "LinearProblem",
    "ModelTest",
    "OddEnvironment",
    "RandomEffects",
    "Refit",
    "Selection",
    "SelectionRule",
    "Standing",
    "agreement_p_value",
    "assess",
    "between_sd",
    "candidates",
    "criterion",
    "default_strengths",
    "diagnose",
    "environment_residuals",
    "every_support",
    "forecast",
    "gather_evidence",
    "invariance_path",
    "lasso_model",
    "learn",
    "left_out_errors",
    "model_tests",
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
    "standing",
    "support_errors",
]
