"""Squared loss, on moments: what `SquaredLoss` is made of."""

from elinvar.inference.losses.squared._assess import assess
from elinvar.inference.losses.squared._lasso import lasso_model, lasso_without
from elinvar.inference.losses.squared._leave_out import (
    mean_errors,
    moment_error,
    pooled_errors,
    support_errors,
)
from elinvar.inference.losses.squared._model_tests import model_tests
from elinvar.inference.losses.squared._parts import parts
from elinvar.inference.losses.squared._path import (
    default_strengths,
    invariance_path,
    path_coefficients,
    pooled_solution,
)
from elinvar.inference.losses.squared._random_intercept import random_intercept
from elinvar.inference.losses.squared._refit import refit
from elinvar.inference.losses.squared._search import candidates, every_support, search
from elinvar.inference.losses.squared._subspace import invariant_subspace

__all__ = [
    "assess",
    "candidates",
    "default_strengths",
    "every_support",
    "invariance_path",
    "invariant_subspace",
    "lasso_model",
    "lasso_without",
    "mean_errors",
    "model_tests",
    "moment_error",
    "parts",
    "path_coefficients",
    "pooled_errors",
    "pooled_solution",
    "random_intercept",
    "refit",
    "search",
    "support_errors",
]
