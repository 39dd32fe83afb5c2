"""Rows that stand for moments, where the rows themselves are gone."""

import numpy as np

from elinvar.forecast._sample import Floats

_MOST_ROWS = 400


def rows_of_moments(mean: Floats, cov: Floats, count: float, rng: np.random.Generator) -> Floats:
    r"""Return rows that have exactly these moments, and are otherwise as normal ones.

    .. math:: Z = 1 \bar z^\top + \sqrt{n}\, Q \Lambda^{1/2} U^\top, \qquad C = U \Lambda U^\top

    with Q an orthonormal basis of random directions that sum to 0. As least squares on some of
    the rows depends on moments alone, trying on them what labelled rows buy is trying it on the
    rows that the moments came from, but for their tails.

    Parameters
    ----------
    mean : (d,) array
    cov : (d, d) array
        Centred second moments, divisor the number of rows.
    count : float
        Rows that the moments are of; at most 400 are returned.
    rng : Generator
    """
    n = max(min(round(count), _MOST_ROWS), 2)
    scale = np.sqrt(np.maximum(np.diag(cov), 0.0))
    scale[scale == 0] = 1.0
    values, vectors = np.linalg.eigh(cov / np.outer(scale, scale))
    # n rows have n - 1 directions about their mean
    kept = np.flatnonzero(values > 1e-10 * values.max(initial=0.0))[-(n - 1) :]
    directions = rng.normal(size=(n, len(kept)))
    basis = np.linalg.qr(directions - directions.mean(axis=0))[0]
    standard = np.sqrt(n) * (basis * np.sqrt(values[kept])) @ vectors[:, kept].T
    return np.asarray(mean + standard * scale)
