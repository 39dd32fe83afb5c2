"""The scikit-learn face: one estimator a file, and what estimators of others build on."""

from elinvar.estimators._adapted_model import AdaptedModel
from elinvar.estimators._environment_classifier import EnvironmentClassifier, check_classes
from elinvar.estimators._environment_estimator import EnvironmentEstimator, random_generator
from elinvar.estimators._environment_regressor import (
    EnvironmentRegressor,
    resolve_environment_weights,
)
from elinvar.estimators._facts import DataFacts
from elinvar.estimators._hetero_sgd_regressor import HeteroSGDRegressor
from elinvar.estimators._invariant_classifier import InvariantClassifier
from elinvar.estimators._invariant_graph import InvariantGraph
from elinvar.estimators._invariant_regressor import InvariantRegressor
from elinvar.estimators._model_file import describe_model, load_model, save_model
from elinvar.estimators._predict_files import predict_and_keep, predict_files
from elinvar.estimators._stochastic_regressor import StochasticRegressor
from elinvar.estimators._tidied import Tidied
from elinvar.estimators._transfer_classifier import TransferClassifier
from elinvar.estimators._transfer_regressor import TransferRegressor

__all__ = [
    "AdaptedModel",
    "DataFacts",
    "EnvironmentClassifier",
    "EnvironmentEstimator",
    "EnvironmentRegressor",
    "HeteroSGDRegressor",
    "InvariantClassifier",
    "InvariantGraph",
    "InvariantRegressor",
    "StochasticRegressor",
    "Tidied",
    "TransferClassifier",
    "TransferRegressor",
    "check_classes",
    "describe_model",
    "load_model",
    "predict_and_keep",
    "predict_files",
    "random_generator",
    "resolve_environment_weights",
    "save_model",
]
