r"""Which kind of weight is meant: counts of rows, or shares of a population.

Whole numbers count rows (Stata's fweight). All others are sampling weights (pweight): surveys'
weights, inverse probabilities, weights that sum to 1. Of them only ratios mean anything, and in
each environment rows of weights :math:`w_i` tell as much of it as

.. math:: n_e = \frac{(\sum_i w_i)^2}{\sum_i w_i^2}

rows of equal weight, the variance of a weighted mean being :math:`\sigma^2 / n_e`.

References
----------
L. Kish, "Survey Sampling", Wiley 1965, section 11.2.
"""

import numpy as np
from numpy.typing import NDArray

from elinvar._base._numbers import count, figure
from elinvar._base._warn import warn
from elinvar.environments._checks import Floats

# a row that stands for more than so many others is rarely a count
_HEAVY = 100


def are_counts(weights: Floats) -> bool:
    """Whether weights are whole numbers, which count rows."""
    return bool((weights == np.rint(weights)).all())


def effective_rows(total: Floats, squares: Floats) -> Floats:
    """Return the rows of equal weight that weights are worth, from their sum and that of squares.

    Parameters
    ----------
    total, squares : (E,) arrays
    """
    # the ratio is taken first, so that weights of any size can be squared
    rows = total / (squares / total)
    whole = np.rint(rows)
    return np.where(np.abs(rows - whole) < 1e-9 * rows, whole, rows)


def scaled(weights: Floats, codes: NDArray[np.intp], n_environments: int) -> Floats:
    """Return counts as they are, sampling weights so that they sum to the effective rows.

    Parameters
    ----------
    weights : (n,) array
    codes : (n,) array of intp
        Environment of each row.
    n_environments : int
    """
    if are_counts(weights):
        return weights
    total = np.bincount(codes, weights, n_environments).astype(np.float64)
    squares = np.bincount(codes, weights**2, n_environments).astype(np.float64)
    share: Floats = effective_rows(total, squares) / total
    return weights * share[codes]


def warn_of_heavy_rows(total: float, squares: float) -> None:
    """Warn where whole numbers are so large that a survey's weights are likely.

    Parameters
    ----------
    total, squares : float
        Sum of all weights, and of their squares.
    """
    if squares > _HEAVY * total:
        warn(
            "The weights are whole numbers, so they count rows: these, of about "
            f"{figure(squares / total, 2)} each, count as {count(total)} rows. If they are a "
            "survey's weights, divide them by their mean: of weights that are not whole only the "
            "ratios count."
        )
