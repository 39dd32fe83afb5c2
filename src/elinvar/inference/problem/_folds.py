"""Which environments are left out together."""

import numpy as np

from elinvar.inference.problem._types import Floats, Places

MOST_FOLDS = 20
"""With more environments than this several are left out together."""

FEW_FOLDS = 5
"""Folds of the others, where the choice of what predicts is repeated without one."""

FEWEST_FOLDS = 3
"""The same, where one fold holds several environments."""


def what_is_left_out(count: Floats, n_folds: int) -> str:
    """Name the parts of work that leaves environments out, fold by fold."""
    return "left-out environments" if len(count) == n_folds else "left-out groups of environments"


def folds_of(count: Floats, most: int = MOST_FOLDS) -> list[Places]:
    """Fold environments into at most ``most`` groups of about as many rows.

    The largest go first, each into the group with the fewest rows so far; of equal ones the first
    in the table.

    Parameters
    ----------
    count : array of shape (E,)
        Rows of each environment.
    most : int

    Returns
    -------
    list of integer arrays
        Environments of each fold; one each, in their order, if there are at most ``most``.
    """
    if len(count) <= most:
        return [np.array([e]) for e in range(len(count))]
    rows, inside = np.zeros(most), np.empty(len(count), dtype=np.intp)
    for e in np.argsort(-count, kind="stable"):
        # equal loads take turns, so that folds have as many environments, too
        inside[e] = int(np.argmin(rows))
        rows[inside[e]] += count[e]
    return [np.flatnonzero(inside == fold) for fold in range(most)]
