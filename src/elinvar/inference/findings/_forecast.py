"""How far predictions may be off in a new environment: conformal over left-out environments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from elinvar.errors import DataError
from elinvar.inference.findings._left_out import LeftOut
from elinvar.inference.losses._records import Competitor
from elinvar.inference.problem._types import Floats

_HALVINGS = 50


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """How far predictions may be off in a new environment.

    Attributes
    ----------
    margin : float
        In a share ``coverage`` of new environments at least a share ``coverage`` of the rows lie
        within prediction +- margin, in units of the target; NaN if there are too few environments,
        and for classes.
    limit : float
        In a share ``coverage`` of new environments the mean loss (squared error or log loss) is at
        most this; NaN if there are too few environments.
    coverage : float
    n_environments : int
        Environments that were left out in turn.
    needed : int
        Fewest environments that allow a margin.
    reason : str
        Why there is no margin, in a sentence; empty if there is one.
    """

    margin: float
    limit: float
    coverage: float
    n_environments: int
    needed: int
    reason: str


def forecast(
    rows: Sequence[LeftOut], *, model: Competitor = "used", coverage: float = 0.9
) -> Forecast:
    r"""Find the margin that holds in most of the environments that were left out.

    Let :math:`h_e` hold a share ``coverage`` of the rows of environment e when it is left out
    (``half_widths``). The margin is the k-th smallest of them,
    :math:`k = \lceil (E + 1)\,\text{coverage} \rceil`, and exists if :math:`k \le E`. The limit
    is the k-th smallest of the mean losses there.

    Parameters
    ----------
    rows : sequence of LeftOut
    model : {"invariant", "pooled", "lasso", "used"}
    coverage : float in [0.5, 1)
        Share of environments, and share of rows in each of them.

    Returns
    -------
    Forecast

    Raises
    ------
    DataError
        If ``coverage`` is out of range.

    Notes
    -----
    If the model did not depend on the environments it is judged on, and these and the new one were
    exchangeable, the new :math:`h` would be at most the margin with probability at least
    ``coverage`` (split conformal prediction). Here each is judged by a model of the others, and
    the new one is predicted by a model of all. Such a jackknife has no guarantee for finite E. It
    comes close where leaving out one environment hardly changes the model; see docs/evidence.md for
    what simulations show.

    References
    ----------
    Vovk, Gammerman and Shafer (2005) for conformal prediction; Dunn, Wasserman and Ramdas (2022)
    for groups of rows; Duchi, Gupta, Jiang and Sur (2024) for shares of rows in shares of
    environments; Barber, Candes, Ramdas and Tibshirani (2021) for the jackknife.
    """
    if not 0.5 <= coverage < 1:
        raise DataError(f"coverage is {coverage}; it must be at least 0.5 and below 1.")
    n = len(rows)
    # a share such as 0.7 of 10 must not become 8 by rounding
    # k = ceil((E + 1) coverage): the new environment is one of E + 1 exchangeable ones
    rank = int(np.ceil((n + 1) * coverage - 1e-9))
    needed = int(np.ceil(coverage / (1 - coverage) - 1e-9))
    margin = limit = float("nan")
    if n >= needed:
        limit = sorted(row.errors[model] for row in rows)[rank - 1]
        if rows[0].wrong is None:
            fits = [fit for row in rows for fit in row.fits if fit.model == model]
            bias = np.array([fit.bias for fit in fits])
            spread = np.array([fit.residual_sd for fit in fits])
            margin = float(np.sort(half_widths(bias, spread, coverage))[rank - 1])
    return Forecast(
        margin=margin,
        limit=limit,
        coverage=coverage,
        n_environments=n,
        needed=needed,
        reason=_reason(n, needed, coverage),
    )


def half_widths(bias: Floats, spread: Floats, coverage: float = 0.9) -> Floats:
    r"""Half-widths about 0 that hold a share of normal variables.

    .. math:: \Phi\Bigl(\frac{h - b}{s}\Bigr) - \Phi\Bigl(\frac{-h - b}{s}\Bigr) = \text{coverage}

    Parameters
    ----------
    bias : array of shape (E,)
        Means b.
    spread : array of shape (E,)
        Standard deviations s >= 0.
    coverage : float in [0.5, 1)

    Returns
    -------
    array of shape (E,)

    Notes
    -----
    Where residuals are not normal, another share of rows than 90% lies within: 90% to 92% for
    Laplace and Student's t with 5 degrees of freedom, whatever the bias, 93% for exponential ones
    without bias (90% to 100% with it), 95% for uniform ones without bias and 87% at worst.
    """
    off = np.abs(bias)
    # one tail alone, or both alike: the truth is in between
    one, both = float(ndtri(coverage)), float(ndtri((1 + coverage) / 2))
    low, high = np.maximum(off + one * spread, both * spread), off + both * spread
    scale = np.maximum(spread, 1e-300)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        inside = ndtr((middle - off) / scale) - ndtr((-middle - off) / scale)
        low, high = (
            np.where(inside < coverage, middle, low),
            np.where(inside < coverage, high, middle),
        )
    return high


def _reason(n: int, needed: int, coverage: float) -> str:
    if n >= needed:
        return ""
    if n < 2:
        return f"It takes {needed} environments to leave out in turn; there is {max(n, 1)}."
    return (
        f"With {n} environments, leaving each out in turn says something about {n} in {n + 1} new "
        f"ones at most ({n / (n + 1):.0%}); for {coverage:.0%} of them it takes {needed}."
    )
