"""elinvar: learn what stays true when the environment changes.

The names below are loaded when they are first used, so that ``import elinvar`` stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from elinvar._base._version import __version__

__all__ = [
    "Environments",
    "HeteroSGDRegressor",
    "InvariantClassifier",
    "InvariantRegressor",
    "Moments",
    "QuadraticInvariantRegressor",
    "__version__",
    "datasets",
    "diagnose",
    "load_model",
    "save_model",
]

_HOME = {
    "Environments": "elinvar.environments",
    "Moments": "elinvar.environments",
    "InvariantClassifier": "elinvar.estimators",
    "InvariantRegressor": "elinvar.estimators",
    "HeteroSGDRegressor": "elinvar.estimators",
    "QuadraticInvariantRegressor": "elinvar.sensing.quadratic",
    "diagnose": "elinvar.inference",
    "save_model": "elinvar.estimators",
    "load_model": "elinvar.estimators",
}

if TYPE_CHECKING:
    from elinvar import datasets
    from elinvar.environments import Environments, Moments
    from elinvar.estimators import (
        HeteroSGDRegressor,
        InvariantClassifier,
        InvariantRegressor,
        load_model,
        save_model,
    )
    from elinvar.inference import diagnose
    from elinvar.sensing.quadratic import QuadraticInvariantRegressor


def __getattr__(name: str) -> Any:
    if name == "datasets":
        return import_module("elinvar.datasets")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'elinvar' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
