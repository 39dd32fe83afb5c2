"""The scikit-learn face: one estimator a file."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "HeteroSGDRegressor",
    "InvariantClassifier",
    "InvariantRegressor",
    "QuadraticInvariantRegressor",
    "load_model",
    "save_model",
]

_HOME = {
    "HeteroSGDRegressor": "elinvar.estimators._hetero_sgd_regressor",
    "InvariantClassifier": "elinvar.estimators._invariant_classifier",
    "InvariantRegressor": "elinvar.estimators._invariant_regressor",
    "QuadraticInvariantRegressor": "elinvar.estimators._quadratic_invariant_regressor",
    "load_model": "elinvar.estimators._model_file",
    "save_model": "elinvar.estimators._model_file",
}

if TYPE_CHECKING:
    from elinvar.estimators._hetero_sgd_regressor import HeteroSGDRegressor
    from elinvar.estimators._invariant_classifier import InvariantClassifier
    from elinvar.estimators._invariant_regressor import InvariantRegressor
    from elinvar.estimators._model_file import load_model, save_model
    from elinvar.estimators._quadratic_invariant_regressor import QuadraticInvariantRegressor


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'elinvar.estimators' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
