"""K-class estimators through the package ivmodels."""

from typing import Any, ClassVar, Literal

from sklearn.utils._param_validation import StrOptions

from elinvar.baselines._anchor import indicators, ivmodels
from elinvar.baselines._regressor import PeerRegressor
from elinvar.environments import Environments
from elinvar.errors import DataError


class KClassRegressor(PeerRegressor):
    r"""Instrumental variables, the environment being the instrument.

    .. math:: w = \bigl( X^\top (I - \kappa M_A) X \bigr)^{-1} X^\top (I - \kappa M_A) y, \qquad
        M_A = I - P_A

    with :math:`P_A` the projection on the indicators of environments, X and y centred.
    :math:`\kappa = 1`: two-stage least squares ("tsls"); "liml": the smallest generalised
    eigenvalue; "fuller": that less :math:`1 / (n - E)`. Below 1 it is anchor regression, which has
    its own entry. At least p + 1 environments are needed.

    Deviations: none; ``ivmodels.KClass``.

    Parameters
    ----------
    kappa : {"tsls", "liml", "fuller"}
        Which k-class estimator.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float

    References
    ----------
    W. A. Fuller, "Some properties of a modification of the limited information estimator",
    Econometrica 45 (1977). M. Londschien, https://github.com/mlondschien/ivmodels (BSD 3-Clause).
    """

    _fewest: ClassVar[int] = 2
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "kappa": [StrOptions({"tsls", "liml", "fuller"})],
    }

    def __init__(self, *, kappa: Literal["tsls", "liml", "fuller"] = "fuller") -> None:
        self.kappa = kappa

    def _learn(self, rows: Environments) -> None:
        E, p = rows.n_environments, rows.X.shape[1]
        if E <= p:
            raise DataError(
                f"Instrumental variables need an environment more than columns; got {E} "
                f"environments for {p} columns."
            )
        model = ivmodels().KClass(kappa=self.kappa).fit(rows.X, rows.y, Z=indicators(rows))
        self._take(model.coef_, model.intercept_)
