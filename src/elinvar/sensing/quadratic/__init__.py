"""The matrix problem on tables: an invariant quadratic form as a scikit-learn estimator."""

from elinvar.sensing.quadratic._regressor import QuadraticInvariantRegressor
from elinvar.sensing.quadratic._steps import QuadraticTrajectory

__all__ = ["QuadraticInvariantRegressor", "QuadraticTrajectory"]
