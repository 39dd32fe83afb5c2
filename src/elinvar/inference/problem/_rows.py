"""Rows and classes made ready for the learners: standardised, environment after environment."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Unpack

import numpy as np

from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._linear_algebra import RANK
from elinvar.inference.problem._sandwich import Cells
from elinvar.inference.problem._types import Bools, Floats, Places, ProblemOptions

if TYPE_CHECKING:
    from elinvar.environments import Environments, Moments


@dataclass(frozen=True, kw_only=True)
class LogisticProblem:
    """Standardised rows of several environments, environment after environment.

    Attributes
    ----------
    linear : LinearProblem
        The moments of the same rows, with the number of the class as target: how columns are
        centred, scaled and grouped into gates.
    Z : array of shape (1 + p, n)
        Standardised columns; the first is the constant, whatever the intercepts.
    y : integer array of shape (n,)
        Class of each row, from 0.
    weight : array of shape (n,)
        Frequency weights.
    bounds : integer array of shape (E + 1,)
        First row of each environment, and the number of rows.
    n_classes : int
    cells : Cells, optional
        Clusters of the rows, where covariances are to come from them.
    """

    linear: LinearProblem
    Z: Floats
    y: Places
    weight: Floats
    bounds: Places
    n_classes: int
    cells: Cells | None = None

    @classmethod
    def from_rows(
        cls,
        rows: "Environments",
        n_classes: int,
        *,
        moments: "Moments | None" = None,
        robust: bool = False,
        **options: Unpack[ProblemOptions],
    ) -> "LogisticProblem":
        """Standardise rows whose target is the number of the class; see `LinearProblem`.

        ``moments`` are those of the rows, with their columns. With ``robust`` covariances come from
        the rows, in clusters if they have any.
        """
        moments = moments_of(rows) if moments is None else moments
        linear = LinearProblem.from_moments(moments, **options)
        cluster = np.zeros_like(rows.codes) if rows.cluster is None else rows.cluster.codes
        order = np.lexsort((cluster, rows.codes))
        Z = np.empty((1 + len(linear.columns), len(order)))
        Z[0] = 1.0
        Z[1:] = ((rows.X[:, linear.columns] - linear.center) / linear.scale)[order].T
        weight = np.ones(len(order)) if rows.sample_weight is None else rows.sample_weight
        codes, weight = rows.codes[order], np.ascontiguousarray(weight[order], dtype=np.float64)
        bounds = np.searchsorted(codes, np.arange(len(rows.names) + 1))
        cells = None
        if robust:
            own = None if rows.cluster is None else cluster[order]
            cells = Cells.of(codes, own, weight, len(rows.names))
        return cls(
            linear=linear,
            Z=Z,
            y=rows.y[order].astype(np.intp),
            weight=weight,
            bounds=bounds.astype(np.intp),
            n_classes=n_classes,
            cells=cells,
        )

    @property
    def m(self) -> int:
        """Number of classes but the reference."""
        return self.n_classes - 1

    @property
    def count(self) -> Floats:
        """Rows (sum of weights) of each environment, (E,)."""
        return self.linear.count

    @cached_property
    def place(self) -> Places:
        """Environment of each row, (n,)."""
        return np.repeat(np.arange(len(self.count)), np.diff(self.bounds))

    @cached_property
    def present(self) -> Floats:
        """Weight of each class in each environment, (E, n_classes)."""
        flat = self.place * self.n_classes + self.y
        size = len(self.count) * self.n_classes
        table: Floats = np.bincount(flat, self.weight, size).astype(np.float64)
        return table.reshape(-1, self.n_classes)

    @cached_property
    def balanced(self) -> Floats:
        """Weights of rows (n,) that let environments count for their weights, summing to N."""
        # a row of environment e weighs pi_e N / n_e
        each = self.linear.weights * self.count.sum() / self.count
        if np.allclose(each, 1.0, rtol=1e-12, atol=0):
            return self.weight
        weight: Floats = self.weight * each[self.place]
        return weight

    def columns(self, gates: Bools) -> Places:
        """Rows of ``Z`` that a support (n_gates,) takes, the constant first."""
        # a search asks this of the same supports over and over
        key = gates.tobytes()
        if key not in self._columns:
            inside = gates[self.linear.gate_of[self.linear.offset :]]
            self._columns[key] = np.append(0, 1 + np.flatnonzero(inside))
        return self._columns[key]

    @cached_property
    def _columns(self) -> dict[bytes, Places]:
        return {}

    def original(self, coef: Floats) -> tuple[Floats, Floats]:
        """Standardised coefficients (..., m, 1 + p) in the data's units: slopes and intercepts."""
        linear = self.linear
        slopes = np.zeros((*coef.shape[:-1], linear.moments.mean_x.shape[1]))
        slopes[..., linear.columns] = coef[..., 1:] / linear.scale
        return slopes, coef[..., 0] - slopes[..., linear.columns] @ linear.center

    @cached_property
    def within_classes(self) -> tuple[Floats, Floats]:
        """Means by environment and class (E, K, 1 + p), and scatter within (E, 1 + p, 1 + p)."""
        E, q = len(self.count), len(self.Z)
        means, scatter = np.zeros((E, self.n_classes, q)), np.zeros((E, q, q))
        for e in range(E):
            rows = slice(self.bounds[e], self.bounds[e + 1])
            Z, y, weight = self.Z[:, rows], self.y[rows], self.weight[rows]
            share = (y == np.arange(self.n_classes)[:, None]) * weight
            means[e] = share @ Z.T / np.maximum(share.sum(axis=1), 1e-300)[:, None]
            off = Z - means[e][y].T
            # a mean for each class has been fitted
            scatter[e] = (off * weight) @ off.T / max(self.count[e] - self.n_classes, 1.0)
        varies = np.einsum("ejj->ej", scatter) > RANK**2  # what is constant but for rounding
        return means, scatter * (varies[:, :, None] & varies[:, None, :])


def moments_of(rows: "Environments") -> "Moments":
    """Moments of rows with the rows' own columns: those of levels that occur nowhere are 0."""
    moments, p = rows.moments(), rows.X.shape[1]
    at = moments.schema.position_in(rows.schema)
    if len(at) == p:
        return moments
    E = len(moments.names)
    mean, inner, cross = np.zeros((E, p)), np.zeros((E, p, p)), np.zeros((E, p))
    mean[:, at], cross[:, at] = moments.mean_x, moments.cov_xy
    inner[:, at[:, None], at] = moments.cov_xx
    return replace(moments, schema=rows.schema, mean_x=mean, cov_xx=inner, cov_xy=cross)
