"""Rows as learners take them: columns of numbers, values that may be missing, one environment."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Mask = NDArray[np.bool_]

Made = TypeVar("Made")


@dataclass(frozen=True, kw_only=True, eq=False)
class Columns:
    """What the columns of numbers are.

    Attributes
    ----------
    features : tuple of str
        Features, in order.
    groups : (n_columns,) array of int
        Feature that each column belongs to, increasing; a categorical feature has one column of
        0 and 1 for each of its levels, NaN in all of them where the value is missing.
    categorical : (n_features,) array of bool
    """

    features: tuple[str, ...]
    groups: Places
    categorical: Mask

    def take(self, features: Mask) -> "Columns":
        """Return some of the features.

        Parameters
        ----------
        features : (n_features,) array of bool
        """
        at = np.flatnonzero(features)
        kept = features[self.groups]
        return Columns(
            features=tuple(self.features[j] for j in at),
            groups=np.searchsorted(at, self.groups[kept]).astype(np.intp),
            categorical=self.categorical[features],
        )

    @cached_property
    def first(self) -> Places:
        """First column of each feature, (n_features,)."""
        return np.searchsorted(self.groups, np.arange(len(self.features))).astype(np.intp)

    def codes(self, X: Floats) -> Floats:
        """Return one column a feature, as trees take them.

        Parameters
        ----------
        X : (n, n_columns) array

        Returns
        -------
        (n, n_features) array
            Numbers as they are, categories as the position of their level: 0, 1, ...; NaN where a
            value is missing, or of no level seen in training.
        """
        coded: Floats = X[:, self.first].copy()
        for j in np.flatnonzero(self.categorical):
            levels = X[:, self.groups == j]
            place = levels.argmax(axis=1).astype(np.float64)
            # a missing value is NaN in all columns; one of no level is 0 in all
            coded[:, j] = np.where(levels.max(axis=1) > 0, place, np.nan)
        return coded


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """Rows to learn from.

    Attributes
    ----------
    X : (n, n_columns) array
        Columns of numbers; NaN where a value is missing.
    y : (n,) array
        Target: numbers, or the position of the class, 0, 1, ....
    codes : (n,) array of intp
        Environment of each row, 0 ... E - 1; environments without rows may occur.
    weight : (n,) array
        Weight of each row, positive.
    columns : Columns
    n_classes : int
        Number of classes; 0 where the target is a number.
    shared, learnt : dict
        What was made of the columns, and what was learnt of the target, to be used again: see
        `once`, and `learners.fit_once`.
    """

    X: Floats
    y: Floats
    codes: Places
    weight: Floats
    columns: Columns
    n_classes: int = 0
    shared: dict[Hashable, Any] = field(default_factory=dict, repr=False)
    learnt: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.y)

    def once(self, key: Hashable, make: "Callable[[Sample], Made]") -> Made:
        """Return what is made of columns, environments and weights, and make it only once.

        Learners share steps that do not look at the target: the binning of trees, a basis.

        Parameters
        ----------
        key : hashable
            What is made.
        make : callable
            Given the sample.
        """
        if key not in self.shared:
            self.shared[key] = make(self)
        made: Made = self.shared[key]
        return made

    def rows(self, which: Mask | Places) -> "Sample":
        """Return some of the rows.

        Parameters
        ----------
        which : array of bool or int
        """
        return replace(
            self,
            X=self.X[which],
            y=self.y[which],
            codes=self.codes[which],
            weight=self.weight[which],
            shared={},
            learnt={},
        )

    def features(self, which: Mask) -> "Sample":
        """Return all rows of some of the features.

        Parameters
        ----------
        which : (n_features,) array of bool
        """
        return replace(
            self,
            X=self.X[:, which[self.columns.groups]],
            columns=self.columns.take(which),
            shared={},
            learnt={},
        )

    def aimed_at(self, y: Floats) -> "Sample":
        """Return the same rows with another target, a number: residuals, to be learnt in turn.

        Parameters
        ----------
        y : (n,) array
        """
        return replace(self, y=y, n_classes=0, learnt={})
