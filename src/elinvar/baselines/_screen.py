"""Which columns come first along the lasso path: for methods that try all subsets."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import lasso_path

from elinvar.environments import Environments


def screen(rows: Environments, most: int) -> NDArray[np.intp]:
    """Return at most ``most`` columns that vary: all, or those that enter the lasso path first.

    Parameters
    ----------
    rows : Environments
    most : int
        The most columns to return.
    """
    # constant columns and the reference levels of categories make every set with them singular
    usable = np.flatnonzero((np.ptp(rows.X, axis=0) > 0) & ~np.asarray(rows.schema.reference))
    p = usable.size
    if p <= most:
        return usable
    X = rows.X[:, usable] - rows.X[:, usable].mean(axis=0)
    X /= X.std(axis=0)
    _, path, _ = lasso_path(X, rows.y - rows.y.mean(), eps=1e-2)
    active = path != 0
    entry = np.where(active.any(axis=1), active.argmax(axis=1), path.shape[1])
    # columns that enter between the same two penalties: the larger effect first
    size = np.abs(path[np.arange(p), np.minimum(entry, path.shape[1] - 1)])
    return np.sort(usable[np.lexsort((-size, entry))[:most]])
