"""Regression trees whose splits are judged in every environment."""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from elinvar.baselines._regressor import Floats

Bins = NDArray[np.intp]
Criterion = Callable[[Floats, Floats, Floats, Floats], Floats]
"""Sums and counts (p, B, E) left and right of every cut in; what to maximise (p, B) out."""

_MOST_BINS = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Tree:
    """A regression tree.

    Attributes
    ----------
    feature : (m,) array of intp
        Column that a node splits on; -1 at a leaf.
    threshold : (m,) array
        Rows up to it go left.
    left, right : (m,) array of intp
        Children.
    value : (m,) array
        Of leaves.
    """

    feature: Bins
    threshold: Floats
    left: Bins
    right: Bins
    value: Floats

    def predict(self, X: Floats) -> Floats:
        """Return values (n,) of rows (n, p)."""
        at = np.zeros(len(X), dtype=np.intp)
        while (inner := np.flatnonzero(self.feature[at] >= 0)).size:
            node = at[inner]
            low = X[inner, self.feature[node]] <= self.threshold[node]
            at[inner] = np.where(low, self.left[node], self.right[node])
        return self.value[at]


class EraGrower:
    """Grows trees on rows in bins, the best split of all leaves first.

    A split leaves rows of every environment on both sides.

    Parameters
    ----------
    X : (n, p) array
    codes : (n,) array of intp
        Environment of each row.
    criterion : callable
        Takes sums and counts (p, B, E) left and right of all cuts; returns what to maximise.
    max_leaf_nodes, max_depth, min_samples_leaf : int
        Of a tree.
    """

    def __init__(
        self,
        X: Floats,
        codes: Bins,
        criterion: Criterion,
        *,
        max_leaf_nodes: int,
        max_depth: int,
        min_samples_leaf: int,
    ) -> None:
        self._criterion, self._codes = criterion, codes
        self._leaves, self._depth, self._fewest = max_leaf_nodes, max_depth, min_samples_leaf
        self._cuts = [_cuts(column) for column in X.T]
        binned = [np.searchsorted(cut, x) for cut, x in zip(self._cuts, X.T, strict=True)]
        B, E, p = _MOST_BINS, int(codes.max()) + 1, X.shape[1]
        self._shape = (p, B, E)
        # one number for each (column, bin, environment), so that one bincount fills a histogram
        place = (np.arange(p) * B)[:, None] + np.array(binned)
        self._cell = (place * E + codes).T
        self._bin = np.array(binned).T

    def grow(self, target: Floats) -> tuple[Tree, Floats]:
        """Return a tree on ``target``, and its values for the rows (n,).

        Parameters
        ----------
        target : (n,) array
        """
        nodes: list[list[float]] = []
        rows_of: dict[int, Bins] = {}
        open_: list[tuple[float, int, int, int, int]] = []

        def add(rows: Bins, depth: int) -> int:
            node = len(nodes)
            nodes.append([-1, 0.0, 0, 0, float(target[rows].mean())])
            rows_of[node] = rows
            if depth < self._depth and (best := self._best(rows, target[rows])) is not None:
                heappush(open_, (-best[0], node, depth, best[1], best[2]))
            return node

        add(np.arange(len(target)), 0)
        n_leaves = 1
        while open_ and n_leaves < self._leaves:
            _, node, depth, feature, cut = heappop(open_)
            rows = rows_of.pop(node)
            low = self._bin[rows, feature] <= cut
            left, right = add(rows[low], depth + 1), add(rows[~low], depth + 1)
            nodes[node][:4] = feature, float(self._cuts[feature][cut]), left, right
            n_leaves += 1
        fitted = np.empty(len(target))
        for node, rows in rows_of.items():
            fitted[rows] = nodes[node][4]
        feature, threshold, left, right, value = np.array(nodes).T
        tree = Tree(
            feature=feature.astype(np.intp),
            threshold=threshold,
            left=left.astype(np.intp),
            right=right.astype(np.intp),
            value=value,
        )
        return tree, fitted

    def _best(self, rows: Bins, target: Floats) -> tuple[float, int, int] | None:
        """Return gain, column and bin of the best cut, if there is one."""
        if len(rows) < 2 * self._fewest:
            return None
        p, B, E = self._shape
        cell = self._cell[rows].ravel()
        count = np.bincount(cell, minlength=p * B * E).reshape(p, B, E)
        total = np.bincount(cell, np.repeat(target, p), p * B * E).reshape(p, B, E)
        low, low_count = total.cumsum(axis=1), count.cumsum(axis=1).astype(np.float64)
        high, high_count = low[:, -1:] - low, low_count[:, -1:] - low_count
        allowed = ((low_count > 0) & (high_count > 0)).all(axis=2)
        fewest = np.minimum(low_count.sum(axis=2), high_count.sum(axis=2))
        allowed &= fewest >= self._fewest
        if not allowed.any():
            return None
        low_count, high_count = np.maximum(low_count, 1.0), np.maximum(high_count, 1.0)
        gain = np.where(allowed, self._criterion(low, high, low_count, high_count), -np.inf)
        feature, cut = np.unravel_index(int(np.argmax(gain)), gain.shape)
        best = float(gain[feature, cut])
        return (best, int(feature), int(cut)) if best > 0 else None


def _cuts(column: Floats) -> Floats:
    """Return where a column is cut: between its values, or at quantiles if they are many."""
    values = np.unique(column)
    if len(values) <= _MOST_BINS:
        return (values[1:] + values[:-1]) / 2
    inner = np.linspace(0, 1, _MOST_BINS + 1)[1:-1]
    return np.unique(np.quantile(column, inner, method="lower"))
