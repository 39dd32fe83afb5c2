"""What nobody has in practice: a model of the true support."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from elinvar.baselines._regressor import Floats, Mask, PeerRegressor, least_squares
from elinvar.environments import Environments
from elinvar.errors import DataError


class OracleRegressor(PeerRegressor):
    r"""Pooled least squares on the true support, or boosted trees where effects are curved.

    .. math:: \min_{b, w :\, \operatorname{supp} w \subseteq S^*} \sum_i (y_i - b - x_i^\top w)^2

    Parameters
    ----------
    support : boolean array-like of shape (n_columns,)
        :math:`S^*`. It must be given.
    rotation : array-like of shape (n_columns, n_columns), optional
        Orthogonal matrix that mixed the columns, ``X = columns @ rotation``: the support is that of
        the columns before.
    curved : bool
        Whether effects are curved: LightGBM with its defaults on the columns of the support.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_columns,), float
        Where effects are linear.
    selected_ : boolean ndarray of shape (n_columns,), or None
        The support; None if columns were mixed.
    """

    _learned_name: ClassVar[str] = "intercept_"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "support": [None, "array-like"],
        "rotation": [None, "array-like"],
        "curved": ["boolean"],
    }

    def __init__(
        self,
        *,
        support: ArrayLike | None = None,
        rotation: ArrayLike | None = None,
        curved: bool = False,
    ) -> None:
        self.support = support
        self.rotation = rotation
        self.curved = curved

    def _learn(self, rows: Environments) -> None:
        p = rows.X.shape[1]
        support = np.asarray([] if self.support is None else self.support)
        if support.shape != (p,) or support.dtype != bool:
            raise DataError(
                f"The oracle needs the true support: {p} truth values, one for each column; got "
                f"{'nothing' if self.support is None else f'shape {support.shape}'}."
            )
        if self.curved:
            self._boost(rows, support)
            return
        if self.rotation is None:
            self._take_selection(rows, support)
            return
        rotation = np.asarray(self.rotation, dtype=np.float64)
        if rotation.shape != (p, p):
            raise DataError(f"rotation has shape {rotation.shape}, but {p} columns need {(p, p)}.")
        coef, intercept = least_squares(rows.X @ rotation.T[:, support], rows.y)
        self._take(coef @ rotation[support], intercept)

    def _boost(self, rows: Environments, support: Mask) -> None:
        from lightgbm import LGBMRegressor

        self.intercept_, self.selected_ = 0.0, support
        booster = LGBMRegressor(n_jobs=1, verbose=-1, deterministic=True, force_row_wise=True)
        self.booster_ = booster.fit(rows.X[:, support], rows.y)

    def _without_intercept(self, encoded: Floats) -> Floats:
        if not self.curved:
            return super()._without_intercept(encoded)
        return np.asarray(self.booster_.booster_.predict(encoded[:, self.selected_]))
