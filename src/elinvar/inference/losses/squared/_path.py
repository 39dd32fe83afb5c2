"""The mean-field path: what leaves the model as disagreement between environments is punished."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import chdtri

from elinvar.inference.problem._linear import LinearProblem, average
from elinvar.inference.problem._linear_algebra import solve
from elinvar.inference.problem._types import Bools, Floats, Places


@dataclass(frozen=True, kw_only=True)
class InvariancePath:
    """Coefficients along the mean-field path.

    Attributes
    ----------
    strength : array of shape (L,)
        Strength of the heterogeneity penalty, increasing; the first is 0 (pooled least squares).
    coef : array of shape (L, n_columns)
        Coefficients in the data's units.
    converged : boolean array of shape (L,)
        Whether the fixed point was reached within the sweeps allowed.
    columns : tuple of str
        Names of the columns.
    standardized : array of shape (L, n_columns)
        Coefficients in pooled standard deviations of target per column: comparable in a picture.
    """

    strength: Floats
    coef: Floats
    converged: Bools
    columns: tuple[str, ...]
    standardized: Floats

    def exit_strength(self, features: Places, n_features: int) -> Floats:
        """Strength from which on each feature is out of the model; infinity if it stays.

        Parameters
        ----------
        features : array of shape (n_columns,)
            Feature of each column.
        n_features : int
        """
        inside = np.zeros((len(self.strength), n_features), dtype=bool)
        for column, feature in enumerate(features):
            inside[:, feature] |= self.coef[:, column] != 0
        last = len(self.strength) - 1 - np.argmax(inside[::-1], axis=0)
        never = ~inside.any(axis=0)
        padded = np.append(self.strength, np.inf)
        return np.where(never, 0.0, padded[last + 1])


@lru_cache
def default_strengths(n: int = 40) -> Floats:
    """Grid of penalty strengths: 0, then geometric from 0.01 to 1000."""
    strengths = np.concatenate([[0.0], np.geomspace(1e-2, 1e3, n - 1)])
    strengths.flags.writeable = False
    return strengths


def invariance_path(
    problem: LinearProblem,
    *,
    strengths: Floats | None = None,
    debias: float | None = None,
    damping: float = 0.3,
    tolerance: float = 1e-3,
    max_sweeps: int = 60,
    start: Floats | None = None,
) -> InvariancePath:
    r"""Follow the fixed point of HeteroSGD's mean field over penalty strengths.

    Each sweep sets, gate after gate,

    .. math:: w_j \leftarrow \mathrm{soft}(r_j, \lambda q_j(w)) / \bar S_{jj}, \qquad
        q_j = \max(0, \mathrm{Var}_e h_{ej} - z\,\overline{\mathrm{se}^2_j})

    with :math:`r_j = \bar S_{jj} w_j - \bar g_j` and :math:`h_{ej}` the marginal slope of
    environment e's residual on column j, of estimated standard error :math:`\mathrm{se}_{ej}`.
    Thresholds move by the part ``damping`` of the way, which calms the limit cycles of the undamped
    iteration, and a gate that has left at one strength stays out at the stronger ones. A gate of
    several columns is thresholded as a group.

    Parameters
    ----------
    problem : LinearProblem
    strengths : array of shape (L,), optional
        Increasing penalty strengths, >= 0.
    debias : float, optional
        The multiple z of the slopes' sampling variance that is not counted as heterogeneity; by
        default the 98% point of chi-squared with E - 1 degrees of freedom, over E - 1.
    damping : float in (0, 1]
        Part of the way that each threshold moves in a sweep.
    tolerance : float
        Converged when in a sweep no standardised coefficient moves by more than this, and no open
        gate's damped threshold is further than this, in units of the coefficient, from its aim.
    max_sweeps : int
    start : array of shape (q,), optional
        Standardised starting point; by default the pooled least-squares solution.

    References
    ----------
    Own derivation from Xu, Gu, Fang (2024), arXiv:2403.01420; see docs/theory.md.
    """
    strengths = default_strengths() if strengths is None else np.asarray(strengths, dtype=float)
    raw, converged = path_coefficients(
        problem,
        strengths,
        debias=debias,
        damping=damping,
        tolerance=tolerance,
        max_sweeps=max_sweeps,
        start=start,
    )
    columns = problem.moments.schema.columns
    standardized = np.zeros((len(strengths), len(columns)))
    standardized[:, problem.columns] = raw[:, problem.offset :]
    coef = np.zeros_like(standardized)
    coef[:, problem.columns] = raw[:, problem.offset :] * (problem.target_scale / problem.scale)
    return InvariancePath(
        strength=strengths,
        coef=coef,
        converged=converged,
        columns=columns,
        standardized=standardized,
    )


@dataclass(frozen=True, kw_only=True)
class PathTable:
    """Moments as paths take them, gate after gate by their covariance with the target.

    The last digits depend on the order of rows, and a cycle would make them grow: they are rounded.

    Attributes
    ----------
    turn : array of shape (q,)
        Columns in the order of the paths.
    gram, cross, power : array of shape (q, q E), (q E,), (E,)
        The environment is the fastest index.
    gates : tuple
        First column, last column + 1, whether it may close, and curvature of each gate.
    start : array of shape (q,)
        Pooled least squares.
    """

    turn: Places
    gram: Floats
    cross: Floats
    power: Floats
    gates: tuple[Places, Places, Bools, Floats]
    start: Floats

    @classmethod
    def of(cls, problem: LinearProblem) -> "PathTable":
        """Lay out the moments of a problem; the order of its columns decides nothing."""
        gates = problem.by_strength
        place = np.argsort(gates)[problem.gate_of[problem.offset :]]
        rank = np.append(-np.ones(problem.offset), place)
        turn = np.argsort(rank, kind="stable")
        gate_of, q = rank[turn], len(turn)
        change = np.append(0, np.flatnonzero(gate_of[1:] != gate_of[:-1]) + 1)
        stop = np.append(change[1:], q)
        gated = np.concatenate([np.zeros(problem.offset, dtype=bool), ~problem.always[gates]])
        pooled = average(problem.weights, problem.gram)
        start = solve(pooled, problem.weights @ problem.cross)[turn]
        pooled = np.round(pooled, 11)[turn[:, None], turn]
        # L of a group, the largest eigenvalue of its pooled block; S_jj of a single column
        curvature = np.array(
            [
                pooled[a, a] if b - a == 1 else np.linalg.eigvalsh(pooled[a:b, a:b])[-1]
                for a, b in zip(change, stop, strict=True)
            ]
        )
        gram = np.round(problem.gram[:, turn[:, None], turn].transpose(1, 2, 0), 11)
        return cls(
            turn=turn,
            gram=np.ascontiguousarray(gram).reshape(q, q * len(problem.count)),
            cross=np.round(problem.cross[:, turn].T.ravel(), 11),
            power=np.round(problem.target_power, 11),
            gates=(change, stop, gated, curvature),
            start=start,
        )


def path_coefficients(
    problem: LinearProblem,
    strengths: Floats,
    *,
    debias: float | None = None,
    damping: float = 0.3,
    tolerance: float = 1e-3,
    max_sweeps: int = 60,
    start: Floats | None = None,
    table: PathTable | None = None,
) -> tuple[Floats, Bools]:
    """Standardised coefficients (L, q) along the path, and which of them converged."""
    from elinvar.inference.kernels._path import follow_path

    if not len(problem.gate_of):
        return np.zeros((len(strengths), 0)), np.ones(len(strengths), dtype=bool)
    if debias is None:
        freedom = max(len(problem.count) - 1, 1)
        # (E - 1) Var_e h / se^2 is chi-squared if slopes are alike: what 2% exceed is noise
        debias = float(chdtri(freedom, 0.02)) / freedom
    table = PathTable.of(problem) if table is None else table
    coef = np.empty((len(strengths), len(table.turn)))
    coef[:, table.turn], sweeps = follow_path(
        table.gram,
        table.cross,
        table.power,
        problem.count,
        problem.weights,
        table.gates,
        strengths,
        debias,
        damping,
        tolerance,
        max_sweeps,
        np.round(table.start if start is None else start[table.turn], 11),
    )
    return coef, sweeps <= max_sweeps


def pooled_solution(problem: LinearProblem) -> Floats:
    """Pooled least squares in standardised columns, shape (q,): the least-norm solution."""
    pooled = average(problem.weights, problem.gram)
    cross = problem.weights @ problem.cross
    return solve(pooled, cross)
