"""Points on the axis of a feature, and the few columns that deviations of its curve are made of."""

from dataclasses import dataclass

import numpy as np

from elinvar.forecast._sample import Floats, Mask, Places, Sample

# points of a numeric feature's curve, between its 2% and 98% quantiles
_POINTS = 15
_ENDS = (0.02, 0.98)
# bends of a deviation, at inner quantiles; none where features are many
_BENDS, _MANY = 3, 40


@dataclass(frozen=True, kw_only=True, eq=False)
class Shape:
    """One feature: points on its axis, and a basis of curves over it.

    Attributes
    ----------
    feature : int
    categorical : bool
    columns : array of int
        Its columns of numbers.
    x : (G,) array
        Points of the curve: values, or positions of levels.
    share : (G,) array
        Share of the rows that belong to each point, environments weighing equally.
    basis : (n, m) array
        Columns of deviations at the rows: mean 0; 0 where the value is missing. Of a number they
        are its line and what bends beside it, each with mean square 1; of a category its levels.
    at : (G, m) array
        The same at the points.
    bends : (m,) array of bool
        Columns that bend.
    """

    feature: int
    categorical: bool
    columns: Places
    x: Floats
    share: Floats
    basis: Floats
    at: Floats
    bends: Mask

    def place(self, X: Floats, point: int) -> None:
        """Put all rows of ``X`` at one point, in place."""
        if self.categorical:
            X[:, self.columns] = 0.0
            X[:, self.columns[point]] = 1.0
        else:
            X[:, self.columns[0]] = self.x[point]


def shape_of(sample: Sample, weight: Floats, feature: int) -> Shape | None:
    """Return the shape of a feature; None where it has one value only.

    Parameters
    ----------
    sample : Sample
    weight : (n,) array
        What each row counts for, with sum 1.
    feature : int
    """
    columns = np.flatnonzero(sample.columns.groups == feature)
    if sample.columns.categorical[feature]:
        return _of_levels(sample, weight, feature, columns)
    return _of_numbers(sample, weight, feature, columns)


def _of_levels(sample: Sample, weight: Floats, feature: int, columns: Places) -> Shape | None:
    levels = np.nan_to_num(sample.X[:, columns])
    share = weight @ levels
    if (share > 0).sum() < 2:
        return None
    share = share / share.sum()
    known = levels.max(axis=1, keepdims=True) > 0
    return Shape(
        feature=feature,
        categorical=True,
        columns=columns,
        x=np.arange(len(columns), dtype=np.float64),
        share=share,
        basis=np.where(known, levels - share, 0.0),
        at=np.eye(len(columns)) - share,
        bends=np.zeros(len(columns), dtype=bool),
    )


def _of_numbers(sample: Sample, weight: Floats, feature: int, columns: Places) -> Shape | None:
    values = sample.X[:, columns[0]]
    known = ~np.isnan(values)
    seen = values[known]
    x = np.unique(seen)
    if len(x) > _POINTS:
        x = np.unique(np.quantile(seen, np.linspace(*_ENDS, _POINTS)))
    if len(x) < 2:
        return None
    edges = (x[1:] + x[:-1]) / 2
    w = np.where(known, weight, 0.0) / weight[known].sum()
    nearest = np.searchsorted(edges, np.where(known, values, x[0]))
    bends = _BENDS if len(x) > 2 and len(sample.columns.features) <= _MANY else 0
    knots = np.unique(np.quantile(x, np.linspace(0, 1, bends + 2)[1:-1]))

    def expand(points: Floats) -> Floats:
        inside = np.clip(points, x[0], x[-1])[:, None]
        return np.hstack([inside, *(np.maximum(inside - knot, 0.0) for knot in knots)])

    raw = expand(np.where(known, values, x[0]))
    raw_mean = w @ raw
    centred = np.where(known[:, None], raw - raw_mean, 0.0)
    # Gram-Schmidt in the rows' own weights: bends are what the line leaves
    whiten = _triangle((centred * w[:, None]).T @ centred)
    basis = centred @ whiten
    return Shape(
        feature=feature,
        categorical=False,
        columns=columns,
        x=x,
        share=np.bincount(nearest, w, len(x)).astype(np.float64),
        basis=basis,
        at=(expand(x) - raw_mean) @ whiten,
        bends=np.arange(basis.shape[1]) > 0,
    )


def _triangle(gram: Floats) -> Floats:
    """Return W, upper triangular, with W' gram W = I; columns that repeat others are left out."""
    kept: list[Floats] = []
    for j in range(len(gram)):
        column = np.zeros(len(gram))
        column[j] = 1.0
        for _ in range(2):
            for other in kept:
                column -= (other @ gram @ column) * other
        size = column @ gram @ column
        if size > 1e-8 * gram[j, j]:
            kept.append(column / np.sqrt(size))
    return np.stack(kept, axis=1) if kept else np.zeros((len(gram), 0))
