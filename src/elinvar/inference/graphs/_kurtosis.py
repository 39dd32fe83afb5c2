"""The kurtosis of the noises of a graph, from rows."""

import numpy as np

from elinvar.environments import Environments
from elinvar.inference.graphs._costs import Floats


def noise_kurtosis(rows: Environments, coef: Floats) -> Floats:
    """Return the kurtosis (p,) of what coefficients [e, i, j] leave, each environment's in turn."""
    p = rows.X.shape[1]
    fourth, kept = np.zeros(p), np.zeros(p)
    for e in range(len(rows.names)):
        X = rows.X[rows.codes == e]
        X = X - X.mean(axis=0)
        left = X - X @ coef[e]
        spread = left.std(axis=0)
        moves = spread > 0
        fourth[moves] += ((left[:, moves] / spread[moves]) ** 4).sum(axis=0)
        kept[moves] += len(X)
    return fourth / kept
