"""Anchor regression through the package ivmodels."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from elinvar._base import import_extra
from elinvar.baselines._regressor import Floats, PeerRegressor
from elinvar.environments import Environments


class AnchorRegressor(PeerRegressor):
    r"""Anchor regression, the environment being the anchor.

    .. math:: \min_w \lVert (I - P_A)(y - X w) \rVert^2 + \gamma \lVert P_A (y - X w) \rVert^2

    with :math:`P_A` the projection on the indicators of environments and X, y centred, so that
    :math:`P_A` averages within environments: it penalises differences between the environments'
    mean residuals, and sees no other. :math:`\gamma = 1` is pooled least squares.

    Deviations: none; ``ivmodels.AnchorRegression`` with indicators of all environments but one.

    Parameters
    ----------
    gamma : float, above 0
        :math:`\gamma`.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float

    References
    ----------
    D. Rothenhäusler, N. Meinshausen, P. Bühlmann, J. Peters, "Anchor regression: heterogeneous data
    meet causality", JRSS B 83 (2021), arXiv:1801.06229. M. Londschien,
    https://github.com/mlondschien/ivmodels (BSD 3-Clause).
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "gamma": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, *, gamma: float = 5.0) -> None:
        self.gamma = gamma

    def _learn(self, rows: Environments) -> None:
        model = ivmodels().AnchorRegression(gamma=float(self.gamma))
        model.fit(rows.X, rows.y, Z=indicators(rows))
        self._take(model.coef_, model.intercept_)


def ivmodels() -> Any:
    """Return the models of the package ivmodels."""
    import_extra("ivmodels", "bench")
    return import_extra("ivmodels.models", "bench")


def indicators(rows: Environments) -> Floats:
    """Return (n, E - 1) indicators of every environment but the first."""
    return np.asarray(rows.codes[:, None] == np.arange(1, rows.n_environments), dtype=np.float64)
