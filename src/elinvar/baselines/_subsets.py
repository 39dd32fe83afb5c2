"""All subsets of columns, and the best of them: for methods that search them exactly."""

from collections.abc import Callable, Iterator
from itertools import combinations, islice

import numpy as np
from numpy.typing import NDArray

from elinvar.baselines._regressor import Floats
from elinvar.errors import DataError

MOST_FEATURES = 16
_BATCH = 2048

Positions = NDArray[np.intp]


def all_supports(p: int, intercept: bool, method: str) -> Iterator[Positions]:
    """Yield all subsets of p columns, those of one size together, in batches.

    Parameters
    ----------
    p : int
        Columns, the constant not counted.
    intercept : bool
        Put column 0, the constant, into all of them, before the p others.
    method : str
        What asks, for the message.

    Yields
    ------
    (m, k) array of positions

    Raises
    ------
    DataError
        If there are more than 16 columns.
    """
    if p > MOST_FEATURES:
        raise DataError(
            f"{method} tries all 2^p supports and so takes at most {MOST_FEATURES} columns; got "
            f"{p}: choose among them first."
        )
    for size in range(p + 1):
        every = combinations(range(int(intercept), p + int(intercept)), size)
        while batch := list(islice(every, _BATCH)):
            chosen = np.array(batch, dtype=np.intp).reshape(len(batch), size)
            yield np.insert(chosen, 0, 0, axis=1) if intercept else chosen


def best_support(
    supports: Iterator[Positions],
    evaluate: Callable[[Positions], tuple[Floats, Floats]],
    q: int,
) -> Floats:
    """Return the coefficients (q,) of the support with the smallest objective; the first of equals.

    Parameters
    ----------
    supports : iterator of (m, k) arrays
    evaluate : callable
        Takes (m, k) positions; returns objectives (m,) and coefficients (m, k).
    q : int
        Length of the answer.
    """
    best, w = np.inf, np.zeros(q)
    for batch in supports:
        values, found = evaluate(batch)
        at = int(np.argmin(values))
        if values[at] < best:
            best, w = float(values[at]), np.zeros(q)
            w[batch[at]] = found[at]
    return w


def solve_all(gram: Floats, cross: Floats) -> Floats:
    """Return the solutions (m, k) of m linear systems; the smallest ones where one is singular.

    Parameters
    ----------
    gram : (m, k, k) array
        Symmetric, nonnegative.
    cross : (m, k) array
    """
    try:
        w = np.linalg.solve(gram, cross[..., None])[..., 0]
    except np.linalg.LinAlgError:
        w = (np.linalg.pinv(gram, hermitian=True) @ cross[..., None])[..., 0]
    return np.asarray(w)
