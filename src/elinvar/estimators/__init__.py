"""The scikit-learn face: one estimator a file, and what estimators of others build on."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "DataFacts",
    "EnvironmentClassifier",
    "EnvironmentEstimator",
    "EnvironmentRegressor",
    "HeteroSGDRegressor",
    "InvariantClassifier",
    "InvariantRegressor",
    "StochasticRegressor",
    "check_classes",
    "describe_model",
    "load_model",
    "predict_files",
    "random_generator",
    "resolve_environment_weights",
    "save_model",
]

_HOME = {
    "DataFacts": "elinvar.estimators._facts",
    "EnvironmentClassifier": "elinvar.estimators._environment_classifier",
    "EnvironmentEstimator": "elinvar.estimators._environment_estimator",
    "EnvironmentRegressor": "elinvar.estimators._environment_regressor",
    "HeteroSGDRegressor": "elinvar.estimators._hetero_sgd_regressor",
    "InvariantClassifier": "elinvar.estimators._invariant_classifier",
    "InvariantRegressor": "elinvar.estimators._invariant_regressor",
    "StochasticRegressor": "elinvar.estimators._stochastic_regressor",
    "check_classes": "elinvar.estimators._environment_classifier",
    "describe_model": "elinvar.estimators._model_file",
    "predict_files": "elinvar.estimators._predict_files",
    "load_model": "elinvar.estimators._model_file",
    "random_generator": "elinvar.estimators._environment_estimator",
    "resolve_environment_weights": "elinvar.estimators._environment_regressor",
    "save_model": "elinvar.estimators._model_file",
}

if TYPE_CHECKING:
    from elinvar.estimators._environment_classifier import EnvironmentClassifier, check_classes
    from elinvar.estimators._environment_estimator import EnvironmentEstimator, random_generator
    from elinvar.estimators._environment_regressor import (
        EnvironmentRegressor,
        resolve_environment_weights,
    )
    from elinvar.estimators._facts import DataFacts
    from elinvar.estimators._hetero_sgd_regressor import HeteroSGDRegressor
    from elinvar.estimators._invariant_classifier import InvariantClassifier
    from elinvar.estimators._invariant_regressor import InvariantRegressor
    from elinvar.estimators._model_file import describe_model, load_model, save_model
    from elinvar.estimators._predict_files import predict_files
    from elinvar.estimators._stochastic_regressor import StochasticRegressor


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'elinvar.estimators' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
