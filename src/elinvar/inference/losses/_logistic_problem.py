"""Rows and classes made ready for logistic regression on supports, and what their fits say."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, chdtri, ndtr

from elinvar.inference.effects._refit import agreement_p_value
from elinvar.inference.problem._linear import Floats, LinearProblem
from elinvar.inference.problem._linear_algebra import RANK, pseudo_inverses, ranks
from elinvar.inference.tests._overidentification import noncentrality_limit

if TYPE_CHECKING:
    from elinvar.environments import Environments

Bools = NDArray[np.bool_]

RIDGE = 1e-4
"""Keeps coefficients finite where classes are separated; elsewhere it is far below the noise."""

_ENOUGH = 10
_OUTSIDE = 1e-6


@dataclass(frozen=True, kw_only=True)
class LogisticProblem:
    """Standardised rows of several environments, environment after environment.

    Attributes
    ----------
    linear : LinearProblem
        The moments of the same rows, with the number of the class as target: how columns are
        centred, scaled and grouped into gates.
    Z : array of shape (q, n)
        Standardised columns; the first is the constant.
    y : integer array of shape (n,)
        Class of each row, from 0.
    weight : array of shape (n,)
        Frequency weights.
    bounds : integer array of shape (E + 1,)
        First row of each environment, and the number of rows.
    n_classes : int
    columns : integer array of shape (q - 1,)
        Column of the rows behind each standardised one but the constant: the moments know no levels
        that occur nowhere, the rows of a part of the environments still have their columns.
    n_columns : int
        Of the rows.
    """

    linear: LinearProblem
    Z: Floats
    y: NDArray[np.intp]
    weight: Floats
    bounds: NDArray[np.intp]
    n_classes: int
    columns: NDArray[np.intp]
    n_columns: int

    @classmethod
    def from_rows(
        cls, rows: "Environments", n_classes: int, *, always: Bools, min_t: float
    ) -> "LogisticProblem":
        """Standardise rows whose target is the number of the class."""
        moments = rows.moments()
        linear = LinearProblem.from_moments(moments, always=always, min_t=min_t)
        columns = moments.schema.position_in(rows.schema)[linear.columns]
        order = np.argsort(rows.codes, kind="stable")
        Z = np.empty((1 + len(linear.columns), len(order)))
        Z[0] = 1.0
        Z[1:] = ((rows.X[:, columns] - linear.center) / linear.scale)[order].T
        weight = np.ones(len(order)) if rows.sample_weight is None else rows.sample_weight
        bounds = np.searchsorted(rows.codes[order], np.arange(len(rows.names) + 1))
        return cls(
            linear=linear,
            Z=Z,
            y=rows.y[order].astype(np.intp),
            weight=np.ascontiguousarray(weight[order], dtype=np.float64),
            bounds=bounds.astype(np.intp),
            n_classes=n_classes,
            columns=columns,
            n_columns=rows.X.shape[1],
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
    def present(self) -> Floats:
        """Weight of each class in each environment, (E, n_classes)."""
        place = np.repeat(np.arange(len(self.count)), np.diff(self.bounds))
        flat = place * self.n_classes + self.y
        size = len(self.count) * self.n_classes
        table: Floats = np.bincount(flat, self.weight, size).astype(np.float64)
        return table.reshape(-1, self.n_classes)

    @property
    def needed(self) -> Floats:
        """Smallest likelihood ratio statistic of a needed gate of d columns, by d."""
        widest = self.m * len(self.linear.needed)
        points: Floats = chdtri(np.arange(widest + 1.0), 2 * ndtr(-self.linear.min_t))
        return np.maximum(points, 1e-300)

    def width(self, gate: int | np.intp) -> int:
        """Coefficients behind a gate."""
        return int((self.linear.gate_of == gate).sum()) * self.m

    def slopes(self, coef: Floats) -> tuple[Floats, Floats]:
        """Standardised coefficients (m, q) in the data's units: (m, n_columns) and (m,)."""
        linear = self.linear
        slopes = np.zeros((len(coef), self.n_columns))
        slopes[:, self.columns] = coef[:, 1:] / linear.scale
        return slopes, coef[:, 0] - slopes[:, self.columns] @ linear.center

    def freedom(self, columns: Bools) -> float:
        """Degrees of freedom of equal coefficients everywhere, for a mask over columns (q,)."""
        classes = (self.present > 0).sum(axis=1) - 1.0
        size = float(columns.sum())
        own, common = np.full(len(self.count), size), size
        if not self._full_rank:
            grams = self.linear.gram[:, columns][:, :, columns]
            own = ranks(pseudo_inverses(grams)[1])
            common = float(ranks(pseudo_inverses(grams.sum(axis=0))[1]))
        return max(float(own @ classes) - common * self.m, 0.0)

    @cached_property
    def _full_rank(self) -> bool:
        return bool((ranks(pseudo_inverses(self.linear.gram)[1]) == len(self.Z)).all())

    @cached_property
    def within(self) -> tuple[Floats, Floats]:
        """Means by environment and class (E, K, q), and scatter within classes (E, q, q)."""
        E, q = len(self.count), len(self.Z)
        means, scatter = np.zeros((E, self.n_classes, q)), np.zeros((E, q, q))
        for e in range(E):
            rows = slice(self.bounds[e], self.bounds[e + 1])
            Z, y, weight = self.Z[:, rows], self.y[rows], self.weight[rows]
            share = (y == np.arange(self.n_classes)[:, None]) * weight
            means[e] = share @ Z.T / np.maximum(share.sum(axis=1), 1e-300)[:, None]
            off = Z - means[e][y].T
            scatter[e] = (off * weight) @ off.T / max(self.count[e] - self.n_classes, 1.0)
        varies = np.einsum("ejj->ej", scatter) > RANK**2  # what is constant but for rounding
        return means, scatter * (varies[:, :, None] & varies[:, None, :])


@dataclass(frozen=True, kw_only=True, eq=False)
class Support:
    """One support, fitted in each environment and over all of them.

    Attributes
    ----------
    gates : boolean array of shape (n_gates,)
    coef : array of shape (m, q)
        Maximum likelihood over all rows, standardised.
    own : array of shape (E, m, q)
        The same for each environment's rows.
    deviance : float
        Twice the log loss over all rows.
    worst : float
        Largest mean log loss of ``coef`` in any environment.
    statistic, freedom, p_value : float
        Of the overidentification test.
    limit : float
        Upper 95% limit of its noncentrality.
    separated : boolean array of shape (E,)
        Environments whose own fit makes no mistake, so that its coefficients have no bound.
    by_discriminant : bool
        Whether coefficients were compared as normal discriminants, classes being separated.
    """

    gates: Bools
    coef: Floats
    own: Floats
    deviance: float
    worst: float
    statistic: float
    freedom: float
    p_value: float
    limit: float
    separated: Bools
    by_discriminant: bool

    @property
    def excess(self) -> float:
        """Estimated noncentrality of the test."""
        return max(self.statistic - self.freedom, 0.0)


class LogisticFit(NamedTuple):
    """Maximum likelihood for one support.

    Attributes
    ----------
    coef : array of shape (m, q)
        Over all rows.
    loss : array of shape (E,)
        Its log loss in each environment, summed.
    own : array of shape (E, m, q)
        Over each environment's rows; ``coef`` where that was not asked for.
    own_loss, mistakes : arrays of shape (E,)
        Log loss of ``own``, and weight of the rows that it gets wrong.
    """

    coef: Floats
    loss: Floats
    own: Floats
    own_loss: Floats
    mistakes: Floats


def fit_gates(problem: LogisticProblem, gates: Bools, *, own: bool = True) -> list[LogisticFit]:
    """Fit supports (M, n_gates) to all rows and, if ``own``, to those of each environment."""
    from elinvar.inference.kernels._logistic import mistakes, newton, objective

    E, m, (q, n) = len(problem.count), problem.m, problem.Z.shape
    data = (problem.Z, problem.y, problem.weight)
    prob, work = np.empty((m, n)), np.empty((2, n))
    fits = []
    for mask in problem.linear.column_masks(gates):
        columns = np.flatnonzero(mask)
        common = np.zeros((m, len(columns)))
        newton(*data, 0, n, columns, RIDGE, common, prob, work)
        loss, own_loss, wrong = np.empty(E), np.zeros(E), np.zeros(E)
        coef, each = np.zeros((m, q)), np.zeros((E, m, q))
        coef[:, columns] = common
        for e, (lo, hi) in enumerate(pairwise(problem.bounds.tolist())):
            loss[e] = objective(*data, lo, hi, columns, common, prob)
            mine = common.copy()
            if own:
                own_loss[e] = newton(*data, lo, hi, columns, RIDGE, mine, prob, work)
                wrong[e] = mistakes(problem.y, problem.weight, lo, hi, prob)
            each[e][:, columns] = mine
        fits.append(LogisticFit(coef, loss, each, own_loss, wrong))
    return fits


def left_out_fits(
    problem: LogisticProblem, gates: Bools, start: Floats | None = None
) -> tuple[Floats, Floats]:
    """Coefficients of a support without each environment (E, m, q), and mean log losses there."""
    from elinvar.inference.kernels._logistic import newton, objective

    columns = np.flatnonzero(problem.linear.column_masks(gates[None])[0])
    E, m, (q, n) = len(problem.count), problem.m, problem.Z.shape
    coefs, loss = np.zeros((E, m, q)), np.empty(E)
    prob, work = np.empty((m, n)), np.empty((2, n))
    for e, (lo, hi) in enumerate(pairwise(problem.bounds.tolist())):
        coef = np.zeros((m, len(columns)))
        if start is not None:
            coef[:] = start[:, columns]
        others = problem.weight.copy()
        others[lo:hi] = 0.0
        newton(problem.Z, problem.y, others, 0, n, columns, RIDGE, coef, prob, work)
        loss[e] = objective(problem.Z, problem.y, problem.weight, lo, hi, columns, coef, prob)
        coefs[e][:, columns] = coef
    return coefs, loss / problem.count


def informations(problem: LogisticProblem, gates: Bools, coefs: Floats) -> Floats:
    """Fisher information of a support at each environment's coefficients, (E, m k, m k)."""
    from elinvar.inference.kernels._logistic import curvature, objective

    columns = np.flatnonzero(problem.linear.column_masks(gates[None])[0])
    size, n = problem.m * len(columns), len(problem.y)
    found = np.empty((len(coefs), size, size))
    prob, work = np.empty((problem.m, n)), np.empty((2, n))
    for e, (lo, hi) in enumerate(pairwise(problem.bounds.tolist())):
        coef = np.ascontiguousarray(coefs[e][:, columns])
        objective(problem.Z, problem.y, problem.weight, lo, hi, columns, coef, prob)
        curvature(problem.Z, problem.weight, lo, hi, columns, prob, found[e], work)
    return found


def assess_gates(problem: LogisticProblem, gates: Bools) -> list[Support]:
    r"""Fit and test every support in ``gates`` (M, n_gates).

    The test is that of the likelihood ratio,

    .. math:: Q = 2 \sum_e \bigl[\ell_e(w_e) - \ell_e(w)\bigr] \sim \chi^2_f, \qquad f = (E-1)\,k,

    with k coefficients, :math:`w_e` the maximum of the environment's own log likelihood and w that
    of all together: to first order it is :math:`\sum_e (w_e - w)^\top P_e (w_e - w)`, with
    :math:`P_e` the Fisher information. Where an environment's classes are separated its likelihood
    has no maximum and cannot tell; see `discriminant_p_value`.
    """
    supports = []
    for mask, fit in zip(gates, fit_gates(problem, gates), strict=True):
        columns = problem.linear.column_masks(mask[None])[0]
        freedom = problem.freedom(columns)
        statistic = max(2.0 * float((fit.loss - fit.own_loss).sum()), 0.0)
        p_value = float(chdtrc(freedom, statistic)) if freedom > 0 else 1.0
        separated = fit.mistakes <= 0
        able = problem.present.min(axis=1) >= _ENOUGH * columns.sum()
        other = None
        if (separated & able).any() and mask.any():
            other = discriminant_p_value(problem, columns)
            if other is not None:
                p_value, freedom = other
                statistic = float(chdtri(freedom, max(p_value, 1e-300)))
        limit = noncentrality_limit(np.array([statistic]), np.array([freedom]))
        supports.append(
            Support(
                gates=mask,
                coef=fit.coef,
                own=fit.own,
                deviance=2.0 * float(fit.loss.sum()),
                worst=float((fit.loss / problem.count).max()),
                statistic=statistic,
                freedom=freedom,
                p_value=p_value,
                limit=float(limit[0]),
                separated=separated,
                by_discriminant=other is not None,
            )
        )
    return supports


def discriminant_p_value(problem: LogisticProblem, columns: Bools) -> tuple[float, float] | None:
    r"""p-value and freedom of equal slopes everywhere, by normal discriminants.

    If features are normal within classes, the slopes of the log odds of class c are
    :math:`w_c = \Sigma^{-1} d_c`, with :math:`d_c` the difference of means to the reference, and
    they are known even where classes are separated:

    .. math:: \mathrm{Cov}(w_c, w_d) \approx \Sigma^{-1} \Bigl( \frac{\delta_{cd}}{n_c} +
        \frac{1}{n_0} + \frac{d_c^\top \Sigma^{-1} d_d}{\nu} \Bigr) + \frac{w_d w_c^\top}{\nu}.

    An environment in which a column is constant, or a combination of others, compares the slopes
    that it can tell; one whose classes differ in a direction that varies in none of them tells
    nothing. Returns None if fewer than two environments can tell, or have the rows for it.

    References
    ----------
    B. Efron, "The efficiency of logistic regression compared to normal discriminant analysis",
    JASA 70 (1975), for two classes; the covariance is that of a Wishart matrix's inverse.
    """
    inside = columns.copy()
    inside[0] = False
    k, m = int(inside.sum()), problem.m
    means, scatter = problem.within
    own, covariances, freedom, alike = [], [], [], []
    for e, rows in enumerate(problem.present):
        nu = float(rows.sum()) - problem.n_classes - k
        if rows.min() < 2 or nu < _ENOUGH:
            continue
        sigma = scatter[e][inside][:, inside]
        inverse, told = pseudo_inverses(sigma)
        d = means[e][1:, inside] - means[e][0, inside]
        w = d @ inverse
        if not told.any() or (np.abs(d - w @ sigma) > _OUTSIDE * np.abs(d).max()).any():
            continue
        spread = np.diag(1.0 / rows[1:]) + 1.0 / rows[0] + (w @ d.T) / nu
        covariance = np.einsum("cd,jk->cjdk", spread, inverse)
        covariance += np.einsum("dj,ck->cjdk", w, w) / nu
        known = told > 1 - _OUTSIDE
        covariance *= known[:, None, None] & known
        own.append(w.ravel())
        covariances.append(covariance.reshape(m * k, m * k))
        freedom.append(nu)
        alike.append(known)
    if len(own) < 2:
        return None
    p_value = agreement_p_value(np.array(own), np.array(covariances), np.array(freedom))
    both = np.array(alike)
    equations = float(m * (both.sum() - both.any(axis=0).sum()))
    return (p_value, equations) if equations > 0 else None
