"""Finite data sets of measurements, which every step uses again."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinvar._base._check import as_numbers
from elinvar.errors import DataError
from elinvar.sensing._arrays import Floats
from elinvar.sensing._measurements import MeasurementLaw, pieces


@dataclass(frozen=True, kw_only=True, eq=False)
class Data:
    """A finite data set, sorted by environment.

    Parameters
    ----------
    X : ndarray of shape (n, d, d), (n, d1, d2) or (n, d)
        Measurements; vectors x of rank-one ones.
    y : ndarray of shape (n,)
        Labels.
    offsets : ndarray of shape (E + 1,)
        Rows ``offsets[e]:offsets[e + 1]`` belong to environment e.
    names : tuple of str
        The environments.
    """

    X: Floats
    y: Floats
    offsets: NDArray[np.intp]
    names: tuple[str, ...]

    @property
    def weights(self) -> Floats:
        """Share of the rows, (E,)."""
        shares: Floats = np.diff(self.offsets) / len(self.y)
        return shares


def read_data(X: ArrayLike, y: ArrayLike, environments: ArrayLike | None) -> Data:
    """Return a user's arrays as data.

    Raises
    ------
    DataError
        If shapes do not agree, a value is not finite, or a label is missing.
    """
    # own measurements alone have labels; generated problems are to load quickly
    from elinvar.environments import labels_of_rows, natural_order

    X, y = as_numbers("X", X), as_numbers("y", y)
    if X.size == 0 or X.ndim not in (2, 3):
        raise DataError(
            f"X has the shape {X.shape}; needed are matrices (n, d1, d2) or vectors (n, d), n and "
            "d at least 1."
        )
    if y.shape != (len(X),):
        raise DataError(f"X has {len(X):,} measurements, but y has the shape {y.shape}.")
    if not (np.isfinite(X).all() and np.isfinite(y).all()):
        raise DataError("X and y must be finite numbers: leave out what is missing.")
    labels = labels_of_rows(np.zeros(len(y)) if environments is None else environments, len(y))
    names = natural_order(set(labels))
    place = {name: e for e, name in enumerate(names)}
    codes = np.array([place[label] for label in labels])
    order = np.argsort(codes, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(codes))])
    return Data(X=X[order], y=y[order], offsets=offsets, names=tuple(names))


def draw_data(
    law: MeasurementLaw,
    matrices: Iterable[Floats],
    n_samples: int,
    noise: float,
    rng: np.random.Generator,
) -> Data:
    """Draw ``n_samples`` measurements of each of the ``matrices`` A* + A^(e), (d, d)."""
    X, y, count = [], [], 0
    for matrix in matrices:
        count += 1
        for n in pieces(law, n_samples, len(matrix)):
            X.append(law.draw(rng, n, len(matrix), np.float64))
            y.append(law.apply(X[-1], matrix) + noise * rng.standard_normal(n))
    return Data(
        X=np.concatenate(X),
        y=np.concatenate(y),
        offsets=n_samples * np.arange(count + 1),
        names=tuple(str(e) for e in range(count)),
    )
