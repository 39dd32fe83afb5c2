"""Risks of environments and their gradients, as functions of moments."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elinvar.baselines._regressor import Floats, Weights
from elinvar.estimators import resolve_environment_weights

if TYPE_CHECKING:
    from elinvar.environments import Environments, Moments


@dataclass(frozen=True, kw_only=True, eq=False)
class Risks:
    r"""Squared-error risk of a linear model in each environment.

    .. math:: R_e(w) = E_e (y - x^\top w)^2 = s_e - 2 c_e^\top w + w^\top S_e w

    Attributes
    ----------
    gram : (E, q, q) array
        :math:`S_e`; column 0 is the constant where the model has an intercept.
    cross : (E, q) array
        :math:`c_e`.
    square_y : (E,) array
        :math:`s_e`.
    weights : (E,) array
        Of environments, summing to one.
    count : (E,) array
        Rows of environments.
    center, scale : (p,) array
        What columns were shifted and divided by.
    center_y, scale_y : float
        What the target was shifted and divided by.
    intercept : bool
        Whether column 0 is the constant.
    """

    gram: Floats
    cross: Floats
    square_y: Floats
    weights: Floats
    count: Floats
    center: Floats
    scale: Floats
    center_y: float
    scale_y: float
    intercept: bool

    @classmethod
    def from_moments(
        cls,
        moments: "Moments",
        *,
        standardize: bool = True,
        environment_weights: Weights = "equal",
        intercept: bool = True,
    ) -> "Risks":
        """Take the moments about zero, or about the pooled mean in units of the pooled sd.

        Parameters
        ----------
        moments : Moments
        standardize : bool
            Shift and scale columns and target by their pooled means and sds; without intercept
            they are only scaled.
        environment_weights : {"equal", "size"}
            What environments count for.
        intercept : bool
            Put the constant in column 0.
        """
        p = moments.n_columns
        of_rows = moments.count / moments.count.sum()
        center, center_y = of_rows @ moments.mean_x, float(of_rows @ moments.mean_y)
        scale, scale_y = np.ones(p), 1.0
        if standardize:
            spread = moments.cov_xx.diagonal(axis1=1, axis2=2) + (moments.mean_x - center) ** 2
            scale = np.sqrt(of_rows @ spread)
            scale = np.where(scale > 1e-13 * np.abs(center), scale, 1.0)
            scale_y = float(np.sqrt(of_rows @ (moments.var_y + (moments.mean_y - center_y) ** 2)))
        if not (standardize and intercept):
            center, center_y = np.zeros(p), 0.0
        x = (moments.mean_x - center) / scale
        y = (moments.mean_y - center_y) / scale_y
        # S_e = Cov_e(x) + m_e m_e', c_e = Cov_e(x, y) + m_e E_e y: moments about zero from those
        # about each environment's mean m_e
        gram = moments.cov_xx / (scale[:, None] * scale) + x[:, :, None] * x[:, None, :]
        cross = moments.cov_xy / (scale * scale_y) + x * y[:, None]
        if intercept:
            gram = np.concatenate([x[:, :, None], gram], axis=2)
            first = np.concatenate([np.ones((len(x), 1)), x], axis=1)
            gram = np.concatenate([first[:, None, :], gram], axis=1)
            cross = np.concatenate([y[:, None], cross], axis=1)
        return cls(
            gram=gram,
            cross=cross,
            square_y=moments.var_y / scale_y**2 + y**2,
            weights=resolve_environment_weights(environment_weights, moments.names, moments.count),
            count=moments.count,
            center=center,
            scale=scale,
            center_y=center_y,
            scale_y=scale_y,
            intercept=intercept,
        )

    def risk(self, w: Floats) -> Floats:
        """Return the risk in every environment, (E,)."""
        risk: Floats = self.square_y + (self.gram @ w - 2 * self.cross) @ w
        return risk

    def gradient(self, w: Floats) -> Floats:
        """Return the gradient of every environment's risk, (E, q)."""
        gradient: Floats = 2 * (self.gram @ w - self.cross)
        return gradient

    def minimizer(self, weights: Floats | None = None) -> Floats:
        """Return the w that minimises the average risk; the smallest where there are many.

        Parameters
        ----------
        weights : (E,) array, optional
            Of environments, other than ``self.weights``.
        """
        weights = self.weights if weights is None else weights
        gram = np.tensordot(weights, self.gram, 1)
        return np.asarray(np.linalg.lstsq(gram, weights @ self.cross, rcond=None)[0])

    def design(self, rows: "Environments") -> tuple[Floats, Floats]:
        """Return columns (n, q) and target (n,) in the units of these moments.

        Parameters
        ----------
        rows : Environments
        """
        X = (rows.X - self.center) / self.scale
        if self.intercept:
            X = np.column_stack([np.ones(len(X)), X])
        return X, (rows.y - self.center_y) / self.scale_y

    def model(self, w: Floats) -> tuple[Floats, float]:
        """Return slopes and intercept in the units of the data.

        Parameters
        ----------
        w : (q,) array
        """
        first = w[0] if self.intercept else 0.0
        coef: Floats = w[int(self.intercept) :] * self.scale_y / self.scale
        return coef, float(self.center_y + self.scale_y * first - self.center @ coef)
