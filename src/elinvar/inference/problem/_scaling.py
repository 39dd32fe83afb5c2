"""The centre and unit of every column, so that one step size fits all of them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from elinvar.environments import Moments
from elinvar.errors import DataError
from elinvar.inference.problem._types import Floats

# A standard deviation below this, whose square may underflow, counts as 0.
_TINY = 1e-100


@dataclass(frozen=True, kw_only=True)
class GateScaling:
    """The centre and the unit of every column: the gates see (x - centre) / unit.

    With a shared intercept all environments have the pooled centre, where the best shared
    intercept is 0 whatever the coefficients: the intercept is profiled out and has no gate. With
    an intercept each, every environment is centred on its own means.

    Parameters
    ----------
    names : tuple of str
        The environments.
    weights : ndarray of shape (E,)
        Probability of each environment.
    x_centre : ndarray of shape (E, p)
        Centre of the columns.
    y_centre : ndarray of shape (E,)
        Centre of the target.
    x_inverse : ndarray of shape (p,)
        One over the unit of each column; 0 for columns that take no part (constant, or the
        reference level of a category), whose coefficient stays exactly 0.
    y_scale : float
        Unit of the target.
    """

    names: tuple[str, ...]
    weights: Floats
    x_centre: Floats
    y_centre: Floats
    x_inverse: Floats
    y_scale: float

    def to_units(self, coef: Floats) -> Floats:
        """Return scaled coefficients (..., p) in units of the target per unit of the column."""
        return coef * (self.y_scale * self.x_inverse)

    def gates_to_units(self, gates: Floats) -> Floats:
        """Return scaled gates (2, p) such that u * u - v * v is in those units."""
        return gates * np.sqrt(self.y_scale * self.x_inverse)

    def gates_from_units(self, gates: Floats, init_scale: float) -> Floats:
        """Undo `gates_to_units`; gates of 0, which could never open, start at ``init_scale``."""
        unit = np.sqrt(self.y_scale * self.x_inverse)
        return np.where(gates != 0, gates / np.where(unit > 0, unit, 1.0), init_scale)


@dataclass(frozen=True, kw_only=True)
class ScaledMoments:
    """Second moments about a `GateScaling`'s centre, in its units.

    Parameters
    ----------
    gram : ndarray of shape (E, p, p)
        :math:`S_e`.
    cross : ndarray of shape (E, p)
        :math:`c_e`.
    power : ndarray of shape (E,)
        Second moment of the target.
    """

    gram: Floats
    cross: Floats
    power: Floats

    def pooled(self, weights: Floats) -> "ScaledMoments":
        """Return the mixture of the environments as a single one."""
        return ScaledMoments(
            gram=np.tensordot(weights, self.gram, 1)[None],
            cross=(weights @ self.cross)[None],
            power=np.atleast_1d(weights @ self.power),
        )

    def extrapolated(self, pooled: "ScaledMoments", gain: float) -> "ScaledMoments":
        r"""Return :math:`\bar S + \kappa (S_e - \bar S)`, and so on: the gain as environments."""
        if gain == 1.0:
            return self
        return ScaledMoments(
            gram=pooled.gram + gain * (self.gram - pooled.gram),
            cross=pooled.cross + gain * (self.cross - pooled.cross),
            power=pooled.power + gain * (self.power - pooled.power),
        )


def scaling_of(
    moments: Moments,
    weights: Floats,
    *,
    intercept: Literal["shared", "environment"] = "shared",
    standardize: bool = True,
) -> GateScaling:
    """Return the centre and units of ``moments``, environment e counting for ``weights[e]``.

    Raises
    ------
    DataError
        If squares overflow.
    """
    n_environments = len(moments.names)
    pooled_x, pooled_y = weights @ moments.mean_x, weights @ moments.mean_y
    if intercept == "environment":
        x_centre, y_centre = moments.mean_x.copy(), moments.mean_y.copy()
    else:
        x_centre = np.tile(pooled_x, (n_environments, 1))
        y_centre = np.full(n_environments, pooled_y)
    with np.errstate(over="ignore", invalid="ignore"):
        variance = np.einsum("ejj->ej", moments.cov_xx) + (moments.mean_x - x_centre) ** 2
        x_sd = np.sqrt(np.maximum(weights @ variance, 0.0))
        y_sd = float(np.sqrt(weights @ (moments.var_y + (moments.mean_y - y_centre) ** 2)))
    check_overflow(x_sd, y_sd)
    magnitude = np.max(np.abs(moments.mean_x), axis=0)
    active = (x_sd > np.maximum(1e-12 * magnitude, _TINY)) & ~moments.schema.reference
    unit = np.where(active, x_sd if standardize else 1.0, 1.0)
    return GateScaling(
        names=moments.names,
        weights=weights,
        x_centre=x_centre,
        y_centre=y_centre,
        x_inverse=np.where(active, 1.0 / unit, 0.0),
        y_scale=y_sd if standardize and y_sd > _TINY else 1.0,
    )


def scale_moments(moments: Moments, scaling: GateScaling) -> ScaledMoments:
    """Return ``moments`` about the centre and in the units of ``scaling``.

    Raises
    ------
    DataError
        If squares overflow.
    """
    place = [scaling.names.index(name) for name in moments.names]
    x_unit, y_unit = scaling.x_inverse, 1.0 / scaling.y_scale
    with np.errstate(over="ignore", invalid="ignore"):
        x_shift = (moments.mean_x - scaling.x_centre[place]) * x_unit
        y_shift = (moments.mean_y - scaling.y_centre[place]) * y_unit
        scaled = ScaledMoments(
            gram=moments.cov_xx * x_unit[:, None] * x_unit
            + x_shift[:, :, None] * x_shift[:, None, :],
            cross=moments.cov_xy * x_unit * y_unit + x_shift * y_shift[:, None],
            power=moments.var_y * y_unit**2 + y_shift**2,
        )
    check_overflow(scaled.gram, scaled.cross, scaled.power)
    return scaled


def check_overflow(*values: Floats | float) -> None:
    """Refuse what has become infinite or NaN."""
    if not all(np.all(np.isfinite(value)) for value in values):
        raise DataError(
            "The values are so large, or differ so much in size, that their squares overflow: "
            "rescale the columns."
        )
