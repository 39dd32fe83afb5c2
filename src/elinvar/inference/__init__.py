"""The gated linear model: stochastic steps, mean-field path, selection and evidence, on moments."""

from elinvar.inference.diagnosis._diagnose import diagnose
from elinvar.inference.diagnosis._diagnosis import Diagnosis
from elinvar.inference.effects._effects import FEWEST
from elinvar.inference.effects._evidence import (
    EnvironmentEffect,
    Evidence,
    FeatureEvidence,
    Verdict,
    gather_evidence,
    standing,
)
from elinvar.inference.effects._evidence import Standing as Status
from elinvar.inference.effects._random_effects import RandomEffects, between_sd, random_effects
from elinvar.inference.effects._refit import Refit, agreement_p_value, refit
from elinvar.inference.losses._logistic_evidence import largest_contrast
from elinvar.inference.losses._logistic_problem import LogisticProblem, assess_gates
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.selection._advice import Advice
from elinvar.inference.selection._forecast import Forecast, forecast
from elinvar.inference.selection._lasso import lasso_model
from elinvar.inference.selection._learn import Learned, LearningTask, LinearModel, learn
from elinvar.inference.selection._leave_out import moment_error, pooled_errors, support_errors
from elinvar.inference.selection._left_out import LeftOut, LeftOutFit, left_out_errors
from elinvar.inference.selection._path import (
    InvariancePath,
    default_strengths,
    invariance_path,
    pooled_solution,
)
from elinvar.inference.selection._search import candidates, every_support, search
from elinvar.inference.selection._select import Selection, SelectionRule, criterion, select
from elinvar.inference.tests._laws import nothing_moved
from elinvar.inference.tests._model_tests import (
    EnvironmentResiduals,
    ModelTest,
    environment_residuals,
    model_tests,
)
from elinvar.inference.tests._odd_environment import OddEnvironment, odd_environment
from elinvar.inference.tests._overidentification import Assessment, assess, noncentrality_limit

__all__ = [
    "FEWEST",
    "Advice",
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
    "LogisticProblem",
    "ModelTest",
    "OddEnvironment",
    "RandomEffects",
    "Refit",
    "Selection",
    "SelectionRule",
    "Status",
    "Verdict",
    "agreement_p_value",
    "assess",
    "assess_gates",
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
    "largest_contrast",
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
